"""Files and answers of the package and the command line are the same, in both directions."""

import json
import os
import subprocess

import numpy
import pytest
import servers
from conftest import DIMENSIONS
from servers import BINARY

import hushvec

servers.require()


def run(*arguments):
    environment = os.environ | {"HUSHVEC_PASSPHRASE": "correct horse"}
    command = [BINARY, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def answers(results):
    """Returns ids and distances from the command line's JSON."""
    rows = [result["neighbours"] for result in json.loads(results)["results"]]
    return [[one["id"] for one in row] for row in rows], [[one["distance"] for one in row] for row in rows]


@pytest.fixture
def queries(rows):
    return rows[3:6] ^ (numpy.arange(DIMENSIONS) % 7 == 0).astype(numpy.uint8)


@pytest.mark.parametrize("scheme", ["paillier", "paillier_subgroup", "paillier_lookup"])
def test_python_reads_files_of_the_command_line(scheme, rows, queries, tmp_path):
    numpy.save(tmp_path / "rows.npy", rows)
    numpy.save(tmp_path / "queries.npy", queries)
    ctx, public, index, query, response = (tmp_path / name for name in ("ctx.json", "public.json", "i.hvx", "q.hvq", "r.hvr"))
    run("context", "new", "-o", ctx, "--scheme", scheme, "--embedding-length", DIMENSIONS)
    run("context", "public", ctx, "-o", public)
    run("encrypt", ctx, tmp_path / "rows.npy", "-o", index)
    run("encrypt-query", ctx, tmp_path / "queries.npy", "-o", query)
    run("aggregate", public, index, query, "-o", response)
    expected = answers(run("decode", ctx, response, "-k", 5, "--json"))

    context = hushvec.ExecutionContext.load_from_disk("correct horse", ctx)
    shown = json.loads(run("context", "show", ctx, "--json"))
    assert (context.id, context.public_id) == (shown["id"], shown["public_id"])
    evaluator = hushvec.Evaluator(path=public)
    assert evaluator.public_id == context.public_id
    combined = evaluator.aggregate(evaluator.load_query(query), hushvec.Index(index), tmp_path / "again.hvr")
    # Aggregation is deterministic, so the files are equal.
    assert combined.path.read_bytes() == response.read_bytes()
    for ids, distances in (
        combined.nearest(context, 5),
        hushvec.Response(response).nearest(context, 5),
        hushvec.Index(index).nearest(context, queries, 5),
    ):
        assert (ids.tolist(), distances.tolist()) == expected
    run("index", "export", public, index, "-o", tmp_path / "exported.npy")
    ids, stored = hushvec.Index(index).export(evaluator)
    assert (stored == numpy.load(tmp_path / "exported.npy")).all() and ids.tolist() == list(range(40))


def test_the_command_line_reads_files_of_python(subgroup, rows, queries, tmp_path):
    ctx, index, query = tmp_path / "ctx.json", tmp_path / "i.hvx", tmp_path / "q.hvq"
    subgroup.save_to_disk(ctx)
    (tmp_path / "public.json").write_text(subgroup.public_context())
    names = [f"row {number}" for number in range(40)]
    with hushvec.IndexWriter(index, subgroup) as writer:
        writer.append(rows, names)
    subgroup.encrypt_query(queries).save(query)
    run("aggregate", tmp_path / "public.json", index, query, "-o", tmp_path / "r.hvr")
    ids, distances = answers(run("decode", ctx, tmp_path / "r.hvr", "-k", 5, "--json"))
    found = hushvec.Index(index).nearest(subgroup, queries, 5)
    assert (found[0].tolist(), found[1].tolist()) == (ids, distances)
    run("index", "verify", tmp_path / "public.json", index)
