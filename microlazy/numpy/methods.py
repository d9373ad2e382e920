"""Methods that NumPy's arrays have and that need no code of the core: functions of np."""

from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core.array import ndarray
from microlazy.numpy import (
    elementwise,
    indexing,
    joining,
    manipulation,
    products,
    sorting,
    statistics,
)

__all__ = ["METHODS"]


def _choose(
    self: ndarray, choices: Any, out: ndarray | None = None, mode: str = "raise"
) -> ndarray:
    return indexing.choose(self, choices, out, mode)


def _compress(
    self: ndarray, condition: Any, axis: int | None = None, out: ndarray | None = None
) -> ndarray:
    return indexing.compress(condition, self, axis, out)


def _fill(self: ndarray, value: Any) -> None:
    self[...] = value


def _flatten(self: ndarray, order: str = "C") -> ndarray:
    return manipulation.ravel(self, order).copy()


def _sort(self: ndarray, axis: int = -1, kind: str | None = None, order: None = None) -> None:
    self[...] = sorting.sort(self, axis, kind, order)


def _partition(
    self: ndarray, kth: Any, axis: int = -1, kind: str = "introselect", order: None = None
) -> None:
    self[...] = sorting.partition(self, kth, axis, kind, order)


def _put(self: ndarray, indices: Any, values: Any, mode: str = "raise") -> None:
    from microlazy.numpy.puts import put  # with its compiled part, which few programs use

    put(self, indices, values, mode)


def _tobytes(self: ndarray) -> bytes:
    return onp.asarray(self).tobytes()


def _reshape_view(self: ndarray, *shape: Any) -> ndarray:
    return self.reshape(*shape)


METHODS: dict[str, Callable[..., Any]] = {
    "all": statistics.all,
    "any": statistics.any,
    "argpartition": sorting.argpartition,
    "argsort": sorting.argsort,
    "broadcast_to": manipulation.broadcast_to,
    "choose": _choose,
    "clip": elementwise.clip,
    "compress": _compress,
    "conj": elementwise.conj,
    "conjugate": elementwise.conj,
    "cumprod": statistics.cumprod,
    "cumsum": statistics.cumsum,
    "diagonal": indexing.diagonal,
    "expand_dims": manipulation.expand_dims,
    "fill": _fill,
    "flatten": _flatten,
    "nonzero": sorting.nonzero,
    "partition": _partition,
    "ptp": statistics.ptp,
    "put": _put,
    "ravel": manipulation.ravel,
    "repeat": joining.repeat,
    "reshape_view": _reshape_view,
    "round": elementwise.round,
    "searchsorted": sorting.searchsorted,
    "sort": _sort,
    "split": joining.split,
    "square": vars(elementwise)["square"],  # made by the op table
    "squeeze": manipulation.squeeze,
    "swapaxes": manipulation.swapaxes,
    "take": indexing.take,
    "tobytes": _tobytes,
    "trace": products.trace,
}
"""The functions by their names; an array is their first argument.

Examples
--------
>>> from microlazy import np
>>> np.array([[1, 2], [3, 4]]).diagonal()
array([1., 4.])
"""
