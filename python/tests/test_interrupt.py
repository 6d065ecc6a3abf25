"""Ctrl-C stops long calls, and finished blocks are kept."""

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import sys, numpy, hushvec

context = hushvec.ExecutionContext.create("p", "paillier_subgroup", embedding_length=96, device="cpu", threads=1)
rows = numpy.random.default_rng(1).integers(0, 2, (4096, 96), dtype=numpy.uint8)
path = sys.argv[2]

def tell(done):
    print(done, flush=True)

def encrypt():
    context.encrypt_vec_batch(numpy.tile(rows, (500, 1)), tell)

def append():
    with hushvec.IndexWriter(path, context) as writer:
        writer.append(numpy.tile(rows, (500, 1)), progress=tell)

def nearest():
    with hushvec.IndexWriter(path, context) as writer:
        for _ in range(20):
            writer.append(rows)
    tell(0)
    hushvec.Index(path).nearest(context, rows[:1000], progress=tell)

def project():
    hushvec.project(numpy.tile(rows, (4, 1)).astype(numpy.float32), 65536, tell)

def packed():
    return hushvec.PackedContext.create("p", "hamming", 512, device="cpu", threads=1)

def packed_append():
    # The same bytes for all vectors, so that they take no memory.
    vectors = numpy.broadcast_to(numpy.packbits(rows[:1], axis=1)[:, :1], (400_000, 64))
    with hushvec.PackedIndexWriter(path, packed()) as writer:
        writer.append(vectors, progress=tell)

def packed_nearest():
    context = packed()
    with hushvec.PackedIndexWriter(path, context) as writer:
        writer.append(numpy.ones((8192, 512), dtype=numpy.uint8))
    tell(0)
    hushvec.PackedIndex(path).nearest(context, numpy.ones((5000, 512), dtype=numpy.uint8), progress=tell)

try:
    calls = [encrypt, append, nearest, project, packed_append, packed_nearest]
    {call.__name__: call for call in calls}[sys.argv[1]]()
except KeyboardInterrupt:
    print("stopped", flush=True)
    if sys.argv[1] == "append":
        index = hushvec.Index(path)
        index.verify()
        print(len(index))
    if sys.argv[1] == "packed_append":
        print(len(hushvec.PackedIndex(path)))
"""


@pytest.mark.parametrize("call", ["encrypt", "append", "nearest", "project", "packed_append", "packed_nearest"])
def test_ctrl_c(call, tmp_path):
    command = [sys.executable, "-c", SCRIPT, call, str(tmp_path / "index.hvx")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            # Wait until the call has begun.
            done = int(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            rest = process.stdout.read().split()
            process.wait()
        finally:
            process.kill()
    # The whole call would take minutes; a block takes less than a second.
    assert time.monotonic() - sent < 30
    assert "stopped" in rest, rest
    if call in ("append", "packed_append"):
        assert int(rest[-1]) >= max([done, *map(int, rest[: rest.index("stopped")])])
