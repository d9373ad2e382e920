"""Linear layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _dtypes
from .._tensor import Tensor
from .activation import ReLU
from .functional import linear_of_arrays
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

    def _compute(self, x: Any, act_type: str | None = None) -> Any:
        held = self._reg_params
        bias = held.get("bias")
        shift = None if bias is None else bias.array
        return linear_of_arrays(x, held["weight"].array, shift, act_type)

    def _with_next(self, layer: Layer) -> Callable[[Any], Any] | None:
        return partial(self._compute, act_type="relu") if type(layer) is ReLU else None

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
