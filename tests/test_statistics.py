"""np's statistics: NumPy's values with every argument, and gradients around nan and zeros."""

import warnings

import gradients as check
import numpy
import pytest

from microlazy import autograd, np

GENERATOR = numpy.random.default_rng(9)
X = GENERATOR.normal(size=(3, 4))
T = GENERATOR.normal(size=(2, 3, 4))
CHOSEN = numpy.array([[True, False, True, True], [True, True, False, True], [True] * 4])
HOLES = numpy.where(CHOSEN, X, numpy.nan)
AXES = [None, 0, 1, -1, (0, 1), (-1, 0)]
METHODS = [
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
    "lower",
    "higher",
    "midpoint",
    "nearest",
]


def agree(call, *values, dtype="float64", limit=1e-12):
    """call(np, ...) gives what call(numpy, ...) gives; floats keep their dtype."""
    inputs = [v.astype(dtype) if v.dtype.kind == "f" else v for v in values]
    got = check.as_list(call(np, *[np.array(v, dtype=v.dtype) for v in inputs]))
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of means of nothing
        expected = check.as_list(call(numpy, *inputs))
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        theirs = numpy.asarray(theirs)
        assert ours.shape == theirs.shape
        assert ours.dtype.kind == theirs.dtype.kind
        if ours.dtype.kind == "f":
            assert ours.dtype == dtype
        numpy.testing.assert_allclose(ours.asnumpy(), theirs, rtol=limit, atol=limit)


def slopes_agree(function, *values):
    """The gradients are central differences."""
    arrays = [check.leaf(v, "np") for v in values]
    got = check.gradients(function, arrays)[1]
    expected = check.central_differences(function, values, "np")
    for ours, theirs in zip(got, expected, strict=True):
        numpy.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


# ---- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "sum",
        "prod",
        "mean",
        "std",
        "var",
        "max",
        "min",
        "ptp",
        "median",
        "average",
        "all",
        "any",
        "count_nonzero",
    ],
)
def test_over_axes(name, axis, keepdims):
    for dtype, limit in (("float64", 1e-12), ("float32", 1e-5)):
        agree(
            lambda f, x: getattr(f, name)(x, axis=axis, keepdims=keepdims),
            X,
            dtype=dtype,
            limit=limit,
        )


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "std", "var", "all", "any"])
def test_where(name, axis):
    for chosen in (CHOSEN, CHOSEN[1], CHOSEN[:, :1]):
        agree(lambda f, x, b: getattr(f, name)(x, axis=axis, where=b), X, chosen)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_initial(name):
    agree(lambda f, x: getattr(f, name)(x, axis=0, initial=0.25), X)
    agree(lambda f, x: getattr(f, name)(x, axis=1, initial=2.0), X[:, :0])
    agree(lambda f, x, b: getattr(f, name)(x, initial=-0.5, where=b), X, CHOSEN)


@pytest.mark.parametrize("name", ["std", "var"])
def test_degrees_of_freedom(name):
    agree(lambda f, x: getattr(f, name)(x, axis=(0, 2), ddof=1), T)
    agree(lambda f, x: getattr(f, name)(x, axis=1, correction=2), T)
    agree(lambda f, x, b: getattr(f, name)(x, axis=1, ddof=1, where=b), X, CHOSEN)
    agree(lambda f, x: getattr(f, name)(x, mean=x.mean(axis=1, keepdims=True), axis=1), X)
    agree(lambda f, x: getattr(f, name)(x[:1], axis=0, ddof=1), X)  # nan
    agree(lambda f, x: getattr(f, name)(x[:2], axis=0, ddof=3), X)  # infinite
    with pytest.raises(ValueError, match="correction"):
        getattr(np, name)(np.ones(3), ddof=1, correction=1)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize(
    "name",
    [
        "nansum",
        "nanprod",
        "nanmean",
        "nanstd",
        "nanvar",
        "nanmax",
        "nanmin",
        "nanmedian",
        "nancumsum",
        "nancumprod",
        "nanargmax",
        "nanargmin",
    ],
)
def test_without_nan(name, axis):
    agree(lambda f, x: getattr(f, name)(x, axis=axis), HOLES)
    agree(lambda f, x: getattr(f, name)(x, axis=axis), X)


