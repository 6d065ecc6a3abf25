"""Who combines and computes, knowing the public key only."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from . import _hushvec, numbers
from .numbers import EncryptedArray, EncryptedNumber
from .progress import Progress


class Evaluator(_hushvec.Evaluator):
    """Combines encrypted queries with encrypted vectors, and computes with encrypted numbers. It holds no secret.

    :param text: A public context, as ``public_context()`` returns it.
    :param path: The file that it is in, instead.
    :param device: ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``gpu:NAME``.
    :param threads: Threads to compute with; one a core if not given.
    :param allow_weak: Take a key that is known to be weak.
    :raises WeakKeyError: if the key is known to be weak.
    """

    def encrypt_numbers(
        self,
        values: Any,
        *,
        integer_bits: int = numbers.INTEGER_BITS,
        fraction_bits: int | None = None,
        progress: Progress = None,
    ) -> EncryptedNumber | EncryptedArray:
        """See :meth:`hushvec.ExecutionContext.encrypt_numbers`; with the public key, which takes longer."""
        return numbers.encrypt(self, values, integer_bits, fraction_bits, progress)

    def numbers_from_bytes(self, data: bytes) -> EncryptedArray:
        """Reads what ``to_bytes`` of encrypted numbers wrote, and checks each ciphertext.

        :raises InputError: if these are no encrypted numbers of this key, or damaged.
        """
        return EncryptedArray(self.numbers_from(data))

    def load_numbers(self, path: str | os.PathLike[str]) -> EncryptedArray:
        """Reads what ``save`` of encrypted numbers wrote, and checks each ciphertext.

        :raises FileError: if it cannot be read.
        :raises InputError: if these are no encrypted numbers of this key, or damaged.
        """
        return EncryptedArray(self.numbers_in(pathlib.Path(path)))
