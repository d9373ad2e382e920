"""Softmax and its relatives, and layers that end a network and give their own gradient.

The gradient of an output layer is that of its loss by its input. It starts there: what comes from
behind does not count.
"""

from typing import Any

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.ops import nn as _nn
from microlazy.ops.activations import log_softmax, softmax
from microlazy.ops.arguments import op
from microlazy.ops.surrogate_gradient import with_gradient

__all__ = [
    "LinearRegressionOutput",
    "LogisticRegressionOutput",
    "MAERegressionOutput",
    "MakeLoss",
    "SVMOutput",
    "Softmax",
    "SoftmaxActivation",
    "SoftmaxOutput",
    "log_softmax",
    "make_loss",
    "softmax",
    "softmax_cross_entropy",
    "softmin",
]


@op
def softmin(
    data: NDArray, axis: int = -1, temperature: float | None = None, dtype: Any = None
) -> NDArray:
    """Return the softmax of -x along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.softmin(nd.array([[1, 1]])).asnumpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    return softmax(-data, None, axis, temperature, dtype)


@op
def SoftmaxActivation(data: NDArray, mode: str = "instance") -> NDArray:
    """Return the softmax over the last axis of two, or over the channels, the second axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.SoftmaxActivation(nd.zeros((1, 2))).asnumpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    if mode not in ("instance", "channel"):
        raise MXNetError(f"SoftmaxActivation: mode is 'instance' or 'channel', not {mode!r}")
    return _nn.softmax(data, 1 if mode == "channel" else -1)


@op
def softmax_cross_entropy(data: NDArray, label: NDArray) -> NDArray:
    """Return the sum over rows of -log softmax(data)[label].

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.softmax_cross_entropy(nd.zeros((2, 1)), nd.zeros((2,))).asnumpy()
    array([0.], dtype=float32)
    """
    return _nn.softmax_cross_entropy(data, label).sum()


# ---- outputs with their own gradient -------------------------------------------------------------


def _targets(x: NDArray, label: NDArray, axis: int, smooth_alpha: float) -> NDArray:
    """The probabilities that the labels ask for."""
    classes = x.shape[axis]
    off = smooth_alpha / (classes - 1) if smooth_alpha else 0.0
    hot = _f.one_hot(label, classes, 1.0 - smooth_alpha, off, x.dtype)
    order = [*range(hot.ndim - 1)]
    order.insert(axis % x.ndim, hot.ndim - 1)
    return _f.transpose(hot, order)


def _softmax_output_gradient(
    g: NDArray,
    y: NDArray,
    x: NDArray,
    value: NDArray,
    label: NDArray,
    axis: int,
    grad_scale: float,
    ignore_label: float | None,
    normalization: str,
    out_grad: bool,
    smooth_alpha: float,
) -> NDArray:
    classes = label.shape != x.shape
    probabilities = _nn.softmax(x, axis)
    gradient = probabilities - (_targets(x, label, axis, smooth_alpha) if classes else label)
    count: Any = label.size
    if classes and ignore_label is not None:
        valid = _f.as_dtype(label != ignore_label, x.dtype)
        gradient = gradient * _f.expand_dims(valid, axis)
        count = _f.clip(_f.reduction("sum", valid), 1.0)
    if normalization == "valid":
        gradient = gradient * (grad_scale / count)
    else:
        per_sample = label.size // label.shape[0] if classes and axis == 1 else 1
        batch = x.shape[0] if normalization == "batch" else 1
        gradient = gradient * (grad_scale / (per_sample * batch))
    return gradient * g if out_grad else gradient


