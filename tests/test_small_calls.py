"""Calls on small arrays that are compiled loops of their own: they give what NumPy gives."""

import warnings
from itertools import product

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from microlazy import autograd, nd, np
from microlazy.base import MXNetError, ShapeError
from microlazy.core import generator

FEW = 1 << 12  # elements, above which NumPy computes
FLOATS = ("float32", "float64")
WHOLE = ("int8", "uint8", "int32", "int64")
SPECIAL = (0.0, -0.0, 1.0, -1.5, 1e30, -3e-39, numpy.inf, -numpy.inf, numpy.nan)
SHAPES = ((5,), (1, 4), (3, 1, 2), (2, 3, 4), (), (0, 3), (1, 1))


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings(action="ignore"), numpy.errstate(all="ignore"):
        yield


def of(values, dtype=None):
    values = numpy.asarray(values, dtype)
    return np.array(values, dtype=values.dtype)


def alike(found, expected, dtype=True):
    expected = numpy.asarray(expected)
    assert_array_equal(found.asnumpy(), expected)
    if dtype:
        assert found.dtype == expected.dtype


def numbers(shape, dtype="float32"):
    values = numpy.random.default_rng(3).normal(size=shape) * 9
    return numpy.asarray(values, dtype)


# ---- elementwise ---------------------------------------------------------------------------------

TESTS = ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit", "logical_not")
UNARY = ("spacing", "positive")
BINARY = ("nextafter", "heaviside")


@pytest.mark.parametrize("size", (len(SPECIAL), FEW + 9))
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", (*TESTS, *UNARY))
def test_functions_of_floats(name, dtype, size):
    x = numpy.resize(numpy.array(SPECIAL, dtype), size)
    alike(getattr(np, name)(of(x)), getattr(numpy, name)(x))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_floats(name, dtype):
    x = numpy.array(SPECIAL, dtype)
    ours, theirs = getattr(np, name), getattr(numpy, name)
    alike(ours(of(x[:, None]), of(x)), theirs(x[:, None], x))
    alike(ours(of(x)[::-1], of(x)), theirs(x[::-1], x))
    alike(ours(of(x), of(x[:1])), theirs(x, x[:1]))
    with pytest.raises(Exception, match="broadcast|shape"):
        ours(of(x), of(x[:2]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ("frexp", "modf"))
def test_parts_of_floats(name, dtype):
    x = numpy.array([v for v in SPECIAL if numpy.isfinite(v)], dtype)
    for found, expected in zip(getattr(np, name)(of(x)), getattr(numpy, name)(x), strict=True):
        alike(found, expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_of_mantissas(dtype):
    """Bit by bit, of few and of many, where the way back overflows or is denormal too."""
    limits = numpy.finfo(dtype)
    normal = [1, -1.5, limits.tiny, 1.9 * limits.tiny, -limits.max, limits.max / 2, limits.max / 4]
    special = [v for v in SPECIAL if numpy.isfinite(v)]
    heads = numpy.array([1, -3.5, 0, numpy.inf, *special, *normal], dtype)
    for values, count in product((normal, normal + special), (1, 1500)):
        places = numpy.array(values, dtype)
        x = numpy.repeat(places, len(heads) * count)
        g = numpy.tile(heads, len(places) * count)
        a = of(x)
        a.attach_grad()
        with autograd.record():
            y = np.frexp(a)[0]
        y.backward(of(g))
        with numpy.errstate(all="ignore"):
            expected = numpy.ldexp(g, -numpy.frexp(x)[1])
        assert a.grad.asnumpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("name", ("left_shift", "right_shift", "gcd", "lcm"))
def test_functions_of_two_integers(name, dtype):
    limits = numpy.iinfo(dtype)
    values = [0, 1, 2, 6, 7, 8, 31, 63, 100, limits.max, limits.min]
    if limits.min < 0:
        values += [-1, -6]
    x = numpy.array(values, dtype)
    alike(getattr(np, name)(of(x[:, None]), of(x)), getattr(numpy, name)(x[:, None], x))


@pytest.mark.parametrize("dtype", (*WHOLE, "bool"))
def test_complements(dtype):
    x = numpy.array([0, 1, 5], dtype)
    for name in ("invert", "logical_not"):
        alike(getattr(np, name)(of(x)), getattr(numpy, name)(x))


def test_functions_of_integers_refuse_floats():
    with pytest.raises((TypeError, MXNetError)):
        np.gcd(np.ones(2), np.ones(2))


def test_recorded_functions_keep_their_gradient():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 1.0])
    for a in (x, y):
        a.attach_grad()
    with autograd.record():
        z = np.nextafter(x, y)
        fraction, whole = np.modf(x * 1.5)
    autograd.backward([z, fraction, whole])
    assert_array_equal(x.grad.asnumpy(), [2.5, 2.5])
    assert_array_equal(y.grad.asnumpy(), [0, 0])


