"""The owner's context of packed search, which finds nearest neighbours with lattice encryption (RLWE)."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Literal, NoReturn

from ._hushvec import InputError, PackedKeys, PackedQuery
from .context import check_salt, read_context
from .providers import KeyProvider, PassphraseKeyProvider, native


def _provider(given: str | KeyProvider) -> KeyProvider:
    """Returns the provider of a passphrase, or the provider itself."""
    if isinstance(given, str):
        return PassphraseKeyProvider(given)
    if all(hasattr(given, name) for name in ("get_key", "wrap_key", "provider_id")):
        return given
    raise InputError(f"expected a passphrase or a key provider, not {type(given)}")


class PackedContext:
    """A secret key of packed search, and a key provider that protects it. :meth:`create` and :meth:`load_from_disk`
    return one.

    Two contexts are equal if they have the same public id. Device and passphrase are not compared.
    """

    _packed_keys: PackedKeys

    def __init__(self) -> None:
        raise TypeError("use PackedContext.create or PackedContext.load_from_disk")

    @classmethod
    def _of(cls, keys: PackedKeys) -> PackedContext:
        made = cls.__new__(cls)
        made._packed_keys = keys
        return made

    @classmethod
    def create(
        cls,
        passphrase_or_provider: str | KeyProvider,
        metric: Literal["hamming", "inner_product"] = "inner_product",
        embedding_length: int = 512,
        bits: int | None = 4,
        path: str | os.PathLike[str] | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> PackedContext:
        """Creates a new key, and saves it if ``path`` is given.

        A notebook that runs twice should load the key the second time: see :meth:`load_from_disk`.

        :param metric: ``inner_product`` for cosines of real vectors, ``hamming`` for exact distances of binary ones.
        :param embedding_length: The number of dimensions of a vector, from 64 to 2,048.
        :param bits: For inner products, the bits per component: 4, 5 or 8. More bits make cosines more precise and
            indexes larger: see :attr:`cosine_error`.
        :param path: The file to save to. It must not exist, or must be empty.
        :raises InputError: if a size or a name is invalid.
        :raises FileError: if the file exists (checked before the key is created) or cannot be written.
        """
        provider = native(_provider(passphrase_or_provider), "native")
        file = None if path is None else pathlib.Path(path)
        return cls._of(PackedKeys.generate(metric, embedding_length, bits, device, threads, provider, file))

    @classmethod
    def load_from_disk(
        cls,
        path: str | os.PathLike[str],
        passphrase_or_provider: str | KeyProvider,
        device: str | None = None,
        threads: int | None = None,
    ) -> PackedContext:
        """Loads a context.

        :param device: The device to compute on, instead of the stored one.
        :raises FileError: if the file cannot be read. It is also a ``FileNotFoundError`` if the file does not exist.
        :raises InputError: if it is not a context of packed search or was changed, or the passphrase is wrong.
        """
        text = read_context(path)
        try:
            return cls.from_serialized(text, passphrase_or_provider, device, threads)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def from_serialized(
        cls,
        text: str,
        passphrase_or_provider: str | KeyProvider,
        device: str | None = None,
        threads: int | None = None,
    ) -> PackedContext:
        """Loads a context from the text that :meth:`serialize` returned.

        :raises InputError: as :meth:`load_from_disk`.
        """
        provider = _provider(passphrase_or_provider)
        check_salt(provider, text, "native")
        return cls._of(PackedKeys.from_text(text, native(provider, "native"), device, threads))

    def save_to_disk(self, path: str | os.PathLike[str]) -> None:
        """Writes the context atomically to a file that only the current user can read. The secret key is sealed.

        :raises FileError: if the file cannot be written, or holds another key. It is then unchanged.
        """
        self._packed_keys.save(path)

    def serialize(self) -> str:
        """Returns the context as text, with the secret key sealed, as :meth:`save_to_disk` writes it."""
        return self._packed_keys.text()

    def public_context(self) -> str:
        """Returns the public context as JSON: all that an evaluator needs, without secrets."""
        return self._packed_keys.public_text()

    def encrypt_query(self, vectors: Any) -> PackedQuery:
        """Encrypts query vectors (Q, D), or (Q, D/8) of packed bits, up to :attr:`most_queries` at once.

        :raises InputError: if there are too many, or the type or the length of a vector is wrong.
        """
        return self._packed_keys.encrypt_query(vectors)

    @property
    def id(self) -> str:
        """An explicit id, if the context was created with one, or else :attr:`public_id`."""
        return self._packed_keys.id()

    @property
    def public_id(self) -> str:
        """The SHA-256 hash of the parameters and the evaluation key. Indexes, queries and responses contain it."""
        return self._packed_keys.public_id

    @property
    def metric(self) -> Literal["hamming", "inner_product"]:
        """``hamming`` or ``inner_product``."""
        return self._packed_keys.metric

    @property
    def embedding_length(self) -> int:
        """The number of dimensions of a vector."""
        return self._packed_keys.embedding_length

    @property
    def bits(self) -> int | None:
        """The bits per component of inner products: 4, 5 or 8. ``None`` for Hamming distances."""
        return self._packed_keys.bits

    @property
    def cosine_error(self) -> float | None:
        """The standard deviation of the error of a cosine. ``None`` for Hamming distances, which are exact."""
        return self._packed_keys.cosine_error

    @property
    def most_queries(self) -> int:
        """The maximum number of vectors in a query."""
        return self._packed_keys.most_queries

    @property
    def device(self) -> str:
        """The device that computes batches."""
        return self._packed_keys.device

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedContext) and self._packed_keys == other._packed_keys

    def __hash__(self) -> int:
        return hash(self._packed_keys)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PackedContext cannot be pickled, because it holds a secret key: use serialize()")

    def __repr__(self) -> str:
        return f"<PackedContext {self._packed_keys!r}>"
