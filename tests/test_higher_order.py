"""Gradients of gradients: `autograd.grad(create_graph=True)` and `autograd.Function`."""

import threading
from typing import NamedTuple

import gradients as check
import numpy
import pytest

from microlazy import autograd, nd, np, npx
from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions
from microlazy.core.differentiation import ops_behind
from microlazy.core.ops import nn
from microlazy.core.ops.elementwise import BINARY, UNARY
from microlazy.core.ops.numpy_call import call, call_many
from microlazy.gluon import nn as layers

RNG = numpy.random.default_rng(17)


def uniform(*shape, low=0.4, high=2.0):
    return RNG.uniform(low, high, shape)


def sin_and_cos(x):
    return numpy.sin(x), numpy.cos(x)


def written_into(x):
    y = np.zeros((2, 3), dtype="float64")
    y[:, 1:] = x[:, :2] ** 2
    return y * y


MATRIX, OTHER, STACK = uniform(2, 3), uniform(3, 4), uniform(2, 3, 4, low=-1)
ZEROS = MATRIX.copy()
ZEROS[0, 0] = ZEROS[1, 1] = ZEROS[1, 2] = 0
PLACES = np.array([1, 0, 1], dtype="int64")
CASES = {
    "sum": (lambda x: x.sum(axis=1) ** 2, STACK),
    "mean": (lambda x: x.mean(axis=(0, 2)) ** 2, STACK),
    "prod": (lambda x: x.prod(axis=(0, 2)), STACK),
    "prod with zeros": (lambda x: x.prod(axis=1), ZEROS),
    "prod of all": (lambda x: x.prod(), MATRIX),
    "max": (lambda x: x.max(axis=1) ** 2, STACK),
    "var": (lambda x: np.var(x, axis=1), STACK),
    "std": (np.std, STACK),
    "cumsum": (lambda x: np.cumsum(x, axis=1) ** 3, MATRIX),
    "matmul": (lambda a, b: np.matmul(a, b) ** 2, MATRIX, OTHER),
    "matmul of a stack": (lambda a, b: np.matmul(a, b) ** 2, STACK, OTHER.T.copy()),
    "nd.dot": (
        lambda a, b: functions.dot(a, b, True, True) ** 2,
        MATRIX.T.copy(),
        OTHER.T.copy(),
    ),
    "dense": (
        lambda x, w, b: nn.fully_connected(x, w, b) ** 2,
        MATRIX,
        OTHER.T.copy(),
        uniform(4),
    ),
    "dense, inputs first": (
        lambda x, w, b: nn.fully_connected(x, w, b, act_type="relu", in_first=True) ** 2,
        MATRIX - 1,
        OTHER - 1,
        uniform(4),
    ),
    "dense with relu": (
        lambda x, w, b: nn.fully_connected(x, w, b, act_type="relu") ** 2,
        MATRIX - 1,
        OTHER.T - 1,
        uniform(4),
    ),
    "softmax": (lambda x: npx.softmax(x, axis=1), STACK),
    "log_softmax": (npx.log_softmax, STACK),
    "cross-entropy": (lambda x: nn.softmax_cross_entropy(x, np.array([1, 2])), MATRIX),
    "basic index": (lambda x: x[:, 1:, ::2] ** 3, STACK),
    "index backwards": (lambda x: x[:, ::-1, None, ..., 2] ** 3, STACK),
    "integer arrays": (lambda x: x[[1, 0, 1], [0, 1, 0]] ** 3, STACK),
    "mask": (lambda x: x[np.array([True, False])] ** 3, STACK),
    "take": (lambda x: np.take(x, PLACES, axis=1) ** 3, STACK),
    "pick": (lambda x: nn.pick(x, np.array([1, 0])) ** 3, MATRIX),
    "where": (lambda a, b: np.where(a > 1, a, b) ** 3, MATRIX, MATRIX + 1),
    "assignment": (written_into, MATRIX),
    "concatenate": (lambda a, b: np.concatenate([a, b]) ** 3, MATRIX, MATRIX + 1),
    "stack": (lambda a, b: np.stack([a, b], axis=1) ** 3, MATRIX, MATRIX + 1),
    "split": (lambda x: np.split(x, 3, axis=1)[1] ** 3, MATRIX),
    "transpose": (lambda x: x.T**3, MATRIX),
    "reshape": (lambda x: (x**2).reshape(3, 2) ** 3, MATRIX),
    "broadcast_to": (lambda x: np.broadcast_to(x, (4, 2, 3)) ** 3, MATRIX),
    "both faces": (lambda x: (x.as_nd_ndarray() ** 3).as_np_ndarray(), MATRIX),
    "copy": (lambda x: (x**2).copy() ** 2, MATRIX),
    "clip": (lambda x: np.clip(x, 0.5, 1.5) ** 3, MATRIX),
    "norm": (np.linalg.norm, MATRIX),
    "NumPy's function": (
        lambda x: call(numpy.arctan, [x], gradients=(lambda g, y, x: g / (1 + x * x),)),
        MATRIX,
    ),
    "a rule that reads the result": (
        lambda x: call(numpy.exp, [x], gradients=(lambda g, y, x: g * y,)),
        MATRIX,
    ),
    "several results": (
        lambda x: functions.concatenate(
            call_many(
                sin_and_cos,
                [x],
                gradients=(lambda gs, ys, x: gs[0] * ys[1] - gs[1] * ys[0],),
            )
        ),
        MATRIX,
    ),
}
FLAT = ("sign", "floor", "ceil", "rint", "trunc")  # their first gradient is a constant 0
BOUNDS = {name: (0.1, 0.9) for name in ("arcsin", "arccos", "arctanh")}
BOUNDS |= {"arccosh": (1.2, 3.0), "tan": (0.1, 1.3)}
CASES |= {
    name: (
        lambda x, name=name: functions.unary_op(name, x) ** 2,
        RNG.uniform(*BOUNDS.get(name, (0.4, 2.0)), (2, 3)),
    )
    for name in UNARY
    if name not in FLAT
}
SMOOTH = [name for name in BINARY if "equal" not in name and name not in ("less", "greater")]
CASES |= {
    name: (lambda a, b, name=name: functions.binary_op(name, a, b) ** 2, MATRIX, uniform(3))
    for name in SMOOTH
}
CASES |= {
    f"{name} with a number": (
        lambda x, name=name: (
            functions.binary_op(name, x, 1.7) ** 2 * functions.binary_op(name, 1.7, x)
        ),
        MATRIX,
    )
    for name in SMOOTH
}