@op
def SoftmaxOutput(
    data: NDArray,
    label: NDArray,
    grad_scale: float = 1.0,
    ignore_label: float = -1.0,
    multi_output: bool = False,
    use_ignore: bool = False,
    preserve_shape: bool = False,
    normalization: str = "null",
    out_grad: bool = False,
    smooth_alpha: float = 0.0,
) -> NDArray:
    """Return the softmax; its gradient is that of the cross-entropy with the labels.

    Parameters
    ----------
    data : NDArray, shape (batch, classes), or with more axes
    label : NDArray
        Class numbers, of data's shape without the axis of classes; or probabilities, of its shape.
    grad_scale : float
        A factor of the gradient.
    ignore_label : float
        With `use_ignore`, rows with this label have no gradient.
    multi_output : bool
        Classes along the second axis, and the gradient is a mean over the axes behind it.
    use_ignore : bool
    preserve_shape : bool
        Classes along the last axis of more than two.
    normalization : "null", "batch" or "valid"
        Divide the gradient by nothing, the size of the batch, or the number of labels that are
        not ignored.
    out_grad : bool
        Multiply by the gradient from behind.
    smooth_alpha : float
        How much of each label's probability goes to the other classes; see Szegedy et al. 2016.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x = nd.zeros((1, 2))
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = nd.SoftmaxOutput(x, nd.array([1]))
    >>> y.backward()
    >>> y.asnumpy(), x.grad.asnumpy()
    (array([[0.5, 0.5]], dtype=float32), array([[ 0.5, -0.5]], dtype=float32))
    """
    axis = 1 if multi_output else data.ndim - 1
    if data.ndim > 2 and not (multi_output or preserve_shape):
        raise ShapeError(
            f"SoftmaxOutput: an array of shape {data.shape} needs multi_output=True (classes along "
            "the second axis) or preserve_shape=True (along the last)"
        )
    expected = data.shape[:axis] + data.shape[axis + 1 :]
    if label.shape not in (expected, data.shape):
        raise ShapeError(
            f"SoftmaxOutput: data of shape {data.shape} needs labels of shape {expected}, not "
            f"{label.shape}"
        )
    if normalization not in ("null", "batch", "valid"):
        raise MXNetError(
            f"SoftmaxOutput: normalization is 'null', 'batch' or 'valid', not {normalization!r}"
        )
    return with_gradient(
        _softmax_output_gradient,
        data,
        _nn.softmax(_f.detach(data), axis),
        label,
        axis=axis,
        grad_scale=grad_scale,
        ignore_label=ignore_label if use_ignore else None,
        normalization=normalization,
        out_grad=out_grad,
        smooth_alpha=smooth_alpha,
    )


def _difference(
    g: NDArray, y: NDArray, x: NDArray, value: NDArray, label: NDArray, scale: float
) -> NDArray:
    return (x - label) * scale


def _probability_difference(
    g: NDArray, y: NDArray, x: NDArray, value: NDArray, label: NDArray, scale: float
) -> NDArray:
    return (_f.unary_op("sigmoid", x) - label) * scale


def _side(
    g: NDArray, y: NDArray, x: NDArray, value: NDArray, label: NDArray, scale: float
) -> NDArray:
    return (2.0 * (x > label) - 1.0) * scale


_REGRESSION = """{summary}; its gradient is that of {loss}.

    The gradient is divided by the number of outputs of a sample, and multiplied by `grad_scale`.

    Parameters
    ----------
    data : NDArray, shape (batch, ...)
    label : NDArray
        As many numbers as data has.
    grad_scale : float

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x = nd.array([[0], [2]])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = nd.{name}(x, nd.array([1, 1]))
    >>> y.backward()
    >>> x.grad.astype("float64").asnumpy().round(4).tolist()
    {result}
    """


