"""Encrypted numbers."""

from fractions import Fraction

import numpy
import pytest
from conftest import DIMENSIONS

import hushvec


@pytest.fixture(scope="module")
def keys(subgroup):
    return subgroup


@pytest.fixture(scope="module")
def evaluator(subgroup):
    return hushvec.Evaluator(subgroup.public_context())


def test_every_scheme_and_both_roles(context):
    numbers = [7, -3, 0, 2**63 - 1, -(2**63)]
    for who in (context, context.homomorphic, hushvec.Evaluator(context.public_context())):
        encrypted = who.encrypt_numbers(numbers)
        found = context.decrypt_numbers(encrypted)
        assert found.dtype == numpy.int64 and found.tolist() == numbers
        floats = who.encrypt_numbers([0.1, -2.5e-9, 3.14, 1e18])
        assert context.decrypt_numbers(floats).tolist() == [0.1, -2.5e-9, 3.14, 1e18]


@pytest.mark.parametrize("kind", ["i1", "i4", ">i8", "u1", "u8", "bool", "f2", "f4", ">f8"])
def test_types(keys, kind):
    numbers = numpy.array([0, 1, 100], dtype=kind)
    assert keys.decrypt_numbers(keys.encrypt_numbers(numbers)).tolist() == numbers.tolist()


def test_one_number(keys):
    a, b = keys.encrypt_numbers(5), keys.encrypt_numbers(-1.25)
    assert isinstance(a, hushvec.EncryptedNumber)
    found = keys.decrypt_numbers(a)
    assert found == 5 and isinstance(found, int)
    assert keys.decrypt_numbers(b) == -1.25
    for encrypted, plain in (
        (a + b, 3.75), (a - b, 6.25), (-a, -5), (a + 2, 7), (2 + a, 7), (a - 2, 3), (2 - a, -3), (a * 3, 15),
        (3 * a, 15), (a * 0.1, 5 * 0.1), (a / 4, 1.25), (a - 0.5, 4.5), (sum([a, b, a]), 8.75), (+a, 5),
        (a + numpy.float32(0.5), 5.5), (numpy.float64(0.5) * a, 2.5), (numpy.int64(2) - a, -3),
    ):
        assert isinstance(encrypted, hushvec.EncryptedNumber)
        assert keys.decrypt_numbers(encrypted) == plain


def test_arrays(keys):
    random = numpy.random.default_rng(3)
    x, y = random.integers(-1000, 1000, 8), random.standard_normal(8)
    a, b = keys.encrypt_numbers(x), keys.encrypt_numbers(y)
    one = keys.encrypt_numbers(2.5)
    weights, matrix = random.standard_normal(8).astype("f4"), random.integers(-5, 5, (3, 8))
    for encrypted, plain in (
        (a + b, x + y), (a - b, x - y), (b - a, y - x), (-a, -x), (a + 1, x + 1), (1 - a, 1 - x), (a + x, 2 * x),
        (x + a, 2 * x), (x - a, 0 * x), (a - x[::-1], x - x[::-1]), (a * 3, x * 3), (3 * a, 3 * x), (a * x, x * x),
        (x * a, x * x), (a / 8, x / 8), (a / (2.0 ** numpy.arange(8)), x / (2.0 ** numpy.arange(8))), (a + one, x + 2.5),
        (one + a, x + 2.5), (a - one, x - 2.5), (one - a, 2.5 - x), (one * x, 2.5 * x), (one + x, x + 2.5),
        (matrix @ a, matrix @ x), (a @ matrix.T, x @ matrix.T), (a.dot(matrix.T), matrix @ x), (a[2:5], x[2:5]),
        (a[::-2], x[::-2]), (a[:0], x[:0]), (a + [1] * 8, x + 1), (a.rerandomize(), x),
        (hushvec.EncryptedArray.of([a[0], a[3:], one * 2]), [x[0], *x[3:], 5]),
    ):  # fmt: skip
        assert isinstance(encrypted, hushvec.EncryptedArray)
        assert encrypted.shape == (len(plain),)
        assert keys.decrypt_numbers(encrypted).tolist() == list(plain)
    for encrypted, plain in (
        (a.sum(), x.sum()), (a @ x, x @ x), (x @ a, x @ x), (a[3], x[3]), (a[-1], x[-1]), (a.mean(), x.sum() / 8),
    ):  # fmt: skip
        assert isinstance(encrypted, hushvec.EncryptedNumber)
        assert keys.decrypt_numbers(encrypted) == plain
    exact = sum(Fraction(float(w)) * int(v) for w, v in zip(weights, x, strict=True))
    assert keys.decrypt_exactly_vartime(weights @ a) == exact
    assert [keys.decrypt_numbers(number) for number in a] == x.tolist()


