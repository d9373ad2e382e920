"""Products of vectors, matrices and stacks of them."""

from microlazy.base import ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops.arguments import need_arrays, op
from microlazy.ops.products import batch_dot

__all__ = ["batch_dot", "dot", "khatri_rao"]


@op
def dot(
    lhs: NDArray,
    rhs: NDArray,
    transpose_a: bool = False,
    transpose_b: bool = False,
    forward_stype: str | None = None,
) -> NDArray:
    """Return the sum over lhs's last axis and rhs's first.

    Parameters
    ----------
    lhs, rhs : NDArray
    transpose_a, transpose_b : bool
        Take the transpose of an operand.
    forward_stype : str, optional
        How the result is stored: "default", that is dense.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.dot(nd.array([[1, 2]]), nd.array([[3], [4]])).asnumpy()
    array([[11.]], dtype=float32)
    """
    result = _f.dot(lhs, rhs, transpose_a, transpose_b)
    return result if forward_stype is None else result.tostype(forward_stype)


@op
def khatri_rao(*args: NDArray) -> NDArray:
    """Return the Kronecker products of the columns of matrices with equally many columns.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.khatri_rao(nd.array([[1, -1], [2, -3]]), nd.array([[1, 4], [2, 5]])).asnumpy()
    array([[  1.,  -4.],
           [  2.,  -5.],
           [  2., -12.],
           [  4., -15.]], dtype=float32)
    """
    need_arrays(args)
    if any(x.ndim != 2 or x.shape[1] != args[0].shape[1] for x in args):
        raise ShapeError(
            "khatri_rao: the matrices must have equally many columns, but their shapes are "
            f"{', '.join(str(x.shape) for x in args)}"
        )
    product = args[0].copy() if len(args) == 1 else args[0]
    for x in args[1:]:
        rows = product.shape[0] * x.shape[0]
        product = _f.expand_dims(product, 1) * _f.expand_dims(x, 0)
        product = _f.reshape(product, (rows, x.shape[1]))
    return product
