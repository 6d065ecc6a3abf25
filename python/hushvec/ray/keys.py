"""Keys and devices on their way to workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import ray

from .._hushvec import InputError
from ..clients import HammingClient
from ..context import ExecutionContext
from ..evaluator import Evaluator

#: What encrypts: an owner's keys, or the public key, also as the text of a public context.
Keys = ExecutionContext | HammingClient | Evaluator | str
#: A device, and what Ray should know of the actor that uses it: ``("gpu:0", {"num_gpus": 1})``.
Device = str | tuple[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, repr=False)
class Portable:
    """Keys as they travel: those of a client with its secret key, since what unlocks a stored context may be at home on one
    machine only. They are opened where they arrive, as the driver's device need not be there."""

    client: type[HammingClient] | None
    state: dict[str, Any]
    public: str
    public_id: str
    embed_len: int

    @classmethod
    def of(cls, keys: Keys) -> Portable:
        if isinstance(keys, str):
            keys = Evaluator(keys, device="cpu")
        if isinstance(keys, Evaluator):
            return cls(None, {}, keys.public_context(), keys.public_id, keys.embed_len)
        client = keys.homomorphic if isinstance(keys, ExecutionContext) else keys
        if not isinstance(client, HammingClient):
            raise InputError(f"expected an ExecutionContext, a client, an Evaluator or a public context's text, not {type(keys)}")
        return cls(type(client), client.__getstate__(), client.public_context(), client.public_id, client.embed_len)

    def open(self, device: str, threads: int | None) -> HammingClient | Evaluator:
        """The keys, open on a device of the worker's."""
        if self.client is None:
            # Whether it is weak was asked when it was first opened.
            return Evaluator(self.public, device=device, threads=threads, allow_weak=True)
        client = self.client.__new__(self.client)
        client.__setstate__(self.state | {"device": device, "threads": threads})
        return client


def placed(devices: Sequence[Device] | None, threads: int | None) -> list[tuple[str, dict[str, Any]]]:
    """Devices with the options of their actors: one processor for each of the cluster unless they are given."""
    if not ray.is_initialized():
        ray.init()
    if devices is None:
        there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        devices = ["cpu"] * max(1, int(there.get("CPU", 1) // (threads or 1)))
    if not devices:
        raise InputError("there is no device to compute on")
    pairs = [(device, {}) if isinstance(device, str) else (device[0], dict(device[1])) for device in devices]
    # Whatever ends a worker, another takes its place and its work.
    lasting = {"num_cpus": threads or 1, "max_restarts": -1, "max_task_retries": -1}
    return [(device, lasting | options) for device, options in pairs]
