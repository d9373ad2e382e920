"""Layers: products with weights, windows, embeddings, recurrence.

They take arrays of either face; `nd` has them under MXNet's older names.
"""

from typing import Any

from microlazy.base import MXNetError
from microlazy.core.ops import nn as _nn
from microlazy.core.tensor import Tensor
from microlazy.ndarray.arguments import op
from microlazy.ops import activations as _neural
from microlazy.ops import convolution as _convolution

__all__ = [
    "activation",
    "convolution",
    "ctc_loss",
    "deconvolution",
    "dropout",
    "embedding",
    "fully_connected",
    "leaky_relu",
    "pooling",
    "rnn",
]

TUNING = ("workspace", "cudnn_tune", "cudnn_off")  # of GPU libraries: no result depends on them


def _only_tuning(op: str, options: dict[str, Any]) -> None:
    for name in options:
        if name not in TUNING:
            raise TypeError(f"{op}() got an unexpected argument {name!r}")


def _needed(op: str, **arguments: Any) -> None:
    for name, value in arguments.items():
        if value is None:
            raise MXNetError(f"{op}: the argument {name!r} is required")


# ---- elementwise ---------------------------------------------------------------------------------


@op
def activation(data: Tensor, act_type: str = "relu") -> Tensor:
    """Apply the activation function relu, sigmoid, tanh, softrelu or softsign.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.activation(np.array([-1, 1]), "relu")
    array([0., 1.])
    """
    return _nn.activation(data, act_type)


@op
def leaky_relu(
    data: Tensor,
    gamma: Tensor | None = None,
    act_type: str = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
) -> Tensor:
    """Apply a rectifier that lets something through below 0.

    Parameters
    ----------
    data : array
    gamma : array, optional
        The slopes of prelu: one for each channel (axis 1), one for all, or broadcast to the data.
    act_type : str
        "leaky" (Maas et al. 2013), "prelu" (He et al. 2015), "elu" (Clevert et al. 2015), "selu"
        (Klambauer et al. 2017), "gelu" (Hendrycks & Gimpel 2016) or "rrelu" (Xu et al. 2015).
    slope : float
        Below 0, of leaky and elu.
    lower_bound, upper_bound : float
        Of rrelu's slopes: random while training, in the middle else.

    Raises
    ------
    ValueError
        If there is no such function.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.leaky_relu(np.array([-1, 1]), act_type="leaky", slope=0.5)
    array([-0.5,  1. ])
    """
    return _neural.leaky_relu(data, gamma, act_type, slope, lower_bound, upper_bound)


@op
def dropout(
    data: Tensor, p: float = 0.5, mode: str = "training", axes: Any = (), **tuning: Any
) -> Tensor:
    """Drop elements with probability p while training, scale the others by 1 / (1 - p).

    Parameters
    ----------
    data : array of floats
    p : float
    mode : {'training', 'always'}
    axes : tuple of int
        Along these, the same elements are dropped.
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Notes
    -----
    Srivastava et al. 2014.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.dropout(np.ones(2), 0.5)
    array([1., 1.])
    """
    _only_tuning("dropout", tuning)
    return _nn.dropout(data, p, axes, mode)


# ---- products ------------------------------------------------------------------------------------


@op
def fully_connected(
    data: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    num_hidden: int | None = None,
    no_bias: bool = False,
    flatten: bool = True,
) -> Tensor:
    """Compute the dense layer ``data @ weight.T + bias``.

    Parameters
    ----------
    data : array, shape (batch, ...)
        With `flatten`, all axes but the first are features, else the last alone.
    weight : array, shape (num_hidden, features)
    bias : array, shape (num_hidden,), optional
    num_hidden : int, optional
        To be checked against the weight.
    no_bias : bool
        Leave the bias out.
    flatten : bool

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.fully_connected(np.ones((2, 3)), np.ones((4, 3)), num_hidden=4).shape
    (2, 4)
    """
    return _nn.fully_connected(data, weight, bias, num_hidden, no_bias, flatten)


@op
def embedding(
    data: Tensor,
    weight: Tensor,
    input_dim: int | None = None,
    output_dim: int | None = None,
    dtype: Any = None,
    sparse_grad: bool = False,
) -> Tensor:
    """Return the rows of `weight` at the places in `data`.

    Parameters
    ----------
    data : array
        Places, of any dtype; those outside are clipped.
    weight : array, shape (input_dim, output_dim)
    dtype : dtype, optional
        That of the result, the weight's by default.

    Returns
    -------
    array, shape data.shape + (output_dim,)

    Raises
    ------
    MXNetError
        For `sparse_grad`: there are no sparse arrays.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.embedding(np.array([1, 0]), np.array([[1, 2], [3, 4]]), 2, 2)
    array([[3., 4.],
           [1., 2.]])
    """
    if sparse_grad:
        raise MXNetError("embedding: sparse_grad=True is outside: microlazy has no sparse arrays")
    out = _neural.embedding(data, weight, input_dim, output_dim)
    return out if dtype is None else out.astype(dtype)


