"""Lets `import mxnet` find microlazy, for code that cannot be edited.

Import it before anything that imports mxnet, or run ``python -m microlazy.as_mxnet script.py``.
`mxnet` and all modules below it are then those of microlazy, in this process only. Programs ask
`mxnet` for its version; it gives that of the MXNet whose interface is here.

Examples
--------
>>> import microlazy.as_mxnet
>>> from mxnet.gluon import nn
>>> nn.Dense.__module__
'microlazy.gluon.nn._dense'
>>> import mxnet, microlazy
>>> mxnet.nd is microlazy.nd, mxnet.__version__
(True, '1.9.1')
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .base import MXNetError
from .outside import explain


class _Face(ModuleType):
    """microlazy under MXNet's name and version."""

    __version__ = "1.9.1"

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules["microlazy"], name)

    def __dir__(self) -> Iterable[str]:
        return dir(sys.modules["microlazy"])


class _Finder:
    """Answers imports of `mxnet` and of what is below it."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "mxnet" and not name.startswith("mxnet."):
            return None
        ours = "microlazy" + name.removeprefix("mxnet")
        module = _find(ours)
        if module is None:
            parent, _, last = ours.rpartition(".")
            raise ModuleNotFoundError(f"{name}: {explain(parent, last)}", name=name)
        if name == "mxnet":
            module = _face(module)
        return ModuleSpec(name, _Loader(module), is_package=hasattr(module, "__path__"))


class _Loader(Loader):
    """Hands over a module that is there already, and leaves it as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec or module.__spec__  # a face has none of its own


def _face(module: ModuleType) -> ModuleType:
    face = _Face("mxnet", module.__doc__)
    for name in ("__file__", "__path__", "__all__"):
        if hasattr(module, name):
            setattr(face, name, getattr(module, name))
    return face


def _find(name: str) -> ModuleType | None:
    """The module of a name, or what a package offers as an attribute under it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise  # it is there, but needs something that is not
    parent, _, last = name.rpartition(".")
    found = getattr(_find(parent), last, None)
    return found if isinstance(found, ModuleType) else None


def install() -> None:
    """Let `mxnet` be microlazy from now on; importing this module does it.

    Raises
    ------
    MXNetError
        If the real mxnet was imported before.
    """
    known = sys.modules.get("mxnet")
    if known is not None and not isinstance(known, _Face):
        raise MXNetError(
            f"mxnet is imported already, from {getattr(known, '__file__', 'somewhere')}; import "
            "microlazy.as_mxnet before it"
        )
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def _run() -> None:
    """Run a script as `python script.py` would, with `mxnet` answered by microlazy."""
    import runpy
    from pathlib import Path

    if len(sys.argv) < 2:
        sys.exit("usage: python -m microlazy.as_mxnet SCRIPT [ARGUMENT ...]")
    del sys.argv[0]
    if not Path(sys.argv[0]).exists():
        sys.exit(f"microlazy.as_mxnet: there is nothing at {sys.argv[0]}")
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


install()
if __name__ == "__main__":
    _run()
