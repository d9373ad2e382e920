"""Sliding windows over the spatial axes of (batch, channels, *sizes), packed and added back.

`unfold` packs the windows' elements, `fold` adds them back to where they came from: each is the
other's gradient. So are `spread` and `chosen`, which carry numbers to and from the place of each
window's largest element. Convolution and pooling are composed of these, and have gradients of
every order without rules of their own.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import numpy

from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)


class Windows(NamedTuple):
    """Where windows lie: sizes, steps and padding for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilate: tuple[int, ...]
    before: tuple[int, ...]  # padding
    after: tuple[int, ...]

    def counts(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows fit along each axis of an array with these spatial sizes."""
        return tuple(
            (n + before + after - dilate * (kernel - 1) - 1) // stride + 1
            for n, kernel, stride, dilate, before, after in zip(sizes, *self, strict=True)
        )

    def padded_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial sizes with the padding."""
        return tuple(map(sum, zip(sizes, self.before, self.after, strict=True)))

    def inner(self, sizes: tuple[int, ...]) -> tuple[Any, ...]:
        """The key of the unpadded part of a padded array."""
        return (..., *(slice(p, p + n) for p, n in zip(self.before, sizes, strict=True)))

    def keys(self, sizes: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """For each place in a window, the key of all windows' elements there, when padded."""
        counts = self.counts(sizes)
        for place in itertools.product(*map(range, self.kernel)):
            yield (
                ...,
                *(
                    slice(i * dilate, i * dilate + (count - 1) * stride + 1, stride)
                    for i, dilate, count, stride in zip(
                        place, self.dilate, counts, self.stride, strict=True
                    )
                ),
            )


def _padded(x: numpy.ndarray, windows: Windows, fill: float) -> numpy.ndarray:
    if not any(windows.before) and not any(windows.after):
        return x
    sizes = x.shape[2:]
    out = numpy.full(x.shape[:2] + windows.padded_sizes(sizes), fill, x.dtype)
    out[windows.inner(sizes)] = x
    return out


# ---- all elements of the windows -----------------------------------------------------------------


def _unfolded(x: numpy.ndarray, windows: Windows) -> numpy.ndarray:
    sizes = x.shape[2:]
    (batch, channels), count = x.shape[:2], windows.counts(sizes)
    out = numpy.empty((channels, numpy.prod(windows.kernel), batch, *count), x.dtype)
    padded = _padded(x, windows, 0).swapaxes(0, 1)
    for place, key in enumerate(windows.keys(sizes)):
        out[:, place] = padded[key]
    return out


def _unfolded_result(x: Tensor, windows: Windows) -> tuple[tuple[int, ...], Any]:
    places = int(numpy.prod(windows.kernel))
    return (x.shape[1], places, x.shape[0], *windows.counts(x.shape[2:])), x.dtype


def _unfold_gradient(g: A, y: A, x: A, windows: Windows) -> A:
    return fold(g, windows, x.shape[2:])


def unfold(x: A, windows: Windows) -> A:
    """Pack the elements of all windows; what lies in the padding is 0.

    Parameters
    ----------
    x : array, shape (batch, channels, *sizes)
    windows : Windows

    Returns
    -------
    array, shape (channels, places in a window, batch, *windows along each axis)

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.windows import Windows, unfold
    >>> unfold(np.array([[[1, 2, 3]]]), Windows((2,), (1,), (1,), (0,), (0,)))[0, :, 0]
    array([[1., 2.],
           [2., 3.]])
    """
    return call(_unfolded, [x], {"windows": windows}, (_unfold_gradient,), result=_unfolded_result)


def _folded(x: numpy.ndarray, windows: Windows, sizes: tuple[int, ...]) -> numpy.ndarray:
    channels, batch = x.shape[0], x.shape[2]
    out = numpy.zeros((batch, channels, *windows.padded_sizes(sizes)), x.dtype)
    swapped = out.swapaxes(0, 1)
    for place, key in enumerate(windows.keys(sizes)):
        swapped[key] += x[:, place]
    return out[windows.inner(sizes)]


def _folded_result(
    x: Tensor, windows: Windows, sizes: tuple[int, ...]
) -> tuple[tuple[int, ...], Any]:
    return (x.shape[2], x.shape[0], *sizes), x.dtype


def _fold_gradient(g: A, y: A, x: A, windows: Windows, sizes: tuple[int, ...]) -> A:
    return unfold(g, windows)


def fold(x: A, windows: Windows, sizes: tuple[int, ...]) -> A:
    """Add packed windows up at their places: the transpose of `unfold`.

    Parameters
    ----------
    x : array
        As `unfold` gives it.
    windows : Windows
    sizes : tuple of int
        The spatial sizes of the result.

    Returns
    -------
    array, shape (batch, channels, *sizes)

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.windows import Windows, fold
    >>> fold(np.ones((1, 2, 1, 2)), Windows((2,), (1,), (1,), (0,), (0,)), (3,))
    array([[[1., 2., 1.]]])
    """
    options = {"windows": windows, "sizes": sizes}
    return call(_folded, [x], options, (_fold_gradient,), result=_folded_result)


# ---- the largest element of each window ----------------------------------------------------------


def _lowest(x: numpy.ndarray) -> float:
    """What stands around the array: finite, for a window may have nothing else in it."""
    return numpy.finfo(x.dtype).min if x.dtype.kind == "f" else numpy.iinfo(x.dtype).min


def _largest(x: numpy.ndarray, windows: Windows) -> numpy.ndarray:
    sizes = x.shape[2:]
    padded = _padded(x, windows, _lowest(x))
    out = numpy.full(x.shape[:2] + windows.counts(sizes), -numpy.inf, x.dtype)
    for key in windows.keys(sizes):
        numpy.maximum(out, padded[key], out=out)
    return out


def _first_hits(
    x: numpy.ndarray, y: numpy.ndarray, windows: Windows
) -> Iterator[tuple[tuple[Any, ...], numpy.ndarray]]:
    """For each place in a window, the windows whose first largest element is there."""
    sizes = x.shape[2:]
    padded = _padded(x, windows, _lowest(x))
    left = numpy.ones(y.shape, bool)
    for key in windows.keys(sizes):
        hit = padded[key] == y
        hit &= left
        left ^= hit
        yield key, hit


def _spread(
    g: numpy.ndarray, x: numpy.ndarray, y: numpy.ndarray, windows: Windows
) -> numpy.ndarray:
    sizes = x.shape[2:]
    out = numpy.zeros(x.shape[:2] + windows.padded_sizes(sizes), g.dtype)
    for key, hit in _first_hits(x, y, windows):
        out[key] += g * hit
    return out[windows.inner(sizes)]


def _chosen(
    v: numpy.ndarray, x: numpy.ndarray, y: numpy.ndarray, windows: Windows
) -> numpy.ndarray:
    padded = _padded(v, windows, 0)
    out = numpy.zeros(y.shape, v.dtype)
    for key, hit in _first_hits(x, y, windows):
        out += padded[key] * hit
    return out


def _like_windows(x: Tensor, *rest: Tensor, windows: Windows) -> tuple[tuple[int, ...], Any]:
    return (*x.shape[:2], *windows.counts(x.shape[2:])), x.dtype


def _like_second(g: Tensor, x: Tensor, y: Tensor, windows: Windows) -> tuple[Any, Any]:
    return x.shape, g.dtype


def _largest_gradient(g: A, y: A, x: A, windows: Windows) -> A:
    return spread(g, x, y, windows)


def _spread_gradient(gg: A, out: A, g: A, x: A, y: A, windows: Windows) -> A:
    return chosen(gg, x, y, windows)


def _chosen_gradient(g: A, out: A, v: A, x: A, y: A, windows: Windows) -> A:
    return spread(g, x, y, windows)


def largest(x: A, windows: Windows) -> A:
    """Return each window's largest element; of equal ones the first has the gradient.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.windows import Windows, largest
    >>> largest(np.array([[[1, 4, 3]]]), Windows((2,), (1,), (1,), (0,), (0,)))
    array([[[4., 4.]]])
    """
    return call(_largest, [x], {"windows": windows}, (_largest_gradient,), result=_like_windows)


def spread(g: A, x: A, y: A, windows: Windows) -> A:
    """Add numbers, one for each window, at the places of the windows' largest elements.

    Parameters
    ----------
    g : array
        The numbers, of y's shape.
    x, y : array
        The elements, and what `largest` gave for them.
    windows : Windows

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.windows import Windows, largest, spread
    >>> windows, x = Windows((2,), (1,), (1,), (0,), (0,)), np.array([[[1, 4, 3]]])
    >>> spread(np.ones((1, 1, 2)), x, largest(x, windows), windows)
    array([[[0., 2., 0.]]])
    """
    rules = (_spread_gradient, None, None)
    return call(_spread, [g, x, y], {"windows": windows}, rules, result=_like_second)


def chosen(v: A, x: A, y: A, windows: Windows) -> A:
    """Return v's elements at the places of the largest elements of x's windows.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.windows import Windows, chosen, largest
    >>> windows, x = Windows((2,), (1,), (1,), (0,), (0,)), np.array([[[1, 4, 3]]])
    >>> chosen(np.array([[[5, 6, 7]]]), x, largest(x, windows), windows)
    array([[[6., 6.]]])
    """
    rules = (_chosen_gradient, None, None)
    return call(_chosen, [v, x, y], {"windows": windows}, rules, result=_like_windows)


# ---- sums and counts -----------------------------------------------------------------------------


def totals(x: A, windows: Windows) -> A:
    """Return each window's sum.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.windows import Windows, totals
    >>> totals(np.array([[[1, 4, 3]]]), Windows((2,), (1,), (1,), (0,), (0,)))
    array([[[5., 7.]]])
    """
    batch, channels, *sizes = x.shape
    rows = f.reshape(x, (batch * channels, 1, *sizes))
    sums = f.reduction("sum", unfold(rows, windows), axis=1)
    return f.reshape(sums, (batch, channels, *windows.counts(tuple(sizes))))


def elements(windows: Windows, sizes: tuple[int, ...], margin: tuple[int, ...]) -> numpy.ndarray:
    """How many elements each window has, counting `margin` places of padding on each side.

    Examples
    --------
    >>> from microlazy.ops.windows import Windows, elements
    >>> elements(Windows((2,), (1,), (1,), (1,), (1,)), (3,), (0,))
    array([1, 2, 2, 1])
    """
    out = numpy.ones((), int)
    for n, count, kernel, stride, dilate, before, extra in zip(
        sizes, windows.counts(sizes), *windows[:4], margin, strict=True
    ):
        places = (numpy.arange(count) * stride - before)[:, None] + numpy.arange(kernel) * dilate
        inside = ((places >= -extra) & (places < n + extra)).sum(1)
        out = out[..., None] * inside
    return out
