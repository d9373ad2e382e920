"""Mixed precision: networks in float16 with losses scaled so that small gradients do not vanish.

A CPU computes float16 in float32 and rounds the result, so this saves memory but no time. It is
here so that programs written for it run, and so that a network's behaviour in float16 can be seen.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy

from .. import autograd
from ..base import MXNetError
from ..core.tensor import Tensor
from ..gluon.block import HybridBlock
from ..gluon.nn import BatchNorm
from ..gluon.parameter import Parameter
from ..gluon.trainer import Trainer

__all__ = [
    "LossScaler",
    "convert_hybrid_block",
    "convert_model",
    "init",
    "init_trainer",
    "list_conditional_fp32_ops",
    "list_fp32_ops",
    "list_loss_output_functions",
    "list_lp16_fp32_ops",
    "list_lp16_ops",
    "list_lp16_use_fp32_params",
    "list_widest_type_cast",
    "scale_loss",
    "unscale",
]

_amp_initialized = False
amp = sys.modules[__name__]  # MXNet's path to the same names

# What functions do well in float16, only in float32, or in the widest of their arrays' dtypes.
_FLOAT16 = ["Convolution", "Deconvolution", "FullyConnected", "RNN", "batch_dot", "dot"]
_FLOAT32 = [
    "BatchNorm", "CTCLoss", "GroupNorm", "InstanceNorm", "L2Normalization", "LayerNorm",
    "MakeLoss", "SoftmaxOutput", "cumsum", "exp", "expm1", "linalg_gemm", "linalg_gemm2",
    "linalg_potrf", "log", "log10", "log1p", "log2", "log_softmax", "mean", "norm", "power",
    "prod", "smooth_l1", "softmax", "softmax_cross_entropy", "softmin", "square", "sum",
]  # fmt: skip
_EITHER = [
    "Dropout", "Embedding", "Flatten", "Pooling", "Reshape", "abs", "clip", "expand_dims", "max",
    "min", "relu", "sign", "slice", "slice_axis", "split", "squeeze", "take", "tile", "transpose",
]  # fmt: skip
_CONDITIONAL = [
    ("Activation", "act_type", ["softrelu"]),
    ("LeakyReLU", "act_type", ["elu", "selu"]),
]
_WIDEST = [
    "add_n", "broadcast_add", "broadcast_div", "broadcast_maximum", "broadcast_minimum",
    "broadcast_mul", "broadcast_sub", "concat", "dot", "elemwise_add", "elemwise_div",
    "elemwise_mul", "elemwise_sub", "stack", "where",
]  # fmt: skip
_LOSSES = ["LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput",
           "SoftmaxOutput"]  # fmt: skip


class LossScaler:
    """The factor of a loss: halved when gradients overflow, doubled when long they do not.

    Micikevicius et al. 2018, section 3.2.

    Parameters
    ----------
    init_scale : float
        The first factor.
    scale_factor : float
        By what it grows and falls.
    scale_window : int
        After how many steps without overflow it grows.

    Examples
    --------
    >>> from microlazy.contrib import amp
    >>> amp.LossScaler().loss_scale
    65536.0
    """

    most = 2.0**24

    def __init__(
        self, init_scale: float = 2.0**16, scale_factor: float = 2.0, scale_window: int = 2000
    ) -> None:
        self._scale = self._next = init_scale
        self._factor, self._window = scale_factor, scale_window
        self._steps = 0

    @property
    def loss_scale(self) -> float:
        """The factor now."""
        return self._scale

    def has_overflow(self, params: Iterable[Parameter]) -> bool:
        """Whether a gradient is not finite; the factor of the next loss follows from it.

        Parameters
        ----------
        params : iterable of Parameter

        Examples
        --------
        >>> from microlazy import gluon
        >>> from microlazy.contrib import amp
        >>> weight, scaler = gluon.Parameter("weight", shape=(1,)), amp.LossScaler()
        >>> weight.initialize()
        >>> weight.grad()[:] = float("inf")
        >>> scaler.has_overflow([weight]), scaler.has_overflow([weight]), scaler.loss_scale
        (True, True, 32768.0)
        """
        overflow = not all(
            numpy.isfinite(grad.asnumpy()).all()
            for param in params
            if param.grad_req != "null"
            for grad in param.list_grad()
        )
        self._scale = self._next
        if overflow:
            self._next, self._steps = self._scale / self._factor, 0
        else:
            self._steps += 1
            if self._steps == self._window:
                self._next, self._steps = min(self._scale * self._factor, self.most), 0
        return overflow


def init(
    target_dtype: Any = "float16",
    target_precision_ops: Sequence[str] | None = None,
    conditional_fp32_ops: Sequence[Any] | None = None,
    fp32_ops: Sequence[str] | None = None,
) -> None:
    """Allow `init_trainer`. No function is replaced, and networks stay in float32.

    MXNet has layers compute in float16 from then on, which on a CPU it cannot do itself. Here that
    would only round results; `convert_hybrid_block` gives a network that does.

    Parameters
    ----------
    target_dtype : dtype or str
        float16.
    target_precision_ops, conditional_fp32_ops, fp32_ops : sequence, optional
        Accepted as in MXNet; they change nothing.

    Raises
    ------
    ValueError
        If the dtype is another.

    Examples
    --------
    >>> from microlazy.contrib import amp
    >>> amp.init()
    """
    global _amp_initialized
    _need_float16(target_dtype)
    _amp_initialized = True


def init_trainer(trainer: Trainer) -> None:
    """Have a trainer check gradients, and leave out steps whose gradients overflowed.

    Parameters
    ----------
    trainer : Trainer

    Raises
    ------
    AssertionError
        If `init` was not called.
    TypeError
        If it is no Trainer.

    Examples
    --------
    >>> from microlazy import autograd, gluon, nd
    >>> from microlazy.contrib import amp
    >>> amp.init()
    >>> net = gluon.nn.Dense(1, in_units=1)
    >>> net.initialize("ones")
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    >>> amp.init_trainer(trainer)
    >>> with autograd.record():
    ...     loss = net(nd.ones((1, 1)))
    ...     with amp.scale_loss(loss, trainer) as scaled:
    ...         scaled.backward()
    >>> trainer.step(1)
    >>> net.weight.data().asscalar().item()
    0.5
    """
    if not _amp_initialized:
        raise AssertionError("AMP not initialized, did you forget to call amp.init()?")
    if not isinstance(trainer, Trainer):
        raise TypeError(f"init_trainer takes a Trainer, not {trainer!r}")
    trainer._amp_loss_scaler = LossScaler()
    trainer._amp_original_scale = trainer._scale


@contextlib.contextmanager
def scale_loss(loss: Any, trainer: Trainer) -> Iterator[Any]:
    """Give the loss, or each of a list, multiplied by the factor; the trainer divides again.

    Parameters
    ----------
    loss : array or list of arrays
    trainer : Trainer
        One that `init_trainer` was called on.

    Raises
    ------
    AssertionError
        If `init_trainer` was not called.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> from microlazy.contrib import amp
    >>> weight = gluon.Parameter("weight", shape=(1,))
    >>> weight.initialize()
    >>> trainer = gluon.Trainer([weight], "sgd")
    >>> amp.init()
    >>> amp.init_trainer(trainer)
    >>> with amp.scale_loss(nd.ones(1), trainer) as scaled:
    ...     scaled.asscalar().item()
    65536.0
    """
    scaler = _scaler_of(trainer)
    trainer._scale = trainer._amp_original_scale / scaler.loss_scale
    if isinstance(loss, (list, tuple)):
        yield [each * scaler.loss_scale for each in loss]
    else:
        yield loss * scaler.loss_scale


def unscale(trainer: Trainer) -> None:
    """Divide the gradients by the factor now, as before they are clipped.

    Parameters
    ----------
    trainer : Trainer
        One that `init_trainer` was called on.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.contrib import amp
    >>> weight = gluon.Parameter("weight", shape=(1,))
    >>> weight.initialize()
    >>> trainer = gluon.Trainer([weight], "sgd")
    >>> amp.init()
    >>> amp.init_trainer(trainer)
    >>> weight.grad()[:] = 65536
    >>> amp.unscale(trainer)
    >>> weight.grad().asscalar().item()
    1.0
    """
    scaler = _scaler_of(trainer)
    with autograd.pause():
        for param in trainer._params:
            if param.grad_req != "null":
                for grad in param.list_grad():
                    grad *= trainer._amp_original_scale / scaler.loss_scale
    trainer._scale = trainer._amp_original_scale


def _scaler_of(trainer: Trainer) -> LossScaler:
    if getattr(trainer, "_amp_loss_scaler", None) is None:
        raise AssertionError(
            "Loss scaler is not initialized, did you forget to call amp.init_trainer()?"
        )
    return trainer._amp_loss_scaler


class _Converted(HybridBlock):
    """A network in float16 that takes arrays of any float dtype."""

    def __init__(self, net: HybridBlock) -> None:
        super().__init__(prefix="")
        self.net = net

    def forward(self, *args: Any) -> Any:
        return self.net(*map(_narrow, args))


def _narrow(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(_narrow, value))
    is_float = isinstance(value, Tensor) and numpy.dtype(value.dtype).kind == "f"
    return value.astype("float16", copy=False) if is_float else value


def convert_hybrid_block(
    block: HybridBlock,
    target_dtype: Any = "float16",
    target_dtype_ops: Sequence[str] | None = None,
    fp32_ops: Sequence[str] | None = None,
    conditional_fp32_ops: Sequence[Any] | None = None,
    excluded_sym_names: Sequence[str] | None = None,
    ctx: Any = None,
    cast_optional_params: bool = False,
) -> HybridBlock:
    """Return a copy of a network that computes in float16; its inputs may have any float dtype.

    Batch normalization keeps its parameters in float32.

    Parameters
    ----------
    block : HybridBlock
        Stays as it is.
    target_dtype : dtype or str
        float16.
    target_dtype_ops, fp32_ops, conditional_fp32_ops, cast_optional_params
        Accepted as in MXNet: whole layers are converted here, so these change nothing.
    excluded_sym_names : sequence of str, optional
        Names of layers, such as "dense0", that stay in float32.
    ctx : Context, optional
        Where the copy lives; by default where the network does.

    Raises
    ------
    TypeError
        If `block` is no HybridBlock.
    ValueError
        If the dtype is another, or no layer has an excluded name.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> from microlazy.contrib import amp
    >>> net = gluon.nn.Dense(2, in_units=3)
    >>> net.initialize()
    >>> half = amp.convert_hybrid_block(net)
    >>> half(nd.ones((1, 3))).dtype.__name__, net(nd.ones((1, 3))).dtype.__name__
    ('float16', 'float32')
    """
    if not isinstance(block, HybridBlock):
        raise TypeError(f"convert_hybrid_block takes a HybridBlock, not {type(block).__name__}")
    _need_float16(target_dtype)
    net = copy.deepcopy(block)
    layers = list(_layers(net))
    excluded = set(excluded_sym_names or ())
    unknown = excluded - {layer.name for layer in layers}
    if unknown:
        raise ValueError(f"no layer is called {', '.join(sorted(unknown))}")
    for layer in layers:
        if layer.name in excluded:
            _stay(layer)
        elif not isinstance(layer, BatchNorm):
            for parameter in layer._reg_params.values():
                parameter.cast("float16")
    net._changed()
    converted = _Converted(net)
    if ctx is not None:
        converted.collect_params().reset_ctx(ctx)
    if block._active:
        converted.hybridize()
    return converted


def _layers(block: Any) -> Iterator[Any]:
    yield block
    for child in block._children.values():
        yield from _layers(child)


def _stay(layer: HybridBlock) -> None:
    """Have a layer compute in float32 whatever it is given."""
    layer.forward = functools.partial(_wide, layer)  # type: ignore[method-assign]
    layer._changed()


def _wide(layer: HybridBlock, *args: Any) -> Any:
    given = [x.astype("float32") if isinstance(x, Tensor) else x for x in args]
    return _narrow(type(layer).forward(layer, *given))


def convert_model(*args: Any, **kwargs: Any) -> Any:
    """Refuse: it converts symbols, which are not part of microlazy.

    Raises
    ------
    MXNetError
        Always; the message says what to do.

    Examples
    --------
    >>> from microlazy.contrib import amp
    >>> try:
    ...     amp.convert_model(None, {}, {})
    ... except RuntimeError:
    ...     print("refused")
    refused
    """
    raise MXNetError(
        "convert_model() converts a symbol, and symbols are not part of microlazy: call "
        "convert_hybrid_block() on the network"
    )


def _need_float16(dtype: Any) -> None:
    if dtype == "bfloat16" or numpy.dtype(dtype) != numpy.float16:
        raise ValueError(f"AMP: target_dtype must be float16, not {dtype!r}")


def _listing(names: list, what: str) -> Any:
    def listing(target_dtype: Any = "float16") -> list:
        _need_float16(target_dtype)
        return list(names)

    listing.__doc__ = f"Return {what}."
    return listing


list_lp16_ops = _listing(_FLOAT16, "functions of nd that do well in float16")
list_fp32_ops = _listing(_FLOAT32, "functions of nd that need float32")
list_lp16_fp32_ops = _listing(_EITHER, "functions of nd that do well in both")
list_conditional_fp32_ops = _listing(
    _CONDITIONAL, "functions of nd that need float32 for some values of an argument"
)
list_widest_type_cast = _listing(_WIDEST, "functions of nd that take the widest dtype given")
list_loss_output_functions = _listing(_LOSSES, "functions of nd that are losses")
list_lp16_use_fp32_params = _listing([], "functions of nd with parameters in float32")
for _name in __all__:
    if _name.startswith("list_"):
        globals()[_name].__name__ = globals()[_name].__qualname__ = _name
