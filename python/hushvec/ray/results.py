"""Results and errors of workers."""

from __future__ import annotations

from typing import Any

import ray

from .._hushvec import DeviceError, FileError, InputError


def fetched(references: Any) -> Any:
    """Returns the results of tasks. Raises the original error of a task if it is one of the engine's."""
    try:
        return ray.get(references)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError | FileError | DeviceError):
            raise error.cause from error
        raise
