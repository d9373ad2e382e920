"""The arguments that NumPy's programs give, its dtypes, and its empty and 0-d corners."""

import warnings

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microlazy as mx
from microlazy import autograd, nd, np, npx

X = numpy.array([1.0, 2.0, 3.0], "float32")
MASK = numpy.array([True, False, True])


def ours(x):
    return np.array(x) if isinstance(x, numpy.ndarray) else x


def same(found, expected, dtype=True):
    expected = numpy.asarray(expected)
    assert found.shape == expected.shape
    if dtype:
        assert found.dtype == expected.dtype
    assert_allclose(numpy.asarray(found), expected, rtol=2e-6)


# ---- elementwise functions -----------------------------------------------------------------------

UFUNCS = ["exp", "add", "tan", "hypot", "maximum", "negative", "floor_divide", "arctan2"]
BINARY = {"add", "hypot", "maximum", "floor_divide", "arctan2"}


@pytest.mark.parametrize("name", [*UFUNCS, "isnan", "logical_and", "logical_not"])
@pytest.mark.parametrize("mask", [MASK, True, False, [True, False, True]])
def test_where_and_out(name, mask):
    count = getattr(numpy, name).nin
    dtype = "bool" if getattr(numpy, name)(*[X] * count).dtype == bool else "float32"
    expected, out = numpy.ones(3, dtype), np.ones(3, dtype=dtype)
    getattr(numpy, name)(*[X] * count, out=expected, where=mask)
    result = getattr(np, name)(*[np.array(X)] * count, out=out, where=ours(mask))
    assert result is out
    same(out, expected)


@pytest.mark.parametrize("name", UFUNCS)
def test_a_tuple_as_out_and_other_arguments(name):
    inputs = [np.array(X)] * (2 if name in BINARY else 1)
    out = np.zeros(3)
    function = getattr(np, name)
    assert function(*inputs, out=(out,), order="K", casting="same_kind", subok=True) is out
    same(out, getattr(numpy, name)(*[X] * len(inputs)))
    same(function(*inputs, order="C"), getattr(numpy, name)(*[X] * len(inputs)))
    double = [X.astype("float64")] * len(inputs)
    same(function(*inputs, dtype="float64"), getattr(numpy, name)(*double))


def test_dtype_of_elementwise_functions():
    i = np.array([1, 2], dtype="int32")
    same(np.add(i, 1.5, dtype="float64"), numpy.array([2.5, 3.5]))
    same(np.add(1, 2, dtype="float64"), numpy.array(3.0))
    same(np.greater(i, 1, dtype=bool), numpy.array([False, True]))
    with pytest.raises(TypeError, match=r"add: cannot cast an input from float32 to int32 with"):
        np.add(np.array(X), 1, dtype="int32")
    same(np.add(np.array(X), 1, dtype="int32", casting="unsafe"), numpy.array([2, 3, 4], "int32"))
    with pytest.raises(TypeError, match="exp: there is no result of dtype int32"):
        np.exp(i, dtype="int32")


def test_arguments_that_are_refused():
    x = np.array(X)
    with pytest.raises(ValueError, match="exp: where= needs out="):
        np.exp(x, where=np.array(MASK))
    with pytest.raises(ValueError, match="out must be one array, not 2"):
        np.exp(x, out=(x, x))
    with pytest.raises(ValueError, match="'C', not 'F'"):
        np.exp(x, order="F", out=np.zeros(3))
    with pytest.raises(ValueError, match="only order='C'"):
        np.zeros_like(x, order="F")
    out = np.zeros(2)
    with pytest.raises(mx.base.MXNetError, match="shape"):
        np.exp(x, out=out, where=np.array(MASK))
    same(out, numpy.zeros(2, "float32"))


def test_gradient_through_where():
    x = np.array(X)
    x.attach_grad()
    with autograd.record():
        y = np.where([True, False, True], np.exp(x), x)
    y.backward()
    same(x.grad, numpy.array([numpy.exp(1.0), 1.0, numpy.exp(3.0)], "float32"))


