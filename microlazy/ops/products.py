"""Products of matrices: layers of weights, and stacks."""

from microlazy.core import functions as f
from microlazy.core.ops import nn
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op


@op
def fully_connected(
    data: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    num_hidden: int | None = None,
    no_bias: bool = False,
    flatten: bool = True,
) -> Tensor:
    """Compute the dense layer ``data @ weight.T + bias``.

    Parameters
    ----------
    data : array, shape (batch, ...)
        With `flatten`, all axes but the first are features, else the last alone.
    weight : array, shape (num_hidden, features)
    bias : array, shape (num_hidden,), optional
    num_hidden : int, optional
        To be checked against the weight.
    no_bias : bool
        Leave the bias out.
    flatten : bool

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.fully_connected(np.ones((2, 3)), np.ones((4, 3)), num_hidden=4).shape
    (2, 4)
    """
    return nn.fully_connected(data, weight, bias, num_hidden, no_bias, flatten)


@op
def batch_dot(
    lhs: Tensor,
    rhs: Tensor,
    transpose_a: bool = False,
    transpose_b: bool = False,
    forward_stype: str | None = None,
) -> Tensor:
    """Return the products of the matrices in two stacks of shape (batch, m, k) and (batch, k, n).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.batch_dot(nd.ones((5, 2, 3)), nd.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    result = f.batch_dot(lhs, rhs, transpose_a, transpose_b)
    return result if forward_stype is None else result.tostype(forward_stype)
