"""`hushvec push`, `hushvec search` and `HttpStore` against `hushvec serve`, and against servers that fail."""

import asyncio
import itertools
import json
import os
import re
import signal
import threading
import warnings

import numpy
import pytest
import servers
from conftest import DIMENSIONS
from desks import PASSPHRASE, Desk, failing_server

import hushvec

if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("xtrace_sdk", reason="xtrace-ai-sdk is not installed")
    pytest.importorskip("trustme")
import trustme  # noqa: E402
import xtrace_sdk.x_vec.utils.execution_context as sdk  # noqa: E402
from xtrace_sdk.integrations.xtrace import XTraceIntegration  # noqa: E402

servers.require()

WORDS = ["ant", "bee", "cat", "dog", "eel"]
# Contexts of both formats: name, scheme.
KINDS = {"native": "paillier_subgroup", "xtrace": "paillier"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with servers.Server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def desk(kind, server, rows, tmp_path_factory):
    """A context, an index without vector 3, two queries, and a knowledge base with its content."""
    desk = Desk(tmp_path_factory.mktemp(kind), server.url, server.admin_key)
    desk.kind = kind
    numpy.save(desk.folder / "rows.npy", rows)
    # The signs are the vectors, and the rest decides between those that are equally near.
    reals = (rows * 2.0 - 1) * numpy.random.default_rng(5).uniform(0.1, 1, rows.shape)
    numpy.save(desk.folder / "reals.npy", reals.astype(numpy.float32))
    numpy.save(desk.folder / "query.npy", rows[[7, 20]] ^ (numpy.arange(DIMENSIONS) % 9 == 0))
    desk.run("context", "new", "-o", "ctx.json", "--embedding-length", DIMENSIONS, "--scheme", KINDS[kind], "--format", kind)
    desk.run("context", "public", "ctx.json", "-o", "public.json")
    desk.run("encrypt", "ctx.json", "rows.npy", "-o", "index.hvx")
    desk.run("index", "delete", "index.hvx", 3)
    with open(desk.folder / "chunks.jsonl", "w") as file:
        # Not in the order of the index, and with one too many.
        for number in reversed(range(len(rows))):
            record = {"id": number, "vector": [0.5], "content": f"note {number}\nüber {WORDS[number % 5]}", "meta_data": {"tag1": WORDS[number % 5]}}
            file.write(json.dumps(record) + "\n\n")
    desk.pushed = desk.push("ctx.json", "index.hvx", "--create-kb", f"notes-{kind}", "--chunks", "chunks.jsonl", "--rerank-with", "reals.npy")
    desk.kb = desk.pushed["kb_id"]
    return desk


def found_ids(neighbours):
    return [(one["id"], one["distance"]) for one in neighbours]


def test_a_server_finds_what_an_owner_finds_at_home(desk, rows):
    assert (desk.pushed["stored"], desk.pushed["skipped"], desk.pushed["total"]) == (39, 0, 39)
    at_home = json.loads(desk.run("query", "ctx.json", "index.hvx", "query.npy", "--json", "-k", 50))["results"]
    found = desk.search("ctx.json", "query.npy", "--kb", desk.kb, "-k", 50)
    assert len(found) == 2 and len(found[0]["neighbours"]) == 39
    for there, here in zip(found, at_home, strict=True):
        assert found_ids(there["neighbours"]) == [(one["id"], one["distance"]) for one in here["neighbours"]]
        # Chunks are numbered as they arrive, and vector 3 did not.
        assert all(one["chunk"] == one["id"] + (one["id"] < 3) for one in there["neighbours"])
        # Nothing else was asked for, so that the server does not learn what was found.
        assert set(there["neighbours"][0]) == {"id", "chunk", "distance"}
    found = desk.search("ctx.json", "query.npy", "--kb", desk.kb, "-k", 3, "--names")[0]["neighbours"]
    assert [one["name"] for one in found] == [str(one["id"]) for one in found] and "content" not in found[0]


def test_content_is_sealed_on_the_server_and_opened_here(desk, server):
    found = desk.search("ctx.json", "query.npy", "--kb", desk.kb, "-k", 3, "--content")[0]["neighbours"]
    for one in found:
        number = one["id"]
        assert one["name"] == str(number) and one["content"] == f"note {number}\nüber {WORDS[number % 5]}" and one["meta_data"] == {"tag1": WORDS[number % 5]}
    status, chunks = server.call("GET", f"/v1/chunk/default?chunk_ids=1&kb_id={desk.kb}")
    assert status == 200 and "note" not in chunks[0]["chunk_content"]
    text = desk.run("search", "ctx.json", "query.npy", "--server", desk.url, "--kb", desk.kb, "-k", 3, "--content")
    assert re.search(r"rank +chunk +distance +id\n +1 +7 +\d+ +7\n +note 7 über cat\n", text)


def test_filters_and_ranges(desk):
    found = desk.search("ctx.json", "query.npy", "--kb", desk.kb, "--filter", '{"tag1": {"$in": ["ant", "bee"]}}', "-k", 99)
    assert {one["id"] for one in found[0]["neighbours"]} == {i for i in range(40) if i % 5 < 2}
    found = desk.search("ctx.json", "query.npy", "--kb", desk.kb, "--range", "1-5", "--filter", '{"tag1": "ant"}')
    assert {one["chunk"] for one in found[1]["neighbours"]} == {1, 5}
    assert desk.search("ctx.json", "query.npy", "--kb", desk.kb, "--filter", '{"tag1": "fox"}')[0]["neighbours"] == []
    assert "$nope" in desk.search("ctx.json", "query.npy", "--kb", desk.kb, "--filter", '{"tag1": {"$nope": 1}}', code=1)
    for wrong in (["--filter", "{"], ["--range", "5-1"]):
        desk.search("ctx.json", "query.npy", "--kb", desk.kb, *wrong, code=2)


def test_stored_contexts_load(desk, kind, server):
    async def load():
        store = hushvec.HttpStore(server.url, "default", server.admin_key)
        ours = await hushvec.ExecutionContext.load_from_remote(PASSPHRASE, desk.pushed["context_id"], store)
        assert ours == hushvec.ExecutionContext.load_from_disk(PASSPHRASE, desk.folder / "ctx.json")
        if kind == "xtrace":
            async with XTraceIntegration(org_id="default", api_key=server.admin_key, api_url=server.url) as client:
                theirs = await sdk.ExecutionContext.load_from_remote(PASSPHRASE, desk.pushed["context_id"], client)
                assert theirs.hash() == ours.hash() == theirs.id

    asyncio.run(load())


def test_a_public_context_pushes_to_a_context_that_is_there(desk):
    arguments = ("public.json", "index.hvx", "--kb", desk.kb)
    assert "--context-id" in desk.push(*arguments, code=2, passphrase=None)
    assert "content and embeddings are sealed" in desk.push(*arguments, "--chunks", "chunks.jsonl", code=2, passphrase=None)
    assert "there is no context elsewhere" in desk.push(*arguments, "--context-id", "elsewhere", code=1, passphrase=None)
    assert "content and embeddings are sealed" in desk.push(*arguments, "--rerank-with", "reals.npy", code=2, passphrase=None)
    arguments = ("public.json", "index.hvx", "--create-kb", f"more-{desk.kind}", "--context-id", desk.pushed["context_id"])
    again = desk.push(*arguments, passphrase=None)
    assert (again["stored"], again["skipped"], again["total"]) == (39, 0, 39)
    # The list is beside the context that pushed.
    assert "--relist" in desk.search("ctx.json", "query.npy", "--kb", again["kb_id"], code=1)
    listed = "--list", "public.json.pushed"
    found = desk.search("ctx.json", "query.npy", "--kb", again["kb_id"], "-k", 50, "--content", *listed)[0]["neighbours"]
    assert sorted(one["id"] for one in found) == [number for number in range(40) if number != 3] and {one["content"] for one in found} == {""}


def test_no_passphrase_is_asked_for_in_vain(desk, kind):
    arguments = ("ctx.json", "index.hvx", "--kb", desk.kb, "--on-conflict", "skip")
    if kind == "native":
        assert desk.push(*arguments, passphrase=None)["stored"] == 0
    else:
        # The id follows from the secret key.
        assert "HUSHVEC_PASSPHRASE" in desk.push(*arguments, code=2, passphrase=None)
        assert desk.push(*arguments, "--context-id", desk.pushed["context_id"], passphrase=None)["stored"] == 0
    assert "leave --context-id out" in desk.push(*arguments, "--context-id", "another", code=2)
    for command in (desk.push, desk.search):
        about = "index.hvx" if command == desk.push else "query.npy"
        assert "there is no knowledge base \"nowhere\" that this key may use, but there is notes-" in command("ctx.json", about, "--kb", "nowhere", code=1, passphrase=None)


def test_what_is_wrong_is_said(desk, server):
    for command in (desk.push, desk.search):
        about = "index.hvx" if command == desk.push else "query.npy"
        told = command("ctx.json", about, "--kb", desk.kb, code=1, HUSHVEC_API_KEY="hvk_wrong")
        assert f"{server.url.removeprefix('http://')}: 401 Unauthorized: the key" in told and "HUSHVEC_API_KEY" in told
        assert "hvk_wrong" not in told and server.admin_key not in told
        assert "403" in command("ctx.json", about, "--kb", desk.kb, "--org", "other", code=1)
        assert "an API key" in command("ctx.json", about, "--kb", desk.kb, "--api-key-file", "/dev/null", code=2).replace("the API key", "an API key")
    key = desk.folder / "key.txt"
    key.write_text(server.admin_key + "\n")
    assert desk.search("ctx.json", "query.npy", "--kb", desk.kb, "--api-key-file", "key.txt", HUSHVEC_API_KEY="wrong")
    nobody = Desk(desk.folder)
    assert "127.0.0.1:1: cannot connect: " in nobody.push("ctx.json", "index.hvx", "--kb", "x", code=1)


def test_another_key_does_not_pass_for_an_empty_knowledge_base(desk):
    desk.run("context", "new", "-o", "other.json", "--embedding-length", DIMENSIONS, "--scheme", "paillier_subgroup")
    assert f"those of {desk.pushed['context_id']}" in desk.search("other.json", "query.npy", "--kb", desk.kb, code=1)
    assert "index.hvx: an index belongs to the key" in desk.push("other.json", "index.hvx", "--kb", desk.kb, code=1)
    (desk.folder / "other.json").unlink()


def test_records_must_fit_the_index(desk):
    lines = (desk.folder / "chunks.jsonl").read_text().splitlines()
    for name, changed, message in (
        ("few", lines[10:], "the index has 39 vectors, and there is no record of 35 and 4 others"),
        ("twice", lines + lines[:1], "line 81 has the id 39 again"),
        ("text", [line.replace('"id": 7,', '"id": "7",') for line in lines], "the index has 39 vectors, and there is no record of 7\n"),
        ("json", [*lines, "{"], "line 81: EOF"),
        ("none", [*lines, '{"id": 99}'], "line 81: missing field `content`"),
    ):
        (desk.folder / f"{name}.jsonl").write_text("\n".join(changed))
        assert message in desk.push("ctx.json", "index.hvx", "--kb", desk.kb, "--chunks", f"{name}.jsonl", code=1)


def test_https_with_certificates_that_are_trusted(desk, tmp_path, monkeypatch):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"
    with servers.Server(tmp_path / "data", *tls) as server:
        there = Desk(desk.folder, server.url, server.admin_key)
        assert "certificate" in there.push("ctx.json", "index.hvx", "--create-kb", "x", code=1)
        with pytest.raises(hushvec.RemoteError, match="(?i)certificate"):
            asyncio.run(hushvec.HttpStore(server.url, "default", server.admin_key).get_serialized_exec_context("x"))
        ca = "--ca-file", str(tmp_path / "ca.pem")
        pushed = there.push("ctx.json", "index.hvx", "--create-kb", "y", *ca)
        assert len(there.search("ctx.json", "query.npy", "--kb", pushed["kb_id"], "-k", 5, *ca)[0]["neighbours"]) == 5
        assert "no certificate in PEM" in there.push("ctx.json", "index.hvx", "--create-kb", "x", "--ca-file", "ctx.json", code=2)
        store = hushvec.HttpStore(server.url, "default", server.admin_key, ca_file=tmp_path / "ca.pem")
        assert asyncio.run(store.get_serialized_exec_context(pushed["context_id"]))
        for wrong in ["none.pem", desk.folder / "ctx.json"]:
            with pytest.raises(hushvec.InputError, match="has no certificates in PEM that can be read"):
                hushvec.HttpStore(server.url, "default", server.admin_key, ca_file=wrong)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        pushed = there.push("ctx.json", "index.hvx", "--create-kb", "z")
        assert len(there.search("ctx.json", "query.npy", "--kb", pushed["kb_id"], "-k", 5)[0]["neighbours"]) == 5
        store = hushvec.HttpStore(server.url, "default", server.admin_key)
        assert asyncio.run(store.get_serialized_exec_context(pushed["context_id"]))


@pytest.fixture
def failing():
    with failing_server() as server:
        yield server


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """1,200 vectors, which are three requests."""
    desk = Desk(tmp_path_factory.mktemp("many"))
    numpy.save(desk.folder / "rows.npy", numpy.random.default_rng(2).integers(0, 2, (1200, DIMENSIONS), dtype=numpy.uint8))
    desk.run("context", "new", "-o", "ctx.json", "--embedding-length", DIMENSIONS, "--scheme", "paillier_subgroup")
    desk.run("encrypt", "ctx.json", "rows.npy", "-o", "index.hvx")
    return desk


def test_how_far_it_got_is_said(many, failing):
    many.url, counts = failing.url, []

    def refuse_the_second(chunks):
        counts.append(chunks)
        return (200, {}) if len(counts) == 1 else (413, {"code": "too_large", "message": "too many"})

    failing.on_insert = refuse_the_second
    told = many.push("ctx.json", "index.hvx", "--kb", "base", code=1)
    assert counts == [500, 500] and "500 of 1200 vectors are stored; go on with --kb base --on-conflict skip" in told and "413" in told
    numbers = itertools.count()
    failing.on_insert = lambda chunks: (200, {"chunk_ids": list(itertools.islice(numbers, chunks))})
    assert many.push("ctx.json", "index.hvx", "--kb", "base")["stored"] == 1200
    # What is listed is not sent again.
    report = many.push("ctx.json", "index.hvx", "--kb", "base", "--on-conflict", "skip")
    assert (report["stored"], report["skipped"]) == (0, 1200)


def test_ctrl_c_ends_with_a_request_that_is_whole(many, failing):
    counts, noticed = [], threading.Event()

    def interrupt_at_the_second(chunks):
        counts.append(chunks)
        if len(counts) == 2:
            process.send_signal(signal.SIGINT)
            assert noticed.wait(30)
        return 200, {}

    failing.on_insert = interrupt_at_the_second
    process = many.start("push", "ctx.json", "index.hvx", "--kb", "base", "--server", failing.url)
    told = []
    for line in process.stderr:
        told.append(line)
        if "stopping after this block" in line:
            noticed.set()
    assert process.wait(timeout=60) == 1 and counts == [500, 500]
    assert "1000 of 1200 vectors are stored; go on with --kb base --on-conflict skip" in "".join(told)


def test_pushing_again_changes_nothing(desk, kind):
    name = f"again-{kind}"
    pushed = desk.push("ctx.json", "index.hvx", "--create-kb", name, "--chunks", "chunks.jsonl")
    found = desk.search("ctx.json", "query.npy", "--kb", name, "-k", 50, "--content")
    assert "called again-" in desk.push("ctx.json", "index.hvx", "--create-kb", name, code=2)
    again = desk.push("ctx.json", "index.hvx", "--kb", name, "--chunks", "chunks.jsonl")
    assert (again["kb_id"], again["stored"], again["replaced"], again["skipped"]) == (pushed["kb_id"], 0, 39, 0)
    # Content stays where none is given.
    assert desk.push("ctx.json", "index.hvx", "--kb", name)["replaced"] == 39
    assert desk.search("ctx.json", "query.npy", "--kb", name, "-k", 50, "--content") == found
    for more, skipped in ([], 39), (["--list", "another.pushed"], 39):
        again = desk.push("ctx.json", "index.hvx", "--kb", name, "--on-conflict", "skip", *more)
        assert (again["stored"], again["replaced"], again["skipped"]) == (0, 0, skipped)
    # What the server said it had is on the new list.
    assert desk.search("ctx.json", "query.npy", "--kb", name, "-k", 50, "--content", "--list", "another.pushed") == found
    told = desk.push("ctx.json", "index.hvx", "--kb", name, "--on-conflict", "error", code=1)
    assert "the id 0 and 38 others are stored already; nothing was changed" in told
    # One more is stored, and the others are not.
    (desk.folder / "larger.hvx").write_bytes((desk.folder / "index.hvx").read_bytes())
    numpy.save(desk.folder / "one.npy", numpy.ones((1, DIMENSIONS), dtype=numpy.uint8))
    desk.run("encrypt", "ctx.json", "one.npy", "--append", "-o", "larger.hvx")
    again = desk.push("ctx.json", "larger.hvx", "--kb", name, "--on-conflict", "skip")
    assert (again["stored"], again["skipped"], again["total"]) == (1, 39, 40)
    assert len(desk.search("ctx.json", "query.npy", "--kb", name, "-k", 50)[0]["neighbours"]) == 40


def test_candidates_are_ranked_by_cosine(desk):
    reals = numpy.load(desk.folder / "reals.npy")
    queries = reals[[7, 20]] + numpy.random.default_rng(6).normal(0, 0.4, (2, DIMENSIONS))
    numpy.save(desk.folder / "real-queries.npy", queries.astype(numpy.float32))
    stored = [number for number in range(len(reals)) if number != 3]
    for query, found in zip(queries, desk.search("ctx.json", "real-queries.npy", "--kb", desk.kb, "-k", 5, "--oversample", 8), strict=True):
        cosines = reals[stored] @ query / numpy.linalg.norm(reals[stored], axis=1) / numpy.linalg.norm(query)
        best = numpy.argsort(-cosines)[:5]
        assert [one["id"] for one in found["neighbours"]] == [stored[place] for place in best]
        numpy.testing.assert_allclose([one["cosine"] for one in found["neighbours"]], cosines[best], atol=0.01)
        assert "content" not in found["neighbours"][0] and "name" not in found["neighbours"][0]
    # Some of the candidates, with all that there is; and without a list, by what the server calls them.
    for more in ([], ["--unlisted"]):
        found = desk.search("ctx.json", "real-queries.npy", "--kb", desk.kb, "-k", 1, "--oversample", 3, "--content", *more)
        assert [one["neighbours"][0]["content"] for one in found] == ["note 7\nüber cat", "note 20\nüber ant"]
    assert "has bits or integers" in desk.search("ctx.json", "query.npy", "--kb", desk.kb, "--oversample", 3, code=1)
    table = desk.run("search", "ctx.json", "real-queries.npy", "--kb", desk.kb, "-k", 2, "--oversample", 3, "--server", desk.url)
    assert re.search(r"rank +chunk +distance +cosine +id\n +1 +7 +\d+ +0\.\d{4}  7\n", table), table


def test_embeddings_must_fit_the_index(desk):
    reals = numpy.load(desk.folder / "reals.npy")
    for name, rows, message in (
        ("few", reals[:30], "has 30 rows, and none for the id 30 and 9 others of the index, which has 39 vectors"),
        ("nan", numpy.where(numpy.arange(len(reals))[:, None] == 4, numpy.nan, reals), "row 4, column 0 is not a number"),
        ("bits", (reals > 0).astype(numpy.uint8), "row 0 has bits or integers, expected floating-point numbers or int8"),
        ("wide", numpy.hstack([reals, reals]), "dimensions"),
    ):
        numpy.save(desk.folder / f"{name}.npy", rows)
        assert message in desk.push("ctx.json", "index.hvx", "--kb", desk.kb, "--rerank-with", f"{name}.npy", code=1)
    numpy.save(desk.folder / "other.npy", reals[::-1])
    told = desk.run("push", "ctx.json", "index.hvx", "--create-kb", f"other-{desk.kind}", "--rerank-with", "other.npy", "--json", "--server", desk.url)
    assert json.loads(told)["stored"] == 39
    assert "cannot be standard input" in desk.push("ctx.json", "index.hvx", "--kb", desk.kb, "--rerank-with", "-", code=2)
    # Ids decide, where there are any; floats of two bytes are nearer to what they were.
    lines = [json.dumps({"id": number, "vector": row.tolist()}) for number, row in reversed(list(enumerate(reals)))]
    (desk.folder / "reals.jsonl").write_text("\n".join(lines))
    desk.push("ctx.json", "index.hvx", "--kb", f"other-{desk.kind}", "--rerank-with", "reals.jsonl", "--rerank-as", "float16")
    numpy.save(desk.folder / "same.npy", reals[[9]])
    found = desk.search("ctx.json", "same.npy", "--kb", f"other-{desk.kind}", "-k", 2, "--oversample", 2)[0]["neighbours"]
    assert found[0]["id"] == 9 and found[0]["cosine"] > 0.99999
    without = desk.push("ctx.json", "index.hvx", "--create-kb", f"without-{desk.kind}")
    told = desk.search("ctx.json", "same.npy", "--kb", without["kb_id"], "--oversample", 2, code=1)
    assert "has no embedding to rank by; push it with one (--rerank-with, or rerank= in Python)" in told


def test_a_push_that_stored_nothing_leaves_nothing(desk, tmp_path):
    with servers.Server(tmp_path / "data", "--max-org-chunks", "30") as server:
        there = Desk(desk.folder, server.url, server.admin_key)
        assert "may have 30" in there.push("ctx.json", "index.hvx", "--create-kb", "notes", "--list", "elsewhere.pushed", code=1)
        assert server.call("GET", "/v1/kbs") == (200, [])
        assert server.call("GET", "/v1/exec_context/default")[1]["contexts"] == []
        # Nor does one whose context is refused, or that cannot be begun.
        told = there.push("ctx.json", "index.hvx", "--create-kb", "notes", "--list", "ctx.json", code=1)
        assert "is not a list of pushed chunks" in told and server.call("GET", "/v1/kbs") == (200, [])


def test_knowledge_bases_and_keys(desk, tmp_path):
    with servers.Server(tmp_path / "data") as server:
        there = Desk(desk.folder, server.url, server.admin_key)
        at = "--server", server.url

        def admin(*arguments, **options):
            return there.run(*arguments, *at, HUSHVEC_API_KEY="", HUSHVEC_ADMIN_KEY=server.admin_key, **options)

        base = admin("kb", "create", "notes", "--description", "what for").strip()
        assert "called notes already" in admin("kb", "create", "notes", code=2)
        admin("key", "create", "reader", "--grant", "notes:read", "-o", str(tmp_path / "reader.key"))
        assert (tmp_path / "reader.key").stat().st_mode & 0o777 == 0o600
        reader = (tmp_path / "reader.key").read_text().strip()
        assert "exists" in admin("key", "create", "reader", "-o", str(tmp_path / "reader.key"), code=2)
        assert 'no knowledge base "letters"' in admin("key", "create", "writer", "--grant", "letters:write", code=1)
        assert admin("key", "list").count("active") == 1
        writer = admin("key", "create", "writer").strip()
        mine = {"HUSHVEC_API_KEY": writer, "HUSHVEC_ADMIN_KEY": server.admin_key}
        shown = json.loads(admin("key", "show", "reader", "--json"))
        assert shown["permissions"] == [{"kb_id": base, "permission": "read"}] and shown["status"] == "active"

        # The key that makes a knowledge base for a push may use it; others may not.
        pushed = there.push("ctx.json", "index.hvx", "--create-kb", "more", **mine)
        assert pushed["stored"] == 39
        assert there.search("ctx.json", "query.npy", "--kb", "more", HUSHVEC_API_KEY=writer)
        told = there.search("ctx.json", "query.npy", "--kb", "more", code=1, HUSHVEC_API_KEY=reader)
        assert 'no knowledge base "more" that this key may use, but there is notes' in told
        assert "403" in there.push("ctx.json", "index.hvx", "--kb", "notes", code=1, HUSHVEC_API_KEY=reader)
        listed = there.run("kb", "list", *at, HUSHVEC_API_KEY=reader)
        assert base in listed and "what for" in listed and "more" not in listed
        assert [one["name"] for one in json.loads(admin("kb", "list", "--json"))] == ["notes", "more"]
        shown = json.loads(admin("kb", "show", "more", "--json"))
        assert (shown["number_of_vectors"], shown["context_ids"]) == (39, [pushed["context_id"]])

        admin("key", "grant", "reader", "more", "read")
        assert there.search("ctx.json", "query.npy", "--kb", "more", HUSHVEC_API_KEY=reader)
        admin("key", "withdraw", "reader", "more")
        assert "404" in admin("key", "withdraw", "reader", "more", code=1)
        assert "403" in there.search("ctx.json", "query.npy", "--kb", pushed["kb_id"], code=1, HUSHVEC_API_KEY=reader)
        assert "delete" in admin("key", "grant", "reader", "more", "own", code=2)
        admin("key", "revoke", "reader")
        assert "401" in there.run("kb", "list", *at, code=1, HUSHVEC_API_KEY=reader)
        assert "no API key with the hash or the name" in admin("key", "revoke", "reader", code=1)

        assert "39 vectors, for good; --yes does it" in admin("kb", "delete", "more", code=2)
        assert "403" in there.run("kb", "delete", "more", "--yes", *at, code=1, HUSHVEC_API_KEY=writer)
        admin("kb", "delete", "more", "--yes")
        assert "there is no knowledge base" in admin("kb", "show", "more", code=1)
        assert "set HUSHVEC_ADMIN_KEY" in there.run("key", "list", *at, code=2, HUSHVEC_API_KEY="")


def test_keys_in_plain_text_are_warned_about():
    for url in ("http://search.example.org", "http://10.0.0.1:8080", "http://localhost.example.org"):
        with pytest.warns(UserWarning, match="unencrypted to [a-z0-9.:]+; use https"):
            hushvec.HttpStore(url, "default", "hvk_secret")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for url in ("https://search.example.org", "http://localhost:8080", "http://127.1.2.3", "http://[::1]:1"):
            hushvec.HttpStore(url, "default", "hvk_secret")


def test_chunks_of_others_are_refused_until_they_are_listed(desk, server, subgroup):
    """What another client stores is no surprise to who says so, and content of the wrong chunk is one to all."""
    with pytest.raises(hushvec.InputError, match="was not sealed for this chunk"):
        subgroup.aes.decrypt_for("8", subgroup.aes.encrypt_for("7", "note"))
    pushed = desk.push("ctx.json", "index.hvx", "--create-kb", f"shared-{desk.kind}")
    status, chunks = server.call("GET", f"/v1/chunk/default?chunk_ids=1&kb_id={pushed['kb_id']}&projection=index")
    assert status == 200
    chunk = {"chunk_content": "", "index": chunks[0]["index"], "meta_data": {}}
    body = {"kb_id": pushed["kb_id"], "context_id": pushed["context_id"], "chunks": [chunk]}
    assert server.call("POST", "/v1/chunk/default", body)[0] == 200
    arguments = ("ctx.json", "query.npy", "--kb", pushed["kb_id"], "-k", 50)
    assert "the answer has 40 rows, but only 39 chunks" in desk.search(*arguments, code=1)
    assert {one["id"] for one in desk.search(*arguments, "--unlisted")[0]["neighbours"]} == {None}
    report = desk.push("ctx.json", "index.hvx", "--kb", pushed["kb_id"], "--relist")
    assert (report["listed"], report["added"], report["removed"], report["without_id"]) == (40, 1, 0, 1)
    found = desk.search(*arguments)[0]["neighbours"]
    assert len(found) == 40 and [one["chunk"] for one in found if one["id"] is None] == [40]


def test_http_store(failing, subgroup, server):
    store = hushvec.HttpStore(failing.url, "default", "hvk_secret")
    assert "secret" not in repr(store) and failing.url in repr(store)
    with pytest.raises(hushvec.RemoteError, match="404: no such thing, …") as caught:
        asyncio.run(store.get_serialized_exec_context("x"))
    assert caught.value.status == 404 and "secret" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert asyncio.run(subgroup.save_to_remote(store)) == subgroup.id
    # Keys stay here.
    failing.elsewhere = f"{failing.url}/elsewhere"
    failing.asked.clear()
    with pytest.raises(hushvec.RemoteError, match="307"):
        asyncio.run(store.get_serialized_exec_context("moved"))
    assert len(failing.asked) == 1
    with pytest.raises(hushvec.RemoteError, match="refused"):
        asyncio.run(hushvec.HttpStore("http://127.0.0.1:1", "default", "x").get_serialized_exec_context("x"))
    for wrong in (("ftp://x", "o", "k"), ("http://me:pass@x", "o", "k"), ("http://x", "o", ""), ("http://x", "o", "a b")):
        with pytest.raises(hushvec.InputError):
            hushvec.HttpStore(*wrong)
    with pytest.raises(hushvec.InputError, match="dots"):
        asyncio.run(store.get_serialized_exec_context(".."))
    # A context that is there under another's id is refused.
    store = hushvec.HttpStore(server.url, "default", server.admin_key)
    assert asyncio.run(store.store_exec_context(subgroup.to_dict_enc(), "another/name")) == "another/name"
    with pytest.raises(hushvec.InputError, match="was asked for"):
        asyncio.run(hushvec.ExecutionContext.load_from_remote("correct horse", "another/name", store))
