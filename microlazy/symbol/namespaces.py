"""The functions of `mx.sym` and its parts, made from the table of operators."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from microlazy.base import MXNetError
from microlazy.foreign import missing
from microlazy.symbol import numpy_functions, numpy_random
from microlazy.symbol.choosing import binary, split_v2
from microlazy.symbol.composing import call, compose
from microlazy.symbol.control_flow import cond, foreach, while_loop
from microlazy.symbol.numpy_functions import PARAMETERS
from microlazy.symbol.operators import names_known, operator_of
from microlazy.symbol.symbol import Symbol

__all__ = ["SYM"]


class Namespace(ModuleType):
    """A module whose functions make symbols.

    Parameters
    ----------
    name : str
        Of the module.
    prefixes : sequence of str
        What MXNet puts before the names of its operators.
    written : dict of str to callable
        Functions that are more than a call of an operator.
    numpy : bool
        Whether results have NumPy's rules.
    """

    def __init__(
        self,
        name: str,
        prefixes: Sequence[str],
        written: dict[str, Any] | None = None,
        numpy: bool = False,
    ) -> None:
        super().__init__(name)
        self._prefixes, self._numpy = prefixes, numpy
        self.__dict__.update(written or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        known = frozenset(names_known())
        for prefix in self._prefixes:
            if prefix + name in known:
                made = _function(prefix + name, name, self._numpy)
                setattr(self, name, made)
                return made
        raise missing(self.__name__, name, dir(self))

    def __dir__(self) -> list[str]:
        found = {
            name.removeprefix(prefix)
            for name in names_known()
            for prefix in self._prefixes
            if name.startswith(prefix) and (prefix or not name.startswith("_"))
        }
        return sorted(found | {name for name in self.__dict__ if not name.startswith("_")})


def _function(operator: str, hint: str, numpy: bool) -> Callable[..., Any]:
    """The function that calls an operator."""
    try:
        found = operator_of(operator)
    except MXNetError as error:
        raise AttributeError(str(error)) from None

    renamed = PARAMETERS.get(hint, {}) if numpy else {}

    def function(*args: Any, **kwargs: Any) -> Any:
        kwargs = {renamed.get(key, key): value for key, value in kwargs.items()}
        if found.variadic and found.inputs[0] in kwargs:
            args = (kwargs.pop(found.inputs[0]),)
        return compose(operator, hint, args, kwargs, numpy)

    function.__name__ = function.__qualname__ = hint
    shown = {old: new for new, old in renamed.items() if old in (*found.inputs, *found.kinds)}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    first = found.inputs[0] if found.inputs else "data"
    several = [inspect.Parameter(shown.get(first, first), inspect.Parameter.VAR_POSITIONAL)]
    inputs = [inspect.Parameter(shown.get(name, name), kind, default=None) for name in found.inputs]
    options = inspect.Parameter.KEYWORD_ONLY if found.variadic else kind
    names = [name for name in found.kinds if not (found.variadic and name in found.inputs)]
    attributes = [inspect.Parameter(shown.get(name, name), options, default=None) for name in names]
    parameters = [*(several if found.variadic else inputs), *attributes]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__doc__ = (
        f"Make a node of the operator {found.name}: what `{found.function.__module__}."
        f"{getattr(found.function, '__name__', hint)}` computes.\n\n"
        "Inputs that are not given become variables; `name` and `attr` are those of the node."
    )
    return function


# ---- functions that choose an operator by their arguments ----------------------------------------


def _made(operator: str, shape: Any, dtype: Any, options: dict[str, Any]) -> Symbol:
    name, attr = options.pop("name", None), options.pop("attr", None)
    options.pop("ctx", None)
    attributes = {"shape": shape, "dtype": dtype or "float32"}
    kept = {key: value for key, value in options.items() if not key.startswith("__")}
    if kept:
        raise TypeError(f"{operator.strip('_')} has no argument {next(iter(kept))!r}")
    return call(operator, [], attributes | options, name, attr)


def zeros(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """A node that makes zeros.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.zeros((2,)).eval()[0].asnumpy()
    array([0., 0.], dtype=float32)
    """
    return _made("_zeros", shape, dtype, kwargs)


def ones(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """A node that makes ones.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.ones((2,)).eval()[0].asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _made("_ones", shape, dtype, kwargs)