def leaves(values):
    arrays = [np.array(v, dtype="float64") for v in values]
    for x in arrays:
        x.attach_grad()
    return arrays


def weighted_slopes(function, values):
    """The first gradient's product with fixed weights, and that product's gradient."""
    arrays = leaves(values)
    with autograd.record():
        y = function(*arrays)
        head = np.array(check.head_weights([y])[0], dtype="float64")
        slopes = autograd.grad(y, arrays, head_grads=[head], create_graph=True)
        total = sum((s * np.array(w)).sum() for s, w in zip(slopes, weights(values), strict=True))
    total.backward()
    return [s.asnumpy() for s in slopes], [x.grad.asnumpy() for x in arrays]


def weights(values):
    generator = numpy.random.default_rng(3)
    return [generator.uniform(0.5, 1.5, v.shape) for v in values]


@pytest.mark.parametrize("name", CASES)
def test_second_gradient_is_the_slope_of_the_first(name):
    function, *values = CASES[name]
    slopes, curvature = weighted_slopes(function, values)
    _, first = check.gradients(function, leaves(values))
    for s, f in zip(slopes, first, strict=True):
        numpy.testing.assert_allclose(s, f, rtol=1e-9, atol=1e-12)

    def total(changed):
        _, grads = check.gradients(function, leaves(changed))
        return sum((w * g).sum() for w, g in zip(weights(values), grads, strict=True))

    step = 1e-5
    for which, value in enumerate(values):
        for place in numpy.ndindex(value.shape):
            sides = []
            for change in (step, -step):
                changed = [v.copy() for v in values]
                changed[which][place] += change
                sides.append(total(changed))
            expected = (sides[0] - sides[1]) / (2 * step)
            assert curvature[which][place] == pytest.approx(expected, rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("name", FLAT)
def test_gradient_of_steps_is_zero(name):
    (x,) = leaves([MATRIX])
    with autograd.record():
        (slope,) = autograd.grad(functions.unary_op(name, x), x, create_graph=True)
    assert not slope.asnumpy().any()


def test_derivatives_of_sin_to_the_sixth_order():
    x = np.array([0.3, 1.2, -0.7], dtype="float64")
    x.attach_grad()
    with autograd.record():
        y, found = np.sin(x), []
        for _ in range(5):
            (y,) = autograd.grad(y, x, create_graph=True)
            found.append(y.asnumpy())
    y.backward()
    v = x.asnumpy()
    expected = [numpy.cos(v), -numpy.sin(v), -numpy.cos(v), numpy.sin(v), numpy.cos(v)]
    numpy.testing.assert_allclose(found, expected, atol=1e-15)
    numpy.testing.assert_allclose(x.grad.asnumpy(), -numpy.sin(v), atol=1e-15)


def test_gradient_penalty_of_a_network():
    """The gradient of |d net / d input|^2 by a weight, against central differences."""
    net = layers.HybridSequential()
    net.add(layers.Dense(5, activation="tanh"), layers.Dense(1))
    net.initialize()
    x = nd.array([[0.5, -1.0, 0.25], [1.0, 2.0, -0.5]])
    net.cast("float64")
    x = x.astype("float64")
    x.attach_grad()

    def penalty():
        (slope,) = autograd.grad(net(x), x, create_graph=True, retain_graph=True)
        return (slope**2).sum()

    with autograd.record():
        loss = penalty()
    loss.backward()
    weight = net[0].weight
    found = weight.grad().asnumpy()
    value = weight.data().asnumpy()
    for place in [(0, 0), (2, 1), (4, 2)]:
        sides = []
        for change in (1e-6, -1e-6):
            changed = value.copy()
            changed[place] += change
            weight.set_data(nd.array(changed, dtype="float64"))
            with autograd.record():
                sides.append(float(penalty().asscalar()))
        weight.set_data(nd.array(value, dtype="float64"))
        assert found[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6)


def test_only_what_leads_to_the_variables_is_differentiated():
    x, w = leaves([uniform(3), uniform(3)])
    with autograd.record():
        y = (np.exp(w) * x).sum()
        (slope,) = autograd.grad(y, x, create_graph=True)
    # d y / d x needs the exp, but not its gradient.
    assert ops_behind(slope).count("exp") == 1
    slope.backward()
    numpy.testing.assert_allclose(w.grad.asnumpy(), numpy.exp(w.asnumpy()))
    assert x.grad.asnumpy().tolist() == [0, 0, 0]


def test_the_first_graph_stays_usable_and_gradients_in_arrays_stay():
    (x,) = leaves([numpy.array([1.0, 2.0])])
    with autograd.record():
        y = x**3
        (slope,) = autograd.grad(y, x, create_graph=True)
    assert x.grad.asnumpy().tolist() == [0, 0]
    y.backward()
    assert x.grad.asnumpy().tolist() == [3, 12]
    slope.backward()
    assert x.grad.asnumpy().tolist() == [6, 12]


def test_head_gradients_take_part():
    x, h = leaves([numpy.array([1.0, 2.0]), numpy.array([3.0, 5.0])])
    with autograd.record():
        (slope,) = autograd.grad(x**2, x, head_grads=[h], create_graph=True)
    slope.backward()
    assert h.grad.asnumpy().tolist() == [2, 4]
    assert x.grad.asnumpy().tolist() == [6, 10]


def test_create_graph_refuses_what_has_only_a_first_gradient():
    (x,) = leaves([uniform(3)])
    with autograd.record():
        y = call(numpy.exp, [x], gradients=(lambda g, y, x: g * y,), once=True)
        with pytest.raises(MXNetError, match="numpy:exp is not differentiable again"):
            autograd.grad(y, x, create_graph=True)
    y.backward()
    numpy.testing.assert_allclose(x.grad.asnumpy(), numpy.exp(x.asnumpy()))


# ---- autograd.Function -------------------------------------------------------------------------


class Sigmoid(autograd.Function):
    def forward(self, x):
        assert not autograd.is_recording()
        assert autograd.is_training()
        y = 1 / (1 + (-x).exp())
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return dy * y * (1 - y)


class ProductAndSum(autograd.Function):
    def forward(self, a, b):
        self.save_for_backward(a, b)
        return a * b, a + b

    def backward(self, d_product, d_sum):
        a, b = self.saved_tensors
        return d_product * b + d_sum, d_product * a + d_sum


def test_function_of_one_array():
    x = nd.array([-1.0, 0.5, 2.0])
    x.attach_grad()
    with autograd.record():
        z = (Sigmoid()(x * 2) ** 2).sum()
    z.backward()
    s = 1 / (1 + numpy.exp(-2 * x.asnumpy()))
    numpy.testing.assert_allclose(x.grad.asnumpy(), 4 * s * s * (1 - s), rtol=1e-6)


@pytest.mark.parametrize("used", [(True, True), (True, False), (False, True)])
def test_function_with_two_results_of_which_some_are_used(used):
    a, b = nd.array([2.0, 3.0]), nd.array([5.0, 7.0])
    a.attach_grad()
    b.attach_grad()
    with autograd.record():
        product, total = ProductAndSum()(a, b)
        z = (product * 10 if used[0] else 0) + (total if used[1] else 0)
    z.backward()
    expected = 10 * used[0] * numpy.array([5, 7]) + used[1]
    assert a.grad.asnumpy().tolist() == expected.tolist()


def test_function_is_differentiable_to_any_order_when_its_backward_is():
    class Cube(autograd.Function):
        def forward(self, x):
            self.save_for_backward(x)
            return x**3

        def backward(self, dy):
            (x,) = self.saved_tensors
            return dy * 3 * x**2

    (x,) = leaves([numpy.array([2.0, -1.0])])
    with autograd.record():
        (slope,) = autograd.grad(Cube()(x), x, create_graph=True)
    slope.backward()
    assert x.grad.asnumpy().tolist() == [12, -6]


def test_function_outside_record_and_on_arrays_without_gradient():
    x = nd.array([0.0])
    with autograd.train_mode():
        assert Sigmoid()(x).asscalar() == 0.5
    with autograd.record():
        assert ops_behind(Sigmoid()(x)) == []


def test_function_errors():
    class Wrong(autograd.Function):
        def __init__(self, gradient):
            self.gradient = gradient

        def forward(self, x):
            return x * 2

        def backward(self, dy):
            return self.gradient

    x = nd.ones((2,))
    x.attach_grad()
    for gradient, error, match in [
        ((x, x), ValueError, "must return 1 gradients"),
        (nd.ones((3,)), ShapeError, r"shape \(3,\) for an input of shape \(2,\)"),
        ([1.0], TypeError, "must return arrays, not float"),
    ]:
        with autograd.record():
            y = Wrong(gradient)(x)
        with pytest.raises(error, match=match):
            y.backward()
    function = Wrong(x)
    function(x)
    with pytest.raises(AssertionError, match="called already"):
        function(x)
    with pytest.raises(TypeError, match="inputs must be arrays, not float"):
        Wrong(x)(1.0)
    with pytest.raises(NotImplementedError, match="needs a forward"):
        autograd.Function()(x)


def test_function_inside_a_hybridized_block_runs_eagerly():
    net = check.Wrapped(lambda x: Sigmoid()(x))
    x = nd.ones((2,))
    with autograd.train_mode():
        expected = net(x)
        net.hybridize()
        with pytest.warns(UserWarning, match="runs eagerly.*Sigmoid"):
            found = net(x)
    assert found.asnumpy().tolist() == expected.asnumpy().tolist()


def test_function_that_saves_its_result_has_a_right_second_gradient():
    class Exp(autograd.Function):
        def forward(self, x):
            y = np.exp(x)
            self.save_for_backward(y)
            return y

        def backward(self, dy):
            return dy * self.saved_tensors[0]

    (x,) = leaves([numpy.array([1.0, -2.0])])
    with autograd.record():
        y = Exp()(x) * x
        for _ in range(3):
            (y,) = autograd.grad(y, x, create_graph=True)
    v = x.asnumpy()
    numpy.testing.assert_allclose(y.asnumpy(), numpy.exp(v) * (v + 3))


def test_function_returns_a_named_tuple():
    class Pair(NamedTuple):
        double: np.ndarray
        triple: np.ndarray

    class Multiples(autograd.Function):
        def forward(self, x):
            return Pair(x * 2, x * 3)

        def backward(self, d_double, d_triple):
            return d_double * 2 + d_triple * 3

    (x,) = leaves([numpy.array([1.0])])
    with autograd.record():
        y = Multiples()(x)
        total = y.double + y.triple
    total.backward()
    assert isinstance(y, Pair)
    assert x.grad.asnumpy().tolist() == [5]


def test_gradient_of_the_other_array_type_is_converted():
    class Ones(autograd.Function):
        def forward(self, x):
            return x * 1

        def backward(self, dy):
            return dy.as_nd_ndarray()

    (x,) = leaves([numpy.array([1.0])])
    with autograd.record():
        (slope,) = autograd.grad(Ones()(x) ** 2, x, create_graph=True)
    slope.backward()
    assert type(slope) is np.ndarray
    assert x.grad.asnumpy().tolist() == [2]


@pytest.mark.parametrize("selective", [False, True])
def test_a_pass_through_a_graph_that_another_pass_is_in_is_refused(selective):
    """It would take the gradients that wait there."""

    class Nested(autograd.Function):
        def forward(self, x):
            return x * 1

        def backward(self, dy):
            return dy * autograd.grad(square, x, retain_graph=True)[0]

    (x,) = leaves([numpy.array([1.0, 2.0])])
    with autograd.record():
        square = x * x
        y = Nested()(square) + square
    with pytest.raises(MXNetError, match=r"multiply op.*another backward pass.*detach"):
        autograd.grad(y, x, retain_graph=True) if selective else y.backward(retain_graph=True)
    square.backward()
    assert x.grad.asnumpy().tolist() == [2, 4]


def test_a_pass_inside_a_pass_leaves_the_outer_one_its_variables():
    class Checkpoint(autograd.Function):
        def forward(self, x):
            self.save_for_backward(x)
            return np.sin(x) * w

        def backward(self, dy):
            x = self.saved_tensors[0].detach()
            x.attach_grad()
            with autograd.record():
                y = np.sin(x) * w
            dx, _ = autograd.grad(y, [x, w], head_grads=[dy])
            return dx

    x, w = leaves([numpy.array([1.0, 2.0]), numpy.array([3.0, 4.0])])
    with autograd.record():
        y = Checkpoint()(x) + w
    (by_x, by_w) = autograd.grad(y, [x, w])
    numpy.testing.assert_allclose(by_x.asnumpy(), numpy.cos([1, 2]) * [3, 4])
    assert by_w.asnumpy().tolist() == [1, 1]


# ---- what grad() returns -----------------------------------------------------------------------


def test_gradients_can_be_changed_in_place_each_by_itself():
    a, b, h = leaves([numpy.array([1.0, 2.0])] * 3)
    with autograd.record():
        by_a, by_b = autograd.grad(a + b, [a, b], create_graph=True)
        (by_h,) = autograd.grad(a + 1, a, head_grads=[h], create_graph=True)
        first, second = autograd.grad(a * a, [a, a])
    for changed in (by_a, by_h, first):
        changed += 5
    assert by_b.asnumpy().tolist() == [1, 1]
    assert h.asnumpy().tolist() == [1, 2]
    assert second.asnumpy().tolist() == [2, 4]


@pytest.mark.parametrize("head", [nd.ones((2,), dtype="float64"), np.ones((2,), dtype="float32")])
def test_head_gradient_of_another_type_is_converted(head):
    x = nd.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        (slope,) = autograd.grad(x**3, x, head_grads=[head], create_graph=True)
    slope.backward()
    assert (type(slope), slope.dtype) == (nd.NDArray, numpy.float32)
    assert x.grad.asnumpy().tolist() == [6, 12]


def test_create_graph_beside_a_hybridized_block_that_does_not_matter():
    net = layers.Dense(2)
    net.initialize()
    net.hybridize()
    x, z = nd.ones((1, 3)), nd.array([[1.0, 2.0]])
    x.attach_grad()
    z.attach_grad()
    with autograd.record():
        y = net(x)
        (slope,) = autograd.grad(y * z * z, z, create_graph=True)
    slope.backward()
    numpy.testing.assert_allclose(z.grad.asnumpy(), 2 * y.asnumpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: np.where(x > 0, x, np.zeros_like(x)),
        npx.relu,
        lambda x: np.maximum(x, 0),
        lambda x: -np.minimum(-x, 0),
        lambda x: np.clip(x, 0, 9),
        lambda x: nn.fully_connected(
            x.reshape(2, 1), np.ones((1, 1), dtype="float64"), act_type="relu", no_bias=True
        ),
    ],
)
def test_an_infinite_gradient_does_not_pass_where_nothing_passes(cut):
    (x,) = leaves([numpy.array([-1.0, 2.0])])
    with autograd.record():
        y = 1 / cut(x)
        (slope,) = autograd.grad(y, x, create_graph=True)
    y.backward(retain_graph=True)
    assert slope.asnumpy().tolist() == x.grad.asnumpy().tolist() == [0, -0.25]
    slope.backward()
    assert x.grad.asnumpy().tolist() == [0, 0.25]


