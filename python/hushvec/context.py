"""The execution context: the owner's keys with a key provider."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
from typing import Any

from . import clients
from ._hushvec import Context, FileError, InputError, Query
from .clients import HammingClient
from .number_keys import DecryptsNumbers
from .providers import KeyProvider, PassphraseKeyProvider, native, resolve
from .vectors import EncryptsVectors


class MissingFileError(FileError, FileNotFoundError):
    """A file does not exist."""


class Content:
    """Encrypts the content of documents, with the interface of the SDK's ``AESClient``. It can bind content to one
    chunk.

    In XTrace's format, one AES key seals content and the secret key, so one could be passed off as the other. There,
    all methods refuse content that looks like a secret key.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def encrypt(self, raw: str | bytes) -> bytes:
        """Encrypts text or bytes. Returns base64. The content is not bound to a chunk: see :meth:`encrypt_for`.

        :raises InputError: if it looks like a secret key, in XTrace's format.
        """
        return self._context.encrypt_content(_bytes(raw)).encode()

    def decrypt(self, enc: bytes | str) -> str:
        """Decrypts content from :meth:`encrypt`.

        :raises InputError: if it was changed, was encrypted with another key or for a chunk, or is a secret key.
        """
        return self._context.decrypt_content(_text(enc)).decode()

    def encrypt_for(self, name: str, raw: str | bytes) -> bytes:
        """Encrypts the content of the chunk ``name``, and binds it to that chunk. Returns base64. XTrace's format
        cannot bind content: there, this is the same as :meth:`encrypt`.

        :raises InputError: as :meth:`encrypt`.
        """
        return self._context.encrypt_content_for(name, _bytes(raw)).encode()

    def decrypt_for(self, name: str, enc: bytes | str) -> str:
        """Decrypts content that :meth:`encrypt_for` bound to the chunk ``name``, or unbound content from
        :meth:`encrypt`.

        :raises InputError: if it is bound to another chunk, and as :meth:`decrypt`.
        """
        return self._context.decrypt_content_for(name, _text(enc)).decode()


def _bytes(raw: str | bytes) -> bytes:
    return raw.encode() if isinstance(raw, str) else raw


def _text(enc: bytes | str) -> str:
    return enc if isinstance(enc, str) else enc.decode()


