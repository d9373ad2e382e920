"""Containers: layers that run one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ..block import Block, HybridBlock
from ..block.hybrid import is_only_forward
from ..block.tree import has_run

__all__ = ["HybridSequential", "Sequential"]


class _Stack(Block):
    """What the two containers share: layers that run one after the other."""

    _is_container = True

    # The children as plain functions, once all have run; looked up again when one changes.
    _steps: tuple[Callable[[Any], Any], ...] = ()

    def add(self, *blocks: Block) -> None:
        """Put layers on top.

        Parameters
        ----------
        *blocks : Block
            The layers, in order.

        Raises
        ------
        TypeError
            If one is not a block.
        ValueError
            If one is not hybrid and this is a `HybridSequential`.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4), nn.Dense(2))
        >>> len(net)
        2
        """
        for block in blocks:
            self.register_child(block)

    def forward(self, x: Any) -> Any:
        for step in self._steps or self._find_steps():
            x = step(x)
        return x

    def _find_steps(self) -> tuple[Callable[[Any], Any], ...]:
        children = tuple(self._children.values())
        if not all(has_run(child) for child in children):
            return children
        self._steps = tuple(
            child.forward if is_only_forward(child) else child for child in children
        )
        return self._steps

    def _changed(self) -> None:
        self._steps = ()
        super()._changed()

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_steps": ()}

    def __repr__(self) -> str:
        return self._show(iter(self._children.items()))

    def __getitem__(self, key: int | slice) -> Any:
        layers = list(self._children.values())[key]
        if not isinstance(layers, list):
            return layers
        part = type(self)(prefix=self._prefix)
        part.add(*layers)
        return part

    def __iter__(self) -> Iterator[Block]:
        return iter(self._children.values())

    def __len__(self) -> int:
        return len(self._children)


class Sequential(_Stack):
    """Layers that run one after the other.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Notes
    -----
    A layer is looked up by its number, several by a slice, which makes a container of the same
    layers.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.nn import Dense
    >>> net = Sequential()
    >>> net.add(Dense(256, activation="relu"), Dense(10))
    >>> net.initialize()
    >>> net(nd.ones((2, 20))).shape
    (2, 10)
    >>> net[1]
    Dense(256 -> 10, linear)
    """

    def hybridize(self, active: bool = True, **options: Any) -> None:
        """Hybridize the children; the container itself always runs eagerly.

        Parameters
        ----------
        active : bool
            Whether the hybrid blocks below run from a plan.
        **options
            As in `HybridBlock.hybridize`.

        Warns
        -----
        UserWarning
            If a `HybridSequential` would do, which runs as one.

        Examples
        --------
        >>> from microlazy.gluon.nn import Dense, Lambda
        >>> net = Sequential()
        >>> net.add(Lambda("relu"), Dense(3))
        >>> net.hybridize()
        """
        if self._children and all(isinstance(child, HybridBlock) for child in self):
            warnings.warn(
                f"All children of this Sequential layer '{self.prefix}' are HybridBlocks. "
                "Consider using HybridSequential for the best performance.",
                stacklevel=2,
            )
        super().hybridize(active, **options)


class HybridSequential(_Stack, HybridBlock):
    """Hybrid layers that run one after the other, from one plan after `hybridize()`.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.nn import Dense
    >>> net = HybridSequential()
    >>> net.add(Dense(256, activation="relu"), Dense(10))
    >>> net.initialize()
    >>> net.hybridize()
    >>> net(nd.ones((2, 20))).shape
    (2, 10)
    """

    forward = _Stack.forward

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        for child in self._children.values():
            x = child(x)
        return x
