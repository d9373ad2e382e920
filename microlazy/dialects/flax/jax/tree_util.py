"""Trees of arrays: dicts, lists, tuples and None, nested; anything else is a leaf."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from ....core.trees import map_one, map_pair
from .._absent import teller

__all__ = [
    "DictKey",
    "PyTreeDef",
    "SequenceKey",
    "Tree",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_reduce",
    "tree_structure",
    "tree_unflatten",
]


class DictKey(NamedTuple):
    """The place of a part in a dict.

    Examples
    --------
    >>> str(DictKey("params"))
    "['params']"
    """

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"


class SequenceKey(NamedTuple):
    """The place of a part in a list or tuple.

    Examples
    --------
    >>> str(SequenceKey(1))
    '[1]'
    """

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx}]"


class Tree(dict):
    """A dict that answers to a method of Flax' older trees; else it is a dict.

    Examples
    --------
    >>> Tree(a=1) == {"a": 1}
    True
    """

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[DictKey, Any], ...], tuple[Any, ...]]:
        """The parts right below with their places, and the keys, sorted.

        Examples
        --------
        >>> Tree(params={"bias": (3,)}).tree_flatten_with_keys()
        (((DictKey(key='params'), {'bias': (3,)}),), ('params',))
        """
        keys = tuple(sorted(self))
        return tuple((DictKey(key), self[key]) for key in keys), keys


class PyTreeDef:
    """The structure of a tree.

    Parameters
    ----------
    tree : tree
        One of this structure, with anything as leaves.

    Examples
    --------
    >>> tree_structure({"a": [1, 2]})
    PyTreeDef({'a': [*, *]})
    """

    def __init__(self, tree: Any) -> None:
        self._tree = tree_map(lambda leaf: None if leaf is None else _Star(), tree)

    @property
    def num_leaves(self) -> int:
        """The number of leaves."""
        return len(tree_leaves(self._tree))

    def unflatten(self, leaves: Any) -> Any:
        """A tree of this structure with these leaves."""
        return tree_unflatten(self, leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PyTreeDef) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"PyTreeDef({self._tree!r})"


class _Star:
    """Stands for a leaf."""

    def __repr__(self) -> str:
        return "*"


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """A tree of what a function returns for each leaf.

    Parameters
    ----------
    f : callable
        Called with a leaf of each tree.
    tree, *rest : tree
        Trees of the same structure; None is not a leaf, but an empty tree.

    Returns
    -------
    tree
        Of the same structure and types; the keys of dicts are sorted.

    Raises
    ------
    ValueError
        If the structures differ; the message says where.

    Examples
    --------
    >>> tree_map(lambda a, b: a + b, {"w": [1, 2]}, {"w": [10, 20]})
    {'w': [11, 22]}
    """
    if len(rest) == 1:
        return map_pair(f, tree, rest[0])
    if rest:
        rows = zip(*(_leaves_beside(tree, other) for other in rest), strict=True)
        return map_one(lambda leaf: f(leaf, *next(rows)), tree)
    return map_one(f, tree)


def _leaves_beside(tree: Any, other: Any) -> list[Any]:
    """The parts of a tree that stand where another has leaves."""
    found: list[Any] = []
    map_pair(lambda leaf, part: found.append(part), tree, other)
    return found


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves in order; those of a dict in the order of its sorted keys.

    Examples
    --------
    >>> tree_leaves({"b": 1, "a": (2, None)})
    [2, 1]
    """
    leaves: list[Any] = []
    tree_map(leaves.append, tree)
    return leaves


_NOTHING = object()


def tree_reduce(function: Callable[[Any, Any], Any], tree: Any, initializer: Any = _NOTHING) -> Any:
    """All leaves taken together by a function of two, as `functools.reduce` does.

    Examples
    --------
    >>> tree_reduce(lambda a, b: a + b, {"a": 1, "b": (2, 3)})
    6
    """
    leaves = tree_leaves(tree)
    return reduce(function, leaves, *([] if initializer is _NOTHING else [initializer]))


def tree_structure(tree: Any) -> PyTreeDef:
    """The structure of a tree."""
    return PyTreeDef(tree)


def tree_flatten(tree: Any) -> tuple[list[Any], PyTreeDef]:
    """The leaves of a tree, and its structure.

    Examples
    --------
    >>> tree_flatten({"a": [1, (2, None)]})
    ([1, 2], PyTreeDef({'a': [*, (*, None)]}))
    """
    return tree_leaves(tree), PyTreeDef(tree)


def tree_unflatten(treedef: PyTreeDef, leaves: Any) -> Any:
    """A tree of a structure.

    Parameters
    ----------
    treedef : PyTreeDef
        The structure.
    leaves : iterable
        As many as it has.

    Raises
    ------
    ValueError
        If there are more or fewer.

    Examples
    --------
    >>> tree_unflatten(tree_structure({"a": 1, "b": [2]}), [10, 20])
    {'a': 10, 'b': [20]}
    """
    given = list(leaves)
    if len(given) != treedef.num_leaves:
        raise ValueError(
            f"Expected {treedef.num_leaves} leaves for {treedef}, but got {len(given)}"
        )
    parts = iter(given)
    return tree_map(lambda star: next(parts), treedef._tree)


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
