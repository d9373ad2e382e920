"""Calls on small arrays that compiled functions answer: order, sets, lines, transforms.

Each is compared with NumPy's, and with the same call where it must be recorded, to the last bit.
"""

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from microlazy import autograd, np
from microlazy.base import MXNetError

FLOATS = ("float32", "float64")
DTYPES = (*FLOATS, "int8", "uint8", "int32", "int64", "bool")
GENERATOR = numpy.random.default_rng(11)


def numbers(dtype, *shape):
    """Numbers of which several are equal; the floats have both zeros."""
    x = GENERATOR.integers(-9, 9, shape)
    if dtype == "bool":
        return x > 0
    x = abs(x) if dtype == "uint8" else x
    return (x * 0.5).astype(dtype) if dtype in FLOATS else x.astype(dtype)


def ours(x):
    return np.array(x, dtype=x.dtype)


def assert_same(found, expected):
    """Dtype, shape and elements are those of NumPy's result."""
    assert found.dtype == expected.dtype
    assert_array_equal(numpy.asarray(found), expected, strict=True)


# ---- order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 33, 100, 1000])
def test_order_is_numpys(dtype, n):
    x = numbers(dtype, 3, n)
    assert_same(np.argsort(ours(x)), numpy.argsort(x, kind="stable"))
    assert_same(np.argsort(ours(x.T).T), numpy.argsort(x, kind="stable"))
    assert_same(np.argsort(ours(x), axis=0), numpy.argsort(x, 0, kind="stable"))
    assert_same(np.sort(ours(x)), numpy.sort(x))
    assert_same(np.sort(ours(x), axis=0), numpy.sort(x, 0))
    assert_same(np.lexsort(tuple(map(ours, x))), numpy.lexsort(tuple(x)))
    assert_same(np.count_nonzero(ours(x), axis=0), numpy.count_nonzero(x, axis=0))
    assert_same(
        np.count_nonzero(ours(x), axis=-1, keepdims=True), numpy.count_nonzero(x, 1, keepdims=True)
    )


def test_order_counts_from_the_back_where_it_descends():
    x = np.array([2.0, 1.0, 2.0, np.nan, 3.0])
    assert np.argsort(x, descending=True).tolist() == [3, 4, 0, 2, 1]


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_the_largest(dtype):
    x = numbers(dtype, 50)
    x[::7] = numpy.nan
    assert_same(np.argsort(ours(x)), numpy.argsort(x, kind="stable"))
    assert_same(np.sort(ours(x.reshape(5, 10))), numpy.sort(x.reshape(5, 10)))


def test_orders_that_numpy_has_to_say_are_refused_as_before():
    with pytest.raises(numpy.exceptions.AxisError):
        np.argsort(np.zeros(3), axis=1)
    with pytest.raises(ValueError, match="kind is one of"):
        np.argsort(np.zeros(3), kind="bubble")


# ---- sets ----------------------------------------------------------------------------------------

SETS = ("union1d", "intersect1d", "setdiff1d", "setxor1d")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SETS)
def test_sets_are_numpys(dtype, name):
    for m, n in [(0, 3), (3, 0), (1, 1), (40, 7), (7, 40)]:
        a, b = numbers(dtype, m), numbers(dtype, n)
        found = getattr(np, name)(ours(a), ours(b))
        assert_same(found, getattr(numpy, name)(a, b))


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_sets_tell_is_numpys(dtype):
    a, b = numbers(dtype, 5, 8), numbers(dtype, 3)
    assert_same(np.unique(ours(a)), numpy.unique(a))
    for invert in (False, True):
        found = np.isin(ours(a), ours(b), invert=invert)
        assert_same(found, numpy.isin(a, b, invert=invert))
    found = np.intersect1d(ours(a), ours(b), return_indices=True)
    for x, y in zip(found, numpy.intersect1d(a, b, return_indices=True), strict=True):
        assert_same(x, y)


def test_large_integers_are_told_apart_in_sets():
    a = numpy.array([2**53, 2**53 + 1, 2**53 + 1])
    assert_same(np.unique(ours(a)), a[:2])
    assert_same(np.setdiff1d(ours(a), ours(a[:1])), a[1:2])
    assert not np.isin(ours(a[1:]), ours(a[:1])).any()


