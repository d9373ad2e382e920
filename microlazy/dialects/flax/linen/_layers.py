"""Layers: Gluon's find the sizes and make the parameters; the ops compute with given ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ClassVar

from .... import autograd
from .... import numpy as np
from .... import numpy_extension as npx
from ....base import ShapeError
from ....core import trace
from ....core.ops.gather import first_outside
from ....core.ops.nn import dropout, fully_connected
from ....core.tensor import Tensor
from ....gluon import nn
from ...faces import as_array
from ...generator import keyed
from ...initializers import Axes, InOrder, in_order
from ...windows import around, padded, same_padding
from .. import errors
from ..jax.nn import initializers
from ._module import Module, Row
from ._scope import Scope

__all__ = [
    "BatchNorm",
    "Conv",
    "Dense",
    "Dropout",
    "Embed",
    "LayerNorm",
    "Sequential",
]

Init = Callable[..., Any]


class Sequential(Module):
    """Modules and functions that run one after the other.

    Parameters
    ----------
    layers : list of Module or callable
        A tuple that one returns becomes the arguments of the next.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> net = nn.Sequential([nn.Dense(256), nn.relu, nn.Dense(10)])
    >>> params = net.init(jax.random.PRNGKey(0), jax.numpy.zeros((2, 20)))
    >>> jax.tree_util.tree_map(lambda x: x.shape, params["params"]["layers_2"])
    {'bias': (10,), 'kernel': (256, 10)}
    """

    layers: Sequence[Callable[..., Any]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.layers:
            raise ValueError("Empty Sequential module: it has no layers to call")
        first, *others = self.layers
        out = first(*args, **kwargs)
        for layer in others:
            out = layer(*out) if isinstance(out, tuple) else layer(out)
        return out


class _Layer(Module):
    """A module that holds no others, but variables of a layer of Gluon."""

    # Of each variable: its collection, its name, the attribute of Gluon's layer, and the axes of
    # Gluon's parameter in Flax' order.
    _held: ClassVar[Sequence[tuple[str, str, str, Axes]]] = ()

    @staticmethod
    def _wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        if method.__name__ != "__call__":
            return Module._wrap(method)

        @wraps(method)
        def call(self: _Layer, x: Any, *args: Any, **options: Any) -> Any:
            scope = self._scope
            if scope is None:
                raise errors.CallCompactUnboundModuleError()
            if not isinstance(x, Tensor):
                x = as_array(x)
            if scope.run.initializing:
                return self._first_call(method, scope, x, args, options)
            return method(self, x, *args, **options)

        return call

    def _first_call(
        self, method: Callable[..., Any], scope: Scope, x: Any, args: Any, options: Any
    ) -> Any:
        """Make the variables by Gluon's layer, and run."""
        row = Row(scope, self, (x,))
        if scope.run.rows is not None:
            scope.run.rows.append(row)
        if self._held:
            self._make_variables(scope, x)
        row.outputs = method(self, x, *args, **options)
        return row.outputs

    def _make_variables(self, scope: Scope, x: Any) -> None:
        def ready(name: str, init: Init) -> InOrder:
            axes = next(row[3] for row in self._held if row[1] == name)
            return InOrder(lambda shape, dtype: init(scope.key("params", name), shape, dtype), axes)

        layer = self._gluon(ready, x)
        layer.cast(getattr(self, "param_dtype", "float32"))
        layer.infer_shape(x)
        for collection, name, attribute, axes in self._held:
            parameter = getattr(layer, attribute)
            if parameter is not None and scope.get(collection, name) is None:
                parameter.initialize()
                with trace.suspended():
                    scope.put(collection, name, in_order(parameter.data(), axes).copy())

    def _gluon(self, ready: Callable[[str, Init], InOrder], x: Any) -> Any:
        """The layer of Gluon that makes the parameters for an input."""
        raise NotImplementedError


