"""mx.test_utils."""

import gzip
import os
import struct

import numpy
import pytest

import microlazy as mx
from microlazy import gluon, nd, np, npx, test_utils
from microlazy.base import MXNetError
from microlazy.test_utils import assert_almost_equal

# ---- comparing -----------------------------------------------------------------------------------


def test_near_arrays_pass():
    x = nd.array([1, 2])
    assert_almost_equal(x, x + 5e-4)
    assert_almost_equal(x.asnumpy(), np.array([1, 2]))
    assert_almost_equal(1.0, 1.0)
    assert_almost_equal([numpy.nan], [numpy.nan], equal_nan=True)
    assert_almost_equal(numpy.array([True]), numpy.array([True]))
    assert_almost_equal([numpy.inf], [numpy.inf])
    assert_almost_equal(nd.ones((2, 2)), nd.ones((2,)))
    assert_almost_equal(numpy.float64([1.0]), [1.09], rtol={numpy.dtype("float64"): 0.1})


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([1.0], [1.1], {}, r"1 of 1 elements \(100%\).*\n  at \(0,\): a=1.0, b=1.1"),
        ([[1.0, 5]], [[1.0, 2]], {"names": ("mine", "yours")}, r"\(0, 1\): mine=5.0, yours=2.0"),
        ([numpy.nan], [1.0], {}, "a=nan"),
        ([numpy.nan], [numpy.nan], {}, "nan"),
        ([1.0, 1.0], [1.0], {"use_broadcast": False}, r"\(2,\) and b.shape = \(1,\)"),
        ([1.0], [1.5], {"rtol": 0.1, "atol": 0}, "rtol=0.1, atol=0"),
        (numpy.array([1]), numpy.array([2]), {}, "a=1, b=2"),
    ],
)
def test_what_is_apart_is_named(a, b, options, message):
    with pytest.raises(AssertionError, match=message):
        assert_almost_equal(a, b, **options)


def test_the_worst_elements_come_first():
    with pytest.raises(AssertionError) as error:
        assert_almost_equal(numpy.arange(5.0), numpy.zeros(5), mismatches=(2, 2))
    lines = str(error.value).splitlines()
    assert lines[0].startswith("4 of 5") and [line[5:9] for line in lines[1:]] == ["(4,)", "(3,)"]


def test_a_share_may_differ():
    with pytest.raises(AssertionError, match="1 of 4"):
        test_utils.assert_almost_equal_with_err([1.0, 2, 3, 4], [1.0, 2, 3, 5], etol=0.2)


def test_tuples_are_compared_place_by_place():
    with pytest.raises(AssertionError):
        test_utils.compare_ndarray_tuple(((nd.ones((1,)),),), ((nd.zeros((1,)),),))


def test_same_array_looks_at_memory():
    x = np.ones((2, 2))
    assert test_utils.same_array(x, x[:]) and not test_utils.same_array(x, x[:1])


def test_assert_exception_and_retry():
    with pytest.raises(AssertionError, match="ValueError"):
        test_utils.assert_exception(int, ValueError, "3")
    calls = []

    @test_utils.retry(3)
    def flaky():
        calls.append(1)
        assert len(calls) == 3

    flaky()
    calls[:] = [1] * 9
    with pytest.raises(AssertionError):
        flaky()
    with pytest.raises(ValueError, match="n must"):
        test_utils.retry(0)


# ---- making --------------------------------------------------------------------------------------


def test_random_shapes_stay_in_their_limits():
    shapes = [test_utils.rand_shape_3d(2, 3, 4) for _ in range(60)]
    assert {len(shape) for shape in shapes} == {3}
    assert numpy.min(shapes) == 1 and numpy.max(shapes, axis=0).tolist() == [2, 3, 4]
    zeros = [test_utils.rand_shape_nd(2, 1, allow_zero_size=True) for _ in range(40)]
    assert {n for shape in zeros for n in shape} == {0, 1}


def test_numpys_seed_repeats_them():
    found = []
    for _ in range(2):
        numpy.random.seed(3)
        x = test_utils.rand_ndarray((2, 3), dtype="float64")
        found.append((x.asnumpy().tolist(), test_utils.rand_coord_2d(0, 9, 0, 9)))
    assert found[0] == found[1] and x.dtype is numpy.float64


def test_rand_ndarray_is_dense_and_modified():
    x = test_utils.rand_ndarray((4,), modifier_func=lambda v: abs(v) + 1)
    assert isinstance(x, nd.NDArray) and x.asnumpy().min() >= 1
    with pytest.raises(MXNetError, match="'csr'"):
        test_utils.rand_ndarray((2, 2), "csr")


