"""Linear layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....base import MXNetError
from ....core.ops.nn import fully_connected
from .. import _dtypes
from .._tensor import Tensor
from .activation import ReLU
from .functional import linear_error, linear_of_arrays
from .layer import Layer, LazyLayer, settle
from .module import Module


class Identity(Module):
    """The input itself; arguments are accepted and ignored.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.Identity(54)
    Identity()
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Layer):
    """``x @ weight.T + bias`` over the last axis.

    Parameters
    ----------
    in_features, out_features : int
        The size of the last axis of the input, and of the output.
    bias : bool
        Whether there is a bias.
    dtype : torch.dtype, optional
        Of the parameters; float32 if left out.

    Raises
    ------
    RuntimeError
        In the forward pass, if the input's size is not `in_features`.

    Notes
    -----
    `weight` has shape (out_features, in_features), as in Gluon. The first values are spread evenly
    up to 1 / sqrt(in_features).

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.Linear(4, 3)
    >>> layer
    Linear(in_features=4, out_features=3, bias=True)
    >>> layer(torch.ones(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self._declare("weight", (out_features, in_features), dtype)
        if bias:
            self._declare("bias", (out_features,), dtype)
        else:
            self.register_parameter("bias", None)
        if in_features:
            self._start(in_features, "weight", "bias")

    @property
    def _op(self) -> str:  # type: ignore[override]
        return "Addmm" if "bias" in self._reg_params else "Mm"

    def _compute(self, x: Any) -> Any:
        return linear_of_arrays(x, self._array("weight"), self._array("bias"))

    def _step(self, following: Layer | None = None) -> Callable[[Any], Any] | None:
        if not (following is None or type(following) is ReLU):
            return None
        act_type = None if following is None else "relu"
        weight, bias = self._reg_params["weight"], self._reg_params.get("bias")

        def step(x: Any) -> Any:
            shift = None if bias is None else bias.array
            try:
                return fully_connected(x, weight.array, shift, None, bias is None, False, act_type)
            except (MXNetError, TypeError) as error:
                raise linear_error(x, weight.data(), error) from None

        return step

    def extra_repr(self) -> str:
        has_bias = "bias" in self._reg_params
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"


class LazyLinear(LazyLayer, Linear):
    """A `Linear` that takes `in_features` from its first input, and is a `Linear` from then on.

    Parameters
    ----------
    out_features : int
        The size of the last axis of the output.
    bias : bool
        Whether there is a bias.
    dtype : torch.dtype, optional
        Of the parameters.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.LazyLinear(10)
    >>> layer
    LazyLinear(in_features=0, out_features=10, bias=True)
    >>> _ = layer(torch.ones(2, 256))
    >>> layer
    Linear(in_features=256, out_features=10, bias=True)
    """

    def __init__(self, out_features: int, bias: bool = True, dtype: Any = None) -> None:
        Linear.__init__(self, 0, out_features, bias, dtype or _dtypes.float32)

    def _find_sizes(self, x: Any) -> None:
        size = x.shape[-1]
        settle(self._reg_params["weight"], (self.out_features, size), x)
        self.in_features = size
        self._start(size, "weight", "bias")
