"""Rows of the functions that take over the memory of other libraries."""

from microlazy.op_table.rows import Function

ROWS = (
    Function("np.from_dlpack", "np.from_dlpack(x)", gradient=False, dynamic=True),
    Function("nd.from_dlpack", "nd.from_dlpack(x)", gradient=False, dynamic=True, like="x"),
)
