"""Encrypted integers and floats.

Without the secret key, encrypted numbers can be added to each other, and added to or multiplied by plain numbers::

    prices = context.encrypt_numbers([1.25, 3.5, -2.0])
    total = (prices * 3 + 1).sum()
    scores = numpy.array([[1, 0, 2], [0.5, 0.5, 0.5]]) @ prices
    context.decrypt_numbers(scores)                                # array([-2.75, 1.375])

A number is an integer times 2 to the power ``exponent``. ``exponent`` and ``bound_bits``, the largest number of bits
that the integer can have, are public. They follow from the operations, not from the numbers. An operation whose
result could overflow the key is refused, so results are exact. Plain floats are taken exactly too, unless a
:class:`PlainArray` limits their bits after the point.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Never, Self, overload

import numpy

from ._hushvec import InputError, Numbers, PlainArray


class _Encrypted:
    """The base class of encrypted numbers and arrays."""

    # Makes NumPy call the methods of this class for `array + encrypted` and `array @ encrypted`.
    __array_ufunc__ = None

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    @property
    def exponent(self) -> int:
        """The numbers are multiples of 2 to this power."""
        return self._numbers.exponent

    @property
    def bound_bits(self) -> int:
        """The largest number of bits that the integers of the numbers can have."""
        return self._numbers.bound_bits

    @property
    def public_id(self) -> str:
        """The SHA-256 hash of the public key and configuration that the numbers are encrypted with."""
        return self._numbers.public_id

    def rerandomize(self) -> Self:
        """Returns the same numbers with fresh noise. Without the secret key, nobody can tell how they were computed."""
        return type(self)(self._numbers.rerandomize())

    def to_bytes(self) -> bytes:
        """Returns the numbers as bytes. ``numbers_from_bytes`` of an evaluator or a context reads them."""
        return self._numbers.to_bytes()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the numbers to a file atomically.

        :raises FileError: if the file cannot be written.
        """
        self._numbers.save(path)

    def __eq__(self, other: object) -> Never:
        raise TypeError("encrypted numbers cannot be compared without the secret key: decrypt them first")

    # Hash by identity, because encrypted numbers cannot be compared.
    __hash__ = object.__hash__

    def __neg__(self) -> Self:
        return type(self)(self._numbers.neg())

    def __pos__(self) -> Self:
        return self

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError

    def __mul__(self, other: Any) -> Any:
        raise NotImplementedError

    def __truediv__(self, other: Any) -> Any:
        """Multiplies by the float nearest to 1/other."""
        if isinstance(other, _Encrypted):
            raise InputError("one encrypted number cannot be divided by another")
        return self * (1 / numpy.asarray(other, dtype=float))


class EncryptedNumber(_Encrypted):
    """One encrypted number. Supports + and - with encrypted and plain numbers, and * and / with plain numbers."""

    def __add__(self, other: Any) -> Any:
        if isinstance(other, EncryptedArray):
            return other + self
        if isinstance(other, EncryptedNumber):
            return EncryptedNumber(self._numbers.add(other._numbers))
        plain = _plain(other)
        if plain.shape:
            return self._repeated(len(plain)) + plain
        return EncryptedNumber(self._numbers.add_plain(plain))

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, EncryptedArray):
            return self._repeated(len(other)) - other
        if isinstance(other, EncryptedNumber):
            return EncryptedNumber(self._numbers.sub(other._numbers))
        return self + _negative(other)

    def __mul__(self, other: Any) -> Any:
        plain = _factor(other)
        if plain.shape:
            return self._repeated(len(plain)) * plain
        return EncryptedNumber(self._numbers.mul_plain(plain))

    def _repeated(self, count: int) -> EncryptedArray:
        return EncryptedArray(self._numbers.take([0] * count))

    def __repr__(self) -> str:
        return f"<EncryptedNumber, a multiple of 2^{self.exponent}, of up to {self.bound_bits} bits>"


