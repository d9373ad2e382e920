"""jit: a function of trees as a plan."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial, update_wrapper
from inspect import Parameter, signature, unwrap
from operator import index
from typing import Any, NoReturn

from ....base import AbstractValueError
from ....core.cached_plan import CachedPlan
from ....core.planning import Unplannable, is_building
from ....core.tensor import Tensor
from ....core.trace import is_tracing
from ....gluon.block.refusal import line_of
from ...faces import as_array
from .errors import ConcretizationTypeError, TracerBoolConversionError, UnexpectedTracerError
from .tree_util import tree_map

__all__ = ["block_until_ready", "jit"]

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: Any = None,
    donate_argnames: Any = None,
    keep_unused: bool = False,
    inline: bool = False,
) -> Any:
    """A function that runs from a plan: its Python code runs once for each kind of arguments.

    Parameters
    ----------
    fun : callable, optional
        A pure function of trees of arrays and numbers; without it, a decorator is returned.
    static_argnums, static_argnames : int or str, or several, optional
        Arguments that are no arrays; other values of them make another plan. They must be hashable.
    donate_argnums, donate_argnames, keep_unused, inline
        Accepted as in JAX, of no effect.

    Returns
    -------
    callable
        Its arrays are new in each call. Gradients go through it, and it may call `grad`.

    Raises
    ------
    TypeError
        If `fun` cannot be called; in a call, if an argument that is not static, or a result, is
        neither an array nor a number.
    ValueError
        If there is no such argument, or a static one is not hashable.
    ConcretizationTypeError
        In a call, if the function looks at the value of an array, such as by ``float(x)``; if it
        decides by it, as in ``if x > 0``, a TracerBoolConversionError.
    UnexpectedTracerError
        If the function keeps an array of a call, outside of its results.

    Notes
    -----
    Numbers among the arguments become arrays, so that another number needs no other plan. Draws by
    a key, and gradients of gradients, depend on more than a plan can hold: a function with them
    runs op by op, and says so.

    Examples
    --------
    >>> from microlazy import np
    >>> @jit
    ... def step(params, rate):
    ...     print("traced")
    ...     return {"w": params["w"] * (1 - rate)}
    >>> params = step({"w": np.ones(2)}, 0.5)
    traced
    >>> step(params, 0.25)
    {'w': array([0.375, 0.375])}
    """
    if fun is None:
        return partial(jit, static_argnums=static_argnums, static_argnames=static_argnames)
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun!r}")
    return _Jitted(fun, *_statics(fun, static_argnums, static_argnames))


def block_until_ready(tree: Any) -> Any:
    """The tree itself: what functions return is computed already.

    Examples
    --------
    >>> block_until_ready({"a": 1})
    {'a': 1}
    """
    return tree


def _statics(
    fun: Callable[..., Any],
    numbers: int | Sequence[int] | None,
    names: str | Iterable[str] | None,
) -> tuple[frozenset[int], frozenset[str]]:
    """The places and the names of static arguments; where one is not given, from the other."""
    if numbers is None and names is None:
        return frozenset(), frozenset()
    known = signature(fun).parameters
    places = [name for name, one in known.items() if one.kind in _BY_PLACE]
    kinds = {one.kind for one in known.values()}
    count = None if Parameter.VAR_POSITIONAL in kinds else len(places)
    given = _all_of("static_argnums", numbers, index, "an int or several")
    wanted = set(_all_of("static_argnames", names, _name, "a str or several"))
    if count is not None and any(not -count <= number < count for number in given):
        raise ValueError(
            f"Jitted function has static_argnums={tuple(given)}, but only accepts {count} "
            "positional arguments."
        )
    odd = sorted(wanted - known.keys())
    if odd and Parameter.VAR_KEYWORD not in kinds:
        raise ValueError(
            f"Jitted function has invalid argnames {{{', '.join(map(repr, odd))}}} in "
            f"static_argnames. These do not appear in the signature {tuple(known)}."
        )
    where = {number if number >= 0 else number + len(places) for number in given}
    if names is None:
        wanted = {places[number] for number in where if number < len(places)}
    if numbers is None:
        where = {places.index(name) for name in wanted if name in places}
    return frozenset(where), frozenset(wanted)


def _all_of(option: str, value: Any, take: Callable[[Any], Any], kind: str) -> list[Any]:
    """One value or several as a list, of which `take` accepts each."""
    try:
        return [take(value)]
    except TypeError:
        pass
    try:
        return [take(one) for one in value or ()]
    except TypeError:
        raise TypeError(f"jit: {option} must be {kind}, not {value!r}") from None


def _name(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


class _Jitted:
    """What `jit` returns: the plans of a function, for each kind of its static arguments."""

    def __init__(
        self, fun: Callable[..., Any], places: frozenset[int], names: frozenset[str]
    ) -> None:
        update_wrapper(self, fun)
        self._fun, self._places, self._names = fun, places, names
        self.clear_cache()

    def clear_cache(self) -> None:
        """Forget all plans."""
        self._plans: dict[Any, CachedPlan] = {}
        self._plan = self._plan_for({}, {}, ())

    def __call__(self, *args: Any, **options: Any) -> Any:
        try:
            if not options and not self._places:
                return self._plan(*args)
            return self._call(args, options)
        except AbstractValueError as error:
            if is_tracing():  # the function around says what is wrong
                raise
            raise UnexpectedTracerError(
                f"Encountered an unexpected tracer. jit of {self._fun!r}: {error}. What it "
                "computes must be among its results, and nothing else may keep it"
            ) from error

    def _call(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call with static arguments, or arguments by name."""
        fixed = {i: value for i, value in enumerate(args) if i in self._places}
        fixed_options = {name: options.pop(name) for name in self._names & options.keys()}
        moving = [value for i, value in enumerate(args) if i not in fixed]
        names = tuple(sorted(options))
        return self._plan_for(fixed, fixed_options, names)(*moving, *map(options.get, names))

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else partial(self, owner)

    def __repr__(self) -> str:
        return f"<PjitFunction of {self._fun!r}>"

    def _plan_for(
        self, fixed: dict[int, Any], options: dict[str, Any], names: tuple[str, ...]
    ) -> CachedPlan:
        kept: list[tuple[Any, Any]] = [*sorted(fixed.items()), *sorted(options.items())]
        key = names, *((place, type(value), value) for place, value in kept)  # 1 is not True
        try:
            plan = self._plans.get(key)
        except TypeError as error:
            raise ValueError(
                "Non-hashable static arguments are not supported: "
                f"{[*fixed.values(), *options.values()]!r} of {self._fun!r}. The error was: {error}"
            ) from None
        if plan is None:
            source = _Source(self._fun, fixed, options, names)
            plan = self._plans[key] = CachedPlan(source, leaf=source.argument)
        return plan


