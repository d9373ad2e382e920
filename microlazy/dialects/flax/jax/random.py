"""jax.random: numbers that follow from a key and from nothing else.

A key is an array of two integers. The numbers are those of microlazy's generator, so they differ
from JAX'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy

from .... import numpy as np
from ....core.planning import Unplannable, is_building
from ....initializer import InitDesc, TruncNorm
from ...faces import as_array
from ...generator import keyed, words_of
from .._absent import teller

__all__ = [
    "PRNGKey",
    "bernoulli",
    "categorical",
    "choice",
    "fold_in",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "truncated_normal",
    "uniform",
]

Shape = Sequence[int]


def PRNGKey(seed: int) -> Any:  # noqa: N802
    """The key of a seed.

    Parameters
    ----------
    seed : int
        From 0 to 2 ** 64 - 1; others are taken modulo 2 ** 64.

    Examples
    --------
    >>> PRNGKey(3)
    array([0, 3], dtype=int64)
    """
    number = int(seed) & 0xFFFFFFFFFFFFFFFF
    return np.array([number >> 32, number & 0xFFFFFFFF], dtype="int64")


key = PRNGKey


def words(key: Any) -> tuple[int, ...]:
    """The integers of a key.

    Raises
    ------
    TypeError
        If it is no key.

    Examples
    --------
    >>> words(PRNGKey(3))
    (0, 3)
    """
    if getattr(key, "shape", None) != (2,):
        raise TypeError(f"a key of PRNGKey() or split() was expected, but got {key!r}")
    if is_building():
        raise Unplannable("it draws by a key, whose value decides")
    if getattr(key, "is_abstract", False):  # only shapes are asked for
        return (0, 0)
    return tuple(int(word) for word in key.tolist())


def _made(parts: Sequence[int], count: int) -> Any:
    numbers = words_of(parts, count)
    return np.array([[n >> 32, n & 0xFFFFFFFF] for n in numbers], dtype="int64")


def split(key: Any, num: int = 2) -> Any:
    """New keys from one.

    Parameters
    ----------
    key : array of int, shape (2,)
        A key; it is not to be used again.
    num : int
        How many.

    Returns
    -------
    array of int, shape (num, 2)

    Examples
    --------
    >>> first, second = split(PRNGKey(0))
    >>> first.shape
    (2,)
    """
    return _made((*words(key), 0), num)


def fold_in(key: Any, data: int) -> Any:
    """A new key from one and a number.

    Examples
    --------
    >>> bool((fold_in(PRNGKey(0), 1) == fold_in(PRNGKey(0), 2)).all())
    False
    """
    return _made((*words(key), 1, data), 1)[0]


def uniform(
    key: Any,
    shape: Shape = (),
    dtype: Any = "float32",
    minval: float = 0.0,
    maxval: float = 1.0,
) -> Any:
    """Numbers from `minval` up to `maxval`.

    Parameters
    ----------
    key : array of int, shape (2,)
        Equal keys give equal numbers.
    shape : tuple of int
        Of the array.
    dtype : dtype
        Of the array.
    minval, maxval : float
        The least, and what they stay below.

    Examples
    --------
    >>> x = uniform(PRNGKey(1), (2, 20))
    >>> bool((x == uniform(PRNGKey(1), (2, 20))).all())
    True
    """
    with keyed(*words(key)):
        return np.random.uniform(minval, maxval, tuple(shape), dtype=dtype)


def normal(key: Any, shape: Shape = (), dtype: Any = "float32") -> Any:
    """Numbers of mean 0 and deviation 1; as `uniform`.

    Examples
    --------
    >>> normal(PRNGKey(1), (3,)).shape
    (3,)
    """
    with keyed(*words(key)):
        return np.random.normal(0.0, 1.0, tuple(shape), dtype=dtype)


def truncated_normal(
    key: Any, lower: float = -2.0, upper: float = 2.0, shape: Shape = (), dtype: Any = "float32"
) -> Any:
    """Normal numbers; those outside of the limits, which must be -a and a, are drawn again.

    Examples
    --------
    >>> bool(abs(truncated_normal(PRNGKey(1), shape=(100,))).max() <= 2)
    True
    """
    if lower != -upper:
        raise ValueError(f"truncated_normal: limits must be -a and a, not {lower} and {upper}")
    values = np.zeros(tuple(shape), dtype=dtype)
    with keyed(*words(key)):
        TruncNorm(stdev=1.0, scale=upper)._init_weight(InitDesc("weight"), values)
    return values


def randint(key: Any, shape: Shape, minval: int, maxval: int, dtype: Any = "int32") -> Any:
    """Whole numbers from `minval` to ``maxval - 1``; as `uniform`.

    Examples
    --------
    >>> bool((randint(PRNGKey(1), (100,), 2, 4) < 4).all())
    True
    """
    with keyed(*words(key)):
        return np.random.randint(minval, maxval, tuple(shape), dtype=dtype)


def bernoulli(key: Any, p: Any = 0.5, shape: Shape | None = None) -> Any:
    """True with a probability.

    Examples
    --------
    >>> bernoulli(PRNGKey(1), 1.0, (2,)).tolist()
    [True, True]
    """
    size = tuple(getattr(p, "shape", ())) if shape is None else tuple(shape)
    return uniform(key, size) < p


def categorical(key: Any, logits: Any, axis: int = -1) -> Any:
    """Class numbers whose probabilities are the softmax of `logits` (by Gumbel's noise).

    Examples
    --------
    >>> categorical(PRNGKey(1), as_array([0.0, 100.0])).item()
    1
    """
    with keyed(*words(key)):
        noise = np.random.gumbel(size=tuple(logits.shape))
    return (logits + noise).argmax(axis=axis).astype("int32")


def permutation(key: Any, x: Any) -> Any:
    """The numbers below `x`, or the rows of an array, in a random order.

    Examples
    --------
    >>> sorted(permutation(PRNGKey(1), 3).tolist())
    [0, 1, 2]
    """
    count = x if isinstance(x, int) else len(x)
    order = as_array(_numpy_generator(key).permutation(count).astype("int32"))
    return order if isinstance(x, int) else x[order]


def choice(key: Any, a: Any, shape: Shape = (), replace: bool = True, p: Any = None) -> Any:
    """Some of the numbers below `a`, or of the rows of an array.

    Examples
    --------
    >>> choice(PRNGKey(1), 3, (5,)).shape
    (5,)
    """
    count = a if isinstance(a, int) else len(a)
    odds = None if p is None else numpy.asarray(p, dtype="float64")
    chosen = _numpy_generator(key).choice(count, tuple(shape), replace, odds)
    places = as_array(numpy.asarray(chosen, dtype="int32"))
    return places if isinstance(a, int) else a[places]


def _numpy_generator(key: Any) -> numpy.random.Generator:
    """NumPy's generator for what has no sampler of ours."""
    return numpy.random.Generator(numpy.random.Philox(key=words_of(words(key), 2)))


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