class Dense(_Layer):
    """A dense layer on the last axis: ``dot(x, kernel) + bias``.

    Parameters
    ----------
    features : int
        The size of the output.
    use_bias : bool
        Whether there is a bias.
    param_dtype : dtype
        Of the parameters.
    kernel_init, bias_init : callable
        Initializers: functions of a key, a shape and a dtype.

    Raises
    ------
    ScopeParamShapeError
        If the input's last axis has another size than the kernel was made for.

    Notes
    -----
    Its parameters are ``kernel`` of shape (in, features) and ``bias`` of shape (features,). The
    input is taken in their dtype.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> params = nn.Dense(3).init(jax.random.PRNGKey(0), jax.numpy.zeros((2, 4)))
    >>> nn.Dense(3).apply(params, jax.numpy.ones((2, 5, 4))).shape
    (2, 5, 3)
    """

    features: int
    use_bias: bool = True
    param_dtype: Any = "float32"
    kernel_init: Init = initializers.lecun_normal()
    bias_init: Init = initializers.zeros

    _held = (("params", "kernel", "weight", (1, 0)), ("params", "bias", "bias", None))

    def __call__(self, x: Any) -> Any:
        scope: Any = self._scope
        given = scope.find("params") or {}
        kernel = given["kernel"] if "kernel" in given else scope.param("kernel")
        wanted = (x.shape[-1], self.features)
        if kernel.shape != wanted:
            scope.refuse_shape("kernel", wanted, kernel.shape)
        bias = None
        if self.use_bias:
            bias = given["bias"] if "bias" in given else scope.param("bias")
        return fully_connected(_like(x, kernel), kernel, bias, None, False, False, None, True)

    def _gluon(self, ready: Callable[[str, Init], InOrder], x: Any) -> nn.Dense:
        return nn.Dense(
            self.features,
            use_bias=self.use_bias,
            flatten=False,
            weight_initializer=ready("kernel", self.kernel_init),
            bias_initializer=ready("bias", self.bias_init),
        )


def _like(x: Any, kernel: Any) -> Any:
    """An input in the dtype of the parameters."""
    return x if x.dtype == kernel.dtype else x.astype(kernel.dtype)


_CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1D, 2: nn.Conv2D, 3: nn.Conv3D}
LAYOUTS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def sizes_of(given: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    if given is None or isinstance(given, int):
        return (given or 1,) * count
    return tuple(given)


class Conv(_Layer):
    """Convolution over one, two or three axes between the batch and the channels.

    Parameters
    ----------
    features : int
        The number of channels that come out.
    kernel_size : int or tuple of int
        The window; its length says over how many axes.
    strides, kernel_dilation : int or tuple of int, optional
        Steps of the window, and distance of its elements; 1 by default.
    padding : {"SAME", "VALID"}, int, or sequence of int or of pairs of int
        None; as much as gives ceil(size / stride) places; or before and after each axis.
    feature_group_count : int
        Groups of channels that do not see each other.
    use_bias, param_dtype, kernel_init, bias_init
        As in `Dense`.

    Raises
    ------
    ScopeParamShapeError
        If the input has another number of channels than the kernel was made for.
    ShapeError
        If it has another number of axes.

    Notes
    -----
    Its parameters are ``kernel`` of shape ``(*kernel_size, in, features)`` and ``bias``.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> x = jax.numpy.ones((1, 8, 8, 3))
    >>> params = nn.Conv(4, (3, 3)).init(jax.random.PRNGKey(0), x)
    >>> params["params"]["kernel"].shape
    (3, 3, 3, 4)
    >>> nn.Conv(4, (3, 3)).apply(params, x).shape
    (1, 8, 8, 4)
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] | None = 1
    padding: Any = "SAME"
    kernel_dilation: int | Sequence[int] | None = 1
    feature_group_count: int = 1
    use_bias: bool = True
    param_dtype: Any = "float32"
    kernel_init: Init = initializers.lecun_normal()
    bias_init: Init = initializers.zeros

    @property
    def _held(self) -> Any:  # type: ignore[override]
        axes = (*range(1, len(self._options["kernel"]) + 2), 0)
        return (("params", "kernel", "weight", axes), ("params", "bias", "bias", None))

    @property
    def _options(self) -> dict[str, Any]:
        window = sizes_of(self.kernel_size, 1)
        return {
            "kernel": window,
            "stride": sizes_of(self.strides, len(window)),
            "dilate": sizes_of(self.kernel_dilation, len(window)),
            "layout": LAYOUTS[len(window)],
        }

    def __call__(self, x: Any) -> Any:
        scope: Any = self._scope
        kernel = scope.param("kernel")
        options = self._options
        axes = len(options["kernel"])
        if x.ndim != axes + 2:
            raise ShapeError(
                f'Conv in "{scope.path}" takes an input of {axes + 2} axes, but got shape {x.shape}'
            )
        wanted = (*options["kernel"], x.shape[-1] // self.feature_group_count, self.features)
        if kernel.shape != wanted:
            scope.refuse_shape("kernel", wanted, kernel.shape)
        pairs = padding_of(self.padding, x, options)
        pad, x = around(pairs), _like(x, kernel)
        return npx.convolution(
            padded(x, pairs) if pad is None else x,
            kernel.transpose(axes + 1, *range(axes + 1)),
            scope.param("bias") if self.use_bias else None,
            num_filter=self.features,
            num_group=self.feature_group_count,
            no_bias=not self.use_bias,
            pad=pad or 0,
            **options,
        )

    def _gluon(self, ready: Callable[[str, Init], InOrder], x: Any) -> Any:
        options = self._options
        return _CONVOLUTIONS[len(options["kernel"])](
            self.features,
            options["kernel"],
            groups=self.feature_group_count,
            layout=options["layout"],
            use_bias=self.use_bias,
            weight_initializer=ready("kernel", self.kernel_init),
            bias_initializer=ready("bias", self.bias_init),
        )


def padding_of(given: Any, x: Any, options: dict[str, Any]) -> list[tuple[int, int]]:
    """What is added before and after each spatial axis."""
    window = options["kernel"]
    if isinstance(given, str):
        if given.upper() == "VALID":
            return [(0, 0)] * len(window)
        if given.upper() == "SAME":
            dilation = options.get("dilate", (1,) * len(window))
            return same_padding(x.shape[1:-1], window, options["stride"], dilation)
        raise ValueError(f"padding must be 'SAME', 'VALID' or numbers, not {given!r}")
    pairs = (given,) * len(window) if isinstance(given, int) else given
    if len(pairs) != len(window):
        raise ValueError(f"padding {given!r} is not for each of the {len(window)} axes")
    return [(pair, pair) if isinstance(pair, int) else tuple(pair) for pair in pairs]


class Embed(_Layer):
    """A learned vector for each number from 0 on.

    Parameters
    ----------
    num_embeddings : int
        How many numbers there are.
    features : int
        The size of the vectors.
    param_dtype : dtype
        Of the vectors.
    embedding_init : callable, optional
        An initializer; by default normal with the variance 1 / features.

    Raises
    ------
    IndexError
        If a number is not from 0 to ``num_embeddings - 1``.

    Notes
    -----
    Its parameter is ``embedding`` of shape (num_embeddings, features).

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> x = jax.numpy.array([[1, 2]], dtype="int32")
    >>> params = nn.Embed(10, 4).init(jax.random.PRNGKey(0), x)
    >>> nn.Embed(10, 4).apply(params, x).shape
    (1, 2, 4)
    """

    num_embeddings: int
    features: int
    param_dtype: Any = "float32"
    embedding_init: Init | None = None

    _held = (("params", "embedding", "weight", None),)

    def __call__(self, inputs: Any) -> Any:
        scope: Any = self._scope
        table = scope.param("embedding")
        if table.shape != (self.num_embeddings, self.features):
            scope.refuse_shape("embedding", (self.num_embeddings, self.features), table.shape)
        bad = None if inputs.is_abstract else first_outside(inputs, self.num_embeddings)
        if bad is not None:
            raise IndexError(
                f'Embed in "{scope.path}" has rows 0 to {self.num_embeddings - 1}, but was given '
                f"{bad:g}"
            )
        return npx.embedding(inputs, table)

    def _gluon(self, ready: Callable[[str, Init], InOrder], x: Any) -> nn.Embedding:
        init = self.embedding_init or initializers.normal(self.features**-0.5)
        return nn.Embedding(
            self.num_embeddings,
            self.features,
            weight_initializer=ready("embedding", init),
        )


class _Norm(_Layer):
    """What normalizations share: a factor and an offset, if they are learned."""

    def _learned(self: Any, x: Any, axis: int) -> tuple[Any, Any]:
        """The factor and the offset; ones and zeros where there is none."""
        scope: Any = self._scope
        size = (x.shape[axis],)
        found = []
        kinds: Any = (("scale", self.use_scale, np.ones), ("bias", self.use_bias, np.zeros))
        for name, used, fill in kinds:
            value = scope.param(name) if used else fill(size, dtype=x.dtype)
            if value.shape != size:
                scope.refuse_shape(name, size, value.shape)
            found.append(value)
        return found[0], found[1]

    def _held_params(self: Any) -> tuple[tuple[str, str, str, Axes], ...]:
        learned = (self.use_scale, "scale", "gamma"), (self.use_bias, "bias", "beta")
        return tuple(("params", name, attribute, None) for used, name, attribute in learned if used)

    def _initializers(self: Any, ready: Callable[[str, Init], InOrder]) -> dict[str, Any]:
        """Arguments of Gluon's layer."""
        given: dict[str, Any] = {}
        if self.use_scale:
            given["gamma_initializer"] = ready("scale", self.scale_init)
        if self.use_bias:
            given["beta_initializer"] = ready("bias", self.bias_init)
        return given


class BatchNorm(_Norm):
    """Normalize each channel over the batch, or by the running statistics.

    Parameters
    ----------
    use_running_average : bool, optional
        Whether the running statistics are used; here or in the call.
    axis : int
        That of the channels.
    momentum : float
        How much of the running statistics a batch leaves.
    epsilon : float
        Added to the variance.
    use_bias, use_scale : bool
        Whether an offset and a factor are learned.
    bias_init, scale_init : callable
        Initializers.

    Raises
    ------
    ModifyScopeVariableError
        If batches are to move the statistics, and ``'batch_stats'`` is not mutable.

    Notes
    -----
    Its parameters are ``scale`` and ``bias``; the statistics ``mean`` and ``var`` are in the
    collection ``'batch_stats'``. Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> x = jax.numpy.array([[1.0], [3.0]])
    >>> norm = nn.BatchNorm(use_running_average=False)
    >>> variables = norm.init(jax.random.PRNGKey(0), x)
    >>> y, changed = norm.apply(variables, x, mutable=["batch_stats"])
    >>> changed["batch_stats"]["mean"].round(2)
    array([0.02])
    """

    use_running_average: bool | None = None
    axis: int = -1
    momentum: float = 0.99
    epsilon: float = 1e-5
    use_bias: bool = True
    use_scale: bool = True
    bias_init: Init = initializers.zeros
    scale_init: Init = initializers.ones

    @property
    def _held(self) -> Any:  # type: ignore[override]
        return (
            *self._held_params(),
            ("batch_stats", "mean", "running_mean", None),
            ("batch_stats", "var", "running_var", None),
        )

    def __call__(self, x: Any, use_running_average: bool | None = None) -> Any:
        scope: Any = self._scope
        fixed = self.use_running_average if use_running_average is None else use_running_average
        if fixed is None:
            raise ValueError(
                'Parameter "use_running_average" must be passed to the constructor or at call time.'
            )
        gamma, beta = self._learned(x, self.axis)
        mean, var = scope.get("batch_stats", "mean"), scope.get("batch_stats", "var")
        if mean is None or var is None:
            raise errors.ScopeCollectionNotFound(
                f'Tried to access "mean" from collection "batch_stats" in "{scope.path}" but the '
                "collection is empty."
            )
        moves = not fixed and not scope.run.initializing
        if moves:
            with autograd.pause():
                mean, var = mean.copy(), var.copy()
            scope.put("batch_stats", "mean", mean)
            scope.put("batch_stats", "var", var)
        # Statistics move while recording; nothing stays on the tape that leads to no gradient.
        with autograd.record() if moves else autograd.predict_mode():
            return npx.batch_norm(
                x,
                gamma,
                beta,
                mean,
                var,
                eps=self.epsilon,
                momentum=self.momentum,
                fix_gamma=False,
                use_global_stats=bool(fixed),
                axis=self.axis,
            )

    def _gluon(self, ready: Callable[[str, Init], InOrder], x: Any) -> nn.BatchNorm:
        return nn.BatchNorm(axis=self.axis, **self._initializers(ready))


class LayerNorm(_Norm):
    """Normalize along the last axis, each example by itself.

    Parameters
    ----------
    epsilon : float
        Added to the variance.
    use_bias, use_scale, bias_init, scale_init
        As in `BatchNorm`.

    Notes
    -----
    Ba et al., "Layer normalization", 2016.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> x = jax.numpy.array([[1.0, 3.0]])
    >>> params = nn.LayerNorm().init(jax.random.PRNGKey(0), x)
    >>> nn.LayerNorm().apply(params, x).round(2)
    array([[-1.,  1.]])
    """

    epsilon: float = 1e-6
    use_bias: bool = True
    use_scale: bool = True
    bias_init: Init = initializers.zeros
    scale_init: Init = initializers.ones

    @property
    def _held(self) -> Any:  # type: ignore[override]
        return self._held_params()

    def __call__(self, x: Any) -> Any:
        gamma, beta = self._learned(x, -1)
        return npx.layer_norm(x, gamma, beta, axis=-1, eps=self.epsilon)

    def _gluon(self, ready: Callable[[str, Init], InOrder], x: Any) -> nn.LayerNorm:
        return nn.LayerNorm(**self._initializers(ready))


class Dropout(_Layer):
    """Set a random part of the input to 0 and scale the rest up, unless it is deterministic.

    Parameters
    ----------
    rate : float
        The part to drop, from 0 to 1.
    broadcast_dims : tuple of int
        Axes along which elements are dropped or kept together.
    deterministic : bool, optional
        Whether nothing is dropped; here or in the call.
    rng_collection : str
        The name of the key among those given to `apply`.

    Raises
    ------
    InvalidRngError
        If something is to be dropped, and there is no key.

    Notes
    -----
    Srivastava et al., "Dropout", 2014.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> drop, key = nn.Dropout(0.5, deterministic=False), jax.random.PRNGKey(0)
    >>> y = drop.apply({}, jax.numpy.ones(100), rngs={"dropout": key})
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    """

    rate: float
    broadcast_dims: Sequence[int] = ()
    deterministic: bool | None = None
    rng_collection: str = "dropout"

    def __call__(self, x: Any, deterministic: bool | None = None) -> Any:
        scope: Any = self._scope
        fixed = self.deterministic if deterministic is None else deterministic
        if fixed is None:
            raise ValueError(
                'Parameter "deterministic" must be passed to the constructor or at call time.'
            )
        if fixed or not self.rate:
            return x
        with keyed(*scope.words(self.rng_collection)), autograd.train_mode():
            return dropout(x, self.rate, tuple(self.broadcast_dims))