def test_arguments_of_creation():
    x = np.array(X)
    for made in (
        np.array(x, order="C", subok=True),
        np.copy(x, order="K", subok=True),
        np.asarray(x, order="A"),
    ):
        same(made, X)
    same(np.zeros_like(x, order="K", subok=True, dtype=int), numpy.zeros(3, int))
    same(np.full_like(x, 2, subok=False, shape=(2,)), numpy.full(2, 2, "float32"))
    assert np.empty_like(x, order="C", subok=True).shape == (3,)
    same(np.empty((0, 2), order="C"), numpy.empty((0, 2), "float32"))


def test_python_names_of_dtypes():
    for kind, name in ((float, "float64"), (int, "int64"), (bool, "bool")):
        assert np.zeros(1, dtype=kind).dtype == name
        assert np.ones(1).astype(kind).dtype == name
        assert nd.zeros((1,), dtype=kind).dtype == numpy.dtype(name).type
    assert np.random.uniform(size=1, dtype=float).dtype == "float64"
    assert np.sum(np.ones(2), dtype=float).dtype == "float64"


def test_names_of_nd():
    x = nd.ones((2, 2))
    for function in (nd.exp, nd.sigmoid, nd.tan):
        assert function(x, name="y", axis=1, dtype="float64").dtype == numpy.float32
    assert nd.broadcast_mul(x, x, axis=1, name="y").shape == (2, 2)
    assert nd.zeros_like(x, dtype="int32").dtype == numpy.int32
    assert nd.ones_like(x, dtype="float64", name="y").dtype == numpy.float64
    out = nd.zeros((4, 2))
    assert nd.concat(x, x, dim=0, out=out, name="y") is out
    assert out.asnumpy().all()
    for call in (nd.stack, nd.max, nd.split, nd.sum, nd.where):
        arrays = [x] * {nd.stack: 2, nd.where: 3}.get(call, 1)
        call(*arrays, name="y", **({"num_outputs": 2} if call is nd.split else {}))


@pytest.mark.parametrize(
    "law, parameters",
    [
        ("uniform", (0, 1)),
        ("normal", (0, 1)),
        ("exponential", (1,)),
        ("gamma", (1, 1)),
        ("poisson", (1,)),
        ("negative_binomial", (1, 0.5)),
        ("generalized_negative_binomial", (1, 0.5)),
        ("randint", (0, 5)),
    ],
)
def test_names_of_draws(law, parameters):
    draw = getattr(nd.random, law)
    mx.random.seed(3)
    first = draw(*parameters, shape=(2,)).asnumpy()
    mx.random.seed(3)
    assert_array_equal(draw(*parameters, shape=(2,), name="y").asnumpy(), first)
    assert nd.random.shuffle(nd.ones((2,)), name="y").shape == (2,)
    assert nd.random.multinomial(nd.array([0, 1]), name="y").asscalar() == 1


# ---- dtypes of others ----------------------------------------------------------------------------

KEPT = {
    ">f4": "float32",
    ">f8": "float64",
    ">i4": "int32",
    ">i8": "int64",
    ">f2": "float16",
    "int16": "int32",
    "uint16": "int32",
    "uint32": "int64",
    ">u2": "int32",
    "<u4": "int64",
}


@pytest.mark.parametrize("dtype", KEPT)
def test_dtypes_that_have_a_lossless_one(dtype):
    values = numpy.array([0, 1, 200], dtype)
    for make in (np.array, np.asarray, lambda x: np.zeros(3, dtype=KEPT[dtype]) + x):
        found = make(values)
        assert found.dtype == KEPT[dtype]
        assert_array_equal(numpy.asarray(found), values)
    assert np.array(values, dtype="float32").dtype == "float32"
    assert nd.array(values).asnumpy().tolist() == values.tolist()
    with pytest.raises((ValueError, TypeError)):
        np.asarray(values, copy=False)


def test_dtypes_that_are_refused_say_what_to_write():
    for dtype, wider in (("uint16", "int32"), ("int16", "int32"), ("uint32", "int64"),
                         (">f4", "float32")):  # fmt: skip
        with pytest.raises(TypeError, match=f"write dtype='{wider}', which holds all its values"):
            np.zeros(2, dtype=dtype)
    with pytest.raises(TypeError, match=r"write dtype='int64' for numbers below 2\*\*63"):
        np.array(numpy.ones(2, "uint64"))
    assert np.array(numpy.ones(2, "uint64"), dtype="int64").dtype == "int64"


