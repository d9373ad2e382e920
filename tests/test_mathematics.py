"""Elementwise functions without kernels: special values, kinks, dtypes, numbers, refusals."""

import math

import gradients as check
import numpy
import pytest
from scipy import special

from microlazy import autograd, nd, np, npx
from microlazy.core.kernels.elementwise_rows import UNARY
from microlazy.ops.elementwise import BINARY_CALLS, UNARY_CALLS
from microlazy.ops.mathematics import hard_sigmoid, logsumexp, smooth_l1

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 30.0, math.inf, -math.inf, math.nan]
SCIPY = {
    "gamma": special.gamma,
    "gammaln": special.gammaln,
    "digamma": special.digamma,
    "erfinv": special.erfinv,
    "rcbrt": lambda x: 1 / numpy.cbrt(x),
    "mish": lambda x: x * numpy.tanh(numpy.logaddexp(0, x)),
}
WHOLE = {"invert", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor"} | {
    "left_shift",
    "right_shift",
}


def functions_of(row):
    """Our function and the one that it must agree with."""
    if row.np:
        name = row.np.split()[0]
        return getattr(np, name), getattr(numpy, name)
    return getattr(npx, row.npx.split()[0]), SCIPY[row.op]


@pytest.mark.parametrize(
    "row", [*UNARY_CALLS, *(row for row in UNARY if row.op == "mish")], ids=lambda row: row.op
)
def test_special_values_of_one_input(row):
    ours, theirs = functions_of(row)
    values = numpy.array([0, 1, -5] if row.op in WHOLE else SPECIAL)
    if row.op == "mish":
        values = values[numpy.isfinite(values)]
    with numpy.errstate(all="ignore"):
        expected = theirs(values)
    got = ours(np.array(values, dtype=values.dtype)).asnumpy()
    numpy.testing.assert_allclose(got, expected, rtol=1e-14)
    assert (numpy.signbit(got) == numpy.signbit(expected)).all() or row.op == "erfinv"


@pytest.mark.parametrize("row", BINARY_CALLS, ids=lambda row: row.op)
def test_special_values_of_two_inputs(row):
    ours, theirs = functions_of(row)
    values = numpy.array([0, 1, 5, 12] if row.op in WHOLE else SPECIAL)
    a = values[:, None]
    b = numpy.array([-1, 0, 3]) if row.op == "ldexp" else values
    with numpy.errstate(all="ignore"):
        expected = theirs(a, b)
        got = ours(np.array(a, dtype=a.dtype), np.array(b, dtype=b.dtype)).asnumpy()
    numpy.testing.assert_allclose(got, expected, rtol=1e-14)
    if row.op not in WHOLE:
        assert (ours(np.array(a, dtype="float64"), 2).asnumpy().dtype) == "float64"
        with numpy.errstate(all="ignore"):
            swapped = 2 if row.op == "ldexp" else 2.0
            numpy.testing.assert_allclose(
                ours(swapped, np.array(b, dtype=b.dtype)).asnumpy().astype("float64"),
                theirs(swapped, b),
                rtol=1e-6,
            )


@pytest.mark.parametrize("name", ["tan", "arctan", "cbrt", "hypot", "logaddexp", "copysign"])
@pytest.mark.parametrize("dtype", ["int32", "int64", "int8", "uint8", "bool"])
def test_integers_give_float32(name, dtype):
    whole = np.array([1, 0, 1], dtype=dtype)
    result = getattr(np, name)(*[whole] * (2 if name in ("hypot", "logaddexp", "copysign") else 1))
    assert result.dtype == "float32"


def test_dtypes():
    half, single, double = (np.ones((2,), dtype=f"float{n}") for n in (16, 32, 64))
    assert [np.tan(x).dtype.name for x in (half, single)] == ["float16", "float32"]
    assert [npx.gammaln(x).dtype.name for x in (half, double)] == ["float16", "float64"]
    assert np.hypot(single, double).dtype == "float64"
    assert np.hypot(single, np.array([1, 2], dtype="int64")).dtype == "float32"
    assert np.float_power(single, 2).dtype == "float64"
    whole = np.array([5, 7], dtype="int32")
    assert np.floor_divide(whole, 2).dtype == "int32"
    assert np.fmod(whole, 2.5).tolist() == [0, 2]
    assert np.signbit(single).dtype == "bool"
    assert [x.dtype.name for x in np.frexp(single)] == ["float32", "int32"]


def test_numbers_are_numpys():
    assert np.hypot(3, 4) == 5
    assert np.arctan(1.0) == math.atan(1.0)
    assert np.gcd(12, 18) == 6


def test_out_and_names():
    x = np.array([8.0, 27.0])
    out = np.zeros((2,))
    assert np.cbrt(x, out=out) is out
    assert np.hypot(x1=x, x2=x, out=out) is out
    pair = np.zeros((2,)), np.zeros((2,), dtype="int32")
    assert np.frexp(x, out=pair)[0] is pair[0]
    y = nd.zeros((2,))
    assert nd.arctan(data=nd.array([1, 2]), out=y, name="angle") is y
    assert nd.broadcast_hypot(lhs=nd.array([3]), rhs=nd.array([4]))[0] == 5
    assert nd.power(base=nd.array([2]), exp=3)[0] == 8
    assert np.asin is not None and np.pow(x, 2).tolist() == [64, 729]