def test_what_needs_symbols_is_named():
    with pytest.raises(AttributeError, match="check_symbolic_forward.*symbols"):
        test_utils.check_symbolic_forward  # noqa: B018


# ---- gradients and networks ----------------------------------------------------------------------


def test_gradients_of_functions_and_blocks():
    x, y = numpy.array([[0.3, -0.8]]), numpy.array([[0.5], [0.7]])
    test_utils.check_numeric_gradient(nd.dot, [x, y])
    test_utils.check_numeric_gradient(
        lambda lhs, rhs: lhs * rhs, {"lhs": x, "rhs": x}, grad_nodes=["rhs"], dtype="float64"
    )
    net = gluon.nn.Dense(3, activation="tanh")
    net.initialize()
    test_utils.check_numeric_gradient(net, [nd.array(x)])
    product = mx.sym.dot(mx.sym.sin(mx.sym.var("a")), mx.sym.var("b"))
    test_utils.check_numeric_gradient(product, [x, y])
    test_utils.check_numeric_gradient(product, {"b": y, "a": x}, grad_nodes=["b"])
    with pytest.raises(TypeError, match="auxiliary states"):
        test_utils.check_numeric_gradient(mx.sym.BatchNorm(mx.sym.var("a")), [x] * 3)
    npx.set_np()
    try:
        test_utils.check_numeric_gradient(np.sin, [x], dtype="float64")
    finally:
        npx.reset_np()


def test_a_wrong_gradient_is_found():
    class Wrong(mx.autograd.Function):
        def forward(self, x):
            return x * x

        def backward(self, dy):
            return dy

    with pytest.raises(AssertionError, match="gradient by 0"):
        test_utils.check_numeric_gradient(lambda x: Wrong()(x), [numpy.array([3.0])])
    with pytest.raises(TypeError, match="function, block or symbol"):
        test_utils.check_numeric_gradient("sym", [])


def test_hybridized_blocks_are_compared_with_numpy():
    with pytest.raises(AssertionError, match="numpy_func"):
        test_utils.check_gluon_hybridize_consistency(
            lambda prefix: gluon.nn.Activation("relu", prefix=prefix),
            [nd.array([-1, 2])],
            numpy.abs,
        )


# ---- surroundings --------------------------------------------------------------------------------


def test_environment_comes_back_after_an_error(monkeypatch):
    monkeypatch.setenv("MINE", "before")
    with pytest.raises(KeyError), test_utils.environment({"MINE": None, "YOURS": "x"}):
        assert "MINE" not in os.environ and os.environ["YOURS"] == "x"
        raise KeyError
    assert os.environ["MINE"] == "before" and "YOURS" not in os.environ


def test_the_default_context():
    with mx.Context("cpu", 0):
        test_utils.set_default_context(mx.cpu(3))
        assert mx.current_context() == mx.cpu(3) == test_utils.default_context()
    assert mx.current_context() == mx.cpu(0)
    with pytest.raises(TypeError, match="'gpu'"):
        test_utils.set_default_context("gpu")


def write_mnist(folder, packed=True):
    for name, count in (("train", 5), ("t10k", 2)):
        images = numpy.arange(count * 784) % 256
        parts = {
            "images-idx3": struct.pack(">4BIII", 0, 0, 8, 3, count, 28, 28)
            + bytes(images.tolist()),
            "labels-idx1": struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(range(count)),
        }
        for part, data in parts.items():
            path = folder / f"{name}-{part}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data) if packed else data)


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_read_from_files(tmp_path, packed):
    write_mnist(tmp_path, packed)
    data = test_utils.get_mnist(tmp_path)
    assert {name: (x.shape, x.dtype.name) for name, x in data.items()} == {
        "train_data": ((5, 1, 28, 28), "float32"),
        "train_label": ((5,), "int8"),
        "test_data": ((2, 1, 28, 28), "float32"),
        "test_label": ((2,), "int8"),
    }
    assert data["train_data"][0, 0, 9, 3] == 255 / 255 and data["test_label"].tolist() == [0, 1]


def test_mnist_in_the_data_dir(tmp_path, monkeypatch):
    folder = tmp_path / "datasets" / "mnist"
    folder.mkdir(parents=True)
    write_mnist(folder)
    monkeypatch.setenv("MXNET_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert len(test_utils.get_mnist()["train_label"]) == 5


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\x08\x03" + b"\0" * 20, b"\0\0\x08\x03" + b"\xff" * 12]
)
def test_damaged_mnist_is_refused(tmp_path, data):
    write_mnist(tmp_path, packed=False)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    with pytest.raises(ValueError, match="train-images-idx3-ubyte is damaged"):
        test_utils.get_mnist(tmp_path)
