"""The state of the random generator: a key and how many counter blocks have been used.

Philox (Salmon et al. 2011) computes block i from (key, i) alone, so a draw is a range of counters,
and any thread can fill any part of it with the same bits.

Until a program sets a seed, each worker process has a sequence of its own: forked ones by how many
forks came before, spawned ones by the name that multiprocessing gave them. So workers differ, and
the same program draws the same numbers again.
"""

import operator
import os
import sys
from threading import local

import numpy

from microlazy.core.tape cimport state

# Two streams: what programs draw, and what initializers draw. So the weights of a network do not
# depend on when, between the draws of its dropout layers, their sizes were found.
cdef unsigned long long[2] keys
cdef unsigned long long[2] used
cdef bint seeded = False                # whether the program chose the sequence
cdef object of_threads = local()        # NumPy's generators, where they begin
cdef unsigned long long forks = 0       # of this process and of those that it came from


cdef unsigned long long generator_key() noexcept:
    return keys[state().stream]


cdef unsigned long long draw(Py_ssize_t blocks) noexcept:
    cdef int stream = state().stream
    cdef unsigned long long first = used[stream]
    used[stream] += blocks
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
        Equal seeds give equal sequences, in worker processes as well: those that are forked later
        go on with this sequence, all of them with the same one.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.random.seed(7)
    >>> a = mx.nd.random.uniform(shape=(3,))
    >>> mx.random.seed(7)
    >>> bool((a == mx.nd.random.uniform(shape=(3,))).asnumpy().all())
    True
    """
    global seeded
    try:
        number = operator.index(seed_state)
    except TypeError:
        raise ValueError(f"seed_state must be int, not {seed_state!r}") from None
    begin(<unsigned long long>(number & 0xFFFFFFFFFFFFFFFF))
    seeded = True


cdef int begin(unsigned long long number) except -1:
    keys[0] = mixed(number)
    keys[1] = mixed(keys[0])
    used[0] = used[1] = 0
    return 0


def _count_fork() -> None:
    """Count a fork that is about to happen."""
    global forks
    forks += 1


def _begin_in_child() -> None:
    """Give a forked process a sequence of its own, unless a seed was set."""
    if not seeded:
        begin(keys[0] ^ mixed(forks))


def _own_number() -> int:
    """0, and in a worker process of multiprocessing a number made from its name.

    Examples
    --------
    >>> from microlazy.core.generator import _own_number
    >>> _own_number()
    0
    """
    process = sys.modules.get("multiprocessing.process")
    name = "MainProcess" if process is None else process.current_process().name
    if name == "MainProcess":
        return 0
    from zlib import crc32      # which most programs do not need
    return crc32(name.encode())


cdef unsigned long long rounded(unsigned long long key) noexcept:
    """A key as NumPy makes one of a list: from 2**63 on by way of float64."""
    cdef double near = <double>key
    return <unsigned long long>near if 2.0 ** 63 <= near < 2.0 ** 64 else key


def stream():
    """A NumPy generator for what has no sampler of ours, at the sequence's next place.

    Each call takes one place of the sequence, which becomes the key of a Philox generator: what
    is drawn depends on the seed and on the calls before, and however much is drawn, the calls
    after it do not change. A thread has one generator, as making one takes longer than small
    draws: the next call in the thread puts it to another place.

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy.core.generator import stream
    >>> mx.random.seed(3)
    >>> a = stream().gamma(2.0)
    >>> mx.random.seed(3)
    >>> a == stream().gamma(2.0)
    True
    """
    cdef unsigned long long key = generator_key()
    try:
        generator, bits, start = of_threads.generator
    except AttributeError:
        bits = numpy.random.Philox(key=[0, 0])
        generator, start = numpy.random.Generator(bits), bits.state
        start = {**start, "buffer": start["buffer"].tolist(), "state": {"counter": [0, 0, 0, 0]}}
        of_threads.generator = generator, bits, start
    start["state"]["key"] = [rounded(key), draw(1)]
    bits.state = start
    return generator


def get_state() -> tuple:
    """The generator's keys and positions, for set_state().

    Examples
    --------
    >>> from microlazy.core import generator
    >>> state = generator.get_state()
    >>> generator.set_state(state)
    >>> generator.get_state() == state
    True
    """
    return keys[0], keys[1], used[0], used[1]


def set_state(saved) -> None:
    """Put the generator where get_state() found it."""
    keys[0], keys[1], used[0], used[1] = saved


begin(_own_number())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_count_fork, after_in_child=_begin_in_child)
