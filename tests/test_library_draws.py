"""Samplers by NumPy's C functions give the numbers of NumPy's generators, and their refusals."""

import numpy
import pytest

import microlazy as mx
from microlazy import np
from microlazy.core.generator import stream
from microlazy.gluon import nn
from microlazy.ops import distributions

pytest.importorskip("microlazy.core.ops.draws")  # a build without NumPy's library has the others

SHAPE = (3, 40)
numbers = numpy.random.default_rng(3)
WIDE = numbers.uniform(0.02, 60, SHAPE)  # means below and above those where ways change
CHANCE = numbers.uniform(0.01, 1, SHAPE)
TRIALS = numbers.integers(0, 200, (3, 1))
RANDOM = np.random
CALLS = {
    "gamma": lambda a, p, n: RANDOM.gamma(a, 2.0),
    "gamma of numbers": lambda a, p, n: RANDOM.gamma(0.3, 1.5, size=(2, 5)),
    "chisquare": lambda a, p, n: RANDOM.chisquare(a),
    "beta": lambda a, p, n: RANDOM.beta(a, p),
    "f": lambda a, p, n: RANDOM.f(a, 4.0),
    "standard_t": lambda a, p, n: RANDOM.standard_t(a[0], size=SHAPE),
    "poisson": lambda a, p, n: RANDOM.poisson(a),
    "poisson, large": lambda a, p, n: RANDOM.poisson(a * 1e9),
    "poisson into floats": lambda a, p, n: RANDOM.poisson(a, dtype="float32"),
    "poisson into small": lambda a, p, n: RANDOM.poisson(a, dtype="uint8"),
    "binomial": lambda a, p, n: RANDOM.binomial(n, p),
    "binomial of numbers": lambda a, p, n: RANDOM.binomial(50, 0.3, size=7),
    "negative_binomial": lambda a, p, n: RANDOM.negative_binomial(n + 1, p),
    "geometric": lambda a, p, n: RANDOM.geometric(p),
    "multinomial": lambda a, p, n: RANDOM.multinomial(30, p[0] / p[0].sum(), size=(2, 2)),
    "multinomial of none": lambda a, p, n: RANDOM.multinomial(0, [0.25, 0.75]),
    "multinomials": lambda a, p, n: RANDOM.multinomial(9, p / p.sum(1, keepdims=True)),
    "choice": lambda a, p, n: RANDOM.choice(17, (4, 5)),
    "choice without replacement": lambda a, p, n: RANDOM.choice(17, 5, replace=False),
    "nd": lambda a, p, n: mx.nd.random.poisson(3.0),
    "nd, two": lambda a, p, n: mx.nd.random.gamma(mx.nd.ones((2,)), mx.nd.ones((2,)), shape=3),
}


def drawn(name, dtype):
    mx.random.seed(5)
    parameters = (np.array(WIDE, dtype=dtype), np.array(CHANCE, dtype=dtype), np.array(TRIALS))
    return [CALLS[name](*parameters) for _ in range(3)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CALLS)
def test_the_numbers_are_the_generators(name, dtype, monkeypatch):
    found = drawn(name, dtype)
    monkeypatch.setattr(distributions, "_by_library", lambda kind, slow: slow)
    for x, y in zip(found, drawn(name, dtype), strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        assert x.asnumpy().tobytes() == y.asnumpy().tobytes()


def test_a_sum_of_probabilities_is_numpys_to_the_last_bit():
    for n in range(1, 130):
        p = numbers.random(n)
        mx.random.seed(n)
        found = np.random.multinomial(1000, np.array(p / p.sum(), dtype="float64")).asnumpy()
        mx.random.seed(n)
        weights = p / p.sum()
        numpy.testing.assert_array_equal(
            found, stream().multinomial(1000, weights / weights.sum(-1, keepdims=True))
        )


def test_a_plan_draws_the_same_numbers():
    class Draw(nn.HybridBlock):
        def forward(self, x):
            return np.random.beta(x, 2.0) + np.random.poisson(x)

    mx.npx.set_np()
    try:
        net, x = Draw(), np.array(WIDE)
        mx.random.seed(8)
        eager = [net(x).asnumpy() for _ in range(3)]
        net.hybridize()
        net(x)
        mx.random.seed(8)
        for expected in eager:
            numpy.testing.assert_array_equal(net(x).asnumpy(), expected)
    finally:
        mx.npx.reset_np()


@pytest.mark.parametrize(
    "call",
    [
        lambda: RANDOM.beta(np.array([1.0, -1.0]), 2.0),
        lambda: RANDOM.poisson(-1.0),
        lambda: RANDOM.poisson(np.array([1e30])),
        lambda: RANDOM.binomial(np.array([3]), 1.5),
        lambda: RANDOM.negative_binomial(np.array([1e20], dtype="float64"), 1e-10),
        lambda: RANDOM.geometric(np.array([0.5, 0.0])),
        lambda: RANDOM.gamma(np.array([numpy.nan])),
        lambda: RANDOM.multinomial(3, [0.5, 0.6]),
        lambda: RANDOM.multinomial(3, [-0.5, 1.5]),
        lambda: RANDOM.multinomial(-3, [0.5, 0.5]),
    ],
)
def test_parameters_out_of_their_range_are_refused(call):
    with pytest.raises(ValueError):
        call()


def test_permutations_are_the_order_of_the_numbers_drawn():
    for n in (0, 1, 2, 5, 300, 4096, 5000):
        mx.random.seed(n)
        found = np.random.permutation(n).asnumpy()
        mx.random.seed(n)
        keys = np.random.uniform(size=n, dtype="float64").asnumpy()
        numpy.testing.assert_array_equal(found, keys.argsort(kind="stable"))
    with pytest.raises(TypeError):
        np.random.permutation(2.5)
