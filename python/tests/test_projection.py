"""`hushvec.project` against its definition in docs/formats.md."""

import hashlib
import threading

import numpy
import pytest

import hushvec


def changes(block, round, size):
    digests = b""
    for counter in range(-(-size // 256)):
        numbers = b"".join(number.to_bytes(4, "little") for number in (block, round, counter))
        digests += hashlib.sha256(b"hushvec projection 1\0" + numbers).digest()
    return 1.0 - 2.0 * numpy.unpackbits(numpy.frombuffer(digests, dtype=numpy.uint8))[:size]


def expected(vectors, bits):
    size = 1 << (vectors.shape[1] - 1).bit_length()
    hadamard = numpy.ones((1, 1))
    while len(hadamard) < size:
        hadamard = numpy.block([[hadamard, hadamard], [hadamard, -hadamard]])
    blocks = []
    for block in range(-(-bits // size)):
        values = numpy.zeros((len(vectors), size))
        values[:, : vectors.shape[1]] = vectors
        for round in range(2):
            values = (values * changes(block, round, size)) @ hadamard
        blocks.append(values)
    return numpy.concatenate(blocks, axis=1)[:, :bits]


@pytest.mark.parametrize(("dimensions", "bits"), [(1, 1), (5, 3), (384, 1000), (300, 600), (512, 513)])
def test_bits_match_the_definition(dimensions, bits):
    # Sums of small integers are exact in any order.
    vectors = numpy.random.default_rng(dimensions).integers(-100, 101, (20, dimensions)).astype(numpy.float32)
    projected = hushvec.project(vectors, bits)
    assert projected.shape == (20, bits) and projected.dtype == numpy.uint8
    assert (projected == (expected(vectors, bits) > 0)).all()
    assert (hushvec.project(vectors.astype(numpy.float64)[:, ::-1], bits) == hushvec.project(vectors[:, ::-1].copy(), bits)).all()


def test_progress_and_rows_in_errors():
    # The first block has 2^20 projected components.
    vectors = numpy.random.default_rng(4).standard_normal((5000, 40)).astype(numpy.float32)
    reported = []
    projected = hushvec.project(vectors, 1024, reported.append)
    assert reported[0] == 1024 and reported[-1] == 5000 and reported == sorted(reported)
    assert (projected == numpy.concatenate([hushvec.project(vectors[at : at + 700], 1024) for at in range(0, 5000, 700)])).all()
    vectors[4321, 7] = numpy.nan
    with pytest.raises(hushvec.InputError, match="row 4321, column 7 is not a number"):
        hushvec.project(vectors, 1024)


def test_other_threads_run():
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(None)

    thread = threading.Thread(target=tick)
    thread.start()
    hushvec.project(numpy.ones((3000, 384), numpy.float32), 4096)
    done.set()
    thread.join()
    assert len(ticks) > 5


def test_more_bits_rank_better():
    random = numpy.random.default_rng(3)
    vectors = random.standard_normal((400, 32)).astype(numpy.float32)
    cosines = numpy.corrcoef(vectors)[0, 1:]

    def agreement(bits):
        projected = hushvec.project(vectors, bits)
        return -numpy.corrcoef(cosines, (projected[1:] != projected[0]).sum(axis=1))[0, 1]

    assert agreement(1000) > 0.97 > agreement(32)


def test_invalid_arguments():
    for vectors in ([1.0, 2.0], numpy.ones((2, 3), dtype=bool), numpy.ones((2, 3), dtype=numpy.int64)):
        with pytest.raises(hushvec.InputError, match="project takes .* floats or int8"):
            hushvec.project(vectors, 8)
    for bits in (0, 65537, -1, 1 << 70):
        with pytest.raises(hushvec.InputError, match=f"bits is {bits}, expected 1 to 65536"):
            hushvec.project(numpy.ones((2, 3)), bits)
    for bits in ("8", 8.0, None):
        with pytest.raises(hushvec.InputError, match=f"bits is of type {type(bits).__name__}, expected an integer"):
            hushvec.project(numpy.ones((2, 3)), bits)
    with pytest.raises(hushvec.InputError, match="row 1, column 2 is not a number"):
        hushvec.project(numpy.array([[0.0] * 3, [0.0, 0.0, numpy.inf]]), 8)
    with pytest.raises(hushvec.InputError, match="dimensions"):
        hushvec.project(numpy.ones((2, 0)), 8)
    assert hushvec.project(numpy.ones((0, 3)), 8).shape == (0, 8)
