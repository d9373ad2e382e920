"""`mx.io`: MXNet's older iterators over batches, from arrays, tables, records and each other."""

from typing import Any

from ..data_iter import DataBatch, DataDesc, DataIter
from . import arrays, detection, records, tables
from .arrays import *  # noqa: F403
from .detection import *  # noqa: F403
from .records import *  # noqa: F403
from .tables import *  # noqa: F403

__all__ = [
    "DataBatch",
    "DataDesc",
    "DataIter",
    *arrays.__all__,
    *detection.__all__,
    *records.__all__,
    *tables.__all__,
]


def __getattr__(name: str) -> Any:
    from ..foreign import missing

    raise missing("microlazy.io", name, __all__)
