"""Normalization: mean 0 and deviation 1 over a batch, a layer, groups or channels."""

from __future__ import annotations

from typing import Any

import numpy

from ...core.ops.normalization import batch_norm, group_norm, layer_norm
from ...core.tensor import Tensor
from ...initializer import Initializer
from ...ops.normalization import batch_norm_of_workers
from ..parameter import Parameter
from ..utils import axis_of, number_of
from ._layer import Layer, given_source, shown_size, size_of

__all__ = ["BatchNorm", "BatchNormReLU", "GroupNorm", "InstanceNorm", "LayerNorm", "SyncBatchNorm"]

Init = Initializer | str | None


class _Norm(Layer):
    """What all normalizations share: a factor gamma and an offset beta, learned or not."""

    gamma: Parameter
    beta: Parameter
    _axis: int
    _kwargs: dict[str, Any]

    def forward(self, x: Any, *args: Any) -> Any:
        out = None if args else self._plain(x)
        return Layer.forward(self, x, *args) if out is None else out

    def _plain(self, x: Any) -> Tensor | None:
        """The output by a compiled function; None where it takes more, or where it is refused."""
        return None

    def _declare_scale(
        self, source: str, size: int, scale: bool, center: bool, gamma_init: Init, beta_init: Init
    ) -> None:
        for name, learned, init in (("gamma", scale, gamma_init), ("beta", center, beta_init)):
            parameter = self._declare(
                name,
                (size,),
                init,
                grad_req="write" if learned else "null",
                differentiable=learned,
            )
            setattr(self, name, parameter)
        given_source(source, size, self.gamma, self.beta)

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        size = self._size_along(x, self._axis)
        self._settle(x, *((p, (size,)) for p in self._reg_params.values()))

    def __repr__(self) -> str:
        shown = self._kwargs | self._found()
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in shown.items())})"

    def _found(self) -> dict[str, Any]:
        """What is printed of the sizes."""
        return {"in_channels": self.gamma.shape[0]}


