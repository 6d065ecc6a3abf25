"""Writes the files of this folder with pyarrow, polars and numpy. README.md has their versions."""

import numpy
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet

# The vectors of tests/cli/workspace.rs.
state, rows = 1, []
for _ in range(12):
    row = []
    for _ in range(64):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        row.append(0.5 if state >> 63 else -0.5)
    rows.append(row)
vectors = numpy.array(rows, dtype=numpy.float32)
packed = numpy.packbits(vectors > 0, axis=1)
names = [f"page {row}" for row in range(12)]

table = pyarrow.table({
    "id": names,
    "title": pyarrow.array(names).dictionary_encode(),
    "embedding": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), 64),
})
pyarrow.parquet.write_table(table, "pyarrow.parquet", compression="zstd", row_group_size=5)
pyarrow.feather.write_feather(table, "pyarrow.feather", compression="lz4", chunksize=5)
with pyarrow.OSFile("pyarrow.arrows", "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
    stream.write_table(table, max_chunksize=5)
bits = pyarrow.array([row.tobytes() for row in packed], pyarrow.binary(8))
pyarrow.parquet.write_table(pyarrow.table({"bits": bits}), "binary.parquet", compression="snappy")

frame = polars.DataFrame({"number": range(100, 112), "embedding": rows, "other": [[1.0]] * 12})
frame.write_parquet("polars.parquet", compression="gzip")
frame.write_ipc("polars.arrow", compression="zstd")
