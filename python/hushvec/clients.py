"""Homomorphic clients, with the methods of XTrace's SDK for arrays and for lists of integers."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any, ClassVar, Self

from . import _hushvec
from ._hushvec import Context, InputError, Provider
from .number_keys import DecryptsNumbers
from .vectors import EncryptsVectors

#: The smallest alpha_len of a new key.
LEAST_ALPHA_LEN = 448
#: The default alpha_len of a new key.
ALPHA_LEN = 512


class HammingClient(EncryptsVectors, DecryptsNumbers):
    """The base class of the clients. Use one of its subclasses.

    Batches are arrays: vectors (N, D) of 0 and 1, booleans or floats (1 where above zero), or (N, D/8) uint8 of
    packed bits; ciphertexts (N, key_len/2) uint8, one little-endian integer per row; distances (N,) uint32. The
    methods also take lists, as the SDK passes them, and then return lists: a vector is a list of 0 and 1, its
    ciphertext a list of one integer.

    Long batches release the GIL and can be interrupted with Ctrl-C.
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
            self._alpha_len = _strong_alpha_len(alpha_len)
        self._context = Context.generate(
            self._scheme, embed_len, key_len, self._alpha_len, device, threads, secrets_on_cpu, _throwaway_provider(), "native"
        )

    @classmethod
    def _of(cls, context: Context, threads: int | None = None) -> HammingClient:
        """Returns the client of existing keys."""
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
        """The number of dimensions of a vector."""
        return self._embed_len

    @property
    def key_len(self) -> int:
        """The length of each prime in bits. n has twice as many."""
        return self._key_len

    @property
    def device(self) -> str:
        """The device that computes batches: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``. It can be set."""
        return self._device

    @device.setter
    def device(self, device: str) -> None:
        if self._context is not None:
            self._context = self._context.on_device(device, self._threads)
        self._device = device

    @property
    def secrets_on_cpu(self) -> bool:
        """Whether all computation with secrets stays on the CPU, whatever the device."""
        return self._secrets_on_cpu

    @property
    def device_used(self) -> str:
        """The name of the device that computes with secrets."""
        return self._keys.device_used

    @property
    def public_id(self) -> str:
        """The SHA-256 hash of the public key and configuration. Indexes and responses contain it."""
        return self._keys.public_id

    def public_context(self) -> str:
        """Returns the public context as JSON: all that an evaluator needs, without secrets."""
        return self._keys.public_text()

    def stringify_pk(self) -> str:
        """Returns the public key as JSON, in the SDK's form."""
        return self._keys.pk()

    def stringify_sk(self) -> str:
        """Returns the secret key as JSON, in the SDK's form. Anyone who has it can decrypt everything."""
        return self._keys.sk()

    def stringify_config(self) -> str:
        """Returns the configuration as JSON, in the SDK's form."""
        return self._context.config() if self._context is not None else self._config()

    def _config(self) -> str:
        config: dict[str, int] = {"embed_len": self._embed_len, "key_len": self._key_len}
        if self._has_alpha:
            config = {"alpha_len": self._alpha_len or ALPHA_LEN, **config}
        if self._scheme == "paillier_lookup":
            config = {"message_chunks": -(-2 * self._key_len // 8), **config}
        return json.dumps(config)

    def load_stringified_keys(self, pk: str, sk: str) -> None:
        """Loads keys from ``stringify_pk`` and ``stringify_sk``, of this package or of the SDK. Checks that all their
        numbers are consistent. Accepts a key that is known to be weak, with a warning.

        :raises InputError: if they are not keys of this scheme and length, or do not belong together.
        """
        self._context = Context.from_keys(
            self._name(),
            pk,
            sk,
            self._config(),
            self._device,
            self._threads,
            self._secrets_on_cpu,
            _throwaway_provider(),
        )
        if self._context.weakness is not None:
            warnings.warn(f"weak key: {self._context.weakness}", stacklevel=2)

    def load_config(self, config: dict[str, int], precomputed_tables: dict[str, Any] | None = None) -> None:
        """Loads a parsed configuration from ``stringify_config``. Tables are optional: they are checked, but not
        used."""
        before = (self._embed_len, self._key_len, self._alpha_len)
        self._embed_len = config.get("embed_len", self._embed_len)
        self._key_len = config.get("key_len", self._key_len)
        self._alpha_len = config.get("alpha_len", self._alpha_len) if self._has_alpha else None
        changed = before != (self._embed_len, self._key_len, self._alpha_len)
        if changed and self._context is not None:
            self._context = self._context.with_config(self._name(), self._config(), _throwaway_provider())
        if precomputed_tables and self._context is not None:
            self._context.check_tables(json.dumps(precomputed_tables))

    def dump_tables(self) -> dict[str, Any]:
        """Returns the tables of the SDK's lookup client; empty for other clients."""
        tables: dict[str, Any] = json.loads(self._keys.tables())
        return tables if any(tables.values()) else {}

    @classmethod
    def _name(cls) -> str:
        """Returns the class name that files contain, also for subclasses defined by users."""
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

    :param embed_len: The number of dimensions of a vector, smaller than ``key_len``.
    :param key_len: The length of each prime in bits, at least 1024. n has twice as many.
    :param skip_key_gen: Create no keys, to load them later.
    :param device: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``.
    :param threads: The number of threads; one per core by default.
    :param secrets_on_cpu: Compute with secrets on the CPU only, and use a GPU for public work only. Copies, pickles and
        Ray workers keep this setting, also on another device.
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
        """Returns whether this machine has a usable GPU."""
        return has_gpu()


class PaillierLookupClient(HammingClient):
    """The scheme of the SDK's lookup client: noise from a small hidden subgroup. See :class:`PaillierClient`.

    :param alpha_len: The length of the secret exponents in bits, twice the security level of the subgroup. Default:
        512. New keys with less than 448 get 512 instead, with a warning. The SDK's 50 can be broken in seconds.
    """

    _scheme = "paillier_lookup"
    _has_alpha = True

    @property
    def alpha_len(self) -> int:
        """The length of the secret exponents in bits."""
        return self._alpha_len or ALPHA_LEN

    @staticmethod
    def has_gpu() -> bool:
        """Returns whether this machine has a usable GPU."""
        return has_gpu()


class PaillierSubgroupClient(HammingClient):
    """Paillier with noise from a subgroup (Ma, Han and Lei 2021), the fastest scheme. See
    :class:`PaillierLookupClient`."""

    _scheme = "paillier_subgroup"
    _has_alpha = True

    @property
    def alpha_len(self) -> int:
        """The length of the secret exponents in bits."""
        return self._alpha_len or ALPHA_LEN


CLIENTS = {client._scheme: client for client in (PaillierClient, PaillierLookupClient, PaillierSubgroupClient)}


def client_type(name: str) -> type[HammingClient]:
    """Returns the client class of a scheme."""
    try:
        return CLIENTS[name.lower()]
    except KeyError:
        raise InputError(f"Unsupported client type {name!r}: expected one of {', '.join(CLIENTS)}") from None


def devices() -> dict[str, Any]:
    """Returns the CPU (``cpu``), the GPUs (``gpus``, in the order ``gpu:0``, ``gpu:1``, …) and the device that
    ``auto`` selects."""
    found: dict[str, Any] = json.loads(_hushvec.devices())
    return found


def has_gpu() -> bool:
    """Returns whether this machine has a usable GPU."""
    return any(not gpu["software"] for gpu in devices()["gpus"])


def _strong_alpha_len(alpha_len: int | None) -> int:
    """Returns the alpha_len of a new key: the default if it is missing or too small."""
    if alpha_len is None:
        return ALPHA_LEN
    if alpha_len < LEAST_ALPHA_LEN:
        text = f"alpha_len {alpha_len} can be broken; the new key has {ALPHA_LEN} instead (at least {LEAST_ALPHA_LEN} is needed)"
        warnings.warn(text, stacklevel=4)
        return ALPHA_LEN
    return alpha_len


def _throwaway_provider() -> Provider:
    """Returns a provider with a random key. A client without a context is never stored, so its key is never needed
    again."""
    return Provider.key("none", os.urandom(32), b"")
