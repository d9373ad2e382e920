"""The arrays that the table's examples are written with."""

from functools import cache

import numpy


@cache
def samples() -> dict[str, numpy.ndarray]:
    """Return the arrays by name. Copy them before you change one.

    Examples
    --------
    >>> from op_table.samples import samples
    >>> arrays = samples()
    >>> arrays["x"].shape, arrays["v"].dtype.name, arrays["i"].tolist()
    ((3, 4), 'float64', [2, 0, 1])
    """
    generator = numpy.random.default_rng(20)

    def between(low: float, high: float, *shape: int) -> numpy.ndarray:
        """Distinct numbers in mixed order, none near a multiple of a half."""
        count = int(numpy.prod(shape))
        even = numpy.linspace(low, high, count) if count > 1 else numpy.array([(low + high) / 2])
        halves = numpy.rint(2 * even) / 2
        near = numpy.abs(even - halves) < 0.008
        even[near] = halves[near] + 0.009
        return generator.permutation(even).reshape(shape)

    matrix = between(-1.7, 1.8, 3, 3)
    return {
        "x": between(-1.93, 1.87, 3, 4),
        "y": between(-1.81, 1.92, 3, 4),
        "p": between(0.37, 2.41, 3, 4),
        "u": between(0.13, 0.89, 3, 4),
        "v": between(-1.63, 1.78, 5),
        "w": between(-1.41, 1.33, 5),
        "m": matrix,
        "s": matrix @ matrix.T + 2 * numpy.eye(3),
        "t": between(-1.97, 1.89, 2, 3, 4),
        "img": between(-1.99, 1.94, 2, 3, 5, 5),
        "a0": numpy.array(0.7),
        "i": numpy.array([2, 0, 1]),
        "j": numpy.array([[3, 0, 2, 1], [0, 1, 2, 3], [2, 2, 0, 3]]),
        "b": numpy.array(
            [[True, False, True, True], [False, False, True, False], [True, True, False, True]]
        ),
        "k": numpy.array([3, 1, 4, 2, 5], "int32"),
    }