@pytest.mark.parametrize("name", SETS)
def test_nan_in_sets_is_as_in_numpy(name):
    a = numpy.array([numpy.nan, 1, numpy.nan, 2], "float32")
    b = numpy.array([2, numpy.nan, 3], "float32")
    assert_same(getattr(np, name)(ours(a), ours(b)), getattr(numpy, name)(a, b))
    assert_same(np.isin(ours(a), ours(b)), numpy.isin(a, b))
    for equal_nan in (False, True):
        assert_same(np.unique(ours(a), equal_nan=equal_nan), numpy.unique(a, equal_nan=equal_nan))


def test_sets_keep_gradients():
    x = np.array([3.0, 1.0, 3.0])
    x.attach_grad()
    with autograd.record():
        y = np.union1d(x, np.array([2.0])) * np.array([1.0, 10.0, 100.0])
    y.backward()
    assert x.grad.tolist() == [100.0, 1.0, 0.0]


# ---- lines ---------------------------------------------------------------------------------------

v = GENERATOR.uniform(-2, 2, 30)
places = numpy.sort(GENERATOR.uniform(-2, 2, 12))
LINES = {
    "diff": lambda np, x, w: np.diff(x),
    "diff along": lambda np, x, w: np.diff(np.reshape(x, (5, 6)), axis=0),
    "ediff1d": lambda np, x, w: np.ediff1d(x, to_end=w, to_begin=1),
    "gradient": lambda np, x, w: np.gradient(x),
    "gradient of a matrix": lambda np, x, w: np.gradient(np.reshape(x, (5, 6)))[1],
    "gradient of two": lambda np, x, w: np.gradient(x[:2]),
    "interp": lambda np, x, w: np.interp(x, np.sort(w), w * 3),
    "interp at points": lambda np, x, w: np.interp(np.sort(w), np.sort(w), w * 3),
    "convolve": lambda np, x, w: np.convolve(x, w),
    "convolve, the shorter first": lambda np, x, w: np.convolve(w, x, "same"),
    "convolve, even": lambda np, x, w: np.convolve(x, w[:4], "same"),
    "convolve, odd": lambda np, x, w: np.convolve(x, w[:5], "same"),
    "correlate": lambda np, x, w: np.correlate(x, w),
    "correlate all": lambda np, x, w: np.correlate(x, w, "full"),
    "correlate, even": lambda np, x, w: np.correlate(x, w[:4], "same"),
    "correlate, the shorter first": lambda np, x, w: np.correlate(w, x),
    "polyadd": lambda np, x, w: np.polyadd(x, w),
    "polysub": lambda np, x, w: np.polysub(w, x),
    "polyder": lambda np, x, w: np.polyder(x, 3),
    "polyint": lambda np, x, w: np.polyint(x, 2, [1.0, -2.0]),
    "poly": lambda np, x, w: np.poly(w),
    "quotient": lambda np, x, w: np.polydiv(x, w[:3])[0],
    "remainder": lambda np, x, w: np.polydiv(x, w[:3])[1],
    "sinc": lambda np, x, w: np.sinc(x),
    "vdot": lambda np, x, w: np.vdot(np.reshape(x, (5, 6)), np.reshape(x, (2, 15))),
    "dot": lambda np, x, w: np.dot(x, x),
    "repeat": lambda np, x, w: np.repeat(np.reshape(x, (5, 6)), 3, axis=0),
    "divmod": lambda np, x, w: np.divmod(x, 0.7)[1],
    "compress": lambda np, x, w: np.compress([True, False, True], np.reshape(x, (5, 6)), axis=1),
    "packed": lambda np, x, w: np.ascontiguousarray(np.reshape(x, (5, 6)).T),
    "nanmax": lambda np, x, w: np.nanmax(np.reshape(np.where(x > 1, np.nan, x), (5, 6)), axis=1),
    "nanmin": lambda np, x, w: np.nanmin(np.where(x > 1, np.nan, x)),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", LINES)
def test_lines_are_numpys_and_the_recorded_ones(name, dtype):
    x, w = v.astype(dtype), places.astype(dtype)
    expected = LINES[name](numpy, x, w)
    a, b = ours(x), ours(w)
    found = LINES[name](np, a, b)
    assert found.dtype == dtype
    if name == "remainder":  # before which NumPy leaves what should be 0 and is not quite
        expected = expected[-len(found) :]
    # A long division makes errors large, whoever divides.
    scale = abs(expected).max() if name in ("quotient", "remainder") else 1
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype]
    assert_allclose(found.asnumpy(), expected, 10 * tolerance, 5 * tolerance * scale)
    a.attach_grad()
    with autograd.record():
        recorded = LINES[name](np, a, b)
    assert recorded.asnumpy().tobytes() == found.asnumpy().tobytes()


