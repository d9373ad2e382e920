"""Parameter: an array that a network learns, and the life it has before its sizes are known.

A parameter is *declared* when its layer is made, some axes perhaps unknown. ``initialize()``
remembers an initializer: the parameter is *deferred*. Once its sizes are found, memory is
allocated once and the initializer runs once: the parameter is *live*.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakMethod

import numpy

from ... import autograd
from ... import ndarray as nd
from ... import numpy as np
from ...base import MXNetError
from ...context import Context, current_context
from ...core import trace
from ...core.functions import on_context
from ...core.planning import advance_generation
from ...core.tensor import Tensor
from ...initializer import ArgumentError, InitDesc, Initializer, Uniform, create
from ...util import is_np_array
from .mxnet_attributes import MXNetAttributes
from .shapes import (
    ParameterShapeError,
    Shape,
    fits,
    is_known,
    normal_shape,
    shape_text,
    unknown_axes,
    visible,
)

if TYPE_CHECKING:
    from ...symbol import Symbol

tensor_types = (Tensor,)

# One lock for all parameters: whoever comes first initializes, the others find it done.
lock = threading.RLock()

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


class Deferred(SimpleNamespace):
    """What initialize() was called with, until it can be done."""

    init: Any  # an Initializer or its name
    default_init: Any
    data: numpy.ndarray | None  # values from set_data() instead of an initializer's


class Place(SimpleNamespace):
    """Where a parameter sits in a network."""

    path: str  # such as "features.0.weight"
    layer: str  # in one line
    has_run: bool  # whether the network ever ran forward
    listed: bool  # whether the layer's collect_params() has it
    is_own: bool  # whether the layer is none of ours


class Snapshot(SimpleNamespace):
    """What finding the sizes of a parameter and initializing it changes."""

    shape: Shape | None
    source: str | None
    copies: list[Tensor]
    deferred: Deferred | None
    used_init: Any
    contexts: list[Context]


def array_like(values: Any, dtype: Any = None) -> Tensor:
    """An array of the face that `npx.set_np()` chose."""
    return (np if is_np_array() else nd).array(values, dtype=dtype)


def to_numpy(values: Any) -> numpy.ndarray:
    return values.asnumpy() if isinstance(values, Tensor) else numpy.asarray(values)


def _contexts(ctx: Context | Iterable[Context] | None, doing: str) -> list[Context]:
    """The contexts that were asked for, each once."""
    if ctx is None:
        ctx = current_context()
    several = isinstance(ctx, Iterable) and not isinstance(ctx, str)
    places = list(cast(Iterable, ctx)) if several else [cast(Context, ctx)]
    if not all(isinstance(place, Context) for place in places):
        raise TypeError(f"{doing}: ctx must be a Context such as mx.cpu(), given {ctx!r}")
    if not places:
        raise ValueError(f"{doing}: ctx is empty; give at least one context, such as mx.cpu()")
    for place in places:
        try:
            place.require_cpu()
        except MXNetError as error:
            raise MXNetError(f"{doing} on {places}: {error}") from None
    return list(dict.fromkeys(places))


class Parameter(MXNetAttributes):
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
        self.array: Tensor | None = None  # the only copy, once there is one, as data() gives it
        self._copies: list[Tensor] = []  # one for each context
        self._contexts: list[Context] = []  # what initialize() was called with
        self._deferred_init: Deferred | None = None
        self._used_init: Any = None
        self._shape: Any = normal_shape(shape, name)
        self._dtype = dtype
        self._lr_mult = lr_mult
        self._wd_mult = wd_mult
        self._allow_deferred_init = allow_deferred_init
        self._differentiable = differentiable
        self._var: Symbol | None = None
        self._grad_req: Any = None
        self._tell_place: WeakMethod[Callable[[Parameter], Place]] | None = None  # of its layer
        self._source: str | None = None  # where its sizes came from
        self._on_first_values: Callable[[Parameter, Tensor], None] | None = None
        self.grad_req = grad_req

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.name} (shape={self.shape}, dtype={self.dtype})"

    def _repr_html_(self) -> str:
        from ..utils import _html_table  # seldom needed

        facts = {**self._facts(), "sizes": self.why, "initializer": self.remembered_init or ""}
        return _html_table(f"{type(self).__name__} {self.name}", ("", ""), facts.items())

    def _facts(self) -> dict[str, Any]:
        """What tables tell of a parameter."""
        return {
            "shape": shape_text(self.shape),
            "dtype": numpy.dtype(self.dtype).name,
            "grad_req": self.grad_req,
            "state": self.state,
        }

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
        return visible(self._shape)

    @shape.setter
    def shape(self, new_shape: int | tuple[int, ...]) -> None:
        new = normal_shape(new_shape, self.name)
        with lock:
            if not fits(new, self._shape):
                raise ParameterShapeError(
                    f"Parameter '{self.name}': Expected shape {visible(new)} is incompatible "
                    f"with given shape {self.shape}."
                )
            self._shape = new

    @property
    def dtype(self) -> Any:
        """The data type as it was given. Setting it casts, as :meth:`cast` does."""
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
        for copy in self._copies:
            copy.attach_grad(req)
        advance_generation()

    @property
    def lr_mult(self) -> float:
        """Factor of the learning rate for this parameter."""
        return self._lr_mult

    @lr_mult.setter
    def lr_mult(self, factor: float) -> None:
        self._lr_mult = factor
        advance_generation()

    @property
    def wd_mult(self) -> float:
        """Factor of the weight decay for this parameter."""
        return self._wd_mult

    @wd_mult.setter
    def wd_mult(self, factor: float) -> None:
        self._wd_mult = factor
        advance_generation()

    @property
    def state(self) -> str:
        """Where it is in its life: ``"declared"``, ``"deferred"`` or ``"live"``.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight", shape=(2, 0)).state
        'declared'
        """
        if self._copies:
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
        unknown = unknown_axes(self._shape)
        return f"{unknown} until the first input" if unknown else self._source or "given"

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
        ctx : Context or list of Context, optional
            Where the parameter lives, with a copy on each of them; the current context if None.
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
        contexts = _contexts(ctx, f"Cannot initialize Parameter '{self.name}'")
        if default_init is None:
            default_init = Uniform()
        if init is None:
            init = default_init if self.init is None else self.init
        create(init)  # refuses an unknown name now, not at the first forward
        create(default_init)
        with lock:
            if self._copies and not force_reinit:
                warnings.warn(
                    f"Parameter '{self.name}' is already initialized, ignoring. "
                    "Set force_reinit=True to re-initialize.",
                    stacklevel=2,
                )
                return
            deferred = Deferred(init=init, default_init=default_init, data=None)
            if is_known(self._shape):
                self._make(deferred, contexts)
            elif self._allow_deferred_init:
                self._deferred_init = deferred
                self._contexts = contexts
            else:
                raise ValueError(
                    f"Cannot initialize Parameter '{self.name}' because it has invalid shape: "
                    f"{self.shape}."
                )

    def settle(self, shape: Shape, source: str) -> None:
        """Fill in unknown axes, and note where their sizes came from.

        Parameters
        ----------
        shape : tuple of int
            The whole shape, which must agree with the axes that are known.
        source : str
            Where it came from, for :attr:`why`. The first note stays while the shape does.

        Raises
        ------
        ParameterShapeError
            If the shape does not fit.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0))
        >>> weight.settle((2, 3), "read from a plan of the network")
        >>> weight.shape, weight.why
        ((2, 3), 'read from a plan of the network')
        """
        if self._source is None or shape != self._shape:
            self.shape = shape
            self._source = source

    def finish_init(self) -> None:
        """Do what initialize() deferred; nothing if another thread did it already.

        Raises
        ------
        ParameterShapeError
            If a size is still unknown.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0), allow_deferred_init=True)
        >>> weight.initialize("ones")
        >>> weight.shape = (2, 1)
        >>> weight.finish_init()
        >>> weight.state
        'live'
        """
        with lock:
            if self._deferred_init is None:
                return
            if not is_known(self._shape):
                raise ParameterShapeError(
                    f"Cannot initialize Parameter '{self.name}' because it has invalid shape: "
                    f"{self.shape}. Please specify in_units, in_channels, etc for `Block`s."
                )
            self._make(self._deferred_init, self._contexts)

    _finish_deferred_init = finish_init  # MXNet's name

    def snapshot(self) -> Snapshot:
        """What finding its sizes and initializing it will change, for :meth:`restore`."""
        return Snapshot(
            shape=self._shape,
            source=self._source,
            copies=self._copies,
            deferred=self._deferred_init,
            used_init=self._used_init,
            contexts=self._contexts,
        )

    def restore(self, before: Snapshot) -> None:
        """Become again what it was when :meth:`snapshot` was called.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0))
        >>> before = weight.snapshot()
        >>> weight.shape = (2, 3)
        >>> weight.restore(before)
        >>> weight.why
        'axis 1 unknown until the first input'
        """
        with lock:
            self._shape, self._source = before.shape, before.source
            self._deferred_init, self._used_init = before.deferred, before.used_init
            self._contexts = before.contexts
            self._keep(before.copies)

    def _keep(self, copies: list[Tensor]) -> None:
        """Have these copies from now on."""
        self._copies = copies
        own = type(self).data is Parameter.data  # else layers ask a class of users for its values
        self.array = copies[0] if own and len(copies) == 1 else None
        advance_generation()

    def _make(self, deferred: Deferred, contexts: list[Context]) -> None:
        """Run the initializer. If it fails, the parameter stays as it was."""
        with autograd.pause(), trace.suspended():
            if deferred.data is not None:
                data = array_like(deferred.data, self._dtype)
            else:
                data = (np if is_np_array() else nd).zeros(self._shape, dtype=self._dtype)
                desc = InitDesc(self.name, {"__init__": deferred.init})
                create(deferred.default_init)(desc, data)
            if self._on_first_values:
                self._on_first_values(self, data)
            self._store(data, contexts)
        self._used_init = deferred.init

    def share_first_values(self, function: Callable[[Parameter, Tensor], None]) -> None:
        """Have a function change the first values, in place: now, or when the parameter gets them.

        Parameters
        ----------
        function : callable
            Called with the parameter and an array, whenever an initializer has run.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0), allow_deferred_init=True)
        >>> weight.initialize()
        >>> def fill(parameter, values):
        ...     values[:] = 7
        >>> weight.share_first_values(fill)
        >>> weight.shape = (2, 1)
        >>> weight.finish_init()
        >>> weight.data().asnumpy().ravel()
        array([7., 7.], dtype=float32)
        """
        with lock, autograd.pause():
            self._on_first_values = function
            if self._copies:
                values = self._copies[0].detach()
                function(self, values)
                for copy in self._copies[1:]:
                    copy[...] = values

    def _store(self, data: Tensor, contexts: list[Context]) -> None:
        """Become live with these values, in the arrays there are where that is possible."""
        fits_here = [copy.ctx for copy in self._copies] == contexts and all(
            type(copy) is type(data) and copy.shape == data.shape and copy.dtype == data.dtype
            for copy in self._copies
        )
        if fits_here:
            for copy in self._copies:
                copy[...] = data
            self.zero_grad()
        else:
            copies = [on_context(data, contexts[0])]
            copies += [data.copyto(ctx) for ctx in contexts[1:]]
            if self._grad_req != "null":
                for copy in copies:
                    copy.attach_grad(self._grad_req)
            self._keep(copies)
        self._contexts = contexts
        self._deferred_init = None

    def load_values(
        self,
        values: Any,
        ctx: Context | list[Context] | None = None,
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Become live with loaded values; the arguments are as for :meth:`check_values`."""
        self.check_values(values, ctx, cast_dtype, dtype_source)
        asked = self._contexts if ctx is None else _contexts(ctx, "")
        with lock, autograd.pause():
            if cast_dtype and dtype_source == "saved":
                self.cast(values.dtype)
            self._take_shape(tuple(values.shape), "loaded values")
            if not self._copies:
                self._store(array_like(values, self._dtype), asked or [current_context()])
            for copy in self._copies:
                copy[...] = values

    _load_init = load_values  # MXNet's name

    def check_values(
        self,
        values: Any,
        ctx: Context | list[Context] | None = None,
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Refuse loaded values that do not fit.

        Parameters
        ----------
        values : array
            The values.
        ctx : Context or list of Context, optional
            Where the parameter is to live; a live one stays where it is.
        cast_dtype : bool, default False
            Accept another data type.
        dtype_source : {"current", "saved"}
            When casting, whether the parameter's or the values' data type stays.

        Raises
        ------
        ArgumentError
            If the data type differs, or `dtype_source` is unknown.
        ParameterShapeError
            If the shape does not fit.
        ValueError
            If the parameter lives on other contexts than `ctx`.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2, 0))
        >>> weight.check_values(mx.nd.ones((2, 3)))
        """
        asked = _contexts(ctx, f"Failed to load Parameter '{self.name}'")
        if ctx is not None and self._copies and {*asked} != {*self.list_ctx()}:
            raise ArgumentError(
                f"Failed to load Parameter '{self.name}' on {asked} because it was previously "
                f"initialized on {self.list_ctx()}."
            )
        if dtype_source not in ("current", "saved"):
            raise ArgumentError(
                f"dtype_source must be 'current' or 'saved', but got '{dtype_source}'"
            )
        if not fits(tuple(values.shape), self._shape):
            raise ParameterShapeError(
                f"Failed loading Parameter '{self.name}' from saved params: shape incompatible "
                f"expected {self.shape} vs saved {tuple(values.shape)}"
            )
        if not cast_dtype and numpy.dtype(self._dtype) != numpy.dtype(values.dtype):
            raise ArgumentError(
                f"Failed loading Parameter '{self.name}' from saved params: dtype incompatible "
                f"expected {self._dtype} vs saved {values.dtype}. "
                "Set cast_dtype=True to cast the dtype of saved params."
            )

    def _take_shape(self, shape: Shape, source: str) -> None:
        if self._shape != shape:
            self.settle(shape, f"from {source} of shape {shape}")

    # ---- its values and gradient ---------------------------------------------------------------

    def data(self, ctx: Context | None = None) -> Tensor:
        """Return the array of values: the parameter's own, so writing to it changes the network.

        Parameters
        ----------
        ctx : Context, optional
            Which copy, where there are several; that of the current context if None.

        Raises
        ------
        DeferredInitializationError
            If a size is still unknown.
        RuntimeError
            If ``initialize()`` was not called, or not for `ctx`.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,), init="ones")
        >>> weight.initialize()
        >>> weight.data()[0] = 5
        >>> weight.data().asnumpy()
        array([5., 1.], dtype=float32)
        """
        data = self.array
        if data is None or ctx is not None:
            return self._look_up(ctx)
        return data

    def _look_up(self, ctx: Context | None) -> Tensor:
        with lock:  # another thread may be about to finish
            copies = self._copies
        if not copies:
            raise self._not_live()
        if ctx is None:
            if len(copies) == 1:
                return copies[0]
            ctx = current_context()
        for copy in copies:
            if copy.ctx == ctx:
                return copy
        raise MXNetError(
            f"Parameter '{self.name}' was not initialized on context {ctx}. "
            f"It was only initialized on {self.list_ctx()}."
        )

    def list_data(self) -> list[Tensor]:
        """Return the arrays of values: one for each context.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,), init="ones")
        >>> weight.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
        >>> [copy.ctx for copy in weight.list_data()]
        [cpu(0), cpu(1)]
        """
        with lock:
            copies = self._copies
        if not copies:
            raise self._not_live()
        return list(copies)

    def reduced(self) -> Tensor:
        """Return the values that all copies stand for: their mean, if they are not learnt.

        Examples
        --------
        >>> import microlazy as mx
        >>> mean = mx.gluon.Parameter("mean", shape=(1,), init="ones", differentiable=False)
        >>> mean.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
        >>> mean.data(mx.cpu(1))[:] = 2
        >>> mean.reduced().asnumpy()
        array([1.5], dtype=float32)
        """
        first, *rest = self.list_data()
        if not rest or self._grad_req != "null":
            return first
        with autograd.pause():
            total = first.copy()
            for copy in rest:
                total += copy
            return (total / (1 + len(rest))).astype(self._dtype)

    _reduce = reduced  # MXNet's name

    def grad(self, ctx: Context | None = None) -> Tensor:
        """Return the array of the gradient; zeros before the first backward pass.

        Parameters
        ----------
        ctx : Context, optional
            As for :meth:`data`.

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
        """Return the arrays of the gradient: one for each context."""
        return [self.grad(copy.ctx) for copy in self.list_data()]

    def list_ctx(self) -> list[Context]:
        """Return the contexts that it lives on, or refuse if ``initialize()`` was not called."""
        if self.state == "declared":
            raise self._not_live()
        return [copy.ctx for copy in self._copies] or list(self._contexts)

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
        for copy in self._copies:
            copy.zero_grad()

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
        with lock, autograd.pause():
            if not fits(shape, self._shape):
                raise ParameterShapeError(
                    f"Parameter '{self.name}': set_data() got values of shape {shape} but expected "
                    f"shape {self.shape}"
                )
            if self._copies:
                for copy in self._copies:
                    copy[...] = data
            elif self._deferred_init:
                values = numpy.array(to_numpy(data), dtype=self._dtype)
                self._deferred_init = Deferred(**vars(self._deferred_init) | {"data": values})
                self._take_shape(shape, "set_data() with values")
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
        with lock, autograd.pause(), trace.suspended():
            if any(copy.dtype != numpy.dtype(dtype) for copy in self._copies):
                self._keep([self._as_dtype(copy, dtype) for copy in self._copies])
            self._dtype = dtype

    def _as_dtype(self, old: Tensor, dtype: Any) -> Tensor:
        data = old.astype(dtype)
        if self._grad_req != "null":
            data.attach_grad(self._grad_req)
            if old.fresh_grad or self._grad_req == "add":
                data.grad[...] = old.grad
                data.fresh_grad = old.fresh_grad
        return data

    def reset_ctx(self, ctx: Context | list[Context] | None = None) -> None:
        """Live on other contexts from now on, with the same values and no gradient yet.

        Parameters
        ----------
        ctx : Context or list of Context, optional
            The new ones; the current context if None.

        Raises
        ------
        ValueError
            If ``initialize()`` was not called.

        Examples
        --------
        >>> import microlazy as mx
        >>> weight = mx.gluon.Parameter("weight", shape=(2,), init="ones")
        >>> weight.initialize()
        >>> weight.reset_ctx([mx.cpu(1), mx.cpu(2)])
        >>> weight.list_ctx()
        [cpu(1), cpu(2)]
        """
        contexts = _contexts(ctx, f"Cannot reset context for Parameter '{self.name}'")
        with lock, autograd.pause():
            if self.state == "declared":
                raise ValueError(
                    f"Cannot reset context for Parameter '{self.name}' because it has not been "
                    "initialized."
                )
            if self._copies:
                if contexts != self.list_ctx():
                    self._store(self.reduced().copy(), contexts)
            else:
                self._contexts = contexts

    # ---- in graphs -----------------------------------------------------------------------------

    def var(self) -> Symbol:
        """Return the variable that stands for the parameter in graphs, the same each time.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.gluon.Parameter("weight", shape=(2, 3)).var().attr("__shape__")
        '(2, 3)'
        """
        from ... import symbol  # seldom needed

        known = tuple(max(size, 0) for size in self._shape or ())
        made = symbol.var(
            self.name,
            shape=known if self._shape is not None else None,
            dtype=self._dtype,
            lr_mult=self._lr_mult,
            wd_mult=self._wd_mult,
            init=self.init if isinstance(self.init, str | Initializer) else None,
        )
        if self._var is None:
            self._var = made
        self._var._set_attr(**made.list_attr())
        return self._var.as_np_ndarray() if is_np_array() else self._var

    # ---- what there is not ---------------------------------------------------------------------

    def row_sparse_data(self, row_id: Any) -> None:
        """Refuse: there are no sparse arrays."""
        raise MXNetError(
            f"Cannot return a copy of Parameter {self.name} via row_sparse_data() because its "
            "storage type is default. Please use data() instead."
        )

    list_row_sparse_data = row_sparse_data

    # ---- why it is not live --------------------------------------------------------------------

    def adopt(self, tell_place: Callable[[Parameter], Place]) -> None:
        """Learn by which method its layer tells where it sits; a shared one keeps the first."""
        if self._tell_place is None or self._tell_place() is None:
            self._tell_place = WeakMethod(tell_place)

    def _place(self) -> Place | None:
        """Where it sits in a network; None for a free-standing parameter."""
        tell_place = self._tell_place and self._tell_place()
        return tell_place(self) if tell_place else None

    def _not_live(self) -> MXNetError:
        """The error for whoever asks for values."""
        unknown = unknown_axes(self._shape)
        deferred = self._deferred_init
        place = self._place()
        where = f" It is {place.path} of the layer {place.layer}." if place else ""
        if deferred is None:
            waits = f" Its shape is {self.shape}, {unknown}." if unknown else ""
            begin = f"Parameter '{self.name}' has not been initialized.{where}{waits}"
            if place and not place.listed:
                return MXNetError(
                    f"{begin} The layer's collect_params(), and so its initialize(), leaves it "
                    "out, because the layer did not make it: write self.params.get("
                    f"{self.name!r}, shape=...) for gluon.Parameter({self.name!r}, shape=...)"
                )
            return MXNetError(
                f"{begin} initialize() was not called on it: call net.initialize(), or "
                "initialize() on collect_params(), and create the Trainer with collect_params() "
                "instead of Block.params, because the latter leaves out the parameters of nested "
                "Blocks."
            )
        unreached = (
            " The network ran forward, but never reached this layer: use the layer in forward(), "
            "or remove it."
            if place and place.has_run
            else ""
        )
        waits = (
            f"its shape is {self.shape}, {unknown}"
            if unknown
            else f"its shape {self.shape} is known, but its layer has not run since"
        )
        own = (
            " If its own forward() asks for it, let the layer be a HybridBlock with a method "
            "infer_shape(self, x) that sets the parameter's shape."
            if unknown and place and place.is_own
            else ""
        )
        return DeferredInitializationError(
            f"Parameter '{self.name}' has not been initialized yet because initialization was "
            f"deferred: {waits}.{where} initialize() was called, with "
            f"{deferred.init!r}; the values come with the first forward pass.{unreached} Pass one "
            "batch of data through the network, or call net.dry_run(input_shape), before "
            "accessing it. To avoid deferred initialization, specify in_units, num_features, "
            f"etc., for network layers.{own}"
        )

    # ---- copies --------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What copy.deepcopy() and pickle keep: the values, not the gradient, layer or trainer."""
        with lock:
            state = vars(self) | {"_tell_place": None, "_on_first_values": None, "array": None}
        if self._copies:
            state["_copies"] = [copy.asnumpy() for copy in self._copies]
            state["_np"] = isinstance(self._copies[0], np.ndarray)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        face = np if state.pop("_np", False) else nd
        vars(self).update(state)
        copies = [
            face.array(values, dtype=self._dtype, ctx=ctx)
            for values, ctx in zip(self._copies, self._contexts, strict=False)
        ]
        if self._grad_req != "null":
            for copy in copies:
                copy.attach_grad(self._grad_req)
        self._keep(copies)