class _Source:
    """A function with its static arguments, as what a plan is made of."""

    def __init__(
        self,
        fun: Callable[..., Any],
        fixed: dict[int, Any],
        options: dict[str, Any],
        names: tuple[str, ...],
    ) -> None:
        self._fun, self._fixed, self._options, self._names = fun, fixed, options, names

    def forward(self, *args: Any) -> Any:
        """What the function returns, all leaves as arrays; called with what is not static."""
        moving = list(args)
        options = dict(zip(reversed(self._names), reversed(moving), strict=False))
        del moving[len(moving) - len(options) :]
        for place, value in sorted(self._fixed.items()):
            moving.insert(place, value)
        if not is_building():
            return tree_map(self._result, self._fun(*moving, **options, **self._options))
        try:
            found = self._fun(*moving, **options, **self._options)
        except Unplannable:
            raise
        except AbstractValueError as error:
            self._explain(error)
        return tree_map(self._result, found)

    def call(self, args: tuple[Any, ...]) -> Any:
        return self.forward(*args)

    def arrays(self) -> list[Tensor]:
        return []

    def attributes(self) -> list[Any]:
        return []

    def refused(self, error: Exception) -> None:
        warnings.warn(
            f"{self._told()} runs op by op, as a plan cannot hold it: {error}", stacklevel=3
        )

    def argument(self, leaf: Any) -> Tensor:
        """An argument's leaf as an array."""
        x = _as_array_or_none(leaf)
        if x is None:
            raise TypeError(
                f"{self._told()} got {leaf!r} of type {type(leaf).__name__}, which is neither an "
                "array nor a number. Name the argument in static_argnums or static_argnames"
            )
        return x

    def _result(self, leaf: Any) -> Tensor:
        x = _as_array_or_none(leaf)
        if x is None:
            raise TypeError(
                f"{self._told()} returned {leaf!r} of type {type(leaf).__name__}, which is not a "
                "valid JAX type"
            )
        # A constant would be the same array in each call.
        return x.copy() if is_building() and not x.is_abstract else x

    def _told(self) -> str:
        written = unwrap(self._fun)  # what `grad` and other decorators were given
        code = getattr(written, "__code__", None)
        at = f" at {code.co_filename}:{code.co_firstlineno}" if code else ""
        return f"jit: the function {getattr(written, '__name__', repr(written))}{at}"

    def _explain(self, error: AbstractValueError) -> NoReturn:
        """Raise what JAX raises where a value is asked for."""
        line = line_of(error)
        told = f"{self._told()} asks for the value of an array{f' in {line}' if line else ''}"
        if "its truth" in str(error):
            raise TracerBoolConversionError(
                f"Attempted boolean conversion of traced array. {told}: its Python code runs once "
                "for all values. Write np.where(condition, a, b), or make the argument static"
            ) from error
        raise ConcretizationTypeError(
            "Abstract tracer value encountered where concrete value is expected. "
            f"{told}: its Python code runs once for all values. {error}"
        ) from error


def _as_array_or_none(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return leaf
    try:
        return as_array(leaf)
    except TypeError:
        return None
