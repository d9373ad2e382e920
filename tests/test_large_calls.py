"""Large arrays that threads share, against NumPy: the same numbers with one thread and three."""

import threading

import numpy
import pytest

from microlazy import autograd, np, npx, random
from microlazy.core.loops.counting import bin_counts
from microlazy.core.loops.ordering import order_of_draws
from microlazy.core.parallel import set_num_threads
from microlazy.ops.spectra import transform

N = 140_007  # elements: enough for all threads, in no whole number of pieces
FLOATS = ["float32", "float64"]
WHOLE = ["bool", "int8", "uint8", "int32", "int64"]


@pytest.fixture(params=[1, 3], autouse=True)
def count_of_threads(request):
    before = set_num_threads(request.param)
    with numpy.errstate(all="ignore"):
        yield
    set_num_threads(before)


@pytest.fixture
def draws():
    return numpy.random.default_rng(8)


def agree(found, expected):
    found, expected = numpy.asarray(found), numpy.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    numpy.testing.assert_array_equal(found, expected)
    if expected.dtype.kind == "f":
        here = ~numpy.isnan(expected)
        assert (numpy.signbit(found) == numpy.signbit(expected))[here].all()


def any_floats(draws, dtype):
    """Numbers of all exponents, and those that are special."""
    info = numpy.finfo(dtype)
    special = [0, 1, 1.5, info.tiny, info.smallest_subnormal, info.max, numpy.inf]
    special = numpy.array([*special, *(-x for x in special), -0.0, numpy.nan], dtype)
    bits = draws.integers(0, 1 << 8 * special.itemsize, N, f"uint{8 * special.itemsize}")
    return numpy.where(draws.random(N) < 0.5, bits.view(dtype), draws.choice(special, N))


# ---- floats --------------------------------------------------------------------------------------

TESTS = ["signbit", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "logical_not"]


