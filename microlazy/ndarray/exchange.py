"""Memory shared with other libraries through DLPack, by MXNet's names."""

from typing import Any

from microlazy.core import exchange
from microlazy.core.array import NDArray
from microlazy.core.exchange import to_dlpack_for_read, to_dlpack_for_write

__all__ = ["from_dlpack", "to_dlpack_for_read", "to_dlpack_for_write"]


def from_dlpack(dlpack: Any) -> NDArray:
    """Make an array on the memory of a DLPack capsule, or of an object with `__dlpack__`.

    Parameters
    ----------
    dlpack : DLPack capsule or object with `__dlpack__`
        A capsule serves once.

    Raises
    ------
    TypeError
        If it is neither, or of a dtype that microlazy has not.
    BufferError
        If the memory cannot be shared.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.from_dlpack(nd.ones((2,)).to_dlpack_for_read()).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return exchange.from_dlpack(0, dlpack)