# ---- shapes --------------------------------------------------------------------------------------

SHAPE_CALLS = (
    "ravel(x)", "squeeze(x)", "flip(x)", "atleast_1d(x)", "atleast_2d(x)", "atleast_3d(x)",
    "transpose(x)", "reshape(x, -1)", "reshape(x, (-1, 1))", "size(x)", "ascontiguousarray(x)",
    "flipud(x)", "fliplr(x)", "flip(x, -1)", "flip(x, (0, 1))", "diagonal(x)", "diagonal(x, 1)",
    "diagonal(x, -1, 1, 0)", "trace(x, 1)", "moveaxis(x, 0, -1)", "moveaxis(x, 1, 0)",
    "rollaxis(x, 1)", "rollaxis(x, 0, 2)", "moveaxis(x, 2, 0)", "transpose(x, (1, 2, 0))",
    "transpose(x, (-1, 0, 1))", "unstack(x)", "unstack(x, axis=-1)", "tril(x, 1)", "triu(x, -1)",
    "nonzero(x)", "argwhere(x)", "flatnonzero(x)", "sort(x)", "sort(x, 0)", "argsort(x, 0)",
    "partition(x, 0)", "isreal(x)", "iscomplex(x)", "imag(x)", "zeros_like(x)", "full_like(x, 2)",
    "diag(x[0], 1)", "array_equal(x, x)", "concatenate((x, x), -1)", "may_share_memory(x, x)",
)  # fmt: skip


@pytest.mark.parametrize("call", SHAPE_CALLS)
def test_functions_of_shapes(call):
    """Also where NumPy refuses: then we do, too."""
    refused = 0
    for shape, turned, dtype in product(SHAPES, (False, True), ("float32", "int32", "bool")):
        values = numpy.asarray(numbers(shape, dtype))
        theirs, ours = values.T if turned else values, of(values).T if turned else of(values)
        try:
            expected = eval(call, {"np": numpy, "x": theirs, **vars(numpy)})
        except Exception:
            refused += 1
            with pytest.raises(Exception):  # noqa: B017
                eval(call, {**{name: getattr(np, name) for name in dir(np)}, "x": ours})
            continue
        found = eval(call, {**{name: getattr(np, name) for name in dir(np)}, "x": ours})
        many = isinstance(expected, tuple)
        for a, b in zip(found if many else [found], expected if many else [expected], strict=True):
            assert_array_equal(numpy.asarray(a), b, err_msg=f"{call} of {shape}", strict=True)
    assert refused < 3 * 2 * len(SHAPES)


def test_reshape_refuses_what_does_not_fit():
    x = np.zeros((2, 3))
    for shape in ((4,), (-1, 4), (-1, -1), (-2, -3), (2.0, 3), (1 << 62, 4)):
        with pytest.raises((ValueError, TypeError, MXNetError)):
            np.reshape(x, shape)


def test_views_share_their_memory_and_copies_do_not():
    x = np.arange(6).reshape(2, 3)
    np.ravel(x)[0] = 9
    np.moveaxis(x, 0, 1)[2, 1] = 8
    assert_array_equal(x.asnumpy(), [[9, 1, 2], [3, 4, 8]])
    np.flip(x)[0, 0] = 7
    np.diagonal(x)[0] = 7
    assert_array_equal(x.asnumpy(), [[9, 1, 2], [3, 4, 8]])


