"""Random programs of some ten ops, differentiated in every way and compared with differences.

An op may be right by itself and wrong behind another one: a view behind a broadcast, a mask beside
a transposed gradient. Here ops are put together at random, and each gradient is compared along a
random direction, in float64.

    pytest tests/test_random_programs.py                 # a few seeds
    pytest tests/test_random_programs.py -m exhaustive   # many
"""

import random

import numpy
import pytest

from microlazy import autograd, np, npx
from microlazy.gluon import HybridBlock

SEEDS = range(40)
MANY = range(1000, 4000)
STEPS = 10
LARGEST = 300  # elements of a result
WIDEST = 50.0  # beyond, a step is left out: differences would not be exact


# ---- steps ---------------------------------------------------------------------------------------
# Each takes the random choices and one or two arrays, and gives a function of them; None where
# their shapes do not allow it.


def axis_of(chance, x):
    return chance.randrange(x.ndim) if x.ndim else None


def some_axes(chance, x):
    axes = tuple(sorted(chance.sample(range(x.ndim), chance.randint(0, x.ndim))))
    return chance.choice([None, axes])


def slices(chance, x):
    key = []
    for n in x.shape:
        start, stop = sorted((chance.randint(0, n), chance.randint(0, n)))
        if start == stop:
            start, stop = 0, n
        kinds = [slice(None), slice(start, stop), slice(None, None, -1), slice(start, stop, 2)]
        kinds.append(chance.randrange(n))
        key.append(chance.choice(kinds))
    if chance.random() < 0.3:
        key.insert(chance.randrange(len(key) + 1), None)
    if len(key) > 1 and chance.random() < 0.3:
        key[-1] = Ellipsis
    return tuple(key)


def unary(chance, x):
    functions = [
        *(np.tanh, np.sin, np.cos, np.exp, np.square, np.abs, np.negative, np.arctan),
        *(npx.sigmoid, npx.relu, npx.gelu, npx.softplus if hasattr(npx, "softplus") else np.expm1),
        lambda v: np.log(v * v + 1),
        lambda v: np.sqrt(v * v + 1),
        lambda v: 1 / (v * v + 1),
        lambda v: (v * v + 0.5) ** 1.5,
        lambda v: 2 - v * 0.5,
        lambda v: np.clip(v, -0.5, 0.7),
        lambda v: np.maximum(v, 0.1),
        lambda v: v.astype("float32").astype("float64") * 0 + v,
        lambda v: v.copy(),
    ]
    return chance.choice(functions)


def binary(chance, x, y):
    functions = [
        *(np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.hypot, np.arctan2),
        lambda a, b: a / (b * b + 1),
        lambda a, b: (a * a + 0.5) ** np.tanh(b),
        lambda a, b: np.where(a > b, a * b, b),
        lambda a, b: np.where(b > 0, a, 0.5),
    ]
    try:
        numpy.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return None
    return chance.choice(functions)


def where(chance, x, y):
    """A condition of a shape of its own."""
    try:
        shape = numpy.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return None
    shape = tuple(chance.choice([1, n]) for n in shape)[chance.randint(0, len(shape)) :]
    values = [chance.random() < 0.5 for _ in range(int(numpy.prod(shape)))]
    condition = np.array(numpy.array(values).reshape(shape))
    return lambda a, b: np.where(condition, a, b)


def view(chance, x):
    if x.ndim == 0:
        return lambda v: v.reshape(1, 1)
    key, order = slices(chance, x), list(range(x.ndim))
    chance.shuffle(order)
    a, b = axis_of(chance, x), axis_of(chance, x)
    functions = [
        lambda v: v[key],
        lambda v: v.transpose(order),
        lambda v: v.T,
        lambda v: v.reshape(-1),
        lambda v: np.expand_dims(v, a),
        lambda v: np.swapaxes(v, a, b),
        lambda v: np.flip(v, a),
        lambda v: np.split(v, v.shape[a], axis=a)[-1],
        lambda v: v.reshape(v.shape[::-1]),
        lambda v: np.squeeze(v),
    ]
    return chance.choice(functions)


