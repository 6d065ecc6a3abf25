"""Shards of a dataset: files of vectors, read block by block."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy

from .._hushvec import FileError, InputError

#: The number of rows that are read at a time.
BLOCK = 16_384


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of vectors, .npy or Parquet, whose row numbers begin at ``first``."""

    path: pathlib.Path
    rows: int
    first: int
    column: str | None
    id_column: str | None
    changed: int

    @classmethod
    def of(cls, path: str | os.PathLike[str], first: int, column: str | None, id_column: str | None) -> Shard:
        """Counts the rows of a file without reading them.

        :raises FileError: if the file cannot be read.
        :raises InputError: if it is not a file of vectors.
        """
        # Workers have another working directory than the driver.
        path = pathlib.Path(path).absolute()
        if path.suffix not in (".npy", ".parquet"):
            raise InputError(f"{path}: expected a file that ends in .npy or .parquet")
        try:
            changed = path.stat().st_mtime_ns
            rows = _parquet(path).metadata.num_rows if path.suffix == ".parquet" else len(_array(path))
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror or error}") from error
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: {error}") from error
        return cls(path, rows, first, column, id_column, changed)

    def job_id(self, public_id: str) -> str:
        """Returns an id of the shard and the key. A job continues an unfinished segment only if the ids are equal."""
        facts = (str(self.path), self.rows, self.first, self.column, self.id_column, self.changed, public_id)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def blocks(self, start: int) -> Iterator[tuple[int, Any, numpy.ndarray[Any, Any]]]:
        """Yields blocks from the row ``start``: the first row, the ids, and vectors (N, D) or packed (N, D/8)."""
        read = self._parquet_blocks if self.path.suffix == ".parquet" else self._array_blocks
        try:
            for row, ids, vectors in read(start):
                first = self.first + row
                yield row, range(first, first + len(vectors)) if ids is None else ids, vectors
        except InputError:
            raise
        except ValueError as error:
            raise InputError(str(error)) from error
        except OSError as error:
            raise FileError(f"cannot read the file: {error}") from error

    def _array_blocks(self, start: int) -> Iterator[tuple[int, None, numpy.ndarray[Any, Any]]]:
        array = _array(self.path)
        for row in range(start, len(array), BLOCK):
            yield row, None, array[row : row + BLOCK]

    def _parquet_blocks(self, start: int) -> Iterator[tuple[int, Any, numpy.ndarray[Any, Any]]]:
        file = _parquet(self.path)
        column = self.column or _only_list(file.schema_arrow)
        wanted = [column] if self.id_column is None else [column, self.id_column]
        if missing := [name for name in wanted if name not in file.schema_arrow.names]:
            names = ", ".join(map(repr, file.schema_arrow.names))
            raise InputError(f"there is no column {missing[0]!r}; the columns are {names}")
        row, groups = 0, list(range(file.metadata.num_row_groups))
        while groups and row + file.metadata.row_group(groups[0]).num_rows <= start:
            row += file.metadata.row_group(groups.pop(0)).num_rows
        for batch in file.iter_batches(batch_size=BLOCK, row_groups=groups, columns=wanted):
            skipped = min(max(start - row, 0), len(batch))
            if skipped < len(batch):
                rest = batch.slice(skipped)
                ids = None if self.id_column is None else _ids(rest.column(self.id_column), row + skipped)
                yield row + skipped, ids, _rows(rest.column(column), row + skipped)
            row += len(batch)


def _array(path: pathlib.Path) -> numpy.ndarray[Any, Any]:
    array: numpy.ndarray[Any, Any] = numpy.lib.format.open_memmap(path, mode="r")
    if array.ndim != 2:
        raise InputError(f"the array has shape {array.shape}, expected (N, D) or packed (N, D/8)")
    return array


def _parquet(path: pathlib.Path) -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'hushvec[ray]'") from error
    return pyarrow.parquet.ParquetFile(path, memory_map=True)


def _only_list(schema: Any) -> str:
    """Returns the name of the only column of lists."""
    import pyarrow.types as types

    kinds = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_fixed_size_binary)
    found: list[str] = [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]
    if len(found) != 1:
        names = ", ".join(map(repr, found)) or "none"
        raise InputError(f"expected one column of lists, found {names}: choose a column with column=")
    return found[0]


def _ids(column: Any, first: int) -> list[int] | list[str]:
    ids: list[int] | list[str] = column.to_pylist()
    if column.null_count:
        raise InputError(f"row {first + column.is_null().to_pylist().index(True)} has no id")
    return ids


def _rows(column: Any, first: int) -> numpy.ndarray[Any, Any]:
    """Converts lists of numbers, or packed bytes, to an array."""
    import pyarrow

    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise InputError(f"row {first + row} has no vector")
    if pyarrow.types.is_fixed_size_binary(column.type):
        packed = b"".join(column.to_pylist())
        return numpy.frombuffer(packed, dtype=numpy.uint8).reshape(len(column), column.type.byte_width)
    if not hasattr(column, "flatten") or not hasattr(column.type, "value_type"):
        raise InputError(f"the column is {column.type}, expected lists of numbers or fixed-size packed bytes")
    values = column.flatten()
    lengths = numpy.asarray(column.value_lengths()) if hasattr(column, "value_lengths") else None
    width = column.type.list_size if lengths is None else int(lengths[0])
    if lengths is not None and (lengths != width).any():
        row = int((lengths != width).argmax())
        raise InputError(f"row {first + row} has {lengths[row]} numbers, row {first} has {width}")
    if values.null_count:
        row = values.is_null().to_pylist().index(True) // max(width, 1)
        raise InputError(f"row {first + row} contains a null")
    return numpy.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(column), width)