# ---- creation and dtypes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    ((5,), (2, 7), (7, 2), (7, 2, -1), (0.5, 3), (1.0, 4.0, 0.5), (0, 1, 0.1), (3, 3),
     (-0.3, 2, 0.7),
     (2**40, 2**40 + 5), (2**53, 2**53 + 4), (0, 1e-30, 1.0), (True,), (numpy.float32(3),)),
    ids=str,
)  # fmt: skip
def test_arange(args):
    exact = all(float(a).is_integer() for a in args)
    expected = numpy.arange(*args, dtype="int64" if exact else "float64").astype("float32")
    alike(np.arange(*args), expected)


def test_arange_refuses_a_step_of_nothing():
    with pytest.raises(ValueError, match="step"):
        np.arange(0, 3, 0)


def test_linspace_eye_and_tri():
    for start, stop, num in product((0, -1.5, 2), (1, 2, 1e6), (0, 1, 2, 3, 50)):
        alike(np.linspace(start, stop, num), numpy.linspace(start, stop, num).astype("float32"))
    for rows, columns, k in product((0, 1, 4), (0, 3, 5), (-9, -1, 0, 2, 9)):
        alike(np.eye(rows, columns, k), numpy.eye(rows, columns, k, dtype="float32"))
        alike(np.tri(rows, columns, k), numpy.tri(rows, columns, k, dtype="float32"))
        for name in ("tril_indices", "triu_indices"):
            args = rows, k, columns
            for a, b in zip(getattr(np, name)(*args), getattr(numpy, name)(*args), strict=True):
                alike(a, b)
    with pytest.raises(ValueError, match="negative"):
        np.eye(-1)
    for a, b in zip(np.diag_indices(3, 3), numpy.diag_indices(3, 3), strict=True):
        alike(a, b)


@pytest.mark.parametrize("dtype", (*FLOATS, "float16", *WHOLE, "bool"))
def test_arrays_like_others(dtype):
    x = np.zeros((2, 3), dtype=dtype)
    for name, value in (("zeros_like", 0), ("ones_like", 1)):
        alike(getattr(np, name)(x), numpy.full((2, 3), value, dtype))
        alike(getattr(np, name)(x, shape=(4,)), numpy.full(4, value, dtype))
        alike(getattr(np, name)(x, "float64"), numpy.full((2, 3), value, "float64"))
    alike(np.full_like(x, 1), numpy.full((2, 3), 1, dtype))


def test_promotion():
    names = (*FLOATS, "float16", *WHOLE, "bool")
    for a, b in product(names, names):
        found = np.promote_types(a, b)
        assert found == np.result_type(np.zeros(1, dtype=a), b) == np.promote_types(b, a)
        assert found == (np.zeros(1, dtype=a) + np.zeros(1, dtype=b)).dtype
    assert np.result_type("int8", 2, 2.5) == "float32"
    assert np.result_type(True, 2) == "int64"
    with pytest.raises(TypeError, match="dtype"):
        np.promote_types("int8", "complex64")
    with pytest.raises(ValueError, match="at least one"):
        np.result_type()


# ---- writing -------------------------------------------------------------------------------------

WRITES = (
    "put(x, [0, -2], [7, 8])", "put(x, [3], 5)", "put(x, places, 4)", "put(x, places, [1, 2, 3])",
    "putmask(x, mask, [9, 8])", "putmask(x, mask, x[::-1] * 2)", "place(x, mask, [9, 8, 7])",
    "fill_diagonal(x, 5)", "fill_diagonal(x, [1, 2])",
    "put_along_axis(x, places, 9, 1)", "put_along_axis(x, places, 9, -1)",
)  # fmt: skip


@pytest.mark.parametrize("dtype", (*FLOATS, "int32", "int64", "uint8"))
@pytest.mark.parametrize("call", WRITES)
def test_writes(call, dtype):
    values = numpy.arange(12).reshape(4, 3).astype(dtype)
    mask, places = values % 3 > 0, numpy.array([[0], [2], [-1], [1]])
    theirs = {"x": values.copy(), "mask": mask, "places": places}
    ours = {"x": of(values), "mask": of(mask), "places": of(places)}
    eval(f"np.{call}", {"np": numpy, **theirs})
    eval(f"np.{call}", {"np": np, **ours})
    alike(ours["x"], theirs["x"])


