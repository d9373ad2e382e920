"""numpy.pad, and the gradient of those of its modes that are linear."""

from typing import Any

import numpy

from microlazy.core import functions as f


def padded(x: numpy.ndarray, widths: list[list[int]], mode: Any, **options: Any) -> numpy.ndarray:
    """numpy.pad."""
    return numpy.pad(x, widths, mode, **options)


def padded_shape(x: Any, widths: list[list[int]], **options: Any) -> tuple[Any, Any]:
    """The input's shape with the widths added."""
    sizes = [n + sum(pair) for n, pair in zip(x.shape, widths, strict=True)]
    return tuple(sizes), x.dtype


def linear_gradient(
    g: Any, y: Any, x: Any, widths: list[list[int]], mode: Any, **options: Any
) -> Any:
    """Along each axis a padded vector is a matrix times the vector: multiply by its transpose."""
    if "end_values" in options:
        options = {"end_values": 0}
    lengths = options.get("stat_length")
    for axis, pair in enumerate(widths):
        if any(pair):
            n = x.shape[axis]
            if lengths is not None:
                own = numpy.broadcast_to(numpy.asarray(lengths), (x.ndim, 2))[axis]
                options = {"stat_length": [own.tolist(), [n, n]]}
            matrix = numpy.pad(numpy.eye(n), [pair, [0, 0]], mode, **options)
            last = f.swapaxes(g, axis, -1)
            g = f.swapaxes(f.matmul(last, f.to_array(f.face_of(g), matrix, g.dtype)), axis, -1)
    return g
