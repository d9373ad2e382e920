"""What makes no sense is refused with a message that says so, and nothing has changed."""

import re
import subprocess
import sys

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import AbstractValueError, MXNetError, ShapeError
from microlazy.core import generator
from microlazy.core.ops import nn
from microlazy.core.rules import Rule
from microlazy.core.tensor import Tensor
from microlazy.gluon import loss as losses

A, B = numpy.arange(6.0, dtype="float32").reshape(2, 3), numpy.ones((4, 3), "float32")
both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])


def refused(call, error, *said, arrays=()):
    """The call raises the error, its message says these things, and the arrays are as before."""
    before = [x.asnumpy().tobytes() for x in arrays]
    state = generator.get_state(), autograd.is_recording(), autograd.is_training()
    with pytest.raises(error) as caught:
        call()
    for text in said:
        assert re.search(text, str(caught.value)), str(caught.value)
    assert [x.asnumpy().tobytes() for x in arrays] == before
    assert (generator.get_state(), autograd.is_recording(), autograd.is_training()) == state


# ---- shapes that do not match ------------------------------------------------------------------

MISMATCHES = {
    "a + b": lambda f, a, b: a + b,
    "a == b": lambda f, a, b: a == b,
    "a += b": lambda f, a, b: a.__iadd__(b),
    "maximum": lambda f, a, b: f.maximum(a, b),
    "where": lambda f, a, b: f.where(a, a, b),
    "dot": lambda f, a, b: f.dot(a, b),
    "stack": lambda f, a, b: f.stack(a, b) if f is nd else f.stack([a, b]),
    "concatenate": lambda f, a, b: f.concatenate([a, b], axis=1),
    "copyto": lambda f, a, b: a.copyto(b),
    "x[:] = b": lambda f, a, b: a.__setitem__(slice(None), b),
    "x[0] = b": lambda f, a, b: a.__setitem__(0, b),
    "x[[0, 1]] = b": lambda f, a, b: a.__setitem__([0, 1], b),
    "broadcast_to": lambda f, a, b: a.broadcast_to((3, 3)),
    "reshape": lambda f, a, b: a.reshape((4, 2)),
    "reshape with -1": lambda f, a, b: a.reshape((4, -1)),
    "squeeze": lambda f, a, b: a.squeeze(axis=1),
    "split": lambda f, a, b: f.split(a, 2, axis=1),
    "pick": lambda f, a, b: nn.pick(a, b),
    "fully_connected": lambda f, a, b: nn.fully_connected(a, f.ones((5, 2))),
    "bias": lambda f, a, b: nn.fully_connected(a, b, f.ones((3,))),
    "softmax_cross_entropy": lambda f, a, b: nn.softmax_cross_entropy(a, b),
    "exp(out=)": lambda f, a, b: f.exp(a, out=b),
}


@both_faces
@pytest.mark.parametrize("name", MISMATCHES)
def test_shapes_that_do_not_match(face, name):
    a, b = face.array(A), face.array(B)
    refused(lambda: MISMATCHES[name](face, a, b), ShapeError, r"\d", arrays=(a, b))
    with autograd.record():
        refused(lambda: MISMATCHES[name](face, a, b), ShapeError, r"\d", arrays=(a, b))


def test_messages_name_both_shapes():
    a, b = np.array(A), np.array(B)
    for call in (
        lambda: a + b,
        lambda: a @ b,
        lambda: np.concatenate([a, b], axis=1),
        lambda: a.copyto(b),
        lambda: np.exp(a, out=b),
        lambda: np.stack([a, b]),
        lambda: nn.fully_connected(a, np.ones((5, 2))),
    ):
        refused(call, ShapeError, r"\(2, 3\)", r"\((4, 3|5, 2)\)")


def test_shape_errors_are_what_both_libraries_raise():
    assert issubclass(ShapeError, MXNetError)
    assert issubclass(ShapeError, ValueError)
    assert issubclass(AbstractValueError, MXNetError)
    assert mx.MXNetError is MXNetError


def test_labels_of_another_shape_but_the_same_size():
    pred = nd.zeros((2, 3, 5))
    refused(lambda: nn.softmax_cross_entropy(pred, nd.zeros((3, 2))), ShapeError, r"\(3, 2\)")
    refused(lambda: nn.softmax_cross_entropy(pred, nd.zeros((6,))), ShapeError, r"\(6,\)")
    assert nn.softmax_cross_entropy(pred, nd.zeros((2, 3))).shape == (2, 3)
    assert nn.softmax_cross_entropy(nd.zeros((4, 5)), nd.zeros((4, 1))).shape == (4,)


