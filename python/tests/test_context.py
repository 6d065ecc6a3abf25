"""Contexts: creating, storing, loading and comparing them."""

import asyncio
import json
import pickle
import stat

import pytest
from conftest import DIMENSIONS

import hushvec


def test_saved_and_loaded(context, rows, tmp_path):
    path = tmp_path / "ctx.json"
    context.save_to_disk(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = hushvec.ExecutionContext.load_from_disk("correct horse", path)
    assert loaded == context and hash(loaded) == hash(context) and loaded.id == context.id == context.public_id
    assert (loaded.embed_len(), loaded.key_len(), loaded.format) == (DIMENSIONS, 1024, "native")
    stored = context.encrypt_vec_batch(rows)
    assert (loaded.homomorphic.decrypt_vec_batch(stored) == rows).all()
    assert loaded.aes.decrypt(context.aes.encrypt("päyload")) == "päyload"
    again = hushvec.ExecutionContext._from_serialized_exec_context(context.to_dict_enc(), "correct horse", context_id="mine")
    assert again == context and again.id == "mine"
    assert hushvec.ExecutionContext.load_from_disk("correct horse", path, expect_id=context.id) == context
    with pytest.raises(hushvec.InputError, match=f"ctx.json: .*id {context.id}, expected {'0' * 64}:"):
        hushvec.ExecutionContext.load_from_disk("correct horse", path, expect_id="0" * 64)
    with pytest.raises(hushvec.InputError, match="ctx.json: .*passphrase"):
        hushvec.ExecutionContext.load_from_disk("wrong", path)
    path.write_text(path.read_text().replace('"public_id": "', '"public_id": "0'))
    with pytest.raises(ValueError):
        hushvec.ExecutionContext.load_from_disk("correct horse", path)
    with pytest.raises(FileNotFoundError.__mro__[1], match="cannot read .*none.json"):
        hushvec.ExecutionContext.load_from_disk("x", tmp_path / "none.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(hushvec.InputError, match="not a hushvec context: it is not a text file"):
        hushvec.ExecutionContext.load_from_disk("x", tmp_path / "binary")


def test_created_on_disk_with_a_device(tmp_path):
    path = tmp_path / "ctx.json"
    made = hushvec.ExecutionContext.create("p", "paillier", DIMENSIONS, path=path, device="cpu")
    loaded = hushvec.ExecutionContext.load_from_disk(passphrase="p", path=str(path))
    assert made == loaded and made.device == loaded.device == "cpu"
    sealed = loaded.aes.encrypt("päyload")
    loaded.device = "auto"
    assert loaded.device == "auto" and loaded == made and loaded.aes.decrypt(sealed) == "päyload"
    loaded.save_to_disk(path)
    assert hushvec.ExecutionContext.load_from_disk("p", path).device == "auto"
    with pytest.raises(hushvec.DeviceError, match="nothing like it"):
        loaded.device = "gpu:nothing like it"


def test_errors_name_bad_arguments():
    create = hushvec.ExecutionContext.create
    with pytest.raises(hushvec.InputError, match="Either key_provider or passphrase"):
        create()
    with pytest.raises(ValueError, match="expected one of paillier, paillier_lookup, paillier_subgroup"):
        create("p", "rsa")
    with pytest.raises(ValueError, match="embedding"):
        create("p", embedding_length=1024)
    with pytest.raises(ValueError, match="key_len"):
        create("p", key_len=512)
    with pytest.raises(hushvec.InputError, match='expected "native" or "xtrace"'):
        create("p", format="other")
    with pytest.raises(ValueError, match="paillier_subgroup"):
        create("p", "paillier_subgroup", format="xtrace")
    with pytest.raises(hushvec.InputError, match="threads must be at least 1"):
        create("p", threads=0)


def test_weak_keys_are_not_made():
    with pytest.warns(UserWarning, match="alpha_len 50 can be broken; the new key has 512"):
        client = hushvec.PaillierLookupClient(DIMENSIONS, 1024, 50)
    assert client.alpha_len == 512 and json.loads(client.stringify_config())["alpha_len"] == 512


def test_unknown_arguments_are_refused():
    for kind in (hushvec.PaillierClient, hushvec.PaillierLookupClient, hushvec.PaillierSubgroupClient):
        with pytest.raises(TypeError, match="devise"):
            kind(DIMENSIONS, skip_key_gen=True, devise="gpu")


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_contexts_pickle(format, rows):
    made = hushvec.ExecutionContext.create("p", "paillier", DIMENSIONS, format=format, device="cpu", threads=1)
    sealed, stored = made.aes.encrypt("päyload"), made.encrypt_vec_batch(rows)
    copy = pickle.loads(pickle.dumps(made))
    assert (copy, copy.id, copy.device, copy.format) == (made, made.id, "cpu", format)
    assert copy.aes.decrypt(sealed) == "päyload"
    assert (copy.homomorphic.decrypt_vec_batch(stored) == rows).all()
    copy.device = "auto"
    assert copy == made


def test_clients_without_keys_and_pickles(rows):
    empty = hushvec.PaillierSubgroupClient(DIMENSIONS, skip_key_gen=True)
    with pytest.raises(RuntimeError, match="load_stringified_keys"):
        empty.encrypt_vec_batch(rows)
    for kind in (hushvec.PaillierClient, hushvec.PaillierLookupClient, hushvec.PaillierSubgroupClient):
        client = kind(DIMENSIONS)
        twin = kind(DIMENSIONS, skip_key_gen=True)
        twin.load_stringified_keys(client.stringify_pk(), client.stringify_sk())
        twin.load_config(json.loads(client.stringify_config()))
        assert twin == client and twin.device == "auto"
        copy = pickle.loads(pickle.dumps(client))
        assert copy == client and (copy.decrypt_vec_batch(client.encrypt_vec_batch(rows)) == rows).all()
        assert pickle.loads(pickle.dumps(kind(DIMENSIONS, skip_key_gen=True))).embed_len == DIMENSIONS
        other = kind(DIMENSIONS)
        assert other != client
        with pytest.raises(hushvec.InputError):
            twin.load_stringified_keys(client.stringify_pk(), other.stringify_sk())
        assert str(client.stringify_sk())[:40] not in repr(client)


class Store:
    """The two methods of the SDK's integration that store and load contexts."""

    def __init__(self):
        self.stored = {}

    async def store_exec_context(self, context, context_id):
        self.stored[context_id] = json.loads(json.dumps(context))
        return context_id

    async def get_serialized_exec_context(self, context_id):
        return self.stored[context_id]


def test_remote(context):
    store = Store()
    context_id = asyncio.run(context.save_to_remote(store))
    load = hushvec.ExecutionContext.load_from_remote
    loaded = asyncio.run(load("correct horse", context_id, store))
    assert loaded == context and loaded.id == context_id
    with pytest.raises(hushvec.InputError, match="integration is required"):
        asyncio.run(load("correct horse", context_id))


def test_a_server_cannot_swap_contexts(context):
    store, fields = Store(), context.to_dict_enc()
    load = hushvec.ExecutionContext.load_from_remote
    for name in ("another name", "0" * 64):
        store.stored[name] = fields
        with pytest.raises(hushvec.InputError, match=f'context_id is ".*", expected "{name}": the store sent another context'):
            asyncio.run(load("correct horse", name, store))
    named = hushvec.ExecutionContext._from_serialized_exec_context(fields, "correct horse", context_id="mine")
    assert asyncio.run(named.save_to_remote(store)) == "mine"
    assert asyncio.run(load("correct horse", "mine", store)).id == "mine"


def test_ids_in_the_format_of_the_sdk():
    """XTrace's format does not store an id, so `context_id` is checked only if it looks like a hash."""
    made = hushvec.ExecutionContext.create("pass", embedding_length=DIMENSIONS, format="xtrace")
    store, load = Store(), hushvec.ExecutionContext.load_from_remote
    for name in (made.id, "0" * 64, "mine"):
        store.stored[name] = made.to_dict_enc()
    assert asyncio.run(load("pass", made.id, store)) == made
    assert asyncio.run(load("pass", "mine", store)).id == "mine"
    with pytest.raises(hushvec.InputError, match="the store sent another context"):
        asyncio.run(load("pass", "0" * 64, store))


class Kms:
    """The methods of a boto3 client that are used."""

    def generate_data_key(self, KeyId, KeySpec):
        assert (KeyId, KeySpec) == ("alias/x", "AES_256")
        return {"Plaintext": bytes(range(32)), "CiphertextBlob": b"wrapped"}

    def decrypt(self, CiphertextBlob, KeyId):
        assert (CiphertextBlob, KeyId) == (b"wrapped", "alias/x")
        return {"Plaintext": bytes(range(32))}


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_kms(format):
    provider = hushvec.AWSKMSKeyProvider.create(Kms(), "alias/x")
    made = hushvec.ExecutionContext.create(embedding_length=DIMENSIONS, key_provider=provider, format=format)
    again = hushvec.AWSKMSKeyProvider.from_wrapped(b"wrapped", kms_client=Kms(), key_id="alias/x")
    loaded = hushvec.ExecutionContext._from_serialized_exec_context(made.to_dict_enc(), key_provider=again)
    assert loaded == made and loaded.hash() == made.hash()
    with pytest.raises(RuntimeError, match="there is no key yet"):
        hushvec.AWSKMSKeyProvider(Kms(), "alias/x").get_key()


def test_threads_are_bounded(tmp_path):
    """The library bounds them, for every call with a parameter `threads`."""
    made = hushvec.ExecutionContext.create("p", "paillier_subgroup", DIMENSIONS)
    made.save_to_disk(tmp_path / "context.json")
    client = hushvec.PaillierSubgroupClient(DIMENSIONS, skip_key_gen=True, threads=999_999)
    calls = [
        lambda: hushvec.ExecutionContext.create("p", threads=999_999),
        lambda: hushvec.ExecutionContext.load_from_disk("p", tmp_path / "context.json", threads=999_999),
        lambda: hushvec.PaillierClient(DIMENSIONS, threads=999_999),
        lambda: client.load_stringified_keys(made.homomorphic.stringify_pk(), made.homomorphic.stringify_sk()),
        lambda: hushvec.Evaluator(made.public_context(), threads=999_999),
        lambda: list(hushvec.bench(threads=999_999)),
    ]
    for call in calls:
        with pytest.raises(hushvec.InputError, match="threads"):
            call()


def test_content_is_sealed_for_its_chunk(subgroup):
    sealed = subgroup.aes.encrypt_for("7", "note")
    assert subgroup.aes.decrypt_for("7", sealed) == "note"
    with pytest.raises(hushvec.InputError, match="was not sealed for this chunk"):
        subgroup.aes.decrypt_for("8", sealed)
