"""Behaviour that programs for XTrace's SDK rely on, also in the native format."""

import asyncio
import base64
import json
import os
import pickle
import tempfile

import pytest
from conftest import DIMENSIONS

import hushvec
from hushvec import AESClient, AWSKMSKeyProvider, ExecutionContext, PaillierClient, PassphraseKeyProvider


def create(*, passphrase="correct horse", **options):
    return ExecutionContext.create(passphrase, "paillier", DIMENSIONS, **options)


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_the_names_of_a_sealed_context(format, tmp_path):
    context = create(format=format)
    stored = context.to_dict_enc()
    for name in ["sk", "pk", "type", "config", "key_provider", "wrapped_key"]:
        assert name in stored and stored[name] and stored.get(name) == stored[name]
    assert stored["sk"] != context.homomorphic.stringify_sk()
    assert stored["pk"] == context.homomorphic.stringify_pk()
    assert stored["type"] == "PaillierClient"
    assert "other" not in stored and stored.get("other", 7) == 7
    with pytest.raises(KeyError):
        stored["other"]
    # The names are not entries, and are not written.
    written = json.loads(json.dumps(stored))
    assert written.keys() == json.loads(context.serialize_exec_context()).keys()
    for again in [stored, written]:
        assert ExecutionContext._from_serialized_exec_context(again, passphrase="correct horse") == context


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_a_fixed_salt(format):
    salted = create(salt=b"a salt of one's own", format=format)
    assert salted.to_dict_enc()["sk"] != create(format=format).to_dict_enc()["sk"]
    assert salted.to_dict_enc()["wrapped_key"] != create(format=format).to_dict_enc()["wrapped_key"]
    stored = json.loads(salted.serialize_exec_context())
    load = ExecutionContext._from_serialized_exec_context
    # The salt is stored, so the passphrase alone opens it. So does a provider with the same salt; another salt is an error.
    assert load(stored, passphrase="correct horse") == salted
    assert load(stored, key_provider=PassphraseKeyProvider("correct horse", salt=b"a salt of one's own")) == salted
    assert load(stored, key_provider=PassphraseKeyProvider("correct horse")) == salted
    with pytest.raises(ValueError, match="another salt"):
        load(stored, key_provider=PassphraseKeyProvider("correct horse", salt=b"another salt"))


def test_errors_say_what_the_sdk_says():
    with pytest.raises(ValueError, match="Unsupported client type 'rsa': expected one of paillier"):
        ExecutionContext.create("p", "rsa")
    with pytest.raises(ValueError, match="Either key_provider or passphrase"):
        ExecutionContext.create()
    with pytest.raises(ValueError, match="embedding_length"):
        ExecutionContext.create("p", "paillier", 1024, 512)
    with pytest.raises(ValueError, match="integration is required"):
        asyncio.run(ExecutionContext.load_from_remote("p", "id"))
    with pytest.raises(ValueError, match="32-byte key"):
        AESClient(b"too short")


def test_errors_are_of_the_sdks_types(tmp_path):
    keyless = PaillierClient(DIMENSIONS, skip_key_gen=True)
    for call in [lambda: keyless.encrypt_vec_one([0] * DIMENSIONS), keyless.stringify_sk, AWSKMSKeyProvider(None, "id").get_key]:
        with pytest.raises(RuntimeError):
            call()
    context = create(path=tmp_path / "context.json")
    stored = json.loads(context.serialize_exec_context())
    for call in [
        lambda: context.homomorphic.encrypt_vec_one([0, 1]),
        lambda: context.homomorphic.encrypt_vec_batch([[2] * DIMENSIONS]),
        lambda: ExecutionContext.load_from_disk("wrong", tmp_path / "context.json"),
        lambda: ExecutionContext._from_serialized_exec_context(stored, passphrase="wrong"),
        lambda: ExecutionContext._from_serialized_exec_context(stored),
        lambda: ExecutionContext._from_serialized_exec_context(stored | {"sealed": "x"}, passphrase="correct horse"),
    ]:
        with pytest.raises(ValueError):
            call()
    # Programs use this to load keys, or to create them if there are none.
    for path in [tmp_path / "none.json", str(tmp_path / "none" / "at all.json")]:
        with pytest.raises(FileNotFoundError, match="No such file") as caught:
            ExecutionContext.load_from_disk("p", path)
        assert isinstance(caught.value, hushvec.FileError)
    with pytest.raises(hushvec.FileError, match="directory") as caught:
        ExecutionContext.load_from_disk("p", tmp_path)
    assert not isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_ids_hashes_and_providers(format, tmp_path):
    context, other = create(format=format), create(format=format)
    assert context.embed_len() == DIMENSIONS and context.key_len() == 1024
    assert len(context.id) == 64 and context.id == context.hash() == context.hash()
    assert context == context and context != other and context.hash() != other.hash()
    stored = json.loads(context.serialize_exec_context())
    load = ExecutionContext._from_serialized_exec_context
    assert load(stored, passphrase="correct horse").hash() == context.hash()
    assert load(stored, passphrase="correct horse", context_id="of my own").id == "of my own"
    # A provider takes precedence over a passphrase, and is kept.
    provider = PassphraseKeyProvider("correct horse", salt=b"a salt of its own")
    provided = create(passphrase="not this one", key_provider=provider, format=format)
    assert provided.key_provider is provider and provider.provider_id() == provided.to_dict_enc()["key_provider"] == "passphrase"
    assert load(json.loads(provided.serialize_exec_context()), passphrase="correct horse") == provided
    provided.save_to_disk(str(tmp_path / "context.json"))
    assert ExecutionContext.load_from_disk("correct horse", str(tmp_path / "context.json")) == provided


