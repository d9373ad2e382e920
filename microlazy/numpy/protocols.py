"""NumPy's functions on our arrays, and the array API standard's way in.

`numpy.sin(x)` or `numpy.concatenate([x, y])` call the function of that name in `np`, so results are
our arrays, recorded on the tape. What `np` does not have, NumPy computes on views of the same
memory; its result has no gradient, so where one is wanted this is refused.
"""

import functools
import inspect
import numbers
import sys
from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.base import MXNetError
from microlazy.context import Context, cpu
from microlazy.core import exchange
from microlazy.core import functions as _f
from microlazy.core.array import Array, NDArray, ndarray
from microlazy.ops.elementwise import functions_of

__all__ = ["__array_namespace_info__", "from_dlpack"]

_NP = 1

API_VERSIONS = ("2021.12", "2022.12", "2023.12")

# Methods of ufuncs that are functions of np, with gradients.
_REDUCE = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}
_ACCUMULATE = {"add": "cumsum", "multiply": "cumprod"}

# SciPy's ufuncs (scipy.special) that npx has, by its names.
_SCIPY = {
    "erf": "erf",
    "erfinv": "erfinv",
    "expit": "sigmoid",
    "gamma": "gamma",
    "gammaln": "gammaln",
    "log_expit": "log_sigmoid",
    "psi": "digamma",
}

# Functions to which an array of NumPy is another thing than an array of ours with its values.
_ABOUT_MEMORY = {onp.may_share_memory, onp.shares_memory}

# NumPy's functions that write to one of their arguments, and its name.
_WRITES = {
    onp.copyto: "dst",
    onp.fill_diagonal: "a",
    onp.place: "arr",
    onp.put: "a",
    onp.put_along_axis: "arr",
    onp.putmask: "a",
}


