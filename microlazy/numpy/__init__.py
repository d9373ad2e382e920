"""`mx.np`: NumPy's functions on microlazy's arrays, in float32 by default."""

# mypy: implicit-reexport

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is imported when it is used; what is made from tables, with signatures
    from microlazy.numpy.differences import *  # noqa: F403
    from microlazy.numpy.dtypes import *  # noqa: F403
    from microlazy.numpy.elementwise import *  # noqa: F403
    from microlazy.numpy.functional import *  # noqa: F403
    from microlazy.numpy.histograms import *  # noqa: F403
    from microlazy.numpy.index_tricks import *  # noqa: F403
    from microlazy.numpy.indexing import *  # noqa: F403
    from microlazy.numpy.joining import *  # noqa: F403
    from microlazy.numpy.made import *  # noqa: F403
    from microlazy.numpy.manipulation import (
        broadcast_arrays,
        broadcast_shapes,
        broadcast_to,
        expand_dims,
        flip,
        matrix_transpose,
        moveaxis,
        ndim,
        permute_dims,
        ravel,
        reshape,
        roll,
        rollaxis,
        rot90,
        shape,
        size,
        squeeze,
        swapaxes,
        transpose,
    )
    from microlazy.numpy.memory import packbits, unpackbits
    from microlazy.numpy.padding import *  # noqa: F403
    from microlazy.numpy.polynomials import *  # noqa: F403
    from microlazy.numpy.printing import *  # noqa: F403
    from microlazy.numpy.products import *  # noqa: F403
    from microlazy.numpy.protocols import __array_namespace_info__, from_dlpack
    from microlazy.numpy.puts import *  # noqa: F403
    from microlazy.numpy.quantiles import median, nanmedian
    from microlazy.numpy.ranges import (
        arange,
        diag_indices_from,
        eye,
        geomspace,
        identity,
        indices,
        ix_,
        kaiser,
        linspace,
        logspace,
        mask_indices,
        meshgrid,
        tri,
        vander,
    )
    from microlazy.numpy.sets import (
        in1d,
        intersect1d,
        isin,
        unique,
        unique_all,
        unique_counts,
        unique_inverse,
        unique_values,
    )
    from microlazy.numpy.sorting import *  # noqa: F403
    from microlazy.numpy.statistics import (
        average,
        corrcoef,
        count_nonzero,
        cov,
        cumprod,
        cumsum,
        mean,
        ptp,
    )

from numpy import (
    bool_,
    byte,
    double,
    e,
    errstate,
    euler_gamma,
    float16,
    float32,
    float64,
    floating,
    generic,
    half,
    inexact,
    inf,
    int8,
    int32,
    int64,
    int_,
    intc,
    integer,
    intp,
    nan,
    newaxis,
    number,
    pi,
    signedinteger,
    single,
    ubyte,
    uint8,
    unsignedinteger,
)

from microlazy._late import LateModule as _LateModule
from microlazy._late import gather as _gather
from microlazy._late import star_names as _star_names
from microlazy.core.array import ndarray
from microlazy.core.array import register_methods as _register_methods
from microlazy.core.array import register_protocols as _register_protocols
from microlazy.numpy.creation import *  # noqa: F403

__array_api_version__ = "2023.12"
bool = bool_
_register_methods(1, _LateModule(f"{__name__}.methods"))
_register_protocols(_LateModule(f"{__name__}.protocols"))
PINF, NINF, NAN, NaN, PZERO, NZERO = inf, -inf, nan, nan, 0.0, -0.0

# Modules that are imported when they are used, and modules whose functions come when one is
# asked for.
_LATE = ("fft", "linalg", "methods", "random")
_LATE_FUNCTIONS = (
    "statistics",
    "joining",
    "manipulation",
    "ranges",
    "products",
    "sorting",
    "indexing",
    "dtypes",
    "elementwise",
    "protocols",
    "differences",
    "files",
    "functional",
    "histograms",
    "index_tricks",
    "memory",
    "nan_statistics",
    "padding",
    "polynomials",
    "printing",
    "puts",
    "quantiles",
    "sets",
)

if TYPE_CHECKING:
    from microlazy.numpy import fft, linalg, methods, random
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # a star import asks for it
            return _star_names(__dir__())
        if name in (*_LATE, *_LATE_FUNCTIONS):
            return _import_module(f"{__name__}.{name}")
        _gather(globals(), _LATE_FUNCTIONS, name)
        if name in globals():
            return globals()[name]
        import numpy

        from microlazy.foreign import missing
        from microlazy.outside import explain

        other = getattr(numpy, name, None)
        if isinstance(other, type) and issubclass(other, generic):
            raise AttributeError(
                f"{explain('microlazy.np', name)}: an array's dtype is one of float16, float32, "
                "float64, int8, int32, int64, uint8 and bool"
            )
        raise missing("microlazy.np", name, [*globals(), *_LATE])

    def __dir__() -> list[str]:
        _gather(globals(), _LATE_FUNCTIONS)
        return sorted({*globals(), *_LATE})
