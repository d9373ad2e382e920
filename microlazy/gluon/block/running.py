"""Calling a block: hooks before and after its forward, and a first call that may fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never

from ...core.calls import same
from ...core.planning import AttributeChange, is_building
from ..parameter import ParameterDict
from .first_call import undone_on_error
from .tree import Tree, children_of, refuse_keywords

if TYPE_CHECKING:
    from ..utils import HookHandle
    from .op_hooks import OpCallback, OpHook

# Attributes that a block notes about itself while it runs.
NOTES = frozenset(("_plan", "_active", "_has_run", "_only_forward", "_steps"))
# Those that no plan is made with: what changes in them is told by `_changed()`.
BOOKS = frozenset(
    ("_children", "_reg_params", "_parents", "_refusals")
    + ("_forward_hooks", "_forward_pre_hooks", "_op_hooks")
)


class Running(Tree):
    """What happens when a block is called."""

    # True while calling the block is nothing but calling `forward`.
    _only_forward = False

    def __init__(
        self, prefix: str | None = None, params: ParameterDict | None = None, **unknown: Never
    ) -> None:
        if unknown:
            refuse_keywords(type(self), unknown)
        super().__init__(prefix, params)
        self._forward_hooks: dict[int, Callable[..., None]] = {}
        self._forward_pre_hooks: dict[int, Callable[..., None]] = {}
        self._op_hooks: dict[int, OpHook] = {}

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_only_forward": False}

    def _changed(self) -> None:
        self._only_forward = False
        super()._changed()

    def _look_at_change(self, name: str, value: Any) -> None:
        """Tell plans that were made with another value of an attribute."""
        attributes = self.__dict__
        if name in attributes and same(attributes[name], value):
            return
        if not (attributes.get("_parents") or attributes.get("_has_run")):
            return
        if is_building():
            raise AttributeChange(
                f"forward() changes the attribute {name!r}, which a plan would not do again"
            )
        self._attribute_written()

    def register_forward_pre_hook(self, hook: Callable[[Any, tuple], None]) -> HookHandle:
        """Have ``hook(block, inputs)`` called before each forward.

        Parameters
        ----------
        hook : callable
            Gets the block and the tuple of its inputs; what it returns is ignored.

        Returns
        -------
        HookHandle
            Whose `detach()` removes the hook.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> layer = gluon.nn.Flatten()
        >>> handle = layer.register_forward_pre_hook(lambda block, inputs: print(len(inputs)))
        >>> _ = layer(nd.ones((2, 3)))
        1
        """
        from ..utils import HookHandle  # seldom needed

        return HookHandle(self._forward_pre_hooks, hook, self._changed)

    def register_forward_hook(self, hook: Callable[[Any, tuple, Any], None]) -> HookHandle:
        """Have ``hook(block, inputs, outputs)`` called after each forward.

        Parameters
        ----------
        hook : callable
            Gets the block, the tuple of its inputs and its output; what it returns is ignored.

        Returns
        -------
        HookHandle
            Whose `detach()` removes the hook.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> layer = gluon.nn.Flatten()
        >>> handle = layer.register_forward_hook(lambda block, inputs, out: print(out.shape))
        >>> _ = layer(nd.ones((2, 3, 4)))
        (2, 12)
        """
        from ..utils import HookHandle  # seldom needed

        return HookHandle(self._forward_hooks, hook, self._changed)

    def register_op_hook(self, callback: OpCallback, monitor_all: bool = False) -> OpHook:
        """Have ``callback(name, op, array)`` called for each op of this block and those below.

        Parameters
        ----------
        callback : callable
            Gets a name such as ``'dense0_relu0_output'``: the prefix of the innermost block, the
            op, its number in this call of the block; then the name of the op, and the array,
            outside of the tape. MXNet gives bytes and a handle instead.
        monitor_all : bool
            Call it for the inputs of each op first, ``'dense0_relu0_input0'`` and so on.

        Returns
        -------
        OpHook
            Whose `detach()` removes the hook. MXNet returns None.

        Notes
        -----
        A block with hooks runs eagerly, hybridized or not; MXNet calls them in hybridized blocks
        only. A dry run has no values to show. Ops are those that `mx.profiler` sees.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> layer = nn.Activation("tanh", prefix="act_")
        >>> hook = layer.register_op_hook(lambda name, op, array: print(name, op, array.shape))
        >>> _ = layer(nd.ones((2, 3)))
        act_tanh0_output tanh (2, 3)
        """
        from .op_hooks import OpHook  # seldom needed

        if not callable(callback):
            raise TypeError(f"register_op_hook: callback must be callable, not {callback!r}")
        blocks: list[Running] = []
        self._gather(blocks)
        return OpHook(blocks, callback, monitor_all)

    def _gather(self, blocks: list[Running]) -> None:
        """Put this block and those below into a list, each once."""
        if not any(block is self for block in blocks):
            blocks.append(self)
            for child in children_of(self).values():
                child._gather(blocks)

    def hybridize(self, active: bool = True, *args: Any, **options: Any) -> None:
        """Pass on to the children; a plain Block itself always runs eagerly.

        Parameters
        ----------
        active : bool
            Whether the hybrid blocks below run from a plan.
        **options
            As in `HybridBlock.hybridize`.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.Block()
        >>> net.head = gluon.nn.Dense(3)
        >>> net.hybridize()
        """
        for child in self._children.values():
            child.hybridize(active, **options)

    def __call__(self, *args: Any) -> Any:
        if self._only_forward:
            return self.forward(*args)
        return self._call(args)

    def _call(self, args: tuple[Any, ...]) -> Any:
        """Call a block that runs for the first time, or has hooks."""
        children_of(self)  # refuses a block whose __init__ did not call super().__init__()
        return undone_on_error(self._run, args)

    def _run(self, args: tuple[Any, ...]) -> Any:
        for hook in list(self._forward_pre_hooks.values()):
            hook(self, args)
        out = self._watched(args) if self._op_hooks else self.forward(*args)
        for hook in list(self._forward_hooks.values()):
            hook(self, args, out)
        self._has_run = True
        self._only_forward = self._may_only_forward()
        return out

    def _watched(self, args: tuple[Any, ...]) -> Any:
        from .op_hooks import watched_forward  # seldom needed

        return watched_forward(self, args)

    def _may_only_forward(self) -> bool:
        hooks = self._forward_hooks or self._forward_pre_hooks or self._op_hooks
        return not hooks and "forward" not in self.__dict__

    def _is_hooked(self) -> bool:
        """Whether this block or any below has hooks."""
        return bool(self._forward_hooks or self._forward_pre_hooks or self._op_hooks) or any(
            child._is_hooked() for child in self._children.values()
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass overrides this.

        Parameters
        ----------
        *args : Tensor
            The inputs.
        **kwargs
            So that type checkers accept any inputs of a subclass.

        Returns
        -------
        Tensor or nested list of Tensor
            The outputs.

        Raises
        ------
        NotImplementedError
            If it is not overridden.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> class Twice(gluon.Block):
        ...     def forward(self, x):
        ...         return x * 2
        >>> print(Twice()(nd.array([1, 2])).asnumpy())
        [2. 4.]
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")
