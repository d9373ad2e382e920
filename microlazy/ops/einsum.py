"""Einstein summation as products of matrices, sums, transposes and diagonals.

All of these have gradients of every order, so einsum has them too.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import ShapeError
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.triangles import diagonal

A = TypeVar("A", bound=Tensor)
Labels = list[str]
Shape = tuple[int, ...]
Item = tuple[Labels, int]  # the labels of an array, and its number in a recipe
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_REMEMBERED = 256  # subscripts with shapes


def einsum(subscripts: str, operands: Sequence[A], optimize: Any) -> A:
    """Sum products of elements over the labels that the output does not have.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.einsum import einsum
    >>> einsum("ij,j", [np.ones((2, 3)), np.ones(3)], False)
    array([3., 3.])
    """
    shapes = tuple([x.shape for x in operands])
    recipe = _remembered_recipe if isinstance(optimize, (bool, str)) else _recipe
    values: list[Any] = list(operands)
    for function, places, arguments in recipe(subscripts, shapes, optimize):
        inputs = [values[i] for i in places]
        for i in places:
            values[i] = None  # each is used once
        values.append(function(*inputs, *arguments))
    return values[-1]


Step = tuple[Callable[..., Any], tuple[int, ...], tuple[Any, ...]]


class _Steps:
    """Calls of functions, in order, and the shapes of the operands and of what the calls return."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.shapes = list(shapes)
        self.steps: list[Step] = []

    def add(
        self, function: Callable[..., Any], places: tuple[int, ...], shape: Shape, *arguments: Any
    ) -> int:
        self.steps.append((function, places, arguments))
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def reshape(self, place: int, shape: Shape) -> int:
        if shape == self.shapes[place]:
            return place
        return self.add(f.reshape, (place,), shape, shape)

    def turn(self, place: int, axes: list[int]) -> int:
        old = self.shapes[place]
        return self.add(f.transpose, (place,), tuple(old[i] for i in axes), tuple(axes))


def _recipe(subscripts: str, shapes: tuple[Shape, ...], optimize: Any) -> list[Step]:
    """Return what einsum does to operands of these shapes."""
    inputs, output = _parsed(subscripts, shapes)
    sizes = _sizes(subscripts, inputs, shapes)
    steps = _Steps(shapes)
    items = [_simplified(steps, labels, i, sizes) for i, labels in enumerate(inputs)]
    for places in _order(inputs, output, shapes, optimize):
        chosen = [items[i] for i in places]
        items = [item for i, item in enumerate(items) if i not in places]
        while len(chosen) > 1:
            kept = set(output).union(*(labels for labels, _ in items + chosen[2:]))
            chosen = [_product(steps, chosen[0], chosen[1], kept), *chosen[2:]]
        items += chosen
    labels, x = _summed(steps, *items[0], set(output))
    missing = [label for label in output if label not in labels]
    axes = [labels.index(label) for label in output if label in labels]
    # Not an input of the caller's itself.
    x = _turned(steps, x, axes) if len(shapes) > 1 else steps.turn(x, axes)
    for label in missing:  # of size 1: it was dropped
        axis = output.index(label)
        old = steps.shapes[x]
        x = steps.add(f.expand_dims, (x,), (*old[:axis], 1, *old[axis:]), axis)
    return steps.steps


_remembered_recipe = functools.lru_cache(maxsize=_REMEMBERED)(_recipe)


def _parsed(subscripts: str, shapes: tuple[Shape, ...]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the output, those of the ellipsis named."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(
            f"einsum: {subscripts!r} names {len(terms)} operands, but {len(shapes)} were given"
        )
    unused = [c for c in _LETTERS if c not in text]
    widths = [
        len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)
    ]
    spread = unused[: max((w for t, w in zip(terms, widths, strict=True) if "..." in t), default=0)]
    inputs = []
    for term, shape, width in zip(terms, shapes, widths, strict=True):
        if width < 0 or (width > 0 and "..." not in term):
            raise ValueError(
                f"einsum: {term!r} does not fit an operand of {len(shape)} dimensions: {shape}"
            )
        inputs.append(_labels(subscripts, term, spread[len(spread) - width :]))
    if arrow:
        output = _labels(subscripts, right, spread)
        known = {label for labels in inputs for label in labels}
        if len(set(output)) < len(output) or not known.issuperset(output):
            raise ValueError(f"einsum: the output of {subscripts!r} repeats or invents a label")
        return inputs, output
    every = [label for labels in inputs for label in labels]
    once = sorted(c for c in set(every) if every.count(c) == 1 and c not in spread)
    return inputs, spread + once