def test_products_of_floats_are_exact(keys):
    x, w = [0.1, 1e-7, -3e5], [1e-9, 0.3, 7e10]
    a = keys.encrypt_numbers(x)
    kept = [Fraction(v) for v in x]
    found = keys.decrypt_exactly_vartime(a * numpy.array(w))
    assert found == [k * Fraction(v) for k, v in zip(kept, w, strict=True)]
    # They are rounded only if fewer bits are requested.
    rounded = keys.decrypt_exactly_vartime(a * hushvec.PlainArray([0.3, 0.3, 0.3], fraction_bits=2))
    assert rounded == [k / 4 for k in kept]


def test_numbers_of_any_size(keys):
    a = keys.encrypt_numbers(2**62)
    large = a * (3 * 2**100) - 1
    assert keys.decrypt_exactly_vartime(large) == 3 * 2**162 - 1
    with pytest.raises(hushvec.InputError, match="number 0 .*too large for the requested type"):
        keys.decrypt_numbers(large)


def test_messages_and_files(keys, evaluator, tmp_path):
    a = keys.encrypt_numbers([1.5, -2.0])
    for who in (keys, keys.homomorphic, evaluator):
        assert keys.decrypt_numbers(who.numbers_from_bytes(a.to_bytes()) * 2).tolist() == [3, -4]
    (a + 1).save(tmp_path / "a.hvn")
    for who in (keys, evaluator):
        assert keys.decrypt_numbers(who.load_numbers(tmp_path / "a.hvn")).tolist() == [2.5, -1]
    with pytest.raises(hushvec.InputError, match="damaged"):
        data = a.to_bytes()
        evaluator.numbers_from_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(hushvec.FileError, match="nowhere"):
        evaluator.load_numbers(tmp_path / "nowhere")
    other = hushvec.ExecutionContext.create("p", "paillier_subgroup", DIMENSIONS)
    with pytest.raises(hushvec.InputError, match="belongs to the key"):
        other.decrypt_numbers(a)
    with pytest.raises(hushvec.InputError, match="a.hvn: the encrypted array belongs to the key"):
        other.load_numbers(tmp_path / "a.hvn")


def test_public_properties(keys):
    a = keys.encrypt_numbers([1, 2, 3], integer_bits=8)
    assert (a.exponent, a.bound_bits, a.public_id) == (0, 9, keys.public_id)
    assert (keys.encrypt_numbers(0.5, fraction_bits=10).exponent) == -10
    assert "3, multiples of 2^0" in repr(a) and "a multiple of 2^0" in repr(a[0])


def test_errors_state_the_reason(keys):
    a, one = keys.encrypt_numbers([1, 2, 3]), keys.encrypt_numbers(1)
    for call, error, text in (
        (lambda: a * a, hushvec.InputError, "two encrypted numbers cannot be multiplied"),
        (lambda: one * one, hushvec.InputError, "two encrypted numbers cannot be multiplied"),
        (lambda: 1 / one, TypeError, "unsupported operand"),
        (lambda: a / one, hushvec.InputError, "cannot be divided by another"),
        (lambda: a + [1, 2], hushvec.InputError, "2 numbers, expected 3|expected 3"),
        (lambda: a + keys.encrypt_numbers([1, 2]), hushvec.InputError, "expected 3"),
        (lambda: numpy.ones((2, 4)) @ a, hushvec.InputError, "3 numbers, expected 4"),
        (lambda: [1, 2] @ a, hushvec.InputError, "the dot product has 2 plain numbers, expected 3"),
        (lambda: a * numpy.ones((3, 3)), hushvec.InputError, r"shape \(3, 3\); encrypted arrays have one dimension"),
        (lambda: a + "1", hushvec.InputError, "integers or floats, not <U1"),
        (lambda: a * None, hushvec.InputError, "integers or floats"),
        (lambda: a * float("nan"), hushvec.InputError, "number 0 is infinite or not a number"),
        (lambda: a * 2**2000, hushvec.InputError, "mul_plain could overflow: the result could need"),
        (lambda: a[3], IndexError, "out of range"),
        (lambda: keys.encrypt_numbers([[1, 2]]), hushvec.InputError, r"shape \(1, 2\).*ravel"),
        (lambda: keys.encrypt_numbers([1, float("inf")]), hushvec.InputError, "number 1 is infinite"),
        (lambda: keys.encrypt_numbers([1, 300], integer_bits=8), hushvec.InputError, "number 1 is beyond the bound"),
        (lambda: keys.encrypt_numbers([2**70]), hushvec.InputError, "up to 64 bits or floats, not object"),
        (lambda: keys.encrypt_numbers("7"), hushvec.InputError, "not <U1"),
        (lambda: hushvec.EncryptedArray.of([]), hushvec.InputError, "needs at least one number"),
        (lambda: a[:0].mean(), hushvec.InputError, "an empty array has no mean"),
    ):
        with pytest.raises(error, match=text):
            call()


def test_encrypted_numbers_are_not_compared(context):
    array = context.encrypt_numbers([1, 2])
    for given in [array, array[0]]:
        for other in [given, 1, None]:
            with pytest.raises(TypeError, match="cannot be compared without the secret key"):
                given == other
            with pytest.raises(TypeError):
                given != other
        assert {given: 1}[given] == 1