def _regression(name: str, summary: str, loss: str, rule: Any, result: str) -> Any:
    def function(data: NDArray, label: NDArray, grad_scale: float = 1.0) -> NDArray:
        if label.size != data.size:
            raise ShapeError(f"{name}: labels of shape {label.shape} for data of {data.shape}")
        value = _f.detach(data)
        if rule is _probability_difference:
            value = _f.unary_op("sigmoid", value)
        outputs = max(data.size // data.shape[0], 1)
        label = _f.reshape(label, data.shape)
        return with_gradient(rule, data, value, label, scale=grad_scale / outputs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _REGRESSION.format(name=name, summary=summary, loss=loss, result=result)
    return op(function)


LinearRegressionOutput = _regression(
    "LinearRegressionOutput",
    "Return the array",
    "half the squared distance from the label",
    _difference,
    "[[-1.0], [1.0]]",
)
LogisticRegressionOutput = _regression(
    "LogisticRegressionOutput",
    "Return the sigmoid",
    "the cross-entropy with the label, a probability",
    _probability_difference,
    "[[-0.5], [-0.1192]]",
)
MAERegressionOutput = _regression(
    "MAERegressionOutput",
    "Return the array",
    "the absolute distance from the label",
    _side,
    "[[-1.0], [1.0]]",
)


def _margin_gradient(
    g: NDArray,
    y: NDArray,
    x: NDArray,
    value: NDArray,
    label: NDArray,
    margin: float,
    scale: float,
    use_linear: bool,
) -> NDArray:
    side = _targets(x, label, 1, 0.0) * -2.0 + 1.0  # -1 for the class of the label, else 1
    missing = side * x + margin
    if use_linear:
        return side * (missing > 0) * scale
    return side * _f.unary_op("relu", missing) * (2.0 * scale)


@op
def SVMOutput(
    data: NDArray,
    label: NDArray,
    margin: float = 1.0,
    regularization_coefficient: float = 1.0,
    use_linear: bool = False,
) -> NDArray:
    """Return the array; its gradient is that of the (squared) hinge loss, one class against all.

    Source: Tang 2013, "Deep learning using linear support vector machines".

    Parameters
    ----------
    data : NDArray, shape (batch, classes)
    label : NDArray, shape (batch,)
    margin : float
    regularization_coefficient : float
        A factor of the gradient.
    use_linear : bool
        The hinge loss instead of its square.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x = nd.array([[1, 0]])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = nd.SVMOutput(x, nd.array([1]))
    >>> y.backward()
    >>> x.grad.asnumpy()
    array([[ 4., -2.]], dtype=float32)
    """
    if data.ndim != 2 or label.shape != data.shape[:1]:
        raise ShapeError(
            f"SVMOutput: data must be (batch, classes) and labels (batch,), not {data.shape} and "
            f"{label.shape}"
        )
    return with_gradient(
        _margin_gradient,
        data,
        _f.detach(data),
        label,
        margin=margin,
        scale=regularization_coefficient,
        use_linear=use_linear,
    )


def _loss_gradient(
    g: NDArray, y: NDArray, x: NDArray, value: NDArray, scale: float, thresh: float | None
) -> NDArray:
    ones = _f.new_array(_f.face_of(x), x.shape, x.dtype, scale)
    if thresh is None:
        return ones
    return ones / _f.clip(_f.reduction("sum", _f.as_dtype(x > thresh, x.dtype)), 1.0)


@op
def MakeLoss(
    data: NDArray, grad_scale: float = 1.0, valid_thresh: float = 0.0, normalization: str = "null"
) -> NDArray:
    """Return the array as a loss: its gradient is `grad_scale`, whatever comes from behind.

    Parameters
    ----------
    data : NDArray
    grad_scale : float
    valid_thresh : float
        Elements above count as valid.
    normalization : "null", "batch" or "valid"
        Divide the gradient by nothing, the size of the batch, or the number of valid elements.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x = nd.array([1, 2])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = nd.MakeLoss(x, grad_scale=3) * 5
    >>> y.backward()
    >>> x.grad.asnumpy()
    array([3., 3.], dtype=float32)
    """
    if normalization not in ("null", "batch", "valid"):
        raise MXNetError(
            f"MakeLoss: normalization is 'null', 'batch' or 'valid', not {normalization!r}"
        )
    batch = data.shape[0] if normalization == "batch" and data.ndim > 1 else 1
    thresh = valid_thresh if normalization == "valid" else None
    return with_gradient(
        _loss_gradient, data, _f.detach(data), scale=grad_scale / batch, thresh=thresh
    )


@op
def make_loss(data: NDArray) -> NDArray:
    """Return the array as a loss: its gradient is 1, whatever comes from behind.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.make_loss(nd.array([1, 2])).asnumpy()
    array([1., 2.], dtype=float32)
    """
    return with_gradient(_loss_gradient, data, _f.detach(data), scale=1.0, thresh=None)


Softmax = SoftmaxOutput
