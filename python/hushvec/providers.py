"""Key providers, which supply the key that seals a context: from a passphrase, from AWS KMS, or any
:class:`KeyProvider`."""

from __future__ import annotations

import copy
from typing import Any, Protocol

from ._hushvec import InputError, Provider

#: The SDK's default salt.
_SHARED_SALT = b"xtrace-aes-gcm-v1"


class KeyProvider(Protocol):
    """Supplies a 256-bit key, and the bytes to store for recovering it. The SDK's providers have this interface too."""

    def get_key(self) -> bytes: ...

    def wrap_key(self) -> bytes: ...

    def provider_id(self) -> str: ...


class PassphraseKeyProvider:
    """Derives a key from a passphrase: with argon2id in the native format, with the SDK's scrypt in XTrace's.

    :param passphrase: The passphrase. It is kept, so one provider opens every context with that passphrase.
    :param salt: A fixed salt. Without it, every new context gets a random salt in either format; only :meth:`get_key`
        and :meth:`wrap_key` of the provider itself use the SDK's salt, which is the same for everyone.
    """

    def __init__(self, passphrase: str, salt: bytes | None = None) -> None:
        self._passphrase = passphrase
        # An empty salt means no salt, as in the SDK.
        self._salt = salt or None
        self._native = Provider.passphrase(passphrase, "xtrace", self._salt or _SHARED_SALT)

    def _of(self, salt: bytes) -> PassphraseKeyProvider:
        """Returns a copy whose ``get_key`` and ``wrap_key`` are those of a context in XTrace's format with this
        salt."""
        copied = copy.copy(self)
        copied._native = Provider.passphrase(self._passphrase, "xtrace", salt or _SHARED_SALT)
        return copied

    @classmethod
    def from_wrapped(cls, wrapped: bytes, **kwargs: Any) -> PassphraseKeyProvider:
        """Returns the provider for a salt from :meth:`wrap_key`. Requires the keyword argument ``passphrase``."""
        return cls(kwargs["passphrase"], salt=wrapped)

    def get_key(self) -> bytes:
        """Returns the key of XTrace's format, as the SDK derives it. For a context in that format,
        ``context.key_provider.get_key()`` is the context's key."""
        return bytes(self._native.get_key())

    def wrap_key(self) -> bytes:
        """Returns the salt of XTrace's format."""
        return bytes(self._native.wrap_key())

    def provider_id(self) -> str:
        return "passphrase"

    def __reduce__(self) -> tuple[Any, ...]:
        # Includes the passphrase.
        return type(self), (self._passphrase, self._salt)

    def __repr__(self) -> str:
        return "PassphraseKeyProvider(…)"


class AWSKMSKeyProvider:
    """A random key that AWS KMS wraps and unwraps.

    :param kms_client: ``boto3.client("kms")``, or anything with its ``generate_data_key`` and ``decrypt``.
    :param key_id: The KMS key: an id, ARN or alias.
    """

    def __init__(self, kms_client: Any, key_id: str) -> None:
        self._kms = kms_client
        self._key_id = key_id
        self._key: bytes | None = None
        self._wrapped: bytes | None = None

    @classmethod
    def create(cls, kms_client: Any, key_id: str) -> AWSKMSKeyProvider:
        """Creates a new key with KMS."""
        provider = cls(kms_client, key_id)
        made = kms_client.generate_data_key(KeyId=key_id, KeySpec="AES_256")
        provider._key, provider._wrapped = made["Plaintext"], made["CiphertextBlob"]
        return provider

    @classmethod
    def from_wrapped(cls, wrapped: bytes, **kwargs: Any) -> AWSKMSKeyProvider:
        """Unwraps a stored key with KMS. Requires the keyword arguments ``kms_client`` and ``key_id``."""
        provider = cls(kwargs["kms_client"], kwargs["key_id"])
        opened = provider._kms.decrypt(CiphertextBlob=wrapped, KeyId=provider._key_id)
        provider._key, provider._wrapped = opened["Plaintext"], wrapped
        return provider

    def get_key(self) -> bytes:
        if self._key is None:
            raise RuntimeError("there is no key yet: use AWSKMSKeyProvider.create or AWSKMSKeyProvider.from_wrapped")
        return self._key

    def wrap_key(self) -> bytes:
        if self._wrapped is None:
            raise RuntimeError("there is no key yet: use AWSKMSKeyProvider.create or AWSKMSKeyProvider.from_wrapped")
        return self._wrapped

    def provider_id(self) -> str:
        return "aws_kms"

    def __getstate__(self) -> dict[str, Any]:
        # Includes the key. The KMS client cannot be pickled, and is not needed once there is a key.
        return self.__dict__ | {"_kms": None}

    def __repr__(self) -> str:
        return f"AWSKMSKeyProvider(key_id={self._key_id!r})"


def resolve(key_provider: KeyProvider | None, passphrase: str | None, salt: bytes | None = None) -> KeyProvider:
    """Returns the provider if there is one, else the provider of the passphrase."""
    if key_provider is not None:
        return key_provider
    if passphrase is not None:
        return PassphraseKeyProvider(passphrase, salt=salt)
    raise InputError("Either key_provider or passphrase must be supplied")


def native(provider: KeyProvider, format: str) -> Provider:
    """Returns the engine's provider for a Python provider."""
    if isinstance(provider, PassphraseKeyProvider):
        return Provider.passphrase(provider._passphrase, format, provider._salt)
    if format == "native" and provider.provider_id() == "passphrase":
        raise InputError(
            f"a {type(provider).__module__}.{type(provider).__name__} derives its key for XTrace's format only: "
            "use hushvec.PassphraseKeyProvider, or format=\"xtrace\""
        )
    return Provider.key(provider.provider_id(), provider.get_key(), provider.wrap_key())
