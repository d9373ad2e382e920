# cython: language_level=3
"""Chooses the build of the kernels at import: the widest that the processor can run."""

import os
from importlib import import_module
from importlib.machinery import PathFinder

from cpython.pycapsule cimport PyCapsule_GetPointer

from microlazy.core.kernels.table cimport KernelTable

# What each build needs, in NumPy's names of processor features, from the widest build down.
REQUIRED = {
    "avx512": ("AVX512F", "AVX512CD", "AVX512_SKX", "AVX2", "FMA3"),
    "avx2": ("AVX2", "FMA3"),
    "baseline": (),
}


def available() -> tuple[str, ...]:
    """
    Names of the kernel builds that this processor can run, the widest first.

    Returns
    -------
    tuple of str
        Some of ``"avx512"``, ``"avx2"`` and always ``"baseline"``.

    Examples
    --------
    >>> from microlazy.core.kernels.select import available
    >>> available()[-1]
    'baseline'
    """
    try:
        from numpy._core._multiarray_umath import __cpu_features__ as features
    except ImportError:         # a private name of NumPy's: it may move
        features = {}
    folder = import_module("microlazy.core.kernels").__path__
    return tuple(
        name
        for name, needs in REQUIRED.items()
        if all(features.get(feature) for feature in needs)
        and PathFinder.find_spec(f"microlazy.core.kernels.{name}", folder) is not None
    )


def chosen() -> str:
    """
    Name of the kernel build in use.

    The widest one available, unless the environment variable ``MICROLAZY_KERNELS`` names another.

    Returns
    -------
    str

    Examples
    --------
    >>> from microlazy.core.kernels.select import available, chosen
    >>> chosen() in available()
    True
    """
    return kernels.name.decode()


cdef const KernelTable* load(str name) except NULL:
    module = import_module(f"microlazy.core.kernels.{name}")
    return <const KernelTable*> PyCapsule_GetPointer(module.capsule, "microlazy.KernelTable")


def _choose():
    names = available()
    name = os.environ.get("MICROLAZY_KERNELS") or names[0]
    if name not in names:
        raise ImportError(
            f"MICROLAZY_KERNELS={name!r} does not name kernels that this processor and this "
            f"installation have: {', '.join(names)}."
        )
    return name


kernels = load(_choose())
