"""Which of the two array types a network of a dialect works with: that of its first input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy

from .. import numpy as np
from ..core.tensor import Tensor
from ..util import np_array, np_shape


@contextmanager
def face_of(x: Any) -> Iterator[None]:
    """Make parameters of the type that suits an input: nd for `nd.NDArray`, np for all else.

    Examples
    --------
    >>> from microlazy import nd, npx
    >>> with face_of([1.0]):
    ...     npx.is_np_array()
    True
    >>> with face_of(nd.ones(1)):
    ...     npx.is_np_array()
    False
    """
    if isinstance(x, Tensor) and not isinstance(x, np.ndarray):
        with np_array(False):
            yield
    else:
        with np_shape(True), np_array(True):
            yield


def as_array(x: Any, floats: str = "float32") -> Any:
    """An array of ours as it is; NumPy's arrays, numbers and lists as np arrays.

    Parameters
    ----------
    x : array
        What is given.
    floats : str
        The dtype that floats of NumPy and Python get.

    Examples
    --------
    >>> import numpy
    >>> as_array(numpy.ones(2)).dtype
    dtype('float32')
    >>> as_array([1, 2]).dtype
    dtype('int64')
    """
    if isinstance(x, Tensor):
        return x
    values = numpy.asarray(x)
    if values.dtype.kind == "f":
        return np.array(values, dtype=floats)
    kept = {"b": "bool", "i": None, "u": "uint8" if values.dtype == "uint8" else "int64"}
    return np.array(values, dtype=kept.get(values.dtype.kind) or values.dtype)