def test_a_refused_write_changes_nothing():
    x = np.zeros(3)
    for places in ([0, 3], [0, -4], of([0, 9])):
        with pytest.raises(IndexError, match="out of bounds"):
            np.put(x, places, 1)
    with pytest.raises(IndexError):
        np.put_along_axis(x, of([0, 7]), 1, 0)
    assert_array_equal(x.asnumpy(), 0)


def test_a_write_is_noticed_by_the_gradient():
    x = np.array([1.0, 2.0, 3.0])
    x.attach_grad()
    with autograd.record():
        y = x * x
        np.put(y, [1], [5.0])
        z = (y * y).sum()
    z.backward()
    assert_array_equal(x.grad.asnumpy(), [4.0, 0.0, 108.0])
    with autograd.record():
        y = x * x
        z = y * y
    np.put(y, [1], [5.0])
    with pytest.raises(MXNetError):
        z.backward()


# ---- counting, searching, comparing --------------------------------------------------------------


def test_counting():
    k = numpy.array([3, 0, 1, 3])
    for dtype, least in product(WHOLE, (0, 9)):
        found = np.bincount(of(k, dtype), minlength=least)
        assert_array_equal(found.asnumpy(), numpy.bincount(k, minlength=least))
        assert found.dtype == ("int32" if dtype == "int32" else "int64")
    w = numbers(4, "float64")
    alike(np.bincount(of(k), of(w)), numpy.bincount(k, w))
    with pytest.raises(ValueError, match="negative"):
        np.bincount(of([-1, 2]))


@pytest.mark.parametrize("side", ("left", "right"))
def test_searching(side):
    line = numpy.array([-numpy.inf, -1, 0, 0, 2, numpy.inf, numpy.nan, numpy.nan])
    v = numpy.array([*SPECIAL, *line, 0.5])
    for a, b in product(FLOATS, FLOATS):
        alike(np.searchsorted(of(line, a), of(v, b), side), numpy.searchsorted(
            line.astype(a), v.astype(b), side))  # fmt: skip
    edges = line[:6]
    for bins, right in product((edges, edges[::-1], edges[:1]), (False, True)):
        alike(np.digitize(of(v), of(bins), right), numpy.digitize(v, bins, right))
    with pytest.raises(ValueError, match="monotonic"):
        np.digitize(of(v), of([1.0, 0.0, 2.0]))


@pytest.mark.parametrize("dtype", FLOATS)
def test_comparing(dtype):
    x = numpy.array([*SPECIAL, 1.0], dtype)
    y = x * numpy.array([1 + 1e-6, 1 + 1e-4] * 5, dtype)
    for a, b, nan in product((x, y), (x, y), (False, True)):
        assert_array_equal(
            np.isclose(of(a), of(b), equal_nan=nan).asnumpy(), numpy.isclose(a, b, equal_nan=nan)
        )
        assert np.allclose(of(a), of(b), 1e-3, 1e-3, nan) == numpy.allclose(a, b, 1e-3, 1e-3, nan)
        assert np.array_equal(of(a), of(b)) == numpy.array_equal(a, b)
    assert not np.array_equal(np.zeros(2), np.zeros(3))
    a = np.zeros((4, 4))
    assert np.shares_memory(a, a[1:]) and not np.shares_memory(a[:2], a[2:])
    assert not np.shares_memory(a.T[:2], a.T[2:]) and np.may_share_memory(a, a.T)


# ---- order and sets ------------------------------------------------------------------------------


