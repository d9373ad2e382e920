"""Layers that apply one function to every element."""

from __future__ import annotations

from typing import Any

from ... import initializer
from ...core.tensor import Tensor
from ..utils import number_of
from ._activation import Activation
from ._layer import Layer

__all__ = ["ELU", "GELU", "PReLU", "SELU", "Activation", "LeakyReLU", "SiLU", "Swish"]


class LeakyReLU(Layer):
    """x where x is positive, ``alpha * x`` elsewhere.

    Parameters
    ----------
    alpha : float
        The slope for negative x, at least 0.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    AssertionError
        If `alpha` is negative.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Maas et al.,
    "Rectifier nonlinearities improve neural network acoustic models", 2013.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(LeakyReLU(0.5)(nd.array([-1, 2])).asnumpy())
    [-0.5  2. ]
    """

    def __init__(self, alpha: float, **kwargs: Any) -> None:
        if number_of(type(self).__name__, "alpha", alpha) < 0:
            raise initializer.ArgumentError(
                f"Slope coefficient for LeakyReLU must be no less than 0, but got {alpha}."
            )
        super().__init__(**kwargs)
        self._alpha = alpha

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return F.LeakyReLU(x, act_type="leaky", slope=self._alpha, name="fwd")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._alpha})"

    forward = Layer.forward


class PReLU(Layer):
    """x where x is positive, ``alpha * x`` elsewhere, with a learned `alpha`.

    Parameters
    ----------
    alpha_initializer : Initializer
        For `alpha`; 0.25 by default.
    in_channels : int
        How many slopes: 1, or the size of the input's second axis.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  He et al.,
    "Delving deep into rectifiers", 2015, equation 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = PReLU()
    >>> layer.initialize()
    >>> print(layer(nd.array([[-1, 2]])).asnumpy())
    [[-0.25  2.  ]]
    """

    def __init__(
        self,
        alpha_initializer: initializer.Initializer | str | None = None,
        in_channels: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if alpha_initializer is None:
            alpha_initializer = initializer.Constant(0.25)
        self.alpha = self.params.get("alpha", shape=(in_channels,), init=alpha_initializer)

    def hybrid_forward(self, F: Any, x: Tensor, alpha: Tensor) -> Tensor:
        return F.LeakyReLU(x, gamma=alpha, act_type="prelu", name="fwd")

    forward = Layer.forward


class ELU(Layer):
    """x where x is positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Parameters
    ----------
    alpha : float
        The limit for negative x, with its sign changed.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Clevert et
    al., "Fast and accurate deep network learning by exponential linear units", 2016.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(ELU()(nd.array([0, 2])).asnumpy())
    [0. 2.]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._alpha = number_of(type(self).__name__, "alpha", alpha)

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return F.LeakyReLU(x, act_type="elu", slope=self._alpha, name="fwd")

    forward = Layer.forward


class SELU(Layer):
    """The exponential linear unit whose outputs keep mean 0 and variance 1.

    Parameters
    ----------
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Klambauer et
    al., "Self-normalizing neural networks", 2017, equation 2.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(SELU()(nd.array([0, 1])).asnumpy())
    [0.       1.050701]
    """

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return F.LeakyReLU(x, act_type="selu", name="fwd")

    forward = Layer.forward


class GELU(Layer):
    """x times the standard normal distribution function of x.

    Parameters
    ----------
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Hendrycks and
    Gimpel, "Gaussian error linear units", 2016.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(GELU()(nd.array([0, 10])).asnumpy())
    [ 0. 10.]
    """

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return F.LeakyReLU(x, act_type="gelu", name="fwd")

    forward = Layer.forward


class Swish(Layer):
    """``x * sigmoid(beta * x)``.

    Parameters
    ----------
    beta : float
        How steep the gate is.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Ramachandran
    et al., "Searching for activation functions", 2017.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(Swish()(nd.array([0, 100])).asnumpy())
    [  0. 100.]
    """

    def __init__(self, beta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._beta = number_of(type(self).__name__, "beta", beta)

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return x * F.sigmoid(x * self._beta, name="fwd")

    forward = Layer.forward


class SiLU(Swish):
    """``x * sigmoid(x)``: `Swish` with beta 1.

    Parameters
    ----------
    **kwargs
        `prefix` and `params`, as in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(SiLU()(nd.array([0, 100])).asnumpy())
    [  0. 100.]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