def layout(chance, x):
    if x.ndim == 0:
        return lambda v: np.broadcast_to(v, (2, 3))
    axis, shift = axis_of(chance, x), chance.randint(-3, 3)
    times = [chance.randint(1, 2) for _ in x.shape]
    wide = (chance.randint(1, 3), *x.shape)
    functions = [
        lambda v: np.broadcast_to(v, wide),
        lambda v: np.repeat(v, 2, axis),
        lambda v: np.tile(v, times),
        lambda v: np.roll(v, shift, axis),
        lambda v: np.concatenate([v, v * 2], axis),
        lambda v: np.stack([v, -v], axis),
        lambda v: np.cumsum(v, axis),
        lambda v: np.sort(v, axis),
        lambda v: npx.softmax(v, axis=axis),
        lambda v: npx.log_softmax(v, axis=axis),
        lambda v: np.tril(v, shift) if v.ndim > 1 else v,
        lambda v: np.triu(v, shift) if v.ndim > 1 else v,
        lambda v: np.pad(v, [(1, 0)] * v.ndim),
        lambda v: np.diff(v, axis=axis) if v.shape[axis] > 1 else v,
    ]
    return chance.choice(functions)


def gather(chance, x):
    if x.ndim == 0:
        return None
    axis = axis_of(chance, x)
    places = [chance.randrange(-x.shape[0], x.shape[0]) for _ in range(chance.randint(1, 4))]
    index = np.array([chance.randrange(x.shape[axis]) for _ in range(3)], dtype="int64")
    picked = np.array(numpy.arange(x.size // x.shape[-1]) % x.shape[-1]).reshape(x.shape[:-1])
    functions = [
        lambda v: v[places],
        lambda v: v[np.array(places, dtype="int64")],
        lambda v: v[..., [0, -1]],
        lambda v: np.take(v, index, axis=axis),
        lambda v: npx.pick(v, picked) if v.ndim > 1 else v,
    ]
    return chance.choice(functions)


def apart(x):
    """What makes equal elements different: each of several largest ones has the whole gradient."""
    return np.arange(x.size, dtype="float64").reshape(x.shape) * 0.0137


def reduction(chance, x):
    axes, keepdims = some_axes(chance, x), chance.random() < 0.5
    functions = [
        lambda v: np.sum(v, axes, keepdims=keepdims),
        lambda v: np.mean(v, axes, keepdims=keepdims),
        lambda v: np.max(v + apart(v), axes, keepdims=keepdims),
        lambda v: np.min(v + apart(v), axes, keepdims=keepdims),
        lambda v: np.var(v, axes, keepdims=keepdims),
        lambda v: np.prod(np.tanh(v) + 1.5, axes, keepdims=keepdims),
        lambda v: np.std(v + apart(v), axes, keepdims=keepdims),
    ]
    return chance.choice(functions[:-1] if axes == () or x.size < 2 else functions)


def product(chance, x, y):
    if x.ndim < 1 or y.ndim < 1:
        return None
    if x.shape[-1] == y.shape[-1] and min(x.ndim, y.ndim) >= 2 and x.ndim == y.ndim == 2:
        return chance.choice(
            [
                lambda a, b: a @ b.T,
                lambda a, b: npx.fully_connected(a, b, num_hidden=b.shape[0], no_bias=True),
            ]
        )
    if y.ndim == 1 and x.shape[-1] == y.shape[0]:
        return chance.choice([np.dot, np.matmul])
    return lambda a, b: np.outer(a.reshape(-1)[:5], b.reshape(-1)[:5])


ONE, TWO = (unary, view, layout, gather, reduction), (binary, binary, where, product)


# ---- programs ------------------------------------------------------------------------------------


def make(seed):
    """Return a function of two arrays that gives a number, and two arrays for it."""
    chance = random.Random(seed)
    generator = numpy.random.default_rng(seed)
    shapes = [tuple(chance.randint(1, 4) for _ in range(chance.randint(0, 3))) for _ in range(2)]
    inputs = [generator.uniform(-1, 1, shape) for shape in shapes]
    values = [np.array(x, dtype="float64") for x in inputs]
    steps = []
    while len(steps) < STEPS:
        count = chance.choice([1, 1, 2])
        places = [chance.randrange(max(0, len(values) - 4), len(values)) for _ in range(count)]
        arrays = [values[place] for place in places]
        function = chance.choice(ONE if count == 1 else TWO)(chance, *arrays)
        if function is None:
            continue
        result = function(*arrays)
        if not 0 < result.size <= LARGEST or result.ndim > 5 or not (abs(result) < WIDEST).all():
            continue
        values.append(result)
        steps.append((function, places))
    ends = [len(values) - 1, chance.randrange(2, len(values))]
    weights = [np.array(generator.uniform(0.5, 1, values[end].shape)) for end in ends]

    def program(x, w):
        values = [x, w]
        for function, places in steps:
            values.append(function(*[values[place] for place in places]))
        total = (x**3).sum() + (w**3).sum()  # so that no derivative of it is a constant
        for end, weight in zip(ends, weights, strict=True):
            total = total + (np.tanh(values[end] * 0.2) * weight).sum()
        return total

    return program, inputs, generator


class Block(HybridBlock):
    def __init__(self, program):
        super().__init__()
        self.program = program

    def forward(self, x, w):
        return self.program(x, w)


def variables(inputs, grad_req="write"):
    arrays = [np.array(x, dtype="float64") for x in inputs]
    for x in arrays:
        x.attach_grad(grad_req)
    return arrays


def recorded(program, arrays):
    with autograd.record():
        return program(*arrays)


def numbers(arrays):
    return [x.asnumpy().copy() for x in arrays]


def backward(program, inputs):
    arrays = variables(inputs)
    recorded(program, arrays).backward()
    return numbers(x.grad for x in arrays)


def retained(program, inputs):
    arrays = variables(inputs)
    y = recorded(program, arrays)
    y.backward(retain_graph=True)
    first = numbers(x.grad for x in arrays)
    y.backward()
    for one, two in zip(first, numbers(x.grad for x in arrays), strict=True):
        assert (one == two).all()
    return first


def added(program, inputs):
    arrays = variables(inputs, "add")
    for _ in range(2):
        recorded(program, arrays).backward()
    return [x.grad.asnumpy() / 2 for x in arrays]


def grad(program, inputs):
    arrays = variables(inputs)
    return numbers(autograd.grad(recorded(program, arrays), arrays))


def create_graph(program, inputs):
    arrays = variables(inputs)
    with autograd.record():
        return numbers(autograd.grad(program(*arrays), arrays, create_graph=True))


def hybridized(program, inputs):
    block = Block(program)
    block.hybridize()
    arrays = variables(inputs)
    block(*[x + 1 for x in arrays])
    y = recorded(block, arrays)
    assert y.asnumpy().tobytes() == program(*arrays).asnumpy().tobytes()
    y.backward()
    return numbers(x.grad for x in arrays)


WAYS = (backward, retained, added, grad, create_graph, hybridized)


def along(arrays, direction):
    return sum(float((x * d).sum()) for x, d in zip(arrays, direction, strict=True))


def slope(function, inputs, direction):
    """The derivative along a direction, and whether the function is smooth there."""
    found = []
    for h in (1e-5, 3e-6):
        ends = [
            function([x + sign * h * d for x, d in zip(inputs, direction, strict=True)])
            for sign in (1, -1)
        ]
        found.append((ends[0] - ends[1]) / (2 * h))
    return found[1], abs(found[0] - found[1]) <= 1e-6 * (1 + abs(found[1]))


def check(seed):
    program, inputs, generator = make(seed)
    direction = [generator.normal(size=x.shape) for x in inputs]
    other = [generator.normal(size=x.shape) for x in inputs]

    def value(inputs):
        return program(*[np.array(x, dtype="float64") for x in inputs]).item()

    expected, smooth = slope(value, inputs, direction)
    if not smooth:  # a kink lies there: nothing to compare with
        return
    for way in WAYS:
        found = along(way(program, inputs), direction)
        assert abs(found - expected) <= 1e-5 * (1 + abs(expected)), (seed, way.__name__)
    expected, smooth = slope(
        lambda inputs: along(backward(program, inputs), direction), inputs, other
    )
    if not smooth:
        return
    arrays = variables(inputs)
    with autograd.record():
        first = autograd.grad(program(*arrays), arrays, create_graph=True)
        total = sum((g * np.array(d)).sum() for g, d in zip(first, direction, strict=True))
    total.backward()
    found = along(numbers(x.grad for x in arrays), other)
    assert abs(found - expected) <= 1e-4 * (1 + abs(expected)), (seed, "second order")


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_of_a_random_program(seed):
    check(seed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", MANY[::100])
def test_gradients_of_many_random_programs(first):
    for seed in range(first, first + 100):
        check(seed)