@pytest.mark.parametrize(
    "call",
    [
        lambda: np.tan("a"),
        lambda: np.tan([1.0, "a"]),
        lambda: np.hypot(np.ones((2,)), "a"),
        lambda: np.hypot(np.ones((2,)), None),
        lambda: nd.arctan(1.0),
        lambda: nd.broadcast_hypot(1.0, 2.0),
        lambda: np.gcd(np.ones((2,)), np.ones((2,))),
        lambda: np.bitwise_and(np.ones((2,)), 1),
        lambda: np.hypot(np.ones((2,)), nd.ones((2,))),
    ],
)
def test_what_is_no_array_is_refused(call):
    with pytest.raises(TypeError):
        call()


def slope(function, *values):
    """The gradient at some points."""
    arrays = [np.array(v, dtype="float64") for v in values]
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        y = function(*arrays)
    y.backward()
    return [x.grad.tolist() for x in arrays]


def test_kinks():
    assert slope(hard_sigmoid, [-2.5, 0.0, 2.5, 9.0]) == [[0, 0.2, 0, 0]]
    assert slope(smooth_l1, [-2.0, 0.0, 0.5, 3.0]) == [[-1, 0, 0.5, 1]]
    assert slope(np.cbrt, [0.0]) == [[math.inf]]
    assert slope(np.fmax, [1.0, 1.0, math.nan], [1.0, 2.0, 3.0]) == [[1, 0, 0], [0, 1, 1]]
    assert slope(np.copysign, [2.0, -2.0, 3.0], [-1.0, -1.0, 1.0]) == [[-1, 1, 1], [0, 0, 0]]
    assert slope(np.heaviside, [0.0, 1.0], [0.5, 0.5]) == [[0, 0], [1, 0]]
    assert slope(np.floor_divide, [5.0], [2.0]) == [[0], [0]]


def test_sinc_is_smooth_at_zero():
    x = np.array([0.0, 1e-4], dtype="float64")
    x.attach_grad()
    with autograd.record():
        first = autograd.grad(np.sinc(x), x, create_graph=True)[0]
        total = first.sum()
    total.backward()
    assert first[0] == 0
    numpy.testing.assert_allclose(x.grad.asnumpy(), -(math.pi**2) / 3, rtol=1e-6)


def test_sinc_has_a_third_derivative():
    x = np.array([0.3, 1.7], dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = np.sinc(x)
        for _ in range(2):
            y = autograd.grad(y, x, create_graph=True)[0]
    y.backward()
    angle = math.pi * x.asnumpy()
    expected = math.pi**3 * (
        (3 * angle**2 - 6) * numpy.sin(angle) - (angle**2 - 6) * angle * numpy.cos(angle)
    )
    numpy.testing.assert_allclose(x.grad.asnumpy(), expected / angle**4, rtol=1e-9)


def test_pairs_of_infinite_numbers():
    x = np.array([math.inf, -math.inf, 0.0])
    fraction, whole = np.modf(x)
    assert fraction.tolist() == [0, 0, 0]
    assert whole.tolist() == [math.inf, -math.inf, 0]
    assert np.frexp(x)[0].tolist() == x.tolist()


def test_logsumexp():
    x = np.array([[1000.0, 1000.0], [-math.inf, -math.inf], [0.0, math.inf]], dtype="float64")
    expected = special.logsumexp(x.asnumpy(), axis=1)
    numpy.testing.assert_allclose(logsumexp(x, axis=1).asnumpy(), expected)
    assert logsumexp(x, keepdims=True).shape == (1, 1)
    values = numpy.random.default_rng(3).normal(size=(2, 3))
    got = check.gradients(lambda a: logsumexp(a, axis=0), [check.leaf(values, "np")])[1]
    wanted = check.central_differences(lambda a: logsumexp(a, axis=0), [values], "np")
    numpy.testing.assert_allclose(got[0], wanted[0], rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_ufuncs_write_their_result_without_a_warning(dtype):
    a, b = numpy.array([[4, 0, 3]]).astype(dtype), numpy.array([[1], [0]]).astype(dtype)
    ours = [np.array(x, dtype=dtype) for x in (a, b)]
    for name in ("bitwise_or", "floor_divide", "fmax", "heaviside", "left_shift"):
        with numpy.errstate(all="ignore"):
            expected = getattr(numpy, name)(a, b)
        got = getattr(np, name)(*ours)
        numpy.testing.assert_array_equal(got.asnumpy().astype(expected.dtype), expected)
        assert getattr(np, name)(ours[0].T, ours[1].T).shape == (3, 2)
        assert getattr(np, name)(ours[0][:, :0], ours[1]).shape == (2, 0)
    with pytest.raises(ValueError, match="broadcast"):
        np.bitwise_or(ours[0], np.array([1, 0], dtype=dtype))