@pytest.mark.parametrize("equal", (False, True))
def test_distinct_elements(equal):
    x = numpy.array([[2, 1, numpy.nan, 2], [numpy.nan, 0.0, -0.0, 1]], "float32")
    found = np.unique(of(x), True, True, True, equal_nan=equal)
    expected = numpy.unique(x, True, True, True, equal_nan=equal)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a.asnumpy(), b)
    k = numpy.array([3, 1, 3, -1], "int32")
    for name in ("unique_all", "unique_counts", "unique_inverse"):
        for a, b in zip(getattr(np, name)(of(k)), getattr(numpy, name)(k), strict=True):
            alike(a, b)
    large = numpy.array([2**53, 2**53 + 1, 2**53])
    alike(np.unique_counts(of(large)).counts, numpy.unique_counts(large).counts)


@pytest.mark.parametrize("ignore", (False, True))
@pytest.mark.parametrize("dtype", FLOATS)
def test_quantiles(dtype, ignore):
    cases = [numbers((4, 7), dtype), numbers((3, 1, 2), dtype), numbers((1, 6), dtype)]
    holes = numbers((4, 7), dtype)
    holes[0, 2] = holes[2, :3] = holes[3] = numpy.nan
    holes[1, 1], holes[1, 2] = numpy.inf, -numpy.inf
    prefix = "nan" if ignore else ""
    for x, axis in product([*cases, holes], (None, 0, -1, (0, 1))):
        for q in (0.0, 0.3, 0.5, 1.0, [0.25, 0.8]):
            for keep in (False, True):
                found = getattr(np, f"{prefix}quantile")(of(x), q, axis, keepdims=keep)
                q64 = numpy.array(q)
                expected = getattr(numpy, f"{prefix}quantile")(x, q64, axis, keepdims=keep)
                assert_allclose(found.asnumpy(), expected.astype(dtype), rtol=1e-6, atol=1e-6)
        found = getattr(np, f"{prefix}median")(of(x), axis)
        expected = getattr(numpy, f"{prefix}median")(x, axis)
        assert_allclose(found.asnumpy(), expected, rtol=1e-6)


# ---- matrices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", ((1, 1), (7, 7), (2, 3, 5, 5), (0, 2, 2), (40, 40)))
def test_elimination(shape, dtype):
    a = numbers(shape, dtype)
    b = numpy.random.default_rng(5).normal(size=(*shape[:-1], 3)).astype(dtype)
    close = {"rtol": 2e-3, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}
    for x, y in ((of(a), a), (of(a).swapaxes(-1, -2), a.swapaxes(-1, -2))):
        assert_allclose(np.linalg.inv(x).asnumpy(), numpy.linalg.inv(y), **close)
        assert_allclose(np.linalg.solve(x, of(b)).asnumpy(), numpy.linalg.solve(y, b), **close)
        assert_allclose(np.linalg.det(x).asnumpy(), numpy.linalg.det(y), rtol=2e-3)
        for found, expected in zip(np.linalg.slogdet(x), numpy.linalg.slogdet(y), strict=True):
            assert_allclose(found.asnumpy(), expected, **close)
            assert found.dtype == dtype


