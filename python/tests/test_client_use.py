"""Mistakes and uses that are common with `hushvec.Client` and `hushvec.AsyncClient`."""

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
from conftest import DIMENSIONS

import hushvec

servers.require()


@pytest.fixture(scope="module")
def few(vectors):
    """One vector of each cluster."""
    return vectors[::30]


@pytest.fixture(scope="module")
def base(client, saved, few):
    base = client.create_knowledge_base("notes")
    client.push(base, saved, few, range(20), rerank="int8")
    return base


def test_a_returned_knowledge_base_is_an_argument(client, saved, few, base):
    by_name = client.search("notes", saved, few[:3], k=2)
    assert client.search(base, saved, few[:3], k=2) == client.search(base.id, saved, few[:3], k=2) == by_name
    other = client.create_knowledge_base("other")
    client.push(other, saved, few[:2], ["a", "b"])
    assert client.delete(other, saved, ["a"]) == 1
    client.delete_knowledge_base(other)
    assert [one.name for one in client.knowledge_bases()] == ["notes"]


def test_embeddings_without_oversample(client, saved, few, base):
    bits = few[:1] > 0
    with pytest.raises(hushvec.InputError, match="give oversample= too, such as oversample=5"):
        client.search(base, saved, bits, embeddings=few[:1])
    (found,) = client.search(base, saved, bits, 1, embeddings=few[:1], oversample=3)
    assert found[0].id == 0 and found[0].cosine > 0.99


def test_wrong_arguments(client, saved, few, base, server):
    push, search = client.push, client.search
    for wrong in ["ctx.json", saved.homomorphic, hushvec.Evaluator(saved.public_context())]:
        for call in [lambda: push("notes", wrong, few, range(20)), lambda: search("notes", wrong, few), lambda: client.delete("notes", wrong, [1])]:
            with pytest.raises(hushvec.InputError, match="expected an ExecutionContext: the knowledge base comes first"):
                call()
    cases = {
        "contents is one text": lambda: push(base, saved, few, range(20), contents="x" * 20),
        "content of vector 1 is of type int": lambda: push(base, saved, few, range(20), contents=["a", 1] * 10),
        "metadata is one dictionary": lambda: push(base, saved, few, range(20), metadata={"tag1": "a"}),
        "the metadata cannot be converted to JSON": lambda: push(base, saved, few[:1], [1], metadata=[{"tag1": {1}}]),
        "the filter cannot be converted to JSON": lambda: search(base, saved, few[:1], filter={"tag1": {1}}),
        "rerank takes .* give the real vectors as embeddings=": lambda: push(base, saved, few > 0, range(20), rerank="int8"),
        "oversample takes .* give the real vectors as embeddings=": lambda: search(base, saved, few > 0, oversample=2),
        r"duplicate id 7 \(vectors 0 and 19\)": lambda: push(base, saved, few, [7, *range(100, 118), 7]),
        "put a single id into a list": lambda: client.delete(base, saved, "17"),
        "API key is of type int": lambda: hushvec.Client(server.url, 5),
        "the server's address is of type int, expected text": lambda: hushvec.Client(80, "hvk_x"),
        "the organisation is of type int, expected text": lambda: hushvec.Client(server.url, "hvk_x", org=7),
        "the name is of type int, expected text": lambda: client.create_knowledge_base(3),
        "the description is of type NoneType, expected text": lambda: client.create_knowledge_base("new", None),
        "id or name is of type int, expected text": lambda: search(7, saved, few),
        "id or name is of type NoneType, expected text": lambda: client.delete_knowledge_base(None),
        "k is of type str, expected an integer": lambda: search(base, saved, few, "3"),
        "oversample is of type float, expected an integer": lambda: search(base, saved, few, 3, oversample=2.0),
        "range is 5, expected the numbers of the first and the last chunk": lambda: search(base, saved, few, range=5),
        "the first number of range is of type str, expected an integer": lambda: search(base, saved, few, range="ab"),
        r"range is \(7, -5\), expected two numbers from 0, the lower first": lambda: search(base, saved, few, range=(7, -5)),
    }
    for message, call in cases.items():
        with pytest.raises(hushvec.InputError, match=message):
            call()
    assert client.knowledge_base("notes").number_of_vectors == 20
    # NumPy's integers are integers.
    assert len(search(base, saved, few[:1], numpy.int64(2), range=numpy.array([1, 20]))[0]) == 2


def test_clients_are_pickled_and_copied(server, client, saved, few, base):
    for twin in [pickle.loads(pickle.dumps(client)), copy.deepcopy(client)]:
        assert twin.search(base, saved, few[:1], k=1)[0][0].id == 0
    twin = pickle.loads(pickle.dumps(hushvec.AsyncClient(server.url, server.admin_key)))
    assert asyncio.run(twin.search(base, saved, few[:1], k=1))[0][0].id == 0
    assert server.admin_key not in repr(client) + repr(twin)


def test_cancelled_coroutines_stop(server, saved, tmp_path):
    async def main():
        client = hushvec.AsyncClient(server.url, server.admin_key)
        base = await client.create_knowledge_base("cancelled")
        many = numpy.random.default_rng(3).standard_normal((200_000, DIMENSIONS)).astype(numpy.float32)
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        pushing = asyncio.create_task(
            client.push(base, saved, many, range(len(many)), pushed=tmp_path / "list", progress=lambda _: loop.call_soon_threadsafe(started.set))
        )
        await started.wait()
        pushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pushing
        return base

    began = time.monotonic()
    # `run` waits for threads at its end.
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
            # Wait until the push has started.
            int(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            assert "stopped" in process.stdout.read().split()
            process.wait()
        finally:
            process.kill()
    # The whole push would take minutes.
    assert time.monotonic() - sent < 30
