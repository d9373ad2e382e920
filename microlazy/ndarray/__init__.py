"""`mx.nd`: arrays with the rules of MXNet's older interface, and the functions on them."""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is made from tables, with its signatures
    from microlazy.ndarray.made import *  # noqa: F403

from microlazy import numpy as np
from microlazy import numpy_extension as npx
from microlazy.core.array import NDArray
from microlazy.core.exchange import to_dlpack_for_read, to_dlpack_for_write
from microlazy.ndarray import linalg, methods, random
from microlazy.ndarray.creation import *  # noqa: F403
from microlazy.ndarray.densities import *  # noqa: F403
from microlazy.ndarray.elementwise import *  # noqa: F403
from microlazy.ndarray.indexing import *  # noqa: F403
from microlazy.ndarray.layers import *  # noqa: F403
from microlazy.ndarray.manipulation import *  # noqa: F403
from microlazy.ndarray.output_layers import *  # noqa: F403
from microlazy.ndarray.products import *  # noqa: F403
from microlazy.ndarray.random_aliases import *  # noqa: F403
from microlazy.ndarray.reductions import *  # noqa: F403
from microlazy.ndarray.sorting import *  # noqa: F403
from microlazy.ndarray.updates import *  # noqa: F403
from microlazy.params_file import load, load_frombuffer, save

globals().update(
    {f"linalg_{name}": getattr(linalg, name) for name in linalg.__all__ if name != "syevd"}
)


def waitall() -> None:
    """Do nothing: every result is there when its call returns.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.waitall()
    """


# Functions that are imported when they are used, and their modules.
_LATE = dict.fromkeys(
    ("BilinearSampler", "GridGenerator", "ROIPooling", "SpatialTransformer"),
    f"{__name__}.detection",
) | {"Custom": "microlazy.operator"}

if TYPE_CHECKING:
    from microlazy.ndarray import contrib, image, op
    from microlazy.ndarray.detection import *  # noqa: F403
    from microlazy.operator import Custom
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name in ("_internal", "contrib", "image", "op"):  # imported when they are used
            return import_module(f"{__name__}.{name}")
        if name in _LATE:
            return getattr(import_module(_LATE[name]), name)
        from microlazy.foreign import missing

        raise missing("microlazy.nd", name, [*globals(), *_LATE])
