"""Modules in a row, in lists and in dictionaries."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import groupby
from typing import Any, Self

from ....autograd import set_recording
from ....gluon.block.tree import Tree
from .._modes import mode
from .._tensor import Tensor, wrap
from .layer import Layer
from .module import Module


def _need_module(module: Any) -> None:
    if not isinstance(module, Tree):
        kind = type(module)
        raise TypeError(
            f"{f'{kind.__module__}.' if kind.__module__ != 'builtins' else ''}{kind.__qualname__} "
            "is not a Module subclass"
        )


class _Listed(Module):
    """What `Sequential` and `ModuleList` share: modules by their place."""

    _is_container = True

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._children.values()))

    def __getitem__(self, place: int | slice) -> Any:
        modules = list(self._children.items())
        if isinstance(place, slice):
            return self._of(modules[place])
        if not -len(modules) <= place < len(modules):
            raise IndexError(f"index {place} is out of range")
        return modules[place][1]

    def _of(self, modules: list[tuple[str, Any]]) -> Any:
        raise NotImplementedError

    def __setitem__(self, place: int, module: Any) -> None:
        setattr(self, list(self._children)[place], module)

    def __delitem__(self, place: int) -> None:
        modules = list(self._children.values())
        del modules[place]
        self._refill(modules)

    def _refill(self, modules: list[Any]) -> None:
        for name in list(self._children):
            delattr(self, name)
        self.extend(modules)

    def append(self, module: Any) -> Self:
        """Put a module behind the last.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> len(nn.Sequential().append(nn.ReLU()))
        1
        """
        _need_module(module)
        self.add_module(str(len(self._children)), module)
        return self

    def extend(self, modules: Iterable[Any]) -> Self:
        """Put modules behind the last."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, place: int, module: Any) -> Self:
        """Put a module before the one at a place."""
        modules = list(self._children.values())
        modules.insert(place, module)
        self._refill(modules)
        return self


class Sequential(_Listed):
    """Modules that run one after the other.

    Parameters
    ----------
    *modules : Module, gluon.Block or OrderedDict
        The modules, or one dictionary of names and modules.

    Raises
    ------
    TypeError
        If something is no module.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> net = nn.Sequential(nn.LazyLinear(256), nn.ReLU(), nn.LazyLinear(10))
    >>> _ = net(torch.rand(2, 20))
    >>> net
    Sequential(
      (0): Linear(in_features=20, out_features=256, bias=True)
      (1): ReLU()
      (2): Linear(in_features=256, out_features=10, bias=True)
    )
    """

    # What the layers do over arrays, where all of them are nothing else.
    _steps: list[Callable[[Any], Any]] | None = None
    _last_op = ""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                _need_module(module)
                self.add_module(name, module)
        else:
            self.extend(modules)

    def _of(self, modules: list[tuple[str, Any]]) -> Sequential:
        return Sequential(OrderedDict(modules))

    def _changed(self) -> None:
        object.__setattr__(self, "_steps", None)
        super()._changed()

    def forward(self, input: Any) -> Any:
        steps = self._steps
        if steps is None or not isinstance(input, Tensor):
            return self._run_modules(input)
        before = set_recording(mode.enabled)
        try:
            x = input._array
            for step in steps:
                x = step(x)
        finally:
            set_recording(before)
        return wrap(x, self._last_op)

    def _run_modules(self, x: Any) -> Any:
        modules = list(self._children.values())
        for module in modules:
            x = module(x)
        if modules and all(map(_only_computes, modules)):
            object.__setattr__(self, "_steps", _steps_of(modules))
            object.__setattr__(self, "_last_op", modules[-1]._op)
        return x

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_steps": None}


def _steps_of(layers: list[Layer]) -> list[Callable[[Any], Any]]:
    """What layers compute, two in one step where that is possible."""
    steps: list[Any] = []
    place = 0
    while place < len(layers):
        layer = layers[place]
        both = layer._step(layers[place + 1]) if place + 1 < len(layers) else None
        steps.append(both or layer._step())
        place += 2 if both else 1
    return steps


def _only_computes(module: Any) -> bool:
    """Whether calling a module is nothing but `_compute`."""
    return (
        isinstance(module, Layer)
        and module._only_forward
        and (type(module).forward is Layer.forward and type(module).__call__ is Module.__call__)
    )


class ModuleList(_Listed):
    """Modules in a list, whose parameters are those of the module that holds it.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    >>> len(layers), [name for name, _ in layers.named_parameters()]
    (2, ['0.weight', '0.bias'])
    """

    def __init__(self, modules: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _of(self, modules: list[tuple[str, Any]]) -> ModuleList:
        return ModuleList(module for _, module in modules)

    def __repr__(self) -> str:
        if not self._children:
            return "ModuleList()"
        lines, place = [], 0
        for text, equal in groupby(map(repr, self)):
            count = len(list(equal))
            shown = text.replace("\n", "\n  ")
            lines.append(
                f"({place}): {shown}"
                if count == 1
                else f"({place}-{place + count - 1}): {count} x {shown}"
            )
            place += count
        return "ModuleList(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """Modules by name, whose parameters are those of the module that holds it.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> parts = nn.ModuleDict({"body": nn.Linear(2, 2)})
    >>> "body" in parts, len(parts)
    (True, 1)
    """

    def __init__(self, modules: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__()
        self.update(modules)

    def update(self, modules: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Have more modules by name."""
        for name, module in dict(modules).items():
            self[name] = module

    def __setitem__(self, name: str, module: Any) -> None:
        _need_module(module)
        self.add_module(name, module)

    def __getitem__(self, name: str) -> Any:
        return self._children[name]

    def __delitem__(self, name: str) -> None:
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[str]:
        return iter(self._children)

    def __contains__(self, name: str) -> bool:
        return name in self._children

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._children.keys()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return self._children.values()

    def items(self) -> ItemsView[str, Any]:
        """The names and modules."""
        return self._children.items()
