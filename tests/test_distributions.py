"""Random arrays of np: their distributions, gradients, seeds, and draws inside plans."""

import gradients as check
import numpy
import pytest
from scipy import stats

import microlazy as mx
from microlazy import nd, np, npx
from microlazy.base import RangeError
from microlazy.core.parallel import get_num_threads, set_num_threads

N = 20_000

LAWS = {
    "uniform": ((-1.0, 2.0), stats.uniform(-1, 3)),
    "normal": ((1.0, 2.0), stats.norm(1, 2)),
    "lognormal": ((0.3, 0.5), stats.lognorm(0.5, scale=numpy.exp(0.3))),
    "logistic": ((1.0, 2.0), stats.logistic(1, 2)),
    "gumbel": ((1.0, 2.0), stats.gumbel_r(1, 2)),
    "laplace": ((1.0, 2.0), stats.laplace(1, 2)),
    "rayleigh": ((2.0,), stats.rayleigh(scale=2)),
    "exponential": ((2.0,), stats.expon(scale=2)),
    "weibull": ((1.5,), stats.weibull_min(1.5)),
    "pareto": ((3.0,), stats.lomax(3)),
    "power": ((2.5,), stats.powerlaw(2.5)),
    "gamma": ((2.5, 1.5), stats.gamma(2.5, scale=1.5)),
    "chisquare": ((3.0,), stats.chi2(3)),
    "beta": ((2.0, 3.0), stats.beta(2, 3)),
    "f": ((5.0, 9.0), stats.f(5, 9)),
    "standard_t": ((6.0,), stats.t(6)),
}
COUNTS = {
    "poisson": ((3.5,), stats.poisson(3.5)),
    "binomial": ((10, 0.3), stats.binom(10, 0.3)),
    "negative_binomial": ((4, 0.3), stats.nbinom(4, 0.3)),
    "geometric": ((0.3,), stats.geom(0.3)),
}
EVERY = LAWS | COUNTS


def both(name, parameters):
    """Draws with numbers as parameters, and with arrays, the last of which is of interest."""
    sampler = getattr(np.random, name)
    arrays = [np.array([p * 0.9, p]) for p in parameters]
    yield sampler(*parameters, size=N)
    yield sampler(*arrays, size=(N, 2))[:, 1]
    yield sampler(*parameters, size=(N,), dtype="float64")


@pytest.mark.parametrize("name", LAWS)
def test_law(name):
    parameters, law = LAWS[name]
    mx.random.seed(21)
    for draws in both(name, parameters):
        assert stats.kstest(draws.asnumpy().astype("float64"), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    parameters, law = COUNTS[name]
    mx.random.seed(22)
    for draws in both(name, parameters):
        values = draws.asnumpy()
        assert (values == values.astype("int64")).all()
        assert abs(values.mean() - law.mean()) < 4 * law.std() / N**0.5
        assert abs(values.var() / law.var() - 1) < 0.1


@pytest.mark.parametrize("name", EVERY)
def test_shapes_and_dtypes(name):
    parameters = EVERY[name][0]
    sampler = getattr(np.random, name)
    kind = "int64" if name in COUNTS else "float32"
    assert sampler(*parameters).shape == ()
    assert sampler(*parameters, size=3).shape == (3,)
    assert sampler(*parameters, size=(2, 0)).shape == (2, 0)
    assert sampler(*parameters, size=3).dtype == kind
    first = np.array([[parameters[0]], [parameters[0]]])
    assert sampler(first, *parameters[1:]).shape == (2, 1)
    assert sampler(first, *parameters[1:], size=(2, 3)).shape == (2, 3)
    assert sampler(*parameters, dtype="float16").dtype == "float16"
    out = np.zeros((2, 3), dtype="float64")
    assert sampler(*parameters, out=out) is out
    with pytest.raises(ValueError, match="do not fit size"):
        sampler(first, *parameters[1:], size=3)


def test_parameters_of_float64_give_float64():
    assert np.random.gumbel(np.zeros(2, dtype="float64"), 1.0).dtype == "float64"
    assert np.random.gamma(np.ones(2, dtype="int32")).dtype == "float32"


@pytest.mark.parametrize("name", EVERY)
def test_seeds(name):
    parameters = EVERY[name][0]
    results = []
    for seed in (1, 1, 2):
        mx.random.seed(seed)
        results.append(getattr(np.random, name)(*parameters, size=50).asnumpy().tobytes())
    assert results[0] == results[1] != results[2]


def test_bits_do_not_depend_on_the_number_of_threads():
    before = get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            mx.random.seed(4)
            results.append(
                [getattr(np.random, name)(*EVERY[name][0], size=60_001) for name in EVERY]
            )
    finally:
        set_num_threads(before)
    for draws in results[1:]:
        check.assert_same_bits(
            [x.asnumpy() for x in draws], [x.asnumpy() for x in results[0]], "threads"
        )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.random.normal(x, 1.0),
        lambda x: np.random.gamma(x, 2.0),
        lambda x: x + np.random.poisson(3.0, size=50),
        lambda x: x * np.random.gumbel(size=50),
        lambda x: np.random.permutation(x),
        lambda x: np.random.choice(x, 5),
        lambda x: x + np.random.choice(50, 50, replace=False),
        lambda x: x + np.random.multinomial(1000, np.ones(50) / 50),
        lambda x: np.random.multivariate_normal(x[:2], np.eye(2), size=3),
        lambda x: x + npx.random.bernoulli(0.5, size=50),
    ],
)
def test_a_plan_draws_anew_at_every_call(function):
    block = check.Wrapped(function)
    block.hybridize()
    x = np.arange(1, 51)
    mx.random.seed(5)
    planned = [block(x).asnumpy() for _ in range(3)]
    mx.random.seed(5)
    eager = [function(x).asnumpy() for _ in range(3)]
    check.assert_same_bits(planned, eager, "draws of the plan")
    assert len({draw.tobytes() for draw in planned}) == 3


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (lambda a, b: np.random.uniform(a, a + b), 2),
        (np.random.normal, 2),
        (np.random.lognormal, 2),
        (np.random.logistic, 2),
        (np.random.gumbel, 2),
        (np.random.laplace, 2),
        (np.random.rayleigh, 1),
        (np.random.exponential, 1),
        (np.random.weibull, 1),
        (np.random.pareto, 1),
        (np.random.power, 1),
        (lambda a: np.random.gamma(2.5, a), 1),
        (lambda a, b: npx.random.normal_n(a, b, batch_shape=2), 2),
    ],
)
def test_gradients_by_the_parameters(function, count):
    values = [numpy.array([0.7, 1.3, 2.1]), numpy.array([1.1, 0.4, 0.9])][:count]
    arrays = [check.leaf(v, "np") for v in values]
    slopes = check.gradients(function, arrays)[1]
    expected = check.central_differences(function, values, "np")
    for got, wanted in zip(slopes, expected, strict=True):
        numpy.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