@both_faces
def test_products(face):
    for a, b in (((2, 3), (2, 3)), ((3,), (4,)), ((2, 3), (4,)), ((2, 2, 3), (2, 3, 4, 5))):
        if face is np or a != (2, 2, 3):
            refused(lambda a=a, b=b: face.dot(face.ones(a), face.ones(b)), ShapeError, "dot")
    refused(lambda: np.matmul(np.ones((2, 2, 3)), np.ones((3, 3, 4))), ShapeError, "matmul")
    refused(lambda: np.matmul(np.ones(()), np.ones((3,))), ShapeError, "matmul")
    batch_dot = nd.batch_dot if face is nd else npx.batch_dot
    refused(lambda: batch_dot(face.ones((2, 2, 3)), face.ones((3, 3, 4))), ShapeError, "batch_dot")
    refused(lambda: batch_dot(face.ones((2, 3)), face.ones((3, 4))), ShapeError, "batch_dot")
    if face is nd:
        a, b = nd.ones((2, 3), dtype="int32"), nd.ones((3, 2), dtype="int32")
        refused(lambda: nd.dot(a, b), MXNetError, "int32")


def test_losses_and_layers():
    x = nd.array(A)
    refused(lambda: losses.L2Loss()(x, nd.ones((5, 5))), (MXNetError, ValueError))
    refused(lambda: losses.SoftmaxCrossEntropyLoss()(x, nd.ones((5,))), (MXNetError, ValueError))
    net = gluon.nn.Dense(4, in_units=5)
    net.initialize()
    before = net.weight.data().asnumpy()
    for hybrid in (False, True):
        net.hybridize(hybrid)
        refused(lambda: net(x), MXNetError, "dense", "5", "3", arrays=(x,))
    assert (net.weight.data().asnumpy() == before).all()


# ---- axes, sizes, names ------------------------------------------------------------------------

AXES = {
    "sum": lambda f, a: f.sum(a, axis=2),
    "sum of several": lambda f, a: f.sum(a, axis=(0, 2)),
    "mean": lambda f, a: f.mean(a, axis=-3),
    "max": lambda f, a: f.max(a, axis=5),
    "argmax": lambda f, a: f.argmax(a, axis=2),
    "softmax": lambda f, a: nn.softmax(a, axis=2),
    "concatenate": lambda f, a: f.concatenate([a, a], axis=2),
    "split": lambda f, a: f.split(a, 1, axis=2),
    "swapaxes": lambda f, a: f.swapaxes(a, 0, 2),
    "expand_dims": lambda f, a: f.expand_dims(a, 4),
    "squeeze": lambda f, a: f.squeeze(a, axis=2),
    "transpose": lambda f, a: f.transpose(a, (0, 2)),
    "transpose twice": lambda f, a: f.transpose(a, (0, 0)),
    "transpose of few": lambda f, a: f.transpose(a, (0,)),
    "take": lambda f, a: f.take(a, f.zeros((1,)), axis=2),
    "repeat": lambda f, a: f.repeat(a, 2, axis=2),
    "pick": lambda f, a: nn.pick(a, f.zeros((2,)), axis=2),
    "cross-entropy": lambda f, a: nn.softmax_cross_entropy(a, f.zeros((2,)), axis=2),
    "dropout": lambda f, a: nn.dropout(a, 0.5, axes=(2,), mode="always"),
    "twice the same": lambda f, a: f.sum(a, axis=(0, 0)),
}


@both_faces
@pytest.mark.parametrize("name", AXES)
def test_axes_out_of_range(face, name):
    a = face.array(A)
    refused(lambda: AXES[name](face, a), ValueError, "axis|axes", arrays=(a,))


@both_faces
@pytest.mark.parametrize("axis", [1.5, "0", [None], {}])
def test_axes_of_other_types(face, axis):
    refused(lambda: face.sum(face.array(A), axis=axis), TypeError)


@both_faces
@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((1 << 40, 1 << 30), MemoryError),
        ((1 << 62, 1 << 62), MemoryError),
        ((1 << 50,), MemoryError),
        ((1 << 70,), (OverflowError, MemoryError, ValueError)),
        ((-1,), ShapeError),
        ((2, -3), ShapeError),
        ((1,) * 17, ShapeError),
        ((2.5,), TypeError),
        ("ab", TypeError),
        (None, TypeError),
        ((None,), TypeError),
        (5j, TypeError),
    ],
)
def test_shapes_that_cannot_be(face, shape, error):
    for function in (face.zeros, face.ones, face.empty, lambda s: face.full(s, 2)):
        refused(lambda f=function: f(shape), error)


