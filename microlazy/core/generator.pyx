"""The state of the random generator: a key and how many counter blocks have been used.

Philox (Salmon et al. 2011) computes block i from (key, i) alone, so a draw is a range of counters,
and any thread can fill any part of it with the same bits.
"""

import operator

cdef unsigned long long key = 0
cdef unsigned long long used = 0


cdef unsigned long long generator_key() noexcept:
    return key


cdef unsigned long long draw(Py_ssize_t blocks) noexcept:
    global used
    cdef unsigned long long first = used
    used += blocks
    return first


cdef unsigned long long mixed(unsigned long long x) noexcept:
    """SplitMix64's finalizer (Steele et al. 2014): near seeds give keys that are far apart."""
    x += 0x9E3779B97F4A7C15u
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu
    return x ^ (x >> 31)


def seed(seed_state) -> None:
    """Start the generator's sequence anew.

    Parameters
    ----------
    seed_state : int
        Equal seeds give equal sequences.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.random.seed(7)
    >>> a = mx.nd.random.uniform(shape=(3,))
    >>> mx.random.seed(7)
    >>> bool((a == mx.nd.random.uniform(shape=(3,))).asnumpy().all())
    True
    """
    global key, used
    try:
        number = operator.index(seed_state)
    except TypeError:
        raise ValueError(f"seed_state must be int, not {seed_state!r}") from None
    key = mixed(<unsigned long long>(number & 0xFFFFFFFFFFFFFFFF))
    used = 0


def get_state() -> tuple:
    """The generator's key and position, for set_state().

    Examples
    --------
    >>> from microlazy.core import generator
    >>> state = generator.get_state()
    >>> generator.set_state(state)
    >>> generator.get_state() == state
    True
    """
    return key, used


def set_state(state) -> None:
    """Put the generator where get_state() found it."""
    global key, used
    key, used = state


seed(0)
