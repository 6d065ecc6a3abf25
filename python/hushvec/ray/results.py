"""What workers return, or fail with."""

from __future__ import annotations

from typing import Any

import ray

from .._hushvec import DeviceError, FileError, InputError


def fetched(references: Any) -> Any:
    """What tasks returned. What they failed with is raised as it was there, if it is the engine's."""
    try:
        return ray.get(references)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError | FileError | DeviceError):
            raise error.cause from error
        raise
