"""Gradients checked against central differences, and plans against eager calls."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy

import microlazy as mx
from microlazy import autograd
from microlazy.gluon import HybridBlock

STEP = 1e-6


class Wrapped(HybridBlock):
    """A function of arrays as a block, so that it can be hybridized."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arrays: Any) -> Any:
        return self.function(*arrays)


def leaf(values: numpy.ndarray, face: str, layout: str = "packed") -> Any:
    """An array with these values, at rest in memory in one of several layouts.

    "packed" owns its memory; "offset" starts inside a larger block; "transposed" has its axes in
    the other order; "strided" takes every second element of each axis; "reversed" runs backwards.
    """
    namespace = mx.np if face == "np" else mx.nd
    if layout == "packed":
        return namespace.array(values, dtype=values.dtype)
    if layout == "offset":
        room = numpy.zeros((values.shape[0] + 1, *values.shape[1:]), values.dtype)
        view = room[1:]
    elif layout == "transposed":
        view = numpy.zeros(values.shape[::-1], values.dtype).T
    elif layout == "strided":
        room = numpy.zeros([2 * n for n in values.shape], values.dtype)
        view = room[(slice(None, None, 2),) * values.ndim]
    else:
        view = numpy.zeros_like(values)[(slice(None, None, -1),) * values.ndim]
    view[...] = values
    return namespace.from_numpy(view)


def as_list(outputs: Any) -> list[Any]:
    """The outputs of a function that returns one array or several."""
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def head_weights(outputs: Sequence[Any]) -> list[numpy.ndarray]:
    """One fixed number for each element of the outputs: the head gradients."""
    generator = numpy.random.default_rng(5)
    return [generator.uniform(0.5, 1.5, y.shape).astype(y.dtype) for y in outputs]


def evaluate(function: Callable[..., Any], arrays: Sequence[Any]) -> list[numpy.ndarray]:
    """Values of a function in training mode, from the same seed at every call."""
    mx.random.seed(11)
    with autograd.train_mode():
        return [y.asnumpy() for y in as_list(function(*arrays))]


def gradients(
    function: Callable[..., Any], arrays: Sequence[Any]
) -> tuple[list[numpy.ndarray], list[numpy.ndarray]]:
    """Values and gradients by a recorded call and its backward pass."""
    mx.random.seed(11)
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        outputs = as_list(function(*arrays))
    make = mx.np.array if isinstance(outputs[0], mx.np.ndarray) else mx.nd.array
    heads = [make(w, dtype=w.dtype) for w in head_weights(outputs)]
    autograd.backward(outputs, heads)
    return [y.asnumpy() for y in outputs], [x.grad.asnumpy() for x in arrays]


def central_differences(
    function: Callable[..., Any], values: Sequence[numpy.ndarray], face: str
) -> list[numpy.ndarray]:
    """Gradients of sum(head weights * outputs), two calls for each element."""

    def total(changed: list[numpy.ndarray]) -> float:
        outputs = evaluate(function, [leaf(v, face) for v in changed])
        return sum(
            float((w * y).sum()) for w, y in zip(head_weights(outputs), outputs, strict=True)
        )

    results = []
    for which, value in enumerate(values):
        slope = numpy.zeros_like(value)
        for place in numpy.ndindex(value.shape):
            sides = []
            for step in (STEP, -STEP):
                changed = [v.copy() for v in values]
                changed[which][place] += step
                sides.append(total(changed))
            slope[place] = (sides[0] - sides[1]) / (2 * STEP)
        results.append(slope)
    return results


def assert_same_bits(
    got: Sequence[numpy.ndarray], expected: Sequence[numpy.ndarray], what: str
) -> None:
    """Arrays are equal in shape, dtype and every bit."""
    assert len(got) == len(expected), what
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape, what
        assert a.dtype == b.dtype, what
        assert a.tobytes() == b.tobytes(), f"{what}:\n{a}\n{b}"


def assert_plan_agrees(
    function: Callable[..., Any], values: Sequence[numpy.ndarray], face: str, layout: str
) -> None:
    """A hybridized block gives eager's bits, when its plan is made and when it is replayed."""
    block = Wrapped(function)
    block.hybridize()
    for scale in (1.0, 0.75, 1.0):
        scaled = [v * v.dtype.type(scale) for v in values]
        eager = gradients(function, [leaf(v, face, layout) for v in scaled])
        plan = gradients(block, [leaf(v, face, layout) for v in scaled])
        assert_same_bits(plan[0], eager[0], f"values of the plan, inputs times {scale}")
        assert_same_bits(plan[1], eager[1], f"gradients of the plan, inputs times {scale}")
        still = evaluate(block, [leaf(v, face, layout) for v in scaled])
        assert_same_bits(
            still, evaluate(function, [leaf(v, face, layout) for v in scaled]), "not recorded"
        )
