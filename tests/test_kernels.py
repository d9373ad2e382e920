"""Every kernel of every build that this machine can run, against NumPy."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import special

from benchmarks.kernel_probe import BINARY, COMPARISONS, UNARY, Kernels
from microlazy.core.kernels.select import available, chosen
from microlazy.optimizer import SGD, Adam

SCALED = {"gelu", "silu", "mish"}  # near 0 far left, where they are accurate on the scale of x
FLOATS = [np.float32, np.float64]
SIZES = [0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 1000, 1027, 5000]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(params=available())
def kernels(request):
    return Kernels(request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def wider(dtype):
    return np.float64 if dtype == np.float32 else np.longdouble


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def softrelu(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def erf(x):
    return special.erf(x.astype(np.float64)).astype(x.dtype)


def normal_cdf(x):
    return (1 + erf(x / np.sqrt(x.dtype.type(2)))) / 2


def mish_slope(x):
    t = np.tanh(softrelu(x))
    return t + x * (1 - t * t) * sigmoid(x)


def bell(x):
    return np.exp(-x * x / 2) / np.sqrt(2 * x.dtype.type(np.pi))


# Each function and its derivative, as NumPy computes them.
REFERENCE = {
    "negative": (np.negative, lambda x: -np.ones_like(x)),
    "abs": (np.abs, np.sign),
    "sign": (np.sign, np.zeros_like),
    "square": (np.square, lambda x: 2 * x),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), lambda x: -0.5 * x**-1.5),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2),
    "exp": (np.exp, np.exp),
    "expm1": (np.expm1, np.exp),
    "log": (np.log, lambda x: 1 / x),
    "log1p": (np.log1p, lambda x: 1 / (1 + x)),
    "log2": (np.log2, lambda x: 1 / (x * np.log(x.dtype.type(2)))),
    "log10": (np.log10, lambda x: 1 / (x * np.log(x.dtype.type(10)))),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda x: -np.sin(x)),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2),
    "arcsin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x)),
    "arccos": (np.arccos, lambda x: -1 / np.sqrt(1 - x * x)),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "sinh": (np.sinh, np.cosh),
    "cosh": (np.cosh, np.sinh),
    "arcsinh": (np.arcsinh, lambda x: 1 / np.sqrt(x * x + 1)),
    "arccosh": (np.arccosh, lambda x: 1 / np.sqrt(x * x - 1)),
    "arctanh": (np.arctanh, lambda x: 1 / (1 - x * x)),
    "degrees": (np.degrees, lambda x: np.degrees(np.ones_like(x))),
    "radians": (np.radians, lambda x: np.radians(np.ones_like(x))),
    "exp2": (np.exp2, lambda x: np.exp2(x) * np.log(x.dtype.type(2))),
    "cbrt": (np.cbrt, lambda x: 1 / (3 * np.cbrt(x) ** 2)),
    "rcbrt": (lambda x: 1 / np.cbrt(x), lambda x: -1 / (3 * x * np.cbrt(x))),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "log_sigmoid": (lambda x: -softrelu(-x), lambda x: sigmoid(-x)),
    "relu": (lambda x: np.where(x <= 0, 0, x), lambda x: (x > 0).astype(x.dtype)),
    "softrelu": (softrelu, sigmoid),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "erf": (erf, lambda x: 2 / np.sqrt(x.dtype.type(np.pi)) * np.exp(-x * x)),
    "gelu": (lambda x: x * normal_cdf(x), lambda x: normal_cdf(x) + x * bell(x)),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "mish": (lambda x: x * np.tanh(softrelu(x)), mish_slope),
    "floor": (np.floor, np.zeros_like),
    "ceil": (np.ceil, np.zeros_like),
    "rint": (np.rint, np.zeros_like),
    "trunc": (np.trunc, np.zeros_like),
}


def sweep(dtype, rng):
    """Numbers of all kinds: every exponent, the ranges where functions bend, and edge cases."""
    info = np.finfo(dtype)
    bits = np.uint32 if dtype == np.float32 else np.uint64
    edges = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, info.max, info.min, info.tiny, -info.tiny]
    edges += [info.smallest_subnormal, info.tiny * 0.7, 2, 10, 1000, 1e10, -1e10]
    limits = [-745.2, -104, -103.9, 88.7, 88.8, 709.7, 709.8, 1e5, -1e5]
    return np.concatenate(
        [
            np.array(edges + limits).astype(dtype),
            rng.integers(0, np.iinfo(bits).max, 100_000, dtype=bits).view(dtype),
            rng.uniform(-12, 12, 100_000).astype(dtype),
            rng.uniform(-110, 90, 30_000).astype(dtype),
            rng.uniform(-750, 720, 30_000).astype(dtype),
            rng.normal(1, 1e-3, 30_000).astype(dtype),
            rng.normal(0, 1e-4, 30_000).astype(dtype),
            (np.arange(-5000, 5000) * (np.pi / 2)).astype(dtype),
        ]
    )


def error_in_ulp(got, want):
    """Distance in units in the last place; equal numbers and pairs of NaN have none."""
    rounded = want.astype(got.dtype)
    ulp = np.spacing(np.abs(rounded)).astype(np.float64)
    distance = np.abs(got.astype(want.dtype) - want).astype(np.float64) / ulp
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(same, 0, np.where(np.isnan(distance), np.inf, distance))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", sorted(set(UNARY) - SCALED))
def test_unary_is_accurate_everywhere(kernels, rng, op, dtype):
    x = sweep(dtype, rng)
    got = kernels.unary(op, x, np.empty_like(x))
    want = REFERENCE[op][0](x.astype(wider(dtype)))
    error = error_in_ulp(got, want)
    worst = error.argmax()
    # SciPy's erf in float64 is itself off by some.
    assert error[worst] <= (6 if op == "erf" and dtype == np.float64 else 4), x[worst]
    signed = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got)[signed], np.signbit(want.astype(dtype))[signed])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", sorted(SCALED))
def test_units_are_accurate_on_the_scale_of_x(kernels, rng, op, dtype):
    x = rng.uniform(-30, 30, 100_000).astype(dtype)
    got = kernels.unary(op, x, np.empty_like(x))
    want = REFERENCE[op][0](x.astype(wider(dtype)))
    assert np.all(np.abs(got - want) <= 4 * np.finfo(dtype).eps * np.abs(x))


@pytest.mark.parametrize("dtype", FLOATS)
def test_exact_logarithms(kernels, dtype):
    powers = np.arange(-126, 127).astype(dtype)
    np.testing.assert_array_equal(kernels.unary("log2", 2**powers, powers.copy()), powers)
    tens = 10.0 ** np.arange(0, 11)
    x = tens.astype(dtype)
    np.testing.assert_array_equal(kernels.unary("log10", x, x.copy()), np.arange(0, 11))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", ["sin", "cos", "tan"])
def test_large_angles(kernels, op, dtype):
    x = np.array([1e5, 1e6, 123456789.0, 1e22, -1e30, np.finfo(dtype).max] * 50).astype(dtype)
    got = kernels.unary(op, x, np.empty_like(x))
    want = np.array([getattr(math, op)(float(v)) for v in x])
    np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", UNARY)
def test_unary_grad(kernels, rng, op, dtype):
    x = rng.uniform(0.1, 4, 1003).astype(dtype)
    if op not in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p"):
        x[::2] *= -1
    g = rng.normal(size=x.size).astype(dtype)
    y = kernels.unary(op, x, np.empty_like(x))
    dx = kernels.unary_grad(op, x, y, g, np.empty_like(x))
    want = g * REFERENCE[op][1](x.astype(wider(dtype))).astype(np.float64)
    # 1 - y^2 and its like cancel where a function saturates.
    np.testing.assert_allclose(
        dx, want, rtol=50 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps
    )
    added = kernels.unary_grad(op, x, y, g, np.ones_like(x), accumulate=True)
    np.testing.assert_array_equal(added, 1 + dx)


def test_gradients_at_kinks(kernels):
    x = np.array([0.0, -0.0, np.nan, 1.0, -1.0])
    g = np.full(5, 3.0)
    relu = kernels.unary_grad("relu", x, x, g, np.empty(5))
    np.testing.assert_array_equal(relu, [0, 0, np.nan, 3, 0])
    absolute = kernels.unary_grad("abs", x, x, g, np.empty(5))
    np.testing.assert_array_equal(absolute, [0, 0, np.nan, 3, -3])
    a, b, g = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]), np.ones(3)
    for op, which, want in [
        ("maximum", 0, [1, 0, 1]),
        ("maximum", 1, [0, 1, 0]),
        ("minimum", 0, [1, 1, 0]),
        ("minimum", 1, [0, 0, 1]),
    ]:
        dx = kernels.binary_grad(op, which, a, b, a, g, np.empty(3))
        np.testing.assert_array_equal(dx, want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_unary_in_place_and_at_every_size(kernels, rng, n, dtype):
    x = rng.uniform(-3, 3, n).astype(dtype)
    for op in UNARY:
        apart = kernels.unary(op, x, np.empty_like(x))
        np.testing.assert_array_equal(kernels.unary(op, x.copy(), x.copy()), apart)
        inside = x.copy()
        kernels.unary(op, inside, inside)
        np.testing.assert_array_equal(inside, apart)


def edge_pairs(dtype, rng):
    values = np.array([0, -0.0, 1, -1, 2.5, -2.5, 3, np.inf, -np.inf, np.nan], dtype)
    a, b = (v.ravel() for v in np.meshgrid(values, values))
    return (
        np.concatenate([a, rng.normal(0, 5, 1003).astype(dtype)]),
        np.concatenate([b, rng.normal(0, 5, 1003).astype(dtype)]),
    )


# Errors in eps, and those that stay where a logarithm is near 0.
ROUNDED = {"power": 2, "hypot": 4, "arctan2": 4, "logaddexp": 4, "logaddexp2": 4}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", BINARY)
def test_binary(kernels, rng, op, dtype):
    a, b = edge_pairs(dtype, rng)
    function = getattr(np, op)
    want = function(a, b).astype(dtype)
    got = kernels.binary(op, a, b, np.empty_like(a))
    tolerance = ROUNDED.get(op, 0) * np.finfo(dtype).eps
    least = tolerance if op.startswith("log") else 0
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=least)
    if op in ("mod", "fmod", "floor_divide", "copysign", "arctan2", "hypot"):
        signed = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got)[signed], np.signbit(want)[signed])
    for inside, other in ((a.copy(), b), (b.copy(), a)):
        first, second = (inside, other) if other is b else (other, inside)
        kernels.binary(op, first, second, inside)
        np.testing.assert_array_equal(inside, got)
    for s in (2.0, 0.5, -1.0, 3.0, 0.0, 1.5, np.nan):
        scalar = kernels.binary_scalar(op, a, s, np.empty_like(a))
        # NumPy, too, takes the square root of -inf for its power 0.5.
        wanted = function(a, dtype(s)) if op != "power" else a ** dtype(s)
        np.testing.assert_allclose(scalar, wanted.astype(dtype), rtol=tolerance, atol=least)
        swapped = kernels.binary_scalar(op, a, s, np.empty_like(a), swapped=True)
        wanted = function(dtype(s), a).astype(dtype)
        np.testing.assert_allclose(swapped, wanted, rtol=tolerance, atol=least)
    if op in COMPARISONS:
        mask = kernels.compare(op, a, b, np.empty(a.size, np.uint8))
        np.testing.assert_array_equal(mask, function(a, b))


def test_powers_are_accurate_everywhere(kernels, rng):
    x, y = np.exp(rng.uniform(-87, 88, 200_000)), rng.uniform(-12, 12, 200_000)
    y[::3] = rng.uniform(-88, 88, y[::3].size) / np.log(x[::3])  # results of every exponent
    x[1::5], y[1::7] = 1 + rng.normal(0, 1e-4, x[1::5].size), rng.normal(0, 1e4, y[1::7].size)
    x[2::9] = rng.integers(1, 1 << 22, x[2::9].size) * 2.0**-149  # denormals
    x, y = x.astype(np.float32), y.astype(np.float32)
    want = np.power(x.astype(np.float64), y.astype(np.float64))
    for start in range(0, 200_000, 50_000):  # stretches with and without denormals
        part = slice(start, start + 50_000)
        got = kernels.binary("power", x[part], y[part], np.empty(50_000, np.float32))
        assert error_in_ulp(got, want[part]).max() <= 4
    plain = x >= np.finfo(np.float32).tiny
    got = kernels.binary("power", x[plain], y[plain], np.empty(plain.sum(), np.float32))
    assert error_in_ulp(got, want[plain]).max() <= 4


@pytest.mark.parametrize("dtype", FLOATS)
def test_powers_of_special_numbers(kernels, dtype):
    values = [0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1.5, 8388609, -8388609, 2.0**25, 1e30]
    values += [np.inf, -np.inf, np.nan, 1e-40, -1e-40]
    x, y = (v.ravel().astype(dtype) for v in np.meshgrid(values, values))
    got = kernels.binary("power", x, y, np.empty_like(x))
    with np.errstate(all="ignore"):
        want = np.power(x.astype(np.float64), y.astype(np.float64)).astype(dtype)
    np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps)
    signed = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[signed], np.signbit(want)[signed])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("scale", [1, 1e6, 1e30])
def test_remainders_are_exact(kernels, rng, scale, dtype):
    a = (rng.normal(size=3000) * scale).astype(dtype)
    b = np.exp(rng.uniform(-3, 3, 3000)).astype(dtype) * rng.choice([-1, 1], 3000).astype(dtype)
    a[::4] = (b[::4] * rng.integers(-9, 9, b[::4].size)).astype(dtype)  # near whole quotients
    b[::50] = np.inf
    for op in ("mod", "fmod"):
        got, want = kernels.binary(op, a, b, np.empty_like(a)), getattr(np, op)(a, b)
        np.testing.assert_array_equal(got, want)
        signed = want == 0
        np.testing.assert_array_equal(np.signbit(got)[signed], np.signbit(want)[signed])
    got = kernels.binary("floor_divide", a, b, np.empty_like(a))
    want = np.floor_divide(a.astype("float64"), b.astype("float64")).astype(dtype)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", ["hypot", "arctan2"])
def test_sides_and_angles_are_accurate_everywhere(kernels, rng, op, dtype):
    top = 85 if dtype == np.float32 else 700
    a, b = (
        np.exp(rng.uniform(-top, top, 100_000)) * rng.choice([-1, 1], 100_000) for _ in range(2)
    )
    a[::2] = b[::2] * rng.uniform(0.01, 100, b[::2].size)  # angles that are not those of axes
    a, b = a.astype(dtype), b.astype(dtype)
    got = kernels.binary(op, a, b, np.empty_like(a))
    want = getattr(np, op)(a.astype(wider(dtype)), b.astype(wider(dtype)))
    assert error_in_ulp(got, want).max() <= 4


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("base", ["logaddexp", "logaddexp2"])
def test_sums_of_exponentials(kernels, rng, base, dtype):
    a, b = rng.uniform(-80, 80, 20_000), rng.uniform(-80, 80, 20_000)
    b[::2] = a[::2] + rng.normal(0, 2, a[::2].size)
    a, b = a.astype(dtype), b.astype(dtype)
    got = kernels.binary(base, a, b, np.empty_like(a))
    want = getattr(np, base)(a.astype(wider(dtype)), b.astype(wider(dtype)))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(got, want.astype(dtype), rtol=2 * eps, atol=2 * eps)


SLOPES = {
    "fmod": (lambda a, b: np.ones_like(a), lambda a, b: -np.trunc(a / b)),
    "floor_divide": (lambda a, b: np.zeros_like(a), lambda a, b: np.zeros_like(a)),
    "copysign": (lambda a, b: np.sign(a) * np.sign(b), lambda a, b: np.zeros_like(a)),
    "fmax": (lambda a, b: np.where(a >= b, 1, 0), lambda a, b: np.where(a < b, 1, 0)),
    "fmin": (lambda a, b: np.where(a <= b, 1, 0), lambda a, b: np.where(a > b, 1, 0)),
    "hypot": (lambda a, b: a / np.hypot(a, b), lambda a, b: b / np.hypot(a, b)),
    "arctan2": (lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
    "logaddexp": (lambda a, b: 1 / (1 + np.exp(b - a)), lambda a, b: 1 / (1 + np.exp(a - b))),
    "logaddexp2": (lambda a, b: 1 / (1 + np.exp2(b - a)), lambda a, b: 1 / (1 + np.exp2(a - b))),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", SLOPES)
def test_slopes_of_two_inputs(kernels, rng, op, dtype):
    a, b = rng.normal(0, 3, 1003).astype(dtype), rng.normal(0, 3, 1003).astype(dtype)
    g = rng.normal(size=1003).astype(dtype)
    y = kernels.binary(op, a, b, np.empty_like(a))
    for which in (0, 1):
        want = g * SLOPES[op][which](a.astype(wider(dtype)), b.astype(wider(dtype)))
        got = kernels.binary_grad(op, which, a, b, y, g, np.empty_like(a))
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(got, want.astype(dtype), rtol=30 * eps, atol=8 * eps)
        added = kernels.binary_grad(op, which, a, b, y, g, np.ones_like(a), accumulate=True)
        np.testing.assert_array_equal(added, 1 + got)


CONVERTED = {0: "float32", 1: "float64", 3: "uint8", 4: "int32", 5: "int8", 6: "int64"}


@pytest.mark.parametrize("source", CONVERTED)
@pytest.mark.parametrize("target", [0, 1, 4, 6])
def test_conversion(kernels, rng, source, target):
    x = rng.integers(0, 100, 1003) + rng.choice([0, 0.5], 1003)
    x = x.astype(CONVERTED[source])
    if CONVERTED[source] in ("int64", "float64"):
        x[::7] = -((1 << 30) + 12345)
    got = kernels.convert(source, target, x, np.empty(1003, CONVERTED[target]))
    np.testing.assert_array_equal(got, x.astype(CONVERTED[target]))


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_comparison_with_a_number(kernels, rng, op, dtype):
    a, _ = edge_pairs(dtype, rng)
    for s in (0.0, 1.0, -2.5, np.inf, np.nan):
        got = kernels.compare_scalar(op, a, s, np.empty(a.size, np.uint8))
        np.testing.assert_array_equal(got, getattr(np, op)(a, dtype(s)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES[1:])
def test_select(kernels, rng, n, dtype):
    condition = rng.integers(0, 3, n).astype(np.uint8)
    x, y, one = (
        rng.normal(size=n).astype(dtype),
        rng.normal(size=n).astype(dtype),
        np.ones(1, dtype),
    )
    x[:1] = np.nan
    for a, b in ((x, y), (one, y), (x, one), (one, 2 * one)):
        got = kernels.select(condition, a, b, np.empty(n, dtype))
        np.testing.assert_array_equal(got, np.where(condition, a, b))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8), (16, 33), (70, 64), (33, 1000)])
def test_transpose(kernels, rng, shape, dtype):
    x = rng.normal(size=shape).astype(dtype)
    got = kernels.transpose(x, np.empty(shape[::-1], dtype))
    np.testing.assert_array_equal(got, x.T)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("step", [0, 1, 2, 3, -1, -2])
def test_gather(kernels, rng, step, dtype):
    x = rng.normal(size=101 * max(abs(step), 1)).astype(dtype)
    want = np.full(101, x[0]) if step == 0 else x[::step] if step > 0 else x[-100 * step :: step]
    first = x if step >= 0 else x[-100 * step :]
    np.testing.assert_array_equal(kernels.gather(first, step, np.empty(101, dtype)), want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("width", [1, 3, 16, 63, 64, 100])
def test_rows_at_places(kernels, rng, width, dtype):
    x, y = rng.normal(size=(2, 40, width)).astype(dtype)
    places = rng.integers(0, 40, 40)
    got = kernels.take_rows(x, places, np.empty_like(x))
    np.testing.assert_array_equal(got, x[places])
    want = x.copy()
    np.add.at(want, places, y)
    np.testing.assert_array_equal(kernels.put_rows(y, places, x.copy(), add=True), want)
    want[places] = y
    np.testing.assert_array_equal(kernels.put_rows(y, places, want.copy()), want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("width", [0, 1, 2, 3, 4, 5, 33])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_repeat_each(kernels, rng, step, width, dtype):
    x = rng.normal(size=60).astype(dtype)
    first = x if step > 0 else x[29:]
    want = np.repeat(x[::step] if step > 0 else x[29::-1], width)[: 30 * width]
    got = kernels.repeat_each(first, step, np.empty((30, width), dtype))
    np.testing.assert_array_equal(got.ravel(), want)


SPECIAL = {  # in the order of table.pxd's enum
    "digamma": special.psi,
    "trigamma": lambda x: special.polygamma(1, x),
    "gammaln": special.gammaln,
    "erfinv": special.erfinv,
    "i0": special.i0,
    "i1": special.i1,
    "spherical_j1": lambda x: special.spherical_jn(1, x),
}


def beside(points):
    """Floats, and their neighbours on both sides."""
    points = np.asarray(points, np.float32)
    ends = [np.nextafter(points, np.float32(end)) for end in (-np.inf, np.inf)]
    return np.concatenate([points, *ends])


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_within_one_unit(kernels, rng, name):
    zeros = [1.4616321449, -0.5040830083, -2.4570247382, -2.7476826467, 4.4934094579, 7.7252518369]
    x = np.concatenate([
        *(rng.uniform(-size, size, 20_000) for size in (0.01, 1, 3, 20, 90)),
        rng.uniform(0, 1e6, 2_000), rng.uniform(-1e3, 0, 2_000),
        np.logspace(-44, 38, 500), beside(np.arange(-12, 13)), beside(zeros),
    ]).astype(np.float32)  # fmt: skip
    exact = SPECIAL[name](x.astype(np.float64))
    want = exact.astype(np.float32)
    got = kernels.special(list(SPECIAL).index(name), x, np.empty_like(x))
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    error = np.abs(got[finite] - exact[finite]) / np.spacing(np.abs(want[finite]))
    assert error.max() < 0.6
    np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))


def test_special_functions_at_their_ends(kernels):
    x = np.array([0.0, -0.0, -1, -2, np.inf, -np.inf, np.nan, 1, 2, 1.5], np.float32)
    inf, nan = np.inf, np.nan
    ends = {
        "digamma": [-inf, inf, nan, nan, inf, nan, nan],
        "trigamma": [inf, inf, inf, inf, 0, nan, nan],
        "gammaln": [inf, inf, inf, inf, inf, inf, nan, 0, 0],
        "erfinv": [0, -0.0, -inf, nan, nan, nan, nan, inf, nan, nan],
        "i0": [1, 1, 1.2660659, 2.2795853, inf, inf, nan],
        "i1": [0, -0.0, -0.5651591, -1.5906368, inf, -inf, nan],
        "spherical_j1": [0, -0.0, -0.3011687, -0.43539778, 0, 0, nan],
    }
    for name, want in ends.items():
        got = kernels.special(list(SPECIAL).index(name), x, np.empty_like(x))[: len(want)]
        np.testing.assert_allclose(got, want, rtol=2e-7, err_msg=name)


def test_every_half_widens(kernels):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    got = kernels.widen(halves, np.empty(1 << 16, np.float32))
    np.testing.assert_array_equal(got, halves.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(got), np.signbit(halves))
    back = kernels.narrow(got, np.empty(1 << 16, np.float16))
    numbers = ~np.isnan(halves)
    np.testing.assert_array_equal(back.view("uint16")[numbers], halves.view("uint16")[numbers])
    assert np.isnan(back[~numbers]).all()


def test_floats_narrow_to_the_nearest_half(kernels, rng):
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (halves[:-1] + halves[1:]) / 2  # to even
    bits = rng.integers(0, 1 << 32, 100_000, np.uint32).view(np.float32)
    near = np.concatenate([halves, between, [65519.996, 65520, 65536, 1e38, np.inf, 0, 1e-45]])
    near = np.concatenate([near, np.nextafter(near, 0), np.nextafter(near, np.inf)])
    x = np.concatenate([near, -near, bits]).astype(np.float32)
    got = kernels.narrow(x, np.empty(x.size, np.float16))
    want = x.astype(np.float16)
    numbers = ~np.isnan(x)
    np.testing.assert_array_equal(got.view("uint16")[numbers], want.view("uint16")[numbers])
    assert np.isnan(got[~numbers]).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 7), (5, 9), (8, 4), (21, 30), (2, 300)])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_running_sums_products_and_recurrences(kernels, rng, shape, backwards, dtype):
    a, b = rng.uniform(-1.2, 1.2, (2, *shape)).astype(dtype)
    turn = np.s_[::-1] if backwards else np.s_[:]
    for axis, (n, step, width, across) in enumerate(
        [(shape[0], shape[1], shape[1], 1), (shape[1], 1, shape[0], shape[1])]
    ):
        layout = (n, step, width, across)
        rows_a, rows_b = np.moveaxis(a, axis, 0)[turn], np.moveaxis(b, axis, 0)[turn]
        for product, function in ((False, np.cumsum), (True, np.cumprod)):
            got = kernels.scan(b, np.empty_like(b), *layout, product=product, backwards=backwards)
            want = function(rows_b, axis=0)
            np.testing.assert_array_equal(np.moveaxis(got, axis, 0)[turn], want)
        got = kernels.recurrence(a, b, np.empty_like(b), *layout, backwards=backwards)
        want = [rows_b[0]]
        for i in range(1, n):
            want.append(rows_b[i] + rows_a[i - backwards] * want[-1])
        np.testing.assert_array_equal(np.moveaxis(got, axis, 0)[turn], want)


@pytest.mark.parametrize("cols", [1, 2, 31, 32, 33, 300, 5000])
@pytest.mark.parametrize("descending", [False, True])
def test_order_of_rows(kernels, rng, cols, descending):
    x = rng.choice([-np.inf, -3e38, -1, -1e-45, -0.0, 0.0, 1e-45, 2, np.inf, np.nan], (3, cols))
    x[1] = rng.normal(size=cols) * 10.0 ** rng.integers(-30, 30, cols)
    x = x.astype(np.float32)
    spare, out = np.empty(2 * cols, np.uint64), np.empty((3, cols), np.int64)
    got = kernels.order_rows(x, spare, out, descending=descending)
    want = np.argsort(x, axis=1, kind="stable")
    if descending:
        want = cols - 1 - np.argsort(x[:, ::-1], axis=1, kind="stable")[:, ::-1]
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("which", [0, 1])
def test_binary_grad_against_differences(kernels, rng, op, which):
    a, b = rng.uniform(0.5, 3, (2, 301))
    a += np.isclose(a, b, atol=1e-3)
    b[np.isclose(a % b, 0, atol=1e-3) | np.isclose(a % b, b, atol=1e-3)] = 10
    g = rng.normal(size=301)
    y = kernels.binary(op, a, b, np.empty(301))
    dx = kernels.binary_grad(op, which, a, b, y, g, np.empty(301))
    h = 1e-6
    step = (h, 0) if which == 0 else (0, h)
    up = kernels.binary(op, a + step[0], b + step[1], np.empty(301))
    down = kernels.binary(op, a - step[0], b - step[1], np.empty(301))
    np.testing.assert_allclose(dx, g * (up - down) / (2 * h), rtol=1e-6, atol=1e-7)
    added = kernels.binary_grad(op, which, a, b, y, g, np.ones(301), accumulate=True)
    np.testing.assert_array_equal(added, 1 + dx)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_fill_add_and_scale(kernels, rng, n, dtype):
    x, y = rng.normal(size=(2, n)).astype(dtype)
    np.testing.assert_array_equal(kernels.fill(2.5, np.empty(n, dtype)), np.full(n, 2.5))
    np.testing.assert_array_equal(kernels.add_to(x, y.copy()), x + y)
    np.testing.assert_array_equal(kernels.scale(0.3, x, np.empty(n, dtype)), dtype(0.3) * x)
    np.testing.assert_array_equal(
        kernels.scale(0.3, x, y.copy(), accumulate=True), y + dtype(0.3) * x
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, n) for n in SIZES[1:]] + [(5, 10), (300, 7), (1000, 70)])
def test_reductions(kernels, rng, shape, dtype):
    x = rng.uniform(0.9, 1.1, shape).astype(dtype)
    for op in ("sum", "prod", "max", "min"):
        for axis, kernel in ((1, kernels.reduce_rows), (0, kernels.reduce_cols)):
            want = getattr(np, op)(x.astype(wider(dtype)), axis=axis)
            got = kernel(op, x, np.empty(want.shape, dtype))
            rtol = (shape[axis] + 1 if op == "prod" else 8) * np.finfo(dtype).eps
            np.testing.assert_allclose(got, want.astype(np.float64), rtol=rtol)
    twice = kernels.reduce_cols("sum", x, np.ones(shape[1], dtype), accumulate=True)
    once = kernels.reduce_cols("sum", x, np.empty(shape[1], dtype))
    np.testing.assert_array_equal(twice, 1 + once)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [*SIZES[1:], 31, 32, 33, 96, 1025, 5000])
def test_sums_of_every_other_number(kernels, rng, n, dtype):
    x = rng.uniform(0.9, 1.1, 2 * n - 1).astype(dtype)
    x[1::2] = np.nan
    want = x[::2].astype(wider(dtype)).sum()
    got = kernels.sum_alternate(x, np.empty(1, dtype))
    np.testing.assert_allclose(got, float(want), rtol=8 * np.finfo(dtype).eps)
    matrix = rng.uniform(0.9, 1.1, (3, 2 * n)).astype(dtype)
    rows = [kernels.sum_alternate(row, np.empty(1, dtype))[0] for row in matrix]
    assert kernels.sum_alternate(matrix, np.empty(3, dtype)).tolist() == rows


@pytest.mark.parametrize("n", [64, 200, 1000])
def test_extremes_among_infinities_and_large_numbers(kernels, rng, n):
    x = rng.normal(size=(1, n)).astype(np.float32)
    x[0, [5, 40, n - 1]] = np.inf, -np.inf, 1e38
    x[0, 6:20] = 3e38  # their sum overflows
    for op, function in (("max", np.max), ("min", np.min)):
        assert kernels.reduce_rows(op, x, np.empty(1, np.float32)) == function(x)
        place = kernels.arg_rows(op, x, np.empty(1, np.int64))
        assert place == getattr(np, f"arg{op}")(x)


@pytest.mark.parametrize("n", [1, 10, 64, 65, 130, 200, 1000])
def test_nan_wins_reductions_and_searches(kernels, rng, n):
    for place in {0, n // 2, n - 1}:
        x = rng.normal(size=(1, n))
        x[0, place] = np.nan
        for op in ("max", "min"):
            assert np.isnan(kernels.reduce_rows(op, x, np.empty(1)))
            assert np.isnan(kernels.reduce_cols(op, x.T.copy(), np.empty(1)))
            assert kernels.arg_rows(op, x, np.empty(1, np.int64)) == place
            assert kernels.arg_cols(op, x.T.copy(), np.empty(1, np.int64)) == place


@pytest.mark.parametrize("dtype", FLOATS)
def test_arg_takes_the_first_of_equals(kernels, rng, dtype):
    for shape, largest in (((200, 33), 4), ((50, 300), 200), ((5, 5000), 3), ((40, 1100), 900)):
        x = rng.integers(0, largest, shape).astype(dtype)
        for op, function in (("max", np.argmax), ("min", np.argmin)):
            rows = kernels.arg_rows(op, x, np.empty(shape[0], np.int64))
            np.testing.assert_array_equal(rows, function(x, axis=1))
            cols = kernels.arg_cols(op, x, np.empty(shape[1], np.int64))
            np.testing.assert_array_equal(cols, function(x, axis=0))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 10), (300, 7), (33, 1500), (3, 3000)])
def test_deviations(kernels, rng, shape, dtype):
    x = rng.normal(3, 1, shape).astype(dtype)
    for axis, kernel in ((1, kernels.deviation_rows), (0, kernels.deviation_cols)):
        mean = x.mean(axis=axis)
        want = np.square(x.astype(wider(dtype)) - np.expand_dims(mean, axis)).sum(axis=axis)
        got = kernel(x, mean, np.empty(want.shape, dtype))
        np.testing.assert_allclose(got, want.astype(np.float64), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (10, 2), (33, 7), (1000, 130), (70, 1000)])
@pytest.mark.parametrize("log", [False, True])
def test_softmax_of_columns(kernels, rng, shape, log, dtype):
    x = rng.normal(0, 3, shape).astype(dtype)
    wide = x.astype(wider(dtype))
    e = np.exp(wide - wide.max(axis=0))
    want = e / e.sum(axis=0)
    got = kernels.softmax_cols(x, np.empty_like(x), log)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(
        got, (np.log(want) if log else want).astype(np.float64), rtol=32 * eps, atol=8 * log * eps
    )
    g = rng.normal(size=shape).astype(dtype)
    wanted = g - want * g.sum(axis=0) if log else want * (g - (g * want).sum(axis=0))
    dx = kernels.softmax_cols_grad(got, g, np.empty_like(x), log)
    np.testing.assert_allclose(dx, wanted.astype(np.float64), rtol=1e-4, atol=200 * eps)
    added = kernels.softmax_cols_grad(got, g, np.ones_like(x), log, accumulate=True)
    np.testing.assert_array_equal(added, 1 + dx)


def test_empty_reductions(kernels):
    for op, want in (("sum", 0), ("prod", 1)):
        assert kernels.reduce_rows(op, np.empty((1, 0)), np.empty(1)) == want
        np.testing.assert_array_equal(kernels.reduce_cols(op, np.empty((0, 3)), np.ones(3)), want)
    kept = kernels.reduce_cols("sum", np.empty((0, 3)), np.ones(3), accumulate=True)
    np.testing.assert_array_equal(kept, 1)


def test_long_sums_are_accurate(kernels, rng):
    x = rng.uniform(0, 1, 10_000_000).astype(np.float32)
    want = x.sum(dtype=np.float64)
    rows = kernels.reduce_rows("sum", x.reshape(1, -1), np.empty(1, np.float32))
    cols = kernels.reduce_cols("sum", x.reshape(-1, 2), np.empty(2, np.float32))
    assert abs(rows[0] - want) <= 1e-6 * want
    assert abs(cols.sum(dtype=np.float64) - want) <= 1e-6 * want


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 10), (7, 33), (3, 1000), (2, 3000), (128, 10)])
def test_softmax(kernels, rng, shape, dtype):
    x = rng.normal(0, 5, shape).astype(dtype)
    x[0] += 1e4
    eps = np.finfo(dtype).eps
    exact = x.astype(np.float64)
    log_want = special.log_softmax(exact, axis=1)
    want = np.exp(log_want)
    y = kernels.softmax(x, np.empty_like(x))
    logp = kernels.softmax(x, np.empty_like(x), log=True)
    np.testing.assert_allclose(y, want, rtol=100 * eps, atol=eps)
    np.testing.assert_allclose(logp, log_want, rtol=20 * eps, atol=20 * eps)
    g = rng.normal(size=shape).astype(dtype)
    dx = kernels.softmax_grad(y, g, np.empty_like(x))
    np.testing.assert_allclose(dx, want * (g - (want * g).sum(1, keepdims=True)), atol=200 * eps)
    added = kernels.softmax_grad(y, g, np.ones_like(x), accumulate=True)
    np.testing.assert_array_equal(added, 1 + dx)
    dx = kernels.softmax_grad(logp, g, np.empty_like(x), log=True)
    exact_dx = g - np.exp(logp.astype(np.float64)) * g.sum(1, keepdims=True, dtype=np.float64)
    np.testing.assert_allclose(dx, exact_dx, rtol=100 * eps, atol=100 * eps)
    label = rng.integers(0, shape[1], shape[0])
    again, loss = np.empty_like(x), np.empty(shape[0], dtype)
    kernels.cross_entropy(x, label, again, loss)
    np.testing.assert_array_equal(again, logp)
    np.testing.assert_array_equal(loss, -logp[np.arange(shape[0]), label])
    scale = rng.normal(size=shape[0]).astype(dtype)
    dx = kernels.cross_entropy_grad(logp, label, scale, np.empty_like(x))
    onehot = np.eye(shape[1])[label]
    exact_dx = scale[:, None] * (np.exp(logp.astype(np.float64)) - onehot)
    np.testing.assert_allclose(dx, exact_dx, rtol=100 * eps, atol=4 * eps)
    added = kernels.cross_entropy_grad(logp, label, scale, np.ones_like(x), accumulate=True)
    np.testing.assert_allclose(added, 1 + dx, rtol=4 * eps, atol=8 * eps)


def normal_of(x, axis, eps=0.0):
    mean = x.mean(axis, keepdims=True)
    scale = 1 / np.sqrt(x.var(axis, keepdims=True) + eps)
    return mean, scale, (x - mean) * scale


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (70, 3), (5, 1100), (40, 64), (300, 37)])
def test_moments(kernels, rng, shape, dtype):
    eps = np.finfo(dtype).eps
    x = rng.normal(100, 1, shape).astype(dtype)
    exact = x.astype(wider(dtype))
    for columns in (False, True):
        axis = 0 if columns else 1
        mean, squares = np.empty((2, shape[1 - axis]), dtype)
        kernels.moments(x, mean, squares, columns=columns)
        np.testing.assert_allclose(mean, exact.mean(axis), 20 * eps)
        np.testing.assert_allclose(
            squares, exact.var(axis) * shape[axis], 1e3 * eps, 1e3 * eps * shape[axis]
        )
    means, squares = rng.normal(100, 1, (2, *shape)).astype(dtype)
    found = np.empty((2, shape[1]), dtype)
    kernels.join_moments(means, abs(squares), 7, 4, *found)
    count = np.full((shape[0], 1), 7.0)
    count[-1] = 4
    total = (means * count).sum(0, dtype=wider(dtype)) / count.sum()
    spread = (abs(squares) + count * (means - total) ** 2).sum(0) / count.sum()
    np.testing.assert_allclose(found[0], total, 10 * eps)
    np.testing.assert_allclose(found[1], spread, 100 * eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (6, 5), (70, 3), (7, 1100)])
def test_affine(kernels, rng, shape, columns, relu, dtype):
    eps = np.finfo(dtype).eps
    channels = shape[1] if columns else 3
    first = 0 if columns else 2
    places = np.arange(shape[1]) if columns else (first + np.arange(shape[0]))[:, None] % 3
    x, g = rng.normal(size=(2, *shape)).astype(dtype)
    numbers = rng.normal(size=(5, channels)).astype(dtype)
    mean, weight, shift, slope, offset = (row[places] for row in numbers)
    flags = {"columns": columns, "relu": relu}
    y = np.empty_like(x)
    kernels.affine(x, *numbers[:3], y, first, channels, **flags)
    value = (x - mean) * weight + shift
    np.testing.assert_array_equal(y, np.maximum(value, 0) if relu else value)
    g_in = np.where(value > 0, g, 0) if relu else g
    axis = 0 if columns else 1
    sums, products = np.empty((2, shape[1 - axis]), dtype)
    kernels.affine_sums(x, g, *numbers[:3], sums, products, first, channels, **flags)
    exact = g_in.astype(wider(dtype))
    np.testing.assert_allclose(sums, exact.sum(axis), 1e3 * eps, 50 * eps)
    np.testing.assert_allclose(products, (exact * (x - mean)).sum(axis), 1e3 * eps, 100 * eps)
    want = g_in * weight + ((x - mean) * slope + offset)
    dx, added = np.empty_like(x), np.ones_like(x)
    kernels.affine_grad(x, g, *numbers, dx, first, channels, **flags)
    np.testing.assert_array_equal(dx, want)
    kernels.affine_grad(x, g, *numbers, added, first, channels, **flags, accumulate=True)
    np.testing.assert_array_equal(added, 1 + want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "groups, parts, width", [(1, 7, 1), (1, 130, 1), (1, 1100, 1), (3, 2, 1), (3, 2, 70)]
)
def test_row_norm(kernels, rng, groups, parts, width, dtype):
    eps = np.finfo(dtype).eps
    x, g = rng.normal(3, 2, (2, 10, parts * width)).astype(dtype)
    gamma, beta = rng.normal(size=(2, groups, parts)).astype(dtype)
    y, (mean, scale) = np.empty_like(x), np.empty((2, 10), dtype)
    first = 1 % groups
    kernels.row_norm(x, gamma, beta, 0.5, y, mean, scale, first)
    exact = x.astype(wider(dtype))
    m, s, normal = normal_of(exact, 1, 0.5)
    of_row = (first + np.arange(10)) % groups
    gain = np.repeat(gamma[of_row], width, axis=1)
    want = normal * gain + np.repeat(beta[of_row], width, axis=1)
    np.testing.assert_allclose(mean, m[:, 0], 20 * eps)
    np.testing.assert_allclose(scale, s[:, 0], 50 * eps)
    np.testing.assert_allclose(y, want, 50 * eps, 50 * eps)
    by_part = (10, parts, width)
    dgamma, dbeta, more = np.ones_like(gamma), np.ones_like(gamma), np.ones_like(x)
    kernels.row_norm_grad(x, gamma, g, mean, scale, None, dgamma, dbeta, first)
    want_gamma, want_beta = np.ones((2, groups, parts), wider(dtype))
    np.add.at(want_gamma, of_row, (g * normal).reshape(by_part).sum(2))
    np.add.at(want_beta, of_row, g.reshape(by_part).sum(2, dtype=wider(dtype)))
    np.testing.assert_allclose(dgamma, want_gamma, 300 * eps, 300 * eps)
    np.testing.assert_allclose(dbeta, want_beta, 300 * eps, 300 * eps)
    d = g * gain
    along = normal * (d * normal).mean(1, keepdims=True)
    want = (d - d.mean(1, keepdims=True) - along) * s
    dx = np.empty_like(x)
    kernels.row_norm_grad(x, gamma, g, mean, scale, dx, dgamma, dbeta, first)
    np.testing.assert_allclose(dx, want, 100 * eps, 100 * eps)
    kernels.row_norm_grad(x, gamma, g, mean, scale, more, dgamma, dbeta, first, accumulate=True)
    np.testing.assert_allclose(more, 1 + dx, 4 * eps, 4 * eps)
    for start in range(3):  # the same past the caches, from any place of a vector on
        other = np.full(x.size + 4, np.nan, dtype)
        place = other[start : start + x.size].reshape(x.shape)
        kernels.row_norm(x, gamma, beta, 0.5, place, mean, scale, first, past_caches=True)
        np.testing.assert_array_equal(place, y)
        kernels.row_norm_grad(
            x, gamma, g, mean, scale, place, dgamma, dbeta, first, past_caches=True
        )
        np.testing.assert_array_equal(place, dx)
        assert np.isnan(other[:start]).all() and np.isnan(other[start + x.size :]).all()


CELLS = {"relu": 0, "tanh": 1, "lstm": 2, "gru": 3}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1, 5, 37, 1100])
@pytest.mark.parametrize("cell", CELLS)
def test_cell_step(kernels, rng, cell, size, dtype):
    eps = np.finfo(dtype).eps
    rows, kind = 3, CELLS[cell]
    width = size * {"lstm": 4, "gru": 3}.get(cell, 1)
    gates, hidden = rng.normal(size=(2, rows, width)).astype(dtype)
    bias, hidden_bias = rng.normal(size=(2, width)).astype(dtype)
    before, cell_before = rng.normal(size=(2, rows, size)).astype(dtype)
    state, inner, out = np.full((3, rows, size), np.nan, dtype)
    lengths = np.array([5.0, 1.0, 2.0])
    half = size // 2  # of the states' numbers: the first, then the others
    for start, count in ((0, half), (half, size - half)):
        own = [
            a.reshape(rows, -1, size)[..., start : start + count].copy() for a in (gates, hidden)
        ]
        rest = (bias, hidden_bias, before, cell_before, state, inner, out)
        rest = [array.reshape(-1)[start:] for array in rest]
        kernels.cell_step(kind, *own, *rest, lengths, 1.0, rows, count, size, size)
    x, h = gates.astype(wider(dtype)) + bias, hidden.astype(wider(dtype))
    part = [slice(i * size, (i + 1) * size) for i in range(4)]
    if cell == "lstm":
        enter, forget, leave = (sigmoid((x + h)[:, part[i]]) for i in (0, 1, 3))
        want_inner = forget * cell_before + enter * np.tanh((x + h)[:, part[2]])
        want = leave * np.tanh(want_inner)
        want_inner[1] = cell_before[1]
        np.testing.assert_allclose(inner, want_inner, 20 * eps, 20 * eps)
    elif cell == "gru":
        h = h + hidden_bias
        reset, keep = (sigmoid((x + h)[:, part[i]]) for i in (0, 1))
        new = np.tanh(x[:, part[2]] + reset * h[:, part[2]])
        want = new + keep * (before - new)
    else:
        want = np.maximum(x + h, 0) if cell == "relu" else np.tanh(x + h)
    assert (out[1] == 0).all()  # this sequence has ended
    alive = [0, 2]
    np.testing.assert_array_equal(out[alive], state[alive])
    want[1] = before[1]
    np.testing.assert_allclose(state, want, 20 * eps, 20 * eps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_add_bias(kernels, rng, dtype):
    bias, out = rng.normal(size=37).astype(dtype), rng.normal(size=(5, 37)).astype(dtype)
    out[0, 0] = np.nan
    np.testing.assert_array_equal(kernels.add_bias(bias, out.copy()), out + bias)
    np.testing.assert_array_equal(
        kernels.add_bias(bias, out.copy(), relu=True), np.maximum(out + bias, 0)
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 6, 7, 8, 12, 17])
@pytest.mark.parametrize("n, k", [(1, 1), (8, 3), (15, 16), (16, 40), (17, 5), (70, 300)])
def test_panel_products(kernels, rng, m, n, k, dtype):
    x, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    panels, other = np.full((2, (n + 16) * k), np.nan, dtype)
    kernels.pack_panels(b, panels, n, k)
    kernels.pack_panels(np.ascontiguousarray(b.T), other, n, k, transposed=True)
    np.testing.assert_array_equal(panels, other)
    if n > 16:  # some of the columns: its rows are longer than what is packed
        part = np.full(16 * k, np.nan, dtype)
        kernels.pack_panels(b, part, 16, k)
        np.testing.assert_array_equal(part, panels[: 16 * k])
    out = kernels.panel_product(x, k, 1, panels, np.full((m, n), np.nan, dtype))
    eps = np.finfo(dtype).eps
    exact = x.astype(wider(dtype)) @ b.astype(wider(dtype))
    np.testing.assert_allclose(out, exact, 10 * eps, 4 * eps * k)
    for i in range(m):  # the same bits whatever rows are multiplied together
        alone = kernels.panel_product(x[i : i + 1], k, 1, panels, np.full((1, n), np.nan, dtype))
        np.testing.assert_array_equal(alone[0], out[i])
    added = kernels.panel_product(x, k, 1, panels, out.copy(), accumulate=True)
    np.testing.assert_array_equal(added, out + out)
    turned = np.ascontiguousarray(x.T)
    np.testing.assert_array_equal(
        kernels.panel_product(turned, 1, m, panels, np.full((m, n), np.nan, dtype)), out
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "m, n, k", [(1, 1, 1), (9, 15, 16), (40, 64, 28), (33, 70, 5), (5, 17, 300)]
)
def test_products_of_single_entries(kernels, rng, m, n, k, dtype):
    """To the bit those of panels with the same zeros."""
    x, b = np.zeros((m, k), dtype), rng.normal(size=(k, n)).astype(dtype)
    places = rng.integers(0, k, m)
    x[np.arange(m), places] = rng.choice([1, -0.3, 2.7, 0], m)
    entries, found, count = np.full(m, np.nan, dtype), np.full(m, -1), np.full(1, -1)
    kernels.single_entries(x, entries, found, count)
    assert count == m
    np.testing.assert_array_equal(entries, x[np.arange(m), places])
    np.testing.assert_array_equal(found, np.where(entries == 0, 0, places))
    if k > 1:
        x[m // 2, :2] = np.nan, 1
        kernels.single_entries(x, entries.copy(), found.copy(), count)
        assert count == m // 2
        x[m // 2] = 0
        entries[m // 2] = found[m // 2] = 0

    panels = np.full((n + 16) * k, np.nan, dtype)
    kernels.pack_panels(b, panels, n, k)
    want = kernels.panel_product(x, k, 1, panels, np.full((m, n), np.nan, dtype))
    out = kernels.panel_rows(entries, found, panels, np.full((m, n), np.nan, dtype), k)
    np.testing.assert_array_equal(out, want)
    other = rng.normal(size=(m, n)).astype(dtype)
    added = kernels.panel_rows(entries, found, panels, other.copy(), k, accumulate=True)
    np.testing.assert_array_equal(added, other + want)

    g, columns = rng.normal(size=(m, n)).astype(dtype), np.full((k + 16) * m, np.nan, dtype)
    kernels.pack_panels(x, columns, k, m)
    sums = np.full(2 * n * k, np.nan, dtype)
    for number in (0, np.inf, -np.inf, np.nan):  # times the zeros beside an entry they are nan
        if number != 0:
            g[rng.integers(0, m), rng.integers(0, n)] = number
        turned = np.full((n, k), np.nan, dtype)
        want = kernels.panel_product(g, 1, n, columns, turned.copy())
        got = kernels.sum_at_places(entries, found, g, sums, turned)
        np.testing.assert_array_equal(got, want)
        other = rng.normal(size=(n, k)).astype(dtype)
        got = kernels.sum_at_places(entries, found, g, sums, other.copy(), accumulate=True)
        np.testing.assert_array_equal(got, other + want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 8])
def test_thin_products(kernels, rng, m, dtype):
    eps = np.finfo(dtype).eps
    for n in (1, 2, 3, 4, 5, 10, 33, 256):
        for k in (1, 2, 3, 7, 8, 9, 15, 16, 20, 31, 32, 100, 1024):
            x, w, g = (rng.normal(size=s).astype(dtype) for s in ((m, k), (n, k), (m, n)))
            exact_x, exact_w, exact_g = (v.astype(np.float64) for v in (x, w, g))
            out = kernels.thin_nt(x, w, None, np.full((m, n), np.nan, dtype))
            np.testing.assert_allclose(out, exact_x @ exact_w.T, atol=20 * eps * k**0.5)
            added = kernels.thin_nt(x, w, w[:, 0].copy(), np.empty((m, n), dtype))
            np.testing.assert_array_equal(added, out + w[:, 0])
            added = kernels.thin_nt(x, w, w[:, 0].copy(), np.empty((m, n), dtype), relu=True)
            np.testing.assert_array_equal(added, np.maximum(out + w[:, 0], 0))
            for i in range(m):  # the same bits whatever rows are multiplied together
                alone = kernels.thin_nt(x[i : i + 1], w, None, np.empty((1, n), dtype))
                np.testing.assert_array_equal(alone[0], out[i])
            for kernel, a, b, want in (
                (kernels.thin_nn, g, w, exact_g @ exact_w),
                (kernels.thin_tn, g, x, exact_g.T @ exact_x),
            ):
                got = kernel(a, b, np.full(want.shape, np.nan, dtype))
                np.testing.assert_allclose(got, want, atol=30 * eps * n**0.5)
                added = kernel(a, b, np.ones(want.shape, dtype), accumulate=True)
                np.testing.assert_allclose(added, 1 + want, atol=30 * eps * n**0.5)


def test_thin_products_keep_nan_and_infinity_in_their_rows(kernels):
    x, w = np.ones((1, 20)), np.ones((5, 20))
    w[1, 0], w[2, 13], w[3, 19] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(
        kernels.thin_nt(x, w, None, np.empty((1, 5))), [[20, np.nan, np.inf, -np.inf, 20]]
    )
    np.testing.assert_array_equal(
        kernels.thin_nt(x, w, None, np.empty((1, 5)), relu=True), [[20, np.nan, np.inf, 0, 20]]
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("cols", [1, 4, 15, 33, 256])
def test_bias_gradients_of_few_rows(kernels, rng, rows, cols, dtype):
    y, g = rng.normal(size=(2, rows, cols)).astype(dtype)
    y[0, 0], y[-1, -1] = 0, np.nan
    dz, db = np.full((rows, cols), np.nan, dtype), np.ones(cols, dtype)
    for accumulate in (False, True):
        before = db * accumulate
        kernels.thin_bias_grad(y, g, dz, db, accumulate=accumulate)
        np.testing.assert_array_equal(dz, np.where(y > 0, g, np.where(np.isnan(y), y, 0)))
        want = before + dz.astype(np.float64).sum(axis=0)
        np.testing.assert_allclose(db, want, rtol=1e-5, atol=1e-5)
    before = dz.copy()
    kernels.thin_bias_grad(y, g, dz, None)
    np.testing.assert_array_equal(dz, before)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_optimizers(kernels, rng, n, dtype):
    grad, weight, state = rng.normal(size=(3, n)).astype(dtype)
    square = rng.uniform(0, 1, n).astype(dtype)

    def run(rule, constants, *arrays):
        return kernels.update(rule.program.kernel, np.array(constants), list(arrays))

    for bound in (np.inf, 0.4):
        scaled = 0.5 * grad.astype(np.float64)
        g = np.clip(scaled, -bound, bound) + 0.01 * weight
        tolerance = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
        plain = run(SGD.plain, [0.5, bound, 0.01, 0.1], grad, weight.copy())
        np.testing.assert_allclose(plain, weight - 0.1 * g, **tolerance)
        momentum = state.copy()
        constants = [0.5, bound, 0.01, 0.9, 0.1]
        moved = run(SGD.with_momentum, constants, grad, weight.copy(), momentum)
        np.testing.assert_allclose(momentum, 0.9 * state - 0.1 * g, **tolerance)
        np.testing.assert_array_equal(moved, weight + momentum)
        g = np.clip(scaled + 0.01 * weight, -bound, bound)
        mean, var = state.copy(), square.copy()
        constants = [0.5, 0.01, bound, 0.9, 1 - 0.9, 0.99, 1 - 0.99, 0.1, 1e-6]
        moved = run(Adam.rule, constants, grad, weight.copy(), mean, var)
        np.testing.assert_allclose(mean, 0.9 * state + 0.1 * g, **tolerance)
        np.testing.assert_allclose(var, 0.99 * square + 0.01 * g * g, **tolerance)
        step = 0.1 * mean.astype(np.float64) / (np.sqrt(var.astype(np.float64)) + 1e-6)
        np.testing.assert_allclose(moved, weight - step, rtol=1e-4 if n else 0, atol=1e-5)


def philox(counter, key):
    """Philox4x32-10 in plain integers: four words in, four words out."""
    c, k = list(counter), list(key)
    for _ in range(10):
        left, right = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [
            (right >> 32) ^ c[1] ^ k[0], right & 0xFFFFFFFF,
            (left >> 32) ^ c[3] ^ k[1], left & 0xFFFFFFFF,
        ]  # fmt: skip
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def stream(key, offset, blocks):
    """Words of the kernels' stream, one row for each block."""
    return np.array(
        [
            philox([c & 0xFFFFFFFF, c >> 32, 0, 0], [key & 0xFFFFFFFF, key >> 32])
            for c in range(offset, offset + blocks)
        ],
        np.uint64,
    )


