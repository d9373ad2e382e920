"""Einstein summation as products of matrices, sums, transposes and diagonals.

All of these have gradients of every order, so einsum has them too.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import ShapeError
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.triangles import diagonal

A = TypeVar("A", bound=Tensor)
Labels = list[str]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(subscripts: str, operands: Sequence[A], optimize: Any) -> A:
    """Sum products of elements over the labels that the output does not have.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.einsum import einsum
    >>> einsum("ij,j", [np.ones((2, 3)), np.ones(3)], False)
    array([3., 3.])
    """
    inputs, output = parse(subscripts, operands)
    sizes = _sizes(subscripts, inputs, operands)
    items: list[tuple[Labels, Any]] = [
        _simplified(labels, x, sizes) for labels, x in zip(inputs, operands, strict=True)
    ]
    for places in _order(inputs, output, operands, optimize):
        chosen = [items[i] for i in places]
        items = [item for i, item in enumerate(items) if i not in places]
        while len(chosen) > 1:
            kept = set(output).union(*(labels for labels, _ in items + chosen[2:]))
            chosen = [_product(chosen[0], chosen[1], kept), *chosen[2:]]
        items += chosen
    x: Any
    labels, x = _summed(*items[0], set(output))
    missing = [label for label in output if label not in labels]
    axes = [labels.index(label) for label in output if label in labels]
    x = _turned(x, axes) if len(operands) > 1 else f.transpose(x, axes)  # no input of the caller's
    for label in missing:  # of size 1: it was dropped
        x = f.expand_dims(x, output.index(label))
    return x


def parse(subscripts: str, operands: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """Return the labels of each operand and of the output, those of the ellipsis named.

    Raises
    ------
    ValueError
        If the subscripts are not well formed or do not fit the operands.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.einsum import parse
    >>> parse("ij,jk", [np.ones((2, 3)), np.ones((3, 4))])
    ([['i', 'j'], ['j', 'k']], ['i', 'k'])
    """
    return _parsed(subscripts, tuple([x.shape for x in operands]))


@functools.lru_cache(maxsize=256)
def _parsed(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[list[Labels], Labels]:
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


def _sizes(subscripts: str, inputs: list[Labels], operands: Sequence[Tensor]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for labels, x in zip(inputs, operands, strict=True):
        for label, size in zip(labels, x.shape, strict=True):
            if sizes.setdefault(label, size) == 1:
                sizes[label] = size
            elif size not in (1, sizes[label]):
                raise ShapeError(
                    f"einsum: the label {label!r} in {subscripts!r} has the sizes "
                    f"{sizes[label]} and {size}"
                )
    return sizes


def _order(
    inputs: list[Labels], output: Labels, operands: Sequence[Tensor], optimize: Any
) -> list[tuple[int, ...]]:
    """Which operands to multiply one after the other, each product going to the end."""
    if optimize is False or len(operands) < 3:
        return [tuple(range(len(operands)))] if len(operands) > 1 else []
    text = ",".join(map("".join, inputs)) + "->" + "".join(output)
    stand_ins = [numpy.broadcast_to(numpy.float32(0), x.shape) for x in operands]
    return numpy.einsum_path(text, *stand_ins, optimize=optimize)[0][1:]


def _simplified(labels: Labels, x: Tensor, sizes: dict[str, int]) -> tuple[Labels, Tensor]:
    """Without repeated labels, and without axes of size 1 that are broadcast."""
    gone = [i for i, c in enumerate(labels) if x.shape[i] == 1 and sizes[c] != 1]
    if gone:
        x = f.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in gone))
        labels = [c for i, c in enumerate(labels) if i not in gone]
    while len(set(labels)) < len(labels):
        second = next(i for i, c in enumerate(labels) if c in labels[:i])
        first = labels.index(labels[second])
        rest = [i for i in range(x.ndim) if i not in (first, second)]
        x = diagonal(x, 0, first, second)
        labels = [labels[i] for i in rest] + [labels[first]]
    return labels, x


def _summed(labels: Labels, x: Tensor, kept: set[str]) -> tuple[Labels, Tensor]:
    axes = tuple(i for i, c in enumerate(labels) if c not in kept)
    if not axes:
        return labels, x
    return [c for c in labels if c in kept], f.reduction("sum", x, axes)


def _turned(x: A, axes: list[int]) -> A:
    return x if axes == list(range(x.ndim)) else f.transpose(x, axes)


def _product(
    one: tuple[Labels, Tensor], two: tuple[Labels, Tensor], kept: set[str]
) -> tuple[Labels, Tensor]:
    """The product of two operands, summed over the labels that nobody needs any more."""
    a_labels, a = _summed(*one, kept.union(two[0]))
    b_labels, b = _summed(*two, kept.union(one[0]))
    shared = [c for c in a_labels if c in b_labels]
    stack = [c for c in shared if c in kept]
    inner = [c for c in shared if c not in kept]
    rows = [c for c in a_labels if c not in shared]
    columns = [c for c in b_labels if c not in shared]
    a = _turned(a, [a_labels.index(c) for c in stack + rows + inner])
    b = _turned(b, [b_labels.index(c) for c in stack + inner + columns])
    n, r, i = len(stack), len(rows), len(inner)
    batch, m, k = a.shape[:n], a.shape[n : n + r], a.shape[n + r :]
    if not inner:
        wide = f.reshape(a, (*a.shape, *(1 for _ in columns)))
        return stack + rows + columns, wide * f.reshape(
            b, (*batch, *(1 for _ in rows), *b.shape[n:])
        )
    left = f.reshape(a, (*batch, math.prod(m), math.prod(k)))
    right = f.reshape(b, (*batch, math.prod(k), math.prod(b.shape[n + i :])))
    y = f.matmul(left, right)
    return stack + rows + columns, f.reshape(y, (*batch, *m, *b.shape[n + i :]))
