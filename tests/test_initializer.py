"""Initializers: distributions, dispatch, the registry; and what MXNet 1.9.1 answered."""

import copy
import json
import logging
import pickle
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import microlazy as mx

ORACLE = Path(__file__).parent / "oracle"
recorder = runpy.run_path(str(ORACLE / "record_initializer.py"))
ANSWERS = json.loads((ORACLE / "initializer.json").read_text())


def fill(init, shape, dtype="float32", face=mx.nd, name="x_weight"):
    arr = face.zeros(shape, dtype=dtype)
    init(mx.init.InitDesc(name), arr)
    return arr.asnumpy()


def test_every_call_is_recorded():
    assert [call for call, _ in ANSWERS] == recorder["CALLS"]


@pytest.mark.filterwarnings("ignore:Calling initializer:DeprecationWarning")
@pytest.mark.parametrize(("call", "expected"), ANSWERS, ids=[call for call, _ in ANSWERS])
def test_as_mxnet(call, expected):
    found = recorder["answer"](mx, call)
    if "raises" in expected:
        assert expected["raises"] in found.get("raises", found)
    elif call.startswith("fill(mx.init.Bilinear"):
        assert np.allclose(found["value"], expected["value"], atol=1e-7)
    else:
        assert found == expected


# ---- distributions -----------------------------------------------------------------------------

UNIFORM_BOUND = (3 / 250) ** 0.5
DISTRIBUTIONS = [
    (mx.init.Uniform(), stats.uniform(-0.07, 0.14)),
    (mx.init.Uniform(2.0), stats.uniform(-2, 4)),
    (mx.init.Normal(), stats.norm(0, 0.01)),
    (mx.init.Normal(1.5), stats.norm(0, 1.5)),
    (mx.init.TruncNorm(), stats.truncnorm(-2, 2, 0, 0.01)),
    (mx.init.TruncNorm(3, 0.5, 0.5), stats.truncnorm(-0.5, 0.5, 3, 0.5)),
    (mx.init.Xavier(), stats.uniform(-UNIFORM_BOUND, 2 * UNIFORM_BOUND)),
    (mx.init.Xavier("gaussian"), stats.norm(0, UNIFORM_BOUND)),
    (mx.init.Xavier("gaussian", "in", 2), stats.norm(0, (2 / 300) ** 0.5)),
    (mx.init.Xavier("gaussian", "out", 2), stats.norm(0, (2 / 200) ** 0.5)),
    (mx.init.MSRAPrelu(), stats.norm(0, (2 / (1 + 0.25**2) / 250) ** 0.5)),
    (mx.init.MSRAPrelu("in", 0), stats.norm(0, (2 / 300) ** 0.5)),
]


@pytest.mark.parametrize("face", [mx.nd, mx.np], ids=["nd", "np"])
@pytest.mark.parametrize(("init", "expected"), DISTRIBUTIONS, ids=lambda x: str(x)[:40])
def test_distribution(init, expected, face):
    mx.random.seed(7)
    values = fill(init, (200, 300), face=face).ravel().astype("float64")
    assert stats.kstest(values, expected.cdf).pvalue > 1e-3
    assert values.var() == pytest.approx(expected.var(), rel=0.03)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", ["uniform", "normal", "truncnorm", "xavier", "orthogonal"])
def test_every_float_dtype(name, dtype):
    mx.random.seed(1)
    values = fill(mx.init.create(name), (40, 50), dtype)
    assert values.dtype == dtype
    assert np.isfinite(values).all() and values.std() > 0


@pytest.mark.parametrize("name", ["uniform", "normal", "xavier", "msraprelu", "orthogonal"])
def test_seed_reproduces(name):
    def draw(seed):
        mx.random.seed(seed)
        return fill(mx.init.create(name), (5, 6))

    assert np.array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))


def test_window_of_a_convolution_counts_as_fan():
    mx.random.seed(0)
    values = fill(mx.init.Xavier("gaussian", "in", 1), (50, 20, 5, 5))
    assert values.var() == pytest.approx(1 / (20 * 5 * 5), rel=0.05)


@pytest.mark.parametrize("rand_type", ["uniform", "normal"])
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (4, 3, 2, 2), (5,)])
def test_orthogonal(shape, rand_type):
    mx.random.seed(2)
    matrix = fill(mx.init.Orthogonal(1.5, rand_type), shape, "float64").reshape(shape[0], -1)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    assert np.allclose(matrix @ matrix.T, 1.5**2 * np.eye(len(matrix)), atol=1e-5)


