"""Which array type Gluon uses: nd's or np's."""

import functools
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

from microlazy.base import MXNetError

_local = threading.local()
_default = {"shape": False, "array": False}


def _get(name: str) -> bool:
    return getattr(_local, name, _default[name])


def is_np_shape() -> bool:
    """Say whether zero-dim and zero-size arrays are on (NumPy's shapes).

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.is_np_shape()
    False
    """
    return _get("shape")


def is_np_array() -> bool:
    """Say whether Gluon works with `np.ndarray` rather than `nd.NDArray`.

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.is_np_array()
    False
    """
    return _get("array")


def is_np_default_dtype() -> bool:
    """Say whether the default dtype is float64 as in NumPy: never, it is float32."""
    return False


def set_np_shape(active: bool) -> bool:
    """Switch NumPy's shapes on or off; return what was."""
    before = is_np_shape()
    _local.shape = _default["shape"] = bool(active)
    return before


def set_np(shape: bool = True, array: bool = True, dtype: bool = False) -> None:
    """Make Gluon work with `np.ndarray`, in every thread.

    Parameters
    ----------
    shape, array : bool
        NumPy's shapes, and NumPy's arrays; arrays need the shapes.
    dtype : bool
        float64 as default dtype; not supported.

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.set_np()
    >>> npx.is_np_array()
    True
    >>> npx.reset_np()
    """
    if array and not shape:
        raise ValueError("NumPy arrays (array=True) need NumPy shapes (shape=True)")
    if dtype:
        raise ValueError("set_np(dtype=True): the default dtype is always float32")
    _local.shape = _default["shape"] = bool(shape)
    _local.array = _default["array"] = bool(array)


def reset_np() -> None:
    """Go back to `nd.NDArray`.

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.reset_np()
    >>> npx.is_np_array()
    False
    """
    set_np(shape=False, array=False)


def mixed_faces(what: str) -> TypeError:
    """Return the error for arrays of both types in one operation.

    Examples
    --------
    >>> from microlazy.util import mixed_faces
    >>> print(mixed_faces("one operand"))
    one operand is an nd.NDArray and the other an np.ndarray; convert one with as_np_ndarray() or
    as_nd_ndarray(). npx.set_np() is off here; it holds for one process, so workers that were
    spawned (multiprocessing, joblib) must call it too
    """
    message = (
        f"{what} is an nd.NDArray and the other an np.ndarray; convert one with as_np_ndarray() or "
        "as_nd_ndarray()"
    )
    if not is_np_array():
        message += (
            ". npx.set_np() is off here; it holds for one process, so workers that were spawned "
            "(multiprocessing, joblib) must call it too"
        )
    return TypeError(message)