@pytest.mark.parametrize("name", ["nanargmax", "nanargmin"])
def test_places_of_extremes_are_numpys(name):
    x = numpy.where(v > 1, numpy.nan, v).reshape(5, 6)
    for axis in (None, 0, -1):
        found = getattr(np, name)(ours(x), axis=axis)
        assert_array_equal(found.asnumpy(), getattr(numpy, name)(x, axis=axis))
    with pytest.raises(ValueError, match="All-NaN slice"):
        getattr(np, name)(np.full((2, 2), np.nan), axis=0)


def test_slopes_take_nothing_from_the_element_in_between():
    x = numpy.array([0, 1e8, 1, numpy.nan, 3, numpy.inf, 5, 4], "float32")
    for spacing in ((), (2.0,), (0.5,)):
        for order in (1, 2):
            expected = numpy.gradient(x, *spacing, edge_order=order)
            a = ours(x)
            assert_allclose(np.gradient(a, *spacing, edge_order=order).asnumpy(), expected, 1e-6)
            a.attach_grad()
            with autograd.record():
                recorded = np.gradient(a, *spacing, edge_order=order)
            assert_allclose(recorded.asnumpy(), expected, 1e-6)


def test_diff_of_booleans_says_where_they_differ():
    x = numbers("bool", 4, 5)
    assert_same(np.diff(ours(x), axis=0), numpy.diff(x, axis=0))


def test_interp_beside_what_is_not_finite_is_as_before():
    x = np.array([0.5, np.inf, np.nan])
    found = np.interp(x, np.array([0.0, 1.0]), np.array([2.0, np.inf])).asnumpy()
    assert found[0] == found[1] == numpy.inf and numpy.isnan(found[2])


def test_digitize_takes_a_list_of_edges():
    x = numpy.array([-2.0, -1.0, 0.7, 1.0], "float32")
    for right in (False, True):
        found = np.digitize(ours(x), [-1.0, 0.5, 1.0], right)
        assert_same(found, numpy.digitize(x, [-1.0, 0.5, 1.0], right))
    assert np.digitize(ours(x), [1.0, 0.0]).tolist() == [2, 2, 1, 0]


# ---- what is made --------------------------------------------------------------------------------

