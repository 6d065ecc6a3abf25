"""Who combines and computes, knowing the public key only."""

from __future__ import annotations

from os import PathLike

from . import _hushvec
from ._hushvec import Index, Query, Response
from .number_keys import EncryptsNumbers
from .progress import Progress


class Evaluator(EncryptsNumbers, _hushvec.Evaluator):
    """Combines encrypted queries with encrypted vectors, and computes with encrypted numbers. It holds no secret.

    :param text: A public context, as ``public_context()`` returns it.
    :param path: The file that it is in, instead.
    :param device: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``.
    :param threads: Threads to compute with; one a core if not given.
    :param allow_weak: Take a key that is known to be weak.
    :raises WeakKeyError: if the key is known to be weak.
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
        """Combines every query with every vector of an index, and writes the encrypted distances to a response file."""
        return _hushvec.aggregate(self, query, index, path, progress)
