"""The number of threads that large work is spread over."""

import os

cdef extern from "openmp.h" nogil:
    int MICROLAZY_OPENMP
    int thread_in_team()

cdef int count = 1


cdef int threads() noexcept nogil:
    return count


cdef int thread_number() noexcept nogil:
    return thread_in_team()


def has_openmp() -> bool:
    """Whether this build uses OpenMP.

    Examples
    --------
    >>> from microlazy.core.parallel import has_openmp
    >>> has_openmp() in (True, False)
    True
    """
    return bool(MICROLAZY_OPENMP)


def get_num_threads() -> int:
    """The number of threads that large work is spread over.

    Examples
    --------
    >>> from microlazy.core.parallel import get_num_threads
    >>> get_num_threads() >= 1
    True
    """
    return count


def set_num_threads(int n) -> int:
    """Set the number of threads; returns the number before.

    Parameters
    ----------
    n : int
        At least 1. Without OpenMP only one thread computes.

    Examples
    --------
    >>> from microlazy.core.parallel import set_num_threads
    >>> before = set_num_threads(1)
    >>> set_num_threads(before)
    1
    """
    global count
    before = count
    if n < 1:
        raise ValueError(f"the number of threads must be at least 1, not {n}")
    count = n if MICROLAZY_OPENMP else 1
    return before


def default_threads() -> int:
    """MICROLAZY_NUM_THREADS, or OMP_NUM_THREADS, or the cores this process may use.

    Examples
    --------
    >>> from microlazy.core.parallel import default_threads
    >>> default_threads() >= 1
    True
    """
    for name in ("MICROLAZY_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").split(",")[0].strip()
        if text:
            if not text.isdigit() or int(text) < 1:
                raise ValueError(f"{name}={text!r}: expected a whole number of at least 1")
            return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_thread_in_child() -> None:
    """Use one thread in a forked process: OpenMP's others are not there, and it would wait."""
    set_num_threads(1)


set_num_threads(default_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=one_thread_in_child)
