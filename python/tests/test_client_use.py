"""What first users of `hushvec.Client` and `hushvec.AsyncClient` run into."""

import asyncio
import copy
import pickle
import signal
import subprocess
import sys
import time

import numpy
import pytest
import servers

import hushvec

servers.require()

DIMENSIONS = 48


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with servers.Server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    return hushvec.Client(server.url, server.admin_key)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    path = tmp_path_factory.mktemp("owner") / "ctx.json"
    return hushvec.ExecutionContext.create("correct horse", "paillier_subgroup", DIMENSIONS, path=path)


@pytest.fixture(scope="module")
def vectors():
    return numpy.random.default_rng(8).standard_normal((20, DIMENSIONS)).astype(numpy.float32)


@pytest.fixture(scope="module")
def base(client, context, vectors):
    base = client.create_knowledge_base("notes")
    client.push(base, context, vectors, range(20), rerank="int8")
    return base


def test_a_knowledge_base_is_given_as_what_was_returned(client, context, vectors, base):
    by_name = client.search("notes", context, vectors[:3], k=2)
    assert client.search(base, context, vectors[:3], k=2) == client.search(base.id, context, vectors[:3], k=2) == by_name
    other = client.create_knowledge_base("other")
    client.push(other, context, vectors[:2], ["a", "b"])
    assert client.delete(other, context, ["a"]) == 1
    client.delete_knowledge_base(other)
    assert [one.name for one in client.knowledge_bases()] == ["notes"]


def test_embeddings_without_oversample(client, context, vectors, base):
    bits = vectors[:1] > 0
    with pytest.raises(hushvec.InputError, match="give oversample= too, such as oversample=5"):
        client.search(base, context, bits, embeddings=vectors[:1])
    (found,) = client.search(base, context, bits, 1, embeddings=vectors[:1], oversample=3)
    assert found[0].id == 0 and found[0].cosine > 0.99


def test_wrong_arguments(client, context, vectors, base, server):
    push, search = client.push, client.search
    for wrong in ["ctx.json", context.homomorphic, hushvec.Evaluator(context.public_context())]:
        for call in [lambda: push("notes", wrong, vectors, range(20)), lambda: search("notes", wrong, vectors), lambda: client.delete("notes", wrong, [1])]:
            with pytest.raises(hushvec.InputError, match="expected an ExecutionContext: the knowledge base comes first"):
                call()
    cases = {
        "contents is one text": lambda: push(base, context, vectors, range(20), contents="x" * 20),
        "content of vector 1 is of type int": lambda: push(base, context, vectors, range(20), contents=["a", 1] * 10),
        "metadata is one dictionary": lambda: push(base, context, vectors, range(20), metadata={"tag1": "a"}),
        "the metadata cannot be sent": lambda: push(base, context, vectors[:1], [1], metadata=[{"tag1": {1}}]),
        "the filter cannot be sent": lambda: search(base, context, vectors[:1], filter={"tag1": {1}}),
        "rerank takes .* give the real ones as embeddings=": lambda: push(base, context, vectors > 0, range(20), rerank="int8"),
        "oversample takes .* give the real ones as embeddings=": lambda: search(base, context, vectors > 0, oversample=2),
        r"duplicate id 7 \(vectors 0 and 19\)": lambda: push(base, context, vectors, [7, *range(100, 118), 7]),
        "put a single id into a list": lambda: client.delete(base, context, "17"),
        "API key is of type int": lambda: hushvec.Client(server.url, 5),
    }
    for message, call in cases.items():
        with pytest.raises(hushvec.InputError, match=message):
            call()
    assert client.knowledge_base("notes").number_of_vectors == 20


def test_clients_are_pickled_and_copied(server, client, context, vectors, base):
    for twin in [pickle.loads(pickle.dumps(client)), copy.deepcopy(client)]:
        assert twin.search(base, context, vectors[:1], k=1)[0][0].id == 0
    twin = pickle.loads(pickle.dumps(hushvec.AsyncClient(server.url, server.admin_key)))
    assert asyncio.run(twin.search(base, context, vectors[:1], k=1))[0][0].id == 0
    assert server.admin_key not in repr(client) + repr(twin)


def test_cancelled_coroutines_stop(server, context, tmp_path):
    async def main():
        client = hushvec.AsyncClient(server.url, server.admin_key)
        base = await client.create_knowledge_base("cancelled")
        many = numpy.random.default_rng(3).standard_normal((200_000, DIMENSIONS)).astype(numpy.float32)
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        pushing = asyncio.create_task(
            client.push(base, context, many, range(len(many)), pushed=tmp_path / "list", progress=lambda _: loop.call_soon_threadsafe(begun.set))
        )
        await begun.wait()
        pushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pushing
        return base

    began = time.monotonic()
    # It waits for threads at its end.
    base = asyncio.run(main())
    assert time.monotonic() - began < 60
    client = hushvec.Client(server.url, server.admin_key)
    stored = client.knowledge_base(base.id).number_of_vectors
    assert 0 < stored < 200_000
    client.delete_knowledge_base(base)


SCRIPT = """
import asyncio, sys, numpy, hushvec

context = hushvec.ExecutionContext.create("p", "paillier", 48, path="ctx.json")
many = numpy.random.default_rng(1).standard_normal((100_000, 48))

def tell(done):
    print(done, flush=True)

async def push():
    client = hushvec.AsyncClient(sys.argv[2], sys.argv[3])
    await client.push(await client.create_knowledge_base("async"), context, many, range(len(many)), progress=tell)

try:
    if sys.argv[1] == "async":
        asyncio.run(push())
    else:
        client = hushvec.Client(sys.argv[2], sys.argv[3])
        client.push(client.create_knowledge_base("sync"), context, many, range(len(many)), progress=tell)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_ctrl_c(kind, server, tmp_path):
    command = [sys.executable, "-c", SCRIPT, kind, server.url, server.admin_key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            # It is at work.
            int(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            assert "stopped" in process.stdout.read().split()
            process.wait()
        finally:
            process.kill()
    # The whole would take minutes.
    assert time.monotonic() - sent < 30