@both_faces
def test_results_that_would_be_huge(face):
    a = face.ones((100_000, 1))
    refused(lambda: a.broadcast_to((100_000, 1 << 40)), MemoryError)
    b = face.ones((1 << 22, 1))
    refused(lambda: face.dot(b, b.reshape((1, -1))), MemoryError, arrays=(a,))
    refused(lambda: b + b.reshape((1, -1)), MemoryError)
    refused(lambda: face.repeat(b, 1 << 40), (MemoryError, ValueError, OverflowError))
    refused(lambda: face.arange(0, 1e18), (MemoryError, ValueError))
    refused(lambda: np.random.uniform(0, 1, (1 << 45,)), MemoryError)


def test_results_whose_size_overflows():
    wide = np.from_numpy(numpy.broadcast_to(numpy.float32(1), (1 << 33,)))
    column, row = wide.expand_dims(1), wide.expand_dims(0)
    for call in (
        lambda: column + wide,
        lambda: column == row,
        lambda: np.dot(column, row),
        lambda: np.where(column, row, row),
        lambda: nn.fully_connected(column, column),
    ):
        refused(call, MemoryError)


@both_faces
def test_too_many_axes(face):
    x = face.ones((1,) * 16)
    refused(lambda: x.expand_dims(0), (ShapeError, IndexError), "16")
    refused(lambda: x[None], (ShapeError, IndexError), "16")
    refused(lambda: x.reshape((1,) * 17), ShapeError, "16")
    refused(lambda: face.array(numpy.ones((1,) * 17)), ShapeError, "16")
    refused(lambda: face.stack(x, x) if face is nd else face.stack([x, x]),
            (ShapeError, IndexError), "16")  # fmt: skip
    refused(lambda: x.broadcast_to((1,) * 17), ShapeError, "16")
    assert (x + x).sum().asnumpy().ravel()[0] == 2


@both_faces
@pytest.mark.parametrize("dtype", ["foo", "int16", "complex64", "uint16", "str", "object", 5, [1]])
def test_unknown_dtypes(face, dtype):
    for call in (
        lambda: face.zeros((2,), dtype=dtype),
        lambda: face.array([1], dtype=dtype),
        lambda: face.array(A).astype(dtype),
        lambda: face.arange(3, dtype=dtype),
        lambda: face.random.uniform(0, 1, (2,), dtype=dtype),
    ):
        refused(call, (TypeError, MXNetError), re.escape(str(dtype)))


def test_unknown_names():
    for namespace in (nd, np, npx, nd.random, np.random):
        refused(lambda n=namespace: n.frobnicate, AttributeError, "frobnicate")
    refused(lambda: nn.activation(nd.ones((1,)), "frobnicate"), MXNetError, "frobnicate", "relu")
    refused(lambda: gluon.nn.Activation("frobnicate")(nd.ones((1,))), (MXNetError, ValueError))
    refused(lambda: nd.ones((1,)).attach_grad("sometimes"), KeyError, "sometimes")
    refused(lambda: mx.init.create("frobnicate"), (KeyError, ValueError, MXNetError), "frobnicate")
    refused(lambda: mx.Context("frobnicate"), KeyError)
    refused(lambda: nd.ones((1,)).frobnicate, AttributeError, "frobnicate")
    refused(lambda: np.ones((1,)).reshape(1, shepe=1), TypeError, "shepe")
    refused(lambda: nd.take(nd.ones((2,)), nd.zeros((1,)), mode="no"), ValueError, "no")
    refused(lambda: nn.dropout(nd.ones((1,)), mode="no"), ValueError, "no")
    refused(lambda: nd.ones((1,)).tostype("csr"), MXNetError, "csr")


@pytest.mark.parametrize("make", [nd.zeros, np.ones, lambda s, ctx: nd.array([1], ctx=ctx)])
def test_the_gpu(make):
    refused(lambda: make((2,), ctx=mx.gpu()), MXNetError, "gpu")
    refused(lambda: nd.ones((1,)).as_in_context(mx.gpu(0)), MXNetError, "gpu")
    refused(lambda: nd.ones((1,)).copyto(mx.gpu(0)), MXNetError, "gpu")
    refused(lambda: nd.zeros((2,), ctx="cpu"), (TypeError, ValueError, AttributeError, MXNetError))