def test_truncnorm_stays_inside_a_narrow_cut():
    mx.random.seed(0)
    assert abs(fill(mx.init.TruncNorm(0, 1, 0.05), (200,))).max() <= 0.05


# ---- values that are given ---------------------------------------------------------------------


@pytest.mark.parametrize("value", [[1, 2, 3], np.array([1.0, 2, 3]), mx.nd.array([1, 2, 3])])
def test_constant_array(value):
    init = mx.init.Constant(value)
    assert fill(init, (3,)).tolist() == [1, 2, 3]
    assert fill(init, (2, 3), face=mx.np).tolist() == [[1, 2, 3]] * 2
    assert json.loads(init.dumps()) == ["constant", {"value": [1, 2, 3]}]
    assert init == mx.init.Constant(np.array([1, 2, 3]))
    assert init != mx.init.Constant([1, 2, 4])
    assert init != mx.init.Zero()


def test_constant_of_another_shape_is_refused():
    with pytest.raises(ValueError):
        fill(mx.init.Constant([1, 2, 3]), (4,))


@pytest.mark.parametrize("name", ["zeros", "ones", "uniform", "normal"])
def test_zero_dim_array(name):
    assert fill(mx.init.create(name), (), face=mx.np).shape == ()


@pytest.mark.parametrize("name", ["zeros", "ones", "constant"])
@pytest.mark.parametrize("dtype", ["int32", "int8", "float16"])
def test_given_values_in_any_dtype(name, dtype):
    args = (3,) if name == "constant" else ()
    values = fill(mx.init.create(name, *args), (2,), dtype)
    assert values.dtype == dtype
    assert values.tolist() == [{"zeros": 0, "ones": 1, "constant": 3}[name]] * 2


# ---- custom initializers, names, copies --------------------------------------------------------


@pytest.mark.parametrize("face", [mx.nd, mx.np], ids=["nd", "np"])
def test_custom_initializer(face):
    """The lesson's: U[5, 10] or U[-10, -5], each with probability 1/4, else 0."""

    class Sparse(mx.init.Initializer):
        def _init_weight(self, name, data):
            if face is mx.np:
                data[:] = mx.np.random.uniform(-10, 10, data.shape)
                data *= mx.np.abs(data) >= 5
            else:
                data[:] = mx.nd.random.uniform(low=-10, high=10, shape=data.shape)
                data *= data.abs() >= 5

    mx.random.seed(5)
    values = fill(Sparse(), (100, 100), face=face)
    assert ((values == 0) | (abs(values) >= 5)).all()
    assert (values == 0).mean() == pytest.approx(0.5, abs=0.03)
    assert (values >= 5).mean() == pytest.approx(0.25, abs=0.03)


def test_custom_initializer_without_super_init():
    class Lazy(mx.init.Initializer):
        def __init__(self):
            self.value = 4

        def _init_weight(self, name, data):
            data[:] = self.value

    assert fill(Lazy(), (2,)).tolist() == [4, 4]
    assert repr(Lazy()) == "Lazy()"


def test_role_methods_can_be_overridden():
    class Roles(mx.init.Initializer):
        def _init_weight(self, name, data):
            data[:] = 1

        def _init_bias(self, name, data):
            data[:] = 2

        def _init_default(self, name, data):
            data[:] = 3

    filled = {name: fill(Roles(), (1,), name=name)[0] for name in ("weight", "bias", "alpha")}
    assert filled == {"weight": 1, "bias": 2, "alpha": 3}


def test_registered_under_its_name_and_aliases():
    @mx.init.register
    @mx.init.alias("four", "IV")
    class TestFour(mx.init.Initializer):
        def _init_weight(self, name, data):
            data[:] = 4

    for name in ("testfour", "TestFour", "four", "iv"):
        assert type(mx.init.create(name)) is TestFour


@pytest.mark.parametrize(
    "init",
    [
        mx.init.Zero(),
        mx.init.One(),
        mx.init.Constant(2.5),
        mx.init.Constant([1, 2]),
        mx.init.Uniform(0.2),
        mx.init.Normal(0.3),
        mx.init.TruncNorm(1, 2, 3),
        mx.init.Orthogonal(2, "normal"),
        mx.init.Xavier("gaussian", "in", 2),
        mx.init.MSRAPrelu("out", 0.1),
        mx.init.Bilinear(),
        mx.init.LSTMBias(2.0),
    ],
    ids=repr,
)
def test_dumps_copies_and_pickles_are_equal(init):
    assert mx.init.create(init.dumps()) == init
    assert copy.deepcopy(init) == init
    assert pickle.loads(pickle.dumps(init)) == init
    assert repr(init).startswith(type(init).__name__)


