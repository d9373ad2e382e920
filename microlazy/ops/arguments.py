"""The arguments that every function of MXNet has: `out=` and `name=`."""

import functools
import inspect
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from types import FunctionType
from typing import Any

from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor

__all__ = ["ND", "REQUIRED", "bind", "copied", "need_arrays", "op", "signature_of"]

ND = 0  # the face of what is made here
REQUIRED = Parameter.empty


def op(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function `out=`, where the result goes, and `name=`, which only symbols needed.

    What type checkers see of it stands in the stubs of the faces, which are made from signatures.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.zeros((2,))
    >>> nd.negative(nd.array([1, 2]), out=x) is x
    True
    """
    write, module = _written, inspect.unwrap(function).__globals__

    def call(*args: Any, out: Any = None, name: str | None = None, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return result if out is None else write(out, result)

    # With the globals of the function's module, where doctest looks for examples.
    made = FunctionType(call.__code__, module, closure=call.__closure__)
    made.__kwdefaults__ = call.__kwdefaults__
    return functools.update_wrapper(made, function)


def copied(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an op that copies where a function gives a view: no arrays of nd share memory so.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.zeros((1, 2))
    >>> nd.flatten(x)[:] = 1
    >>> x.asnumpy()
    array([[0., 0.]], dtype=float32)
    """
    plain = inspect.unwrap(function)

    @functools.wraps(plain)
    def copy(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs).copy()

    return op(copy)


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


def signature_of(defaults: dict[str, Any]) -> Signature:
    """Return the signature of a function made from a table; without a default, give `REQUIRED`.

    Examples
    --------
    >>> from microlazy.ops.arguments import REQUIRED, signature_of
    >>> signature_of({"data": REQUIRED, "lam": 1.0})
    <Signature (data, lam=1.0)>
    """
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return Signature([Parameter(name, kind, default=value) for name, value in defaults.items()])


def bind(
    name: str, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by their names, those with defaults too.

    Examples
    --------
    >>> from microlazy.ops.arguments import bind, signature_of
    >>> bind("uniform", signature_of({"low": 0.0, "high": 1.0}), (0.5,), {})
    {'low': 0.5, 'high': 1.0}
    """
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}{signature}: {error}") from None
    bound.apply_defaults()
    return bound.arguments
