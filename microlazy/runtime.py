"""`mx.runtime`: what this build can do, under the names that MXNet asks by."""

import platform
from typing import NamedTuple

__all__ = ["Feature", "Features", "feature_list"]

# Everything of MXNet 1.9's list that microlazy never has.
_NEVER = """
    CUDA CUDNN NCCL CUDA_RTC TENSORRT CPU_SSE4A SSE JEMALLOC BLAS_ATLAS BLAS_MKL BLAS_APPLE MKLDNN
    OPENCV CAFFE DIST_KVSTORE CXX14 DEBUG TVM_OP SIGNAL_HANDLER"""


class Feature(NamedTuple):
    """A feature by name, and whether this build has it.

    Examples
    --------
    >>> from microlazy.runtime import Feature
    >>> Feature("CUDA", False)
    ✖ CUDA
    """

    name: str
    enabled: bool

    def __repr__(self) -> str:
        return f"{'✔' if self.enabled else '✖'} {self.name}"


def feature_list() -> list[Feature]:
    """Return the features that MXNet names, with what holds here.

    Processor features are those that the kernels in use were built for.

    Examples
    --------
    >>> from microlazy.runtime import feature_list
    >>> [feature for feature in feature_list() if feature.name in ("CUDA", "LAPACK")]
    [✖ CUDA, ✔ LAPACK]
    """
    from microlazy._config import config

    here = config()
    wide = here["kernels"] in ("avx2", "avx512")
    on = {
        **dict.fromkeys(("CPU_SSE", "CPU_SSE2"), platform.machine() in ("x86_64", "AMD64")),
        **dict.fromkeys(("CPU_SSE3", "CPU_SSE4_1", "CPU_SSE4_2"), wide),
        **dict.fromkeys(("CPU_AVX", "CPU_AVX2", "F16C"), wide),
        "OPENMP": bool(here["openmp"]),
        "BLAS_OPEN": "openblas" in str(here["blas"]).lower(),
        "LAPACK": True,
        "PROFILER": True,
        "INT64_TENSOR_SIZE": True,
    }
    return [Feature(name, on.get(name, False)) for name in (*_NEVER.split(), *on)]


class Features(dict[str, Feature]):
    """The features by name.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.runtime.Features().is_enabled("cuda")
    False
    """

    def __init__(self) -> None:
        super().__init__({feature.name: feature for feature in feature_list()})

    def __repr__(self) -> str:
        return str(list(self.values()))

    def is_enabled(self, feature_name: str) -> bool:
        """Say whether a feature is there; RuntimeError for a name that MXNet has not either."""
        name = feature_name.upper()
        if name not in self:
            raise RuntimeError(f"Feature {name!r} is unknown, known features are: {list(self)}")
        return self[name].enabled