@pytest.mark.parametrize("create_graph", [False, True])
def test_rule_with_a_gradient_of_a_wrong_shape_is_refused(create_graph):
    (x,) = leaves([uniform(5)])
    with autograd.record():
        y = call(numpy.negative, [x], gradients=(lambda g, y, x: g[:3],))
        with pytest.raises(ShapeError, match=r"numpy:negative.*\(3,\).*\(5,\)"):
            autograd.grad(y, x, create_graph=create_graph)


def test_in_place_arithmetic_on_the_tape_keeps_the_dtype():
    """A gradient of the other dtype would be read as if it had the array's."""
    (x,) = leaves([numpy.array([1.0, 2.0, 3.0])])
    y, counts = np.ones((3,), dtype="float32"), np.ones((3,), dtype="int32")
    with autograd.record():
        y *= x
        z = y * 2
        with pytest.raises(MXNetError, match=r"int32; use astype"):
            counts += x
    z.backward()
    assert y.dtype == numpy.float32
    assert x.grad.asnumpy().tolist() == [2, 2, 2]
    assert counts.asnumpy().tolist() == [1, 1, 1]


def test_a_recorded_write_into_an_array_with_views_is_refused():
    """The view and the whole would have different gradients, one of them wrong."""
    (x,) = leaves([numpy.array([1.0, 2.0])])
    whole = np.zeros((2, 2), dtype="float64")
    row = whole[0]
    with autograd.record():
        for array in (row, whole):
            with pytest.raises(MXNetError, match="shares its memory"):
                array[:] = x * x
            with pytest.raises(MXNetError, match="shares its memory"):
                array += x
        assert not whole.asnumpy().any()
        del row, array
        whole[0] = x * x
        y = whole.sum()
    y.backward()
    assert x.grad.asnumpy().tolist() == [2, 4]