def test_many_variables():
    mx.random.seed(6)
    cov = numpy.array([[2.0, 0.5], [0.5, 1.0]])
    draws = np.random.multivariate_normal(np.array([1, -1]), np.array(cov), size=N).asnumpy()
    numpy.testing.assert_allclose(draws.mean(0), [1, -1], atol=0.05)
    numpy.testing.assert_allclose(numpy.cov(draws.T), cov, atol=0.1)
    flat = np.random.multivariate_normal(np.zeros(2), np.ones((2, 2)), size=9).asnumpy()
    numpy.testing.assert_allclose(flat[:, 0], flat[:, 1], atol=1e-5)  # singular


def test_places():
    mx.random.seed(7)
    assert sorted(np.random.permutation(9).tolist()) == list(range(9))
    rows = np.arange(6).reshape(3, 2)
    np.random.shuffle(rows)
    assert sorted(rows.tolist()) == [[0, 1], [2, 3], [4, 5]]
    often = np.random.choice(3, N, p=np.array([0.2, 0.3, 0.5])).asnumpy()
    numpy.testing.assert_allclose(numpy.bincount(often) / N, [0.2, 0.3, 0.5], atol=0.02)
    assert sorted(np.random.choice(5, 5, replace=False).tolist()) == [0, 1, 2, 3, 4]
    assert np.random.multinomial(20, [0.5, 0.5], size=(2, 3)).sum(axis=2).tolist() == [[20] * 3] * 2
    coins = npx.random.bernoulli(logit=np.full((N,), -1.0))
    assert abs(float(coins.mean()) - 1 / (1 + numpy.e)) < 0.02


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: np.random.gamma(-1.0), "shape must be positive, but it is -1.0"),
        (lambda: np.random.normal(np.zeros(2), np.array([-1.0, 1])), "scale must be 0 or more"),
        (lambda: np.random.beta(0, 1), "a must be positive"),
        (lambda: np.random.binomial(3, 1.5), r"p must be in \[0, 1\]"),
        (lambda: np.random.geometric(0), r"p must be in \(0, 1\]"),
        (lambda: np.random.negative_binomial(2, 0), r"p must be in \(0, 1\]"),
        (lambda: np.random.multinomial(3, [0.5, 0.6]), "add up to 1"),
        (lambda: np.random.multinomial(-3, [0.5, 0.5]), "n must be 0 or more"),
        (lambda: np.random.choice(3, 4, replace=False), "cannot draw 4 of 3"),
        (lambda: np.random.choice(3, 2, p=np.ones(2) / 2), "3 probabilities"),
        (lambda: np.random.choice(3, 2, p=np.ones(3)), "add up to 1"),
        (lambda: np.random.choice(0), "cannot draw"),
        (lambda: np.random.multivariate_normal(np.zeros(2), -np.eye(2)), "semidefinite"),
        (lambda: np.random.multivariate_normal(np.zeros(3), np.eye(2)), "does not fit"),
        (lambda: npx.random.bernoulli(), "prob or logit"),
        (lambda: npx.random.bernoulli(0.5, 0.1), "prob or logit"),
        (lambda: npx.random.bernoulli(2.0), r"in \[0, 1\]"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_number_of_successes_need_not_be_whole():
    np.random.seed(5)
    mean = float(np.random.negative_binomial(2.5, 0.5, size=20_000).astype("float64").mean())
    assert abs(mean - 2.5) < 0.1


def test_both_faces_refuse_the_same_parameters():
    for face, shape in ((np, "size"), (nd, "shape")):
        for law, parameters in {"gamma": (0, 1), "poisson": (-1,), "exponential": (-1,)}.items():
            arrays = [face.array([x, x]) for x in parameters]
            for given in (parameters, arrays):
                with pytest.raises(RangeError, match=f"random.{law}"):
                    getattr(face.random, law)(*given, **{shape: (2,)})


def test_arguments_that_do_not_exist():
    with pytest.raises(TypeError):
        np.random.gamma()
    with pytest.raises(TypeError):
        np.random.gumbel(shape=2)
    with pytest.raises(TypeError):
        np.random.poisson("many")