def test_asarray_keeps_whole_numbers_and_truth():
    assert np.asarray(True).dtype == "bool"
    assert np.asarray([True, False]).dtype == "bool"
    assert np.asarray([1, 2]).dtype == np.asarray(3, copy=True).dtype == "int64"
    assert np.asarray([1, 2.0]).dtype == np.asarray(1.5).dtype == np.asarray([]).dtype == "float32"
    assert np.asarray([1, np.ones(())]).dtype == "float32"
    assert np.array([1, 2]).dtype == np.array(True).dtype == "float32"  # as MXNet
    endless = [np.ones(1)]
    endless.append(endless)
    for wrong in ([[1], [2, 3]], "a", endless):
        with pytest.raises((TypeError, mx.base.ShapeError)):
            np.asarray(wrong)


def test_bools():
    b = numpy.array([True, False, True])
    one = numpy.array([True, True, True])
    for function in ("abs", "mod", "power", "remainder"):
        inputs = (b,) if function == "abs" else (b, one)
        found = getattr(np, function)(*map(np.array, inputs))
        same(found, getattr(numpy, function)(*inputs))
    same(abs(np.array(b)), b)
    same(np.array(b) % np.array(one), b % one)


def test_arrays_do_not_hash():
    with pytest.raises(TypeError, match="unhashable type: 'ndarray'"):
        hash(np.ones(1))
    with pytest.raises(TypeError, match="unhashable"):
        {np.ones(1)}  # noqa: B018
    assert isinstance(hash(nd.ones((1,))), int)  # as MXNet


def test_probabilities_in_float32():
    p = np.array([0, 0.1, 0.2, 0.3, 0.4])
    assert int(np.random.multinomial(10, p).sum()) == 10
    assert np.random.choice(5, 3, p=p).shape == (3,)
    assert np.random.choice(1000, p=np.full(1000, 1e-3)).shape == ()


# ---- results have memory of their own ------------------------------------------------------------

COPIES = {
    "roll": lambda m, x: m.roll(x, len(x)),
    "roll along axis": lambda m, x: m.roll(x, 0, axis=0),
    "tile": lambda m, x: m.tile(x, 1),
    "pad": lambda m, x: m.pad(x, 0),
    "pad edge": lambda m, x: m.pad(x, 0, "edge"),
    "resize": lambda m, x: m.resize(x, x.shape),
    "block": lambda m, x: m.block(x),
    "clip": lambda m, x: m.clip(x, None, None),
    "repeat": lambda m, x: m.repeat(x, 1),
    "sort": lambda m, x: m.sort(x),
}


@pytest.mark.parametrize("name", COPIES)
def test_results_that_numpy_copies(name):
    x = np.array(X)
    result = COPIES[name](np, x)
    same(result, COPIES[name](numpy, X))
    result[...] = 9
    same(x, X)


# ---- arguments of single functions ---------------------------------------------------------------


def test_clip():
    x = numpy.array([1, 2, 300], "int32")
    for limits in ((0, 2**40), (-(2**40), 2), (None, 2), (2, None), (None, None)):
        expected = x.clip(*[n if n is None else numpy.clip(n, -(2**31), 2**31 - 1) for n in limits])
        same(np.clip(np.array(x), *limits), expected.astype("int32"))
        same(np.clip(np.array(x), min=limits[0], max=limits[1]), expected.astype("int32"))
    small = np.array([1, 5], dtype="uint8")
    same(np.clip(small, -1, 2), numpy.array([1, 2], "uint8"))
    same(small.clip(max=2), numpy.array([1, 2], "uint8"))


def test_weights_of_quantiles():
    generator = numpy.random.default_rng(3)
    a, w = generator.normal(size=(4, 5)), generator.integers(1, 4, size=(4, 5)).astype("float64")
    for axis, weights in ((None, w), (0, w), (1, w), (1, w[0]), ((0, 1), w)):
        for q in (0.0, 0.3, 0.5, 1.0, [0.25, 0.75]):
            for keepdims in (False, True):
                options = {"axis": axis, "keepdims": keepdims, "method": "inverted_cdf"}
                same(np.quantile(np.array(a), q, weights=np.array(weights), **options),
                     numpy.quantile(a, q, weights=weights, **options))  # fmt: skip
    q = numpy.array([10.0, 90.0])
    same(np.percentile(np.array(a), q, weights=np.array(w), method="inverted_cdf"),
         numpy.percentile(a, q, weights=w, method="inverted_cdf"))  # fmt: skip
    a[0, 0] = numpy.nan
    options = {"axis": 1, "method": "inverted_cdf"}
    same(np.nanquantile(np.array(a), 0.5, weights=np.array(w), **options),
         numpy.nanquantile(a, 0.5, weights=w, **options))  # fmt: skip
    same(np.quantile(np.array(a), 0.5, weights=np.array(w), **options),
         numpy.quantile(a, 0.5, weights=w, **options))  # fmt: skip
    for bad in (-w, 0 * w):
        with pytest.raises(ValueError, match="weights must not be negative, and add up to more"):
            np.quantile(np.array(a), 0.5, weights=np.array(bad), **options)
    with pytest.raises(ValueError, match="weights need method='inverted_cdf', not 'linear'"):
        np.quantile(np.array(a), 0.5, weights=np.array(w))


