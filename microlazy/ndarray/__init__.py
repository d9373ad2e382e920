"""`mx.nd`: arrays with the rules of MXNet's older interface, and the functions on them."""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is imported when it is used; what is made from tables, with signatures
    from microlazy.ndarray.elementwise import *  # noqa: F403
    from microlazy.ndarray.indexing import *  # noqa: F403
    from microlazy.ndarray.made import *  # noqa: F403
    from microlazy.ndarray.manipulation import *  # noqa: F403
    from microlazy.ndarray.output_layers import *  # noqa: F403
    from microlazy.ndarray.products import *  # noqa: F403
    from microlazy.ndarray.reductions import *  # noqa: F403
    from microlazy.ndarray.sorting import *  # noqa: F403
    from microlazy.ndarray.updates import *  # noqa: F403

from microlazy import numpy as np
from microlazy import numpy_extension as npx
from microlazy._late import LateModule as _LateModule
from microlazy._late import gather as _gather
from microlazy._late import star_names as _star_names
from microlazy.core.array import NDArray
from microlazy.core.array import register_methods as _register_methods
from microlazy.core.exchange import to_dlpack_for_read, to_dlpack_for_write
from microlazy.ndarray.creation import *  # noqa: F403

_register_methods(0, _LateModule(f"{__name__}.methods"))


def waitall() -> None:
    """Do nothing: every result is there when its call returns.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.waitall()
    """


# Modules and functions that are imported when they are used, and modules whose functions come when
# one is asked for.
_LATE_MODULES = ("_internal", "contrib", "image", "linalg", "methods", "ndarray", "op", "random")
_LATE = {
    **dict.fromkeys(
        ("BilinearSampler", "GridGenerator", "ROIPooling", "SpatialTransformer"),
        f"{__name__}.detection",
    ),
    **dict.fromkeys(("load", "load_frombuffer", "save"), "microlazy.params_file"),
    "Custom": "microlazy.operator",
}
_LATE_FUNCTIONS = (
    "reductions",
    "manipulation",
    "products",
    "output_layers",
    "indexing",
    "elementwise",
    "sorting",
    "layers",
    "updates",
    "densities",
    "random_aliases",
)

if TYPE_CHECKING:
    from microlazy.ndarray import contrib, image, linalg, methods, ndarray, op, random
    from microlazy.operator import Custom
    from microlazy.params_file import load, load_frombuffer, save
else:  # a type checker would take it for a promise

    def _gather_linalg() -> None:
        linalg = import_module(f"{__name__}.linalg")
        for name in linalg.__all__:
            if name != "syevd":
                globals()[f"linalg_{name}"] = getattr(linalg, name)

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # a star import asks for it; `ndarray` is the class of np there
            return [name for name in _star_names(__dir__()) if name != "ndarray"]
        if name in (*_LATE_MODULES, *_LATE_FUNCTIONS):
            return import_module(f"{__name__}.{name}")
        if name in _LATE:
            return getattr(import_module(_LATE[name]), name)
        if name.startswith("linalg_"):
            _gather_linalg()
        else:
            _gather(globals(), _LATE_FUNCTIONS, name)
        if name in globals():
            return globals()[name]
        from microlazy.foreign import missing

        raise missing("microlazy.nd", name, __dir__())

    def __dir__() -> list[str]:
        _gather(globals(), _LATE_FUNCTIONS)
        _gather_linalg()
        return sorted({*globals(), *_LATE, *_LATE_MODULES})
