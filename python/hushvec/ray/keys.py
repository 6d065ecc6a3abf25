"""Keys and devices for workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import ray

from .._hushvec import InputError
from ..clients import HammingClient
from ..context import ExecutionContext
from ..evaluator import Evaluator

#: Keys for encryption: the owner's, or the public key, also as the text of a public context.
Keys = ExecutionContext | HammingClient | Evaluator | str
#: A device, alone or with Ray's options for its actor: ``("gpu:0", {"num_gpus": 1})``.
Device = str | tuple[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, repr=False)
class Portable:
    """Keys in a form that can be sent to workers. A client is sent with its secret key, because the key provider may
    work on one machine only. The worker opens the keys, because it may not have the driver's device."""

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
        """Opens the keys on a device of the worker."""
        if self.client is None:
            # Weakness was checked when the driver opened the key.
            return Evaluator(self.public, device=device, threads=threads, allow_weak=True)
        client = self.client.__new__(self.client)
        client.__setstate__(self.state | {"device": device, "threads": threads})
        return client


def actor_options(devices: Sequence[Device] | None, threads: int | None) -> list[tuple[str, dict[str, Any]]]:
    """Returns the devices with the options of their actors. The default is one ``cpu`` for each CPU of the cluster."""
    if not ray.is_initialized():
        ray.init()
    if devices is None:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        devices = ["cpu"] * max(1, int(resources.get("CPU", 1) // (threads or 1)))
    if not devices:
        raise InputError("devices is empty, expected at least one device")
    pairs = [(device, {}) if isinstance(device, str) else (device[0], dict(device[1])) for device in devices]
    # Restart lost workers, and repeat their tasks.
    defaults = {"num_cpus": threads or 1, "max_restarts": -1, "max_task_retries": -1}
    return [(device, defaults | options) for device, options in pairs]