def full(shape: Any, val: float, dtype: Any = None, name: str | None = None) -> Symbol:
    """A node that makes an array of one value.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.full((2,), 7).eval()[0].asnumpy()
    array([7., 7.], dtype=float32)
    """
    attributes = {"shape": shape, "value": float(val), "dtype": dtype or "float32"}
    return call("_full", [], attributes, name)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    infer_range: bool = False,
    name: str | None = None,
    dtype: Any = None,
) -> Symbol:
    """A node that makes evenly spaced values.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.arange(3).eval()[0].asnumpy()
    array([0., 1., 2.], dtype=float32)
    """
    attributes = {
        "start": start,
        "stop": stop,
        "step": step,
        "repeat": repeat,
        "infer_range": infer_range,
        "dtype": dtype or "float32",
    }
    return call("_arange", [], attributes, name)


def linspace(
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    name: str | None = None,
    dtype: Any = None,
) -> Symbol:
    """A node that makes a number of evenly spaced values.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.linspace(0, 1, 3).eval()[0].asnumpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    attributes = {"start": start, "stop": stop, "num": num, "endpoint": endpoint}
    return call("_linspace", [], attributes | {"dtype": dtype or "float32"}, name)


def eye(N: int, M: int = 0, k: int = 0, dtype: Any = None, name: str | None = None) -> Symbol:
    """A node that makes ones on a diagonal.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.eye(2).eval()[0].asnumpy()
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return call("_eye", [], {"N": N, "M": M, "k": k, "dtype": dtype or "float32"}, name)


def _sampler(name: str, numbers: Sequence[str], of_symbols: Sequence[str]) -> Callable[..., Any]:
    """A function that samples from a law with numbers, or for each element of symbols."""

    def function(*args: Any, **kwargs: Any) -> Any:
        options = dict(zip(numbers, args, strict=False)) | kwargs
        given = [key for key in numbers if isinstance(options.get(key), Symbol)]
        options.pop("ctx", None)
        if not given:
            shape = options.setdefault("shape", (1,))
            options["shape"] = (shape,) if isinstance(shape, int) else shape
            return compose(f"_random_{name}", f"_random_{name}", [], options)
        symbols = [options.pop(key) for key in numbers[: len(of_symbols)]]
        return compose(f"_sample_{name}", f"_sample_{name}", symbols, options)

    function.__name__ = function.__qualname__ = name
    return function


def randn(*shape: int, loc: Any = 0.0, scale: Any = 1.0, **options: Any) -> Symbol:
    """A node that samples from a normal law.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.random.randn(2, 3).eval()[0].shape
    (2, 3)
    """
    return _RANDOM.normal(loc, scale, shape or (1,), **options)


def exponential(scale: Any = 1.0, shape: Any = (1,), dtype: Any = None, **options: Any) -> Symbol:
    """A node that samples from an exponential law of some mean.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.random.exponential(2.0).list_attr()["lam"]
    '0.5'
    """
    return _exponential(1.0 / scale, shape, dtype, **options)


def shuffle(data: Symbol, **options: Any) -> Symbol:
    """A node that puts the rows in random order.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.random.shuffle(mx.sym.var("x")).list_arguments()
    ['x']
    """
    return call("_shuffle", [data], {}, **options)


def histogram(
    a: Symbol, bins: Any = 10, range: tuple[float, float] | None = None, **options: Any
) -> Symbol:
    """A node that counts values: its outputs are the counts and the edges of the bins.

    Examples
    --------
    >>> import microlazy as mx
    >>> len(mx.sym.histogram(mx.sym.var("x"), bins=4, range=(0, 1)))
    2
    """
    if isinstance(bins, Symbol):
        return call("_histogram", [a, bins], {}, **options)
    return call("_histogram", [a], {"bin_cnt": bins, "range": range}, **options)


_LAWS = {
    "uniform": (["low", "high", "shape", "dtype"], ["low", "high"]),
    "normal": (["loc", "scale", "shape", "dtype"], ["mu", "sigma"]),
    "gamma": (["alpha", "beta", "shape", "dtype"], ["alpha", "beta"]),
    "poisson": (["lam", "shape", "dtype"], ["lam"]),
    "negative_binomial": (["k", "p", "shape", "dtype"], ["k", "p"]),
    "generalized_negative_binomial": (["mu", "alpha", "shape", "dtype"], ["mu", "alpha"]),
    "randint": (["low", "high", "shape", "dtype"], []),
}

