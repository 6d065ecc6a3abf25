"""Encrypted numbers: integers and floats, one and many.

Without the secret key they can be added to each other, and added to and multiplied by plain numbers::

    prices = context.encrypt_numbers([1.25, 3.5, -2.0])
    total = (prices * 3 + 1).sum()
    scores = numpy.array([[1, 0, 2], [0.5, 0.5, 0.5]]) @ prices
    context.decrypt_numbers(scores)                                # array([-2.75, 1.375])

A number is an integer times 2 to the power ``exponent``. ``exponent`` and the number of bits that the integer may have,
``bound_bits``, are public, and follow from what was computed and not from the numbers. What could outgrow the key is
refused before it is computed, so results are exact: plain floats are taken exactly too, unless they come as a
:class:`PlainArray` that says how many bits after the point are enough.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Never, Self, overload

import numpy

from ._hushvec import InputError, Numbers, PlainArray


class _Encrypted:
    """What one number and many have in common."""

    # NumPy leaves `array + encrypted` and `array @ encrypted` to the methods here.
    __array_ufunc__ = None

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    @property
    def exponent(self) -> int:
        """Numbers are multiples of 2 to this power."""
        return self._numbers.exponent

    @property
    def bound_bits(self) -> int:
        """How many bits the integers may have that stand for the numbers."""
        return self._numbers.bound_bits

    @property
    def public_id(self) -> str:
        """SHA-256 of the public key and configuration that they are encrypted with."""
        return self._numbers.public_id

    def rerandomize(self) -> Self:
        """The same with fresh noise: nobody without the secret key can tell how they came about."""
        return type(self)(self._numbers.rerandomize())

    def to_bytes(self) -> bytes:
        """For a message: ``numbers_from_bytes`` of an evaluator or a context reads them."""
        return self._numbers.to_bytes()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes them to a file, in one step.

        :raises FileError: if it cannot be written.
        """
        self._numbers.save(path)

    def __eq__(self, other: object) -> Never:
        raise TypeError("encrypted numbers cannot be compared without the secret key: decrypt them first")

    # By identity, as objects are that are equal to no other.
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
        """Times the float nearest to 1/other."""
        if isinstance(other, _Encrypted):
            raise InputError("one encrypted number cannot be divided by another")
        return self * (1 / numpy.asarray(other, dtype=float))


class EncryptedNumber(_Encrypted):
    """One encrypted number. With +, - (numbers, encrypted or plain), and * and / (plain ones)."""

    def __add__(self, other: Any) -> Any:
        if isinstance(other, EncryptedArray):
            return other + self
        if isinstance(other, EncryptedNumber):
            return EncryptedNumber(self._numbers.add(other._numbers))
        plain = _plain(other)
        if plain.shape:
            return self._spread(len(plain)) + plain
        return EncryptedNumber(self._numbers.add_plain(plain))

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, EncryptedArray):
            return self._spread(len(other)) - other
        if isinstance(other, EncryptedNumber):
            return EncryptedNumber(self._numbers.sub(other._numbers))
        return self + _negative(other)

    def __mul__(self, other: Any) -> Any:
        plain = _factor(other)
        if plain.shape:
            return self._spread(len(plain)) * plain
        return EncryptedNumber(self._numbers.mul_plain(plain))

    def _spread(self, count: int) -> EncryptedArray:
        return EncryptedArray(self._numbers.take([0] * count))

    def __repr__(self) -> str:
        return f"<EncryptedNumber, a multiple of 2^{self.exponent}, of up to {self.bound_bits} bits>"