class EncryptedArray(_Encrypted):
    """A one-dimensional array of encrypted numbers. Supports + and - with encrypted and plain numbers, and * and /
    with plain numbers, all elementwise: the other operand is one number or an array of the same length. Also supports
    ``@`` with a plain vector or matrix, ``len``, indexing, slices and iteration."""

    @classmethod
    def of(cls, parts: Iterable[EncryptedNumber | EncryptedArray]) -> EncryptedArray:
        """Concatenates numbers and arrays of one key."""
        numbers = [part._numbers for part in parts]
        if not numbers:
            raise InputError("an encrypted array needs at least one number")
        return cls(numbers[0].followed_by(numbers[1:]))

    def __add__(self, other: Any) -> EncryptedArray:
        if isinstance(other, _Encrypted):
            return EncryptedArray(self._numbers.add(self._matching(other)))
        return EncryptedArray(self._numbers.add_plain(_checked_flat(_plain(other))))

    def __sub__(self, other: Any) -> EncryptedArray:
        if isinstance(other, _Encrypted):
            return EncryptedArray(self._numbers.sub(self._matching(other)))
        return EncryptedArray(self._numbers.add_plain(_checked_flat(_plain(_negative(other)))))

    def __mul__(self, other: Any) -> EncryptedArray:
        return EncryptedArray(self._numbers.mul_plain(_checked_flat(_factor(other))))

    def __matmul__(self, other: Any) -> Any:
        """Returns the dot product with a vector (N,), or an array (M,) for a matrix (N, M)."""
        if isinstance(other, PlainArray):
            if len(other.shape) != 1:
                raise InputError("a PlainArray on the right of @ must have one dimension: transpose it and put it on the left")
            return other @ self
        return numpy.asarray(other).T @ self

    def __rmatmul__(self, other: Any) -> Any:
        """Returns the dot product with a vector (N,), or an array (M,) for a matrix (M, N)."""
        plain = _factor(other)
        if len(plain.shape) == 1:
            return EncryptedNumber(self._numbers.dot(_checked_length(plain, len(self))))
        return EncryptedArray(self._numbers.matmul(plain))

    def dot(self, other: Any) -> Any:
        """The same as ``self @ other``."""
        return self @ other

    def sum(self) -> EncryptedNumber:
        """Returns the sum of all numbers."""
        return EncryptedNumber(self._numbers.sum())

    def mean(self) -> EncryptedNumber:
        """Returns the sum of all numbers times the float nearest to 1/N."""
        if not len(self):
            raise InputError("an empty array has no mean")
        return EncryptedNumber(self._numbers.sum().mul_plain(PlainArray(1 / len(self))))

    @property
    def shape(self) -> tuple[int]:
        """The shape, ``(N,)``."""
        return (len(self),)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> EncryptedNumber: ...
    @overload
    def __getitem__(self, index: slice) -> EncryptedArray: ...
    def __getitem__(self, index: int | slice) -> EncryptedNumber | EncryptedArray:
        positions = range(len(self))[index]
        if isinstance(positions, range):
            return EncryptedArray(self._numbers.take(list(positions)))
        return EncryptedNumber(self._numbers.take([positions]))

    def __iter__(self) -> Iterator[EncryptedNumber]:
        return (self[position] for position in range(len(self)))

    def _matching(self, other: _Encrypted) -> Numbers:
        return other._repeated(len(self))._numbers if isinstance(other, EncryptedNumber) else other._numbers

    def __repr__(self) -> str:
        return f"<EncryptedArray of {len(self)}, multiples of 2^{self.exponent}, of up to {self.bound_bits} bits>"


def _plain(values: Any) -> PlainArray:
    return values if isinstance(values, PlainArray) else PlainArray(values)


def _factor(values: Any) -> PlainArray:
    if isinstance(values, _Encrypted):
        raise InputError("two encrypted numbers cannot be multiplied: one factor must be plain")
    return _plain(values)


def _checked_flat(plain: PlainArray) -> PlainArray:
    if len(plain.shape) > 1:
        raise InputError(f"the plain numbers have shape {tuple(plain.shape)}; encrypted arrays have one dimension")
    return plain


def _checked_length(plain: PlainArray, count: int) -> PlainArray:
    if len(plain) != count:
        raise InputError(f"the dot product has {len(plain)} plain numbers, expected {count} like the encrypted ones")
    return plain


def _negative(values: Any) -> Any:
    if isinstance(values, PlainArray):
        raise InputError("a PlainArray cannot be subtracted: add its negative")
    return -numpy.asarray(values) if not isinstance(values, int | float) else -values
