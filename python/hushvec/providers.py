"""Where the key comes from that seals a context: a passphrase, AWS KMS, or any object of :class:`KeyProvider`'s shape."""

from __future__ import annotations

import copy
from typing import Any, Protocol

from ._hushvec import InputError, Provider

#: What the SDK salts passphrases with unless told otherwise.
_SHARED_SALT = b"xtrace-aes-gcm-v1"


class KeyProvider(Protocol):
    """Supplies a 256-bit key, and what has to be stored to find it again. The SDK's providers are of this shape too."""

    def get_key(self) -> bytes: ...

    def wrap_key(self) -> bytes: ...

    def provider_id(self) -> str: ...


class PassphraseKeyProvider:
    """A key derived from a passphrase: argon2id in the native format, the SDK's scrypt in XTrace's.

    :param passphrase: The passphrase. It is kept, so that one provider opens every context of that passphrase.
    :param salt: A salt of one's own. Without one every new context draws its own, in either format, while :meth:`get_key` and
        :meth:`wrap_key` of a provider alone are the SDK's, whose salt is the same for everyone.
    """

    def __init__(self, passphrase: str, salt: bytes | None = None) -> None:
        self._passphrase = passphrase
        # An empty one is none, as in the SDK.
        self._salt = salt or None
        self._native = Provider.passphrase(passphrase, "xtrace", self._salt or _SHARED_SALT)

    def _of(self, salt: bytes) -> PassphraseKeyProvider:
        """The provider of a context in XTrace's format with this salt: the same, but for the key that it shows."""
        twin = copy.copy(self)
        twin._native = Provider.passphrase(self._passphrase, "xtrace", salt or _SHARED_SALT)
        return twin

    @classmethod
    def from_wrapped(cls, wrapped: bytes, **kwargs: Any) -> PassphraseKeyProvider:
        """The provider for the salt that :meth:`wrap_key` returned, with ``passphrase`` among the keyword arguments."""
        return cls(kwargs["passphrase"], salt=wrapped)

    def get_key(self) -> bytes:
        """The key of XTrace's format, as the SDK derives it. ``context.key_provider`` of a context in that format has the
        context's."""
        return bytes(self._native.get_key())

    def wrap_key(self) -> bytes:
        """The salt of XTrace's format."""
        return bytes(self._native.wrap_key())

    def provider_id(self) -> str:
        return "passphrase"

    def __reduce__(self) -> tuple[Any, ...]:
        # The passphrase goes with it.
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
        """Has KMS make a new key."""
        provider = cls(kms_client, key_id)
        made = kms_client.generate_data_key(KeyId=key_id, KeySpec="AES_256")
        provider._key, provider._wrapped = made["Plaintext"], made["CiphertextBlob"]
        return provider

    @classmethod
    def from_wrapped(cls, wrapped: bytes, **kwargs: Any) -> AWSKMSKeyProvider:
        """Has KMS unwrap a stored key, with ``kms_client`` and ``key_id`` among the keyword arguments."""
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
        # The key goes with it, and the connection to KMS, which cannot, is no longer needed.
        return self.__dict__ | {"_kms": None}

    def __repr__(self) -> str:
        return f"AWSKMSKeyProvider(key_id={self._key_id!r})"


def resolve(key_provider: KeyProvider | None, passphrase: str | None, salt: bytes | None = None) -> KeyProvider:
    """The provider if one was given, else one for the passphrase."""
    if key_provider is not None:
        return key_provider
    if passphrase is not None:
        return PassphraseKeyProvider(passphrase, salt=salt)
    raise InputError("Either key_provider or passphrase must be supplied")


def native(provider: KeyProvider, format: str) -> Provider:
    """The engine's own provider for one of Python's."""
    if isinstance(provider, PassphraseKeyProvider):
        return Provider.passphrase(provider._passphrase, format, provider._salt)
    if format == "native" and provider.provider_id() == "passphrase":
        raise InputError(
            f"a {type(provider).__module__}.{type(provider).__name__} derives its key as XTrace's format wants it; "
            "use hushvec.PassphraseKeyProvider, or format=\"xtrace\""
        )
    return Provider.key(provider.provider_id(), provider.get_key(), provider.wrap_key())
