"""What this installation computes with."""

from typing import Any


def config() -> dict[str, Any]:
    """Say which kernels, BLAS and threads are in use.

    Returns
    -------
    dict
        `kernels`: the build in use, "baseline", "avx2" or "avx512" (the environment variable
        `MICROLAZY_KERNELS` forces a lower one); `available`: those this processor can run;
        `blas`: the library of matrix products; `openmp`: whether the build has it; `threads`: how
        many large work is spread over (`MICROLAZY_NUM_THREADS`).

    Examples
    --------
    >>> import microlazy as mx
    >>> sorted(mx.config())
    ['available', 'blas', 'kernels', 'openmp', 'threads']
    """
    from microlazy.core.blas import blas_name
    from microlazy.core.kernels.select import available, chosen
    from microlazy.core.parallel import get_num_threads, has_openmp

    return {
        "kernels": chosen(),
        "available": available(),
        "blas": blas_name(),
        "openmp": has_openmp(),
        "threads": get_num_threads(),
    }
