"""Encrypting a dataset, a shard a task."""

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
from .keys import Device, Keys, Portable, placed
from .results import fetched
from .shards import Shard

#: Seconds between two looks at how far the workers are.
TICK = 0.5


@dataclasses.dataclass(frozen=True)
class Segment:
    """The encrypted vectors of a shard: an index file, and how many there are."""

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
    """Encrypts each shard into an index of its name in the folder ``output``. Segments that are there already are not done
    again, and one that a worker did not finish is gone on with; so after whatever went wrong, call it again.

    :param shards: .npy files, (N, D) of 0 and 1 or floats or (N, D/8) packed, and Parquet files with a column of lists.
    :param keys: An owner's context or client, whose secret key the workers then hold, or public keys (an
        :class:`~hushvec.Evaluator`, or a public context's text), with which encryption takes many times longer.
    :param column: The column of vectors in Parquet files; the only one of lists unless given.
    :param id_column: The column of ids in Parquet files; without, ids are row numbers over all shards.
    :param devices: A worker is made for each: ``cpu``, ``gpu:0`` and so on, alone or with options of Ray's for its actor, as
        in ``("gpu:0", {"num_gpus": 1})``. One ``cpu`` for each processor of the cluster unless given.
    :param threads: Threads of each worker; one unless given.
    :raises InputError: if a shard cannot be used: the message names it and the row. The others are finished first; those that
        failed too are in the error's notes.
    :raises FileError: if a file cannot be read or written.
    :raises DeviceError: if a worker's node has no such device, or the last worker lost its device.
    """
    portable, folder = Portable.of(keys), pathlib.Path(output).absolute()
    work = _shards(shards, column, id_column)
    names = [folder / f"{shard.path.stem}.hvx" for shard in work]
    if twice := [str(name) for name, count in collections.Counter(names).items() if count > 1]:
        raise InputError(f"two shards would both become {twice[0]}: rename one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot create {folder}: {error.strerror}") from error
    waiting = [number for number, shard in enumerate(work) if not _is_done(names[number], shard, portable)]
    done = sum(work[number].rows for number in set(range(len(work))) - set(waiting))
    if waiting:
        actors = placed(devices, threads)[: len(waiting)]
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
        raise InputError("shards is a list of files")
    shards: list[Shard] = []
    for path in paths:
        first = shards[-1].first + shards[-1].rows if shards else 0
        shards.append(Shard.of(path, first, column, id_column))
    return shards


def _is_done(segment: pathlib.Path, shard: Shard, keys: Portable) -> bool:
    """Whether a segment is there. One that is not this shard's is nobody's to overwrite."""
    if not segment.exists():
        return False
    index = Index(segment)
    if index.public_id != keys.public_id:
        raise InputError(f"{segment}: its key is {index.public_id}, not {keys.public_id}; delete it to encrypt {shard.path} again")
    if len(index) != shard.rows or segment.stat().st_mtime_ns < shard.changed:
        raise InputError(f"{segment}: it is not of {shard.path} as that is now; delete it to encrypt that again")
    return True


def _run(workers: list[Any], counter: Any, work: list[tuple[int, Shard, pathlib.Path]], done: int, progress: Progress) -> None:
    """Gives each worker a shard at a time, until all are done or have failed."""
    total = done + sum(shard.rows for _, shard, _ in work)
    told = progresses.start(progress, total, "encrypt")
    left, idle = collections.deque(work), list[Any]()
    # A worker gets shards when it has started: Ray may have no room for it until others end.
    running: dict[Any, tuple[Any, tuple[int, Shard, pathlib.Path] | None]] = {
        worker.start.remote(): (worker, None) for worker in workers
    }
    failures: list[tuple[Shard, InputError | FileError]] = []
    try:
        while left or any(task for _, task in running.values()):
            while left and idle:
                worker, task = idle.pop(), left.popleft()
                running[worker.encrypt.remote(*task)] = (worker, task)
            ready, _ = ray.wait(list(running), timeout=TICK if told else None)
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
                    # The shard is not to blame, nor should this worker have more to fail with.
                    warnings.warn(f"{given[1].path}: {error}; another worker goes on with it", stacklevel=3)
                    left.appendleft(given)
                    continue
                idle.append(worker)
            if told:
                told(done + ray.get(counter.total.remote()))
    finally:
        if told:
            told.close()
    for shard, cause in failures:
        others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        failure = type(cause)(f"{shard.path}: {cause}{others}")
        for other, why in failures[1:]:
            failure.add_note(f"{other.path}: {why}")
        raise failure from cause


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class _Counter:
    """How far the workers are. They say how many rows of a shard there are, so that telling it twice does no harm."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}

    def tell(self, shard: int, rows: int) -> None:
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
        """Fails if the device is not there. What a constructor fails with, Ray tells in its own way."""
        self._open()

    def _open(self) -> HammingClient | Evaluator:
        # Not by ``start`` alone, which a worker that takes another's place does not hear.
        if self._opened is None:
            self._opened = self._portable.open(self._device, self._threads)
        return self._opened

    def encrypt(self, number: int, shard: Shard, segment: pathlib.Path) -> None:
        keys = self._open()
        if segment.exists():
            return  # By this very task, whose worker was lost before it could say so.
        part = segment.with_name(f"{segment.name}.{shard.job(self._portable.public_id)}.part")
        for other in segment.parent.glob(f"{glob.escape(segment.name)}.{'[0-9a-f]' * 16}.part"):
            if other != part:
                other.unlink()  # Of a job with other ideas of this shard.
        try:
            writer = IndexWriter(part, keys, mode="a")
        except InputError:
            # Damaged, as after a loss of power: nothing in it is needed.
            part.unlink()
            writer = IndexWriter(part, keys)
        try:
            for row, ids, vectors in shard.blocks(writer.appended):
                writer.append(vectors, ids, first_row=row)
                self._counter.tell.options(max_task_retries=0).remote(number, row + len(vectors))
            if writer.appended != shard.rows:
                raise InputError(f"it has {writer.appended} rows, and had {shard.rows} when it was counted")
            writer.rename(segment)
        finally:
            writer.close()