def test_gradient_of_a_weighted_quantile():
    x = np.array([3.0, 1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = np.quantile(x, 0.5, weights=np.array([1, 5, 1]), method="inverted_cdf")
    y.backward()
    assert float(y) == 1.0
    same(x.grad, numpy.array([0, 1, 0], "float32"))


def test_median_and_interp_beside_infinities():
    for values in ([1, numpy.inf, numpy.inf], [-numpy.inf, 1, 2, 3], [numpy.inf, numpy.inf]):
        same(np.median(np.array(values)), numpy.median(numpy.array(values, "float32")))
        same(np.nanmedian(np.array([*values, np.nan])), numpy.nanmedian(numpy.array(values, "f4")))
    xp = numpy.array([0.0, 1.0, 2.0, 3.0])
    x = numpy.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0])
    for fp in ([1, numpy.inf, numpy.inf, 2], [-numpy.inf, 0, numpy.inf, numpy.inf], [1, 2, 4, 8]):
        fp = numpy.array(fp, "float64")
        same(np.interp(*map(np.array, (x, xp, fp))), numpy.interp(x, xp, fp))


def test_covariance_without_freedom():
    weighted = {"ddof": 9, "fweights": numpy.array([1, 2])}
    for m, options in (
        ([1.0], {"ddof": 3}),
        ([1.0, 2.0], {"ddof": 5}),
        ([[1.0, 2.0, 3.0]], {}),
        ([], {}),
        (numpy.zeros((3, 0)), {}),
        (numpy.zeros((0, 3)), {}),
        ([[1.0, 2.0], [3.0, 5.0]], weighted),
    ):
        m = numpy.array(m, "float64")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = numpy.cov(m, **options)
            same(np.cov(np.array(m), **{k: ours(v) for k, v in options.items()}), expected)
    with pytest.warns(RuntimeWarning, match="degrees of freedom"):
        np.cov(np.array([1.0]))


def test_condition_numbers_of_singular_matrices():
    zero, regular = numpy.zeros((2, 2)), numpy.array([[2.0, 1.0], [0.0, 1.0]])
    for p in (None, 1, 2, -2, numpy.inf, "fro"):
        for m in (zero, numpy.stack([zero, regular]), regular):
            same(np.linalg.cond(np.array(m), p), numpy.linalg.cond(m, p))


def test_variance_without_freedom():
    x = numpy.array([1.0, 2.0, numpy.nan])
    for ddof in (0, 1, 2, 5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            same(np.nanvar(np.array(x), ddof=ddof), numpy.nanvar(x, ddof=ddof))
            same(np.nanstd(np.array(x), ddof=ddof), numpy.nanstd(x, ddof=ddof))


def test_norms():
    x = np.array([3.0, -4.0])
    assert float(np.linalg.norm(x, ord="inf")) == 4.0
    assert float(np.linalg.norm(x, ord="-inf")) == 3.0
    assert float(np.linalg.norm(x.reshape(1, 2), ord="inf")) == 7.0
    for order in (0, 1, 2, 3, numpy.inf):
        assert float(np.linalg.vector_norm(np.array([]), ord=order)) == 0.0
    same(np.linalg.vector_norm(np.zeros((0, 2)), axis=0, ord=numpy.inf), numpy.zeros(2, "float32"))


@pytest.mark.parametrize(
    "call",
    [
        lambda np, x: np.isin(x, [-1, 511]),
        lambda np, x: np.isin(x, -1),
        lambda np, x: np.isclose(x, -1),
        lambda np, x: np.allclose(x, [257, -1]),
        lambda np, x: np.searchsorted(x, [-1, 300]),
        lambda np, x: np.digitize(x, [-1, 300]),
        lambda np, x: np.append(x, 300),
        lambda np, x: np.union1d(x, [300]),
        lambda np, x: np.convolve(x, [-1]),
    ],
)
def test_numbers_that_the_integers_beside_them_cannot_hold(call):
    x = numpy.array([1, 255], "uint8")
    assert_array_equal(call(np, np.array(x, dtype="uint8")), call(numpy, x))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("put", ([0], [5])),
        ("putmask", ([True, False], [5])),
        ("place", ([True, False], [5])),
        ("fill_diagonal", (5,)),
        ("put_along_axis", (np.array([0]), 5, 0)),
        ("copyto", (5,)),
    ],
)
def test_what_is_no_array_cannot_be_written_to(name, arguments):
    for target in ([1.0, 2.0], 5, None):
        with pytest.raises(TypeError, match=f"{name}: expected an array, not "):
            getattr(np, name)(target, *arguments)


