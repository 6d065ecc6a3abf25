"""Measures the throughput of this machine through Python: ``hushvec.bench()``, or ``python -m hushvec.bench`` for a
table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy

from . import clients
from .context import ExecutionContext
from .evaluator import Evaluator

#: The number of distinct ciphertexts, which batches repeat.
POOL = 1024

SCHEMES = ("paillier", "paillier_subgroup", "paillier_lookup")


@dataclasses.dataclass(frozen=True)
class BenchResult:
    """The throughput of one operation on one device with one batch size. All results were checked."""

    operation: str
    scheme: str
    device: str
    key_len: int
    embedding_length: int
    batch: int
    per_second: float


def bench(
    devices: Sequence[str] = ("cpu",),
    schemes: Sequence[str] = SCHEMES,
    batches: Sequence[int] = (1024,),
    *,
    key_len: int = 1024,
    embedding_length: int = 512,
    threads: int | None = None,
    seconds: float = 1.0,
) -> Iterator[BenchResult]:
    """Measures encryption, aggregation and decryption on each device with each batch size, through the methods of
    this package. Yields each result as soon as it is measured.

    :param seconds: The minimum time to measure each operation, after one call for warm-up.
    :raises DeviceError: if a device is not found.
    :raises RuntimeError: if an operation returns a wrong result.
    """
    random = numpy.random.default_rng(1)
    pool = random.integers(0, 2, (POOL, embedding_length), dtype=numpy.uint8)
    for scheme in schemes:
        context = ExecutionContext.create("bench", scheme, embedding_length, key_len, device="cpu", threads=threads)
        encrypted = context.encrypt_vec_batch(pool)
        text = context.serialize_exec_context()
        for device in devices:
            owner = ExecutionContext._from_serialized_exec_context(
                json.loads(text), "bench", device=device, threads=threads
            )
            evaluator = Evaluator(owner.public_context(), device=device, threads=threads)
            for batch in batches:
                rows = numpy.arange(batch) % POOL
                vectors, stored = pool[rows], encrypted[rows]
                distances = (vectors != vectors[0]).sum(axis=1)
                query = stored[:1]
                combined = evaluator.hamming(query, stored)
                work: dict[str, tuple[Callable[[], Any], Callable[[Any], bool]]] = {
                    "encrypt": (
                        lambda: owner.encrypt_vec_batch(vectors),
                        lambda found: bool((owner.homomorphic.decrypt_vec_batch(found) == vectors).all()),
                    ),
                    "aggregate": (
                        lambda: evaluator.hamming(query, stored),
                        lambda found: bool((found == combined).all()),
                    ),
                    "decode": (
                        lambda: owner.decode_hamming_client_batch(combined),
                        lambda found: bool((found == distances).all()),
                    ),
                }
                for operation, (call, is_right) in work.items():
                    rate = batch / _seconds(call, is_right, seconds, f"{operation} on {device}")
                    used = (evaluator if operation == "aggregate" else owner._keys).device_used
                    yield BenchResult(operation, scheme, used, key_len, embedding_length, batch, rate)


def _seconds(call: Callable[[], Any], is_right: Callable[[Any], bool], least: float, what: str) -> float:
    """Returns the seconds per call. The first call is not counted. All results are checked, which is not counted
    either."""
    calls, spent = -1, 0.0
    while calls < 1 or spent < least:
        started = time.perf_counter()
        found = call()
        took = time.perf_counter() - started
        if not is_right(found):
            raise RuntimeError(f"{what} returned a wrong result")
        calls += 1
        spent += took if calls else 0
    return spent / calls


def _list(text: str) -> list[str]:
    return text.split(",")


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table, or JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m hushvec.bench", description=__doc__)
    parser.add_argument("--device", type=_list, default=["cpu"], help="devices, separated by commas (default cpu)")
    parser.add_argument("--scheme", type=_list, default=list(SCHEMES), help="schemes, separated by commas (default: all)")
    parser.add_argument(
        "--batch", type=_list, default=["1024"], help="batch sizes in vectors, separated by commas (default 1024)"
    )
    parser.add_argument("--key-len", type=int, default=1024, help="length of each prime in bits (default 1024)")
    parser.add_argument("--embedding-length", type=int, default=512, help="dimensions of a vector (default 512)")
    parser.add_argument("--threads", type=int, help="number of threads (default: one per core)")
    parser.add_argument("--seconds", type=float, default=1.0, help="minimum seconds per operation (default 1)")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    given = parser.parse_args(arguments)
    sizes = {"key_len": given.key_len, "embedding_length": given.embedding_length}
    options = {"threads": given.threads, "seconds": given.seconds}
    results = bench(given.device, given.scheme, [int(n) for n in given.batch], **sizes, **options)
    if not given.json:
        cpu = clients.devices()["cpu"]
        print(f"{cpu['model']}, {cpu['threads']} threads, {cpu['isa']} kernels; every answer is checked\n")
        print(f"{'scheme':17} {'operation':9} {'batch':>8} {'per second':>12} {'each':>10}  device")
    for result in results:
        if given.json:
            print(json.dumps(dataclasses.asdict(result)), flush=True)
            continue
        each = f"{1e6 / result.per_second:.1f} µs"
        numbers = f"{result.batch:8} {result.per_second:12,.0f} {each:>10}"
        print(f"{result.scheme:17} {result.operation:9} {numbers}  {result.device}", flush=True)
