"""The arguments that every function of `nd` has: `out=` and `name=`."""

import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor

__all__ = ["ND", "bind", "need_arrays", "op"]

ND = 0  # the face of what is made here
Result = TypeVar("Result")


def op(function: Callable[..., Result]) -> Callable[..., Result]:
    """Give a function `out=`, where the result goes, and `name=`, which only symbols needed.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.zeros((2,))
    >>> nd.negative(nd.array([1, 2]), out=x) is x
    True
    """
    write = _written

    def call(*args: Any, out: Any = None, name: str | None = None, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return result if out is None else write(out, result)

    # With the globals of the function's module, where doctest looks for examples.
    made = FunctionType(call.__code__, function.__globals__, closure=call.__closure__)
    made.__kwdefaults__ = call.__kwdefaults__
    return functools.update_wrapper(made, function)


def _written(out: Any, result: Any) -> Any:
    if isinstance(out, Tensor):
        return _f.write_into(out, result[0] if isinstance(result, (list, tuple)) else result)
    results = result if isinstance(result, (list, tuple)) else [result]
    if len(out) != len(results):
        raise ValueError(f"out has {len(out)} arrays, but there are {len(results)} results")
    return [_f.write_into(x, y) for x, y in zip(out, results, strict=True)]


def need_arrays(data: Sequence[Any], count: int | None = None) -> None:
    """Refuse a list where arrays should have been given one by one, and a wrong `num_args`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.concat([nd.ones((2,))])
    Traceback (most recent call last):
    AssertionError: Positional arguments must have NDArray type: give the arrays one by one, not in
    a list
    """
    if not data or not all(isinstance(x, Tensor) for x in data):
        raise AssertionError(
            "Positional arguments must have NDArray type: give the arrays one by one, not in a list"
        )
    if count is not None and count != len(data):
        raise ValueError(f"{len(data)} arrays were given, but their number was said to be {count}")


def bind(
    name: str, defaults: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return a call's arguments by their names, for functions made from a table.

    Examples
    --------
    >>> from microlazy.ndarray.arguments import bind
    >>> bind("uniform", {"low": 0.0, "high": 1.0}, (0.5,), {"high": 2.0})
    {'low': 0.5, 'high': 2.0}
    """
    known = ", ".join(defaults)
    if len(args) > len(defaults):
        raise TypeError(f"{name}: {len(args)} arguments were given, but it has only {known}")
    given = dict(zip(defaults, args, strict=False))
    for key in kwargs:
        if key in given or key not in defaults:
            raise TypeError(f"{name}: unexpected argument {key!r}; the arguments are {known}")
    return defaults | given | kwargs