MADE = {
    "bartlett": lambda np: np.bartlett(7),
    "blackman": lambda np: np.blackman(6),
    "hamming": lambda np: np.hamming(7),
    "hanning": lambda np: np.hanning(2),
    "a window of one": lambda np: np.hanning(1),
    "no window": lambda np: np.hamming(0),
    "logspace": lambda np: np.logspace(-1, 2, 6),
    "logspace of 2": lambda np: np.logspace(3, 0, 4, base=2.0),
    "logspace, equal ends": lambda np: np.logspace(1, 1, 3),
    "geomspace": lambda np: np.geomspace(1, 1000, 4),
    "geomspace, negative": lambda np: np.geomspace(-1, -8, 4),
    "indices": lambda np: np.indices((2, 3, 4)),
    "indices of nothing": lambda np: np.indices((2, 0)),
    "fftfreq, even": lambda np: np.fft.fftfreq(6, 0.1),
    "fftfreq, odd": lambda np: np.fft.fftfreq(7),
    "rfftfreq": lambda np: np.fft.rfftfreq(7, 2),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_numpys(name):
    expected = MADE[name](numpy)
    found = MADE[name](np).asnumpy()
    assert found.dtype == ("int32" if "indices" in name else "float32")
    assert found.shape == expected.shape
    assert_allclose(found, expected.astype(found.dtype), 2e-7, 1e-16)


def test_open_grids_and_rows_are_numpys():
    for lists in [([0, 2], [1]), ([3],), ([True, False], [1, 2]), ([1], numpy.array([2, 3]))]:
        for x, y in zip(np.ix_(*lists), numpy.ix_(*lists), strict=True):
            assert_same(x, y)
    assert_same(np.fromiter(range(5), "int32"), numpy.arange(5, dtype="int32"))
    assert_same(np.fromiter(iter([0.5, 1]), "float64"), numpy.array([0.5, 1.0]))
    assert_same(np.fromiter([1] * 300, "uint8"), numpy.ones(300, "uint8"))
    assert_same(np.fromiter(iter([1, 2, 3]), "int64", 2), numpy.array([1, 2]))


@pytest.mark.parametrize("bitorder", ["big", "little"])
@pytest.mark.parametrize("axis", [None, -1, 1, 0])
def test_bits_are_numpys(axis, bitorder):
    x = GENERATOR.integers(0, 3, (3, 11), dtype="uint8")
    for a in (x, x > 0, x[:0]):
        packed = np.packbits(ours(a), axis, bitorder)
        assert_same(packed, numpy.packbits(a, axis, bitorder))
    assert_same(np.unpackbits(ours(x), axis, None, bitorder),
                numpy.unpackbits(x, axis, None, bitorder))  # fmt: skip
    with pytest.raises(TypeError):
        np.packbits(np.zeros(8), axis)


# ---- transforms ----------------------------------------------------------------------------------

TRANSFORMS = (
    *("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2"),
    *("fftn", "ifftn", "rfftn", "irfftn"),
)
SHAPES = [(1,), (2,), (3,), (9,), (11,), (100,), (128,), (10, 10), (7, 6), (1, 5), (5, 1)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_numpys(name, dtype):
    transform = getattr(numpy.fft, name)
    for shape in SHAPES:
        real = GENERATOR.standard_normal(shape).astype(dtype)
        pair = (real + 1j * real[::-1]).astype("complex64" if dtype == "float32" else "complex128")
        for x in (real,) if name in ("rfft", "rfft2", "rfftn", "ihfft") else (real, pair):
            if name.endswith("2") and x.ndim < 2 or x.shape[-1] == 1 and name[:2] in ("ir", "hf"):
                continue  # which NumPy refuses
            expected = transform(x)
            found = getattr(np.fft, name)(ours(x) if x is real else x)
            assert found.dtype == expected.dtype and found.shape == expected.shape
            tolerance = {"float32": 1e-6, "float64": 1e-15}[dtype] * abs(expected).max()
            assert_allclose(numpy.asarray(found), expected, 0, 4 * tolerance)


def test_transforms_of_what_is_not_finite_are_numpys():
    x = numpy.array([1.0, numpy.inf, 0.0], "float32")
    with numpy.errstate(invalid="ignore"):
        assert_array_equal(np.fft.fft(ours(x)), numpy.fft.fft(x))


def test_small_transforms_refuse_what_is_recorded():
    x = np.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record(), pytest.raises(MXNetError, match="npx.rfft"):
        np.fft.fft(x * 2)
    with pytest.raises(ValueError, match="Invalid number of FFT data points"):
        np.fft.irfft(np.ones(1))


# ---- one after the other -------------------------------------------------------------------------


def test_elements_come_with_their_places_and_gradients():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    pairs = list(np.ndenumerate(x))
    expected = list(numpy.ndenumerate(x.asnumpy()))
    assert [(place, value.item()) for place, value in pairs] == expected
    assert all(value.shape == () for _, value in pairs)
    x.attach_grad()
    with autograd.record():
        y = sum((i + 2 * j) * value for (i, j), value in np.ndenumerate(x))
    y.backward()
    assert x.grad.tolist() == [[0.0, 2.0], [1.0, 3.0]]
    assert [place for place, _ in np.ndenumerate([5])] == [(0,)]
    assert list(np.ndenumerate(np.zeros((2, 0)))) == []
    wide = [place for place, _ in np.ndenumerate(np.zeros((2, 3000)))]
    assert wide == list(numpy.ndindex(2, 3000))  # numbers that Python does not keep
    assert [(place, value.item()) for place, value in np.ndenumerate(np.array(7))] == [((), 7.0)]
