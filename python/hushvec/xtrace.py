"""hushvec as the GPU backend of an unmodified XTrace SDK.

With ``DEVICE=gpu`` the SDK imports two modules from its own package that its wheel does not ship. Importing this module
provides them::

    os.environ["DEVICE"] = "gpu"
    import hushvec.xtrace
    from xtrace_sdk.x_vec.utils.execution_context import ExecutionContext   # encrypts and decodes with hushvec

Batches run on the device ``hushvec.xtrace.device``. The default is ``auto``: a GPU if it is faster, else all cores.
The SDK requests an alpha_len of 50, which can be broken in seconds: new keys have 512 instead, with a warning, and
their configuration contains 512. Existing keys load with a warning.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Sequence
from typing import Any

from ._hushvec import InputError
from .clients import HammingClient, PaillierClient, PaillierLookupClient

#: The device of clients created after it is set.
device = "auto"

#: Whether these clients compute with secrets on the CPU only, and use a GPU for public work only. The SDK does not
#: store or pickle this setting, so set it in every process that creates or loads clients.
secrets_on_cpu = False


class _GpuClient:
    """The SDK's interface of GPU clients: ciphertexts as key_len/2 little-endian bytes."""

    _client_type: type[HammingClient]

    def __init__(self, embed_len: int = 512, key_len: int = 1024, skip_key_gen: bool = False, **sizes: int) -> None:
        self._client = self._client_type(
            embed_len=embed_len,
            key_len=key_len,
            skip_key_gen=skip_key_gen,
            device=device,
            secrets_on_cpu=secrets_on_cpu,
            **sizes,
        )

    @property
    def embed_len(self) -> int:
        return self._client.embed_len

    @property
    def key_len(self) -> int:
        return self._client.key_len

    def encrypt_bytes(self, embds: Sequence[Sequence[int]]) -> list[list[bytes]]:
        """Encrypts vectors. Returns a list of one ciphertext for each."""
        encrypted = self._client._keys.encrypt(embds)
        return [[row.tobytes()] for row in encrypted]

    def decode_hamming_client_bytes(self, ciphers: Sequence[Sequence[bytes]]) -> list[int]:
        """Decrypts encrypted distances, each in a list of one ciphertext."""
        distances: list[int] = self._client.decode_hamming_client_batch(ciphers)
        return distances

    def stringify_pk(self) -> str:
        return self._client.stringify_pk()

    def stringify_sk(self) -> str:
        return self._client.stringify_sk()

    def stringify_config(self) -> str:
        return self._client.stringify_config()

    def load_stringified_keys(self, pk: str, sk: str) -> None:
        self._client.load_stringified_keys(pk, sk)

    def load_config(self, config: dict[str, int], tables: dict[str, Any] | None = None) -> None:
        """Loads a configuration. Ignores tables: computing new ones is faster than reading them."""
        self._client.load_config(config)

    def load_config_bytes(self, config: dict[str, int], tables: dict[str, Any] | None = None) -> None:
        """The same as :meth:`load_config`."""
        self._client.load_config(config)

    def dump_tables(self) -> dict[str, Any]:
        """Returns no tables: loading keys needs none."""
        return {}

    def dump_tables_bytes(self) -> dict[str, Any]:
        """Returns no tables: loading keys needs none."""
        return {}


class PaillierGPUClient(_GpuClient):
    """The backend of the SDK's ``PaillierClient``."""

    _client_type = PaillierClient


class PaillierGPULookupClient(_GpuClient):
    """The backend of the SDK's ``PaillierLookupClient``."""

    _client_type = PaillierLookupClient

    def __init__(
        self, embed_len: int = 512, key_len: int = 1024, alpha_len: int = 50, skip_key_gen: bool = False
    ) -> None:
        super().__init__(embed_len, key_len, skip_key_gen, alpha_len=alpha_len)

    def load_stringified_keys(self, pk: str, sk: str) -> None:
        # A pickled SDK client stores the alpha_len that it requested, not that of its keys.
        try:
            bits = int(json.loads(sk)["a"]).bit_length()
        except (LookupError, TypeError, ValueError):
            # Without the original error, which quotes the secret key.
            raise InputError("the secret key is not in the form of PaillierLookupClient") from None
        self._client._alpha_len = bits + bits % 2
        super().load_stringified_keys(pk, sk)


def _register() -> None:
    """Registers the modules under the names that the SDK imports."""
    for name, backend in (("paillier_GPU_client", PaillierGPUClient), ("paillier_GPU_lookup_client", PaillierGPULookupClient)):
        module = types.ModuleType(f"xtrace_sdk.x_vec.crypto.{name}", "Provided by hushvec.xtrace.")
        setattr(module, backend.__name__, backend)
        sys.modules[module.__name__] = module


_register()

__all__ = ["PaillierGPUClient", "PaillierGPULookupClient", "device", "secrets_on_cpu"]