@pytest.mark.parametrize("name", [*TESTS, "spacing", "positive", "frexp", "modf"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_function_of_floats(draws, dtype, name):
    x = any_floats(draws, dtype)
    expected = getattr(numpy, name)(x)
    found = getattr(np, name)(np.array(x, dtype=dtype))
    if not isinstance(expected, tuple):
        found, expected = [found], [expected]
    for part, wanted in zip(found, expected, strict=True):
        agree(part, wanted)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sinc(draws, dtype):
    a = numpy.append(draws.normal(size=N), [0, numpy.nan]).astype(dtype)
    found = np.sinc(np.array(a, dtype=dtype)).asnumpy()
    assert found.dtype == dtype
    near = 8 * numpy.finfo(dtype).eps
    numpy.testing.assert_allclose(found, numpy.sinc(a.astype("float64")), 0, near)


@pytest.mark.parametrize("name", ["nextafter", "heaviside"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_function_of_two_floats(draws, dtype, name):
    a, b = any_floats(draws, dtype), any_floats(draws, dtype)
    x, y = np.array(a, dtype=dtype), np.array(b, dtype=dtype)
    function = getattr(numpy, name)
    agree(getattr(np, name)(x, y), function(a, b))
    agree(getattr(np, name)(x[::-1], y), function(a[::-1], b))
    agree(getattr(np, name)(x, y[5]), function(a, b[5]))
    rows = a[: 2 * (N // 2)].reshape(2, -1)
    agree(
        getattr(np, name)(np.array(rows, dtype=dtype), np.array(b[: N // 2], dtype=dtype)),
        function(rows, b[: N // 2]),
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose(draws, dtype, equal_nan):
    a = any_floats(draws, dtype)
    near = (a * (1 + draws.choice([0, 1e-6, 1e-4], N))).astype(dtype)
    x, y = np.array(a, dtype=dtype), np.array(near, dtype=dtype)
    agree(np.isclose(x, y, equal_nan=equal_nan), numpy.isclose(a, near, equal_nan=equal_nan))
    options = {"rtol": 1e-3, "atol": 0.5, "equal_nan": equal_nan}
    agree(np.isclose(x, y, **options), numpy.isclose(a, near, **options))
    assert np.allclose(x, x, equal_nan=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_and_round(draws, dtype):
    a = any_floats(draws, dtype)
    x = np.array(a, dtype=dtype)
    agree(np.clip(x, -0.5, 1), numpy.clip(a, -0.5, 1))
    agree(np.clip(x[::-1], -0.5, 1), numpy.clip(a[::-1], -0.5, 1))
    rounded = draws.normal(size=N).astype(dtype)
    agree(np.round(np.array(rounded, dtype=dtype), 2), numpy.round(rounded, 2))
    x.attach_grad()
    with autograd.record():
        y = np.clip(x, -0.5, 1)
    y.backward()
    inside = (a >= -0.5) & (a <= 1)
    numpy.testing.assert_array_equal(x.grad.asnumpy()[~numpy.isnan(a)], inside[~numpy.isnan(a)])


# ---- integers and truth --------------------------------------------------------------------------

PAIRS = [
    "add",
    "multiply",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", WHOLE)
def test_function_of_two_integers(draws, dtype, name):
    a, b = draws.integers(0, 2 if dtype == "bool" else 100, (2, N)).astype(dtype)
    x, y = np.array(a, dtype=dtype), np.array(b, dtype=dtype)
    function = getattr(numpy, name)
    agree(getattr(np, name)(x, y), function(a, b))
    agree(getattr(np, name)(x, y[::-1]), function(a, b[::-1]))


@pytest.mark.parametrize("dtype", WHOLE)
def test_function_of_integers(draws, dtype):
    a = draws.integers(0, 2, N).astype(dtype)
    x = np.array(a, dtype=dtype)
    agree(np.logical_not(x), numpy.logical_not(a))
    agree(np.invert(x), numpy.invert(a))
    agree(np.full_like(x, 1), numpy.full_like(a, 1))
    agree(np.isreal(x), numpy.isreal(a))
    agree(np.iscomplex(x), numpy.iscomplex(a))


# ---- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 1])
@pytest.mark.parametrize("dtype", [*FLOATS, "bool", "int8", "int32", "int64"])
def test_what_is_not_zero(draws, dtype, share):
    a = (draws.random(N - 7) < share).astype(dtype)
    agree(np.flatnonzero(np.array(a, dtype=dtype)), numpy.flatnonzero(a))
    for shape in ((-1,), (1000, -1), (-1, 4), (-1, 1), (5, 14, 2000), (2, 70_000)):
        b = a.reshape(shape)
        x = np.array(b, dtype=dtype)
        agree(np.argwhere(x), numpy.argwhere(b))
        agree(np.argwhere(x.T), numpy.argwhere(b.T))
        for places, expected in zip(np.nonzero(x), numpy.nonzero(b), strict=True):
            agree(places, expected)
    agree(np.extract(x, x), numpy.extract(b, b))


def test_a_mask_that_another_thread_changes_gives_places_within_it():
    mask = np.zeros((4, N), dtype="bool")
    done = threading.Event()

    def change():
        while not done.is_set():
            mask[:] = True
            mask[:] = False

    other = threading.Thread(target=change)
    other.start()
    try:
        for _ in range(20):
            rows, columns = (part.asnumpy() for part in np.nonzero(mask))
            assert ((rows >= 0) & (rows < 4) & (columns >= 0) & (columns < N)).all()
    finally:
        done.set()
        other.join()


def test_writing_where_a_mask_holds(draws):
    a = draws.integers(0, 9, N)
    for dtype in ("int8", "int32", "int64", "float32", "float64"):
        for name in ("putmask", "place"):
            x, expected = np.array(a, dtype=dtype), a.astype(dtype)
            getattr(np, name)(x, x > 5, np.array([1, 2, 3], dtype=dtype))
            getattr(numpy, name)(expected, expected > 5, numpy.array([1, 2, 3], dtype))
            agree(x, expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(draws, dtype, side):
    a = numpy.append(draws.integers(0, 500, 3000) / 8, [numpy.inf, numpy.nan, numpy.nan])
    a = numpy.sort(a).astype(dtype)
    v = draws.choice([*a, -1, 500, numpy.nan, -numpy.inf, 0.1], N).astype(dtype)
    found = np.searchsorted(np.array(a, dtype=dtype), np.array(v, dtype=dtype), side)
    agree(found, numpy.searchsorted(a, v, side))


def test_piecewise(draws):
    a = draws.normal(size=(7, N // 7)).astype("float32")
    functions = [numpy.negative, lambda x: x * x, 3]
    expected = numpy.piecewise(a, [a < 0, a > 1], functions)
    functions[0] = np.negative
    x = np.array(a)
    agree(np.piecewise(x, [x < 0, x > 1], functions), expected)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("minlength", [0, 3000])
def test_bincount(draws, dtype, minlength):
    a = draws.choice([0, 3, 7, 2011], N).astype(dtype)
    expected = numpy.bincount(a, minlength=minlength)
    agree(np.bincount(np.array(a, dtype=dtype), minlength=minlength), expected.astype(dtype))
    for kind in FLOATS:
        w = draws.normal(size=N).astype(kind)
        sums = np.bincount(np.array(a, dtype=dtype), np.array(w, dtype=kind), minlength)
        assert sums.dtype == kind
        near = 1e-12 if kind == "float64" else 1e-6
        expected = numpy.bincount(a, w, minlength)
        numpy.testing.assert_allclose(sums, expected, near, near)
    a[-1] = -1
    with pytest.raises(ValueError, match="negative"):
        np.bincount(np.array(a, dtype=dtype))
    a[-1] = 100_000
    agree(np.bincount(np.array(a, dtype=dtype)), numpy.bincount(a).astype(dtype))


# ---- bins, sets, order ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bins", [1, 4, 1000])
def test_histogram(draws, dtype, bins):
    a, w = draws.normal(size=(2, N)).astype(dtype)
    a[:5] = numpy.nan, numpy.inf, -numpy.inf, -1, 1
    edges = numpy.linspace(-1, 1, bins + 1).astype(dtype)
    a[5 : 6 + bins] = edges  # an edge belongs to the bin above it, the last one to that below
    x = np.array(a, dtype=dtype)
    places = numpy.searchsorted(edges, a, "right") - 1
    places[a == 1] = bins - 1
    inside = (a >= -1) & (a <= 1)
    agree(np.histogram(x, bins, (-1, 1))[0], numpy.bincount(places[inside], minlength=bins))
    sums = numpy.bincount(places[inside], w[inside], bins).astype(dtype)
    agree(np.histogram(x, bins, (-1, 1), weights=np.array(w, dtype=dtype))[0], sums)


def test_bins_that_are_not_even_are_left_to_numpy():
    x = numpy.array([0.5, 3.0])
    assert bin_counts(x, numpy.array([0.0, 0.1, 0.2, 9.0])) is None
    assert bin_counts(x, numpy.array([1.0, 1.0])) is None
    assert bin_counts(x, numpy.array([0.0, numpy.inf])) is None
    assert bin_counts(x, numpy.array([0.0])) is None
    assert bin_counts(x[:0], numpy.array([0.0, 1.0])) is None


def places_of(x):
    places = numpy.empty(x.size, "int64")
    order_of_draws(x, places)
    return places


@pytest.mark.parametrize("n", [1, 2, 511, 5000, N])
def test_order_of_draws(draws, n):
    x = draws.random(n)
    agree(places_of(x), x.argsort(kind="stable"))
    x = x.round(2) * 0.99  # many are equal
    agree(places_of(x), x.argsort(kind="stable"))
    x = draws.normal(size=min(n, 5000))  # neither in [0, 1) nor even
    agree(places_of(x), x.argsort(kind="stable"))


def test_order_of_nan_stays_within_bounds():
    places = places_of(numpy.full(5000, numpy.nan))
    assert sorted(places) == list(range(5000))


def test_order_needs_a_place_for_each_number():
    with pytest.raises(ValueError, match="3 numbers have as many places, not 2"):
        order_of_draws(numpy.zeros(3), numpy.empty(2, "int64"))


@pytest.mark.parametrize("name", ["union1d", "intersect1d", "setdiff1d", "setxor1d"])
def test_sets_and_their_gradient(draws, name):
    a, b = draws.integers(0, 99, (2, 300)).astype("float32") / 4
    expected = getattr(numpy, name)(a, b)
    x, y = np.array(a), np.array(b)
    agree(getattr(np, name)(x, y), expected)
    x.attach_grad()
    with autograd.record():
        z = getattr(np, name)(x, y)
    agree(z, expected)
    z.backward()
    assert x.grad.sum() == sum(value in a for value in expected)


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 2)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_quantiles_of_many_rows(draws, dtype, axis):
    a = draws.normal(size=(40, 50, 70)).astype(dtype)
    a[:, 3][draws.random((40, 70)) < 0.6] = numpy.nan
    a[2, 7, 3] = numpy.inf
    x = np.array(a, dtype=dtype)
    for name in ("quantile", "nanquantile"):
        for q in (0.3, [0.0, 0.5, 0.99]):
            expected = getattr(numpy, name)(a, numpy.array(q), axis=axis).astype(dtype)
            agree(getattr(np, name)(x, q, axis=axis), expected)
    agree(np.median(x, axis=axis), numpy.median(a, axis=axis))
    agree(np.nanmedian(x, axis=axis), numpy.nanmedian(a, axis=axis))


# ---- joined arrays -------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [*FLOATS, "int8", "int64"])
@pytest.mark.parametrize("count", [2, 3, 70])
def test_concatenate(draws, dtype, axis, count):
    shape, parts = [60, 60, 60], []
    for i in range(count):
        shape[axis] = 1 + 60 // count + i % 3
        parts.append(draws.integers(-9, 9, shape).astype(dtype))
    agree(
        np.concatenate([np.array(x, dtype=dtype) for x in parts], axis),
        numpy.concatenate(parts, axis),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_copies_that_begin_some_bytes_later(draws, dtype):
    """Whatever the places of the two arrays are in their pages of memory."""
    x = draws.integers(0, 9, 200_001).astype(dtype)
    y = np.array(x, dtype=dtype)
    for n in (*range(20), 100, 1000):
        agree(np.concatenate([y[:n], y]), numpy.concatenate([x[:n], x]))
        agree(np.concatenate([y[:n], y[n:]]), x)
        wide, expected = np.zeros((3, 9000), dtype=dtype), numpy.zeros((3, 9000), dtype)
        wide[:, n:] = y[: 3 * (9000 - n)].reshape(3, -1)
        expected[:, n:] = x[: 3 * (9000 - n)].reshape(3, -1)
        agree(wide, expected)


@pytest.mark.parametrize(
    "shape", [(1000, 1000), (2, 300_000), (300_000, 2), (3, 400, 300), (1, 90)]
)
def test_truth_along_axes(draws, shape):
    for share in (0, 1e-6, 0.5, 1 - 1e-6, 1):
        x = draws.random(shape) < share
        y = np.array(x, dtype="bool")
        for axis in (None, *range(len(shape)), *([(0, 1)] if len(shape) == 3 else [])):
            agree(np.all(y, axis=axis), numpy.all(x, axis=axis))
            agree(np.any(y, axis=axis), numpy.any(x, axis=axis))


def test_concatenate_what_is_not_packed_or_of_several_dtypes(draws):
    a, b = draws.normal(size=(2, 400, 400)).astype("float32")
    x, y = np.array(a), np.array(b)
    agree(np.concatenate([x.T, y], 1), numpy.concatenate([a.T, b], 1))
    agree(np.concatenate([x[:, :0], y], 1), b)
    wide = np.concatenate([x, y.astype("float64")], 1)
    agree(wide, numpy.concatenate([a, b.astype("float64")], 1))
    x.attach_grad()
    with autograd.record():
        z = np.concatenate([x, y, x], 1)
    agree(z, numpy.concatenate([a, b, a], 1))
    z.backward(np.array(numpy.concatenate([a, b, b], 1)))
    agree(x.grad, a + b)


# ---- differences and transforms ------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_trapezoid(draws, dtype, axis):
    a = draws.normal(size=(301, 499)).astype(dtype)
    a[0, 5], a[3, 0], a[-1, -1], a[7, 7], a[0, 6], a[-1, 6] = [numpy.inf, -numpy.inf] * 3
    x = np.array(a, dtype=dtype)
    expected = numpy.trapezoid(a, dx=0.5, axis=axis)
    numpy.testing.assert_allclose(np.trapezoid(x, dx=0.5, axis=axis), expected, 1e-4, 1e-4)
    x.attach_grad()
    with autograd.record():
        y = np.trapezoid(x[10:20], dx=0.5)
    y.backward()
    weights = numpy.full(499, 0.5)
    weights[[0, -1]] = 0.25
    numpy.testing.assert_array_equal(x.grad[10:20], numpy.tile(weights, (10, 1)))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_trapezoid_of_few(n):
    a = numpy.arange(n, dtype="float32") + 2
    agree(np.trapezoid(np.array(a)), numpy.float32(numpy.trapezoid(a)))


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_gradient(draws, axis, edge_order):
    a = draws.normal(size=(301, 499))
    x = np.array(a, dtype="float64")
    options = {"axis": axis, "edge_order": edge_order}
    numpy.testing.assert_allclose(
        np.gradient(x, 0.3, **options), numpy.gradient(a, 0.3, **options), 1e-12, 1e-12
    )
    agree(np.diff(x, axis=axis), numpy.diff(a, axis=axis))
    b = a > 0
    agree(np.diff(np.array(b), axis=axis), numpy.diff(b, axis=axis))


TRANSFORMS = [
    "fft",
    "ifft",
    "rfft",
    "irfft",
    "hfft",
    "ihfft",
    "fft2",
    "ifft2",
    "rfft2",
    "irfft2",
    "fftn",
    "ifftn",
    "rfftn",
    "irfftn",
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform(draws, name, norm, dtype):
    a = draws.normal(size=(130, 140)).astype(dtype)
    expected = getattr(numpy.fft, name)(a, norm=norm)
    found = numpy.asarray(getattr(np.fft, name)(np.array(a, dtype=dtype), norm=norm))
    assert found.dtype == expected.dtype
    near = 1e-4 if dtype == "float32" else 1e-12
    numpy.testing.assert_allclose(found, expected, near, near * abs(expected).max())


def test_transforms_refuse_in_numpys_words(draws):
    a = draws.normal(size=(130, 140))
    for options in ({"n": 0}, {"axis": 7}, {"norm": "none"}):
        with pytest.raises((ValueError, IndexError)) as wanted:
            numpy.fft.fft(a, **options)
        with pytest.raises(type(wanted.value)) as raised:
            transform("fft", a, **options)
        assert str(raised.value) == str(wanted.value)


def test_transforms_to_parts_and_back(draws):
    a = draws.normal(size=(130, 141)).astype("float32")
    real, imag = npx.rfft(np.array(a))
    expected = numpy.fft.rfft(a)
    numpy.testing.assert_allclose(real, expected.real, 1e-4, 1e-4)
    numpy.testing.assert_allclose(imag, expected.imag, 1e-4, 1e-4)
    numpy.testing.assert_allclose(npx.irfft(real, imag, n=141), a, 1e-4, 1e-5)


# ---- the number of threads -----------------------------------------------------------------------


def calls_of_all_kinds(a, w, k):
    """Calls that could depend on the number of threads: sums, transforms, draws."""
    random.seed(11)
    return [
        np.fft.fft(a),
        np.fft.rfft2(a),
        np.asarray(np.trapezoid(a)),
        np.asarray(np.bincount(k, w)),
        np.histogram(w, 7, (-1, 1), weights=w)[0],
        np.random.permutation(N),
    ]


def test_no_result_depends_on_the_number_of_threads(draws):
    w = np.array(draws.normal(size=N).astype("float32"))
    k = np.array(draws.integers(0, 5, N), dtype="int64")
    a = w[: 7 * (N // 7)].reshape(7, -1)
    found = []
    for count in (1, 2, 5):
        set_num_threads(count)
        found.append([numpy.asarray(x) for x in calls_of_all_kinds(a, w, k)])
    for others in found[1:]:
        for x, y in zip(found[0], others, strict=True):
            numpy.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", FLOATS)
def test_differences_between_other_numbers(draws, dtype):
    a, b = any_floats(draws, dtype), any_floats(draws, dtype)[:1001]
    x, y = np.array(a, dtype=dtype), np.array(b, dtype=dtype)
    agree(np.ediff1d(x), numpy.ediff1d(a))
    agree(np.ediff1d(x, to_end=y, to_begin=1), numpy.ediff1d(a, b, 1))
    agree(np.ediff1d(x[::-2], to_begin=y[::-1]), numpy.ediff1d(a[::-2], None, b[::-1]))


@pytest.mark.parametrize("dtype", FLOATS)
def test_inner_products(draws, dtype):
    """In pieces that threads do not change, whatever the arrays' shapes."""
    a, b = draws.normal(size=(2, N)).astype(dtype)
    x, y = np.array(a, dtype=dtype), np.array(b, dtype=dtype)
    before = set_num_threads(2)
    found = [np.vdot(x, y.reshape(3, -1)), x @ y, np.dot(x, y), np.linalg.norm(x)]
    set_num_threads(before)
    again = [np.vdot(x, y), y @ x, np.inner(x, y), np.linalg.norm(x)]
    for one, other in zip(found, again, strict=True):
        assert one.item() == other.item()
    near = 100 * numpy.finfo(dtype).eps
    exact_a, exact_b = a.astype("float64"), b.astype("float64")
    size = numpy.abs(exact_a) @ numpy.abs(exact_b)
    assert abs(found[0].item() - exact_a @ exact_b) < near * size
    assert abs(found[3].item() ** 2 - exact_a @ exact_a) < near * (exact_a @ exact_a)
