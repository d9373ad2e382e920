"""Constants of a network: parameters that are not learnt."""

from __future__ import annotations

import warnings
from typing import Any

from ...core.tensor import Tensor
from ...initializer import Constant as ConstantInit
from .parameter import Parameter, array_like


class Constant(Parameter):
    """A parameter that is not learnt: it has no gradient, and a trainer passes over it.

    Parameters
    ----------
    name : str
        Name.
    value : array-like
        The values.

    Examples
    --------
    >>> import microlazy as mx
    >>> const = mx.gluon.Constant("const", [[1, 2], [3, 4]])
    >>> const.initialize()
    >>> const.data().asnumpy()
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """

    def __init__(self, name: str, value: Any) -> None:
        if not isinstance(value, Tensor):
            value = array_like(value)
        self.value = value
        super().__init__(
            name, grad_req="null", shape=value.shape, dtype=value.dtype, init=ConstantInit(value)
        )

    @property
    def grad_req(self) -> str:
        """Always ``"null"``: setting it to anything else warns and changes nothing."""
        return "null"

    @grad_req.setter
    def grad_req(self, req: str) -> None:
        self._grad_req = "null"
        if req != "null":
            warnings.warn(
                f'Constant parameter "{self.name}" does not support grad_req other than "null", '
                f'and new value "{req}" is ignored.',
                stacklevel=2,
            )
