"""The evaluator, which has the public key only."""

from __future__ import annotations

from os import PathLike

from . import _hushvec
from ._hushvec import Index, Query, Response
from .number_keys import EncryptsNumbers
from .progress import Progress


class Evaluator(EncryptsNumbers, _hushvec.Evaluator):
    """Aggregates encrypted queries with encrypted vectors, and computes with encrypted numbers. It holds no secret.

    :param text: A public context, as ``public_context()`` returns it.
    :param path: A file with a public context, instead of ``text``.
    :param device: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``.
    :param threads: The number of threads; one per core by default.
    :param allow_weak: Accept a key that is known to be weak.
    :raises InputError: if it is not a public context.
    :raises WeakKeyError: if the key is known to be weak, without ``allow_weak``.
    """

    @property
    def _keys(self) -> Evaluator:
        return self

    def load_query(self, path: str | PathLike[str]) -> Query:
        """Reads a query from a file and checks its ciphertexts."""
        return Query.load(path, self)

    def aggregate(
        self, query: Query, index: Index, path: str | PathLike[str], progress: Progress = None
    ) -> Response:
        """Aggregates every query with every vector of an index, and writes the encrypted distances to a response
        file."""
        return _hushvec.aggregate(self, query, index, path, progress)
