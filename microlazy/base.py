"""Errors that the whole package raises, and what MXNet's programs import beside them."""

import ctypes
import os
import sys
from typing import Any

import numpy

if not __name__.startswith("microlazy."):  # such as mxnet.base, by sys.modules["mxnet"] = microlazy
    raise ImportError(
        f"{__name__} would be a second copy of microlazy.base, whose classes are not those of the "
        "first: write `import microlazy.as_mxnet`, which lets programs import mxnet"
    )


class MXNetError(RuntimeError):
    """What went wrong in an operation; the name that Gluon code catches.

    Examples
    --------
    >>> from microlazy.base import MXNetError
    >>> issubclass(MXNetError, RuntimeError)
    True
    """


class ShapeError(MXNetError, ValueError):
    """Shapes that do not fit each other; the message gives both.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.ones((2,)) + nd.ones((3,))
    Traceback (most recent call last):
    ...
    microlazy.base.ShapeError: add: operands could not be broadcast together with shapes (2,) (3,)
    """


class RangeError(MXNetError, ValueError):
    """A number outside of the range that it must lie in; the message gives both.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.normal(scale=-1)
    Traceback (most recent call last):
    ...
    microlazy.base.RangeError: random.normal: scale must be 0 or more, but it is -1
    """


class ArgumentError(MXNetError, ValueError, AssertionError):
    """What was given does not fit. MXNet 1.9 asserts here, so this is an ``AssertionError`` too.

    Examples
    --------
    >>> import microlazy as mx
    >>> try:
    ...     mx.init.create("gaussian")
    ... except AssertionError as error:
    ...     print(type(error).__name__)
    ArgumentError
    """


class AbstractValueError(MXNetError):
    """The values of an array that only has a shape were asked for, in a dry run or a trace.

    Examples
    --------
    >>> from microlazy.core.trace import abstract
    >>> bool(abstract((1,)))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    microlazy.base.AbstractValueError: ...
    """


def is_known(shape: tuple[int, ...] | None) -> bool:
    """Whether all sizes are known; 0 and -1 stand for those that are not.

    Examples
    --------
    >>> from microlazy.base import is_known
    >>> is_known((2, 3)), is_known((2, 0)), is_known(None)
    (True, False, False)
    """
    return shape is not None and all(size > 0 for size in shape)


# ---- values in messages ----


def kind_of(value: Any) -> str:
    """Return the type of a value in full, with the shape if it has one: for messages.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.base import kind_of
    >>> kind_of([1]), kind_of(numpy.ones((2, 3)))
    ('list', 'numpy.ndarray of shape (2, 3)')
    """
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    shape = getattr(value, "shape", None)
    return f"{name} of shape {shape}" if isinstance(shape, tuple) else name


def shown(value: Any) -> str:
    """Return a value as Python shows it, or its type if that is no short line: for messages.

    Examples
    --------
    >>> from microlazy.base import shown
    >>> shown("flaot32"), shown([0] * 99)
    ("'flaot32'", 'list')
    """
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else kind_of(value)


def not_an_array(what: str, value: Any) -> TypeError:
    """Return the error for a value where an operator needs an array; it shows what is short.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.base import not_an_array
    >>> print(not_an_array("relu", 3))
    relu: expected an array, got 3 of type int
    >>> print(not_an_array("relu", numpy.ones(2)))
    relu: expected an array, got numpy.ndarray of shape (2,): make one with nd.array() or np.array()
    """
    if isinstance(value, numpy.ndarray):
        hint = f"{kind_of(value)}: make one with nd.array() or np.array()"
        return TypeError(f"{what}: expected an array, got {hint}")
    text, kind = shown(value), kind_of(value)
    got = kind if text == kind else f"{text} of type {kind}"
    return TypeError(f"{what}: expected an array, got {got}")


# ---- kinds of values, for isinstance ----

integer_types = (int, numpy.int32, numpy.int64)
NDArrayHandle = ctypes.c_void_p  # what MXNet hands to callbacks in C; nothing here makes one
numeric_types = (float, int, numpy.generic)
string_types = (str,)
mx_real_t = numpy.float32  # the default dtype


def data_dir_default() -> str:
    """Return where data sets and models are kept without MXNET_HOME: a folder of the user's.

    Examples
    --------
    >>> from microlazy.base import data_dir_default
    >>> data_dir_default().endswith("mxnet")
    True
    """
    if sys.platform == "win32":
        return os.path.join(os.environ.get("APPDATA", os.path.expanduser("~")), "mxnet")
    return os.path.join(os.path.expanduser("~"), ".mxnet")


def data_dir() -> str:
    """Return where data sets and models are kept: MXNET_HOME, or a folder of the user's."""
    return os.environ.get("MXNET_HOME", data_dir_default())


def py_str(text: bytes) -> str:
    """Decode UTF-8."""
    return text.decode("utf-8")


def _as_list(obj: Any) -> list[Any]:
    """Return a list or tuple as a list, anything else in one."""
    return list(obj) if isinstance(obj, (list, tuple)) else [obj]