def _labels(subscripts: str, term: str, spread: Labels) -> Labels:
    before, dots, after = term.partition("...")
    if not (before + after).isalpha() and before + after:
        raise ValueError(f"einsum: {term!r} in {subscripts!r} is not made of letters and '...'")
    return [*before, *(spread if dots else []), *after]


def _sizes(subscripts: str, inputs: list[Labels], shapes: Sequence[Shape]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        for label, size in zip(labels, shape, strict=True):
            if sizes.setdefault(label, size) == 1:
                sizes[label] = size
            elif size not in (1, sizes[label]):
                raise ShapeError(
                    f"einsum: the label {label!r} in {subscripts!r} has the sizes "
                    f"{sizes[label]} and {size}"
                )
    return sizes


def _order(
    inputs: list[Labels], output: Labels, shapes: Sequence[Shape], optimize: Any
) -> list[tuple[int, ...]]:
    """Which operands to multiply one after the other, each product going to the end."""
    if optimize is False or len(shapes) < 3:
        return [tuple(range(len(shapes)))] if len(shapes) > 1 else []
    text = ",".join(map("".join, inputs)) + "->" + "".join(output)
    stand_ins = [numpy.broadcast_to(numpy.float32(0), shape) for shape in shapes]
    return numpy.einsum_path(text, *stand_ins, optimize=optimize)[0][1:]


def _simplified(steps: _Steps, labels: Labels, x: int, sizes: dict[str, int]) -> Item:
    """Without repeated labels, and without axes of size 1 that are broadcast."""
    shape = steps.shapes[x]
    gone = [i for i, c in enumerate(labels) if shape[i] == 1 and sizes[c] != 1]
    if gone:
        x = steps.reshape(x, tuple(n for i, n in enumerate(shape) if i not in gone))
        labels = [c for i, c in enumerate(labels) if i not in gone]
    while len(set(labels)) < len(labels):
        second = next(i for i, c in enumerate(labels) if c in labels[:i])
        first = labels.index(labels[second])
        shape = steps.shapes[x]
        rest = [i for i in range(len(shape)) if i not in (first, second)]
        kept = (*(shape[i] for i in rest), shape[first])
        x = steps.add(diagonal, (x,), kept, 0, first, second)
        labels = [labels[i] for i in rest] + [labels[first]]
    return labels, x


def _summed(steps: _Steps, labels: Labels, x: int, kept: set[str]) -> Item:
    axes = tuple(i for i, c in enumerate(labels) if c not in kept)
    if not axes:
        return labels, x
    shape = tuple(n for i, n in enumerate(steps.shapes[x]) if i not in axes)
    return [c for c in labels if c in kept], steps.add(_sum, (x,), shape, axes)


def _sum(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return f.reduction("sum", x, axes)


def _turned(steps: _Steps, x: int, axes: list[int]) -> int:
    return x if axes == list(range(len(axes))) else steps.turn(x, axes)


def _product(steps: _Steps, one: Item, two: Item, kept: set[str]) -> Item:
    """The product of two operands, summed over the labels that nobody needs any more."""
    a_labels, a = _summed(steps, *one, kept.union(two[0]))
    b_labels, b = _summed(steps, *two, kept.union(one[0]))
    shared = [c for c in a_labels if c in b_labels]
    stack = [c for c in shared if c in kept]
    inner = [c for c in shared if c not in kept]
    rows = [c for c in a_labels if c not in shared]
    columns = [c for c in b_labels if c not in shared]
    a = _turned(steps, a, [a_labels.index(c) for c in stack + rows + inner])
    b = _turned(steps, b, [b_labels.index(c) for c in stack + inner + columns])
    n, r, i = len(stack), len(rows), len(inner)
    left, right = steps.shapes[a], steps.shapes[b]
    batch, m, k, last = left[:n], left[n : n + r], left[n + r :], right[n + i :]
    if not inner:
        a = steps.reshape(a, (*left, *(1 for _ in columns)))
        b = steps.reshape(b, (*batch, *(1 for _ in rows), *right[n:]))
        y = steps.add(operator.mul, (a, b), (*batch, *m, *last))
    else:
        size, width = math.prod(m), math.prod(last)
        a = steps.reshape(a, (*batch, size, math.prod(k)))
        b = steps.reshape(b, (*batch, math.prod(k), width))
        y = steps.add(f.matmul, (a, b), (*batch, size, width))
    return stack + rows + columns, steps.reshape(y, (*batch, *m, *last))
