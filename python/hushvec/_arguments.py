"""Arguments that are of the wrong type are named, with what was expected."""

import json
import operator
from collections.abc import Sequence
from typing import Any

from ._hushvec import InputError


def text(value: object, what: str) -> str:
    """Text; ``what`` says which."""
    if not isinstance(value, str):
        raise InputError(f"{what} is of type {type(value).__name__}, expected text")
    return value


def integer(value: Any, what: str) -> int:
    """An integer, NumPy's too; ``what`` says which."""
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(f"{what} is of type {type(value).__name__}, expected an integer") from None


def texts(contents: Sequence[str]) -> list[str]:
    """A text for each vector."""
    if isinstance(contents, str):
        raise InputError("contents is one text, expected a list with one for each vector")
    return [text(content, f"the content of vector {number}") for number, content in enumerate(contents)]


def number_range(given: tuple[int, int]) -> tuple[int, int]:
    """The numbers of the first and the last chunk."""
    try:
        first, last = given
    except (TypeError, ValueError):
        raise InputError(f"range is {given!r}, expected the numbers of the first and the last chunk") from None
    first, last = integer(first, "the first of range"), integer(last, "the last of range")
    if not 0 <= first <= last:
        raise InputError(f"range is {given!r}, expected two numbers from 0, the lower first")
    return first, last


def as_json(value: Any, what: str) -> str:
    """JSON; ``what`` says of what."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be sent: {error}") from None
