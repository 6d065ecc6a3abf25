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

try:
    {"encrypt": encrypt, "append": append, "nearest": nearest, "project": project}[sys.argv[1]]()
except KeyboardInterrupt:
    print("stopped", flush=True)
    if sys.argv[1] == "append":
        index = hushvec.Index(path)
        index.verify()
        print(len(index))
"""


@pytest.mark.parametrize("call", ["encrypt", "append", "nearest", "project"])
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
    if call == "append":
        assert int(rest[-1]) >= max([done, *map(int, rest[: rest.index("stopped")])])
