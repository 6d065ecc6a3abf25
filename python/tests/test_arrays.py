"""Encryption of vectors and decryption of distances, as arrays and as lists."""

import threading

import numpy
import pytest
from conftest import DIMENSIONS, distances

import hushvec


def evaluator(context):
    return hushvec.Evaluator(context.public_context())


def test_all_three_roles(context, rows):
    stored = context.encrypt_vec_batch(rows)
    assert stored.shape == (40, 512) and stored.dtype == numpy.uint8
    query = context.encrypt_vec_batch(rows[7:8])
    combined = evaluator(context).hamming(query, stored)
    found = context.decode_hamming_client_batch(combined)
    assert found.dtype == numpy.uint32 and found.tolist() == distances(rows[7], rows)
    assert (context.homomorphic.decrypt_vec_batch(stored) == rows).all()
    # The public key alone can encrypt too.
    again = evaluator(context).encrypt(rows)
    assert (again != stored).any() and (context.homomorphic.decrypt_vec_batch(again) == rows).all()


def test_lists_as_the_sdk_passes_them(context, rows):
    lists = rows.tolist()
    stored = context.encrypt_vec_batch(lists)
    assert len(stored) == 40 and all(len(c) == 1 and isinstance(c[0], int) for c in stored)
    one = context.encrypt_vec_one(lists[3])
    n_squared = int(context.to_dict_plain()["pk"].split('"n_squared": ')[1].split(",")[0].strip('"} '))
    combined = [[c[0] * one[0] % n_squared] for c in stored]
    assert context.decode_hamming_client_batch(combined) == distances(rows[3], rows)
    assert context.decode_hamming_client_one(combined[5]) == distances(rows[3], rows)[5]
    # A server may send ciphertexts as bytes of any length.
    as_bytes = [[c[0].to_bytes((c[0].bit_length() + 7) // 8, "little")] for c in combined]
    assert context.decode_hamming_client_batch(as_bytes) == distances(rows[3], rows)
    assert context.decode_hamming_client_batch([[c[0] + b"\0\0"] for c in as_bytes]) == distances(rows[3], rows)


@pytest.mark.parametrize("kind", [bool, "u1", "i1", ">i2", "<i4", "i8", "u2", "u4", "u8"])
def test_types_of_bits(subgroup, rows, kind):
    assert (subgroup.homomorphic.decrypt_vec_batch(subgroup.encrypt_vec_batch(rows.astype(kind))) == rows).all()


@pytest.mark.parametrize("kind", ["f2", "f4", ">f4", "f8"])
def test_signs_of_floats(subgroup, rows, kind):
    floats = numpy.where(rows == 1, 0.25, -0.25).astype(kind)
    assert (subgroup.homomorphic.decrypt_vec_batch(subgroup.encrypt_vec_batch(floats)) == rows).all()


def test_packed_and_strided(subgroup, rows):
    decrypt = subgroup.homomorphic.decrypt_vec_batch
    assert (decrypt(subgroup.encrypt_vec_batch(numpy.packbits(rows, axis=1))) == rows).all()
    assert (decrypt(subgroup.encrypt_vec_batch(rows[::3])) == rows[::3]).all()
    assert (decrypt(subgroup.encrypt_vec_batch(numpy.asfortranarray(rows))) == rows).all()
    assert (decrypt(subgroup.encrypt_vec_batch(rows)[::-1]) == rows[::-1]).all()
    one = subgroup.encrypt_vec_one(rows[0])
    assert one.shape == (512,) and (decrypt(one[None])[0] == rows[0]).all()
    assert subgroup.encrypt_vec_batch(rows[:0]).shape == (0, 512)


def test_errors_name_bad_vectors(subgroup, rows):
    encrypt = subgroup.encrypt_vec_batch
    bad = rows.astype("i4")
    bad[3, 5] = 7
    with pytest.raises(hushvec.InputError, match="row 3, column 5"):
        encrypt(bad)
    floats = rows.astype("f4")
    floats[2, 9] = numpy.nan
    with pytest.raises(ValueError, match="row 2, column 9 is not a number"):
        encrypt(floats)
    with pytest.raises(hushvec.InputError, match=r"float32 of shape \(40, 95\); expected \(N, 96\).*or \(N, 12\) uint8"):
        encrypt(rows[:, :-1].astype("f4"))
    with pytest.raises(hushvec.InputError, match=r"uint8 of shape \(96,\)"):
        encrypt(rows[0])
    with pytest.raises(hushvec.InputError, match="use encrypt_vec_batch"):
        subgroup.encrypt_vec_one(rows)
    with pytest.raises(hushvec.InputError, match="complex64"):
        encrypt(rows.astype("c8"))
    with pytest.raises(hushvec.InputError, match="not str"):
        encrypt("0110")
    with pytest.raises(hushvec.InputError, match=f"vector 1 is not a list of {DIMENSIONS} zeros and ones"):
        encrypt([rows[0].tolist(), ["x"] * DIMENSIONS])
    with pytest.raises(hushvec.InputError, match="row 1"):
        encrypt([rows[0].tolist(), [0, 1]])
    with pytest.raises(hushvec.InputError, match="row 0, column 0 is 2"):
        encrypt([[2] * DIMENSIONS])


def test_errors_name_bad_ciphertexts(subgroup, rows):
    decode = subgroup.decode_hamming_client_batch
    stored = subgroup.encrypt_vec_batch(rows)
    with pytest.raises(hushvec.InputError, match=r"uint8 of shape \(40, 511\); expected \(N, 512\) uint8 for this key"):
        decode(stored[:, :-1])
    with pytest.raises(hushvec.InputError, match="float32 of shape"):
        decode(stored.astype("f4"))
    broken = stored.copy()
    broken[11] = 255
    with pytest.raises(hushvec.InputError, match="ciphertext 11"):
        decode(broken)
    # Rows are counted from the start of the array, not of the block.
    many = numpy.repeat(stored, 125, axis=0)
    many[4321] = 0
    with pytest.raises(hushvec.InputError, match="ciphertext 4321"):
        decode(many)
    with pytest.raises(hushvec.InputError, match="ciphertext 4321"):
        evaluator(subgroup).hamming(stored[:1], many)
    with pytest.raises(hushvec.InputError, match="ciphertext 1 is not a list of one integer"):
        decode([[1], [1, 2]])
    with pytest.raises(hushvec.InputError, match="ciphertext 0 is not a list of one integer"):
        decode([["x"]])
    with pytest.raises(hushvec.InputError, match="has 513 bytes; the maximum is 512"):
        decode([[b"\1" * 513]])
    with pytest.raises(hushvec.InputError, match="2 queries were given, expected one"):
        evaluator(subgroup).hamming(stored[:2], stored)


def test_progress_and_threads(subgroup, rows):
    reported = []
    many = numpy.tile(rows, (250, 1))
    subgroup.encrypt_vec_batch(many, reported.append)
    assert reported[0] == 4096 and reported[-1] == 10000 and reported == sorted(reported)
    # Other threads run while a batch is computed.
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(None)

    thread = threading.Thread(target=tick)
    thread.start()
    subgroup.encrypt_vec_batch(many)
    done.set()
    thread.join()
    assert len(ticks) > 5


def test_exceptions_of_callbacks_are_raised(subgroup, rows):
    class Enough(Exception):
        pass

    def stop(_):
        raise Enough

    with pytest.raises(Enough):
        subgroup.encrypt_vec_batch(rows, stop)


def test_ciphertexts_of_any_layout(subgroup, rows):
    client, stored = subgroup.homomorphic, subgroup.encrypt_vec_batch(rows)
    shifted = numpy.empty(stored.size + 1, numpy.uint8)[1:].reshape(stored.shape)
    shifted[:] = stored
    for array in (numpy.asfortranarray(stored), numpy.repeat(stored, 2, axis=0)[::2], shifted, stored[::-1][::-1]):
        assert (client.decrypt_vec_batch(array) == rows).all()


def test_vectors_in_unusual_memory_layouts(subgroup, rows):
    decrypt = subgroup.homomorphic.decrypt_vec_batch
    # NumPy takes bytes other than 0 and 1 as true.
    odd = (rows * numpy.uint8(200)).view(bool)
    assert (decrypt(subgroup.encrypt_vec_batch(odd)) == rows).all()
    for kind in ("float32", "float64", "int64"):
        values = rows.astype(kind)
        unaligned = numpy.frombuffer(b"\0" + values.tobytes(), numpy.uint8)[1:].view(kind).reshape(rows.shape)
        assert not unaligned.flags.aligned
        assert (decrypt(subgroup.encrypt_vec_batch(unaligned)) == rows).all()
    numbers = numpy.frombuffer(b"\0" + numpy.arange(9.0).tobytes(), numpy.uint8)[1:].view("float64")
    assert subgroup.decrypt_numbers(subgroup.encrypt_numbers(numbers)).tolist() == list(range(9))


def test_signs_in_integers(subgroup, rows):
    """Quantised embeddings: -1 and 1, int8, and `binary` and `ubinary` of sentence-transformers."""
    signs = rows.astype(numpy.int64) * 2 - 1
    packed = numpy.packbits(rows, axis=1)
    lists = [signs.tolist(), signs.astype(float).tolist(), [tuple(row) for row in (signs * 0.25).tolist()]]
    arrays = [signs, signs.astype(numpy.int8), (signs * 100).astype(numpy.int8), packed]
    for given in [*arrays, (packed.astype(numpy.int16) - 128).astype(numpy.int8), *lists, list(signs)]:
        stored = subgroup.encrypt_vec_batch(given)
        assert (subgroup.decrypt_vec_batch(stored) == rows).all()
    for wrong, value in [(-2, "-2"), (255, "255"), (7, "7")]:
        given = signs.copy()
        given[3, 5] = wrong
        for given in [given, given.tolist()]:
            with pytest.raises(hushvec.InputError, match=f"row 3, column 5 is {value}, expected 0 or 1"):
                subgroup.encrypt_vec_batch(given)
    with pytest.raises(hushvec.InputError, match="row 1, column 0 is not a number"):
        subgroup.encrypt_vec_batch([[0.5] * DIMENSIONS, [float("nan")] * DIMENSIONS])
    with pytest.raises(hushvec.InputError, match=f"vector 0 is not a list of {DIMENSIONS} zeros and ones, or of floats"):
        subgroup.encrypt_vec_batch([["1"] * DIMENSIONS])