def read_context(path: str | os.PathLike[str]) -> str:
    """Reads the text of a stored context."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFileError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a hushvec context: it is not a text file") from error


def check_salt(provider: KeyProvider, text: str, format: str) -> None:
    """Refuses a provider with a fixed salt for a context with another salt."""
    if not isinstance(provider, PassphraseKeyProvider) or provider._salt is None:
        return
    try:
        stored = base64.b64decode(json.loads(text)["wrapped_key"], validate=True)
    except (ValueError, LookupError, TypeError):
        # Loading reports the error with a better message.
        return
    if stored not in (provider._salt, native(provider, format).wrap_key()):
        raise InputError("the context was sealed with another salt than the provider's: give the passphrase alone")


class Stored(dict[str, Any]):
    """A sealed context in the native format. The names ``sk``, ``pk`` and ``type`` of XTrace's format can be looked
    up too, but only the entries of the native format are written and compared."""

    def __init__(self, entries: dict[str, Any], context: Context) -> None:
        super().__init__(entries)
        self._context = context

    def __missing__(self, name: str) -> Any:
        match name:
            case "sk":
                return self["sealed"]
            case "pk":
                return self._context.pk()
            case "type":
                return clients.client_type(self._context.scheme)._name()
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in ("sk", "pk", "type")

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class ExecutionContext(EncryptsVectors, DecryptsNumbers):
    """A homomorphic client and a key for content, with a key provider. It has the interface of the SDK's class.

    Two contexts are equal if their public keys and configurations are equal. Device, format and passphrase are not
    compared.

    :param homomorphic_client: A client of hushvec.
    :param key_provider: Supplies the key that seals the secret key. See :mod:`hushvec.providers`.
    :param context_id: An id to use instead of the derived one.
    :param format: ``native`` (authenticated as a whole, argon2id) or ``xtrace`` (readable by the SDK; not for
        ``paillier_subgroup``).
    """

    def __init__(
        self,
        homomorphic_client: HammingClient,
        key_provider: KeyProvider,
        context_id: str | None = None,
        *,
        format: str = "native",
    ) -> None:
        if not isinstance(homomorphic_client, HammingClient):
            raise InputError(
                f"Unsupported homomorphic client type: {type(homomorphic_client).__module__}.{type(homomorphic_client).__name__}; "
                "create a hushvec client with skip_key_gen=True, and pass stringify_pk() and stringify_sk() of this client to "
                "its load_stringified_keys"
            )
        context = homomorphic_client._keys.with_provider(native(key_provider, format), format, context_id)
        self._set(context, homomorphic_client, key_provider, context_id)

    def _set(
        self, context: Context, client: HammingClient, key_provider: KeyProvider, context_id: str | None = None
    ) -> None:
        self._context = context
        self._context_id = context_id
        #: The file it was last saved to or loaded from.
        self._path: pathlib.Path | None = None
        self.homomorphic = client
        if context.format == "xtrace" and isinstance(key_provider, PassphraseKeyProvider) and key_provider._salt is None:
            key_provider = key_provider._of(base64.b64decode(json.loads(context.text())["wrapped_key"]))
        self.key_provider = key_provider
        self.aes = Content(context)

    @classmethod
    def create(
        cls,
        passphrase: str | None = None,
        homomorphic_client_type: str = "paillier",
        embedding_length: int = 512,
        key_len: int = 1024,
        salt: bytes | None = None,
        path: str | os.PathLike[str] | None = None,
        key_provider: KeyProvider | None = None,
        *,
        alpha_len: int | None = None,
        device: str = "auto",
        threads: int | None = None,
        secrets_on_cpu: bool = False,
        format: str = "native",
    ) -> ExecutionContext:
        """Creates new keys, and saves them if ``path`` is given. A provider takes precedence over a passphrase.

        A notebook that runs twice should load the keys the second time: see :meth:`load_from_disk`.

        :param homomorphic_client_type: ``paillier``, ``paillier_lookup`` or ``paillier_subgroup``.
        :param embedding_length: The number of dimensions of a vector, smaller than ``key_len``.
        :param key_len: The length of each prime in bits, at least 1024.
        :param secrets_on_cpu: Compute with secrets on the CPU only, and use a GPU for public work only. The native
            format stores this setting. XTrace's format cannot: give it to :meth:`load_from_disk` again.
        :param path: The file to save to. It must not exist, or must be empty.
        :raises InputError: if a size or a name is invalid, or neither provider nor passphrase is given.
        :raises FileError: if the file exists (checked before keys are created) or cannot be written.
        """
        provider = resolve(key_provider, passphrase, salt)
        kind = clients.client_type(homomorphic_client_type)
        if kind._has_alpha:
            alpha_len = clients._strong_alpha_len(alpha_len)
        context = Context.generate(
            kind._scheme,
            embedding_length,
            key_len,
            alpha_len,
            device,
            threads,
            secrets_on_cpu,
            native(provider, format),
            format,
            None if path is None else pathlib.Path(path),
        )
        made = cls.__new__(cls)
        made._set(context, kind._of(context, threads), provider)
        made._path = None if path is None else pathlib.Path(path)
        return made

    def encrypt_query(self, vectors: Any) -> Query:
        """Encrypts query vectors (Q, D) or (Q, D/8) for an evaluator with an index."""
        return Query.encrypt(vectors, self)

    # Properties.

    @property
    def _keys(self) -> Context:
        return self.homomorphic._keys

    @property
    def id(self) -> str:
        """The ``context_id`` that was given, or else :meth:`hash`."""
        return self._context.id()

    @property
    def public_id(self) -> str:
        """The SHA-256 hash of the public key and configuration. Indexes and responses contain it."""
        return self._context.public_id

    @property
    def format(self) -> str:
        """``native`` or ``xtrace``."""
        return self._context.format

    @property
    def device(self) -> str:
        """The device that computes batches. It can be set."""
        return self.homomorphic.device

    @device.setter
    def device(self, device: str) -> None:
        client = self.homomorphic
        context = self._context.on_device(device, client._threads)
        if client._context is self._context:
            client._open(context, client._threads)
        else:
            client.device = device
        self._context, self.aes = context, Content(context)

    @property
    def secrets_on_cpu(self) -> bool:
        """Whether all computation with secrets stays on the CPU, whatever the device."""
        return self._context.secrets_on_cpu

    @property
    def device_used(self) -> str:
        """The name of the device that computes with secrets."""
        return self.homomorphic.device_used

    def embed_len(self) -> int:
        """Returns the number of dimensions of a vector."""
        return self._context.embed_len

    def key_len(self) -> int:
        """Returns the length of each prime in bits."""
        return self._context.key_len

    def public_context(self) -> str:
        """Returns the public context as JSON: all that an evaluator needs, without secrets."""
        return self._context.public_text()

    def hash(self) -> str:
        """Returns the SDK's hash for contexts in XTrace's format, else :attr:`public_id`."""
        return self._context.hash()

    def __hash__(self) -> int:
        return hash(self._context)

    def __getstate__(self) -> dict[str, Any]:
        # The stored form, because only it contains the key for content; and the provider that opens it.
        return {
            "stored": self.serialize_exec_context(),
            "format": self.format,
            "key_provider": self.key_provider,
            "context_id": self._context_id,
            "device": self.device,
            "threads": self.homomorphic._threads,
            "secrets_on_cpu": self.secrets_on_cpu,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        provider, threads = state["key_provider"], state["threads"]
        context = Context.from_text(
            state["stored"],
            False,
            native(provider, state["format"]),
            state["device"],
            threads,
            state.get("secrets_on_cpu", False),
            True,
            state["context_id"],
        )
        self._set(context, clients.client_type(context.scheme)._of(context, threads), provider, state["context_id"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutionContext) and self._context == other._context

    def __repr__(self) -> str:
        return f"<ExecutionContext {self.homomorphic!r}, {self.format}>"

    def __str__(self) -> str:
        return json.dumps(self.to_dict_enc(), indent=2)

    # Storing and loading.

    def to_dict_enc(self) -> dict[str, Any]:
        """Returns the context as a dictionary, with the secret key sealed. In the native format, the names ``sk``,
        ``pk`` and ``type`` of XTrace's format can be looked up too."""
        stored: dict[str, Any] = json.loads(self.serialize_exec_context())
        return Stored(stored, self._context) if self.format == "native" else stored

    def to_dict_plain(self) -> dict[str, Any]:
        """Returns keys and configuration, with the secret key as plain text. Do not store or send it."""
        context = self._context
        kind = clients.client_type(context.scheme)
        return {"sk": context.sk(), "pk": context.pk(), "type": kind._name(), "config": context.config()}

    def serialize_exec_context(self) -> str:
        """Returns the context as text, with the secret key sealed, as :meth:`save_to_disk` writes it."""
        return self._context.text()

    def dump_tables(self) -> dict[str, Any]:
        """Returns the tables of the SDK's lookup client; empty for other clients."""
        return self.homomorphic.dump_tables()

    def save_to_disk(self, path: str | os.PathLike[str]) -> None:
        """Writes the context atomically to a file that only the current user can read.

        :raises FileError: if the file cannot be written. An existing file is then unchanged.
        """
        self._context.save(pathlib.Path(path))
        self._path = pathlib.Path(path)

    @classmethod
    def load_from_disk(
        cls,
        passphrase: str | None = None,
        path: str | os.PathLike[str] = "",
        key_provider: KeyProvider | None = None,
        *,
        device: str | None = None,
        threads: int | None = None,
        secrets_on_cpu: bool = False,
        allow_weak: bool = False,
        expect_id: str | None = None,
    ) -> ExecutionContext:
        """Loads a context of either format.

        :param device: The device to compute on, instead of the stored one.
        :param secrets_on_cpu: Compute with secrets on the CPU only, even if this is not stored in the file.
        :param allow_weak: Load keys that are known to be weak, to move data away from them.
        :param expect_id: Refuse a context with another id or public id, for example because its file was replaced.
        :raises FileError: if the file cannot be read. It is also a ``FileNotFoundError`` if the file does not exist.
        :raises InputError: if it is not a context, was changed or has another id, or the passphrase is wrong.
        :raises WeakKeyError: if the key is known to be weak, without ``allow_weak``.
        """
        text = read_context(path)
        try:
            format = "native" if '"format"' in text[:64] else "xtrace"
            loaded = cls._load(
                text,
                format,
                passphrase,
                key_provider,
                None,
                device,
                threads,
                secrets_on_cpu,
                allow_weak,
                expect_id=expect_id,
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        loaded._path = pathlib.Path(path)
        return loaded

    @classmethod
    def _from_serialized_exec_context(
        cls,
        json_obj: dict[str, Any],
        passphrase: str | None = None,
        key_provider: KeyProvider | None = None,
        context_id: str | None = None,
        *,
        device: str | None = None,
        threads: int | None = None,
        secrets_on_cpu: bool = False,
        allow_weak: bool = False,
    ) -> ExecutionContext:
        """Loads a context from the dictionary that :meth:`to_dict_enc` returned, here or in the SDK."""
        format = "native" if "format" in json_obj else "xtrace"
        return cls._load(
            json.dumps(json_obj),
            format,
            passphrase,
            key_provider,
            context_id,
            device,
            threads,
            secrets_on_cpu,
            allow_weak,
            is_dict=True,
        )

    @classmethod
    def _load(
        cls,
        text: str,
        format: str,
        passphrase: str | None,
        key_provider: KeyProvider | None,
        context_id: str | None,
        device: str | None,
        threads: int | None,
        secrets_on_cpu: bool,
        allow_weak: bool,
        *,
        is_dict: bool = False,
        expect_id: str | None = None,
    ) -> ExecutionContext:
        provider = resolve(key_provider, passphrase)
        if key_provider is not None:
            check_salt(key_provider, text, format)
        context = Context.from_text(
            text, is_dict, native(provider, format), device, threads, secrets_on_cpu, allow_weak, context_id, expect_id
        )
        loaded = cls.__new__(cls)
        loaded._set(context, clients.client_type(context.scheme)._of(context, threads), provider, context_id)
        return loaded

    async def save_to_remote(self, integration: Any) -> str:
        """Uploads the sealed context through a :class:`hushvec.HttpStore`, the SDK's ``XTraceIntegration``, or an
        object with their ``store_exec_context``. Returns the id that the server assigned."""
        return str(await integration.store_exec_context(self.to_dict_enc(), self.id))

    @classmethod
    async def load_from_remote(
        cls,
        passphrase: str | None = None,
        context_id: str = "",
        integration: Any = None,
        key_provider: KeyProvider | None = None,
        **options: Any,
    ) -> ExecutionContext:
        """Downloads and opens a context that :meth:`save_to_remote` uploaded. ``options`` are those of
        :meth:`load_from_disk`.

        The server is not trusted to send the right context: its id must be ``context_id``. XTrace's format does not
        store an id, so only hashes can be checked: ``context_id`` must be the hash of the keys if it looks like one
        (64 hexadecimal digits), and is not checked otherwise.

        :raises InputError: if it is another context, and as :meth:`load_from_disk`.
        """
        if integration is None:
            raise InputError("integration is required")
        expected = str(context_id)
        stored = await integration.get_serialized_exec_context(expected)
        loaded = cls._from_serialized_exec_context(stored, passphrase, key_provider, **options)
        if loaded.id == expected:
            return loaded
        if loaded.format == "xtrace" and not re.fullmatch("[0-9a-fA-F]{64}", expected):
            return cls._from_serialized_exec_context(stored, passphrase, key_provider, expected, **options)
        raise InputError(
            f'invalid context: context_id is "{loaded.id}", expected "{expected}": the store sent another context'
        )