class _Scope:
    """Sets one of the switches for a `with`, or for the calls of a function."""

    def __init__(self, name: str, active: bool) -> None:
        self._name = name
        self._active = active
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_get(self._name))
        setattr(_local, self._name, self._active)

    def __exit__(self, *exc: object) -> None:
        setattr(_local, self._name, self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with _Scope(self._name, self._active):
                return function(*args, **kwargs)

        return inside


def np_shape(active: bool = True) -> _Scope:
    """Return a scope with NumPy's shapes on or off."""
    return _Scope("shape", active)


def np_array(active: bool = True) -> _Scope:
    """Return a scope with NumPy's arrays on or off."""
    return _Scope("array", active)


def _decorate(scopes: tuple[Callable[[], _Scope], ...], target: Any) -> Any:
    if isinstance(target, type):
        for name, member in list(vars(target).items()):
            if isinstance(member, FunctionType):
                setattr(target, name, _decorate(scopes, member))
        return target
    for scope in scopes:
        target = scope()(target)
    return target


def use_np_shape(target: Any) -> Any:
    """Decorate a function or class: NumPy's shapes inside."""
    return _decorate((np_shape,), target)


def use_np_array(target: Any) -> Any:
    """Decorate a function or class: NumPy's arrays inside."""
    return _decorate((np_array,), target)


def use_np(target: Any) -> Any:
    """Decorate a function or class: NumPy's shapes and arrays inside.

    Examples
    --------
    >>> from microlazy import npx
    >>> @npx.use_np
    ... def inside():
    ...     return npx.is_np_array()
    >>> inside(), npx.is_np_array()
    (True, False)
    """
    return _decorate((np_shape, np_array), target)


def getenv(name: str) -> str | None:
    """Return an environment variable."""
    import os

    return os.environ.get(name)


def setenv(name: str, value: str) -> None:
    """Set an environment variable."""
    import os

    os.environ[name] = value


def get_gpu_count() -> int:
    """Return the number of GPUs in use: none."""
    return 0


def get_gpu_memory(gpu_dev_id: int) -> tuple[int, int]:
    """Refuse: there is no GPU."""
    raise MXNetError(f"gpu({gpu_dev_id}): microlazy computes on the CPU only")


def get_cuda_compute_capability(ctx: Any) -> int:
    """Refuse: there is no GPU."""
    raise ValueError(f"{ctx} is no GPU: microlazy computes on the CPU only")


def set_module(module: str | None) -> Callable[[Any], Any]:
    """Return a decorator that says which module a function or class belongs to.

    Examples
    --------
    >>> from microlazy.util import set_module
    >>> @set_module("microlazy.numpy")
    ... def function():
    ...     pass
    >>> function.__module__
    'microlazy.numpy'
    """

    def decorate(target: Any) -> Any:
        if module is not None:
            target.__module__ = module
        return target

    return decorate


_DTYPES = ("int8", "uint8", "int32", "int64", "float16", "float32", "float64")
_UFUNC_DEFAULTS = {
    "where": True,
    "casting": "same_kind",
    "order": "K",
    "dtype": None,
    "subok": True,
}
_LEGAL: dict[str, Callable[[Any], bool]] = {
    "where": lambda value: True,
    "casting": lambda value: value in ("no", "equiv", "safe", "same_kind", "unsafe"),
    "order": lambda value: isinstance(value, str),
    "dtype": lambda value: str(getattr(value, "__name__", value)) in _DTYPES,
    "subok": lambda value: isinstance(value, bool),
}


def np_ufunc_legal_option(key: str, value: Any) -> bool:
    """Say whether a value is one that NumPy's ufuncs take for a keyword.

    Examples
    --------
    >>> from microlazy.util import np_ufunc_legal_option
    >>> np_ufunc_legal_option("casting", "safe"), np_ufunc_legal_option("casting", "bad")
    (True, False)
    """
    return key in _LEGAL and _LEGAL[key](value)


def _wrapped_ufunc(function: Callable[..., Any], inputs: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        for key, value in kwargs.items():
            if key not in _UFUNC_DEFAULTS:
                raise TypeError(f"{key} is an invalid keyword to function {function.__name__!r}")
            if value != _UFUNC_DEFAULTS[key]:
                known = np_ufunc_legal_option(key, value)
                raise (NotImplementedError if known else TypeError)(
                    f"{function.__name__}: {key}={value!r} is "
                    + ("not implemented" if known else "not understood")
                )
        if len(args) == inputs + 1 and out is None:
            *args, out = args  # type: ignore[assignment]
        return function(*args, out=out)

    return call


def wrap_np_unary_func(func: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of one array take the keywords of NumPy's ufuncs with their defaults.

    Examples
    --------
    >>> from microlazy.util import wrap_np_unary_func
    >>> @wrap_np_unary_func
    ... def double(x, out=None):
    ...     return 2 * x
    >>> double(3, order="K")
    6
    >>> double(3, order="C")
    Traceback (most recent call last):
    NotImplementedError: double: order='C' is not implemented
    """
    return _wrapped_ufunc(func, 1)


def wrap_np_binary_func(func: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of two arrays take the keywords of NumPy's ufuncs with their defaults."""
    return _wrapped_ufunc(func, 2)
