"""HybridBlock: a block that can also run from a plan."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Never

from ... import ndarray as nd
from ..._late import is_symbol
from ...base import kind_of
from ...context import Context
from ...core.planning import call_block
from ...core.tensor import Tensor
from ...core.trace import is_tracing
from ..parameter import Parameter, ParameterDict
from ..parameter.parameter import lock
from .block import Block
from .first_call import remember
from .infer import infer_below, infer_from_use
from .running import BOOKS, NOTES, Running
from .tree import Tree, own_parameters, parameters_below, where

if TYPE_CHECKING:
    from ...core.cached_plan import CachedPlan
    from .plan_table import PlanTable


def without_namespace(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The `hybrid_forward` of a layer that needs no `F`: its `forward`, written once."""

    def hybrid_forward(self: HybridBlock, F: Any, *args: Any, **parameters: Any) -> Any:
        return forward(self, *args, **parameters)

    return hybrid_forward


class HybridBlock(Block):
    """A block that can also run from a plan, without Python, after `hybridize()`.

    A subclass computes in ``hybrid_forward(self, F, x, ..., **parameters)``, where `F` is
    `microlazy.nd` and the block's own parameters come as arrays, or in ``forward(self, x)``.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        When a child is added that is not hybrid.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> class Scale(gluon.HybridBlock):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.factor = self.params.get("factor", shape=(1,), init="ones")
    ...     def hybrid_forward(self, F, x, factor):
    ...         return F.broadcast_mul(x, factor)
    >>> scale = Scale()
    >>> scale.initialize()
    >>> print(scale(nd.array([1, 2])).asnumpy())
    [1. 2.]
    """

    _plan: CachedPlan | None = None

    def __init__(
        self, prefix: str | None = None, params: ParameterDict | None = None, **unknown: Never
    ) -> None:
        super().__init__(prefix, params, **unknown)
        self._active = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Our layers override forward(). A subclass with a hybrid_forward() wants that to run; the
        # forward() of a user's class stays, which comes to hybrid_forward() in the end.
        own = cls.__dict__
        is_ours = cls.forward.__module__.startswith("microlazy.")
        if "hybrid_forward" in own and "forward" not in own and is_ours:
            cls.forward = HybridBlock.forward  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_plan": None}

    def _changed(self) -> None:
        self._plan = None
        super()._changed()

    def register_child(self, block: Tree, name: str | None = None) -> None:
        """Make `block` a child; setting it as an attribute does the same.

        Parameters
        ----------
        block : HybridBlock
            The child.
        name : str or None
            Its name in paths; by default the number of children so far.

        Raises
        ------
        ValueError
            If `block` is a block but not hybrid.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.HybridBlock()
        >>> net.register_child(gluon.nn.Dense(3), "head")
        """
        if isinstance(block, Tree) and not isinstance(block, HybridBlock):
            raise ValueError(
                "Children of HybridBlock must also be HybridBlock, but "
                f"{block!r} has type {type(block)}. If you are using Sequential, please try "
                "HybridSequential instead."
            )
        super().register_child(block, name)

    def hybridize(
        self,
        active: bool = True,
        backend: None = None,
        clear: bool = True,
        static_alloc: bool = False,
        static_shape: bool = False,
        inline_limit: int = 2,
        forward_bulk_size: int | None = None,
        backward_bulk_size: int | None = None,
    ) -> None:
        """Run from a plan that is made in the first call of each shape, dtype and mode.

        Parameters
        ----------
        active : bool
            Whether to do so; False goes back to running eagerly.
        backend : None
            There are no other backends.
        clear, static_alloc, static_shape, inline_limit, forward_bulk_size, backward_bulk_size
            Accepted for the sake of MXNet's code.  A plan always keeps its memory and shapes,
            and each call of `hybridize` makes a new one.

        Warns
        -----
        UserWarning
            If the block has hooks; it then runs eagerly. And in its first call, once, if a plan
            cannot hold what `forward` does, as when it decides on values, keeps an array or another
            value in an attribute, or changes what an attribute holds: the block then runs eagerly,
            in this mode, and the blocks inside keep plans of their own. The warning names the line
            and the reason.

        Raises
        ------
        ValueError
            If a backend is named.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3)
        >>> layer.initialize()
        >>> layer.hybridize()
        >>> layer(nd.ones((2, 4))).shape
        (2, 3)
        """
        if backend is not None:
            raise ValueError(f"hybridize(backend={backend!r}): microlazy has no other backends")
        self._active = active
        self._changed()
        if active and (self._forward_hooks or self._forward_pre_hooks or self._op_hooks):
            warnings.warn(
                f'"{self!r}" is being hybridized while still having forward hook/pre-hook. '
                "It runs eagerly until they are detached.",
                stacklevel=2,
            )
        super().hybridize(active)

    __call__ = call_block

    def _call_otherwise(self, args: tuple[Any, ...]) -> Any:
        """Call it with symbols, with no array at the front, for the first time, or with hooks."""
        if args and is_symbol(args[0]):
            from .symbolic import symbols_of  # with all that symbols need

            return symbols_of(self, args)
        if self._only_forward:
            return self.forward(*args)
        plan = self._plan
        return self._call(args) if plan is None else plan(*args)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in NOTES:
            self._look_at_change(name, value)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._attribute_written()

    def _attribute_written(self) -> None:
        if self._plan is not None:
            self._plan.attribute_written()
        super()._attribute_written()

    def _run(self, args: tuple[Any, ...]) -> Any:
        kind = type(self)
        if (
            self._reg_params
            and kind.infer_shape is not HybridBlock.infer_shape
            and kind.hybrid_forward is HybridBlock.hybrid_forward
        ):
            self._finish(args)  # its own forward() will read the values
        if not self._active or is_tracing() or self._is_hooked():
            return super()._run(args)
        plan = self._plan = self._new_plan()
        try:
            return plan(*args)  # not self(): a class may take other arguments there
        except BaseException:
            self._plan = None
            raise

    def _new_plan(self) -> CachedPlan:
        from ...core.cached_plan import CachedPlan  # with much else, when a plan is made

        return CachedPlan(_Source(self))

    def _tell_refusal(self, error: Exception) -> None:
        from .refusal import tell_refusal  # seldom needed

        tell_refusal(error, self)

    def _may_only_forward(self) -> bool:
        return not self._active and super()._may_only_forward()

    def forward(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the output by `hybrid_forward`, unless a subclass overrides `forward`.

        Parameters
        ----------
        x : Tensor
            The first input.
        *args : Tensor
            Further inputs.
        **kwargs
            Inputs of `hybrid_forward` by name.

        Returns
        -------
        Tensor or nested list of Tensor
            The outputs.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> class Twice(gluon.HybridBlock):
        ...     def forward(self, x):
        ...         return x * 2
        >>> print(Twice()(nd.array([1, 2])).asnumpy())
        [2. 4.]
        """
        if not self._reg_params:
            return self.hybrid_forward(nd, x, *args, **kwargs)
        live = self._live(x, *args)
        try:
            return self.hybrid_forward(nd, x, *args, **kwargs, **live)
        except TypeError as error:
            method = type(self).hybrid_forward.__qualname__
            if str(error).startswith(f"{method}() got an unexpected keyword argument"):
                names = ", ".join(live)
                raise TypeError(
                    f"{error}; it is given the block's own parameters by name, as in "
                    f"hybrid_forward(self, F, x, {names})"
                ) from None
            raise

    def hybrid_forward(self, F: Any, x: Any, *args: Any, **parameters: Any) -> Any:
        """Compute the output with the functions of `F`; a subclass overrides this or `forward`.

        Parameters
        ----------
        F : module
            `microlazy.nd`, which has `F.np` and `F.npx` too.
        x : Tensor
            The first input.
        *args : Tensor
            Further inputs.
        **parameters : Tensor
            The block's own parameters by attribute name.

        Returns
        -------
        Tensor or nested list of Tensor
            The outputs.

        Raises
        ------
        NotImplementedError
            If neither is overridden.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> class Squash(gluon.HybridBlock):
        ...     def hybrid_forward(self, F, x):
        ...         return F.tanh(x)
        >>> print(Squash()(nd.array([0])).asnumpy())
        [0.]
        """
        raise NotImplementedError(
            f"{type(self).__name__} defines neither hybrid_forward() nor forward()"
        )

    def _live(self, *args: Any) -> dict[str, Tensor]:
        """The arrays of the block's own parameters, made now where that was deferred."""
        for p in self._reg_params.values():
            if p.array is None:
                self._finish(args)
                return {name: p.data(_context_of(p, args)) for name, p in self._reg_params.items()}
        return {name: p.data() for name, p in self._reg_params.items()}

    def _finish(self, args: tuple[Any, ...]) -> None:
        """Find the sizes of the block's own parameters and initialize them, once."""
        with lock:
            waiting = [p for p in own_parameters(self) if p.state == "deferred"]
            if not waiting:
                return
            remember(waiting)
            need_array(self, args[0])
            if type(self).infer_shape is HybridBlock.infer_shape:
                infer_from_use(self, args)  # the blocks inside find theirs when they are called
            else:
                self.infer_shape(*args)
            for p in waiting:
                p.finish_init()

    def plan(self, *args: Any) -> PlanTable:
        """Tell what a call with these arguments does when it runs from a plan.

        Nothing is computed. The block need not be hybridized; parameters that wait for their sizes
        are initialized, as by a call. Under `autograd.record()` it is the plan of training.

        Parameters
        ----------
        *args : Tensor
            As in a call.

        Returns
        -------
        PlanTable
            Prints as a table: each op with its inputs, the result's shape, the buffer that it is
            in, and the last step that needs it. Its `steps` and `buffers` hold the same.

        Raises
        ------
        AbstractValueError
            If there can be no plan; a call would run eagerly.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> net = nn.HybridLambda(lambda F, x: F.tanh(F.exp(x) + 1) * 2)
        >>> table = net.plan(nd.ones((2, 3)))
        >>> [(step.op, step.buffer) for step in table.steps]
        [('exp', 0), ('add', 1), ('tanh', 0), ('multiply', 2)]
        >>> table.buffers
        [24, 24, 24]
        """
        found = (self._plan or self._new_plan()).steps(*args)
        from .plan_table import PlanTable  # seldom needed

        return PlanTable(found, {path: p for path, _, p in parameters_below(self)})

    def infer_shape(self, *args: Any) -> None:
        """Find the unknown sizes of the block's parameters, and of those below, from its inputs.

        This base method finds out by how `hybrid_forward` uses them: as weights of dense layers
        and convolutions, in dot and matmul, in BatchNorm, LayerNorm, InstanceNorm and GroupNorm,
        in Embedding and RNN, and beside an array in arithmetic, whose shape they have; through
        functions of each element too.  A block that needs another rule, or computes in `forward`,
        overrides it and sets ``parameter.shape``.  Parameters below get theirs from a run on
        shapes.  None is initialized.

        Parameters
        ----------
        *args : Tensor
            The inputs, abstract or not; only shapes and dtypes are looked at.

        Raises
        ------
        ShapeError
            If a size cannot be found.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3)
        >>> layer.infer_shape(nd.ones((2, 5)))
        >>> layer.weight.shape
        (3, 5)
        >>> net = nn.HybridSequential()
        >>> net.add(nn.Dense(3), nn.Dense(2))
        >>> net.infer_shape(nd.ones((2, 5)))
        >>> net[1].weight.shape
        (2, 3)
        """
        if is_tracing() or not self._children:
            infer_from_use(self, args)
        else:
            infer_below(self, args)

    def export(self, path: str, epoch: int = 0, remove_amp_cast: bool = True) -> tuple[str, str]:
        """Write the graph and the parameters to files that MXNet 1.9 reads too.

        Parameters
        ----------
        path : str
            The files are ``path-symbol.json`` and ``path-0000.params``.
        epoch : int
            The number in the name of the second.
        remove_amp_cast : bool
            Whether to leave out casts of mixed precision.

        Returns
        -------
        tuple of str
            The names of both files.

        Raises
        ------
        MXNetError
            If a parameter has no values yet, or some `forward()` computes with functions that do
            not take symbols; nothing is written then.

        Notes
        -----
        The inputs are called ``data``, or ``data0``, ``data1`` and so on if there are several:
        those that forward needs. MXNet wants a hybridized network that has run; here any live one
        will do.

        Examples
        --------
        >>> import os, tempfile
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3, in_units=4)
        >>> layer.initialize()
        >>> files = layer.export(os.path.join(tempfile.mkdtemp(), "dense"))
        >>> [os.path.basename(name) for name in files]
        ['dense-symbol.json', 'dense-0000.params']
        """
        from .symbolic import graph_of

        _, outputs = graph_of(self)
        parameters = self.collect_params()
        auxiliary = set(outputs.list_auxiliary_states())
        arrays = {
            f"{'aux' if name in auxiliary else 'arg'}:{name}": parameters[name].reduced()
            for name in outputs.list_inputs()
            if name in parameters
        }
        files = f"{path}-symbol.json", f"{path}-{epoch:04d}.params"
        nd.save(files[1], arrays)
        outputs.save(files[0], remove_amp_cast)
        return files

    def export_onnx(
        self,
        path: str | os.PathLike[str],
        *shapes: Any,
        dtypes: Any = "float32",
        dynamic_batch: bool = True,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write the network to an ONNX file, as it predicts: without dropout, with running means.

        Parameters
        ----------
        path : path
            The file, which is replaced as a whole.
        *shapes : tuple of int, str or None
            The shape of each input, in lists where inputs are nested. None, or a name, stands for a
            size that may be any; sizes of one name are the same.
        dtypes : dtype or list of dtypes
            Of the inputs.
        dynamic_batch : bool
            Whether the first axis of each input may have any size, where shapes are numbers alone.
        metadata : dict of str to str, optional
            Kept in the file; ``model_version``, a number, as its version.

        Returns
        -------
        str
            The file.

        Raises
        ------
        MXNetError
            If a parameter is not initialized, a `forward()` does not take symbols, or ONNX has
            nothing for an operator: the message names it. Nothing is written then.

        Notes
        -----
        Deferred parameters find their sizes in a dry run, if all sizes of the inputs are numbers.

        Examples
        --------
        >>> import os, tempfile
        >>> import microlazy as mx
        >>> layer = mx.gluon.nn.Dense(3)
        >>> layer.initialize()
        >>> path = layer.export_onnx(os.path.join(tempfile.mkdtemp(), "dense.onnx"), (1, 4))
        >>> mx.onnx.load(path)(mx.nd.ones((2, 4))).shape
        (2, 3)
        """
        exporting = import_module("microlazy.onnx.exporting")
        return exporting.export_block(self, path, shapes, dtypes, dynamic_batch, metadata)


class _Source:
    """What a plan asks of its block, by a proxy: a network that nobody holds is freed at once."""

    def __init__(self, block: HybridBlock) -> None:
        self._block: Any = weakref.proxy(block)

    def forward(self, *args: Any) -> Any:
        self._block._has_run = True
        return self._block.forward(*args)

    def call(self, args: tuple[Any, ...]) -> Any:
        return self._block._call(args)

    def attributes(self) -> list[Any]:
        return attributes_below(self._block)

    def refused(self, error: Exception) -> None:
        self._block._tell_refusal(error)

    def arrays(self) -> list[Tensor]:
        return arrays_below(self._block)


def attributes_below(block: Block) -> list[Any]:
    """What plans may have been made with: the attributes of a block and those below."""
    blocks: list[Any] = []
    block._gather(blocks)
    told = NOTES | BOOKS
    return [v for each in blocks for name, v in vars(each).items() if name not in told]


def arrays_below(block: Block) -> list[Tensor]:
    """The arrays of all live parameters of a network, on all contexts."""
    parameters = block.collect_params().values()
    return [copy for p in parameters if p.state == "live" for copy in p.list_data()]


def is_hybridized(block: Any) -> bool:
    """Whether `hybridize()` was called on a block, and not undone."""
    return isinstance(block, HybridBlock) and block._active


def is_plannable(block: Any) -> bool:
    """Whether a block can run from a plan: it is hybrid, and neither it nor one below has hooks."""
    return isinstance(block, HybridBlock) and not block._is_hooked()


def _context_of(parameter: Parameter, args: tuple[Any, ...]) -> Context | None:
    """Which copy of a parameter a call takes: as in MXNet, that of the first input's context."""
    return args[0].context if parameter.array is None and isinstance(args[0], Tensor) else None


# What `__call__` may be while a block's `_only_forward` says what calling it is.
_plain_calls: set[Callable[..., Any]] = {Block.__call__, HybridBlock.__call__}


def plain_call(call: Callable[..., Any]) -> Callable[..., Any]:
    """Note of a class's `__call__` that for arrays it does what `Block.__call__` does."""
    _plain_calls.add(call)
    return call


def is_only_forward(block: Block) -> bool:
    """Whether calling the block is nothing but calling its `forward`."""
    return block._only_forward and type(block).__call__ in _plain_calls


def only_forwards_in_trace(block: Block) -> bool:
    """Whether a trace is going on here, in which calling the block is calling its `forward`."""
    return is_tracing() and Running._may_only_forward(block)


def need_array(block: Tree, x: Any) -> None:
    """Refuse an input that is no array of ours."""
    if x is None:
        raise ValueError(
            f"{where(block)} takes an array of microlazy, but got None: does forward() of the "
            "layer before it return its result?"
        )
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{where(block)} takes an array of microlazy, but got {kind_of(x)}: make one with "
            "nd.array() or np.array()"
        )
