"""Checks the types of arguments. Errors name the argument and the expected type."""

import json
import operator
from collections.abc import Sequence
from typing import Any

from ._hushvec import InputError


def text(value: object, what: str) -> str:
    """Returns ``value`` if it is text. ``what`` names it in errors."""
    if not isinstance(value, str):
        raise InputError(f"{what} is of type {type(value).__name__}, expected text")
    return value


def integer(value: Any, what: str) -> int:
    """Returns ``value`` as an integer, also one of NumPy's. ``what`` names it in errors."""
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(f"{what} is of type {type(value).__name__}, expected an integer") from None


def texts(contents: Sequence[str]) -> list[str]:
    """Returns a list of texts, one for each vector."""
    if isinstance(contents, str):
        raise InputError("contents is one text, expected a list with one for each vector")
    return [text(content, f"the content of vector {number}") for number, content in enumerate(contents)]


def number_range(given: tuple[int, int]) -> tuple[int, int]:
    """Returns the numbers of the first and the last chunk."""
    try:
        first, last = given
    except (TypeError, ValueError):
        raise InputError(f"range is {given!r}, expected the numbers of the first and the last chunk") from None
    first, last = integer(first, "the first number of range"), integer(last, "the last number of range")
    if not 0 <= first <= last:
        raise InputError(f"range is {given!r}, expected two numbers from 0, the lower first")
    return first, last


def as_json(value: Any, what: str) -> str:
    """Returns ``value`` as JSON. ``what`` names it in errors."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be converted to JSON: {error}") from None
