"""Rows of the functions that share memory with other libraries."""

from .rows import Function

ROWS = tuple(
    Function(names, example, gradient=False, dynamic=True, like=like)
    for names, example, like in (
        ("np.from_dlpack nd.from_dlpack", "np.from_dlpack(x)", None),
        ("nd.to_dlpack_for_read", "nd.from_dlpack(nd.to_dlpack_for_read(x))", None),
        ("nd.to_dlpack_for_write", "nd.from_dlpack(nd.to_dlpack_for_write(x))", None),
    )
)