@pytest.mark.parametrize("name", ["putmask", "place"])
@pytest.mark.parametrize("mask", [[True], [True] * 4])
def test_masks_of_another_size_are_refused(name, mask):
    x = np.array([1.0, 2.0, 3.0])
    for given in (mask, np.array(mask)):
        with pytest.raises(ValueError, match=f"{name}: the mask must have as many elements"):
            getattr(np, name)(x, given, [5])
    assert x.tolist() == [1, 2, 3]


def test_no_values_are_written_nowhere():
    for dtype in ("float32", "uint8"):
        x = np.array([[1, 2], [3, 4]], dtype=dtype)
        for nothing in ([], np.zeros((2, 0))):
            np.put(x, [0, 1], nothing)
            np.put(x, [0, 9], nothing, "wrap")
            np.putmask(x, x > 1, nothing)
            np.fill_diagonal(x, nothing)
        assert x.tolist() == [[1, 2], [3, 4]]


def test_a_polynomial_divided_by_a_number_has_the_remainder_0():
    for divisor in (2, np.array([2.0])):
        quotient, remainder = np.polydiv(np.array([1.0, 2.0]), divisor)
        assert (quotient.tolist(), remainder.tolist()) == ([0.5, 1.0], [0.0])


def test_arrays_as_limits():
    a, b = numpy.array([1.0, 2.0]), numpy.array([1.1, 2.1])
    limit = numpy.array([0.2, 0.05])
    same(np.isclose(*map(np.array, (a, b)), atol=np.array(limit)), numpy.isclose(a, b, atol=limit))
    assert not np.allclose(np.array(a), np.array(b), rtol=np.array([0.2, 0.0]))
    m = numpy.stack([numpy.diag([1.0, 0.1])] * 2)
    rtol = numpy.array([0.5, 0.01])
    same(np.linalg.pinv(np.array(m), rtol=np.array(rtol)), numpy.linalg.pinv(m, rtol=rtol))


def test_joining_and_choosing():
    x = np.array(X)
    same(
        np.concatenate([x, x], dtype="int32", casting="unsafe"), numpy.array([1, 2, 3] * 2, "int32")
    )
    for join in (np.concatenate, np.stack):
        with pytest.raises(TypeError, match="cannot cast from float32 to int32"):
            join([x, x], dtype="int32")
    for kind in (None, "sort", "table"):
        found = np.isin(np.array([1, 2], dtype="int32"), np.array([2], dtype="int32"), kind=kind)
        assert found.tolist() == [False, True]
    assert np.moveaxis(np.ones((2, 3, 4)), range(2), range(1, 3)).shape == (4, 2, 3)
    with pytest.raises(IndexError, match="places must be integers"):
        np.delete(x, 1.0)
    with pytest.raises(IndexError):
        np.delete(x, [1.0])
    with pytest.raises(IndexError, match="indices must be integers, not float32"):
        np.take_along_axis(x, np.array([1.0]), 0)
    for trim in ("f", "b", "fb"):
        assert (
            np.trim_zeros(np.zeros(3), trim).shape == numpy.trim_zeros(numpy.zeros(3), trim).shape
        )
    with pytest.raises(numpy.exceptions.AxisError, match="axis 3"):
        np.unstack(np.ones((2, 2)), axis=3)


