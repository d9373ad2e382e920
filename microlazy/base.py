"""Errors that the whole package raises."""


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
