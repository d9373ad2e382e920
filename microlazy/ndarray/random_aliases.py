"""MXNet's older names of samplers: `random_*` takes numbers as parameters, `sample_*` arrays."""

from collections.abc import Callable
from typing import Any

from microlazy.core.array import NDArray
from microlazy.ndarray import random as _random
from microlazy.ops.arguments import REQUIRED, bind, op, signature_of

_DRAWS = """Draw numbers as `nd.random.{law}` does, with {kind} as parameters: {parameters}.{note}

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.{name}({example}shape=(2,)).shape
    {result}
    """


def _sampler(prefix: str, law: str, defaults: dict[str, Any]) -> Callable[..., NDArray]:
    """`random_LAW` or `sample_LAW`."""
    draw = getattr(_random, law)
    name = f"{prefix}_{law}"
    arrays = prefix == "sample"
    if arrays:
        defaults = dict.fromkeys(defaults, REQUIRED)
    rest: dict[str, Any] = (
        {"shape": (), "dtype": None} if arrays else {"shape": (1,), "ctx": None, "dtype": None}
    )

    signature = signature_of(defaults | rest)

    def function(*args: Any, **kwargs: Any) -> NDArray:
        given = bind(name, signature, args, kwargs)
        parameters = [given[parameter] for parameter in defaults]
        if law == "exponential":
            parameters = [1.0 / parameters[0]]
        return draw(*parameters, given["shape"] or (), given["dtype"], given.get("ctx"))

    numbers = "0, 5, " if law == "randint" else ""
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DRAWS.format(
        law=law,
        name=name,
        kind="arrays" if arrays else "numbers",
        parameters=", ".join(defaults),
        note=" lam is 1 / scale." if law == "exponential" else "",
        example="nd.ones((3,)), " * len(defaults) if arrays else numbers,
        result="(3, 2)" if arrays else "(2,)",
    )
    return op(function)


_SAMPLERS = [
    *(_sampler("random", law, defaults) for law, defaults in _random.PARAMETERS.items()),
    _sampler("random", "randint", {"low": REQUIRED, "high": REQUIRED}),
    *(
        _sampler("sample", law, {"mu": 0.0, "sigma": 1.0} if law == "normal" else defaults)
        for law, defaults in _random.PARAMETERS.items()
    ),
]
_MADE = {function.__name__: function for function in _SAMPLERS}
globals().update(_MADE)
uniform, normal = _MADE["random_uniform"], _MADE["random_normal"]
sample_multinomial = op(_random.multinomial)
shuffle = op(_random.shuffle)

__all__ = [*_MADE, "normal", "sample_multinomial", "shuffle", "uniform"]
