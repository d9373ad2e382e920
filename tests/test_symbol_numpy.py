"""Functions of sym.np and sym.npx: each gives, evaluated, what the function of np gives."""

import json
from pathlib import Path

import numpy
import pytest
from op_table.inspect import calls_of
from op_table.table import rows
from test_symbol_ops import Recording

import microlazy as mx
from microlazy import np, npx, sym
from microlazy.base import MXNetError

ORACLE = Path(__file__).parent / "oracle"
NAMES = json.loads((ORACLE / "symbol_names.json").read_text(encoding="utf-8"))
SPACES = ("np", "np.linalg", "npx")
KNOWN = {f"{space}.{name}" for space in SPACES for name in NAMES[f"sym.{space}"]}

# What NumPy takes and MXNet's functions of symbols do not: lists, and numbers for arrays;
# parameters such as where=; other functions of np inside of the call; two values in a tuple.
OTHERWISE = frozenset(
    (Path(__file__).parent / "symbol_numpy_otherwise.txt").read_text("utf-8").splitlines()
)
CALLS = {
    call.text: call
    for row in rows()
    for call in calls_of(row)
    if call.face == "np" and call.name in KNOWN - {"np.concatenate"} and call.text not in OTHERWISE
}


@pytest.mark.parametrize("text", CALLS)
def test_symbols_give_what_arrays_give(text):
    seen = []
    scope = {"np": Recording(np, sym.np, seen), "npx": Recording(npx, sym.npx, seen)}
    with mx.util.np_shape(True), mx.util.np_array(True):
        eval(text, scope | CALLS[text].arrays())
        assert seen
        for outputs, expected in seen:
            for got, wanted in zip(outputs, expected, strict=False):
                assert got.dtype == wanted.dtype
                numpy.testing.assert_allclose(got.asnumpy(), wanted.asnumpy(), 1e-6)


def evaluated(text, **arrays):
    """What an expression of `np` and `npx` gives, with symbols for its arrays."""
    with mx.util.np_shape(True), mx.util.np_array(True):
        given = {name: np.array(values) for name, values in arrays.items()}
        variables = {name: sym.var(name).as_np_ndarray() for name in arrays}
        graph = eval(text, {"np": sym.np, "npx": sym.npx, **variables})
        mx.random.seed(3)
        again = sym.load_json(graph.tojson())
        return again.eval(**{name: given[name] for name in again.list_arguments()})[0].asnumpy()


# The insertions and choices as MXNet 1.9.1 answers, the others as NumPy does.
VALUES = {
    "np.insert(x, 1, v, axis=1)": [[0, 5, 1, 2], [3, 6, 4, 5]],
    "np.insert(x, slice(0, 2), v, axis=1)": [[5, 0, 6, 1, 2], [5, 3, 6, 4, 5]],
    "np.insert(x, i, v, axis=1)": [[5, 0, 6, 1, 2], [5, 3, 6, 4, 5]],
    "np.where(x > 2, 1, 2)": [[2, 2, 2], [1, 1, 1]],
    "np.quantile(x, 0.5, axis=1)": [1, 4],
    "np.average(x, axis=1, weights=x + 1)": [4 / 3, 62 / 15],
    "np.concatenate([v, 2 * v])": [5, 6, 10, 12],
    "np.concatenate([v, x], axis=None)": [5, 6, 0, 1, 2, 3, 4, 5],
    "np.delete(x, slice(0, 2), axis=1)": [[2], [5]],
    "np.stack(arrays=[v, v], axis=1)": [[5, 5], [6, 6]],
    "np.swapaxes(a=x, axis1=0, axis2=1)": [[0, 3], [1, 4], [2, 5]],
    "np.linalg.norm(x=x, ord=1, axis=1)": [3, 12],
    "np.pad(x=x, pad_width=((0, 1), (0, 0)), mode='edge')": [[0, 1, 2], [3, 4, 5], [3, 4, 5]],
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text):
    x = numpy.arange(6.0).reshape(2, 3)
    found = evaluated(text, x=x, v=numpy.array([5.0, 6.0]), i=numpy.array([0, 1], "int64"))
    numpy.testing.assert_allclose(found, VALUES[text], 1e-6)


# Samplers of symbols draw what those of np draw from the same seed.
SAMPLES = """
np.random.uniform(x, 3, (2, 2))
np.random.uniform(1, 2, (2, 3))
np.random.normal(x, x + 1)
np.random.normal(0.5, x, (4, 2))
np.random.gamma(x, 2.0)
np.random.exponential(x, (3, 2))
np.random.weibull(x)
np.random.pareto(2.0, (3,))
np.random.rayleigh(x)
np.random.power(x)
np.random.gumbel(x, 2.0)
np.random.logistic(1.0, x)
np.random.lognormal(0.1, x)
np.random.randint(2, 9, (3, 2))
np.random.rand(2, 3)
np.random.choice(5, (4,))
npx.random.bernoulli(0.3, size=(3, 2))
npx.random.bernoulli(x / 3)
npx.random.normal_n(x, 1.0, (3,))
npx.random.uniform_n(0.0, x, (3,))
"""


@pytest.mark.parametrize("text", SAMPLES.strip().splitlines())
def test_samples(text):
    x = numpy.array([1.0, 2.0])
    found = evaluated(text, x=x)
    mx.random.seed(3)
    expected = eval(text, {"np": np, "npx": npx, "x": np.array(x)}).asnumpy()
    assert found.dtype == expected.dtype
    numpy.testing.assert_allclose(found, expected, 1e-6)


def test_laws_made_of_others():
    for text in ("np.random.beta(x, 2.0, (500, 2))", "np.random.chisquare(x, (500, 2))"):
        found = evaluated(text, x=numpy.array([1.0, 2.0]))
        mean = [1 / 3, 1 / 2] if "beta" in text else [1, 2]
        numpy.testing.assert_allclose(found.mean(0), mean, 0.2)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: sym.np.insert(x, 1, 5.0), TypeError, "values must be a Symbol, not 5.0"),
        (lambda x: sym.np.ravel(x, "F"), NotImplementedError, "order must be 'C'"),
        (lambda x: sym.np.pad(x, 1, foo=2), ValueError, "foo"),
        (lambda x: sym.np.random.choice(x), TypeError, "number of choices"),
        (lambda x: sym.np.random.normal(1, 2, scael=3), TypeError, "no argument 'scael'"),
        (lambda x: sym.npx.random.bernoulli(), ValueError, "prob"),
        (lambda x: sym.np.add(x, 1, x3=1), TypeError, "x3"),
    ],
)
def test_wrong_arguments(call, kind, message):
    with pytest.raises(kind, match=message):
        call(sym.var("x").as_np_ndarray())


@pytest.mark.parametrize(
    "make", ["eye(1 << 20, 1 << 20)", "identity(1 << 20)", "blackman(1 << 38)", "hanning(1 << 38)"]
)
def test_what_a_file_says_is_not_allocated(make):
    graph = sym.load_json(eval(f"np.{make}", {"np": sym.np}).tojson())
    with pytest.raises(MXNetError, match="too many|too large|elements"):
        graph.eval()