# ---- indices and labels ------------------------------------------------------------------------


@both_faces
@pytest.mark.parametrize(
    "key",
    [
        2,
        -3,
        (0, 3),
        (0, -4),
        (0, 0, 0),
        (slice(None),) * 3,
        (..., ...),
        [0, 2],
        [-3],
        ([0, 1], [0, 3]),
        (slice(None), [0, 5]),
        numpy.array([5]),
        ([0, 1], [0, 1, 2]),
        numpy.array([True, False, True]),
        1.0,
        "a",
        (0, "a"),
        {},
        1 << 70,
        [1 << 40],
    ],
    ids=str,
)
def test_keys_out_of_range_or_of_other_types(face, key):
    x = face.array(A)
    refused(lambda: x[key], (IndexError, ValueError, TypeError), arrays=(x,))
    for value in (1, face.ones((1,)), [1.0]):
        refused(
            lambda v=value: x.__setitem__(key, v), (IndexError, ValueError, TypeError), arrays=(x,)
        )


@both_faces
def test_messages_of_indices(face):
    x = face.array(A)
    refused(lambda: x[2], IndexError, "index 2", "axis 0", "size 2")
    refused(lambda: x[0, -4], IndexError, "index -4", "axis 1", "size 3")
    refused(lambda: x[0, 0, 0], IndexError, "too many indices", "3", "2")
    refused(lambda: x[5:6][0], IndexError, "size 0")


@both_faces
@pytest.mark.parametrize("value", ["a", [1, "a"], object(), {}, [[1], [1, 2]]])
def test_values_that_cannot_be_written(face, value):
    x = face.array(A)
    for key in (0, slice(None), [0, 1]):
        refused(lambda k=key: x.__setitem__(k, value), (TypeError, ValueError), arrays=(x,))


@both_faces
@pytest.mark.parametrize("bad", [-1, 3, 1 << 40, -(1 << 40), numpy.nan, numpy.inf, -0.5])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
def test_labels_that_are_no_classes(face, bad, dtype):
    if dtype.startswith("int") and (bad != bad or abs(bad) == numpy.inf or bad == -0.5):
        bad = 7
    if dtype == "int32" and abs(bad) > 100:
        bad = 100
    pred, label = face.array(A), face.array(numpy.array([0, bad], dtype), dtype=dtype)
    pred.attach_grad()
    call = nn.softmax_cross_entropy
    refused(lambda: call(pred, label), ValueError, "label", "place 1", "0 to 2", arrays=(pred,))
    loss = losses.SoftmaxCrossEntropyLoss()
    for hybrid in (False, True):
        loss.hybridize(hybrid)
        with autograd.record():
            refused(lambda: loss(pred, label), ValueError, arrays=(pred,))
    assert (pred.grad.asnumpy() == 0).all()


@both_faces
def test_places_to_take(face):
    x = face.array(A)
    for bad in ([2], [-3], [0, 9]):
        places = face.array(bad, dtype="int64")
        refused(lambda p=places: face.take(x, p, axis=0, mode="raise"), IndexError, "out of bounds")
    for bad in (numpy.nan, numpy.inf):
        refused(lambda b=bad: face.take(x, face.array([b]), axis=0), IndexError, "nan or inf")
        refused(lambda b=bad: nn.pick(x, face.array([0, b])), IndexError, "nan or inf")
    empty = face.array(A)[0:0]
    refused(lambda: face.take(empty, face.array([0]), axis=0), (IndexError, ValueError))
    refused(lambda: nn.pick(x[:, 0:0], face.array([0, 0])), (IndexError, ValueError))


def test_take_of_places_beyond_int64():
    x = nd.array(A)
    assert nd.take(x, nd.array([1e30, -1e30])).asnumpy().tolist() == [A[1].tolist(), A[0].tolist()]
    assert nd.one_hot(nd.array([-1, 5, 1]), 3).asnumpy().tolist() == [[0] * 3, [0] * 3, [0, 1, 0]]


# ---- types -------------------------------------------------------------------------------------


@both_faces
@pytest.mark.parametrize("other", ["a", None, [1, 2, 3], (1,), {}, object(), 1j, b"a"])
def test_operands_of_other_types(face, other):
    x = face.array(A)
    calls = [
        lambda: x + other,
        lambda: other - x,
        lambda: x * other,
        lambda: x / other,
        lambda: x**other,
        lambda: x < other,
        lambda: x.__iadd__(other),
        lambda: x.dot(other),
    ]
    if face is nd or not isinstance(other, (list, tuple)):  # np's functions make arrays of them
        calls += [lambda: face.maximum(x, other), lambda: face.add(other, x)]
    for call in calls:
        refused(call, TypeError, arrays=(x,))