def test_polynomials_and_powers():
    same(np.polymul([], [1]), numpy.polymul([], [1]), dtype=False)
    same(np.polymul(np.array([1.0, 2.0]), []), numpy.array([0.0, 0.0], "float32"))
    for dtype in ("int8", "bool", "float32", "int32"):
        values = numpy.array([100, 1], "int64").astype(dtype)
        same(np.vander(np.array(values), 3), numpy.vander(values, 3), dtype=dtype != "float32")


def test_lists_of_axes_and_functions_of_numbers():
    assert list(np.ndindex(2, 1)) == [(0, 0), (1, 0)]
    larger = np.vectorize(lambda a, b: max(a, b))
    same(larger(np.array(X), 2.0), numpy.array([2, 2, 3], "float32"))
    both = np.vectorize(lambda a: (a, 2 * a))
    assert [part.tolist() for part in both(np.array(X))] == [[1, 2, 3], [2, 4, 6]]
    x = np.array(X)
    x.attach_grad()
    with autograd.record(), pytest.raises(mx.base.MXNetError, match="vectorize has no gradient"):
        larger(x * 1, 2)
    assert np.apply_along_axis(np.sum, 0, np.zeros((0, 3))).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="no line"):
        np.apply_along_axis(np.sum, 0, np.zeros((3, 0)))
    np.random.seed(seed=3)
    first = np.random.uniform(size=3)
    np.random.seed(3)
    same(np.random.uniform(size=3), numpy.asarray(first))


def test_arguments_in_a_plan():
    class Net(mx.gluon.HybridBlock):
        def forward(self, x):
            real, imag = npx.rfft(x)
            return [
                np.median(real**2 + imag**2),
                np.add(x, 1, dtype="float64"),
                np.interp(x, np.array([0.0, 2.0]), np.array([1.0, 2.0])),
                np.clip(x),
                np.linalg.cond(np.outer(x, x) + np.eye(3), 1),
                np.isclose(x, x, atol=np.array([1.0])),
            ]

    with mx.util.np_array(True):
        plain, planned = Net(), Net()
        planned.hybridize()
        x = np.array(X)
        for _ in range(3):
            for a, b in zip(plain(x), planned(x), strict=True):
                assert_array_equal(numpy.asarray(a), numpy.asarray(b))


# ---- empty and 0-d -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["median", "percentile", "quantile", "nanmedian"])
def test_quantiles_of_nothing(name):
    part = {"percentile": (50,), "quantile": (0.5,)}.get(name, ())
    with pytest.warns(RuntimeWarning, match="empty"):
        assert numpy.isnan(float(getattr(np, name)(np.array([]), *part)))
    with pytest.warns(RuntimeWarning, match="empty"):
        found = getattr(np, name)(np.zeros((0, 3), dtype="float64"), *part, axis=0)
    same(found, numpy.full(3, numpy.nan))


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "argsort", "argmax", "sum", "squeeze"])
def test_numbers_along_an_axis(name, axis):
    value = numpy.array(2.0)
    found = getattr(np, name)(np.array(value), axis=axis)
    same(found, getattr(numpy, name)(value, axis=axis))
    with pytest.raises((ValueError, IndexError)):
        getattr(np, name)(np.array(value), axis=1)
    with pytest.raises(numpy.exceptions.AxisError):  # as NumPy
        np.sort(np.array(value), axis=-1)


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_taking_of_a_number(axis):
    for places in (0, [0, 0]):
        same(np.take(np.array(numpy.array(2.0)), places, axis), numpy.take(2.0, places, axis))


# ---- transforms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 1, 4, 5, 8])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_transforms(norm, n, axis):
    generator = numpy.random.default_rng(5)
    x = generator.normal(size=(5, 6))
    expected = numpy.fft.rfft(x, n, axis, norm)
    real, imag = npx.rfft(np.array(x), n, axis, norm)
    assert_allclose(numpy.asarray(real), expected.real, atol=1e-12)
    assert_allclose(numpy.asarray(imag), expected.imag, atol=1e-12)
    y = generator.normal(size=(5, 6)) + 1j * generator.normal(size=(5, 6))
    found = npx.irfft(np.array(y.real), np.array(y.imag), n, axis, norm)
    assert_allclose(numpy.asarray(found), numpy.fft.irfft(y, n, axis, norm), atol=1e-12)


