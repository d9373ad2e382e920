"""`mx.np.linalg`: linear algebra."""

from typing import Any

from microlazy.core import functions as _f
from microlazy.core.array import ndarray


def norm(x: ndarray, ord: int | None = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    """Return the Euclidean (Frobenius) norm, or the sum of absolute values for ord=1.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.norm(np.array([3, 4]))
    array(5.)
    """
    return _f.norm(x, 2 if ord is None else ord, axis, keepdims)