class EncryptedArray(_Encrypted):
    """Encrypted numbers, one after the other. With +, - (numbers, encrypted or plain), * and / (plain ones), all element by
    element with one or as many; ``@`` with a plain vector or matrix; ``len``, indexing, slices and iteration."""

    @classmethod
    def of(cls, parts: Iterable[EncryptedNumber | EncryptedArray]) -> EncryptedArray:
        """Numbers and arrays of one key, one after the other."""
        numbers = [part._numbers for part in parts]
        if not numbers:
            raise InputError("there are no numbers to put into an array")
        return cls(numbers[0].followed_by(numbers[1:]))

    def __add__(self, other: Any) -> EncryptedArray:
        if isinstance(other, _Encrypted):
            return EncryptedArray(self._numbers.add(self._beside(other)))
        return EncryptedArray(self._numbers.add_plain(_flat(_plain(other))))

    def __sub__(self, other: Any) -> EncryptedArray:
        if isinstance(other, _Encrypted):
            return EncryptedArray(self._numbers.sub(self._beside(other)))
        return EncryptedArray(self._numbers.add_plain(_flat(_plain(_negative(other)))))

    def __mul__(self, other: Any) -> EncryptedArray:
        return EncryptedArray(self._numbers.mul_plain(_flat(_factor(other))))

    def __matmul__(self, other: Any) -> Any:
        """With a vector (N,) their dot product, with a matrix (N, M) an array of M."""
        if isinstance(other, PlainArray):
            if len(other.shape) != 1:
                raise InputError("on the right of @ a PlainArray has one dimension; give it transposed, on the left")
            return other @ self
        return numpy.asarray(other).T @ self

    def __rmatmul__(self, other: Any) -> Any:
        """With a vector (N,) their dot product, with a matrix (M, N) an array of M."""
        plain = _factor(other)
        if len(plain.shape) == 1:
            return EncryptedNumber(self._numbers.dot(_long(plain, len(self))))
        return EncryptedArray(self._numbers.matmul(plain))

    def dot(self, other: Any) -> Any:
        """As ``self @ other``."""
        return self @ other

    def sum(self) -> EncryptedNumber:
        """The sum of all numbers."""
        return EncryptedNumber(self._numbers.sum())

    def mean(self) -> EncryptedNumber:
        """The sum of all numbers times the float nearest to 1/N."""
        if not len(self):
            raise InputError("there is no mean of no numbers")
        return EncryptedNumber(self._numbers.sum().mul_plain(PlainArray(1 / len(self))))

    @property
    def shape(self) -> tuple[int]:
        """(N,)"""
        return (len(self),)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> EncryptedNumber: ...
    @overload
    def __getitem__(self, index: slice) -> EncryptedArray: ...
    def __getitem__(self, index: int | slice) -> EncryptedNumber | EncryptedArray:
        places = range(len(self))[index]
        if isinstance(places, range):
            return EncryptedArray(self._numbers.take(list(places)))
        return EncryptedNumber(self._numbers.take([places]))

    def __iter__(self) -> Iterator[EncryptedNumber]:
        return (self[place] for place in range(len(self)))

    def _beside(self, other: _Encrypted) -> Numbers:
        return other._spread(len(self))._numbers if isinstance(other, EncryptedNumber) else other._numbers

    def __repr__(self) -> str:
        return f"<EncryptedArray of {len(self)}, multiples of 2^{self.exponent}, of up to {self.bound_bits} bits>"


def _plain(values: Any) -> PlainArray:
    return values if isinstance(values, PlainArray) else PlainArray(values)


def _factor(values: Any) -> PlainArray:
    if isinstance(values, _Encrypted):
        raise InputError("two encrypted numbers cannot be multiplied, only an encrypted by a plain one")
    return _plain(values)


def _flat(plain: PlainArray) -> PlainArray:
    if len(plain.shape) > 1:
        raise InputError(f"the plain numbers have shape {tuple(plain.shape)}; encrypted arrays have one dimension")
    return plain


def _long(plain: PlainArray, count: int) -> PlainArray:
    if len(plain) != count:
        raise InputError(f"a dot product of {len(plain)} plain and {count} encrypted numbers")
    return plain


def _negative(values: Any) -> Any:
    if isinstance(values, PlainArray):
        raise InputError("a PlainArray is not subtracted: add its negative")
    return -numpy.asarray(values) if not isinstance(values, int | float) else -values