def test_transforms_keep_the_tape():
    x = np.array(X)
    x.attach_grad()
    with autograd.record():
        real, imag = npx.rfft(x)
        power = (real**2 + imag**2)[1:].sum()
    power.backward()
    n = len(X)  # by Parseval: the sum of squares, less that of the mean
    same(x.grad, n * (X - X.mean()))
    with autograd.record():
        for transform in (numpy.fft.rfft, numpy.fft.fft, numpy.fft.ifft2, numpy.fft.irfft):
            with pytest.raises(mx.base.MXNetError, match="npx.rfft"):
                transform(np.stack([x, x]))


COMPLEX = ("fft", "ifft", "rfft", "ihfft", "fft2", "ifft2", "rfft2", "fftn", "ifftn", "rfftn")
REAL = ("hfft", "irfft", "irfft2", "irfftn")


@pytest.mark.parametrize("name", COMPLEX + REAL)
def test_transforms_are_numpys(name):
    rng = numpy.random.default_rng(3)
    x = rng.normal(size=(3, 4, 5))
    ours, theirs = getattr(np.fft, name), getattr(numpy.fft, name)
    sizes = {"n": 3} if name.endswith("t") else {"s": (2, 3)}
    places = {"axis": 1} if name.endswith("t") else {"axes": (0, 1)}
    for options in ({}, {**sizes, **places}, {**places, "norm": "ortho"}, {"norm": "forward"}):
        expected = theirs(x, **options)
        for given in (np.array(x, dtype="float64"), x.tolist()):
            y = ours(given, **options)
            assert type(y) is (np.ndarray if name in REAL else numpy.ndarray)
            assert y.dtype == expected.dtype and y.shape == expected.shape
            assert_allclose(numpy.asarray(y), expected, atol=1e-12)
        assert type(theirs(np.array(x), **options)) is type(y)  # by NumPy's protocol
    for dtype, single in (("float32", True), ("float16", True), ("int32", False)):
        size = ours(np.ones((2, 4), dtype=dtype)).dtype.itemsize
        assert size == (4 if single else 8) * (1 if name in REAL else 2)


@pytest.mark.parametrize("name", COMPLEX + REAL)
def test_transforms_refuse_what_is_recorded(name):
    x = np.ones((2, 4))
    x.attach_grad()
    with autograd.record():
        for given in (x * 2, [x[0], x[1]]):
            with pytest.raises(mx.base.MXNetError, match=f"np.fft.{name}: .*npx.rfft.*detach"):
                getattr(np.fft, name)(given)
        assert getattr(np.fft, name)(x.detach()).size
    assert getattr(np.fft, name)(x).size


def test_transforms_and_back():
    x = np.array(X)
    z = np.fft.fft(x)
    assert_allclose(np.fft.ifft(z).real, X, atol=1e-6)
    for n in (len(X), 9):
        back = np.fft.irfft(np.fft.rfft(x, n), n)
        assert type(back) is np.ndarray and back.dtype == "float32"
        assert_allclose(back.asnumpy()[: len(X)], X, atol=1e-6)
    with pytest.raises(AttributeError, match="the nearest name is 'rfftn'"):
        np.fft.rffttn  # noqa: B018


def test_transforms_that_are_refused():
    with pytest.raises(ValueError, match="norm is"):
        npx.rfft(np.ones(4), norm="none")
    with pytest.raises(ValueError, match="one place or more"):
        npx.irfft(np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="shapes"):
        npx.irfft(np.ones(1), np.ones(2))


def test_frequencies():
    for n in (1, 4, 5):
        same(np.fft.fftfreq(n, 0.5), numpy.fft.fftfreq(n, 0.5).astype("float32"))
        same(np.fft.rfftfreq(n), numpy.fft.rfftfreq(n).astype("float32"))
    assert np.fft.fftfreq(4, dtype="float64").dtype == "float64"
    x = numpy.arange(15.0).reshape(3, 5)
    for axes in (None, 0, 1, (0, 1), [1]):
        same(np.fft.fftshift(np.array(x), axes), numpy.fft.fftshift(x, axes))
        same(np.fft.ifftshift(np.array(x), axes), numpy.fft.ifftshift(x, axes))
    assert isinstance(numpy.fft.fftshift(np.array(x)), np.ndarray)