class BatchNorm(_Norm):
    """Normalize each channel over the batch; to predict, with the statistics seen so far.

    Parameters
    ----------
    axis : int
        That of the channels.
    momentum : float
        How much of the running statistics a batch leaves, from 0 to 1.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether an offset `beta` and a factor `gamma` are learned.
    use_global_stats : bool
        Use the running statistics while training too.
    beta_initializer, gamma_initializer : Initializer or str
        For `beta` and `gamma`, of shape (channels,).
    running_mean_initializer, running_variance_initializer : Initializer or str
        For `running_mean` and `running_var`, of shape (channels,).
    in_channels : int
        The number of channels; 0 finds it from the first input.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ShapeError
        In the forward pass, if the number of channels is another.

    Notes
    -----
    Input and output have the same shape and floating-point dtype.  Under ``autograd.record()``
    the batch's statistics are used, and the running ones go towards them:
    ``running = momentum * running + (1 - momentum) * batch``.  They stay float32 for a float16
    layer.  Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> layer = BatchNorm()
    >>> layer.initialize()
    >>> with autograd.record():
    ...     y = layer(nd.array([[1, 10], [3, 30]]))
    >>> y.asnumpy().round(2)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> layer.running_mean.data().asnumpy()
    array([0.2, 2. ], dtype=float32)
    """

    _fuse_relu = False

    def __init__(
        self,
        axis: int = 1,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        use_global_stats: bool = False,
        beta_initializer: Init = "zeros",
        gamma_initializer: Init = "ones",
        running_mean_initializer: Init = "zeros",
        running_variance_initializer: Init = "ones",
        in_channels: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        size = size_of(kind, "in_channels", in_channels, 0)
        self._axis = axis_of(kind, "axis", axis)
        self._kwargs = {
            "axis": axis,
            "eps": number_of(kind, "epsilon", epsilon),
            "momentum": number_of(kind, "momentum", momentum),
            "fix_gamma": not scale,
            "use_global_stats": use_global_stats,
        }
        self._declare_scale("in_channels", size, scale, center, gamma_initializer, beta_initializer)
        moving = {"grad_req": "null", "differentiable": False}
        self.running_mean = self._declare(
            "running_mean", (size,), running_mean_initializer, **moving
        )
        self.running_var = self._declare(
            "running_var", (size,), running_variance_initializer, **moving
        )
        given_source("in_channels", size, self.running_mean, self.running_var)

    def cast(self, dtype: Any) -> None:
        """Change the dtype of the parameters; for float16 they stay float32.

        Parameters
        ----------
        dtype : str or numpy.dtype
            The new dtype.

        Examples
        --------
        >>> layer = BatchNorm(in_channels=2)
        >>> layer.cast("float16")
        >>> layer.gamma.dtype
        'float32'
        """
        super().cast("float32" if numpy.dtype(dtype) == numpy.float16 else dtype)

    def hybrid_forward(
        self,
        F: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
    ) -> Tensor:
        arrays = (x, gamma, beta, running_mean, running_var)
        out = F.BatchNorm(*arrays, name="fwd", **self._kwargs)
        return F.relu(out) if self._fuse_relu else out

    forward = _Norm.forward

    def _plain(self, x: Any) -> Tensor | None:
        return batch_norm(
            x,
            self.gamma.array,
            self.beta.array,
            self.running_mean.array,
            self.running_var.array,
            *(*self._kwargs.values(), self._fuse_relu),
        )

    def _found(self) -> dict[str, Any]:
        return {"in_channels": shown_size(self.gamma.shape[0])}


class BatchNormReLU(BatchNorm):
    """`BatchNorm` followed by max(x, 0).

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = BatchNormReLU(epsilon=0)
    >>> layer.initialize()
    >>> layer(nd.array([[-1], [1]])).asnumpy()
    array([[0.],
           [1.]], dtype=float32)
    """

    _fuse_relu = True


class SyncBatchNorm(BatchNorm):
    """Batch normalization over the batches of all workers; with one worker it is `BatchNorm`.

    The workers are the processes that ``mx.kv.create("dist_sync")`` brought together. While
    training, all of them run the layer at the same time; their batches may differ in size. Mean and
    variance, forward, and what goes back through them are those of all batches together.

    Parameters
    ----------
    in_channels : int
        The number of channels; 0 finds it from the first input.
    num_devices : int or None
        Of no effect.
    momentum, epsilon, center, scale, use_global_stats
        As in `BatchNorm`.
    beta_initializer, gamma_initializer : Initializer or str
        As in `BatchNorm`.
    running_mean_initializer, running_variance_initializer : Initializer or str
        As in `BatchNorm`.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = SyncBatchNorm()
    >>> layer.initialize()
    >>> layer(nd.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    def __init__(
        self,
        in_channels: int = 0,
        num_devices: int | None = None,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        use_global_stats: bool = False,
        beta_initializer: Init = "zeros",
        gamma_initializer: Init = "ones",
        running_mean_initializer: Init = "zeros",
        running_variance_initializer: Init = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1,
            momentum,
            epsilon,
            center,
            scale,
            use_global_stats,
            beta_initializer,
            gamma_initializer,
            running_mean_initializer,
            running_variance_initializer,
            in_channels,
            **kwargs,
        )

    def _plain(self, x: Any) -> Tensor | None:
        from ...kvstore import workers  # few programs need it

        return super()._plain(x) if workers.others() is None else None

    def hybrid_forward(
        self,
        F: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
    ) -> Tensor:
        from ...kvstore import workers

        arrays = (x, gamma, beta, running_mean, running_var)
        if workers.others() is None or not isinstance(x, Tensor):
            return super().hybrid_forward(F, *arrays)
        return batch_norm_of_workers(workers.total, *arrays, *self._kwargs.values())

    forward = _Norm.forward


class LayerNorm(_Norm):
    """Normalize along one axis, each example by itself.

    Parameters
    ----------
    axis : int
        The axis.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether an offset `beta` and a factor `gamma` are learned.
    beta_initializer, gamma_initializer : Initializer or str
        For `beta` and `gamma`, of shape (size along the axis,).
    in_channels : int
        The size along the axis; 0 finds it from the first input.
    prefix, params
        As in `Block`.

    Raises
    ------
    ShapeError
        In the forward pass, if the size along the axis is another.

    Notes
    -----
    Input and output have the same shape and floating-point dtype.  Ba et al., "Layer
    normalization", 2016.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = LayerNorm()
    >>> layer.initialize()
    >>> layer(nd.array([[1, 3], [10, 30]])).asnumpy().round(2)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Init = "zeros",
        gamma_initializer: Init = "ones",
        in_channels: int = 0,
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(prefix=prefix, params=params)
        kind = type(self).__name__
        size = size_of(kind, "in_channels", in_channels, 0)
        self._axis = axis_of(kind, "axis", axis)
        self._epsilon = number_of(kind, "epsilon", epsilon)
        self._kwargs = {
            "eps": epsilon,
            "axis": axis,
            "center": center,
            "scale": scale,
        }
        self._declare_scale("in_channels", size, scale, center, gamma_initializer, beta_initializer)

    def hybrid_forward(self, F: Any, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return F.LayerNorm(x, gamma, beta, axis=self._axis, eps=self._epsilon)

    forward = _Norm.forward

    def _plain(self, x: Any) -> Tensor | None:
        return layer_norm(x, self.gamma.array, self.beta.array, self._axis, self._epsilon)


class InstanceNorm(_Norm):
    """Normalize each channel of each example by itself.

    Parameters
    ----------
    axis : int
        That of the channels.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether an offset `beta` and a factor `gamma` are learned.
    beta_initializer, gamma_initializer : Initializer or str
        For `beta` and `gamma`, of shape (channels,).
    in_channels : int
        The number of channels; 0 finds it from the first input.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ShapeError
        In the forward pass, if the number of channels is another, or the input has fewer than
        three axes.

    Notes
    -----
    Input and output have the same shape and floating-point dtype.  Ulyanov et al., "Instance
    normalization", 2016.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = InstanceNorm()
    >>> layer.initialize()
    >>> layer(nd.array([[[1, 3], [10, 30]]])).asnumpy().round(2)
    array([[[-1.,  1.],
            [-1.,  1.]]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = 1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = False,
        beta_initializer: Init = "zeros",
        gamma_initializer: Init = "ones",
        in_channels: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        size = size_of(kind, "in_channels", in_channels, 0)
        self._axis = axis_of(kind, "axis", axis)
        self._epsilon = number_of(kind, "epsilon", epsilon)
        self._kwargs = {
            "eps": epsilon,
            "axis": axis,
            "center": center,
            "scale": scale,
        }
        self._declare_scale("in_channels", size, scale, center, gamma_initializer, beta_initializer)

    def hybrid_forward(self, F: Any, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        axis = self._axis
        if axis == 1:
            return F.InstanceNorm(x, gamma, beta, eps=self._epsilon, name="fwd")
        second = F.swapaxes(x, 1, axis)
        out = F.InstanceNorm(second, gamma, beta, eps=self._epsilon, name="fwd")
        return F.swapaxes(out, 1, axis)

    forward = _Norm.forward

    def _plain(self, x: Any) -> Tensor | None:
        if self._axis != 1 or not isinstance(x, Tensor) or x.ndim < 3:
            return None
        return group_norm(x, self.gamma.array, self.beta.array, x.shape[1], self._epsilon)


class GroupNorm(_Norm):
    """Normalize groups of channels, each example by itself.

    Parameters
    ----------
    num_groups : int
        How many groups the channels (axis 1) are divided into.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether an offset `beta` and a factor `gamma` are learned.
    beta_initializer, gamma_initializer : Initializer or str
        For `beta` and `gamma`, of shape (num_groups,).
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        If `num_groups` is not at least 1.
    ShapeError
        In the forward pass, if the channels cannot be divided.

    Notes
    -----
    Input and output have the same shape and floating-point dtype.  Wu and He, "Group
    normalization", 2018; there gamma and beta have a number for each channel.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = GroupNorm(num_groups=2)
    >>> layer.initialize()
    >>> layer(nd.array([[[1], [3], [10], [30]]])).asnumpy().ravel().round(2)
    array([-1.,  1., -1.,  1.], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int = 1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Init = "zeros",
        gamma_initializer: Init = "ones",
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(prefix=prefix, params=params)
        kind = type(self).__name__
        self._num_groups = size_of(kind, "num_groups", num_groups, 1)
        self._epsilon = number_of(kind, "epsilon", epsilon)
        self._kwargs = {
            "eps": epsilon,
            "num_groups": num_groups,
            "center": center,
            "scale": scale,
        }
        self._declare_scale(
            "num_groups", num_groups, scale, center, gamma_initializer, beta_initializer
        )

    def hybrid_forward(self, F: Any, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return F.GroupNorm(x, gamma, beta, num_groups=self._num_groups, eps=self._epsilon)

    forward = _Norm.forward

    def _plain(self, x: Any) -> Tensor | None:
        return group_norm(x, self.gamma.array, self.beta.array, self._num_groups, self._epsilon)

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        """Do nothing: all sizes are known."""

    def _found(self) -> dict[str, Any]:
        return {}
