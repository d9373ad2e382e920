"""What the layers check of their arguments before they compute."""

from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError, kind_of
from microlazy.core.tensor import Tensor

T = TypeVar("T")

LARGEST = 2**31 - 1  # of the numbers that say where windows are; their products fit 64 bits


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple of numbers, from a sequence of them or from one alone, as MXNet's operators take.

    Examples
    --------
    >>> from microlazy.ops.checks import as_tuple
    >>> as_tuple(2), as_tuple([2, 3]), as_tuple(None)
    ((2,), (2, 3), (None,))
    """
    return (value,) if value is None or numpy.isscalar(value) else tuple(value)


def check_arrays(op: str, **arrays: Any) -> None:
    """Refuse what is not an array.

    Examples
    --------
    >>> from microlazy.ops.checks import check_arrays
    >>> check_arrays("convolution", weight=[1, 2])
    Traceback (most recent call last):
    TypeError: convolution: weight must be an array (NDArray or ndarray), not list
    """
    for name, array in arrays.items():
        if not isinstance(array, Tensor):
            raise TypeError(
                f"{op}: {name} must be an array (NDArray or ndarray), not {kind_of(array)}"
            )


def check_floats(op: str, data: Any) -> None:
    """Refuse what is not an array of floats.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.checks import check_floats
    >>> check_floats("pooling", np.ones(2, dtype="int32"))
    Traceback (most recent call last):
    microlazy.base.MXNetError: pooling: the data must hold floats, not int32
    """
    check_arrays(op, data=data)
    dtype = numpy.dtype(data.dtype)
    if dtype.kind != "f":
        raise MXNetError(f"{op}: the data must hold floats, not {dtype}")


def check_shapes(op: str, expected: tuple[int, ...], **arrays: Any) -> None:
    """Refuse what is not an array of a shape.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.checks import check_shapes
    >>> check_shapes("layer_norm", (2,), gamma=np.ones(3))
    Traceback (most recent call last):
    microlazy.base.ShapeError: layer_norm: gamma must have shape (2,), not (3,)
    """
    check_arrays(op, **arrays)
    for name, array in arrays.items():
        if array.shape != expected:
            raise ShapeError(f"{op}: {name} must have shape {expected}, not {array.shape}")


def axis_of(op: str, axis: int, data: Tensor) -> int:
    """Return an axis counted from the front; refuse one that the data has not.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.checks import axis_of
    >>> axis_of("layer_norm", -1, np.ones((2, 3)))
    1
    """
    if not -data.ndim <= axis < data.ndim:
        raise ShapeError(f"{op}: the data of shape {data.shape} has no axis {axis}")
    return axis % data.ndim


def required(op: str, name: str, value: T | None) -> T:
    """Return an argument that must be given, though it stands behind optional ones.

    Examples
    --------
    >>> from microlazy.ops.checks import required
    >>> required("rnn", "mode", None)
    Traceback (most recent call last):
    microlazy.base.MXNetError: rnn: the argument 'mode' is required
    """
    if value is None:
        raise MXNetError(f"{op}: the argument {name!r} is required")
    return value


def check_tuning(op: str, options: dict[str, Any]) -> None:
    """Refuse options that are not those of GPU libraries, on which no result depends.

    Examples
    --------
    >>> from microlazy.ops.checks import check_tuning
    >>> check_tuning("dropout", {"cudnn_off": True})
    """
    for name in options:
        if name not in ("workspace", "cudnn_tune", "cudnn_off"):
            raise TypeError(f"{op}() got an unexpected argument {name!r}")
