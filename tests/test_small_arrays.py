"""Calls on small arrays that have a way of their own: integers, lists of numbers, creation."""

import warnings
from itertools import product

import numpy
import pytest
from numpy.testing import assert_array_equal

from microlazy import autograd, np
from microlazy.base import MXNetError
from microlazy.core.ops.numpy_call import call_ufunc

INTEGERS = ("int8", "uint8", "int32", "int64", "bool")
WHOLE = ("add", "subtract", "multiply", "maximum", "minimum")
TESTS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
LOGIC = ("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor")
FEW = 1 << 12  # elements, above which NumPy computes


def samples(dtype, *shape):
    if dtype == "bool":
        return numpy.random.default_rng(1).random(shape) < 0.5
    limits = numpy.iinfo(dtype)
    values = numpy.random.default_rng(2).integers(limits.min, limits.max, shape, dtype, True)
    values.flat[:3] = 0, limits.min, limits.max
    return values


@pytest.mark.parametrize("name", (*WHOLE, *TESTS, *LOGIC))
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_numpys(dtype, name):
    if dtype == "bool" and name == "subtract":
        pytest.skip("NumPy has no difference of booleans")
    ours, theirs = getattr(np, name), getattr(numpy, name)
    a, b, line = samples(dtype, 5, 7), samples(dtype, 7, 5).T, samples(dtype, 7)
    wide = samples(dtype, FEW // 8 + 1, 8)
    pairs = [(a, a[::-1]), (a, b), (a, line), (line, a), (a, a[2, 3]), (a[:0], a[:0]), (wide, wide)]
    for x, y in pairs:
        x, y = numpy.asarray(x), numpy.asarray(y)
        with warnings.catch_warnings(action="ignore"):
            expected = theirs(x, y)
        found = ours(np.array(x, dtype=dtype), np.array(y, dtype=dtype))
        assert found.dtype == expected.dtype, (x.shape, y.shape)
        assert_array_equal(found.asnumpy(), expected)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_beside_numbers_are_numpys(dtype):
    x = samples(dtype, 3, 4)
    ours = np.array(x, dtype=dtype)
    huge = () if dtype == "bool" else (-(2**70), 2**70)  # which NumPy compares with no boolean
    for number, test in product((-129, -1, 0, 1, 127, 255, 256, 2**31, *huge), TESTS):
        expected = getattr(numpy, test)(x, number)
        assert_array_equal(getattr(np, test)(ours, number).asnumpy(), expected)
    if dtype != "bool":
        limits = numpy.iinfo(dtype)
        for number in limits.min, limits.max:
            with warnings.catch_warnings(action="ignore"):
                assert_array_equal((ours + number).asnumpy(), x + x.dtype.type(number))
        for number in limits.min - 1, limits.max + 1:
            with pytest.raises(OverflowError, match=f"{number} does not fit into {dtype}"):
                ours + number


def test_integers_that_overlap_and_run_backwards():
    x = np.arange(12, dtype="int64")
    n = numpy.arange(12)
    assert_array_equal((x[1:] + x[:-1]).asnumpy(), n[1:] + n[:-1])
    assert_array_equal((x[::-2] * x[1::2][::-1]).asnumpy(), n[::-2] * n[1::2][::-1])
    x[1:] += x[:-1]
    n[1:] += n[:-1]
    assert_array_equal(x.asnumpy(), n)


@pytest.mark.parametrize("dtype", ("float16", "float32", "float64"))
def test_tests_of_floats(dtype):
    n = numpy.array([[0.0, -0.0, 1.0], [numpy.nan, numpy.inf, -numpy.inf]], dtype)
    x = np.array(n, dtype=dtype)
    x.attach_grad()
    for name in "isnan", "isinf", "isfinite", "logical_not":
        assert_array_equal(getattr(np, name)(x).asnumpy(), getattr(numpy, name)(n))
        with autograd.record():
            assert_array_equal(getattr(np, name)(x.T).asnumpy(), getattr(numpy, name)(n.T))


NUMBERS = (
    [1, 2.5, -3],
    [[1, 2], [3, 4]],
    [[[0.1]], [[1e300]]],
    ((1, 2), [3, 4]),
    [2**53 + 1, 2**24 + 1, 2**62 + 2**38 + 1, 2**90],
    [True, False],
    [1, True, 2.0],
    [numpy.float64(0.1), 1],
    [],
    [[], []],
    [[1, 2], numpy.ones(2)],
)


@pytest.mark.parametrize("values", NUMBERS, ids=str)
def test_lists_of_numbers(values):
    with numpy.errstate(over="ignore"):
        expected = numpy.asarray(values).astype("float32")
    found = np.array(values)
    assert found.dtype == numpy.float32
    assert_array_equal(found.asnumpy(), expected)


@pytest.mark.parametrize("values", ([[1, 2], [3]], [1, [2]], [[1], 2], ["a"], [[1], []]))
def test_lists_that_make_no_array(values):
    with pytest.raises(TypeError, match="array like"):
        np.array(values)


def test_a_number_too_large_for_a_float_is_refused():
    with pytest.raises((OverflowError, TypeError)):
        np.array([10**400])


@pytest.mark.parametrize("name", ("zeros", "ones", "empty"))
def test_creation(name):
    make = getattr(np, name)
    for shape in (), 3, (2, 0), [2, 3]:
        assert make(shape).shape == numpy.zeros(shape).shape
    assert make((2,), "int8").dtype == numpy.int8
    assert make(shape=(2,), dtype="float64", order="C", device="cpu").dtype == numpy.float64
    with pytest.raises(ValueError, match="order"):
        make((2,), order="F")
    with pytest.raises(ValueError, match="negative"):
        make((-1,))


def test_numpy_does_not_warn_and_keeps_its_settings():
    with numpy.errstate(all="raise"), warnings.catch_warnings(action="error"):
        call_ufunc(numpy.spacing, [np.array([numpy.inf])])
        np.median(np.array([numpy.inf, numpy.inf]))
        with pytest.raises(FloatingPointError):
            numpy.float64(1) / numpy.float64(0)


@pytest.mark.parametrize("other", (0, 2, numpy.ones(2, "int32"), numpy.ones(2, "int8")), ids=repr)
def test_booleans_do_not_take_numbers_in_place(other):
    x = np.array([True, False], dtype="bool")
    other = np.array(other, dtype=other.dtype) if isinstance(other, numpy.ndarray) else other
    for change in x.__iadd__, x.__imul__:
        with pytest.raises(MXNetError, match=r"in place: the result is int.*array holds bool"):
            change(other)
    assert x.asnumpy().tolist() == [True, False]
    x *= True
    x += np.array([False, True], dtype="bool")
    assert x.asnumpy().tolist() == [True, True]


def test_put_into_a_number():
    x, n = np.array(1.0), numpy.array(1.0)
    np.put(x, [0, -1], [3.0, 5.0])
    numpy.put(n, [0, -1], [3.0, 5.0])
    assert float(x) == float(n) == 5


def test_numbers_beside_integers_in_functions_of_floats():
    x = numpy.array([-1, 0, 1], "int8")
    found = np.heaviside(np.array(x, dtype="int8"), -129)
    assert_array_equal(found.asnumpy(), [0, -129, 1])
    assert_array_equal(
        np.nextafter(np.array(x, dtype="int8"), 300).asnumpy(),
        numpy.nextafter(x.astype("float32"), numpy.float32(300)),
    )
