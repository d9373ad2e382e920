"""Pooling: one number for each window, or for each channel."""

from __future__ import annotations

from operator import gt
from typing import Any

from ...base import ShapeError
from ...core.ops.pooling import Pooling
from ...core.tensor import Tensor
from ..block.tree import where
from ._layer import LAYOUTS, Layer, choice_of, sizes_of

__all__ = [
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
]

Sizes = int | tuple[int, ...]


class _Pooling(Layer):
    """What all pooling layers share."""

    _axes: int
    _pool_type: str

    def __init__(
        self,
        pool_size: Sizes,
        strides: Sizes | None,
        padding: Sizes,
        ceil_mode: bool,
        layout: str | None,
        count_include_pad: bool | None = None,
        global_pool: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind, axes, layouts = type(self).__name__, self._axes, LAYOUTS[self._axes]
        kernel = sizes_of(kind, "pool_size", pool_size, axes, 1)
        self._kwargs: dict[str, Any] = {
            "kernel": kernel,
            "stride": kernel if strides is None else sizes_of(kind, "strides", strides, axes, 1),
            "pad": sizes_of(kind, "padding", padding, axes, 0),
            "global_pool": global_pool,
            "pool_type": self._pool_type,
            "pooling_convention": "full" if ceil_mode else "valid",
            "layout": choice_of(kind, "layout", layout or layouts[0], layouts),
        }
        if count_include_pad is not None:
            self._kwargs["count_include_pad"] = count_include_pad
        options = self._kwargs
        self._pool = None
        if options["layout"] == layouts[0] and all(map(gt, kernel, options["pad"])):
            self._pool = Pooling(
                self._pool_type,
                kernel,
                options["stride"],
                options["pad"],
                ceil_mode,
                count_include_pad is not False,
                global_pool,
            )

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return F.Pooling(x, name="fwd", **self._kwargs)

    def forward(self, x: Tensor, *args: Any) -> Tensor:
        out = None if self._pool is None or args else self._pool(x)
        # What the kernels leave, and the errors, are the op's.
        return Layer.forward(self, x, *args) if out is None else out

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        if x.ndim != self._axes + 2:
            raise ShapeError(
                f"{where(self)} takes an input of {self._axes + 2} axes, but got shape {x.shape}"
            )

    def _alias(self) -> str:
        return "pool"

    def __repr__(self) -> str:
        options = self._kwargs
        ceil = options["pooling_convention"] == "full"
        return (
            f"{type(self).__name__}(size={options['kernel']}, stride={options['stride']}, "
            f"padding={options['pad']}, ceil_mode={ceil}, global_pool={options['global_pool']}, "
            f"pool_type={self._pool_type}, layout={options['layout']})"
        )


class MaxPool2D(_Pooling):
    """The largest element of each window over height and width.

    Parameters
    ----------
    pool_size, padding : int or tuple of int
        Height and width of the windows, and how many places are put around the input on each
        side, or one number for both.
    strides : int or tuple of int or None
        The steps from window to window; None for those of `pool_size`.
    layout : {'NCHW', 'NHWC'}, optional
        The order of the axes; the first if left out.
    ceil_mode : bool
        Whether a window that lies partly behind the end counts too.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If an argument is no size.
    ShapeError
        In the forward pass, if the input does not suit.

    Notes
    -----
    Along each spatial axis of size n the output has
    ``(n + 2 * padding - pool_size) / strides + 1`` places, rounded down, or up with `ceil_mode`.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = MaxPool2D()
    >>> layer(nd.array([[[[1, 2], [4, 3]]]])).asscalar().item()
    4.0
    """

    _axes, _pool_type = 2, "max"

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: Sizes = 0,
        layout: str | None = None,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout, **kwargs)


class MaxPool1D(MaxPool2D):
    """The largest element of each window over one axis; as `MaxPool2D`, for NCW and NWC.

    Examples
    --------
    >>> from microlazy import nd
    >>> MaxPool1D(3, strides=1)(nd.array([[[1, 5, 2, 4]]])).asnumpy()
    array([[[5., 5.]]], dtype=float32)
    """

    _axes = 1