@both_faces
@pytest.mark.parametrize("other", ["a", None, [1, 2, 3], A, 1.0, object()])
def test_arguments_that_are_no_arrays(face, other):
    calls = [
        lambda: npx.sigmoid(other) if face is np else nd.exp(other),
        lambda: nn.softmax(other),
        lambda: nn.fully_connected(other, face.ones((1, 1))),
        lambda: nn.fully_connected(face.ones((1, 1)), other),
        lambda: nn.dropout(other, 0.5),
        lambda: nn.activation(other, "relu"),
    ]
    if face is nd or not isinstance(other, (list, numpy.ndarray, float)):  # np makes arrays of them
        calls += [
            lambda: face.sum(other),
            lambda: face.transpose(other),
            lambda: face.reshape(other, (1,)),
            lambda: face.where(other, face.ones((1,)), face.ones((1,))),
            lambda: face.take(other, face.zeros((1,))),
        ]
    for call in calls:
        refused(call, (TypeError, AssertionError))


@both_faces
@pytest.mark.parametrize("value", ["abc", [[1], [1, 2]], object(), {1: 2}, {1, 2}, [object()]])
def test_what_is_no_array(face, value):
    refused(lambda: face.array(value), TypeError)


@both_faces
def test_faces_do_not_mix(face):
    other = np if face is nd else nd
    x, y = face.ones((2, 2)), other.ones((2, 2))
    for call in (
        lambda: x + y,
        lambda: face.dot(x, y),
        lambda: face.concatenate([x, y]),
        lambda: nn.fully_connected(x, y),
    ):
        refused(call, TypeError, arrays=(x, y))


def test_integers_where_floats_are_needed():
    x = np.ones((2, 2), dtype="int32")
    for call in (
        lambda: nn.softmax(x),
        lambda: nn.fully_connected(x, x),
        lambda: nn.softmax_cross_entropy(x, np.zeros((2,))),
        lambda: nn.dropout(x, 0.5, mode="always"),
    ):
        refused(call, MXNetError, "int32")
    for operator in (lambda a: ~a, lambda a: a & a, lambda a: a | a):
        refused(lambda o=operator: o(np.ones((2,))), MXNetError)
    refused(lambda: x.__itruediv__(2), MXNetError, "int32", arrays=(x,))


def test_numbers_that_do_not_fit():
    x = nd.array([1, 2], dtype="uint8")
    for call in (lambda: x + 300, lambda: x * -1, lambda: x.__iadd__(1000)):
        refused(call, OverflowError, arrays=(x,))
    refused(lambda: nd.ones((2,)) * 10**400, OverflowError)
    y = nd.array([1, 2], dtype="int32")
    for value in (numpy.nan, numpy.inf):
        refused(lambda v=value: y.__setitem__(0, v), (ValueError, OverflowError), arrays=(y,))
        refused(lambda v=value: y + v, (ValueError, OverflowError), arrays=(y,))


def test_arrays_are_made_by_functions():
    for kind in (nd.NDArray, np.ndarray, Tensor):
        refused(kind, TypeError)


@pytest.mark.parametrize(
    "change",
    [
        {"grads": []},
        {"grads": [nd.ones((2,))] * 2},
        {"grads": [nd.ones((3,))]},
        {"grads": [nd.ones((2,), dtype="float64")]},
        {"grads": [5]},
        {"weights": [nd.ones((2,), dtype="int32")]},
        {"states": []},
        {"states": [nd.ones((1,))]},
        {"values": (0.5, 0.0)},
        {"values": ("fast", 0.0, 0.9)},
        {"lr_mults": []},
        {"lr_mults": ["fast"]},
        {"wd_mults": []},
        {"counts": []},
    ],
    ids=str,
)
def test_updates_that_do_not_fit(change):
    weight = nd.ones((2,))
    arguments = {
        "weights": [weight],
        "grads": [nd.ones((2,))],
        "states": [nd.zeros((2,))],
        "values": (0.5, 0.0, 0.9),
        "lr_mults": [1.0],
        "wd_mults": [1.0],
        "counts": [0],
        "steps": 1,
    } | change
    program = Rule("m = momentum * m - lr * grad\nweight += m", states="m").program
    refused(lambda: program.run(*arguments.values()), (ValueError, TypeError), arrays=(weight,))


