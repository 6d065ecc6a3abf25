"""Encryption of a dataset, with one task per shard."""

from __future__ import annotations

import collections
import dataclasses
import glob
import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any

import ray

from .. import progress as progresses
from .._hushvec import DeviceError, FileError, Index, IndexWriter, InputError
from ..clients import HammingClient
from ..evaluator import Evaluator
from ..progress import Progress
from .keys import Device, Keys, Portable, actor_options
from .results import fetched
from .shards import Shard

#: Seconds between progress reports.
TICK = 0.5


@dataclasses.dataclass(frozen=True)
class Segment:
    """The encrypted vectors of a shard: an index file, and its number of vectors."""

    path: pathlib.Path
    vectors: int


def encrypt(
    shards: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    keys: Keys,
    *,
    column: str | None = None,
    id_column: str | None = None,
    devices: Sequence[Device] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> list[Segment]:
    """Encrypts each shard into an index with the shard's name in the folder ``output``. Finished segments are
    skipped, and unfinished ones are continued, so after any failure call it again.

    :param shards: .npy files with (N, D) of 0 and 1 or floats, or (N, D/8) of packed bits; and Parquet files with a
        column of lists.
    :param keys: The owner's context or client, whose secret key the workers then hold; or public keys (an
        :class:`~hushvec.Evaluator`, or the text of a public context), which encrypt many times slower.
    :param column: The column of vectors in Parquet files. Default: the only column of lists.
    :param id_column: The column of ids in Parquet files. Default: ids are row numbers over all shards.
    :param devices: One worker is started for each device: ``cpu``, ``gpu:0`` and so on, alone or with Ray's options
        for its actor, as in ``("gpu:0", {"num_gpus": 1})``. Default: one ``cpu`` for each CPU of the cluster.
    :param threads: The number of threads per worker. Default: one.
    :raises InputError: if a shard is invalid. The message names the shard and the row. The other shards are finished
        first; further failures are in the error's notes.
    :raises FileError: if a file cannot be read or written.
    :raises DeviceError: if a device is not found on a worker's node, or the last worker lost its device.
    """
    portable, folder = Portable.of(keys), pathlib.Path(output).absolute()
    work = _shards(shards, column, id_column)
    names = [folder / f"{shard.path.stem}.hvx" for shard in work]
    if duplicates := [str(name) for name, count in collections.Counter(names).items() if count > 1]:
        raise InputError(f"two shards would both become {duplicates[0]}: rename one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot create {folder}: {error.strerror}") from error
    waiting = [number for number, shard in enumerate(work) if not _is_done(names[number], shard, portable)]
    done = sum(work[number].rows for number in set(range(len(work))) - set(waiting))
    if waiting:
        actors = actor_options(devices, threads)[: len(waiting)]
        counter = _Counter.remote()  # type: ignore[attr-defined]
        workers = [
            _Encryptor.options(**options).remote(portable, threads or 1, device, counter)  # type: ignore[attr-defined]
            for device, options in actors
        ]
        try:
            _run(workers, counter, [(number, work[number], names[number]) for number in waiting], done, progress)
        finally:
            for actor in (*workers, counter):
                ray.kill(actor)
    return [Segment(name, shard.rows) for name, shard in zip(names, work, strict=True)]


def _shards(
    paths: Sequence[str | os.PathLike[str]], column: str | None, id_column: str | None
) -> list[Shard]:
    if isinstance(paths, str | os.PathLike):
        raise InputError("shards is one path, expected a list of paths")
    shards: list[Shard] = []
    for path in paths:
        first = shards[-1].first + shards[-1].rows if shards else 0
        shards.append(Shard.of(path, first, column, id_column))
    return shards


def _is_done(segment: pathlib.Path, shard: Shard, keys: Portable) -> bool:
    """Returns whether a segment is finished. Refuses one of another shard, instead of overwriting it."""
    if not segment.exists():
        return False
    index = Index(segment)
    if index.public_id != keys.public_id:
        raise InputError(f"{segment}: its key is {index.public_id}, not {keys.public_id}; delete it to encrypt {shard.path} again")
    if len(index) != shard.rows or segment.stat().st_mtime_ns < shard.changed:
        raise InputError(f"{segment}: it was not encrypted from the current {shard.path}; delete it to encrypt {shard.path} again")
    return True


def _run(workers: list[Any], counter: Any, work: list[tuple[int, Shard, pathlib.Path]], done: int, progress: Progress) -> None:
    """Gives each worker one shard at a time, until all shards are done or have failed."""
    total = done + sum(shard.rows for _, shard, _ in work)
    listener = progresses.start(progress, total, "encrypt")
    left, idle = collections.deque(work), list[Any]()
    # Shards go only to started workers: Ray may have no room for a worker until others end.
    running: dict[Any, tuple[Any, tuple[int, Shard, pathlib.Path] | None]] = {
        worker.start.remote(): (worker, None) for worker in workers
    }
    failures: list[tuple[Shard, InputError | FileError]] = []
    try:
        while left or any(task for _, task in running.values()):
            while left and idle:
                worker, task = idle.pop(), left.popleft()
                running[worker.encrypt.remote(*task)] = (worker, task)
            ready, _ = ray.wait(list(running), timeout=TICK if listener else None)
            for reference in ready:
                worker, given = running.pop(reference)
                try:
                    fetched(reference)
                except (InputError, FileError) as error:
                    if given is None:
                        raise
                    failures.append((given[1], error))
                except DeviceError as error:
                    if given is None:
                        raise
                    if not (idle or running):
                        raise DeviceError(f"{given[1].path}: {error}") from error
                    # Give the shard to another worker, and this worker no more shards.
                    warnings.warn(f"{given[1].path}: {error}; another worker continues the shard", stacklevel=3)
                    left.appendleft(given)
                    continue
                idle.append(worker)
            if listener:
                listener(done + ray.get(counter.total.remote()))
    finally:
        if listener:
            listener.close()
    for shard, cause in failures:
        others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        failure = type(cause)(f"{shard.path}: {cause}{others}")
        for other, why in failures[1:]:
            failure.add_note(f"{other.path}: {why}")
        raise failure from cause


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class _Counter:
    """Sums the progress of the workers. They report the finished rows of a shard, so a repeated report does no harm."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}

    def report(self, shard: int, rows: int) -> None:
        self._rows[shard] = rows

    def total(self) -> int:
        return sum(self._rows.values())


@ray.remote
class _Encryptor:
    """A worker on a device."""

    def __init__(self, keys: Portable, threads: int, device: str, counter: Any) -> None:
        self._portable, self._threads, self._device, self._counter = keys, threads, device, counter
        self._opened: HammingClient | Evaluator | None = None

    def start(self) -> None:
        """Opens the keys. Fails if the device is not found. Not in the constructor, whose errors Ray wraps in its
        own."""
        self._open()

    def _open(self) -> HammingClient | Evaluator:
        # Also called by ``encrypt``, because Ray does not call ``start`` again on a restarted worker.
        if self._opened is None:
            self._opened = self._portable.open(self._device, self._threads)
        return self._opened

    def encrypt(self, number: int, shard: Shard, segment: pathlib.Path) -> None:
        keys = self._open()
        if segment.exists():
            return  # This task finished it before, but its worker was lost before it returned.
        part = segment.with_name(f"{segment.name}.{shard.job_id(self._portable.public_id)}.part")
        for other in segment.parent.glob(f"{glob.escape(segment.name)}.{'[0-9a-f]' * 16}.part"):
            if other != part:
                other.unlink()  # An unfinished segment of an outdated job.
        try:
            writer = IndexWriter(part, keys, mode="a")
        except InputError:
            # Damaged, for example by a power failure: start again.
            part.unlink()
            writer = IndexWriter(part, keys)
        try:
            for row, ids, vectors in shard.blocks(writer.appended):
                writer.append(vectors, ids, first_row=row)
                self._counter.report.options(max_task_retries=0).remote(number, row + len(vectors))
            if writer.appended != shard.rows:
                raise InputError(f"it has {writer.appended} rows, expected {shard.rows}: it has changed since the call began")
            writer.rename(segment)
        finally:
            writer.close()
