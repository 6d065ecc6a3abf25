"""The execution context: an owner's keys under a key provider."""

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
    """There is no file of that name."""


class Content:
    """Encrypts the content of documents, as the SDK's ``AESClient`` does, and for one chunk only.

    In XTrace's format content and the secret key are sealed with one AES key. What reads as such a secret key is refused as
    content there, in both directions, because either could be passed for the other.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def encrypt(self, raw: str | bytes) -> bytes:
        """Seals text or bytes: base64. Nothing ties it to a chunk; :meth:`encrypt_for` does.

        :raises InputError: in XTrace's format, if it reads as a secret key.
        """
        return self._context.encrypt_content(_bytes(raw)).encode()

    def decrypt(self, enc: bytes | str) -> str:
        """Opens what :meth:`encrypt` sealed.

        :raises InputError: if it was changed, sealed under another key or for a chunk, or is a secret key.
        """
        return self._context.decrypt_content(_text(enc)).decode()

    def encrypt_for(self, name: str, raw: str | bytes) -> bytes:
        """Seals the content of the chunk ``name``, so that it opens as the content of no other: base64. In XTrace's format,
        which has no room for that, it is :meth:`encrypt`.

        :raises InputError: as :meth:`encrypt`.
        """
        return self._context.encrypt_content_for(name, _bytes(raw)).encode()

    def decrypt_for(self, name: str, enc: bytes | str) -> str:
        """Opens what :meth:`encrypt_for` sealed for the chunk ``name``, and what :meth:`encrypt` sealed for none.

        :raises InputError: if it is another chunk's, and as :meth:`decrypt`.
        """
        return self._context.decrypt_content_for(name, _text(enc)).decode()


def _bytes(raw: str | bytes) -> bytes:
    return raw.encode() if isinstance(raw, str) else raw


def _text(enc: bytes | str) -> str:
    return enc if isinstance(enc, str) else enc.decode()


def _check_salt(provider: KeyProvider, text: str, format: str) -> None:
    """A provider with a salt of its own is for contexts of that salt, and no others."""
    if not isinstance(provider, PassphraseKeyProvider) or provider._salt is None:
        return
    try:
        stored = base64.b64decode(json.loads(text)["wrapped_key"], validate=True)
    except (ValueError, LookupError, TypeError):
        # Whatever is wrong with it, loading says it better.
        return
    if stored not in (provider._salt, native(provider, format).wrap_key()):
        raise InputError("the context was sealed with another salt than this provider's; give the passphrase alone")


class Stored(dict[str, Any]):
    """A sealed context in the native format. It answers to the names that XTrace's format gives the same things too (``sk``,
    ``pk``, ``type``, ``config``), which are no entries of it: what is written and compared is the native format alone."""

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
    """A homomorphic client and a key for content, under a key provider. The interface is the SDK's.

    Two contexts are equal if their public keys and configurations are: device, format and passphrase do not count.

    :param homomorphic_client: One of hushvec's clients.
    :param key_provider: Supplies the key that seals the secret key. See :mod:`hushvec.providers`.
    :param context_id: An id instead of the derived one.
    :param format: ``native`` (authenticated as a whole, argon2id) or ``xtrace`` (the SDK reads it; not for
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
                "make a client of hushvec's with skip_key_gen=True, and give its load_stringified_keys what this one's "
                "stringify_pk and stringify_sk return"
            )
        context = homomorphic_client._keys.with_provider(native(key_provider, format), format, context_id)
        self._set(context, homomorphic_client, key_provider, context_id)

    def _set(
        self, context: Context, client: HammingClient, key_provider: KeyProvider, context_id: str | None = None
    ) -> None:
        self._context = context
        self._context_id = context_id
        #: The file that it was saved to or loaded from last.
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
        """Makes new keys, and saves them if a path is given. A provider wins over a passphrase.

        A notebook that runs twice should not make new keys the second time: see :meth:`load_from_disk`.

        :param homomorphic_client_type: ``paillier``, ``paillier_lookup`` or ``paillier_subgroup``.
        :param embedding_length: Dimensions of a vector, below ``key_len``.
        :param key_len: Length of each prime in bits, from 1024.
        :param secrets_on_cpu: Compute whatever needs a secret on the CPU, and use a GPU for public work only. The native
            format stores it. XTrace's has no place for it: give it to :meth:`load_from_disk` again.
        :param path: A file to save them to. There must be none of that name yet, or an empty one.
        :raises InputError: if a size or a name is not possible, or neither provider nor passphrase is given.
        :raises FileError: if there is a file already, before any keys are made, or it cannot be written.
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
        """Encrypts query vectors, (Q, D) or (Q, D/8), for an evaluator who has an index."""
        return Query.encrypt(vectors, self)

    # What it is.

    @property
    def _keys(self) -> Context:
        return self.homomorphic._keys

    @property
    def id(self) -> str:
        """The id given by hand, or else :meth:`hash`."""
        return self._context.id()

    @property
    def public_id(self) -> str:
        """SHA-256 of public key and configuration, as indexes and responses carry it."""
        return self._context.public_id

    @property
    def format(self) -> str:
        """``native`` or ``xtrace``."""
        return self._context.format

    @property
    def device(self) -> str:
        """Where batches are computed. It can be set."""
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
        """Whether everything that needs a secret is computed on the CPU, whatever the device."""
        return self._context.secrets_on_cpu

    @property
    def device_used(self) -> str:
        """The device that is really used for what needs a secret, by name."""
        return self.homomorphic.device_used

    def embed_len(self) -> int:
        """Dimensions of a vector."""
        return self._context.embed_len

    def key_len(self) -> int:
        """Length of each prime in bits."""
        return self._context.key_len

    def public_context(self) -> str:
        """What an evaluator needs, as JSON, and nothing else."""
        return self._context.public_text()

    def hash(self) -> str:
        """The SDK's fingerprint for contexts in its format, else :attr:`public_id`."""
        return self._context.hash()

    def __hash__(self) -> int:
        return hash(self._context)

    def __getstate__(self) -> dict[str, Any]:
        # The stored form, which alone keeps the key for content, and what opens it.
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
        """The context as a dictionary, the secret key sealed. In the native format the names ``sk``, ``pk`` and ``type`` of
        XTrace's can be looked up too."""
        stored: dict[str, Any] = json.loads(self.serialize_exec_context())
        return Stored(stored, self._context) if self.format == "native" else stored

    def to_dict_plain(self) -> dict[str, Any]:
        """Keys and configuration with the secret key in plain text. Do not store or send it."""
        context = self._context
        kind = clients.client_type(context.scheme)
        return {"sk": context.sk(), "pk": context.pk(), "type": kind._name(), "config": context.config()}

    def serialize_exec_context(self) -> str:
        """The context as text, the secret key sealed: what :meth:`save_to_disk` writes."""
        return self._context.text()

    def dump_tables(self) -> dict[str, Any]:
        """The tables of the SDK's lookup client; empty for other clients."""
        return self.homomorphic.dump_tables()

    def save_to_disk(self, path: str | os.PathLike[str]) -> None:
        """Writes the context to a file that only its owner may read, in one step.

        :raises FileError: if it cannot be written. The old file, if any, is then as it was.
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

        :param device: Where to compute, instead of where the file says.
        :param secrets_on_cpu: Compute whatever needs a secret on the CPU, even if the file does not say so.
        :param allow_weak: Load keys that are known to be weak, to move data away from them.
        :param expect_id: Refuse a context with another id or public id, such as one whose file was changed since its id was noted.
        :raises FileError: if it cannot be read; a ``FileNotFoundError`` too, if there is none.
        :raises InputError: if it is no context, was changed, has another id, or the passphrase is another.
        :raises WeakKeyError: if the key is known to be weak.
        """
        try:
            text = pathlib.Path(path).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise MissingFileError(f"cannot read {path}: {error.strerror}") from error
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not a context, since it is not text") from error
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
        """Restores a context from what :meth:`to_dict_enc` returned, here or in the SDK."""
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
            _check_salt(key_provider, text, format)
        context = Context.from_text(
            text, is_dict, native(provider, format), device, threads, secrets_on_cpu, allow_weak, context_id, expect_id
        )
        loaded = cls.__new__(cls)
        loaded._set(context, clients.client_type(context.scheme)._of(context, threads), provider, context_id)
        return loaded

    async def save_to_remote(self, integration: Any) -> str:
        """Uploads the sealed context through a :class:`hushvec.HttpStore`, the SDK's ``XTraceIntegration``, or an object
        with their ``store_exec_context``. Returns the id that the server gave it."""
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
        """Fetches and opens a context that :meth:`save_to_remote` uploaded. ``options`` are those of
        :meth:`load_from_disk`.

        The server is not trusted to send the one that was asked for: the keys must have the id ``context_id``. Only an id
        given by hand cannot be checked in XTrace's format, which has no room for it: there ``context_id`` must be the hash
        of the keys if it looks like one (64 hexadecimal digits), and is believed otherwise.

        :raises InputError: if it is another context, and as :meth:`load_from_disk`.
        """
        if integration is None:
            raise InputError("integration is required")
        asked = str(context_id)
        stored = await integration.get_serialized_exec_context(asked)
        loaded = cls._from_serialized_exec_context(stored, passphrase, key_provider, **options)
        if loaded.id == asked:
            return loaded
        if loaded.format == "xtrace" and not re.fullmatch("[0-9a-fA-F]{64}", asked):
            return cls._from_serialized_exec_context(stored, passphrase, key_provider, asked, **options)
        raise InputError(
            f"invalid context: context_id is {loaded.id!r}, though {asked!r} was asked for: the server sent another one"
        )