class Kms:
    """Wraps keys by writing them backwards."""

    def generate_data_key(self, *, KeyId, KeySpec):  # noqa: N803
        assert (KeyId, KeySpec) == ("alias/key", "AES_256")
        key = bytes(range(32))
        return {"Plaintext": key, "CiphertextBlob": key[::-1]}

    def decrypt(self, *, CiphertextBlob, KeyId):  # noqa: N803
        return {"Plaintext": CiphertextBlob[::-1]}


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_keys_of_aws_kms(format, tmp_path):
    provider = AWSKMSKeyProvider.create(Kms(), "alias/key")
    assert provider.provider_id() == "aws_kms" and len(provider.get_key()) == 32
    context = create(passphrase=None, key_provider=provider, format=format)
    context.save_to_disk(tmp_path / "context.json")
    stored = json.loads((tmp_path / "context.json").read_text())
    assert stored["key_provider"] == "aws_kms"
    wrapped = base64.b64decode(stored["wrapped_key"] + "==")
    again = AWSKMSKeyProvider.from_wrapped(wrapped, kms_client=Kms(), key_id="alias/key")
    assert again.get_key() == provider.get_key()
    assert ExecutionContext.load_from_disk(path=str(tmp_path / "context.json"), key_provider=again) == context
    assert ExecutionContext._from_serialized_exec_context(stored, key_provider=again).hash() == context.hash()


def test_content_under_a_raw_key():
    client, other = AESClient(os.urandom(32)), AESClient(os.urandom(32))
    for text in ["", "plain", "päyload 日本語 🔐", "A" * 100_000]:
        sealed = client.encrypt(text)
        assert isinstance(sealed, bytes) and sealed != client.encrypt(text)
        assert client.decrypt(sealed) == client.decrypt(sealed.decode()) == text
        assert pickle.loads(pickle.dumps(client)).decrypt(client.encrypt(text.encode())) == text
        with pytest.raises(ValueError):
            other.decrypt(sealed)
    for broken in [b"", b"not base64!", sealed[:-4], b"A" + sealed[1:] if sealed[:1] != b"A" else b"B" + sealed[1:]]:
        with pytest.raises(ValueError):
            client.decrypt(broken)
    # A passphrase gives the same key every time.
    assert PassphraseKeyProvider("p").get_key() == PassphraseKeyProvider("p", salt=b"").get_key() != PassphraseKeyProvider("q").get_key()
    # Contexts in XTrace's format use it with random salts. It does not decrypt their secret keys.
    context, other = create(format="xtrace"), create(salt=b"", format="xtrace")
    stored = json.loads(context.serialize_exec_context())
    for known in [
        context,
        ExecutionContext._from_serialized_exec_context(stored, passphrase="correct horse"),
        ExecutionContext._from_serialized_exec_context(stored, key_provider=other.key_provider),
        pickle.loads(pickle.dumps(context)),
    ]:
        raw = AESClient(known.key_provider.get_key())
        assert base64.b64encode(known.key_provider.wrap_key()).decode() == stored["wrapped_key"]
        assert raw.decrypt(context.aes.encrypt("a note")) == "a note" == context.aes.decrypt(raw.encrypt("a note"))
    assert context.key_provider.get_key() != other.key_provider.get_key()
    with pytest.raises(ValueError, match="secret key"):
        raw.decrypt(context.to_dict_enc()["sk"])
    with pytest.raises(ValueError, match="secret key"):
        raw.encrypt(context.homomorphic.stringify_sk())


def test_new_keys_do_not_replace_old_ones(tmp_path):
    """For example if a notebook runs twice."""
    path = tmp_path / "context.json"
    context = create(path=path)
    before = path.read_bytes()
    with pytest.raises(hushvec.FileError, match="load_from_disk"):
        create(path=path)
    # Other contexts and other files do not replace them either.
    with pytest.raises(hushvec.FileError, match="holds a secret key"):
        create().save_to_disk(path)
    with pytest.raises(hushvec.FileError, match="holds a secret key"):
        context.encrypt_query([[0] * DIMENSIONS]).save(path)
    assert path.read_bytes() == before
    context.save_to_disk(path)
    assert ExecutionContext.load_from_disk("correct horse", path) == context
    # Programs reserve a name with an empty file.
    with tempfile.NamedTemporaryFile(dir=tmp_path, delete=False) as reserved:
        pass
    assert create(path=reserved.name) == ExecutionContext.load_from_disk("correct horse", reserved.name)
    (tmp_path / "notes").write_text("notes")
    with pytest.raises(hushvec.FileError, match="exists"):
        create(path=tmp_path / "notes")


def test_devices_links_and_other_files_are_not_replaced(tmp_path):
    context = create()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    query = context.encrypt_query([[0] * DIMENSIONS])
    with hushvec.IndexWriter(tmp_path / "index", context) as writer:
        writer.append([[1] * DIMENSIONS])
    for save in [context.save_to_disk, query.save]:
        with pytest.raises(hushvec.FileError, match="symbolic link"):
            save(tmp_path / "link")
        with pytest.raises(hushvec.FileError, match="device"):
            save("/dev/null")
        with pytest.raises(hushvec.FileError, match="folder"):
            save(tmp_path)
        with pytest.raises(hushvec.FileError, match="it is an index"):
            save(tmp_path / "index")
    evaluator = hushvec.Evaluator(context.public_context())
    index = hushvec.Index(tmp_path / "index")
    with pytest.raises(hushvec.FileError, match="it is an index"):
        evaluator.aggregate(query, index, tmp_path / "index")
    assert (tmp_path / "link").is_symlink() and not (tmp_path / "target").exists()
    assert hushvec.Index(tmp_path / "index").nearest(context, [[1] * DIMENSIONS], k=1)[1].tolist() == [[0]]
