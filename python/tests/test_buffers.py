"""Arrays and lists that are changed during a call.

Each test runs a script in its own process, so that a crash fails only that test.
"""

import subprocess
import sys

import pytest

#: The start of each script. `resize` tries to free the memory of an array.
START = """
import faulthandler, pathlib, pickle, sys, tempfile, threading
import numpy, hushvec
faulthandler.enable()

context = hushvec.ExecutionContext.create("p", "paillier_subgroup", 96, device="cpu", threads=2)
client = context.homomorphic
evaluator = hushvec.Evaluator(context.public_context(), device="cpu", threads=2)
# Two blocks: other code is certain to run between them.
COUNT = 4096 + 512
vectors = numpy.random.default_rng(1).integers(0, 2, (16, 96), dtype=numpy.uint8)
# Large enough that freed memory returns to the system at once.
stored = numpy.resize(context.encrypt_vec_batch(vectors), (COUNT, client.key_len // 2))
query = stored[:1].copy()
combined = numpy.resize(evaluator.hamming(query, stored[:16]), stored.shape)
distances = numpy.resize((vectors != vectors[0]).sum(axis=1), COUNT)
folder = pathlib.Path(tempfile.mkdtemp())

def resize(array):
    try:
        array.resize((1,) * array.ndim, refcheck=False)
    except ValueError:
        pass    # NumPy refuses

def append(array, progress=None):
    path = folder / "index.hvx"
    path.unlink(missing_ok=True)
    with hushvec.IndexWriter(path, context) as writer:
        writer.append_ciphertexts(array, progress=progress)
    return hushvec.Index(path).export(evaluator)[1]

REALS = numpy.random.default_rng(2).standard_normal((COUNT, 96)).astype(numpy.float32)
PROJECTED = hushvec.project(REALS, 512)

CALLS = {
    "decode": (combined, context.decode_hamming_client_batch, lambda found: (found == distances).all()),
    "hamming": (stored, lambda array, progress=None: evaluator.hamming(query, array, progress),
        lambda found: (found == combined).all()),
    "append": (stored, append, lambda found: (found == stored).all()),
    "numbers": (numpy.arange(4096.0 + 64), lambda array, progress=None: context.encrypt_numbers(array, progress=progress),
        lambda found: (context.decrypt_numbers(found) == numpy.arange(4096 + 64)).all()),
    "encrypt": (numpy.resize(vectors, (COUNT, 96)), context.encrypt_vec_batch,
        lambda found: (client.decrypt_vec_batch(found)[:16] == vectors).all()),
    "decrypt": (stored, lambda array, progress=None: client.decrypt_vec_batch(array), lambda found: (found[:16] == vectors).all()),
    "project": (REALS, lambda array, progress=None: hushvec.project(array, 512, progress),
        lambda found: (found == PROJECTED).all()),
    "query": (stored, lambda array, progress=None: hushvec.Query(array, evaluator), lambda found: len(found) == COUNT),
}
"""

#: Calls with progress, which run other code between blocks.
WITH_PROGRESS = ["decode", "hamming", "append", "numbers", "encrypt", "project"]
CALLS = [*WITH_PROGRESS, "decrypt", "query"]


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", START + script, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("call", WITH_PROGRESS)
def test_resized_between_blocks(call):
    """Resizes the array, or the base of a view, in the progress function, so that it is certain to happen during the call."""
    run(
        """
original, call, is_right = CALLS[sys.argv[1]]
for view in (False, True):
    array = original.copy()
    given = array[:] if view else array
    blocks = []
    found = call(given, progress=lambda done: (blocks.append(done), resize(array)))
    assert len(blocks) > 1 and is_right(found)
""",
        call,
    )


@pytest.mark.parametrize("call", WITH_PROGRESS)
def test_replaced_between_blocks(call):
    """Replaces the contents with `__setstate__`, which unpickling uses and which resizes without a check."""
    run(
        """
original, call, is_right = CALLS[sys.argv[1]]
array = original.copy()
tiny = original[:1].copy().__reduce__()[2]
try:
    found = call(array, progress=lambda done: array.__setstate__(tiny))
    assert is_right(found)
except hushvec.InputError as error:
    assert "changed by another thread" in str(error), error
""",
        call,
    )


@pytest.mark.parametrize("call", CALLS)
def test_resized_by_another_thread(call):
    run(
        """
original, call, is_right = CALLS[sys.argv[1]]
sys.setswitchinterval(1e-5)
arrays, ended = [], threading.Event()
def resizing():
    while not ended.is_set():
        for array in list(arrays):
            resize(array)
thread = threading.Thread(target=resizing)
thread.start()
try:
    for _ in range(3):
        array = original.copy()
        # If it is resized before the call, the call refuses it.
        arrays[:] = [array]
        try:
            call(array)
        except hushvec.InputError:
            pass
finally:
    ended.set()
    thread.join()
""",
        call,
    )


def test_lists_that_change_while_they_are_read():
    run(
        """
class Clearing:
    def __init__(self, of):
        self.of = of
    def __index__(self):
        self.of.clear()
        return 1

def attempt(call):
    try:
        call()
    except (hushvec.InputError, TypeError, ValueError, OverflowError, RuntimeError, BufferError):
        pass

for _ in range(3):
    row = [0] * 96
    row[3] = Clearing(row)
    attempt(lambda: context.encrypt_vec_batch([row]))
    rows = [[0] * 96 for _ in range(50)]
    rows[3][0] = Clearing(rows)
    attempt(lambda: context.encrypt_vec_batch(rows))
    numbers = list(range(1000))
    numbers[3] = Clearing(numbers)
    attempt(lambda: hushvec.PlainArray(numbers))
    attempt(lambda: context.encrypt_numbers(numbers))
    ids = list(range(16))
    ids[3] = Clearing(ids)
    (folder / "ids.hvx").unlink(missing_ok=True)
    with hushvec.IndexWriter(folder / "ids.hvx", context) as writer:
        attempt(lambda: writer.append(vectors, ids))
    data = bytearray(context.encrypt_numbers(range(8)).to_bytes())
    attempt(lambda: context.numbers_from_bytes(data))
"""
    )


def test_foreign_memory_is_kept():
    """The owner of an array's memory cannot free it during a call."""
    run(
        """
for owner in (bytearray(combined.tobytes()), bytearray(stored.tobytes())):
    array = numpy.frombuffer(owner, numpy.uint8).reshape(stored.shape)
    def clear(done):
        try:
            owner.clear()
        except BufferError:
            return
        raise AssertionError("it was cleared")
    evaluator.hamming(query, array, progress=clear)
"""
    )
