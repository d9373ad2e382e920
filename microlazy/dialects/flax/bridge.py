"""A module of Flax as a block of Gluon, which keeps the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import autograd
from ... import numpy as np
from ...core.tensor import Tensor
from ...gluon import Block, Parameter
from ...gluon.parameter.parameter import lock
from ..faces import face_of
from ..initializers import InOrder
from ..parameters import hold
from . import d2l
from .jax.tree_util import tree_map
from .linen import Module
from .linen._scope import leaves

__all__ = ["ToGluon"]

Path = tuple[str, ...]


class ToGluon(Block):
    """A block whose parameters are the variables of a module, made at its first call.

    It may stand in networks of Gluon, Keras and others, and Gluon's `Trainer` moves it.

    Parameters
    ----------
    module : Module
        The module. It runs as ``module.apply(variables, *inputs)``.
    rngs : key, optional
        For `init`; by default one that follows from `mx.random.seed`.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    What draws gets a new key at each call. Collections beside the parameters, such as running
    means, change while recording. The parameters are np arrays, and nd inputs give nd outputs.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects import keras
    >>> from microlazy.dialects.flax import linen
    >>> net = keras.Sequential([ToGluon(linen.Dense(8)), keras.layers.Dense(2)])
    >>> net(np.ones((3, 4))).shape
    (3, 2)
    >>> [w.shape for w in net.get_weights()]
    [(4, 8), (8,), (8, 2), (2,)]
    """

    def __init__(self, module: Module, rngs: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._module = module
        self._rngs = rngs
        #: The parameters by the places of the variables, layer by layer.
        self.places: dict[Path, Parameter] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._module!r})"

    def forward(self, *inputs: Any) -> Any:
        arrays = [x.as_np_ndarray() if isinstance(x, Tensor) else x for x in inputs]
        if not self._is_live():
            with lock:  # of several threads, the first one makes the parameters
                if not self._is_live():
                    self._make(arrays)
        variables: dict[str, Any] = {}
        for path, parameter in self.places.items():
            _put(variables, path, parameter.data())
        moves = [name for name in variables if name != "params"] if autograd.is_recording() else []
        out, changed = self._module.apply(variables, *arrays, rngs=d2l.get_key(), mutable=moves)
        with autograd.pause():
            for path, value in leaves(changed):
                self.places[path].set_data(value)
        return out if isinstance(inputs[0], np.ndarray) else tree_map(_as_nd, out)

    def _is_live(self) -> bool:
        return bool(self.places) and all(p.array is not None for p in self.places.values())

    def _make(self, arrays: list[Any]) -> None:
        """Make the variables, and parameters that hold them."""
        key = d2l.get_key() if self._rngs is None else self._rngs
        with face_of(None):
            values = dict(leaves(self._module.init(key, *arrays)))
            for path in self._module.init_order(key, *arrays):
                value = values[path]
                self.places[path] = hold(
                    self,
                    "_".join(path),
                    shape=value.shape,
                    dtype=value.dtype.name,
                    grad_req="write" if path[0] == "params" else "null",
                    init=InOrder(_init_of(self._module, value), None),
                )


def _init_of(module: Module, value: Any) -> Callable[..., Any]:
    def init(shape: Any, dtype: Any) -> Any:
        return value

    init.__name__ = f"{type(module).__name__}.init"
    return init


def _as_nd(x: Any) -> Any:
    return x.as_nd_ndarray() if isinstance(x, np.ndarray) else x


def _put(tree: dict[str, Any], path: Path, value: Any) -> None:
    *keys, name = path
    for key in keys:
        tree = tree.setdefault(key, {})
    tree[name] = value