@pytest.mark.parametrize("create_graph", [False, True])
def test_two_threads_differentiate_by_one_variable_at_a_time(create_graph):
    (x,) = leaves([numpy.array([1.0, 2.0])])
    inside, done, found = threading.Event(), threading.Event(), []

    def second_rule(g, y, x):
        inside.set()
        assert done.wait(10)
        return g * 3

    def second():
        found.append(slope(numpy.positive, second_rule, 5))

    def first_rule(g, y, x):
        thread.start()
        assert inside.wait(10)
        return g * 2

    def slope(function, rule, factor):
        with autograd.record():
            y = call(function, [x * factor], gradients=(rule,))
            return autograd.grad(y, x, create_graph=create_graph)[0].asnumpy().tolist()

    thread = threading.Thread(target=second)
    found.append(slope(numpy.negative, first_rule, 7))
    done.set()
    thread.join()
    assert found == [[14, 14], [15, 15]]


# ---- gradients that do not depend on what they are differentiated by ---------------------------

FLAT = {
    "relu": lambda x: npx.relu(x),
    "abs": np.abs,
    "clip": lambda x: np.clip(x, -1, 1),
    "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean(axis=0),
    "linear": lambda x: np.dot(x, np.ones((2, 3), dtype="float64")),
    "copy": lambda x: x.copy(),
    "negative": lambda x: -x,
    "index": lambda x: x[0],
    "stack": lambda x: np.stack([x, x]),
}


