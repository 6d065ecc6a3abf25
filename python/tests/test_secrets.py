"""The device that computes with secrets, and the calls that use secrets."""

import asyncio
import copy
import inspect
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys

import pytest
from conftest import DIMENSIONS
from test_context import Store

import hushvec
from hushvec import clients, xtrace
from hushvec.clients import HammingClient

#: A device with which secrets could be on a GPU. Software Vulkan is enough.
DEVICE = "gpu" if hushvec.devices()["gpus"] else "auto"
Context = hushvec.ExecutionContext


@pytest.fixture(scope="module", params=["paillier", "paillier_lookup", "paillier_subgroup"])
def client(request):
    return clients.CLIENTS[request.param](DIMENSIONS, device=DEVICE, secrets_on_cpu=True)


@pytest.fixture(scope="module", params=["native", "xtrace"])
def careful(request):
    return Context.create("p", "paillier", DIMENSIONS, device=DEVICE, secrets_on_cpu=True, format=request.param)


def on_device(one, device):
    one.device = device
    return one


def loaded(client, **options):
    empty = type(client)(DIMENSIONS, skip_key_gen=True, **options)
    empty.load_stringified_keys(client.stringify_pk(), client.stringify_sk())
    return empty


def resized(client):
    client.load_config({"embed_len": DIMENSIONS // 2})
    return client


def without_keys(client):
    empty = type(client)(DIMENSIONS, skip_key_gen=True, device=DEVICE, secrets_on_cpu=True)
    copied = on_device(pickle.loads(pickle.dumps(empty)), DEVICE)
    copied.load_stringified_keys(client.stringify_pk(), client.stringify_sk())
    return copied


def in_a_worker(keys):
    return pytest.importorskip("hushvec.ray.keys").Portable.of(keys)


def saved(context, path, **options):
    context.save_to_disk(path)
    return Context.load_from_disk("p", path, **options)


def remote(context, **options):
    store = Store()
    name = asyncio.run(context.save_to_remote(store))
    return asyncio.run(Context.load_from_remote("p", name, store, **options))


def again(one):
    return pickle.loads(pickle.dumps(one))


#: Every way to get a client from another.
OF_CLIENTS = {
    "made": lambda client: client,
    "another device": lambda client: on_device(again(client), "cpu"),
    "there and back": lambda client: on_device(on_device(again(client), "cpu"), DEVICE),
    "keys loaded": lambda client: loaded(client, device=DEVICE, secrets_on_cpu=True),
    "without keys at first": without_keys,
    "other sizes": lambda client: resized(again(client)),
    "pickled": again,
    "pickled twice": lambda client: again(again(client)),
    "copied": copy.copy,
    "deeply copied": copy.deepcopy,
    "a Ray worker's": lambda client: again(in_a_worker(client)).open(DEVICE, 1),
    "of a context": lambda client: Context(client, hushvec.PassphraseKeyProvider("p")),
    "of a context, again": lambda client: again(Context(client, hushvec.PassphraseKeyProvider("p"))),
}

#: Every way to get a context from another. XTrace's format does not store the setting, so it is given again.
OF_CONTEXTS = {
    "made": lambda context, path: context,
    "another device": lambda context, path: on_device(again(context), "cpu"),
    "there and back": lambda context, path: on_device(on_device(again(context), "cpu"), DEVICE),
    "pickled": lambda context, path: again(context),
    "copied": lambda context, path: copy.copy(context),
    "deeply copied": lambda context, path: copy.deepcopy(context),
    "rekeyed": lambda context, path: Context(context.homomorphic, hushvec.PassphraseKeyProvider("q")),
    "a Ray worker's": lambda context, path: again(in_a_worker(context)).open(DEVICE, 1),
    "saved": lambda context, path: saved(context, path, **options_of(context)),
    "saved, another device": lambda context, path: saved(context, path, device=DEVICE, **options_of(context)),
    "of a dictionary": lambda context, path: Context._from_serialized_exec_context(
        context.to_dict_enc(), "p", device=DEVICE, **options_of(context)
    ),
    "remote": lambda context, path: remote(context, **options_of(context)),
    "remote, another device": lambda context, path: remote(context, device=DEVICE, **options_of(context)),
}


def options_of(context):
    return {"secrets_on_cpu": True} if context.format == "xtrace" else {}


def assert_careful(one):
    """Checks that secrets stay on the CPU, for a client or a context and its client."""
    assert one.secrets_on_cpu and one.device_used == "cpu"
    assert one._keys.secrets_on_cpu and one._keys.device_used == "cpu"
    assert "secrets on cpu" in repr(one)
    if isinstance(one, Context):
        assert one._context.secrets_on_cpu and one._context.device_used == "cpu"
        assert_careful(one.homomorphic)


@pytest.mark.parametrize("way", OF_CLIENTS)
def test_clients_keep_secrets_on_the_cpu(client, way):
    assert_careful(OF_CLIENTS[way](client))


@pytest.mark.parametrize("way", OF_CONTEXTS)
def test_contexts_keep_secrets_on_the_cpu(careful, way, tmp_path):
    assert_careful(OF_CONTEXTS[way](careful, tmp_path / "context.json"))


def test_the_backend_of_the_sdk_keeps_secrets_on_the_cpu(monkeypatch):
    monkeypatch.setattr(xtrace, "secrets_on_cpu", True)
    monkeypatch.setattr(xtrace, "device", DEVICE)
    made = xtrace.PaillierGPUClient(DIMENSIONS)
    again = xtrace.PaillierGPUClient(DIMENSIONS, skip_key_gen=True)
    again.load_stringified_keys(made.stringify_pk(), made.stringify_sk())
    for one in (made, again, copy.deepcopy(again)):
        assert_careful(one._client)


def test_by_default_secrets_are_on_the_device():
    """So the property that the other tests check does make a difference."""
    made = hushvec.PaillierClient(DIMENSIONS, device=DEVICE)
    assert not made.secrets_on_cpu and "secrets on cpu" not in repr(made)
    assert (made.device_used == "cpu") == (DEVICE == "auto")


def test_every_call_with_a_device_has_secrets_on_cpu():
    """Fails if a new call lacks it."""
    owners = [Context, HammingClient, *clients.CLIENTS.values()]
    methods = {f"{owner.__name__}.{name}": method for owner in owners for name, method in inspect.getmembers(owner, callable)}
    taking = {name for name, method in methods.items() if "device" in parameters(method)}
    assert {"ExecutionContext.create", "ExecutionContext._load", "PaillierClient.__init__"} <= taking
    assert [name for name in taking if "secrets_on_cpu" not in parameters(methods[name])] == []


def test_the_tables_have_every_way():
    """Compares the calls that create native contexts, according to the stubs. Add new ones to the tables above."""
    stubs = pathlib.Path(hushvec.__file__).with_name("_hushvec.pyi").read_text()
    makers = re.findall(r"def (\w+)\([^)]*\) -> Context:", stubs)
    assert sorted(makers) == ["from_keys", "from_text", "generate", "on_device", "with_config", "with_provider"]


def parameters(method):
    try:
        return inspect.signature(method).parameters
    except ValueError:
        return {}


class Touched(Exception):
    """A secret was requested."""


class Watched:
    """A native context that raises an exception when its secret key is used."""

    def __init__(self, context):
        self.__context = context

    def __getattr__(self, name):
        if name in ("sk", "plain", "decrypt_content"):
            raise Touched(name)
        return getattr(self.__context, name)


def test_public_getters_touch_no_secret():
    client = hushvec.PaillierLookupClient(DIMENSIONS)
    context = Context(client, hushvec.PassphraseKeyProvider("p"))
    client._context, context._context = Watched(client._context), Watched(context._context)
    for owner in (client, context):
        for name, value in inspect.getmembers(type(owner), lambda member: isinstance(member, property)):
            if value.fset is None and not name.startswith("_"):
                getattr(owner, name)
        owner.public_context()
        assert repr(owner)
    assert json.loads(client.stringify_pk())["n"] and json.loads(client.stringify_config())["alpha_len"] == 512
    assert context.hash() == context.id == context.public_id
    context.device = "cpu"
    client.load_config({"embed_len": DIMENSIONS // 2})
    assert client.embed_len == DIMENSIONS // 2
    client._context = Watched(client._context)
    for secret in (client.stringify_sk, client.__getstate__):
        with pytest.raises(Touched):
            secret()


def test_errors_quote_no_secret():
    client = hushvec.PaillierLookupClient(DIMENSIONS)
    pk, sk = client.stringify_pk(), client.stringify_sk()
    digits = [str(number)[-50:-10] for number in json.loads(sk).values()]
    empty = hushvec.PaillierLookupClient(DIMENSIONS, skip_key_gen=True)
    backend = xtrace.PaillierGPULookupClient(DIMENSIONS, skip_key_gen=True)
    texts = [sk[:-1], sk[1:], f"[{sk}]", sk.replace(": ", ': "', 2), sk.replace('"a": ', '"a": "x'), sk.replace("}", ', "b": 1}'), ""]
    for bad in texts:
        for load in (empty.load_stringified_keys, backend.load_stringified_keys):
            for given in ((pk, bad), (bad, pk), (bad, sk)):
                with pytest.raises(hushvec.InputError) as caught:
                    load(*given)
                error = caught.value
                assert not any(part in f"{error!r} {vars(error)}" for part in digits)
                assert error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)
    # The two keys swapped.
    with pytest.raises(hushvec.InputError) as caught:
        empty.load_stringified_keys(sk, pk)
    assert not any(part in str(caught.value) for part in digits)


#: Opens a context, reads everything public, and waits.
CHILD = """
import sys, hushvec
context = hushvec.ExecutionContext.load_from_disk("p", sys.argv[1])
client = context.homomorphic
kept = [client.stringify_pk(), client.stringify_config(), context.public_context(), context.id, repr(context)]
context.device = "cpu"
client.load_config({"embed_len": client.embed_len - 1})
kept += [client.stringify_pk(), hushvec.ExecutionContext(client, hushvec.PassphraseKeyProvider("q")).id]
if sys.argv[2] == "sk":
    kept.append(client.stringify_sk())
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("scheme", ["paillier", "paillier_subgroup"])
def test_public_getters_leave_no_secret_text_in_memory(scheme, tmp_path):
    context = Context.create("p", scheme, DIMENSIONS)
    context.save_to_disk(tmp_path / "context.json")
    secret = json.loads(context.homomorphic.stringify_sk())
    # Not the first digits, where φ(n) equals n.
    needles = [str(number)[-50:-10].encode() for number in secret.values()]
    assert in_memory_of_child(tmp_path / "context.json", "sk", needles), "the search must find a secret that is in memory"
    assert not in_memory_of_child(tmp_path / "context.json", "public", needles)


def in_memory_of_child(path, what, needles):
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, os.fspath(path), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout.readline() == b"ready\n"
            try:
                return any(needle in region for region in regions(child.pid) for needle in needles)
            except PermissionError:
                pytest.skip("no process may read another's memory here")
        finally:
            child.stdin.close()


def regions(process):
    lines = pathlib.Path(f"/proc/{process}/maps").read_text().splitlines()
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in lines:
            place, rights = line.split()[:2]
            start, end = (int(address, 16) for address in place.split("-"))
            if rights.startswith("rw"):
                memory.seek(start)
                try:
                    yield memory.read(end - start)
                except OSError:
                    # Device memory cannot be read.
                    continue
