"""Search over many segments on workers."""

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
from .keys import Device, Keys, Portable, actor_options
from .results import fetched

#: The size in bytes of the pieces of a response, and the number of pieces that may wait to be received.
PIECE_BYTES, WAITING_PIECES = 8 << 20, 4

Found = tuple[NDArray[Any], NDArray[numpy.uint32]]


class Search:
    """Searches the segments of an encrypted collection with the workers of a cluster.

    With the owner's keys, the workers hold the secret key and search their segments. With public keys (an
    :class:`~hushvec.Evaluator`, or the text of a public context), they only aggregate, and send the encrypted
    distances to the driver, which decrypts them. This is slower. Use it for workers that must not learn vectors or
    queries.

    Workers that are lost are restarted, and repeat their part of the search.

    :param segments: Index files of one key, with ids of one type and without duplicates.
    :param keys: The keys of the segments.
    :param devices: See :func:`hushvec.ray.encrypt`.
    :param threads: The number of threads per worker. Default: one.
    :raises InputError: if there are no segments, or one belongs to another key.
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
        # Workers have another working directory than the driver.
        indexes = [Index(pathlib.Path(segment).absolute()) for segment in segments]
        if not indexes:
            raise InputError("there are no segments to search")
        for index in indexes:
            if index.public_id != self._keys.public_id:
                raise InputError(f"{index.path}: its key is {index.public_id}, not {self._keys.public_id}")
        self._length = sum(map(len, indexes))
        actors = actor_options(devices, threads)
        self._workers = [
            _Searcher.options(**options).remote(self._keys, threads or 1, device, paths)  # type: ignore[attr-defined]
            for (device, options), paths in zip(actors, _distribute(indexes, len(actors)), strict=False)
            if paths
        ]

    def __len__(self) -> int:
        """The number of vectors in all segments."""
        return self._length

    def nearest(self, queries: Any, k: int = 10, context: ExecutionContext | HammingClient | None = None) -> Found:
        """Finds the ``k`` nearest vectors to each query, nearest first, and for equal distances the lower id first.
        Returns ids (Q, k) and distances (Q, k) uint32, with fewer columns if there are fewer vectors. The result is
        that of a single index of all vectors.

        :param queries: Vectors, (Q, D) or (Q, D/8).
        :param context: The owner's keys, if the workers have public keys.
        :raises InputError: if a query has the wrong length, the owner's keys are missing or do not match, the search is
            closed, or ids are integers in one segment and strings in another.
        :raises DeviceError: if a device is not found on a worker's node.
        """
        if not self._workers:
            raise InputError("the search is closed")
        if self._keys.client is not None:
            stored = ray.put(queries)
            return merged(fetched([worker.nearest.remote(stored, k) for worker in self._workers]), k)
        if context is None:
            raise InputError("the workers have public keys: give the context that decrypts their responses")
        if context.public_id != self._keys.public_id:
            raise InputError(f"the segments' key is {self._keys.public_id}, the context's is {context.public_id}")
        encrypted = context.encrypt_vec_batch(numpy.asarray(queries))
        query, ciphertexts = Query(encrypted, context), ray.put(encrypted)
        streaming = {"num_returns": "streaming", "_generator_backpressure_num_objects": WAITING_PIECES}
        streams = [worker.aggregate.options(**streaming).remote(ciphertexts, query.id) for worker in self._workers]
        return merged([found for stream in streams for found in _decrypted(stream, context, k, query)], k)

    def processes(self) -> list[int]:
        """Returns the process ids of the workers on their nodes."""
        return list(ray.get([worker.process.remote() for worker in self._workers]))

    def close(self) -> None:
        """Stops the workers."""
        for worker in self._workers:
            ray.kill(worker)
        self._workers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _distribute(indexes: list[Index], count: int) -> list[list[str]]:
    """Returns the paths for each worker, with about the same number of vectors."""
    loads, shares = [0] * count, [list[str]() for _ in range(count)]
    for index in sorted(indexes, key=len, reverse=True):
        least = loads.index(min(loads))
        loads[least] += len(index)
        shares[least].append(os.fspath(index.path))
    return shares


def merged(found: Sequence[Found], k: int) -> Found:
    """Returns the k nearest of several results."""
    found = [one for one in found if one[1].shape[1]] or list(found[:1])
    if len({ids.dtype.kind for ids, _ in found}) > 1:
        raise InputError("ids are integers in one segment and strings in another")
    ids, distances = (numpy.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = numpy.lexsort((ids, distances), axis=-1)[:, :k]
    return numpy.take_along_axis(ids, order, axis=1), numpy.take_along_axis(distances, order, axis=1)


def _decrypted(stream: Any, context: ExecutionContext | HammingClient, k: int, query: Query) -> Iterator[Found]:
    """Yields the nearest vectors in each response of a stream of pieces. Each piece comes with the number of its
    segment."""
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
        # Not in the constructor, whose errors Ray wraps in its own.
        if self._opened is None:
            keys = self._portable.open(self._device, self._threads)
            self._opened = keys, [Index(path) for path in self._paths]
        return self._opened

    def process(self) -> int:
        return os.getpid()

    def nearest(self, queries: Any, k: int) -> Found:
        owner, indexes = self._open()
        return merged([index.nearest(owner, queries, k) for index in indexes], k)

    def aggregate(self, ciphertexts: NDArray[numpy.uint8], query_id: str | None) -> Iterator[tuple[int, bytes]]:
        evaluator, indexes = self._open()
        query = Query(ciphertexts, evaluator, query_id)
        # A restarted worker sends all pieces again, and Ray drops those that have arrived before. The pieces fit
        # together, because the same query and index give the same bytes.
        with tempfile.TemporaryDirectory() as folder:
            for number, index in enumerate(indexes):
                path = pathlib.Path(folder, "response.hvr")
                evaluator.aggregate(query, index, path)
                with path.open("rb") as file:
                    while piece := file.read(PIECE_BYTES):
                        yield number, piece
                path.unlink()
