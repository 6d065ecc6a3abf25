"""What programs that were written for XTrace's SDK rely on, in the native format too."""

import json
import tempfile

import pytest
from conftest import DIMENSIONS

import hushvec
from hushvec import ExecutionContext, PassphraseKeyProvider


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
    # The names are no entries: what is written is what it was.
    written = json.loads(json.dumps(stored))
    assert written.keys() == json.loads(context.serialize_exec_context()).keys()
    for again in [stored, written]:
        assert ExecutionContext._from_serialized_exec_context(again, passphrase="correct horse") == context


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_a_salt_of_ones_own(format):
    salted = create(salt=b"a salt of one's own", format=format)
    assert salted.to_dict_enc()["sk"] != create(format=format).to_dict_enc()["sk"]
    assert salted.to_dict_enc()["wrapped_key"] != create(format=format).to_dict_enc()["wrapped_key"]
    stored = json.loads(salted.serialize_exec_context())
    load = ExecutionContext._from_serialized_exec_context
    # The salt is stored, so the passphrase is enough, and so is the same salt; another one is an error.
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


def test_new_keys_do_not_replace_old_ones(tmp_path):
    """A notebook runs twice."""
    path = tmp_path / "context.json"
    context = create(path=path)
    before = path.read_bytes()
    with pytest.raises(hushvec.FileError, match="load_from_disk"):
        create(path=path)
    # Nor do keys of another context, or other files.
    with pytest.raises(hushvec.FileError, match="holds a secret key"):
        create().save_to_disk(path)
    with pytest.raises(hushvec.FileError, match="holds a secret key"):
        context.encrypt_query([[0] * DIMENSIONS]).save(path)
    assert path.read_bytes() == before
    context.save_to_disk(path)
    assert ExecutionContext.load_from_disk("correct horse", path) == context
    # As programs reserve a name.
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