class MaxPool3D(_Pooling):
    """The largest element of each window over three axes; as `MaxPool2D`, for NCDHW and NDHWC.

    Here `ceil_mode` stands before `layout`, as in MXNet.

    Examples
    --------
    >>> from microlazy import nd
    >>> MaxPool3D()(nd.ones((1, 3, 4, 4, 6))).shape
    (1, 3, 2, 2, 3)
    """

    _axes, _pool_type = 3, "max"

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        layout: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout, **kwargs)


class AvgPool2D(_Pooling):
    """The mean of each window over height and width.

    Parameters
    ----------
    pool_size, strides, padding, ceil_mode, layout
        As in `MaxPool2D`, with `ceil_mode` before `layout`.
    count_include_pad : bool
        Whether the places of the padding count, with value 0.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If an argument is no size.
    ShapeError
        In the forward pass, if the input does not suit.

    Examples
    --------
    >>> from microlazy import nd
    >>> AvgPool2D()(nd.array([[[[1, 2], [4, 3]]]])).asscalar().item()
    2.5
    """

    _axes, _pool_type = 2, "avg"

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        layout: str | None = None,
        count_include_pad: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, ceil_mode, layout, count_include_pad, **kwargs
        )


class AvgPool3D(AvgPool2D):
    """The mean of each window over three axes; as `AvgPool2D`, for NCDHW and NDHWC.

    Examples
    --------
    >>> from microlazy import nd
    >>> AvgPool3D()(nd.ones((1, 3, 4, 4, 6))).shape
    (1, 3, 2, 2, 3)
    """

    _axes = 3


class AvgPool1D(_Pooling):
    """The mean of each window over one axis; as `AvgPool2D`, for NCW and NWC.

    Here `layout` stands before `ceil_mode`, as in MXNet.

    Examples
    --------
    >>> from microlazy import nd
    >>> AvgPool1D()(nd.array([[[1, 5, 2, 4]]])).asnumpy()
    array([[[3., 3.]]], dtype=float32)
    """

    _axes, _pool_type = 1, "avg"

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: Sizes = 0,
        layout: str | None = None,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, ceil_mode, layout, count_include_pad, **kwargs
        )


class _GlobalPooling(_Pooling):
    """What all pooling over everything shares."""

    def __init__(self, layout: str | None = None, **kwargs: Any) -> None:
        super().__init__(1, None, 0, True, layout, global_pool=True, **kwargs)


class GlobalMaxPool2D(_GlobalPooling):
    """The largest element of each channel; height and width become 1.

    Parameters
    ----------
    layout : {'NCHW', 'NHWC'}, optional
        The order of the axes; the first if left out.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> GlobalMaxPool2D()(nd.ones((2, 3, 5, 7))).shape
    (2, 3, 1, 1)
    """

    _axes, _pool_type = 2, "max"


class GlobalMaxPool1D(_GlobalPooling):
    """The largest element of each channel, over one axis; as `GlobalMaxPool2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> GlobalMaxPool1D()(nd.ones((2, 3, 5))).shape
    (2, 3, 1)
    """

    _axes, _pool_type = 1, "max"


class GlobalMaxPool3D(_GlobalPooling):
    """The largest element of each channel, over three axes; as `GlobalMaxPool2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> GlobalMaxPool3D()(nd.ones((2, 3, 5, 7, 2))).shape
    (2, 3, 1, 1, 1)
    """

    _axes, _pool_type = 3, "max"


class GlobalAvgPool2D(_GlobalPooling):
    """The mean of each channel; height and width become 1.  Otherwise as `GlobalMaxPool2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> GlobalAvgPool2D()(nd.ones((2, 3, 5, 7))).shape
    (2, 3, 1, 1)
    """

    _axes, _pool_type = 2, "avg"


class GlobalAvgPool1D(_GlobalPooling):
    """The mean of each channel, over one axis; as `GlobalMaxPool2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> GlobalAvgPool1D()(nd.ones((2, 3, 5))).shape
    (2, 3, 1)
    """

    _axes, _pool_type = 1, "avg"


class GlobalAvgPool3D(_GlobalPooling):
    """The mean of each channel, over three axes; as `GlobalMaxPool2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> GlobalAvgPool3D()(nd.ones((2, 3, 5, 7, 2))).shape
    (2, 3, 1, 1, 1)
    """

    _axes, _pool_type = 3, "avg"
