"""Calling a block: hooks before and after its forward, and a first call that may fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..parameter import ParameterDict
from ..utils import HookHandle
from .first_call import undone_on_error
from .tree import Tree, children_of


class Running(Tree):
    """What happens when a block is called."""

    # True while calling the block is nothing but calling `forward`.
    _only_forward = False

    def __init__(self, prefix: str | None = None, params: ParameterDict | None = None) -> None:
        super().__init__(prefix, params)
        self._forward_hooks: dict[int, Callable[..., None]] = {}
        self._forward_pre_hooks: dict[int, Callable[..., None]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_only_forward": False}

    def _changed(self) -> None:
        self._only_forward = False
        super()._changed()

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
        return HookHandle(self._forward_hooks, hook, self._changed)

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
        out = self.forward(*args)
        for hook in list(self._forward_hooks.values()):
            hook(self, args, out)
        self._has_run = True
        self._only_forward = self._may_only_forward()
        return out

    def _may_only_forward(self) -> bool:
        hooks = self._forward_hooks or self._forward_pre_hooks
        return not hooks and "forward" not in self.__dict__

    def _is_hooked(self) -> bool:
        """Whether this block or any below has hooks."""
        return bool(self._forward_hooks or self._forward_pre_hooks) or any(
            child._is_hooked() for child in self._children.values()
        )

    def forward(self, *args: Any) -> Any:
        """Compute the output; every subclass overrides this.

        Parameters
        ----------
        *args : Tensor
            The inputs.

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
