"""Where a module finds its variables and keys while it runs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NoReturn

from ....core import trace
from ...generator import words_of
from .. import errors
from ..jax import random

Filter = bool | str | Iterable[str]


class Run:
    """One call of `init` or `apply`.

    Parameters
    ----------
    variables : dict
        Collections of variables; those that are mutable are copied.
    rngs : dict of str to tuple of int
        The words of a key for each purpose.
    mutable : bool, str or list of str
        The collections that may change.
    initializing : bool
        Whether parameters are made.
    """

    def __init__(
        self,
        variables: Mapping[str, Any],
        rngs: Mapping[str, tuple[int, ...]],
        mutable: Filter,
        initializing: bool = False,
    ) -> None:
        self.mutable = mutable
        self.variables: Any = variables
        if mutable is not False:
            self.variables = {
                name: _copied(tree) if self.may_change(name) else tree
                for name, tree in variables.items()
            }
        self.rngs = rngs
        self.initializing = initializing
        self.draws: dict[tuple[Any, ...], int] = {}
        self.rows: list[Any] | None = None  # for tabulate

    def may_change(self, collection: str) -> bool:
        """Whether a collection is mutable."""
        if isinstance(self.mutable, bool):
            return self.mutable
        return collection in ([self.mutable] if isinstance(self.mutable, str) else self.mutable)

    def mutated(self) -> dict[str, Any]:
        """The mutable collections."""
        return {name: tree for name, tree in self.variables.items() if self.may_change(name)}


def _copied(tree: Any) -> Any:
    return {k: _copied(v) for k, v in tree.items()} if isinstance(tree, dict) else tree


def by_layer(variables: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The places of all variables, those of one layer together: parameters, then statistics.

    Examples
    --------
    >>> params = {"norm": {"scale": 1}, "out": {"bias": 2}}
    >>> list(by_layer({"stats": {"norm": {"mean": 0}}, "params": params}))
    [('params', 'norm', 'scale'), ('stats', 'norm', 'mean'), ('params', 'out', 'bias')]
    """
    layers: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for collection in sorted(variables, key=lambda name: name != "params"):
        for keys, _ in leaves(variables[collection]):
            layers.setdefault(keys[:-1], []).append((collection, *keys))
    return chain.from_iterable(layers.values())


def leaves(
    tree: Mapping[str, Any], around: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The variables of a tree of dicts with their places.

    Examples
    --------
    >>> list(leaves({"norm": {"mean": 0}}))
    [(('norm', 'mean'), 0)]
    """
    for key, part in tree.items():
        keys = (*around, key)
        yield from leaves(part, keys) if isinstance(part, dict) else [(keys, part)]


class Scope:
    """A module's place in a run: its path, and the variables there.

    Parameters
    ----------
    run : Run, optional
        The run, for the outermost place; the others have that one's.
    parent : Scope, optional
        The place of the module around.
    name : str
        The module's name in there.
    """

    __slots__ = ("_bound", "_root", "_run", "_taken", "keys", "name")

    def __init__(self, run: Run | None = None, parent: Scope | None = None, name: str = "") -> None:
        self._run, self.name = run, name
        self._root: Scope = self if parent is None else parent._root
        # The names of the modules around, from the outermost, and of this one.
        self.keys: tuple[str, ...] = () if parent is None else (*parent.keys, name)
        self._taken: set[str] | None = None
        # Of the outermost place: modules by the identity of what they were bound from.
        self._bound: dict[int, Any] = {}

    @property
    def run(self) -> Run:
        """The run that goes on."""
        return self._root._run  # type: ignore[return-value]

    @property
    def bound(self) -> dict[int, Any]:
        """Pairs of a module and its bound copy, by the identity of the module."""
        return self._root._bound

    def enter(self, run: Run | None) -> None:
        """Let another run use this place, the outermost, and all places in it."""
        self._run = run

    def child(self, name: str) -> Scope:
        """The place of a module in this one.

        Raises
        ------
        NameInUseError
            If there is one of that name.
        """
        if self._taken is None:
            self._taken = set()
        if name in self._taken:
            raise errors.NameInUseError(
                f'Could not create submodule "{name}" in "{self.path}": Name in use.'
            )
        self._taken.add(name)
        return Scope(None, self, name)

    @property
    def path(self) -> str:
        """The place as text, such as ``'/layers_0'``."""
        return "/" + "/".join(self.keys)

    def find(self, collection: str) -> dict[str, Any] | None:
        """The module's part of a collection; None if there is none."""
        part = self._root._run.variables.get(collection)  # type: ignore[union-attr]
        for key in self.keys:
            if part is None:
                return None
            part = part.get(key)
        return part

    def get(self, collection: str, name: str) -> Any:
        """A variable; None if there is none."""
        part = self.find(collection)
        return None if part is None else part.get(name)

    def put(self, collection: str, name: str, value: Any) -> None:
        """Set a variable.

        Raises
        ------
        ModifyScopeVariableError
            If the collection is not mutable.
        """
        if not self.run.may_change(collection):
            raise errors.ModifyScopeVariableError(
                f'Cannot update variable "{name}" in "{self.path}" because collection '
                f'"{collection}" is immutable.'
            )
        part = self.run.variables.setdefault(collection, {})
        for key in self.keys:
            part = part.setdefault(key, {})
        part[name] = value

    def param(self, name: str) -> Any:
        """A parameter that must be there.

        Raises
        ------
        ScopeCollectionNotFound, ScopeParamNotFoundError
            If it is not.
        """
        part = self.find("params")
        if not part:
            raise errors.ScopeCollectionNotFound(
                f'Tried to access "{name}" from collection "params" in "{self.path}" but the '
                "collection is empty."
            )
        if name not in part:
            raise errors.ScopeParamNotFoundError(
                f'Could not find parameter named "{name}" in scope "{self.path}".'
            )
        return part[name]

    def refuse_shape(self, name: str, wanted: tuple[int, ...], given: tuple[int, ...]) -> NoReturn:
        """Say that a parameter has another shape than the module asks for."""
        raise errors.ScopeParamShapeError(
            f'For parameter "{name}" in "{self.path}", the given initializer is expected to '
            f"generate shape {wanted}, but the existing parameter it received has shape {given}."
        )

    def words(self, purpose: str, name: str = "") -> tuple[int, ...]:
        """The words of a key that no other module, and no other draw of this one, gets.

        Raises
        ------
        InvalidRngError
            If there is no key for this purpose.
        """
        rngs = self.run.rngs
        found = rngs.get(purpose, rngs.get("params"))
        if found is None:
            raise errors.InvalidRngError(
                f'{self.path} needs PRNG for "{purpose}": give apply() '
                f"rngs={{'{purpose}': random.PRNGKey(...)}}"
            )
        place = (purpose, name, *self.keys)
        count = self.run.draws.get(place, 0)
        self.run.draws[place] = count + 1
        return (*found, zlib.crc32("/".join(place).encode()), count)

    def key(self, purpose: str, name: str = "") -> Any:
        """The same as `words`, as a key of `jax.random`."""
        (number,) = words_of(self.words(purpose, name), 1)
        return random.PRNGKey(number)

    def make(self, name: str, init: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Make a parameter by ``init(key, *args)``; in a run on shapes too it has values."""
        with trace.suspended():
            value = init(self.key("params", name), *args)
        self.put("params", name, value)
        return value
