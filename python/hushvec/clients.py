"""The homomorphic clients, with the methods of XTrace's SDK, on arrays and on lists of integers."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any, ClassVar, Self

from . import _hushvec
from ._hushvec import Context, InputError, Provider
from .number_keys import DecryptsNumbers
from .vectors import EncryptsVectors

#: The least alpha_len of a new key.
LEAST_ALPHA_LEN = 448
#: That of a new key unless another is given.
ALPHA_LEN = 512


class HammingClient(EncryptsVectors, DecryptsNumbers):
    """What the clients have in common. Use one of its subclasses.

    Batches are arrays: vectors (N, D) of 0 and 1, booleans or floats (1 where above zero), or (N, D/8) uint8 of packed
    bits; ciphertexts (N, key_len/2) uint8, one little-endian integer a row; distances (N,) uint32. Lists, as the SDK
    passes them, are answered with lists: a vector is a list of 0 and 1, its ciphertext a list of one integer.

    Long batches hear Ctrl-C, and release the interpreter's lock.
    """

    _scheme: ClassVar[str]
    _has_alpha: ClassVar[bool]

    def __init__(
        self,
        embed_len: int = 512,
        key_len: int = 1024,
        alpha_len: int | None = None,
        skip_key_gen: bool = False,
        *,
        device: str = "auto",
        threads: int | None = None,
        secrets_on_cpu: bool = False,
    ) -> None:
        self._embed_len, self._key_len = embed_len, key_len
        self._alpha_len = alpha_len if self._has_alpha else None
        self._device, self._threads, self._secrets_on_cpu = device, threads, secrets_on_cpu
        self._context: Context | None = None
        if skip_key_gen:
            return
        if self._has_alpha:
            self._alpha_len = _strong(alpha_len)
        self._context = Context.generate(
            self._scheme, embed_len, key_len, self._alpha_len, device, threads, secrets_on_cpu, _unsealed(), "native"
        )

    @classmethod
    def _of(cls, context: Context, threads: int | None = None) -> HammingClient:
        """The client of keys that are there already."""
        client = cls(context.embed_len, context.key_len, context.alpha_len, skip_key_gen=True)
        return client._open(context, threads)

    def _open(self, context: Context, threads: int | None) -> Self:
        self._context = context
        self._device, self._threads, self._secrets_on_cpu = context.device, threads, context.secrets_on_cpu
        return self

    # Keys and configuration.

    @property
    def _keys(self) -> Context:
        if self._context is None:
            raise RuntimeError("there are no keys yet: call load_stringified_keys")
        return self._context

    @property
    def embed_len(self) -> int:
        """Dimensions of a vector."""
        return self._embed_len

    @property
    def key_len(self) -> int:
        """Length of each prime in bits; n has twice as many."""
        return self._key_len

    @property
    def device(self) -> str:
        """Where batches are computed: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``. It can be set."""
        return self._device

    @device.setter
    def device(self, device: str) -> None:
        if self._context is not None:
            self._context = self._context.on(device, self._threads)
        self._device = device

    @property
    def secrets_on_cpu(self) -> bool:
        """Whether everything that needs a secret is computed on the CPU, whatever the device."""
        return self._secrets_on_cpu

    @property
    def device_used(self) -> str:
        """The device that is really used for what needs a secret, by name."""
        return self._keys.device_used

    @property
    def public_id(self) -> str:
        """SHA-256 of public key and configuration, as indexes and responses carry it."""
        return self._keys.public_id

    def public_context(self) -> str:
        """What an evaluator needs, as JSON, and nothing else."""
        return self._keys.public_text()

    def stringify_pk(self) -> str:
        """The public key as JSON, in the SDK's form."""
        return self._keys.pk()

    def stringify_sk(self) -> str:
        """The secret key as JSON, in the SDK's form. Whoever has it reads everything."""
        return self._keys.sk()

    def stringify_config(self) -> str:
        """Sizes as JSON, in the SDK's form."""
        return self._context.config() if self._context is not None else self._config()

    def _config(self) -> str:
        config: dict[str, int] = {"embed_len": self._embed_len, "key_len": self._key_len}
        if self._has_alpha:
            config = {"alpha_len": self._alpha_len or ALPHA_LEN, **config}
        if self._scheme == "paillier_lookup":
            config = {"message_chunks": -(-2 * self._key_len // 8), **config}
        return json.dumps(config)

    def load_stringified_keys(self, pk: str, sk: str) -> None:
        """Takes keys that ``stringify_pk`` and ``stringify_sk`` returned, here or in the SDK. All numbers are checked
        against each other. A key that is known to be weak is taken with a warning.

        :raises InputError: if they are not keys of this kind and length, or do not belong together.
        """
        self._context = Context.from_keys(
            self._name(),
            pk,
            sk,
            self._config(),
            self._device,
            self._threads,
            self._secrets_on_cpu,
            _unsealed(),
        )
        if self._context.weakness is not None:
            warnings.warn(f"weak key: {self._context.weakness}", stacklevel=2)

    def load_config(self, config: dict[str, int], precomputed_tables: dict[str, Any] | None = None) -> None:
        """Takes sizes that ``stringify_config`` returned, parsed. Tables are checked, and not needed."""
        before = (self._embed_len, self._key_len, self._alpha_len)
        self._embed_len = config.get("embed_len", self._embed_len)
        self._key_len = config.get("key_len", self._key_len)
        self._alpha_len = config.get("alpha_len", self._alpha_len) if self._has_alpha else None
        changed = before != (self._embed_len, self._key_len, self._alpha_len)
        if changed and self._context is not None:
            self._context = self._context.with_config(self._name(), self._config(), _unsealed())
        if precomputed_tables and self._context is not None:
            self._context.check_tables(json.dumps(precomputed_tables))

    def dump_tables(self) -> dict[str, Any]:
        """The tables that the SDK's lookup client works with; empty for other clients."""
        tables: dict[str, Any] = json.loads(self._keys.tables())
        return tables if any(tables.values()) else {}

    @classmethod
    def _name(cls) -> str:
        """The name that files have for this kind of client, whatever a subclass is called."""
        return next(base.__name__ for base in cls.__mro__ if "_scheme" in base.__dict__)

    def __getstate__(self) -> dict[str, Any]:
        state = {
            "device": self._device,
            "threads": self._threads,
            "secrets_on_cpu": self._secrets_on_cpu,
            "config": self.stringify_config(),
        }
        if self._context is not None:
            state |= {"pk": self.stringify_pk(), "sk": self.stringify_sk()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        config = json.loads(state["config"])
        self._embed_len, self._key_len = config["embed_len"], config["key_len"]
        self._alpha_len = config.get("alpha_len")
        self._device, self._threads = state["device"], state["threads"]
        self._secrets_on_cpu = state.get("secrets_on_cpu", False)
        self._context = None
        if "sk" in state:
            self.load_stringified_keys(state["pk"], state["sk"])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HammingClient) or None in (self._context, other._context):
            return self is other
        return self._context == other._context

    def __hash__(self) -> int:
        return hash(self._context)

    def __repr__(self) -> str:
        keys = "no keys yet" if self._context is None else self.public_id[:16]
        device = f"{self._device}, secrets on cpu" if self._secrets_on_cpu else self._device
        return f"<{type(self).__name__} {keys}, key_len {self._key_len}, {self._embed_len} dimensions, {device}>"


class PaillierClient(HammingClient):
    """The classic Paillier cryptosystem, g = 1 + n.

    :param embed_len: Dimensions of a vector, below ``key_len``.
    :param key_len: Length of each prime in bits, from 1024; n has twice as many.
    :param skip_key_gen: Make no keys: they are loaded later.
    :param device: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``.
    :param threads: Threads to compute with; one a core if not given.
    :param secrets_on_cpu: Compute whatever needs a secret on the CPU, and use a GPU for public work only. It holds for
        copies, pickles, other devices and Ray workers too.
    """

    _scheme = "paillier"
    _has_alpha = False

    def __init__(
        self,
        embed_len: int = 512,
        key_len: int = 1024,
        skip_key_gen: bool = False,
        *,
        device: str = "auto",
        threads: int | None = None,
        secrets_on_cpu: bool = False,
    ) -> None:
        super().__init__(
            embed_len, key_len, None, skip_key_gen, device=device, threads=threads, secrets_on_cpu=secrets_on_cpu
        )

    @classmethod
    def _of(cls, context: Context, threads: int | None = None) -> HammingClient:
        return cls(context.embed_len, context.key_len, True)._open(context, threads)

    @staticmethod
    def has_gpu() -> bool:
        """Whether there is a GPU that could be used."""
        return has_gpu()


class PaillierLookupClient(HammingClient):
    """The SDK's lookup client: noise from a small hidden subgroup of alpha_len bits. See :class:`PaillierClient`.

    :param alpha_len: Bits of security of the subgroup, twice over: 512 unless given. Below 448 is refused for new
        keys, with a warning, and 512 taken; the SDK's 50 can be broken in seconds.
    """

    _scheme = "paillier_lookup"
    _has_alpha = True

    @property
    def alpha_len(self) -> int:
        """Length of the secret exponents in bits."""
        return self._alpha_len or ALPHA_LEN

    @staticmethod
    def has_gpu() -> bool:
        """Whether there is a GPU that could be used."""
        return has_gpu()


class PaillierSubgroupClient(HammingClient):
    """Paillier with noise from a subgroup (Ma, Han and Lei 2021): the fastest. See :class:`PaillierLookupClient`."""

    _scheme = "paillier_subgroup"
    _has_alpha = True

    @property
    def alpha_len(self) -> int:
        """Length of the secret exponents in bits."""
        return self._alpha_len or ALPHA_LEN


CLIENTS = {client._scheme: client for client in (PaillierClient, PaillierLookupClient, PaillierSubgroupClient)}


def client_type(name: str) -> type[HammingClient]:
    """The class of a scheme."""
    try:
        return CLIENTS[name.lower()]
    except KeyError:
        raise InputError(f"Unsupported client type {name!r}: expected one of {', '.join(CLIENTS)}") from None


def devices() -> dict[str, Any]:
    """The processor (``cpu``), the GPUs (``gpus``, in the order of ``gpu:0``, ``gpu:1``, …) and what ``auto`` picks."""
    found: dict[str, Any] = json.loads(_hushvec.devices())
    return found


def has_gpu() -> bool:
    """Whether there is a GPU that could be used."""
    return any(not gpu["software"] for gpu in devices()["gpus"])


def _strong(alpha_len: int | None) -> int:
    """The alpha_len of a new key."""
    if alpha_len is None:
        return ALPHA_LEN
    if alpha_len < LEAST_ALPHA_LEN:
        text = f"alpha_len {alpha_len} can be broken; the new key has {ALPHA_LEN} instead (at least {LEAST_ALPHA_LEN} is needed)"
        warnings.warn(text, stacklevel=4)
        return ALPHA_LEN
    return alpha_len


def _unsealed() -> Provider:
    """A client alone is never stored, so nothing has to find this key again."""
    return Provider.key("none", os.urandom(32), b"")
