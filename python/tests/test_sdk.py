"""Interoperation with XTrace's SDK: contexts in both directions, our clients in its classes, and its GPU backend."""

import asyncio
import json
import os
import subprocess
import sys

import numpy
import pytest
from conftest import DIMENSIONS, distances

import hushvec

if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("xtrace_sdk", reason="xtrace-ai-sdk is not installed")
import xtrace_sdk.x_vec.utils.execution_context as sdk  # noqa: E402

from xtrace_sdk.x_vec.crypto.encryption.aes import AESClient as SdkAes  # noqa: E402
from xtrace_sdk.x_vec.crypto.key_provider import PassphraseKeyProvider as SdkPassphrase  # noqa: E402
from xtrace_sdk.x_vec.data_loaders.loader import DataLoader  # noqa: E402
from xtrace_sdk.x_vec.retrievers.retriever import Retriever  # noqa: E402

TYPES = ["paillier", "paillier_lookup"]


@pytest.mark.parametrize("kind", TYPES)
def test_contexts_in_both_directions(kind, rows, tmp_path):
    path = tmp_path / "ctx.json"
    ours = hushvec.ExecutionContext.create("pass", kind, DIMENSIONS, path=path, format="xtrace")
    theirs = sdk.ExecutionContext.load_from_disk("pass", str(path))
    assert theirs.hash() == ours.hash() == ours.id
    encrypted = theirs.homomorphic.encrypt_vec_one(rows[0].tolist())
    assert (ours.homomorphic.decrypt_vec_batch([encrypted]) == rows[:1]).all()
    combined = [[c[0] * encrypted[0] % int(theirs.homomorphic.client.keys["pk"]["n_squared"])] for c in ours.encrypt_vec_batch(rows.tolist())]
    assert theirs.homomorphic.decode_hamming_client_batch(combined) == distances(rows[0], rows)
    assert ours.decode_hamming_client_batch(combined) == distances(rows[0], rows)
    assert ours.aes.decrypt(theirs.aes.encrypt("päyload")) == "päyload" == theirs.aes.decrypt(ours.aes.encrypt("päyload"))
    back = hushvec.ExecutionContext._from_serialized_exec_context(theirs.to_dict_enc(), "pass")
    assert back == ours and back.to_dict_plain() == theirs.to_dict_plain() == ours.to_dict_plain()
    provider = hushvec.PassphraseKeyProvider("pass", salt=b"0123456789abcdef")
    assert provider.get_key() == SdkPassphrase("pass", salt=b"0123456789abcdef").get_key()
    assert hushvec.PassphraseKeyProvider("pass").get_key() == SdkPassphrase("pass").get_key()
    assert SdkAes(ours.key_provider.get_key()).decrypt(theirs.aes.encrypt("päyload")) == "päyload"


class Integration:
    """A server in memory, with the methods that the SDK's loader and retriever call."""

    def __init__(self, n_squared):
        self.n_squared, self.index, self.chunks = n_squared, [], []

    async def store_db(self, db, index, kb_id, context_id, concurrent=False):
        self.index += index
        self.chunks += db
        return [{"stored": len(db)}]

    async def compute_hamming_distances(self, query, context_id, **_):
        return [(i, [c[0] * query[0] % self.n_squared]) for i, c in enumerate(self.index)]

    async def get_chunk_by_id(self, ids, kb_id, projection):
        return [self.chunks[i] for i in ids]


def test_content_with_a_raw_key_in_both_directions():
    key = os.urandom(32)
    ours, theirs = hushvec.AESClient(key), SdkAes(key)
    assert ours.decrypt(theirs.encrypt("päyload")) == "päyload" == theirs.decrypt(ours.encrypt("päyload"))


def test_the_sdks_clients_are_not_ours():
    theirs = sdk.PaillierClient(DIMENSIONS)
    provider = hushvec.PassphraseKeyProvider("pass")
    with pytest.raises(ValueError, match="Unsupported homomorphic client type: xtrace_sdk.*load_stringified_keys"):
        hushvec.ExecutionContext(theirs, provider)
    # The message says how to convert it.
    ours = hushvec.PaillierClient(DIMENSIONS, skip_key_gen=True)
    ours.load_stringified_keys(theirs.stringify_pk(), theirs.stringify_sk())
    assert hushvec.ExecutionContext(ours, provider, format="xtrace").hash() == sdk.ExecutionContext(theirs, SdkPassphrase("pass")).hash()


