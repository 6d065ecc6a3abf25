"""Content under a raw key, as XTrace's SDK encrypts it."""

from __future__ import annotations

from typing import Any

from ._hushvec import InputError, Provider


class AESClient:
    """AES-256-GCM under a key, such as a provider's ``get_key()``. It reads and writes what the SDK's ``AESClient`` does.

    ``context.aes`` is better: in the native format it can tie content to one chunk, and its key is not the one that seals the
    secret key. Here that key is the same, so what reads as a secret key is refused, in both directions.

    :param key: 32 bytes.
    :raises InputError: if it has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise InputError(f"AES-256 requires a 32-byte key, got {len(key)}")
        self._key = Provider.key("none", key, b"")

    def encrypt(self, raw: str | bytes) -> bytes:
        """Seals text or bytes: base64.

        :raises InputError: if it reads as a secret key.
        """
        return self._key.encrypt_content(raw.encode() if isinstance(raw, str) else raw).encode()

    def decrypt(self, enc: bytes | str) -> str:
        """Opens what :meth:`encrypt`, the SDK, or ``context.aes`` in XTrace's format sealed.

        :raises InputError: if it was changed, sealed under another key, or is a secret key.
        """
        return self._key.decrypt_content(enc if isinstance(enc, str) else enc.decode()).decode()

    def __reduce__(self) -> tuple[Any, ...]:
        # The key goes with it.
        return type(self), (bytes(self._key.get_key()),)

    def __repr__(self) -> str:
        return "AESClient(…)"