# ---- windows -------------------------------------------------------------------------------------


@op
def convolution(
    data: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel: Any = None,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
    num_filter: int | None = None,
    num_group: int = 1,
    no_bias: bool = False,
    layout: str | None = None,
    **tuning: Any,
) -> Tensor:
    """Slide filters over one, two or three spatial axes.

    Parameters
    ----------
    data : array, shape (batch, channels, *sizes)
    weight : array, shape (num_filter, channels / num_group, *kernel)
    bias : array, shape (num_filter,), optional
    kernel : tuple of int
        One size for each spatial axis.
    stride, dilate, pad : tuple of int, optional
    num_filter : int
    num_group : int
        Into how many groups channels and filters are divided.
    no_bias : bool
        Leave the bias out.
    layout : str, optional
        "NCW", "NCHW", "NCDHW", or with the channels last (also in the weight).
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Returns
    -------
    array, shape (batch, num_filter, *sizes)
        Each size is floor((n + 2 pad - dilate (kernel - 1) - 1) / stride) + 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.convolution(np.ones((1, 1, 4)), np.ones((1, 1, 3)), kernel=(3,), num_filter=1)
    array([[[3., 3.]]])
    """
    _only_tuning("convolution", tuning)
    _needed("convolution", kernel=kernel, num_filter=num_filter)
    return _convolution.convolution(
        data, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, no_bias, layout
    )


@op
def deconvolution(
    data: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel: Any = None,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
    adj: Any = (),
    target_shape: Any = (),
    num_filter: int | None = None,
    num_group: int = 1,
    no_bias: bool = True,
    layout: str | None = None,
    **tuning: Any,
) -> Tensor:
    """Compute the transpose of a convolution: each element adds a multiple of the filters.

    Parameters
    ----------
    data : array, shape (batch, channels, *sizes)
    weight : array, shape (channels, num_filter / num_group, *kernel)
    bias : array, shape (num_filter,), optional
        Counts when `no_bias` is False.
    kernel : tuple of int
    stride, dilate, pad : tuple of int, optional
        Of the convolution.
    adj : tuple of int, optional
        How much longer the result is, of what the convolution's stride leaves open.
    target_shape : tuple of int, optional
        The result's sizes; `pad` and `adj` follow from it.
    num_filter, num_group : int
    no_bias : bool
    layout : str, optional
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Returns
    -------
    array, shape (batch, num_filter, *sizes)
        Each size is stride (n - 1) + dilate (kernel - 1) + 1 - 2 pad + adj.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.deconvolution(np.ones((1, 1, 2)), np.ones((1, 1, 2)), kernel=(2,), num_filter=1)
    array([[[1., 2., 1.]]])
    """
    _only_tuning("deconvolution", tuning)
    _needed("deconvolution", kernel=kernel, num_filter=num_filter)
    return _convolution.deconvolution(
        *(data, weight, bias, kernel, stride, dilate, pad, adj, target_shape),
        *(num_filter, num_group, no_bias, layout),
    )


@op
def pooling(
    data: Tensor,
    kernel: Any = (),
    pool_type: str = "max",
    global_pool: bool = False,
    pooling_convention: str = "valid",
    stride: Any = (),
    pad: Any = (),
    p_value: int | None = None,
    count_include_pad: bool | None = None,
    layout: str | None = None,
    **tuning: Any,
) -> Tensor:
    """Reduce each window to one number.

    Parameters
    ----------
    data : array of floats, shape (batch, channels, *sizes)
    kernel, stride, pad : tuple of int, optional
        One for each spatial axis.
    pool_type : {'max', 'avg', 'sum', 'lp'}
        Of equal largest elements the first has the gradient; "lp" is the `p_value`-th root of the
        sum of `p_value`-th powers.
    global_pool : bool
        One window over everything.
    pooling_convention : {'valid', 'full', 'same'}
        Whole windows only; also the partial one at the end; or as many as there are strides.
    p_value : {1, 2, 3}, optional
    count_include_pad : bool, optional
        Whether the padding counts in an average; it does by default.
    layout : str, optional
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Returns
    -------
    array, shape (batch, channels, *sizes)

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.pooling(np.array([[[1, 4, 3, 2]]]), kernel=(2,), stride=(2,))
    array([[[4., 3.]]])
    """
    _only_tuning("pooling", tuning)
    return _convolution.pooling(
        *(data, kernel, pool_type, global_pool, pooling_convention, stride, pad, p_value),
        *(count_include_pad, layout),
    )


