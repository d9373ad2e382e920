"""Random numbers: the seed, and nd's samplers under their older names."""

from microlazy.core.generator import seed as _seed
from microlazy.ndarray.random import (
    exponential,
    gamma,
    generalized_negative_binomial,
    multinomial,
    negative_binomial,
    normal,
    poisson,
    randint,
    randn,
    shuffle,
    uniform,
)

__all__ = [
    "exponential",
    "gamma",
    "generalized_negative_binomial",
    "multinomial",
    "negative_binomial",
    "normal",
    "poisson",
    "randint",
    "randn",
    "seed",
    "shuffle",
    "uniform",
]


def seed(seed_state: int, ctx: object = "all") -> None:
    """Start the generator's sequence anew: equal seeds give equal numbers.

    Parameters
    ----------
    seed_state : int
    ctx : Context or "all"
        Accepted for compatibility: there is one generator.

    Notes
    -----
    A program that sets no seed draws the same numbers at every start. Its worker processes, forked
    or spawned, draw others: each has a sequence of its own, the same at every start as well. Once a
    seed is set, forked workers all go on with that one sequence, so set another in each of them.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.random.seed(1)
    >>> a = mx.nd.random.normal(shape=(2,)).asnumpy()
    >>> mx.random.seed(1)
    >>> bool((a == mx.nd.random.normal(shape=(2,)).asnumpy()).all())
    True
    """
    _seed(seed_state)