@pytest.mark.parametrize("name", FLAT)
def test_the_second_derivative_of_what_is_piecewise_linear_is_zero(name):
    (x,) = leaves([numpy.array([[0.5, -2.0], [3.0, -0.25]])])
    with autograd.record():
        (first,) = autograd.grad(FLAT[name](x), x, create_graph=True)
        (second,) = autograd.grad(first, x, create_graph=True)
        (third,) = autograd.grad(second, x, create_graph=True)
        assert not second.asnumpy().any() and not third.asnumpy().any()
        assert second.shape == third.shape == x.shape
        product = (first * x).sum()
    expected = first.asnumpy()
    product.backward(retain_graph=True)
    assert (x.grad.asnumpy() == expected).all()
    for slope in (first, second, third):
        x.grad[:] = 7
        slope.backward(retain_graph=True)
        assert not x.grad.asnumpy().any()


def test_a_mixed_gradient_depends_on_one_input_and_not_on_the_other():
    x, w, b = leaves([numpy.array([[1.0, 2.0]]), numpy.array([[3.0], [4.0]]), numpy.array([1.0])])
    with autograd.record():
        y = np.dot(x, w) + b
        (slope,) = autograd.grad(y, x, create_graph=True)
        penalty = (slope * slope).sum()
    gw, gx, gb = autograd.grad(penalty, [w, x, b], retain_graph=True)
    assert gw.tolist() == [[6], [8]] and gx.tolist() == [[0, 0]] and gb.tolist() == [0]
    for array in (x, w, b):
        array.grad[:] = 7
    penalty.backward()
    assert w.grad.tolist() == [[6], [8]]
    assert x.grad.tolist() == [[0, 0]] and b.grad.tolist() == [0]