def test_reference_has_the_known_answers():
    ones = 0xFFFFFFFF
    assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox([ones] * 4, [ones] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    counter, key = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]
    assert philox(counter, key) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


@pytest.mark.parametrize("key", [0, 0x299F31D0A4093822, 2**64 - 1])
@pytest.mark.parametrize("offset", [0, 2**32 - 100, 2**40 + 3])
def test_random_numbers_come_from_the_stream(kernels, key, offset):
    words = stream(key, offset, 200)
    n = 397
    u = kernels.uniform(key, offset, 0, 1, np.empty(n, np.float32))
    np.testing.assert_array_equal(u, (words.ravel()[:n] >> 8) / np.float32(2**24))
    wide = (words[:, 1::2] >> 5) * 2**26 + (words[:, ::2] >> 6)
    u = kernels.uniform(key, offset, 0, 1, np.empty(n))
    np.testing.assert_array_equal(u, wide.ravel()[:n] / 2**53)
    draws = (words[:, ::2] | words[:, 1::2] << np.uint64(32)).ravel()[:n]
    whole = kernels.randint(key, offset, -5, 10**12, np.empty(n, np.int64))
    assert whole.tolist() == [-5 + (int(d) * 10**12 >> 64) for d in draws]
    angle = words.reshape(-1, 2)[:, 1] / 2.0**32
    quarter = np.floor(4 * angle)
    turn = 4 * angle - quarter
    turn -= turn >= 0.5
    u = ((words.reshape(-1, 2)[:, 0] >> 1).astype(np.float64) + 0.5) / 2**31
    radius, theta = np.sqrt(-2 * np.log(u)), (quarter + turn) * (np.pi / 2)
    want = np.stack([radius * np.cos(theta), radius * np.sin(theta)], 1).ravel()[:n]
    got = kernels.normal(key, offset, 0, 1, np.empty(n, np.float32))
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize("dtype", FLOATS)
def test_random_numbers_do_not_depend_on_the_split(kernels, dtype):
    per_block = 4 if dtype == np.float32 else 2
    draws = (
        lambda o, out: kernels.uniform(7, o, -1, 2, out),
        lambda o, out: kernels.normal(7, o, 1, 2, out),
        lambda o, out: kernels.keep_mask(7, o, 0.3, 2, out),
    )
    for draw in draws:
        whole = draw(11, np.empty(1001, dtype))
        for cut in (4, 100, 256, 300, 1000):
            parts = (
                draw(11, np.empty(cut, dtype)),
                draw(11 + cut // per_block, np.empty(1001 - cut, dtype)),
            )
            np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("dtype", FLOATS)
def test_random_distributions(kernels, dtype):
    n = 400_000
    u = kernels.uniform(3, 0, -0.07, 0.07, np.empty(n, dtype))
    assert -0.07 <= u.min() < -0.0699 and 0.0699 < u.max() < np.float32(0.07)
    assert abs(u.mean()) < 5 * 0.07 / (3 * n) ** 0.5
    one = kernels.uniform(3, 0, 1, 1, np.empty(10, dtype))
    np.testing.assert_array_equal(one, 1)
    # Rounding alone would reach the upper end here.
    tight = kernels.uniform(3, 0, 1, 1 + 4 * np.finfo(dtype).eps, np.empty(1000, dtype))
    assert tight.min() >= 1 and tight.max() < 1 + 4 * np.finfo(dtype).eps
    z = np.sort(kernels.normal(5, 0, 2, 3, np.empty(n, dtype)).astype(np.float64))
    cdf = special.ndtr((z - 2) / 3)
    assert np.abs(cdf - np.arange(n) / n).max() < 2 / n**0.5
    mask = kernels.keep_mask(3, 0, 0.25, 4, np.empty(n, dtype))
    np.testing.assert_array_equal(
        mask, np.where(kernels.uniform(3, 0, 0, 1, np.empty(n, dtype)) < 0.25, 0, 4)
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_builds_give_the_same_bits(rng, dtype):
    x = sweep(dtype, rng)
    builds = [Kernels(name) for name in available()]
    matrices = [rng.normal(size=s).astype(dtype) for s in ((3, 45), (17, 45))]
    results = [
        [k.unary(op, x, np.empty_like(x)) for op in UNARY]
        + [k.normal(9, 4, 0, 1, np.empty(1003, dtype))]
        + [k.uniform(9, 4, -1, 1, np.empty(1003, dtype))]
        + [k.reduce_rows("sum", matrices[0], np.empty(3, dtype))]
        for k in builds
    ]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", available())
def test_environment_forces_a_build(name):
    code = "from microlazy.core.kernels.select import chosen; print(chosen())"
    assert run(code, MICROLAZY_KERNELS=name).stdout.strip() == name


def test_unknown_build_is_refused():
    answer = run("import microlazy.core.kernels.select", MICROLAZY_KERNELS="mmx")
    assert answer.returncode != 0
    assert "MICROLAZY_KERNELS='mmx'" in answer.stderr and "baseline" in answer.stderr


def test_widest_build_is_chosen():
    forced = os.environ.get("MICROLAZY_KERNELS")
    assert chosen() == (forced or available()[0])


def windows_of(size, count, kernel, stride, dilate, pad):
    return np.array([*size, *count, *kernel, *stride, *dilate, *pad], np.intp)


@pytest.mark.parametrize("dtype", FLOATS)
def test_windows_are_packed_and_added_back(kernels, rng, dtype):
    """Packing is linear, and adding back is its transpose."""
    w = windows_of((2, 5, 6), (2, 3, 4), (1, 2, 3), (1, 2, 2), (1, 2, 1), (0, 1, 2))
    x = rng.standard_normal((3, 2, 5, 6)).astype(dtype)
    packed = kernels.pack_windows(x, w, np.zeros((18, 24), dtype), 0, 18, 0, 24, 24)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 2), (2, 3)))
    for row, (c, i, j) in enumerate(np.ndindex(3, 2, 3)):
        want = padded[c, :, 2 * i :, j:][:, :5:2, :7:2][:, :3, :4]
        np.testing.assert_array_equal(packed[row].reshape(2, 3, 4), want)
    part = kernels.pack_windows(x, w, np.zeros((5, 9), dtype), 7, 5, 8, 9, 9)
    np.testing.assert_array_equal(part, packed[7:12, 8:17])
    g = rng.standard_normal((18, 24)).astype(dtype)
    back = kernels.put_windows(g, w, np.zeros_like(x), 0, 18, 0, 24, 24, add=True)
    np.testing.assert_allclose((back * x).sum(), (g * packed).sum(), rtol=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("filters", [*range(1, 13), 16, 21])
@pytest.mark.parametrize("n", [80, 96, 100, 125, 144])
def test_direct_sums_over_windows(kernels, rng, dtype, filters, n):
    places, step = 7, 192
    x = rng.standard_normal(400).astype(dtype)
    offset = rng.integers(0, 200, places).astype(np.intp)
    w = rng.standard_normal((places, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    y = np.full((filters, step), np.nan, dtype)
    sizes = filters, places, filters, step, 1, 0, 0, n
    kernels.slide(x, offset, w, bias, y, *sizes, relu=False)
    seen = np.stack([x[start : start + n] for start in offset])
    np.testing.assert_allclose(y[:, :n], w.T @ seen + bias[:, None], rtol=1e-4, atol=1e-4)
    written = int((~np.isnan(y[0])).sum())
    assert written in {-n // lanes * -lanes for lanes in (2, 4, 8, 16)}  # whole vectors
    assert np.isnan(y[:, written:]).all()
    cut = kernels.slide(x, offset, w, bias, np.zeros_like(y), *sizes, relu=True)
    np.testing.assert_array_equal(cut[:, :n], np.maximum(y[:, :n], 0))
    g = np.zeros((filters, step), dtype)
    g[:, :n] = rng.standard_normal((filters, n))
    sums = np.zeros((filters, places, 16), dtype)
    kernels.slide_grad(x, offset, g, sums, filters, places, step, 1, 0, 0, (n + 15) // 16 * 16)
    got = kernels.sum_vectors(sums, np.ones((filters, places), dtype))
    np.testing.assert_allclose(got, 1 + g[:, :n] @ seen.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("filters", [1, 5, 6, 15, 16])
def test_sums_over_windows_of_part_of_the_places_and_over_rows(kernels, rng, dtype, filters):
    places, step, x_row, g_row = 4, 96, 40, 32
    x = rng.standard_normal(300).astype(dtype)
    offset = rng.integers(0, 100, places).astype(np.intp)
    w = rng.standard_normal((places + 1, filters + 3)).astype(dtype)
    y = np.zeros((filters, 3, g_row), dtype)
    sizes = filters, places, filters + 3, step, 3, x_row, g_row, g_row
    kernels.slide(x, offset, w, None, y, *sizes, relu=False)
    rows = [[x[start + r * x_row :][:g_row] for r in range(3)] for start in offset]
    want = np.einsum("kf,krp->frp", w[:places, :filters], np.array(rows))
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-4)
    g = rng.standard_normal((filters, step)).astype(dtype)
    sums = np.zeros((filters, places, 16), dtype)
    kernels.slide_grad(x, offset, g, sums, filters, places, step, 3, x_row, g_row, g_row)
    got = kernels.sum_vectors(sums, np.zeros((filters, places), dtype))
    want = g @ np.array(rows).reshape(places, step).T
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 6, 11, 12, 16, 31])
def test_products_of_gathered_numbers(kernels, rng, dtype, rows):
    n, step = 23, 40
    x, b = rng.standard_normal(300).astype(dtype), rng.standard_normal((n, step)).astype(dtype)
    at, taps = rng.integers(0, 150, rows), rng.integers(0, 150, n)
    to = rng.permutation(rows)
    before = rng.standard_normal((rows, step)).astype(dtype)

    def product(out, places, accumulate=False):
        found = out.copy()
        kernels.gathered_product(
            x, at, taps[places], b[places], found, to * step, accumulate=accumulate
        )
        return found

    whole, added = product(before, slice(n)), product(before, slice(n), accumulate=True)
    width = int((whole != before).any(0).sum())
    assert width in (4, 8, 16, 32)
    want = np.zeros_like(before)
    want[to, :width] = (x[at[:, None] + taps] @ b)[:, :width]
    np.testing.assert_allclose(whole[:, :width], want[:, :width], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(added, before + want, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(whole[:, width:], before[:, width:])
    halves = product(product(before, slice(9)), slice(9, n), accumulate=True)
    np.testing.assert_array_equal(halves, whole)  # each sum is made in the order of its places


# Transforms of images, filters and results, and of the gradients of results and filters.
SLIDING = {
    **{(3, 1): range(5), (5, 1): (0, 20, 22, 23, 21)},
    **{(3, 2): (7, 8, 5, 6, 9), (4, 2): (10, 11, 5, 6, 12)},
}
TURNED = {3: (13, 14, 15), 4: (16, 17, 18)}
PLACES_OF_SUMS = {
    **{(3, 1): range(6), (5, 1): range(6)},
    **{(3, 2): (0, 0, 1, 2, 2), (4, 2): (0, 0, 1, 1, 2, 2)},
}
TILE_IMAGES, TILE_IMAGES_BACK = 0, 19


def transformed(kernels, which, x, size):
    n = x.shape[2]
    out = np.zeros((size, size, n))
    return kernels.winograd(which, x, x.shape[1] * n, n, out, size * n, n, n)


@pytest.mark.parametrize("n", [1, 16, 21])
@pytest.mark.parametrize(("kernel", "stride"), SLIDING)
def test_minimal_filtering_is_filtering(kernels, rng, kernel, stride, n):
    """The transforms of images and filters, multiplied and transformed back, and the transposes."""
    images, filters, results, results_back, filters_back = SLIDING[kernel, stride]
    places = np.array(PLACES_OF_SUMS[kernel, stride])
    count, tile = places[-1] + 1, 2 if kernel == 5 else 4 // stride
    patch = kernel + (tile - 1) * stride
    x, w = rng.standard_normal((patch, patch, n)), rng.standard_normal((kernel, kernel, n))
    seen = transformed(kernels, images, x, len(places))
    slid = transformed(kernels, filters, w, len(places))
    sums = np.zeros((count, count, n))
    np.add.at(sums, (places[:, None], places), seen * slid)
    y = transformed(kernels, results, sums, tile)
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (0, 1))
    windows = windows[::stride, ::stride]
    np.testing.assert_allclose(y, np.einsum("ijnkl,kln->ijn", windows, w), atol=1e-12)
    g = rng.standard_normal((tile, tile, n))
    slopes = transformed(kernels, results_back, g, count)[places[:, None], places]
    dw = transformed(kernels, filters_back, slopes * seen, kernel)
    np.testing.assert_allclose(dw, np.einsum("ijnkl,ijn->kln", windows, g), atol=1e-12)
    if stride == 1:
        before = rng.standard_normal((6, 6, n))
        steps = (6 * n, n)
        dx = kernels.winograd(TILE_IMAGES_BACK, slopes * slid, *steps, before.copy(), *steps, n)
        dx -= before
        np.testing.assert_allclose((dx * x).sum((0, 1)), (y * g).sum((0, 1)), atol=1e-12)


def test_tiles_may_lie_anywhere(kernels, rng):
    """A tile inside an image, seen and added back to it; all else stays as it is."""
    x = rng.standard_normal((7, 9, 21))
    steps, packed = (9 * 21, 21), (6 * 21, 21)
    part = np.ascontiguousarray(x[:6, 2:8])
    seen = kernels.winograd(TILE_IMAGES, x[0, 2:], *steps, np.zeros((6, 6, 21)), *packed, 21)
    alone = kernels.winograd(TILE_IMAGES, part, *packed, np.zeros((6, 6, 21)), *packed, 21)
    np.testing.assert_array_equal(seen, alone)
    g = rng.standard_normal((6, 6, 21))
    back = np.ones_like(x)
    kernels.winograd(TILE_IMAGES_BACK, g, *packed, back[0, 2:], *steps, 21)
    alone = kernels.winograd(TILE_IMAGES_BACK, g, *packed, np.ones_like(part), *packed, 21)
    np.testing.assert_array_equal(back[:6, 2:8], alone)
    back[:6, 2:8] = 1
    assert (back == 1).all()


@pytest.mark.parametrize("n", [1, 16, 21])
@pytest.mark.parametrize("kernel", TURNED)
def test_minimal_filtering_of_a_transpose(kernels, rng, kernel, n):
    """Of stride 2 and padding 1: what adding windows back gives, one tile of it."""
    images, filters, results = TURNED[kernel]
    y = rng.standard_normal((kernel, kernel, n))
    w = rng.standard_normal((kernel, kernel, n))
    products = kernel + 2
    seen = transformed(kernels, images, y, products)
    slid = transformed(kernels, filters, w, products)
    x = transformed(kernels, results, seen * slid, 4)
    whole = np.zeros((2 * kernel + 2, 2 * kernel + 2, n))
    for i, j in np.ndindex(kernel, kernel):
        whole[2 * i : 2 * i + kernel, 2 * j : 2 * j + kernel] += y[i, j] * w
    first = 1 + 2 * (kernel - 3)  # the padding, and what the first numbers are seen for only
    np.testing.assert_allclose(x, whole[first : first + 4, first : first + 4], atol=1e-12)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("pad", [0, 1])
def test_pooled_windows(kernels, rng, dtype, pad):
    count = 3 + pad
    w = windows_of((1, 6, 7), (1, count, count), (1, 2, 2), (1, 2, 2), (1, 1, 1), (0, pad, pad))
    x = rng.standard_normal((2, 6, 7)).astype(dtype)
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=np.finfo(dtype).min)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 2), (1, 2))[:, ::2, ::2]
    windows = windows[:, :count, :count].reshape(2, count, count, 4)
    places = np.zeros((2, count, count), np.int32)
    y = np.zeros_like(places, dtype)
    kernels.largest_in_windows(x, w, y, None, 2)
    np.testing.assert_array_equal(y, windows.max(-1))
    kernels.largest_in_windows(x, w, y, places, 2)
    taken = kernels.take_places(x, places, np.zeros_like(y), 2, count**2, 42)
    np.testing.assert_array_equal(taken, windows.max(-1))
    put = kernels.add_at_places(y, places, np.zeros_like(x), 2, count**2, 42)
    np.testing.assert_allclose(put.sum(), y.sum(), rtol=1e-4)
    real = np.where(windows == np.finfo(dtype).min, 0, windows)
    sums = kernels.sums_of_windows(x, w, np.zeros_like(y), 2)
    np.testing.assert_allclose(sums, real.sum(-1), rtol=1e-4, atol=1e-5)
    means = kernels.sums_of_windows(x, w, np.zeros_like(y), 2, divide=True, with_padding=True)
    np.testing.assert_allclose(means, real.sum(-1) / 4, rtol=1e-4, atol=1e-5)
    back = kernels.sums_back(y, w, np.full_like(x, 9), 2, divide=True)
    counted = (windows != np.finfo(dtype).min).sum(-1)
    means = kernels.sums_of_windows(x, w, np.zeros_like(y), 2, divide=True)
    np.testing.assert_allclose(means, real.sum(-1) / counted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose((back * x).sum(), (means * y).sum(), rtol=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("divide", [False, True])
def test_squares_pooled_with_images_side_by_side(kernels, rng, dtype, divide):
    x = rng.standard_normal((6, 8, 16)).astype(dtype)
    w = windows_of((1, 6, 8), (1, 3, 4), (1, 2, 2), (1, 2, 2), (1, 1, 1), (0, 0, 0))
    images = np.ascontiguousarray(x.transpose(2, 0, 1))
    pooled = kernels.pool_lanes(x, np.zeros((3, 4, 16), dtype), divide=divide)
    sums = kernels.sums_of_windows(images, w, np.zeros((16, 3, 4), dtype), 16, divide=divide)
    np.testing.assert_array_equal(pooled, sums.transpose(1, 2, 0))
    back = kernels.spread_lanes(pooled, np.full_like(x, 9), divide=divide)
    expected = kernels.sums_back(sums, w, np.full_like(images, 9), 16, divide=divide)
    np.testing.assert_array_equal(back, expected.transpose(1, 2, 0))
