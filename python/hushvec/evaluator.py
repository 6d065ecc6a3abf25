"""Who combines and computes, knowing the public key only."""

from __future__ import annotations

from . import _hushvec
from .number_keys import EncryptsNumbers


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