def test_the_hessian_of_a_network_of_relus():
    x, w = leaves([numpy.array([0.5, -1.5]), numpy.array([[1.0, 2.0], [3.0, -4.0]])])
    with autograd.record():
        y = npx.relu(np.dot(w, x))
        loss = (y**2).sum() + npx.relu(x).sum()
        (slope,) = autograd.grad(loss, x, create_graph=True)
        rows = [autograd.grad(slope[i], x, retain_graph=True)[0].tolist() for i in range(2)]
        linear = autograd.grad(y.sum(), x, create_graph=True)[0]
        nothing = [autograd.grad(linear[i], x, retain_graph=True)[0].tolist() for i in range(2)]
    active = numpy.array([[0.0, 0.0], [3.0, -4.0]])
    assert numpy.allclose(rows, 2 * active.T @ active)
    assert nothing == [[0, 0], [0, 0]]


def test_an_intermediate_result_that_a_gradient_does_not_depend_on():
    (x,) = leaves([numpy.array([1.0, 2.0])])
    with autograd.record():
        y = x * 3
        (slope,) = autograd.grad(npx.relu(y), y, create_graph=True)
        by_y, by_x = autograd.grad(slope, [y, x], create_graph=True)
        both = autograd.grad(slope * y, [y, x], create_graph=True)
    assert by_y.tolist() == by_x.tolist() == [0, 0]
    assert [g.tolist() for g in both] == [[1, 1], [3, 3]]


def test_what_never_led_to_the_heads_is_still_refused():
    x, other = leaves([numpy.array([1.0]), numpy.array([1.0])])
    with autograd.record():
        (slope,) = autograd.grad(npx.relu(x), x, create_graph=True)
    with pytest.raises(MXNetError, match="does not lead"):
        autograd.grad(slope, other)