@pytest.mark.parametrize(("kind", "format"), [("paillier", "xtrace"), ("paillier", "native"), ("paillier_subgroup", "native")])
@pytest.mark.parametrize("parallel", [False, True])
def test_our_contexts_in_the_sdks_loader_and_retriever(kind, format, parallel, rows):
    context = hushvec.ExecutionContext.create("pass", kind, DIMENSIONS, format=format, device="cpu", threads=1)
    integration = Integration(int(json.loads(context.homomorphic.stringify_pk())["n_squared"]))
    loader, retriever = DataLoader(context, integration), Retriever(context, integration, parallel=parallel)
    vectors = numpy.where(rows[:12] == 1, 0.5, -0.5)
    chunks = [{"chunk_content": f"page {i}", "meta_data": {}} for i in range(12)]
    index, db = asyncio.run(loader.load_data_from_memory(chunks[:4], vectors[:4], disable_progress=True))
    asyncio.run(loader.dump_db(db, index, "kb"))
    index, db = asyncio.run(loader.load_data_from_memory_batch(chunks[4:], vectors[4:]))
    asyncio.run(loader.dump_db(db, index, "kb"))
    ids, scores = asyncio.run(retriever.nn_search_for_ids(vectors[7], k=1, kb_id="kb", include_scores=True))
    assert ids == [7] and scores == distances(rows[7], rows[:12])
    (found,) = asyncio.run(retriever.retrieve_and_decrypt(ids, "kb"))
    assert found["chunk_content"] == "page 7"


@pytest.mark.parametrize("client", [hushvec.PaillierClient, hushvec.PaillierLookupClient])
def test_our_clients_in_the_sdks_classes(client, rows):
    ours = client(DIMENSIONS)
    assert isinstance(ours, sdk.HomomorphicClient)
    context = sdk.ExecutionContext(ours, SdkPassphrase("pass"))
    n_squared = int(json.loads(ours.stringify_pk())["n_squared"])
    integration = Integration(n_squared)
    loader, retriever = DataLoader(context, integration), Retriever(context, integration)
    chunks = [{"chunk_content": f"page {i}", "meta_data": {}} for i in range(40)]
    vectors = numpy.where(rows == 1, 0.5, -0.5).tolist()
    index, db = asyncio.run(loader.load_data_from_memory_batch(chunks[:20], vectors[:20]))
    asyncio.run(loader.dump_db(db, index, "kb"))
    index, db = asyncio.run(loader.load_data_from_memory(chunks[20:], vectors[20:], disable_progress=True))
    asyncio.run(loader.dump_db(db, index, "kb"))
    ids, scores = asyncio.run(retriever.nn_search_for_ids(vectors[33], k=1, kb_id="kb", include_scores=True))
    assert ids == [33] and scores == distances(rows[33], rows)
    (found,) = asyncio.run(retriever.retrieve_and_decrypt(ids, "kb"))
    assert found["chunk_content"] == "page 33"
    # Its stored form opens in both.
    stored = json.loads(context.serialize_exec_context())
    assert sdk.ExecutionContext._from_serialized_exec_context(stored, "pass").hash() == context.hash()
    assert hushvec.ExecutionContext._from_serialized_exec_context(stored, "pass").hash() == context.hash()


def test_weak_contexts_load_with_consent():
    stored = json.loads(sdk.ExecutionContext.create("pass", "paillier_lookup", DIMENSIONS).serialize_exec_context())
    with pytest.raises(hushvec.WeakKeyError, match="alpha_len is 50"):
        hushvec.ExecutionContext._from_serialized_exec_context(stored, "pass")
    weak = hushvec.ExecutionContext._from_serialized_exec_context(stored, "pass", allow_weak=True)
    with pytest.warns(UserWarning, match="weak key"):
        twin = hushvec.PaillierLookupClient(DIMENSIONS, alpha_len=50, skip_key_gen=True)
        twin.load_stringified_keys(weak.homomorphic.stringify_pk(), weak.homomorphic.stringify_sk())
    assert twin == weak.homomorphic
    tables = sdk.ExecutionContext._from_serialized_exec_context(stored, "pass").dump_tables()
    twin.load_config(json.loads(twin.stringify_config()), precomputed_tables=tables)


PLUG_IN = """
import json, sys, warnings
import hushvec.xtrace
warnings.simplefilter("ignore")
from xtrace_sdk.x_vec.utils.execution_context import ExecutionContext
rows = json.loads(sys.argv[1])
for kind in ("paillier", "paillier_lookup"):
    made = ExecutionContext.create("pass", kind, len(rows[0]))
    assert made.device == "gpu" and type(made.homomorphic.client.gpu_client).__module__ == "hushvec.xtrace"
    stored = made.homomorphic.encrypt_vec_batch(rows)
    n_squared = int(json.loads(made.homomorphic.stringify_pk())["n_squared"])
    combined = [[c[0] * stored[0][0] % n_squared] for c in stored]
    expected = [sum(a != b for a, b in zip(row, rows[0])) for row in rows]
    assert made.homomorphic.decode_hamming_client_batch(combined) == expected
    assert made.homomorphic.decode_hamming_client_one(combined[1]) == expected[1]
    again = ExecutionContext._from_serialized_exec_context(json.loads(made.serialize_exec_context()), "pass")
    assert again == made and again.homomorphic.decode_hamming_client_batch(combined) == expected
    if kind == "paillier_lookup":
        assert json.loads(made.homomorphic.stringify_config())["alpha_len"] == 512
        import pickle
        assert pickle.loads(pickle.dumps(made.homomorphic)).decode_hamming_client_batch(combined) == expected
print("done")
"""


def test_the_sdks_gpu_backend(rows):
    environment = os.environ | {"DEVICE": "gpu"}
    command = [sys.executable, "-c", PLUG_IN, json.dumps(rows[:6].tolist())]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.strip() == "done", run.stderr