def test_elimination_of_special_matrices():
    singular = of([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(numpy.linalg.LinAlgError, match="ingular"):
        np.linalg.inv(singular)
    with pytest.raises(numpy.linalg.LinAlgError, match="ingular"):
        np.linalg.solve(singular, np.ones((2, 1)))
    assert float(np.linalg.det(singular)) == 0
    assert [float(x) for x in np.linalg.slogdet(singular)] == [0, -numpy.inf]
    diagonal = numpy.diag([1e200, 1e200, 1e-200, 1e-200])  # whose product overflows on the way
    assert_allclose(float(np.linalg.det(of(diagonal))), 1.0)
    assert numpy.isnan(np.linalg.inv(of([[numpy.nan, 1.0], [1.0, 2.0]])).asnumpy()).all()


@pytest.mark.parametrize("singular", (False, True))
def test_the_gradient_of_a_determinant(singular):
    a = numbers((4, 4), "float64")
    if singular:
        a[3] = a[0]
    x = of(a)
    x.attach_grad()
    with autograd.record():
        y = np.linalg.det(x)
    y.backward()
    minors = [
        [(-1) ** (i + j) * numpy.linalg.det(numpy.delete(numpy.delete(a, i, 0), j, 1))
         for j in range(4)] for i in range(4)
    ]  # fmt: skip
    assert_allclose(x.grad.asnumpy(), minors, rtol=1e-9, atol=1e-9)


# ---- random --------------------------------------------------------------------------------------


def fresh():
    """A generator of NumPy's at the place that the next draw takes."""
    key, _, used, _ = generator.get_state()
    return numpy.random.Generator(numpy.random.Philox(key=[key, used]))


def test_a_kept_generator_draws_what_a_new_one_does():
    for seed in range(3):
        np.random.seed(seed)
        generator.stream().random(5)  # uses a part of the buffer
        expected = fresh().integers(0, 9, 7, "int32"), fresh().gamma(2.5, size=3)
        state = generator.get_state()
        assert_array_equal(generator.stream().integers(0, 9, 7, "int32"), expected[0])
        generator.set_state(state)
        assert_array_equal(generator.stream().gamma(2.5, size=3), expected[1])


def test_samplers_draw_from_it():
    np.random.seed(12)
    p = numpy.full((2, 3), 0.4)
    for name in ("poisson", "geometric"):
        expected = getattr(fresh(), name)(p)
        assert_array_equal(getattr(np.random, name)(of(p)).asnumpy(), expected)
    expected = fresh().choice(5, (3,))
    assert_array_equal(np.random.choice(5, 3).asnumpy(), expected)
    expected = fresh().multinomial(9, [0.25, 0.75])
    assert_array_equal(np.random.multinomial(9, [0.25, 0.75]).asnumpy(), expected)


def test_parameters_out_of_range_are_refused():
    for name, bad in (("poisson", -1.0), ("exponential", numpy.nan), ("geometric", 0.0),
                      ("weibull", 0.0), ("chisquare", -numpy.inf)):  # fmt: skip
        for value in (bad, of([1.0, bad]), of([1.0, bad], "float32"), of([1, bad], "float16")):
            with pytest.raises(ValueError, match=f"random.{name}: .* must be"):
                getattr(np.random, name)(value)
    with pytest.raises(ValueError, match="add up to 1"):
        np.random.multinomial(3, [0.5, 0.6])
    with pytest.raises(ValueError, match="not be negative"):
        np.random.multinomial(3, [1.5, -0.5])
    with pytest.raises(TypeError):
        np.random.weibull()
    assert np.random.normal(of([0.0], "float64"), 1).dtype == "float64"
    assert np.random.gumbel(of([[0.0], [1.0]]), of([1.0, 2.0])).shape == (2, 2)


def test_nd_keeps_its_rules():
    x = nd.array([[1, 2], [3, 4]])
    assert nd.array([1.0]).reshape((1,)).shape == (1,)
    assert type(x[::-1]) is type(x) and x[::-1].asnumpy().tolist() == [[3, 4], [1, 2]]
    assert nd.linalg.det(x).shape == (1,)


@pytest.mark.parametrize("dtype", ("float32", "int32", "bool"))
def test_kronecker_products(dtype):
    for first, second in product(SHAPES, repeat=2):
        a, b = numbers(first).astype(dtype), numbers(second).astype(dtype)
        alike(np.kron(of(a), of(b)), numpy.kron(a, b))
    with pytest.raises(ShapeError, match="kron: arrays may have at most 8 axes, but one has 9"):
        np.kron(np.ones(2), np.ones((1,) * 9))


@pytest.mark.parametrize("dtype", ("bool", "float32", "int32"))
@pytest.mark.parametrize("name", ("all", "any"))
def test_truth_along_axes(name, dtype):
    draws = numpy.random.default_rng(6)
    for shape in (*SHAPES, (3, 0, 2), (2, 3, 4, 5), (40, 1000)):
        for share in (0.02, 0.9):
            x = (draws.random(shape) < share).astype(dtype)
            axes = [None, *range(-len(shape), len(shape))]
            axes += [(0, 2), (1, 2), (0, 1, 2)] if len(shape) > 2 else []
            for axis, keepdims in product(axes, (False, True)):
                expected = getattr(numpy, name)(x, axis=axis, keepdims=keepdims)
                alike(getattr(np, name)(of(x), axis=axis, keepdims=keepdims), expected)
            alike(getattr(np, name)(of(x).T, axis=0 if shape else None),
                  getattr(numpy, name)(x.T, axis=0 if shape else None))  # fmt: skip


def test_vectors_on_memory():
    memory = bytearray(range(24))
    for dtype, offset in product(("uint8", "int8", "int32", "float32", "float64"), (0, 8)):
        x = np.frombuffer(memory, dtype, offset=offset)
        assert_array_equal(x.asnumpy(), numpy.frombuffer(memory, dtype, offset=offset))
        with pytest.raises(BufferError, match="cannot be re-sized"):
            memory.append(1)
    x = np.frombuffer(memory, "uint8", count=2, offset=1)
    memory[1] = 200
    assert x.tolist() == [200, 2]
    x[1] = 7
    assert memory[2] == 7
    with pytest.raises(ValueError, match="read-only"):
        np.frombuffer(b"ab", "uint8")[0] = 1


def test_what_frombuffer_refuses():
    cases = [(b"abc", "float32", -1, 0), (b"ab", "uint8", -1, 3),
             (b"ab", "uint8", -1, -1), (b"ab", "uint8", 3, 0), ("ab", "uint8", -1, 0),
             (memoryview(b"abcd")[::2], "uint8", -1, 0)]  # fmt: skip
    for arguments in cases:
        with pytest.raises(Exception) as theirs:  # noqa: B017 (any: ours must be of its kind)
            numpy.frombuffer(*arguments)
        with pytest.raises(theirs.type):
            np.frombuffer(*arguments)
    assert np.frombuffer(b"ab", "uint8", offset=2).shape == (0,)
    with pytest.raises(ValueError, match="not aligned"):
        np.frombuffer(bytes(9), "int32", offset=1)


def test_rows_between_arrays_and_numbers():
    a, b = numbers((3, 1)), numbers((4,))
    for start, stop in ((a, b), (a, 2), (0, b), (b, b + 1)):
        pair = [of(x) if isinstance(x, numpy.ndarray) else x for x in (start, stop)]
        for num, endpoint, axis in ((4, True, 0), (3, False, -1), (1, True, 0), (0, True, 0)):
            expected = numpy.linspace(start, stop, num, endpoint, axis=axis)
            found = np.linspace(*pair, num, endpoint, axis=axis).asnumpy()
            assert_allclose(found, expected, 1e-5, 1e-5)
        last = numpy.broadcast_to(stop, numpy.broadcast_shapes(a.shape, numpy.shape(stop)))
        assert_array_equal(np.linspace(of(a), pair[1], 5)[-1].asnumpy(), last.astype("float32"))


def test_powers_as_columns():
    for dtype in (*FLOATS, "int32"):
        x = numpy.array([0, -2, 3, 5], dtype)
        for count, increasing in product((None, 0, 1, 3, 6), (False, True)):
            alike(np.vander(of(x), count, increasing), numpy.vander(x, count, increasing), False)
    assert np.vander(of([numpy.nan, numpy.inf]), 1).tolist() == [[1], [1]]
    with pytest.raises(MemoryError):
        np.vander(of([2.0]), 2**48)


def test_products_of_matrices_and_vectors_in_any_layout():
    """By our own loops, by BLAS where there is more to do, and where the result is added to."""
    for m, k in ((1, 5), (5, 1), (7, 9), (33, 70), (120, 130), (140, 150)):
        a, v, w = numbers((m, k), "float64"), numbers((k,), "float64"), numbers((m,), "float64")
        wide = np.zeros((m + 1, 2 * k), dtype="float64")
        wide[1:, ::2] = of(a)
        for x in (of(a), of(a.T.copy()).T, wide[1:, ::2]):
            for vector, other in ((of(v), of(w)), (of(v[::-1].copy())[::-1], of(w))):
                assert_allclose((x @ vector).asnumpy(), a @ v, 1e-12, 1e-9)
                assert_allclose((other @ x).asnumpy(), w @ a, 1e-12, 1e-9)
        x, y = of(a), of(v)
        for leaf in (x, y):
            leaf.attach_grad("add")
        for _ in range(2):
            with autograd.record():
                z = x @ y
            z.backward(of(w))
        assert_allclose(x.grad.asnumpy(), 2 * numpy.outer(w, v), 1e-12, 1e-9)
        assert_allclose(y.grad.asnumpy(), 2 * (w @ a), 1e-12, 1e-9)


def test_equivalent_arrays():
    x = of([[1.0, 2.0], [1.0, 2.0]])
    assert np.array_equiv(x, of([1.0, 2.0])) is True
    assert np.array_equiv(x, of([1, 2])) is True
    assert np.array_equiv(x, of([[1.0], [2.0]])) is False
    assert np.array_equiv(x, of([1.0, 2.0, 3.0])) is False
    assert np.array_equiv(x, [1.0, numpy.nan]) is False
    assert np.array_equiv(nd.ones((2, 2)), x) is False
    assert np.array_equiv(of([]), of([])) is numpy.array_equiv([], [])


@pytest.mark.parametrize("dtype", (*FLOATS, "int32", "bool"))
def test_short_lines_are_parted(dtype):
    for shape in ((5,), (16,), (17,), (3, 4), (2, 1, 6)):
        x = numbers(shape).astype(dtype)
        for axis, kth in product(range(len(shape)), (0, -1)):
            found = np.partition(of(x), kth, axis).asnumpy()
            places = np.argpartition(of(x), kth, axis)
            assert_array_equal(numpy.take_along_axis(x, places.asnumpy(), axis).take(kth, axis),
                               numpy.sort(x, axis).take(kth, axis))  # fmt: skip
            assert_array_equal(found.take(kth, axis), numpy.sort(x, axis).take(kth, axis))
    with pytest.raises(ValueError, match="out of bounds"):
        np.partition(of(x), 6)
    with pytest.raises(ValueError, match="out of bounds"):
        np.argpartition(of(x), -7)


def test_grids_of_functions_and_vectors():
    def doubled(*places):
        return sum(places) * 2

    for shape, dtype in product(((2, 3), (4,), (0, 2), [2, 2]), (None, "int32", "float64")):
        found = np.fromfunction(doubled, shape, dtype=dtype)
        alike(found, numpy.fromfunction(doubled, shape, dtype=dtype or "float32"))
    for indexing, sparse in product(("xy", "ij"), (False, True)):
        vectors = numbers((3,)), numbers((0,)), numbers(()), numbers((2,))
        for count in range(5):
            found = np.meshgrid(*map(of, vectors[:count]), indexing=indexing, sparse=sparse)
            expected = numpy.meshgrid(*vectors[:count], indexing=indexing, sparse=sparse)
            for one, other in zip(found, expected, strict=True):
                alike(one, other)


@pytest.mark.parametrize("dtype", (*FLOATS, "float16", *WHOLE, "bool"))
def test_columns_are_repeated_bit_by_bit(dtype):
    size = numpy.dtype(dtype).itemsize
    bits = numpy.random.default_rng(9).integers(0, 2 if dtype == "bool" else 256, 5 * size, "uint8")
    column = bits.view(dtype).reshape(5, 1)
    for width in (1, 2, 7, 70, 9000):
        found = np.broadcast_to(of(column), (5, width)).asnumpy()
        assert found.tobytes() == numpy.broadcast_to(column, (5, width)).tobytes()
    x = of(numpy.arange(12).reshape(3, 4), dtype)
    x[:, ::1] = x[:, 2:3]  # from within itself
    assert_array_equal(x.asnumpy(), numpy.arange(12).reshape(3, 4).astype(dtype)[:, [2] * 4])


def test_infinite_matrices_are_seen():
    """LAPACK may never end there; so nan is what comes out."""
    for value, dtype in product((numpy.inf, -numpy.inf), FLOATS):
        x = numpy.eye(20, dtype=dtype)
        x[19, 3] = value
        for a in (of(x), of(x.T.copy()).T):
            with pytest.raises(numpy.linalg.LinAlgError):
                np.linalg.svd(a)
