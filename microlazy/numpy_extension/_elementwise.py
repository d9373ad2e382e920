"""Functions of each element that are made from the table of `ops/elementwise`."""

from microlazy.ops.elementwise import functions_of

_MADE = functions_of("npx")
globals().update(_MADE)

__all__ = list(_MADE)
"""The functions by their names.

Examples
--------
>>> from microlazy import np, npx
>>> npx.relu(np.array([-1, 2]))
array([0., 2.])
"""
