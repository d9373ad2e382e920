"""What a row of the table says about a function of np, npx or nd."""

from typing import NamedTuple


class Function(NamedTuple):
    """One function under all its names, with calls that are run.

    The calls are Python expressions over `np`, `npx`, `nd` and the arrays of
    `op_table.samples`. They use the first name; each other name is put in its place, with
    nd arrays for a name of nd, so the text must be right for all of them (else write two rows: a
    name may have several). Every call is run by tests/test_op_table.py:

    - its values are NumPy's, where the name begins with `np.` or `like` says what NumPy computes;
    - its gradient, and the gradient of that, are central differences in every float sample;
    - a hybridized block gives the same bits.

    Nothing random needs care: the seed is the same at each call. A call that returns None is
    judged by its first sample afterwards (a shuffle in place). Results may be arrays, tuples or
    lists of them, or plain Python values.

    Parameters
    ----------
    names : str
        Such as "np.diff nd.diff", separated by blanks; names of modules within count:
        "np.linalg.norm".
    example : str
        A call, such as "np.diff(x, axis=0)". Choose arguments away from kinks and ties; compose
        where a domain asks for it: "np.arccosh(p + 1)". It stands in the documentation.
    more : tuple of str
        Further calls, for other paths through the code.
    gradient : bool
        Whether it has a gradient (one that is zero, as that of floor, is one). The tests fail if
        it has none though this says True, and the other way round.
    once : bool
        Whether only the first order is right, so that create_graph is refused.
    surrogate : bool
        Whether the gradient is MXNet's own and not the derivative, as that of SoftmaxOutput: only
        that there is one is tested here.
    dynamic : bool
        Whether it needs values to know its result's shape, or to return something that is not an
        array: a hybridized block then runs eagerly, and warns.
    like : str or None
        What must give the same values under NumPy (`np`) or SciPy (`scipy`); the same text if
        left out; None for what NumPy has not, or has with another meaning. It goes with
        `example` alone, and then `more` is not compared.

    Examples
    --------
    >>> from op_table.rows import Function
    >>> Function("np.diff", "np.diff(x, axis=0)", more=("np.diff(v, n=2)",)).gradient
    True
    """

    names: str
    example: str
    more: tuple[str, ...] = ()
    gradient: bool = True
    once: bool = False
    surrogate: bool = False
    dynamic: bool = False
    like: str | None = ""
