"""A search over many segments, which workers hold."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy
import ray
from numpy.typing import NDArray

from .._hushvec import Index, InputError, Query, Response
from ..clients import HammingClient
from ..context import ExecutionContext
from ..evaluator import Evaluator
from .keys import Device, Keys, Portable, placed
from .results import fetched

#: Bytes of a response that travel at a time, and how many such pieces may wait to be taken.
PIECE, WAITING = 8 << 20, 4

Found = tuple[NDArray[Any], NDArray[numpy.uint32]]


class Search:
    """Segments of an encrypted collection on the workers of a cluster, which answer queries together.

    With an owner's keys the workers search their segments, and hold the secret key to do so. With public keys (an
    :class:`~hushvec.Evaluator`, or a public context's text) they only combine, and encrypted distances come back to the
    driver, which decrypts them: slower, for workers that are not to know.

    Workers that end are replaced, and answer what the others did not.

    :param segments: Index files of one key, with ids of one kind, none of them in two.
    :param keys: Whose the segments are.
    :param devices: See :func:`hushvec.ray.encrypt`.
    :param threads: Threads of each worker; one unless given.
    :raises InputError: if there are no segments, or one is of another key.
    """

    def __init__(
        self,
        segments: Sequence[str | os.PathLike[str]],
        keys: Keys,
        *,
        devices: Sequence[Device] | None = None,
        threads: int | None = None,
    ) -> None:
        self._keys = Portable.of(keys)
        # The workers are in other folders than the driver.
        indexes = [Index(pathlib.Path(segment).absolute()) for segment in segments]
        if not indexes:
            raise InputError("there are no segments to search")
        for index in indexes:
            if index.public_id != self._keys.public_id:
                raise InputError(f"{index.path}: its key is {index.public_id}, not {self._keys.public_id}")
        self._length = sum(map(len, indexes))
        places = placed(devices, threads)
        self._workers = [
            _Searcher.options(**options).remote(self._keys, threads or 1, device, paths)  # type: ignore[attr-defined]
            for (device, options), paths in zip(places, _spread(indexes, len(places)), strict=False)
            if paths
        ]

    def __len__(self) -> int:
        """Vectors in all segments."""
        return self._length

    def nearest(self, queries: Any, k: int = 10, context: ExecutionContext | HammingClient | None = None) -> Found:
        """The ``k`` nearest vectors for each query, nearest first, of equal distances the lower id: ids (Q, k), and distances
        (Q, k) uint32, with fewer columns if there are fewer vectors. Exactly what one index of all vectors would answer.

        :param queries: Vectors, (Q, D) or (Q, D/8).
        :param context: The owner's keys, if the workers have public ones.
        :raises InputError: if a vector has another length, keys are missing or others than the segments', the search is
            closed, or ids are integers in one segment and strings in another.
        :raises DeviceError: if a worker's node has no such device.
        """
        if not self._workers:
            raise InputError("the search is closed")
        if self._keys.client is not None:
            there = ray.put(queries)
            return merged(fetched([worker.nearest.remote(there, k) for worker in self._workers]), k)
        if context is None:
            raise InputError("the workers have public keys; give the context that decrypts what they send")
        if context.public_id != self._keys.public_id:
            raise InputError(f"the segments' key is {self._keys.public_id}, the context's {context.public_id}")
        encrypted = context.encrypt_vec_batch(numpy.asarray(queries))
        query, ciphertexts = Query(encrypted, context), ray.put(encrypted)
        streaming = {"num_returns": "streaming", "_generator_backpressure_num_objects": WAITING}
        streams = [worker.combine.options(**streaming).remote(ciphertexts, query.id) for worker in self._workers]
        return merged([found for stream in streams for found in _decrypted(stream, context, k, query)], k)

    def processes(self) -> list[int]:
        """Process ids of the workers, on their nodes."""
        return list(ray.get([worker.process.remote() for worker in self._workers]))

    def close(self) -> None:
        """Ends the workers."""
        for worker in self._workers:
            ray.kill(worker)
        self._workers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _spread(indexes: list[Index], count: int) -> list[list[str]]:
    """Paths for each worker, so that all have about as many vectors."""
    loads, shares = [0] * count, [list[str]() for _ in range(count)]
    for index in sorted(indexes, key=len, reverse=True):
        least = loads.index(min(loads))
        loads[least] += len(index)
        shares[least].append(os.fspath(index.path))
    return shares


def merged(found: Sequence[Found], k: int) -> Found:
    """The k nearest of what several found."""
    found = [one for one in found if one[1].shape[1]] or list(found[:1])
    if len({ids.dtype.kind for ids, _ in found}) > 1:
        raise InputError("ids are integers in one segment and strings in another")
    ids, distances = (numpy.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = numpy.lexsort((ids, distances), axis=-1)[:, :k]
    return numpy.take_along_axis(ids, order, axis=1), numpy.take_along_axis(distances, order, axis=1)


def _decrypted(stream: Any, context: ExecutionContext | HammingClient, k: int, query: Query) -> Iterator[Found]:
    """Of responses to a query that come in pieces, each with the number of its segment, the nearest in each."""
    with tempfile.TemporaryDirectory() as folder:
        path, file, last = pathlib.Path(folder, "response.hvr"), None, None
        for reference in stream:
            number, piece = fetched(reference)
            if number != last and file is not None:
                file.close()
                yield Response(path).nearest(context, k, query=query)
                path.unlink()
            if number != last or file is None:
                file, last = path.open("wb"), number
            file.write(piece)
        if file is not None:
            file.close()
            yield Response(path).nearest(context, k, query=query)


@ray.remote
class _Searcher:
    """A worker on a device, with its segments mapped into memory."""

    def __init__(self, keys: Portable, threads: int, device: str, paths: list[str]) -> None:
        self._portable, self._threads, self._device, self._paths = keys, threads, device, paths
        self._opened: tuple[HammingClient | Evaluator, list[Index]] | None = None

    def _open(self) -> tuple[Any, list[Index]]:
        # Not before they are needed: what a constructor fails with, Ray tells in its own way.
        if self._opened is None:
            keys = self._portable.open(self._device, self._threads)
            self._opened = keys, [Index(path) for path in self._paths]
        return self._opened

    def process(self) -> int:
        return os.getpid()

    def nearest(self, queries: Any, k: int) -> Found:
        owner, indexes = self._open()
        return merged([index.nearest(owner, queries, k) for index in indexes], k)

    def combine(self, ciphertexts: NDArray[numpy.uint8], query_id: str | None) -> Iterator[tuple[int, bytes]]:
        evaluator, indexes = self._open()
        query = Query(ciphertexts, evaluator, query_id)
        # A worker that takes another's place sends everything again, and what has arrived before is not taken twice. That the
        # pieces fit is since the same query and index make the same bytes.
        with tempfile.TemporaryDirectory() as folder:
            for number, index in enumerate(indexes):
                path = pathlib.Path(folder, "response.hvr")
                evaluator.aggregate(query, index, path)
                with path.open("rb") as file:
                    while piece := file.read(PIECE):
                        yield number, piece
                path.unlink()
