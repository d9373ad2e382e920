"""The layer of an activation function by name, which dense and convolution layers hold."""

from __future__ import annotations

from typing import Any

from ...core.ops.nn import activation, activation_names
from ...core.tensor import Tensor
from ..block import HybridBlock
from ..block.hybrid import need_array
from ._layer import choice_of

__all__ = ["Activation"]


def check_activation(layer: str, given: Any, name: str = "activation") -> None:
    """Refuse what is no name of an activation function."""
    if isinstance(given, str):
        choice_of(layer, name, given, activation_names())
    else:
        hint = "a size or a rate has a name of its own, such as in_units="
        if callable(given):
            hint = "put a layer or a function, as nn.HybridLambda(function), after this layer"
        raise TypeError(f"{layer}: {name} must be a name such as 'relu', given {given!r}; {hint}")


class Activation(HybridBlock):
    """Apply an activation function by name.

    Parameters
    ----------
    activation : {'relu', 'sigmoid', 'softrelu', 'softsign', 'tanh'}
        Which: max(x, 0), 1 / (1 + exp(-x)), log(1 + exp(x)), x / (1 + abs(x)) or tanh(x).
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    TypeError
        If `activation` is no string.
    ValueError
        If there is no such function.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(Activation("relu")(nd.array([-1, 2])).asnumpy())
    [0. 2.]
    """

    def __init__(self, activation: str, **kwargs: Any) -> None:
        check_activation(type(self).__name__, activation)
        self._act_type = activation
        super().__init__(**kwargs)

    def _alias(self) -> str:
        return self._act_type

    def _is_only(self, name: str) -> bool:
        """Whether calling this layer does nothing but apply this function."""
        hooks = self._forward_hooks or self._forward_pre_hooks
        return (
            self._act_type == name
            and self.__class__ is Activation
            and not hooks
            and "forward" not in self.__dict__
        )

    def forward(self, x: Tensor) -> Tensor:
        try:
            return activation(x, self._act_type)
        except TypeError:
            need_array(self, x)
            raise

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        if self._act_type == "gelu":  # which MXNet has among the rectifiers
            return F.LeakyReLU(x, act_type="gelu", name="fwd")
        return F.Activation(x, act_type=self._act_type, name="fwd")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._act_type})"