_CHOSEN = {
    "maximum": binary("_maximum", "_MaximumScalar", "_MaximumScalar", ("left", "right")),
    "minimum": binary("_minimum", "_MinimumScalar", "_MinimumScalar", ("left", "right")),
    "hypot": binary("_hypot", "_HypotScalar", "_HypotScalar", ("left", "right")),
    "power": binary("_Power", "_PowerScalar", "_RPowerScalar", ("base", "exp")),
    "pow": binary("_Power", "_PowerScalar", "_RPowerScalar", ("base", "exp")),
    "add": binary("_Plus", "_PlusScalar", "_PlusScalar"),
    "subtract": binary("_Minus", "_MinusScalar", "_RMinusScalar"),
    "multiply": binary("_Mul", "_MulScalar", "_MulScalar"),
    "divide": binary("_Div", "_DivScalar", "_RDivScalar"),
    "true_divide": binary("_Div", "_DivScalar", "_RDivScalar"),
    "logical_and": binary("_logical_and", "_logical_and_scalar", "_logical_and_scalar"),
    "logical_or": binary("_logical_or", "_logical_or_scalar", "_logical_or_scalar"),
    "logical_xor": binary("_logical_xor", "_logical_xor_scalar", "_logical_xor_scalar"),
    "modulo": binary("_Mod", "_ModScalar", "_RModScalar"),
    "equal": binary("_equal", "_equal_scalar", "_equal_scalar"),
    "not_equal": binary("_not_equal", "_not_equal_scalar", "_not_equal_scalar"),
    "greater": binary("_greater", "_greater_scalar", "_lesser_scalar"),
    "greater_equal": binary("_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
    "lesser": binary("_lesser", "_lesser_scalar", "_greater_scalar"),
    "lesser_equal": binary("_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
}


_exponential = _sampler("exponential", ["lam", "shape", "dtype"], ["lam"])
_RANDOM = Namespace(
    "microlazy.symbol.random",
    ("_random_", "_sample_"),
    {name: _sampler(name, *law) for name, law in _LAWS.items()}
    | {"exponential": exponential, "randn": randn, "shuffle": shuffle},
)
_LINALG = Namespace("microlazy.symbol.linalg", ("_linalg_",))
_CONTRIB = Namespace(
    "microlazy.symbol.contrib",
    ("_contrib_",),
    {"cond": cond, "foreach": foreach, "while_loop": while_loop},
)
_IMAGE = Namespace("microlazy.symbol.image", ("_image_",))
_INTERNAL = Namespace("microlazy.symbol._internal", ("",))
_NUMPY_LINALG = Namespace(
    "microlazy.symbol.numpy.linalg", ("_npi_",), numpy_functions.LINALG, numpy=True
)
_NUMPY_RANDOM = Namespace(
    "microlazy.symbol.numpy.random", ("_npi_",), numpy_random.WRITTEN, numpy=True
)
_NUMPY = Namespace(
    "microlazy.symbol.numpy",
    ("_npi_", "_np_"),
    numpy_functions.WRITTEN | {"linalg": _NUMPY_LINALG, "random": _NUMPY_RANDOM},
    numpy=True,
)
_NPX_IMAGE = Namespace("microlazy.symbol.numpy_extension.image", ("_npx__image_",), numpy=True)
_NPX_RANDOM = Namespace(
    "microlazy.symbol.numpy_extension.random", ("_npx__random_",), numpy_random.NPX, numpy=True
)
_NPX = Namespace(
    "microlazy.symbol.numpy_extension",
    ("_npx_",),
    {"image": _NPX_IMAGE, "random": _NPX_RANDOM},
    numpy=True,
)

SYM = Namespace(
    "microlazy.symbol",
    ("",),
    _CHOSEN
    | {
        "zeros": zeros,
        "ones": ones,
        "full": full,
        "arange": arange,
        "linspace": linspace,
        "eye": eye,
        "histogram": histogram,
        "split_v2": split_v2,
        "random": _RANDOM,
        "linalg": _LINALG,
        "contrib": _CONTRIB,
        "image": _IMAGE,
        "np": _NUMPY,
        "numpy": _NUMPY,
        "npx": _NPX,
        "numpy_extension": _NPX,
        "_internal": _INTERNAL,
    },
)
SYM.__dict__["op"] = SYM
