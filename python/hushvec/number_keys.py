"""Numbers into ciphertexts and out of them."""

from __future__ import annotations

import os
import pathlib
from fractions import Fraction
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

from ._hushvec import Context, InputError, Numbers
from .numbers import EncryptedArray, EncryptedNumber
from .progress import Progress

#: Bits before the point that numbers have room for, unless another number is given.
INTEGER_BITS = 64


class _Encrypts(Protocol):
    def numbers_of(
        self, values: NDArray[Any], integer_bits: int, fraction_bits: int | None, progress: Progress
    ) -> Numbers: ...

    def numbers_from(self, bytes: bytes) -> Numbers: ...

    def numbers_in(self, path: str | os.PathLike[str]) -> Numbers: ...


def _encrypted(
    keys: _Encrypts, values: Any, integer_bits: int, fraction_bits: int | None, progress: Progress
) -> EncryptedNumber | EncryptedArray:
    """Encrypts a number or a vector of them."""
    array = numpy.asarray(values)
    if array.ndim > 1:
        raise InputError(f"the numbers have shape {array.shape}; encrypted arrays have one dimension: use .ravel()")
    numbers = keys.numbers_of(numpy.atleast_1d(array), integer_bits, fraction_bits, progress)
    return EncryptedArray(numbers) if array.ndim else EncryptedNumber(numbers)


def _exactly(integers: list[int], exponent: int) -> list[int] | list[Fraction]:
    """Integers times 2 to the exponent."""
    return [n << exponent for n in integers] if exponent >= 0 else [Fraction(n, 1 << -exponent) for n in integers]


class EncryptsNumbers:
    """What everybody who has a public key does with numbers."""

    @property
    def _keys(self) -> _Encrypts:
        raise NotImplementedError

    def encrypt_numbers(
        self,
        values: Any,
        *,
        integer_bits: int = INTEGER_BITS,
        fraction_bits: int | None = None,
        progress: Progress = None,
    ) -> EncryptedNumber | EncryptedArray:
        """Encrypts integers of up to 64 bits or floats: one number, or a vector of them.

        Format and length are public, the numbers are not.

        :param integer_bits: Numbers are below 2 to this power in magnitude.
        :param fraction_bits: Bits that are kept after the point: 0 for integers, 128 for floats, unless given.
        :raises InputError: if a number is larger, or not finite: the message names it.
        """
        return _encrypted(self._keys, values, integer_bits, fraction_bits, progress)

    def numbers_from_bytes(self, data: bytes) -> EncryptedArray:
        """Reads what ``to_bytes`` of encrypted numbers wrote, and checks each ciphertext.

        :raises InputError: if these are no encrypted numbers of this key, or damaged.
        """
        return EncryptedArray(self._keys.numbers_from(data))

    def load_numbers(self, path: str | os.PathLike[str]) -> EncryptedArray:
        """Reads what ``save`` of encrypted numbers wrote, and checks each ciphertext.

        :raises FileError: if it cannot be read.
        :raises InputError: if these are no encrypted numbers of this key, or damaged.
        """
        return EncryptedArray(self._keys.numbers_in(pathlib.Path(path)))


class DecryptsNumbers(EncryptsNumbers):
    """What clients and contexts do with numbers."""

    @property
    def _keys(self) -> Context:
        raise NotImplementedError

    def decrypt_numbers(self, encrypted: EncryptedNumber | EncryptedArray) -> Any:
        """Decrypts numbers: int64 if they are integers (their exponent is not negative), else float64; an int or a
        float for one.

        :raises InputError: if one is not of this key, beyond its bound, or too large for the type: the message names it.
        """
        found = self._keys.decrypt_numbers(encrypted._numbers)
        return found if isinstance(encrypted, EncryptedArray) else found[0].item()

    def decrypt_exactly_vartime(self, encrypted: EncryptedNumber | EncryptedArray) -> Any:
        """Decrypts numbers of any size, to Python's integers, or fractions if their exponent is negative. Takes a time
        by their lengths."""
        found = _exactly(*self._keys.decrypt_exactly_vartime(encrypted._numbers))
        return found if isinstance(encrypted, EncryptedArray) else found[0]
