"""Objects that are indexed rather than called: grids, joining and slices."""

from typing import Any

import numpy as onp
from numpy import index_exp, s_

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import NP, as_arrays
from microlazy.numpy.joining import column_stack

__all__ = ["c_", "index_exp", "mgrid", "ogrid", "r_", "s_"]


def _range(item: slice) -> ndarray:
    """Return the numbers of a slice; an imaginary step is their count."""
    values = onp.r_[item]
    return _f.from_numpy_result(NP, values, "int64" if values.dtype.kind == "i" else None)


class Grid:
    """Coordinates of a grid, by slices: `np.mgrid[0:2, 0:3]`; sparse ones from `np.ogrid`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.mgrid[0:2, 0:2]
    array([[[0, 0],
            [1, 1]],
           [[0, 1],
            [0, 1]]], dtype=int64)
    >>> np.ogrid[0:1:3j]
    array([0. , 0.5, 1. ])
    """

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        grid = (onp.ogrid if self.sparse else onp.mgrid)[key]
        parts = grid if isinstance(grid, tuple) else (grid,)
        dtype = "int64" if onp.result_type(*parts).kind == "i" else None
        arrays = tuple([_f.from_numpy_result(NP, part, dtype) for part in parts])
        return arrays if isinstance(grid, tuple) else arrays[0]


class Joined:
    """Arrays, numbers and slices joined: `np.r_` end to end, `np.c_` as columns.

    Examples
    --------
    >>> from microlazy import np
    >>> np.r_[np.array([1, 2]), 5, 0:2]
    array([1., 2., 5., 0., 1.])
    >>> np.c_[np.array([1, 2]), np.array([3, 4])]
    array([[1., 3.],
           [2., 4.]])
    """

    def __init__(self, columns: bool) -> None:
        self.columns = columns

    def __getitem__(self, key: Any) -> ndarray:
        items = key if isinstance(key, tuple) else (key,)
        if any(isinstance(item, str) for item in items):
            raise ValueError("np.r_ and np.c_ take no strings; use np.concatenate or np.stack")
        parts = as_arrays(_range(x) if isinstance(x, slice) else x for x in items)
        if self.columns:
            return column_stack(parts)
        return _f.concatenate([x if x.ndim else _f.reshape(x, 1) for x in parts], 0)


mgrid, ogrid = Grid(sparse=False), Grid(sparse=True)
r_, c_ = Joined(columns=False), Joined(columns=True)