def test_nothing_but_nan():
    x = np.array([[1, numpy.nan], [2, numpy.nan]])
    for name, expected in (("nanmax", [2, numpy.nan]), ("nansum", [3, 0]), ("nanprod", [2, 1])):
        numpy.testing.assert_array_equal(getattr(np, name)(x, axis=0).asnumpy(), expected)
    assert numpy.isnan(np.nanmean(x, axis=0).asnumpy()).tolist() == [False, True]
    with pytest.raises(ValueError, match="NaN"):
        np.nanargmax(x, axis=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", [0.0, 0.35, 1.0, [0.2, 0.5]])
def test_quantiles(method, q):
    for axis in (None, 1, (2, 0)):
        agree(lambda f, x, axis=axis: f.quantile(x, q, axis=axis, method=method), T)
    agree(lambda f, x: f.nanquantile(x, q, axis=1, method=method), HOLES)
    agree(lambda f, x: f.quantile(x, q, axis=1, method=method, keepdims=True), HOLES)
    slopes_agree(lambda x: np.quantile(x, q, axis=1, method=method), X)


def test_percentiles():
    agree(lambda f, x: f.percentile(x, [[10, 20], [30, 90]], axis=0), X)
    agree(lambda f, x: f.nanpercentile(x, 35), HOLES)
    lower = np.percentile(np.array([1, 2, 3]), np.array([30, 60]), interpolation="lower")
    assert lower.tolist() == [1, 2]
    out = np.zeros(4)
    assert np.median(np.array(X), 0, out) is out
    with pytest.raises(ValueError, match="from 0 to 100, not 101"):
        np.percentile(np.ones(3), 101)
    with pytest.raises(ValueError, match="method"):
        np.quantile(np.ones(3), 0.5, method="guess")


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running(name, axis):
    agree(lambda f, x: getattr(f, name)(x, axis=axis), X)
    agree(lambda f, x: getattr(f, name)(x[:, :0], axis=axis), X)
    if axis is not None:
        longer = name.replace("cum", "cumulative_")
        agree(lambda f, x: getattr(f, longer)(x, axis=axis, include_initial=True), X)
    else:
        with pytest.raises(ValueError, match="need an axis"):
            getattr(np, name.replace("cum", "cumulative_"))(np.array(X))


def test_averages():
    weights = numpy.abs(X)
    agree(lambda f, x, w: f.average(x, weights=w), X, weights)
    agree(lambda f, x, w: f.average(x, axis=1, weights=w[0], returned=True), X, weights)
    agree(lambda f, x, w: f.average(x, axis=(2, 1), weights=w.T, keepdims=True), T, weights)
    agree(lambda f, x: f.average(x, axis=0, returned=True), T)
    with pytest.raises(ValueError, match=r"\(3,\) do not fit axis=1"):
        np.average(np.array(X), axis=1, weights=np.ones(3))


def test_covariances():
    often, worth = numpy.array([1, 2, 3, 1]), numpy.abs(X[0])
    agree(lambda f, x: f.cov(x), X)
    agree(lambda f, x: f.cov(x), X[0])
    agree(lambda f, x, y: f.cov(x, y, rowvar=False, bias=True), X, X[::-1])
    agree(lambda f, x, a, b: f.cov(x, fweights=a, aweights=b), X, often, worth)
    agree(lambda f, x, a: f.cov(x, aweights=a, ddof=0), X, worth)
    agree(lambda f, x: f.corrcoef(x), X)
    agree(lambda f, x: f.corrcoef(x, rowvar=False), T[0])
    agree(lambda f, x: f.corrcoef(x), X[0])
    with pytest.raises(ValueError, match="observations"):
        np.cov(np.array(X), aweights=np.ones(3))
    with pytest.raises(ValueError, match="matrix"):
        np.cov(np.array(T))


def test_dtypes():
    whole = np.array([1, 2, 4], dtype="int32")
    names = [
        "sum",
        "prod",
        "cumsum",
        "cumprod",
        "nansum",
        "max",
        "ptp",
        "mean",
        "std",
        "var",
        "median",
        "average",
        "nanmean",
        "cov",
    ]
    found = [getattr(np, name)(whole).dtype.name for name in names]
    assert found == ["int64"] * 5 + ["int32"] * 2 + ["float32"] * 7
    assert np.mean(whole, dtype="float64").dtype == "float64"
    assert np.std(whole, dtype="float64").dtype == "float64"
    assert np.count_nonzero(whole).dtype == np.argmax(whole).dtype == "int64"


def test_out():
    x, out = np.array(X), np.zeros(4, dtype="float64")
    for name in [
        "sum",
        "prod",
        "mean",
        "std",
        "var",
        "max",
        "min",
        "ptp",
        "median",
        "nanmax",
        "nansum",
        "nanmean",
        "average",
    ]:
        assert getattr(np, name)(x, axis=0, out=out) is out
        numpy.testing.assert_array_equal(out.asnumpy(), getattr(np, name)(x, axis=0).asnumpy())


def test_extremes_of_nothing_need_a_beginning():
    with pytest.raises(ValueError, match="nothing to choose from"):
        np.max(np.zeros((0,)))
    with pytest.warns(RuntimeWarning, match="empty slice"):
        assert numpy.isnan(np.median(np.zeros((2, 0)), axis=1).asnumpy()).all()
    with pytest.raises(ValueError, match="initial"):
        np.min(np.ones(2), where=np.array([True, False]))
    assert np.max(np.zeros((0,)), initial=3.0) == 3


# ---- gradients -----------------------------------------------------------------------------------


def test_zeros_in_running_products():
    x = X.copy()
    x[0, 1] = x[1, 0] = x[1, 3] = 0
    slopes_agree(lambda a: np.cumprod(a, axis=1), x)
    leaf = check.leaf(x, "np")
    leaf.attach_grad()
    with autograd.record():
        slope = autograd.grad(np.cumprod(leaf, axis=1).sum(), leaf, create_graph=True)[0]
        total = slope.sum()
    total.backward()
    step = numpy.zeros_like(x)
    step[1, 2] = 1e-6

    def first(values):
        a = check.leaf(values, "np")
        a.attach_grad()
        with autograd.record():
            y = np.cumprod(a, axis=1).sum()
        y.backward()
        return a.grad.asnumpy().sum()

    expected = (first(x + step) - first(x - step)) / 2e-6
    assert abs(leaf.grad.asnumpy()[1, 2] - expected) < 1e-6


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax"])
def test_nan_has_no_gradient_and_spoils_none(name):
    x = check.leaf(HOLES, "np")
    slope = check.gradients(lambda a: getattr(np, name)(a, axis=1), [x])[1][0]
    assert (slope[~CHOSEN] == 0).all()
    chosen = np.array(CHOSEN)
    expected = check.central_differences(
        lambda a: getattr(np, name)(np.where(chosen, a, numpy.nan), axis=1), [X], "np"
    )[0]
    numpy.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-7)


def test_weights_of_an_average_have_a_gradient():
    slopes_agree(lambda x, w: np.average(x, axis=1, weights=w), X, numpy.abs(X[0]))


def test_ties_of_a_median_share_nothing():
    """Of equal elements the quantile takes one: its gradients add up to 1."""
    x = check.leaf(numpy.array([2.0, 1.0, 2.0, 2.0, 5.0]), "np")
    x.attach_grad()
    with autograd.record():
        y = np.median(x)
    y.backward()
    assert sorted(x.grad.tolist()) == [0, 0, 0, 0, 1]


def test_deviation_of_equal_elements_has_gradient_0_as_in_mxnet():
    x = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]], dtype="float64")
    x.attach_grad()
    for deviation in (lambda: np.std(x, axis=1), lambda: x.std(axis=1)):
        with autograd.record():
            y = deviation()
        y.backward()
        expected = [[0, 0, 0], [-1 / numpy.sqrt(6), 0, 1 / numpy.sqrt(6)]]
        numpy.testing.assert_allclose(x.grad.asnumpy(), expected, atol=1e-15)