def test_verbose_initializer_can_be_pickled():
    init = pickle.loads(pickle.dumps(mx.init.One().set_verbosity(True)))
    assert fill(init, (2,)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mx.init.create("gaussian"), "gaussian is not registered.*known are bilinear"),
        (lambda: mx.init.create(mx.init.Normal), r"It is a class: call it, as in Normal\(\)"),
        (lambda: mx.init.create('["normal"]'), 'expected an initializer as .*given .*"normal"'),
        (lambda: mx.init.create({"sigma": 1}), "no key 'initializer'"),
        (lambda: mx.init.create("[]", 3), "further ones are invalid"),
        (lambda: mx.init.Xavier("normal"), "rnd_type must be one of 'uniform', 'gaussian'"),
        (lambda: mx.init.Xavier(factor_type="both"), "factor_type must be one of .* not 'both'"),
        (lambda: mx.init.Orthogonal(rand_type="x"), "rand_type must be one of"),
        (lambda: mx.init.TruncNorm(scale=0), "scale above 0, given 0"),
        (lambda: mx.init.TruncNorm(scale=float("nan")), "scale above 0, given nan"),
        (lambda: mx.init.Mixed(["a", "b"], ["zeros"]), "given 2 patterns and 1 initializers"),
        (lambda: mx.init.Load(3), "not a int"),
        (lambda: fill(mx.init.Xavier(), (3,)), r"vector x_weight. .*the shape is \(3,\)"),
        (lambda: fill(mx.init.Bilinear(), (3, 3)), r"four axes.*\(3, 3\)"),
        (lambda: fill(mx.init.LSTMBias(), (), face=mx.np), "a number has no gates"),
        (lambda: fill(mx.init.Orthogonal(), (), face=mx.np), "a number is no matrix"),
        (lambda: fill(mx.init.Zero(), (3,), name="alpha"), "Unknown initialization .* alpha"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- Mixed and Load ----------------------------------------------------------------------------


def test_mixed_in_a_network():
    params = mx.gluon.ParameterDict("net_")
    first = params.get("first_weight", shape=(2,))
    second = params.get("second_foo", shape=(2,))
    own = params.get("own_weight", shape=(2,), init="zeros")
    params.initialize(mx.init.Mixed([".*first", ".*"], ["ones", mx.init.Constant(5)]))
    found = [param.data().asnumpy().tolist() for param in (first, second, own)]
    assert found == [[1, 1], [5, 5], [0, 0]]


def test_mixed_dumps_and_equality():
    init = mx.init.Mixed(["a", ".*"], [mx.init.Zero(), mx.init.Normal(0.5)])
    assert json.loads(init.dumps())[1]["initializers"] == [["zero", {}], ["normal", {"sigma": 0.5}]]
    assert init == mx.init.Mixed(["a", ".*"], [mx.init.Zero(), mx.init.Normal(0.5)])
    assert init != mx.init.Mixed(["b", ".*"], [mx.init.Zero(), mx.init.Normal(0.5)])


def test_load_in_a_network_from_a_file(tmp_path, caplog):
    path = str(tmp_path / "weights.params")
    mx.nd.save(path, {"arg:net_weight": mx.nd.array([1, 2]), "other": mx.nd.zeros((1,))})
    params = mx.gluon.ParameterDict("net_")
    weight, bias = params.get("weight", shape=(2,)), params.get("bias", shape=(2,))
    with caplog.at_level(logging.INFO):
        params.initialize(mx.init.Load(path, default_init="ones", verbose=True))
    assert weight.data().asnumpy().tolist() == [1, 2]
    assert bias.data().asnumpy().tolist() == [1, 1]
    assert "Initialized net_weight by loading" in caplog.text
    assert "Initialized net_bias by default" in caplog.text


def test_load_equals_only_itself():
    init = mx.init.Load({"x": mx.nd.ones((1,))})
    assert init == init
    assert init != mx.init.Load({"x": mx.nd.ones((1,))})
