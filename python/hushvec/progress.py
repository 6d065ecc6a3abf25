"""Progress of long calls. Every long call has a parameter ``progress``: a function that is called with the number of
finished rows, ``True`` for a progress bar (if ``tqdm`` is installed), or ``None``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ._hushvec import InputError


#: The type of the parameter ``progress``.
Progress = Callable[[int], object] | bool | None


class Listener(Protocol):
    """Receives progress."""

    def __call__(self, done: int) -> object: ...

    def close(self) -> None: ...


class _Function:
    def __init__(self, function: Callable[[int], object]) -> None:
        self._function = function

    def __call__(self, done: int) -> object:
        return self._function(done)

    def close(self) -> None: ...


class _Bar:
    def __init__(self, tqdm: Any, total: int, what: str) -> None:
        self._bar = tqdm(total=total, desc=what, unit=" rows", unit_scale=True)

    def __call__(self, done: int) -> None:
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def start(progress: Progress, total: int, what: str) -> Listener | None:
    """Returns the listener for an argument ``progress``, or ``None``."""
    if progress is None or progress is False:
        return None
    if callable(progress):
        return _Function(progress)
    if progress is not True:
        raise InputError(f"progress is {progress!r}, expected a function, True or None")
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return _Bar(tqdm, total, what)
