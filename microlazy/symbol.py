"""`mx.sym`: the type that programs test for; there are no symbols."""

from typing import Any, NoReturn

from microlazy.base import MXNetError

__all__ = ["Symbol"]

_INSTEAD = (
    "symbols are not part of microlazy; write Gluon blocks and call hybridize(): "
    "only the type Symbol is here, for isinstance"
)


class Symbol:
    """What MXNet's symbolic graphs are made of; nothing here is one.

    Examples
    --------
    >>> import microlazy as mx
    >>> isinstance(mx.nd.ones((1,)), mx.sym.Symbol)
    False
    >>> mx.sym.Symbol()
    Traceback (most recent call last):
    microlazy.base.MXNetError: symbols are not part of microlazy; write Gluon blocks and call
    hybridize(): only the type Symbol is here, for isinstance
    """

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise MXNetError(_INSTEAD)


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"module 'microlazy.symbol' has no attribute {name!r}: {_INSTEAD}")
