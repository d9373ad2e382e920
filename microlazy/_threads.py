"""What is decided about threads before a compiled module loads, and OpenMP's runtime with it.

Between two pieces of work GCC's runtime keeps its threads spinning for milliseconds by default. On
a machine that others use too they then take the core that somebody needs, the BLAS of NumPy for
one: a training loop ran four times slower so. Spinning for some 50 microseconds covers the gaps
within a training step. The runtime reads the variable once; the environment is left as it was.

The core's tapes, pools and caches are guarded by the GIL. A free-threaded Python takes it up by
itself, for all of the process, with a warning that tells how to keep it off at one's own risk. Here
the risk is wrong numbers and memory that two threads write to, so there is no such choice.
"""

import os
import sys
import warnings
from contextlib import nullcontext
from importlib import import_module

_gil_is_on = getattr(sys, "_is_gil_enabled", lambda: True)  # before Python 3.13 it always is


def _load_first() -> None:
    """Load a compiled module."""
    ignored = warnings.catch_warnings(action="ignore", category=RuntimeWarning)
    with nullcontext() if _gil_is_on() else ignored:
        import_module("microlazy.core.parallel")
    if not _gil_is_on():
        raise ImportError(
            "microlazy needs Python's GIL, which PYTHON_GIL=0 or -X gil=0 keeps off: start this "
            "free-threaded Python without them, and it takes up the GIL when microlazy is imported"
        )


if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    _load_first()
else:
    os.environ["GOMP_SPINCOUNT"] = "2000"
    try:
        _load_first()
    finally:
        del os.environ["GOMP_SPINCOUNT"]
