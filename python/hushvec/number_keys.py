"""Encryption and decryption of numbers."""

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

#: The default number of bits before the point.
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
    """Encrypts a number or a vector of numbers."""
    array = numpy.asarray(values)
    if array.ndim > 1:
        raise InputError(f"the numbers have shape {array.shape}; encrypted arrays have one dimension: use .ravel()")
    numbers = keys.numbers_of(numpy.atleast_1d(array), integer_bits, fraction_bits, progress)
    return EncryptedArray(numbers) if array.ndim else EncryptedNumber(numbers)


def _scaled(integers: list[int], exponent: int) -> list[int] | list[Fraction]:
    """Returns the integers times 2 to the exponent."""
    return [n << exponent for n in integers] if exponent >= 0 else [Fraction(n, 1 << -exponent) for n in integers]


class EncryptsNumbers:
    """The methods for numbers that need only the public key."""

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
        """Encrypts one number or a vector of numbers: integers of up to 64 bits, or floats.

        The format and the length are public, the numbers are not.

        :param integer_bits: The magnitude of the numbers must be below 2 to this power.
        :param fraction_bits: The number of bits to keep after the point. Default: 0 for integers, 128 for floats.
        :raises InputError: if a number is too large or not finite. The message names it.
        """
        return _encrypted(self._keys, values, integer_bits, fraction_bits, progress)

    def numbers_from_bytes(self, data: bytes) -> EncryptedArray:
        """Reads encrypted numbers from the bytes that their ``to_bytes`` returned. Checks each ciphertext.

        :raises InputError: if they are not encrypted numbers of this key, or are damaged.
        """
        return EncryptedArray(self._keys.numbers_from(data))

    def load_numbers(self, path: str | os.PathLike[str]) -> EncryptedArray:
        """Reads encrypted numbers from a file that their ``save`` wrote. Checks each ciphertext.

        :raises FileError: if the file cannot be read.
        :raises InputError: if they are not encrypted numbers of this key, or are damaged.
        """
        return EncryptedArray(self._keys.numbers_in(pathlib.Path(path)))


class DecryptsNumbers(EncryptsNumbers):
    """The methods for numbers that need the secret key."""

    @property
    def _keys(self) -> Context:
        raise NotImplementedError

    def decrypt_numbers(self, encrypted: EncryptedNumber | EncryptedArray) -> Any:
        """Decrypts numbers. Returns an array of int64, or of float64 if their exponent is negative; for a single
        number, an int or a float.

        :raises InputError: if a number belongs to another key, exceeds its bound, or is too large for the type. The
            message names it.
        """
        found = self._keys.decrypt_numbers(encrypted._numbers)
        return found if isinstance(encrypted, EncryptedArray) else found[0].item()

    def decrypt_exactly_vartime(self, encrypted: EncryptedNumber | EncryptedArray) -> Any:
        """Decrypts numbers of any size. Returns Python integers, or fractions if the exponent is negative. The time
        depends on the lengths of the numbers."""
        found = _scaled(*self._keys.decrypt_exactly_vartime(encrypted._numbers))
        return found if isinstance(encrypted, EncryptedArray) else found[0]