def _visit(value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to a value, or to what lists, tuples and dictionaries hold."""
    if isinstance(value, list):
        return [_visit(item, change) for item in value]
    if isinstance(value, tuple):
        items = [_visit(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, dict):
        return {name: _visit(item, change) for name, item in value.items()}
    return change(value)


def _our_arrays(name: str, *values: Any) -> list[Array]:
    """Return our arrays among the values; all must be of one face."""
    found: list[Array] = []
    _visit(values, lambda value: found.append(value) if isinstance(value, Array) else None)
    if any(_f.face_of(x) != _f.face_of(found[0]) for x in found):
        raise TypeError(
            f"numpy.{name}: arrays of np and of nd do not mix; use as_np_ndarray() or "
            "as_nd_ndarray()"
        )
    return found


def _to_np(value: Any) -> Any:
    """Return arrays, ours or NumPy's, as those of np; anything else as it is."""
    if isinstance(value, NDArray):
        return value.as_np_ndarray()
    return exchange.from_result(_NP, value) if isinstance(value, onp.ndarray) else value


def _to_face(face: int, value: Any) -> Any:
    """Return an array of np as one of a face; nd has no arrays without axes."""
    if face == _NP or not isinstance(value, ndarray):
        return value
    return (value if value.ndim else value.reshape(1)).as_nd_ndarray()


def _finish(result: Any, outputs: Any, where: Any, face: int) -> Any:
    """Bring np's results into the caller's face, or into what was given as `out`."""
    if not outputs:
        return _visit(result, lambda value: _to_face(face, value))
    results = result if isinstance(result, tuple) else (result,)
    written = []
    for value, out in zip(results, outputs, strict=True):
        if out is None:
            written.append(_to_face(face, value))
            continue
        if where is not True:
            value = _np().where(_to_np(onp.asarray(where)), value, _to_np(out))
        if onp.shape(value) != out.shape:
            value = _np().broadcast_to(value, out.shape)
        if isinstance(out, onp.ndarray):
            onp.copyto(out, onp.asarray(value), casting="same_kind")
        else:
            _f.write_into(out, _to_face(_f.face_of(out), value).astype(out.dtype, copy=False))
        written.append(out)
    return tuple(written) if isinstance(result, tuple) else written[0]


def _np() -> Any:
    from microlazy import numpy as np  # which imports this module

    return np


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


@functools.cache
def _parameters(function: Callable[..., Any]) -> tuple[float, set[str] | None]:
    """Return how many arguments a function takes by position, and the names of all; None: any."""
    parameters = _signature(function).parameters.values()
    kinds = {p.kind for p in parameters}
    by_position = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    return (
        float("inf") if inspect.Parameter.VAR_POSITIONAL in kinds else by_position,
        None if inspect.Parameter.VAR_KEYWORD in kinds else {p.name for p in parameters},
    )


def _accepts(function: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    by_position, names = _parameters(function)
    return len(args) <= by_position and (names is None or kwargs.keys() <= names)


def _through_numpy(
    function: Callable[..., Any], face: int, args: Any, kwargs: Any, written: Any
) -> Any:
    """Run NumPy's function on views of our arrays; its results are copied into arrays of ours."""
    name = function.__name__
    arrays = _our_arrays(name, args, kwargs)
    recorded = any(exchange.is_recorded(x) for x in arrays)
    float64 = any(x.dtype == onp.float64 for x in arrays)

    def refuse() -> None:
        if recorded:
            raise MXNetError(
                f"numpy.{name}: microlazy.np has no function for these arguments, and NumPy's "
                "has no gradient; use other functions, or detach() the arrays"
            )

    if written:
        refuse()
    views = [exchange.for_writing(x) if isinstance(x, Array) else x for x in written]

    def view(value: Any) -> Any:
        for x, writable in zip(written, views, strict=True):
            if value is x:
                return writable
        return onp.asarray(value) if isinstance(value, Array) else value

    def wrapped(value: Any) -> Any:
        for x, writable in zip(written, views, strict=True):
            if value is writable:
                return x
        if not isinstance(value, (onp.ndarray, onp.generic)) or value.dtype.kind not in "biufc":
            return value
        if value.dtype.kind in "fc":
            refuse()
        if value.dtype.kind == "c":
            raise TypeError(
                f"numpy.{name}: the result is complex, and microlazy's arrays are real; call it "
                "with x.asnumpy()"
            )
        return exchange.from_result(face, value, float64)

    return _visit(function(*_visit(args, view), **_visit(kwargs, view)), wrapped)


# ---- ufuncs --------------------------------------------------------------------------------------


@functools.cache
def _function_of_ufunc(ufunc: onp.ufunc) -> Callable[..., Any] | None:
    """Return the function of np or npx that computes the same, if there is one."""
    name = ufunc.__name__
    if getattr(onp, name, None) is ufunc:
        return getattr(_np(), name, None)
    if getattr(sys.modules.get("scipy.special"), name, None) is not ufunc:
        return None
    from microlazy.ops import special  # of SciPy's functions, seldom needed

    if name in special.RULES:
        return functools.partial(special.apply, name)
    return functions_of("npx").get(_SCIPY.get(name, ""))


def _operand(value: Any, dtype: Any) -> Any:
    if isinstance(value, (numbers.Real, onp.bool_)) and dtype is None:
        return value
    if not isinstance(value, (Array, onp.ndarray)):
        value = onp.asarray(value)
    value = _to_np(value)
    return value if dtype is None else value.astype(dtype, copy=False)


def _is_foreign(kind: type) -> bool:
    """Whether arrays of this type answer NumPy's functions themselves, before ours."""
    if issubclass(kind, Array):
        return False
    if issubclass(kind, onp.ndarray):  # masked arrays and matrices say so by a priority
        priority = kind.__array_priority__
        return isinstance(priority, numbers.Real) and priority > 0
    return any(hasattr(kind, name) for name in ("__array_ufunc__", "__array_function__"))


def _translated(ufunc: onp.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """Return the function, and its arguments, that stands for a ufunc's method, or None."""
    options = {
        name: value
        for name, value in kwargs.items()
        if (name, value) not in (("casting", "same_kind"), ("order", "K"), ("subok", True))
    }
    if method in ("reduce", "accumulate"):
        table = _REDUCE if method == "reduce" else _ACCUMULATE
        function = getattr(_np(), table.get(ufunc.__name__, ""), None)
        args: Any = [_operand(inputs[0], None)]
        options = {"axis": 0} | options
        if isinstance(options.get("where"), onp.ndarray):
            options["where"] = _to_np(options["where"])
    elif method in ("__call__", "outer"):
        function = _function_of_ufunc(ufunc)
        dtype = options.pop("dtype", None)
        args = [_operand(x, dtype) for x in inputs]
        if method == "outer" or not any(isinstance(x, Array) for x in args):
            args = [x if isinstance(x, Array) else _to_np(onp.asarray(x)) for x in args]
        if method == "outer":
            args[0] = args[0].reshape(args[0].shape + (1,) * args[1].ndim)
    else:
        function = None
    if function is None or not _accepts(function, args, options):
        return None
    return function, args, options


def apply_ufunc(
    face: int, ufunc: onp.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]
) -> Any:
    """Answer a NumPy ufunc that was called on our arrays; behind `__array_ufunc__`.

    Parameters
    ----------
    face : int
        That of the array which was asked: 0 for nd, 1 for np.
    ufunc : numpy.ufunc
    method : str
        "__call__", "reduce", "accumulate", "outer", "at" or "reduceat".
    inputs : tuple
    kwargs : dict
        `where` is taken together with `out` only: without, NumPy leaves garbage.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> numpy.exp(np.zeros(2))
    array([1., 1.])
    >>> numpy.ones(2) + np.ones(2)
    array([2., 2.], dtype=float64)
    """
    kwargs = dict(kwargs)
    outputs = kwargs.get("out", ())
    if any(_is_foreign(type(x)) for x in (*inputs, *outputs)):
        return NotImplemented
    name = ufunc.__name__
    _our_arrays(name, inputs, kwargs)
    where = kwargs.get("where", True) if method in ("__call__", "outer") else True
    if where is not True and not any(x is not None for x in outputs):
        raise ValueError(f"numpy.{name}: where= needs out=, which gives the other elements")
    asked = {key: value for key, value in kwargs.items() if key != "out"}
    if where is not True:
        del asked["where"]
    found = _translated(ufunc, method, inputs, asked)
    if found is None:
        written = [x for x in outputs if x is not None] + [x for x in inputs[:1] if method == "at"]
        return _through_numpy(getattr(ufunc, method), face, inputs, kwargs, written)
    function, args, options = found
    return _finish(function(*args, **options), outputs, where, face)


# ---- functions -----------------------------------------------------------------------------------


@functools.cache
def _function_like(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return the function of np or np.linalg with the name of NumPy's, if there is one."""
    holder = _np()
    if function.__module__ in ("numpy.linalg", "numpy.fft"):
        holder = getattr(holder, function.__module__.removeprefix("numpy."))
    elif function.__module__ != "numpy":
        return None
    ours = getattr(holder, function.__name__, None)
    return ours if inspect.isroutine(ours) and ours is not function else None


def apply_function(
    face: int, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
) -> Any:
    """Answer a NumPy function that was called on our arrays; behind `__array_function__`.

    Parameters
    ----------
    face : int
        That of the array which was asked: 0 for nd, 1 for np.
    function : callable
        NumPy's.
    types : iterable of type
        Those among the arguments that override functions.
    args : tuple
    kwargs : dict

    Raises
    ------
    MXNetError
        If `np` lacks the function, or one of these arguments, and a gradient is wanted.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> numpy.concatenate([np.zeros(1), np.ones(2)])
    array([0., 1., 1.])
    """
    if any(map(_is_foreign, types)):
        return NotImplemented
    _our_arrays(function.__name__, args, kwargs)
    out = kwargs.get("out")
    ours = None if function in _ABOUT_MEMORY else _function_like(function)
    if ours is not None:
        converted = _visit(args, _to_np)
        options = {key: _visit(value, _to_np) for key, value in kwargs.items() if key != "out"}
        if _accepts(ours, converted, options):
            try:
                result = ours(*converted, **options)
            except TypeError:  # it takes arrays only, and NumPy's all that can become one
                return _function_through_numpy(face, function, args, kwargs)
            return _finish(result, () if out is None else (out,), True, face)
    return _function_through_numpy(face, function, args, kwargs)


def _function_through_numpy(face: int, function: Any, args: Any, kwargs: Any) -> Any:
    written = [] if kwargs.get("out") is None else [kwargs["out"]]
    if function in _WRITES:
        written.append(_signature(function).bind(*args, **kwargs).arguments[_WRITES[function]])
    return _through_numpy(function, face, args, kwargs, written)


# ---- the array API standard ----------------------------------------------------------------------


def namespace(api_version: str | None = None) -> Any:
    """Return the module that follows the array API standard; behind `__array_namespace__`.

    Parameters
    ----------
    api_version : str, optional
        The edition of the standard that the caller expects.

    Raises
    ------
    ValueError
        If it is not one that microlazy knows.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ones(2).__array_namespace__(api_version="2023.12").__name__
    'microlazy.numpy'
    """
    if api_version is not None and api_version not in API_VERSIONS:
        raise ValueError(
            f"microlazy.np follows the array API of {', '.join(API_VERSIONS)}, not {api_version!r}"
        )
    return _np()


_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int32", "int64"),
    "unsigned integer": ("uint8",),
    "real floating": ("float32", "float64"),
    "complex floating": (),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"]


class __array_namespace_info__:
    """What this implementation of the array API standard can do.

    Examples
    --------
    >>> from microlazy.numpy.protocols import __array_namespace_info__
    >>> __array_namespace_info__().default_dtypes()["real floating"]
    dtype('float32')
    """

    def capabilities(self) -> dict[str, Any]:
        """Say which optional behaviour there is: masks, shapes that depend on values, axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 16}

    def default_device(self) -> Context:
        """Return the device of new arrays: the CPU."""
        return cpu()

    def devices(self) -> list[Context]:
        """Return the devices that there are: the CPU."""
        return [cpu()]

    def default_dtypes(self, *, device: Any = None) -> dict[str, onp.dtype]:
        """Return the dtypes taken where none is given; there is none for complex numbers."""
        exchange.check_device(device)
        names = {"real floating": "float32", "integral": "int64", "indexing": "int64"}
        return {kind: onp.dtype(name) for kind, name in names.items()}

    def dtypes(
        self, *, device: Any = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, onp.dtype]:
        """Return the dtypes of the standard that microlazy has, by name.

        Parameters
        ----------
        device : Context or str, optional
        kind : str or tuple of str, optional
            As in `isdtype`: "bool", "integral", "real floating" and so on.

        Raises
        ------
        ValueError
            If the kind is unknown.
        """
        exchange.check_device(device)
        if kind is None:
            kind = ("bool", "numeric")
        kinds = kind if isinstance(kind, tuple) else (kind,)
        unknown = [one for one in kinds if one not in _KINDS]
        if unknown:
            raise ValueError(f"unknown kind {unknown[0]!r}; expected one of {', '.join(_KINDS)}")
        return {name: onp.dtype(name) for one in kinds for name in _KINDS[one]}


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> ndarray:
    """Make an array on the memory of another library's array, through DLPack.

    Parameters
    ----------
    x : object with `__dlpack__`, or DLPack capsule
        A capsule serves once.
    device : Context or "cpu", optional
        "cpu" asks an array that lives elsewhere to come by copy.
    copy : bool, optional
        True for a copy, False to refuse where the other library would make one.

    Raises
    ------
    TypeError
        If it is neither, or of a dtype that microlazy has not.
    BufferError
        If the memory cannot be shared.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> a = numpy.zeros(2, "float32")
    >>> x = np.from_dlpack(a)
    >>> x[0] = 3
    >>> a
    array([3., 0.], dtype=float32)
    """
    return exchange.from_dlpack(_NP, x, device, copy)
