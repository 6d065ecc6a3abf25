"""Encryption of content with a raw key, compatible with XTrace's SDK."""

from __future__ import annotations

from typing import Any

from ._hushvec import InputError, Provider


class AESClient:
    """Encrypts content with AES-256-GCM and a raw key, such as a provider's ``get_key()``. Compatible with the SDK's
    ``AESClient``.

    Prefer ``context.aes``: in the native format it can bind content to one chunk, and its key does not seal the
    secret key. Here one key seals both, so content that looks like a secret key is refused by both methods.

    :param key: 32 bytes.
    :raises InputError: if the key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise InputError(f"AES-256 requires a 32-byte key, got {len(key)}")
        self._key = Provider.key("none", key, b"")

    def encrypt(self, raw: str | bytes) -> bytes:
        """Encrypts text or bytes. Returns base64.

        :raises InputError: if it looks like a secret key.
        """
        return self._key.encrypt_content(raw.encode() if isinstance(raw, str) else raw).encode()

    def decrypt(self, enc: bytes | str) -> str:
        """Decrypts content from :meth:`encrypt`, the SDK, or ``context.aes`` in XTrace's format.

        :raises InputError: if it was changed, was encrypted with another key, or is a secret key.
        """
        return self._key.decrypt_content(enc if isinstance(enc, str) else enc.decode()).decode()

    def __reduce__(self) -> tuple[Any, ...]:
        # Includes the key.
        return type(self), (bytes(self._key.get_key()),)

    def __repr__(self) -> str:
        return "AESClient(…)"