def test_updates_of_read_only_weights():
    array = numpy.ones(2, "float32")
    array.flags.writeable = False
    weight = nd.from_numpy(array)
    arguments = [weight], [nd.ones((2,))], [], (0.5, 0.0), [1.0], [1.0], [0], 1
    refused(lambda: Rule("weight -= lr * grad").program.run(*arguments), ValueError,
            "read-only", arrays=(weight,))  # fmt: skip


# ---- zero-size and zero-dim --------------------------------------------------------------------


def test_empty_arrays_have_numpys_answers():
    x, values = np.zeros((0, 3)), numpy.zeros((0, 3), "float32")
    for name in ("sum", "prod"):
        for axis in (None, 0, 1):
            expected = getattr(values, name)(axis=axis)
            assert getattr(x, name)(axis=axis).asnumpy().tolist() == expected.tolist()
    for name in ("max", "min", "argmax", "argmin"):
        refused(lambda n=name: getattr(x, n)(), ValueError)
        refused(lambda n=name: getattr(x, n)(axis=0), ValueError)
        assert getattr(x, name)(axis=1).shape == (0,)
    assert numpy.isnan(x.mean().item())
    assert (np.ones((2, 0)) @ np.ones((0, 3))).tolist() == [[0] * 3] * 2
    assert (
        nn.fully_connected(np.ones((2, 0)), np.ones((3, 0)), np.ones((3,))).tolist()
        == [[1] * 3] * 2
    )
    assert nn.softmax(x).shape == nn.softmax(x, axis=0).shape == (0, 3)
    assert nn.softmax(np.zeros((2, 0))).shape == (2, 0)
    assert nn.softmax_cross_entropy(x, np.zeros((0,))).shape == (0,)
    assert np.concatenate([x, np.ones((1, 3))]).shape == (1, 3)
    assert x.reshape(-1).shape == (0,)
    refused(lambda: x.reshape(0, -1), ShapeError, "0")
    refused(lambda: np.concatenate([]), ValueError, "at least one")
    refused(lambda: np.stack([]), ValueError, "at least one")


def test_arrays_without_axes():
    x = np.array(2.0)
    for call, error in (
        (lambda: x[0], IndexError),
        (lambda: x[:], IndexError),
        (lambda: len(x), TypeError),
        (lambda: list(x), TypeError),
        (lambda: x @ x, ShapeError),
        (lambda: nn.softmax(x), ValueError),
        (lambda: nn.fully_connected(x, np.ones((1, 1))), ShapeError),
        (lambda: npx.batch_flatten(x), ShapeError),
        (lambda: nn.softmax_cross_entropy(x, np.zeros(())), ValueError),
        (lambda: np.split(x, 1), ValueError),
        (lambda: np.random.shuffle(x), (TypeError, ValueError, IndexError)),
        (lambda: np.concatenate([x, x]), ValueError),
        (lambda: x.argmax(axis=1), ValueError),
    ):
        refused(call, error, arrays=(x,))
    assert x.sum().item() == x.max().item() == x.T.item() == 2
    assert x.argmax().item() == 0


# ---- abstract arrays ---------------------------------------------------------------------------

LEAKED = """
from microlazy import autograd, gluon, nd, np
from microlazy.base import AbstractValueError
from microlazy.core import trace
from microlazy.core.ops import nn

x = trace.abstract((2, 2), face=1)
net = gluon.nn.HybridLambda(lambda F, x: x * 2)
net.hybridize()


def recorded():
    x.attach_grad()
    with autograd.record():
        return (x * 2).sum()


try:
    result = {call}
    result.asnumpy()
except AbstractValueError as error:
    print("refused")
"""


@pytest.mark.parametrize(
    "call",
    [
        "x + 1",
        "x + np.ones((2, 2))",
        "np.ones((2, 2)) * x",
        "np.exp(x)",
        "x.sum()",
        "x.copy()",
        "x.T",
        "x[0]",
        "x[[0]]",
        "x.reshape(4)",
        "x @ np.ones((2, 2))",
        "nn.softmax(x)",
        "nn.fully_connected(np.ones((2, 2)), x)",
        "np.concatenate([x, x])",
        "x.astype('int32')",
        "np.where(x, x, x)",
        "recorded()",
        "net(x)",
        "x.copyto(np.ones((2, 2)))",
        "(x.attach_grad(), x.grad)[1]",
    ],
)
def test_abstract_arrays_outside_their_trace(call):
    script = LEAKED.format(call=call)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr
