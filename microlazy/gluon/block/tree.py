"""The tree of a network: blocks, their children and parameters, and where each sits."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from inspect import signature
from typing import Any, ClassVar, NoReturn, Self

from ...initializer import ArgumentError
from ..parameter import Parameter, ParameterDict
from ..parameter.parameter import Place
from .naming import new_scope


@lru_cache(256)
def _keywords_of(init: Callable[..., None]) -> frozenset[str] | None:
    """The keywords that an `__init__` takes; None if it hands others on."""
    parameters = signature(init).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY)


def refuse_keywords(cls: type[Tree], given: Iterable[str]) -> NoReturn:
    """Say which keyword a class does not take, and the nearest that it does."""
    from difflib import get_close_matches  # seldom needed

    known = {
        name: None
        for base in cls.__mro__
        if "__init__" in vars(base) and issubclass(base, Tree)
        for name, p in list(signature(base.__init__).parameters.items())[1:]
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    name = next(iter(given))
    nearest = get_close_matches(name, known, 1)
    if name in cls._keyword_hints:
        hint = f"write {cls._keyword_hints[name]}"
    elif nearest:
        hint = f"the nearest is {nearest[0]!r}"
    else:
        hint = f"it takes {', '.join(known)}"
    raise TypeError(f"{cls.__name__}() got an unexpected keyword argument {name!r}; {hint}")


def show(whole: object, parts: Iterable[tuple[str, object]]) -> str:
    """Something with its parts, a line or more for each."""
    from ..utils import _indent  # seldom needed

    lines = "\n".join(f"  ({name}): {_indent(repr(part), 2)}" for name, part in parts)
    return f"{type(whole).__name__}(\n{lines}\n)"


class _MadeByInit:
    """Stands for what `__init__` of a block makes, until it has run."""

    def __get__(self, block: Any, cls: type) -> Any:
        raise AttributeError(f"{cls.__name__}.__init__ must call super().__init__() first")


class Tree:
    """What holds a network together: parameters and child blocks, as plain attributes."""

    collect_params: Callable[..., ParameterDict]

    # Whether it only holds layers and computes nothing itself.
    _is_container = False

    # What to write instead of keywords that another framework has.
    _keyword_hints: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if kwargs:
            taken = _keywords_of(cls.__init__)
            unknown = [name for name in kwargs if name not in taken] if taken is not None else []
            if unknown:
                refuse_keywords(cls, unknown)
        return super().__new__(cls)

    def __init__(self, prefix: str | None = None, params: ParameterDict | None = None) -> None:
        if isinstance(prefix, Tree) and self._is_container:
            raise TypeError(
                f"{type(self).__name__}() takes no layers, given {layer_text(prefix)}: make it "
                "empty and give it layers by add()"
            )
        if not isinstance(prefix, str | None):
            raise TypeError(f"{type(self).__name__}: prefix must be a string, given {prefix!r}")
        if not isinstance(params, ParameterDict | None):
            raise TypeError(
                f"{type(self).__name__}: params must be a ParameterDict, such as layer.params, "
                f"given {type(params).__name__}"
            )
        self._use_dict(dict(self.__dict__))
        self._scope = new_scope(prefix, params, self._alias())
        self._prefix, self._params = self._scope.prefix, self._scope.params
        self._name = self._prefix.removesuffix("_")
        self._children: dict[str, Any] = {}
        self._reg_params: dict[str, Parameter] = {}
        self._parents: list[weakref.ref[Tree]] = []
        self._has_run = False
        self._refusals: set[str] = set()

    def __repr__(self) -> str:
        return self._show(
            (name, value) for name, value in self.__dict__.items() if isinstance(value, Tree)
        )

    def _show(self, children: Iterable[tuple[str, Tree]]) -> str:
        return show(self, children)

    def __setattr__(self, name: str, value: Any) -> None:
        existing = self.__dict__.get(name)
        if isinstance(existing, Parameter | Tree) and not isinstance(value, type(existing)):
            hint = " Write set_data() to change its values." if name in self._reg_params else ""
            raise TypeError(
                f"Changing attribute type for {name} from {type(existing)} to {type(value)} "
                f"is not allowed.{hint}"
            )
        if isinstance(value, Tree):
            self._check_constructed(name)
            self.register_child(value, name)
        elif isinstance(value, Parameter):
            self._check_constructed(name)
            if self._reg_params.get(name, value) is not value:
                raise ArgumentError(
                    f"Overriding Parameter attribute {name} is not allowed. To share parameters "
                    "between blocks, give params= when the block is made; to change the values "
                    "use set_data()."
                )
            self._reg_params[name] = value
            value.adopt(self._tell_place)
            self._changed()
        elif name == "forward":
            self._changed()
        super().__setattr__(name, value)

    def _check_constructed(self, name: str) -> None:
        if "_children" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}.__init__ must call super().__init__() before it sets "
                f"'{name}'"
            )

    def _use_dict(self, attributes: dict[str, Any]) -> None:
        """Keep the attributes in a dictionary of the block's own.

        CPython lays attributes out inline until somebody looks at `__dict__`, as printing does.
        From then on reading one costs three times as much, unless the dictionary is replaced.
        """
        super().__setattr__("__dict__", attributes)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_parents": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        parents = self.__dict__.get("_parents", [])
        self._use_dict(state | {"_parents": parents})
        for child in self._children.values():
            child.__dict__.setdefault("_parents", []).append(weakref.ref(self))
        for parameter in self._reg_params.values():
            parameter.adopt(self._tell_place)

    def _changed(self) -> None:
        """Forget what was prepared for calling this block and all that contain it."""
        for reference in self._parents:
            parent = reference()
            if parent is not None:
                parent._changed()

    def _attribute_written(self) -> None:
        """Tell the plans of all that contain this block that an attribute has another value."""
        for reference in self._parents:
            parent = reference()
            if parent is not None:
                parent._attribute_written()

    def _tell_place(self, parameter: Parameter) -> Place:
        name = next((k for k, p in self._reg_params.items() if p is parameter), parameter.name)
        path = path_of(self)
        return Place(
            path=f"{path}.{name}" if path else name,
            layer=layer_text(self),
            has_run=root_of(self)._has_run,
            listed=any(each is parameter for each in self._params.values()),
            is_own=not type(self).__module__.startswith("microlazy."),
        )

    def _alias(self) -> str:
        return type(self).__name__.lower()

    @property
    def prefix(self) -> str:
        """The beginning of the names of all parameters below."""
        return self._prefix

    @property
    def name(self) -> str:
        """The prefix without its last underscore."""
        return self._name

    @property
    def params(self) -> ParameterDict:
        """The block's own parameters, without those of its children.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> list(nn.Dense(3, prefix="out_").params)
        ['out_weight', 'out_bias']
        """
        return self._params

    def _collect_params_with_prefix(self, prefix: str = "") -> dict[str, Parameter]:
        """All parameters below by path, such as '0.weight'; a shared one has several paths."""
        found = {prefix + name: p for name, p in self._reg_params.items()}
        for name, child in self._children.items():
            found.update(child._collect_params_with_prefix(f"{prefix}{name}."))
        return found

    def _replace_parameter(self, name: str, parameter: Parameter) -> None:
        """Let an attribute be another parameter, known to `params` as well."""
        order = list(self._reg_params)
        self._params.replace(self._reg_params.pop(name), parameter)
        setattr(self, name, parameter)
        for key in order:  # the attributes stay in their order
            self._reg_params[key] = self._reg_params.pop(key)

    def register_child(self, block: Tree, name: str | None = None) -> None:
        """Make `block` a child; setting it as an attribute does the same.

        Parameters
        ----------
        block : Block
            The child.
        name : str or None
            Its name in paths; by default the number of children so far.

        Raises
        ------
        TypeError
            If `block` is not a block.
        ValueError
            If this block is in `block`, or is it.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.Block()
        >>> net.register_child(gluon.nn.Dense(3), "head")
        >>> list(net._collect_params_with_prefix())
        ['head.weight', 'head.bias']
        """
        if not isinstance(block, Tree):
            raise TypeError(f"A child of {self.name} must be a Block, but got {block!r}")
        if any(block is one for one in _around(self)):
            raise ArgumentError(f"{block.name} cannot be a child of {self.name}, which is in it")
        self._children[str(len(self._children)) if name is None else name] = block
        block._parents.append(weakref.ref(self))
        self._changed()


def _around(block: Tree) -> Iterator[Tree]:
    """A block and those that it is in."""
    yield block
    for reference in block._parents:
        parent = reference()
        if isinstance(parent, Tree):
            yield from _around(parent)


for _name in ("_children", "_name", "_params", "_parents", "_prefix", "_reg_params", "_scope"):
    setattr(Tree, _name, _MadeByInit())


def children_of(block: Tree) -> dict[str, Any]:
    """The child blocks by name."""
    return block._children


def parameters_of(block: Tree) -> dict[str, Parameter]:
    """The parameters that the block holds as attributes, by attribute."""
    return block._reg_params


def parameters_below(block: Tree, prefix: str = "") -> Iterator[tuple[str, Tree, Parameter]]:
    """Each parameter with its path, such as ``features.0.weight``, and the block that holds it."""
    for name, parameter in parameters_of(block).items():
        yield prefix + name, block, parameter
    for name, child in children_of(block).items():
        yield from parameters_below(child, f"{prefix}{name}.")


def own_parameters(block: Tree) -> dict[Parameter, None]:
    """The block's own parameters, each once, those made by hand too."""
    return dict.fromkeys((*block.params.values(), *block._reg_params.values()))


def has_run(block: Tree) -> bool:
    """Whether the block was ever called and came to its end."""
    return block._has_run


def tell_changes(block: Tree, listener: Any) -> None:
    """Have a listener told, as a parent is, when the block or one below changes.

    Its ``_changed()`` is called, or its ``_attribute_written()``.
    """
    block._parents.append(weakref.ref(listener))


def refusals_of(block: Tree) -> set[str]:
    """For which lines the network was told that no plan can hold them."""
    return root_of(block)._refusals


def is_container(block: Tree) -> bool:
    """Whether the block only holds layers."""
    return block._is_container


def _find_parent(block: Tree) -> tuple[Tree, str] | None:
    """The first block that contains this one, and under which name."""
    for reference in block._parents:
        parent = reference()
        if isinstance(parent, Tree):
            for name, child in parent._children.items():
                if child is block:
                    return parent, name
    return None


def ancestors(block: Tree) -> Iterator[Tree]:
    """The blocks that contain this one, from the innermost to the outermost."""
    found = _find_parent(block)
    while found is not None:
        yield found[0]
        found = _find_parent(found[0])


def path_of(block: Tree) -> str:
    """Where the block sits in its network, such as 'features.0'; '' for the outermost."""
    found = _find_parent(block)
    if found is None:
        return ""
    outer, name = path_of(found[0]), found[1]
    return f"{outer}.{name}" if outer else name


def root_of(block: Tree) -> Tree:
    """The outermost block that contains this one."""
    found = _find_parent(block)
    return block if found is None else root_of(found[0])


def layer_text(block: Tree) -> str:
    """The block in one line."""
    text = repr(block)
    return f"{type(block).__name__}(...)" if "\n" in text else text


def where(block: Tree) -> str:
    """The block as errors name it: its name, its path, and what it is."""
    path = path_of(block)
    name = f"{block.name}, '{path}'" if path else f"'{block.name}'"
    return f"{name} {layer_text(block)}"
