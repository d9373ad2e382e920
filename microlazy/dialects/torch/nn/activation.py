"""Activations and other layers without sizes."""

from __future__ import annotations

from typing import Any

from ....core.ops.nn import activation
from ....initializer import Normal
from .._shapes import flatten_array
from .._tensor import Tensor
from . import functional as F
from .layer import FunctionModule, Layer, module_of
from .module import Module


class ReLU(Layer):
    """x, or 0 where x is below.

    Parameters
    ----------
    inplace : bool
        Printed; the input is left as it is, and its memory is reused when nobody needs it.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    _op = "Relu"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def _compute(self, x: Any) -> Any:
        return activation(x, "relu")

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


def _activation(name: str, function: Any, shown: str = "", **arguments: Any) -> type:
    return module_of(FunctionModule, __name__, name, function, arguments, tuple(shown.split()))


Sigmoid = _activation("Sigmoid", F.sigmoid)
Tanh = _activation("Tanh", F.tanh)
Softmax = _activation("Softmax", F.softmax, "dim", dim=None)
LogSoftmax = _activation("LogSoftmax", F.log_softmax, "dim", dim=None)
LeakyReLU = _activation("LeakyReLU", F.leaky_relu, "negative_slope", negative_slope=0.01)
ELU = _activation("ELU", F.elu, "alpha", alpha=1.0)
SELU = _activation("SELU", F.selu)
GELU = _activation("GELU", F.gelu, approximate="none")
SiLU = _activation("SiLU", F.silu)
Mish = _activation("Mish", F.mish)
Softplus = _activation("Softplus", F.softplus, "beta threshold", beta=1.0, threshold=20.0)
Softsign = _activation("Softsign", F.softsign)
LogSigmoid = _activation("LogSigmoid", F.logsigmoid)
Hardtanh = _activation("Hardtanh", F.hardtanh, "min_val max_val", min_val=-1.0, max_val=1.0)
ReLU6 = _activation("ReLU6", F.relu6)
Hardsigmoid = _activation("Hardsigmoid", F.hardsigmoid)
Hardswish = _activation("Hardswish", F.hardswish)


class PReLU(Module):
    """x, or x times a weight that is learnt where x is below 0 (He et al. 2015).

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels.
    init : float
        The first value of the weights.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.PReLU()(torch.tensor([-4.0])).detach()
    tensor([-1.])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self._declare("weight", (num_parameters,)).initialize("ones")
        self.weight.data.mul_(init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Flatten(Layer):
    """Some axes as one.

    Parameters
    ----------
    start_dim, end_dim : int
        The first and the last of them.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.Flatten()(torch.ones(2, 3, 4)).shape
    torch.Size([2, 12])
    """

    _op = "View"

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def _compute(self, x: Any) -> Any:
        return flatten_array(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Dropout(Module):
    """In training, elements become 0 with probability p, and the others grow by 1 / (1 - p).

    Source: Srivastava et al. 2014.

    Parameters
    ----------
    p : float
        The probability.
    inplace : bool
        Printed; the input is left as it is.

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.Dropout().eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self._trains())

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Embedding(Module):
    """A vector that is learnt for each of so many numbers.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        How many vectors there are, and of which size.
    padding_idx : int, optional
        A number whose vector is zeros and gets no gradient.
    dtype : torch.dtype, optional
        Of the vectors.

    Raises
    ------
    IndexError
        In the forward pass, if a number is none of them.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.Embedding(10, 3)(torch.tensor([[1, 2]])).shape
    torch.Size([1, 2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertionError("Padding_idx must be within num_embeddings")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self._declare("weight", (num_embeddings, embedding_dim), dtype).initialize(Normal(1.0))
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx}"
