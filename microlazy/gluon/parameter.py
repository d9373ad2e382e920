"""Parameter: an array that a network learns, and the life it has before its sizes are known.

A parameter is *declared* when its layer is made, some axes perhaps unknown. ``initialize()``
remembers an initializer: the parameter is *deferred*. Once its sizes are found, memory is
allocated once and the initializer runs once: the parameter is *live*.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from operator import index
from typing import Any, NamedTuple, cast

import numpy

from .. import autograd
from .. import ndarray as nd
from .. import numpy as np
from ..base import MXNetError, ShapeError
from ..context import Context, cpu, current_context
from ..core import trace
from ..core.tensor import Tensor
from ..initializer import ArgumentError, InitDesc, Uniform, create
from ..initializer import Constant as ConstantInit
from ..util import is_np_array, is_np_shape
from .parameter_dict import ParameterDict, load_arrays

__all__ = [
    "Constant",
    "DeferredInitializationError",
    "Parameter",
    "ParameterDict",
    "ParameterShapeError",
    "load_arrays",
    "tensor_types",
]

tensor_types = (Tensor,)

# Counts the changes that a compiled plan or an optimizer's lists do not survive: a parameter's
# array was replaced, or its grad_req, lr_mult or wd_mult changed.
generation = 0

# One lock for all parameters: whoever comes first initializes, the others find it done.
_lock = threading.RLock()

_GRAD_REQS = ("write", "add", "null")


class DeferredInitializationError(MXNetError):
    """A parameter's values were asked for while its initialization was still deferred.

    Examples
    --------
    >>> import microlazy as mx
    >>> weight = mx.gluon.Parameter("weight", shape=(2, 0), allow_deferred_init=True)
    >>> weight.initialize()
    >>> try:
    ...     weight.data()
    ... except mx.gluon.DeferredInitializationError:
    ...     print("not yet")
    not yet
    """


class ParameterShapeError(ShapeError, ArgumentError):
    """A shape does not fit a parameter.

    Examples
    --------
    >>> import microlazy as mx
    >>> weight = mx.gluon.Parameter("weight", shape=(2, 3))
    >>> try:
    ...     weight.shape = (2, 4)
    ... except ValueError as error:
    ...     print(error)
    Parameter 'weight': Expected shape (2, 4) is incompatible with given shape (2, 3).
    """


class Deferred(NamedTuple):
    """What initialize() was called with, until it can be done."""

    init: Any  # an Initializer or its name
    default_init: Any
    data: numpy.ndarray | None  # values from set_data() instead of an initializer's


def _changed() -> None:
    global generation
    generation += 1


def _array(values: Any, dtype: Any) -> Tensor:
    return (np if is_np_array() else nd).array(values, dtype=dtype)


def to_numpy(values: Any) -> numpy.ndarray:
    return values.asnumpy() if isinstance(values, Tensor) else numpy.asarray(values)


def normal_shape(shape: Any, name: str) -> tuple[int, ...] | None:
    """A shape as a tuple, with 0 for unknown axes."""
    if shape is None:
        return None
    try:
        sizes = tuple(index(size) for size in (shape if isinstance(shape, Iterable) else [shape]))
    except TypeError:
        raise TypeError(
            f"Parameter '{name}': the shape must be an integer or integers, given {shape!r}"
        ) from None
    if any(size < -1 for size in sizes):
        raise ParameterShapeError(
            f"Parameter '{name}': a size is at least 0, or -1 where it is unknown, given {shape}"
        )
    return tuple(max(size, 0) for size in sizes)


def _visible(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """A shape as users see it: unknown axes are -1 under NumPy semantics and 0 otherwise."""
    if shape is None or not is_np_shape():
        return shape
    return tuple(size or -1 for size in shape)


def _is_known(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and 0 not in shape and (shape != () or is_np_shape())


def _check_ctx(ctx: Context | Iterable[Context] | None, doing: str) -> None:
    if ctx is None:
        ctx = current_context()
    places = [ctx] if isinstance(ctx, Context) else list(ctx)
    if len(places) != 1 or places[0].device_type == "gpu":
        raise MXNetError(
            f"{doing} on {places}: a parameter has one copy, on the CPU, the only device there is"
        )


class Parameter:
    """An array that a network learns, with its gradient.

    Parameters
    ----------
    name : str
        Name.
    grad_req : {"write", "add", "null"}
        Whether a backward pass replaces the gradient, adds to it, or makes none.
    shape : int or tuple of int, optional
        Shape; 0 or -1 stands for a size that is not known yet.
    dtype : str or numpy.dtype, default float32
        Data type.
    lr_mult, wd_mult : float, default 1.0
        Factors of the trainer's learning rate and weight decay.
    init : Initializer or str, optional
        The parameter's own initializer, which wins over the network's.
    allow_deferred_init : bool, default False
        Whether ``initialize()`` may be called before the shape is known.
    differentiable : bool, default True
        If False, `grad_req` is always ``"null"``.
    stype, grad_stype : {"default"}
        Storage types; only dense arrays exist.

    Raises
    ------
    ArgumentError
        If `grad_req`, `stype` or `grad_stype` is unknown.
    MXNetError
        If a storage type is sparse.

    Examples
    --------
    >>> import microlazy as mx
    >>> weight = mx.gluon.Parameter("weight", shape=(2, 2), init="ones")
    >>> weight.initialize()
    >>> weight.data().asnumpy()
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    >>> weight.state
    'live'
    """

    def __init__(
        self,
        name: str,
        grad_req: str = "write",
        shape: int | tuple[int, ...] | None = None,
        dtype: Any = numpy.float32,
        lr_mult: float = 1.0,
        wd_mult: float = 1.0,
        init: Any = None,
        allow_deferred_init: bool = False,
        differentiable: bool = True,
        stype: str = "default",
        grad_stype: str = "default",
    ) -> None:
        for what, given in (("stype", stype), ("grad_stype", grad_stype)):
            if given not in ("default", "row_sparse", "csr"):
                raise ArgumentError(
                    f"{what} for Parameter '{name}' must be one of 'default', 'row_sparse', or "
                    f"'csr', but got '{given}'"
                )
            if given != "default":
                raise MXNetError(
                    f"Parameter '{name}' asks for {what} '{given}': microlazy has dense arrays "
                    "only, use 'default'"
                )
        trace.abstract((1,), dtype)  # refuses what is no dtype
        self.name = name
        self.init = init
        self._data: Tensor | None = None
        self._deferred_init: Deferred | None = None
        self._used_init: Any = None
        self._shape: Any = normal_shape(shape, name)
        self._dtype = dtype
        self._lr_mult = lr_mult
        self._wd_mult = wd_mult
        self._allow_deferred_init = allow_deferred_init
        self._differentiable = differentiable
        self._grad_req: Any = None
        self._block: Any = None  # a weak reference to the layer that has it, set by the layer
        self._source: str | None = None  # where its sizes came from, set by the layer
        self.grad_req = grad_req

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.name} (shape={self.shape}, dtype={self.dtype})"

    # ---- what it is ----------------------------------------------------------------------------

    @property
    def shape(self) -> Any:
        """The shape; unknown axes are -1 under NumPy semantics and 0 otherwise.

        Setting it fills in unknown axes, and refuses to change a known one.

        Raises
        ------
        ParameterShapeError
            If the new shape does not fit.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0))
        >>> weight.shape = (2, 3)
        >>> weight.shape
        (2, 3)
        """
        return _visible(self._shape)

    @shape.setter
    def shape(self, new_shape: int | tuple[int, ...]) -> None:
        new = normal_shape(new_shape, self.name)
        with _lock:
            if not self._takes(new):
                raise ParameterShapeError(
                    f"Parameter '{self.name}': Expected shape {_visible(new)} is incompatible "
                    f"with given shape {self.shape}."
                )
            self._shape = new

    def _takes(self, new: tuple[int, ...] | None) -> bool:
        """Whether `new` agrees with all that is known of the shape."""
        old = self._shape
        if old is None:
            return True
        return (
            new is not None
            and len(old) == len(new)
            and all(known in (0, size) for known, size in zip(old, new, strict=True))
        )

    @property
    def dtype(self) -> Any:
        """The data type as it was given. Setting it casts, as :meth:`cast` does.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight", dtype="float64").dtype
        'float64'
        """
        return self._dtype

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self.cast(dtype)

    @property
    def grad_req(self) -> str:
        """Whether a backward pass writes the gradient, adds to it, or makes none (``"null"``).

        Raises
        ------
        ArgumentError
            If it is set to anything else.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("mean", differentiable=False).grad_req
        'null'
        """
        return self._grad_req

    @grad_req.setter
    def grad_req(self, req: str) -> None:
        if req not in _GRAD_REQS:
            raise ArgumentError(
                f"grad_req must be one of 'write', 'add', or 'null', but got '{req}'"
            )
        if not self._differentiable:
            req = "null"
        if req == self._grad_req:
            return
        self._grad_req = req
        if self._data is not None:
            self._data.attach_grad(req)
        _changed()

    @property
    def lr_mult(self) -> float:
        """Factor of the learning rate for this parameter.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight", lr_mult=0.1).lr_mult
        0.1
        """
        return self._lr_mult

    @lr_mult.setter
    def lr_mult(self, factor: float) -> None:
        self._lr_mult = factor
        _changed()

    @property
    def wd_mult(self) -> float:
        """Factor of the weight decay for this parameter.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("bias", wd_mult=0.0).wd_mult
        0.0
        """
        return self._wd_mult

    @wd_mult.setter
    def wd_mult(self, factor: float) -> None:
        self._wd_mult = factor
        _changed()

    @property
    def state(self) -> str:
        """Where it is in its life: ``"declared"``, ``"deferred"`` or ``"live"``.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight", shape=(2, 0)).state
        'declared'
        """
        if self._data is not None:
            return "live"
        return "deferred" if self._deferred_init else "declared"

    @property
    def why(self) -> str:
        """What is known about why an axis is unknown, or where the sizes came from.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight", shape=(2, 0)).why
        'axis 1 unknown until the first input'
        """
        unknown = self._unknown()
        return f"{unknown} until the first input" if unknown else self._source or "given"

    def _unknown(self) -> str:
        """The unknown axes in words, or an empty text."""
        if self._shape is None:
            return "whole shape unknown"
        axes = [str(axis) for axis, size in enumerate(self._shape) if size == 0]
        return f"{'axes' if axes[1:] else 'axis'} {' and '.join(axes)} unknown" if axes else ""

    @property
    def remembered_init(self) -> Any:
        """The initializer that gave the values or will give them: an object, a name, or None.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0), allow_deferred_init=True)
        >>> weight.initialize(mx.init.Normal(0.1))
        >>> weight.remembered_init
        Normal(sigma=0.1)
        """
        if self._deferred_init:
            return self._deferred_init.init
        return self.init if self._used_init is None else self._used_init

    # ---- from declared to live -----------------------------------------------------------------

    def initialize(
        self,
        init: Any = None,
        ctx: Context | list[Context] | None = None,
        default_init: Any = None,
        force_reinit: bool = False,
    ) -> None:
        """Give the parameter its first values, at once or as soon as its shape is known.

        Parameters
        ----------
        init : Initializer or str, optional
            Wins over the parameter's own initializer.
        ctx : Context, optional
            Only the CPU exists.
        default_init : Initializer or str, optional
            Used when neither `init` nor the parameter's own is given; ``Uniform()`` if None.
        force_reinit : bool, default False
            Initialize again; otherwise a live parameter is left as it is, with a warning.

        Raises
        ------
        ValueError
            If the shape is not known and may not be deferred.
        ArgumentError
            If the initializer's name is not registered.

        Examples
        --------
        >>> import microlazy as mx
        >>> bias = mx.gluon.Parameter("bias", shape=(2,))
        >>> bias.initialize("zeros")
        >>> bias.data().asnumpy()
        array([0., 0.], dtype=float32)
        """
        _check_ctx(ctx, f"Cannot initialize Parameter '{self.name}'")
        if default_init is None:
            default_init = Uniform()
        if init is None:
            init = default_init if self.init is None else self.init
        create(init)  # refuses an unknown name now, not at the first forward
        create(default_init)
        with _lock:
            if self._data is not None and not force_reinit:
                warnings.warn(
                    f"Parameter '{self.name}' is already initialized, ignoring. "
                    "Set force_reinit=True to re-initialize.",
                    stacklevel=2,
                )
                return
            deferred = Deferred(init, default_init, None)
            if _is_known(self._shape):
                self._make(deferred)
            elif self._allow_deferred_init:
                self._deferred_init = deferred
            else:
                raise ValueError(
                    f"Cannot initialize Parameter '{self.name}' because it has invalid shape: "
                    f"{self.shape}."
                )

    def _finish_deferred_init(self) -> None:
        """Do what initialize() deferred; nothing if another thread did it already."""
        with _lock:
            if self._deferred_init is None:
                return
            if not _is_known(self._shape):
                raise ParameterShapeError(
                    f"Cannot initialize Parameter '{self.name}' because it has invalid shape: "
                    f"{self.shape}. Please specify in_units, in_channels, etc for `Block`s."
                )
            self._make(self._deferred_init)

    def _make(self, deferred: Deferred) -> None:
        """Run the initializer. If it fails, the parameter stays as it was."""
        with autograd.pause(), trace.suspended():
            if deferred.data is not None:
                data = _array(deferred.data, self._dtype)
            else:
                data = (np if is_np_array() else nd).zeros(self._shape, dtype=self._dtype)
                desc = InitDesc(self.name, {"__init__": deferred.init})
                create(deferred.default_init)(desc, data)
            self._store(data)
        self._used_init = deferred.init

    def _store(self, data: Tensor) -> None:
        """Become live with these values, in the array there is where that is possible."""
        old = self._data
        if type(old) is type(data) and old.shape == data.shape and old.dtype == data.dtype:
            old[...] = data
            self.zero_grad()
        else:
            if self._grad_req != "null":
                data.attach_grad(self._grad_req)
            self._data = data
            _changed()
        self._deferred_init = None

    def _load_init(
        self,
        data: Any,
        ctx: Context | list[Context] | None = None,
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Become live with loaded values."""
        self._check_load(data, ctx, cast_dtype, dtype_source)
        with _lock, autograd.pause():
            if cast_dtype and dtype_source == "saved":
                self.cast(data.dtype)
            self._fill_shape(tuple(data.shape), "loaded values")
            if self._data is None:
                self._store(_array(data, self._dtype))
            else:
                self._data[...] = data

    def _check_load(
        self,
        data: Any,
        ctx: Context | list[Context] | None = None,
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Refuse loaded values that do not fit."""
        _check_ctx(ctx, f"Failed to load Parameter '{self.name}'")
        if dtype_source not in ("current", "saved"):
            raise ArgumentError(
                f"dtype_source must be 'current' or 'saved', but got '{dtype_source}'"
            )
        if not self._takes(tuple(data.shape)):
            raise ParameterShapeError(
                f"Failed loading Parameter '{self.name}' from saved params: shape incompatible "
                f"expected {self.shape} vs saved {tuple(data.shape)}"
            )
        if not cast_dtype and numpy.dtype(self._dtype) != numpy.dtype(data.dtype):
            raise ArgumentError(
                f"Failed loading Parameter '{self.name}' from saved params: dtype incompatible "
                f"expected {self._dtype} vs saved {data.dtype}. "
                "Set cast_dtype=True to cast the dtype of saved params."
            )

    def _reduce(self) -> Tensor:
        """The values, for saving."""
        return self.data()

    def _fill_shape(self, shape: tuple[int, ...], source: str) -> None:
        if self._shape != shape:
            self._source = f"from {source} of shape {shape}"
        self._shape = shape

    # ---- its values and gradient ---------------------------------------------------------------

    def data(self, ctx: Context | None = None) -> Tensor:
        """Return the array of values: the parameter's own, so writing to it changes the network.

        Parameters
        ----------
        ctx : Context, optional
            Only the CPU exists.

        Raises
        ------
        DeferredInitializationError
            If a size is still unknown.
        RuntimeError
            If ``initialize()`` was not called, or `ctx` is another device.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,), init="ones")
        >>> weight.initialize()
        >>> weight.data()[0] = 5
        >>> weight.data().asnumpy()
        array([5., 1.], dtype=float32)
        """
        data = self._data
        if data is None or ctx is not None:
            return self._look_up(ctx)
        return data

    def _look_up(self, ctx: Context | None) -> Tensor:
        with _lock:  # another thread may be about to finish
            live = self._data is not None
        if not live:
            raise self._not_live()
        if ctx is not None and ctx.device_type == "gpu":
            raise MXNetError(
                f"Parameter '{self.name}' was not initialized on context {ctx}. "
                f"It was only initialized on {[cpu(0)]}."
            )
        return cast(Tensor, self._data)

    def list_data(self) -> list[Tensor]:
        """Return ``[data()]``: there is one device.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.initialize()
        >>> len(weight.list_data())
        1
        """
        return [self.data()]

    def grad(self, ctx: Context | None = None) -> Tensor:
        """Return the array of the gradient; zeros before the first backward pass.

        Parameters
        ----------
        ctx : Context, optional
            Only the CPU exists.

        Raises
        ------
        RuntimeError
            As for :meth:`data`, and if ``grad_req`` is ``"null"``.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,), init="ones")
        >>> weight.initialize()
        >>> with mx.autograd.record():
        ...     loss = (weight.data() * 3).sum()
        >>> loss.backward()
        >>> weight.grad().asnumpy()
        array([3., 3.], dtype=float32)
        """
        data = self.data(ctx)
        if self._grad_req == "null":
            raise MXNetError(
                f"Cannot get gradient array for Parameter '{self.name}' because grad_req='null'"
            )
        return data.grad

    def list_grad(self) -> list[Tensor]:
        """Return ``[grad()]``: there is one device.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.initialize()
        >>> weight.list_grad()[0].shape
        (2,)
        """
        return [self.grad()]

    def list_ctx(self) -> list[Context]:
        """Return the devices that the parameter is initialized on: ``[cpu(0)]``.

        Raises
        ------
        RuntimeError
            If ``initialize()`` was not called.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.initialize()
        >>> weight.list_ctx()
        [cpu(0)]
        """
        if self.state == "declared":
            raise MXNetError(f"Parameter '{self.name}' has not been initialized")
        return [cpu(0)]

    def zero_grad(self) -> None:
        """Fill the gradient with zeros; nothing if there is none.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.initialize()
        >>> weight.grad()[:] = 7
        >>> weight.zero_grad()
        >>> weight.grad().asnumpy()
        array([0., 0.], dtype=float32)
        """
        if self._data is not None:
            self._data.zero_grad()

    def set_data(self, data: Any) -> None:
        """Set the values; a deferred parameter takes them when it becomes live.

        Parameters
        ----------
        data : array
            Values of the parameter's shape, cast to its dtype.

        Raises
        ------
        ParameterShapeError
            If the shape does not fit.
        ArgumentError
            If ``initialize()`` was not called.
        TypeError
            If `data` is no array.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.initialize()
        >>> weight.set_data(mx.nd.array([1, 2]))
        >>> weight.data().asnumpy()
        array([1., 2.], dtype=float32)
        """
        if not isinstance(data, Tensor | numpy.ndarray):
            raise TypeError(
                f"Parameter '{self.name}': set_data needs an array, given a {type(data).__name__}"
            )
        shape = tuple(data.shape)
        with _lock, autograd.pause():
            if not self._takes(shape):
                raise ParameterShapeError(
                    f"Parameter '{self.name}': Expected shape {shape} is incompatible with given "
                    f"shape {self.shape}."
                )
            if self._data is not None:
                self._data[...] = data
            elif self._deferred_init:
                values = numpy.array(to_numpy(data), dtype=self._dtype)
                self._deferred_init = self._deferred_init._replace(data=values)
                self._fill_shape(shape, "set_data() with values")
            else:
                raise ArgumentError(
                    f"Parameter '{self.name}' has not been initialized: call initialize() before "
                    "set_data()"
                )

    def cast(self, dtype: Any) -> None:
        """Change the data type of the values and of the gradient.

        Parameters
        ----------
        dtype : str or numpy.dtype
            The new type.

        Raises
        ------
        TypeError
            If `dtype` is no data type.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.cast("float64")
        >>> weight
        Parameter weight (shape=(2,), dtype=float64)
        """
        trace.abstract((1,), dtype)  # refuses what is no dtype
        with _lock, autograd.pause(), trace.suspended():
            old = self._data
            if old is not None and old.dtype != numpy.dtype(dtype):
                data = old.astype(dtype)
                if self._grad_req != "null":
                    data.attach_grad(self._grad_req)
                    if old.fresh_grad or self._grad_req == "add":
                        data.grad[...] = old.grad
                        data.fresh_grad = old.fresh_grad
                self._data = data
                _changed()
            self._dtype = dtype

    def reset_ctx(self, ctx: Context | list[Context] | None = None) -> None:
        """Move to another device: there is only the CPU, so this only checks.

        Raises
        ------
        ValueError
            If ``initialize()`` was not called.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> weight.initialize()
        >>> weight.reset_ctx(mx.cpu())
        """
        _check_ctx(ctx, f"Cannot reset context for Parameter '{self.name}'")
        if self.state == "declared":
            raise ValueError(
                f"Cannot reset context for Parameter '{self.name}' because it has not been "
                "initialized."
            )

    # ---- what there is not ---------------------------------------------------------------------

    def var(self) -> None:
        """Refuse: there are no symbols.

        Raises
        ------
        MXNetError
            Always.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight").var()
        Traceback (most recent call last):
            ...
        microlazy.base.MXNetError: Parameter 'weight' has no var(): microlazy has no symbols
        """
        raise MXNetError(f"Parameter '{self.name}' has no var(): microlazy has no symbols")

    def row_sparse_data(self, row_id: Any) -> None:
        """Refuse: there are no sparse arrays.

        Raises
        ------
        MXNetError
            Always.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,))
        >>> try:
        ...     weight.row_sparse_data(mx.nd.array([0]))
        ... except mx.base.MXNetError:
        ...     print("refused")
        refused
        """
        raise MXNetError(
            f"Cannot return a copy of Parameter {self.name} via row_sparse_data() because its "
            "storage type is default. Please use data() instead."
        )

    list_row_sparse_data = row_sparse_data

    # ---- why it is not live --------------------------------------------------------------------

    def _place(self) -> str:
        """Path in the network and the layer, in words; empty for a free-standing parameter."""
        block = self._block and self._block()
        if block is None:
            return ""
        attribute = next((k for k, v in block._reg_params.items() if v is self), self.name)
        path = block._path()
        where = f"{path}.{attribute}" if path else attribute
        return f" It is {where} of the layer {block._layer()}."

    def _not_live(self) -> MXNetError:
        """The error for whoever asks for values."""
        unknown = self._unknown()
        deferred = self._deferred_init
        if deferred is None:
            waits = f" Its shape is {self.shape}, {unknown}." if unknown else ""
            return MXNetError(
                f"Parameter '{self.name}' has not been initialized.{self._place()}{waits} "
                "initialize() was not called on it: call net.initialize(), or initialize() on "
                "collect_params(), and create the Trainer with collect_params() instead of "
                "Block.params, because the latter leaves out the parameters of nested Blocks."
            )
        block = self._block and self._block()
        unreached = (
            " The network ran forward, but never reached this layer: use the layer in forward(), "
            "or remove it."
            if block is not None and block._root()._has_run
            else ""
        )
        waits = (
            f"its shape is {self.shape}, {unknown}"
            if unknown
            else f"its shape {self.shape} is known, but its layer has not run since"
        )
        return DeferredInitializationError(
            f"Parameter '{self.name}' has not been initialized yet because initialization was "
            f"deferred: {waits}.{self._place()} initialize() was called, with "
            f"{deferred.init!r}; the values come with the first forward pass.{unreached} Pass one "
            "batch of data through the network, or call net.dry_run(input_shape), before "
            "accessing it. To avoid deferred initialization, specify in_units, num_features, "
            "etc., for network layers."
        )

    # ---- copies --------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What copy.deepcopy() and pickle keep: the values, not the gradient, layer or trainer."""
        with _lock:
            state = vars(self) | {"_block": None}
        if self._data is not None:
            state["_data"] = self._data.asnumpy()
            state["_np"] = isinstance(self._data, np.ndarray)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        face = np if state.pop("_np", False) else nd
        vars(self).update(state)
        if self._data is not None:
            self._data = face.array(self._data, dtype=self._dtype)
            if self._grad_req != "null":
                self._data.attach_grad(self._grad_req)


class Constant(Parameter):
    """A parameter that is not learnt: it has no gradient, and a trainer passes over it.

    Parameters
    ----------
    name : str
        Name.
    value : array-like
        The values.

    Examples
    --------
    >>> import microlazy as mx
    >>> const = mx.gluon.Constant("const", [[1, 2], [3, 4]])
    >>> const.initialize()
    >>> const.data().asnumpy()
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """

    def __init__(self, name: str, value: Any) -> None:
        if not isinstance(value, Tensor):
            value = (np if is_np_array() else nd).array(value)
        self.value = value
        super().__init__(
            name, grad_req="null", shape=value.shape, dtype=value.dtype, init=ConstantInit(value)
        )

    @property
    def grad_req(self) -> str:
        """Always ``"null"``: setting it to anything else warns and changes nothing.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Constant("const", [1]).grad_req
        'null'
        """
        return "null"

    @grad_req.setter
    def grad_req(self, req: str) -> None:
        self._grad_req = "null"
        if req != "null":
            warnings.warn(
                f'Constant parameter "{self.name}" does not support grad_req other than "null", '
                f'and new value "{req}" is ignored.',
                stacklevel=2,
            )