# ---- sequences -----------------------------------------------------------------------------------


@op
def rnn(
    data: Tensor,
    parameters: Tensor,
    state: Tensor,
    state_cell: Tensor | None = None,
    sequence_length: Tensor | None = None,
    state_size: int | None = None,
    num_layers: int | None = None,
    bidirectional: bool = False,
    mode: str | None = None,
    p: float = 0.0,
    state_outputs: bool = False,
    projection_size: int | None = None,
    lstm_state_clip_min: float | None = None,
    lstm_state_clip_max: float | None = None,
    lstm_state_clip_nan: bool = False,
    use_sequence_length: bool = False,
) -> Any:
    """Run a stack of recurrent layers over a batch of sequences.

    Parameters
    ----------
    data : array, shape (steps, batch, features)
    parameters : array
        The weights of all layers and directions in one row, input to hidden before hidden to
        hidden, then all biases in the same order. Gates: input, forget, new, output of lstm;
        reset, update, new of gru.
    state, state_cell : array, shape (num_layers * directions, batch, state_size)
        The first states; the second for lstm alone.
    sequence_length : array, shape (batch,), optional
        With `use_sequence_length`: states do not change behind a sequence's end, outputs are 0
        there, and the other direction starts at the end.
    state_size, num_layers : int
    bidirectional : bool
    mode : {'rnn_relu', 'rnn_tanh', 'lstm', 'gru'}
    p : float
        Dropout between layers, while training.
    state_outputs : bool
        Return the last states too.
    lstm_state_clip_min, lstm_state_clip_max : float, optional
        Bounds of lstm's cell state at each step.

    Returns
    -------
    array, shape (steps, batch, state_size * directions)
        Or, with `state_outputs`, a list of it and the last states.

    Raises
    ------
    ShapeError
        If the parameters or states do not fit.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> x, h = np.ones((3, 1, 1)), np.zeros((1, 1, 1))
    >>> y = npx.rnn(x, np.array([1, 1, 0, 0]), h, state_size=1, num_layers=1, mode="rnn_relu")
    >>> y[:, 0, 0]
    array([1., 2., 3.])
    """
    _needed("rnn", state_size=state_size, num_layers=num_layers, mode=mode)
    if projection_size is not None or lstm_state_clip_nan:
        raise MXNetError(
            "rnn: projection_size and lstm_state_clip_nan are outside: MXNet has them on GPUs only"
        )
    from microlazy.ops import recurrent  # the layers of few networks

    return recurrent.rnn(
        *(data, parameters, state, state_cell, sequence_length, state_size, num_layers),
        *(bidirectional, mode, p, state_outputs, lstm_state_clip_min, lstm_state_clip_max),
        use_sequence_length,
    )


@op
def ctc_loss(
    data: Tensor,
    label: Tensor,
    data_lengths: Tensor | None = None,
    label_lengths: Tensor | None = None,
    use_data_lengths: bool = False,
    use_label_lengths: bool = False,
    blank_label: str = "first",
) -> Tensor:
    """Return -log of the probability of each label sequence, over all its alignments.

    Parameters
    ----------
    data : array, shape (steps, batch, classes)
        Scores, before the softmax.
    label : array, shape (batch, length)
        Classes. Without lengths a sequence ends before the first 0 (blank first) or -1 (blank
        last).
    data_lengths, label_lengths : array, shape (batch,), optional
        They count with `use_data_lengths` and `use_label_lengths`; if only the second is used, it
        may be given as the first.
    blank_label : {'first', 'last'}
        Whether the blank is class 0 or the last.

    Returns
    -------
    array, shape (batch,)
        0, with gradient 0, for a label that the data is too short for.

    Notes
    -----
    Graves et al., "Connectionist temporal classification", 2006. It has a first gradient only.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.ctc_loss(np.zeros((2, 1, 2)), np.array([[1]])).round(4)
    array([0.2877])
    """
    if use_label_lengths and label_lengths is None and not use_data_lengths:
        data_lengths, label_lengths = None, data_lengths
    if use_data_lengths:
        _needed("ctc_loss", data_lengths=data_lengths)
    if use_label_lengths:
        _needed("ctc_loss", label_lengths=label_lengths)
    from microlazy.ops import ctc  # the loss of few networks

    return ctc.ctc_loss(
        data,
        label,
        data_lengths if use_data_lengths else None,
        label_lengths if use_label_lengths else None,
        blank_label,
    )
