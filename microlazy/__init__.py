"""microlazy: Gluon's API on a small compiled core, for networks on a CPU.

A network is written without input sizes; the first batch, or a dry run on shapes, finds every size
and initializes every parameter. Names and modules follow MXNet 1.9: replace the word `mxnet` by
`microlazy`.
"""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

from microlazy import (
    _threads,  # before anything that starts OpenMP
    autograd,
    base,
    context,
    gluon,
    initializer,
    ndarray,
    numpy,
    numpy_extension,
    registry,
    util,
)
from microlazy import initializer as init
from microlazy import ndarray as nd
from microlazy import numpy as np
from microlazy import numpy_extension as npx
from microlazy._late import star_names as _star_names
from microlazy.base import MXNetError
from microlazy.context import Context, cpu, cpu_pinned, current_context, gpu
from microlazy.util import (
    is_np_array,
    is_np_shape,
    np_array,
    np_shape,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_shape,
)

# What is imported when it is used: a module, or a member of one.
_LATE = {
    "AttrScope": "attribute.AttrScope",
    "attribute": "attribute",
    "callback": "callback",
    "compile_step": "gluon.compile_step",
    "config": "_config.config",
    "contrib": "contrib",
    "dialects": "dialects",
    "einops": "einops",
    "engine": "engine",
    "executor": "executor",
    "image": "image",
    "img": "image",
    "io": "io",
    "kv": "kvstore",
    "kvstore": "kvstore",
    "lr_scheduler": "lr_scheduler",
    "metric": "metric",
    "mod": "module",
    "model": "model",
    "module": "module",
    "mon": "monitor",
    "monitor": "monitor",
    "name": "name",
    "onnx": "onnx",
    "operator": "operator",
    "optim": "optimizer",
    "optimizer": "optimizer",
    "profiler": "profiler",
    "random": "random",
    "recordio": "recordio",
    "rnd": "random",
    "rnn": "rnn",
    "runtime": "runtime",
    "sklearn": "sklearn",
    "sym": "symbol",
    "symbol": "symbol",
    "test_utils": "test_utils",
    "visualization": "viz",
    "viz": "viz",
}

_FOREIGN = ("dialects", "einops", "sklearn")  # of _LATE, for other libraries: in no star import

if TYPE_CHECKING:
    from microlazy import (
        attribute,
        callback,
        contrib,
        dialects,
        einops,
        engine,
        executor,
        image,
        io,
        kvstore,
        lr_scheduler,
        metric,
        model,
        module,
        monitor,
        name,
        onnx,
        operator,
        optimizer,
        profiler,
        random,
        recordio,
        rnn,
        runtime,
        sklearn,
        symbol,
        test_utils,
        viz,
    )
    from microlazy import image as img
    from microlazy import kvstore as kv
    from microlazy import module as mod
    from microlazy import monitor as mon
    from microlazy import optimizer as optim
    from microlazy import random as rnd
    from microlazy import symbol as sym
    from microlazy import viz as visualization
    from microlazy._config import config
    from microlazy.attribute import AttrScope
    from microlazy.gluon import compile_step
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # a star import asks for it
            return [name for name in _star_names(__dir__()) if name not in _FOREIGN]
        if name in _LATE:
            module, _, member = _LATE[name].partition(".")
            found = import_module(f"microlazy.{module}")
            return getattr(found, member) if member else found
        from microlazy.foreign import missing

        raise missing("microlazy", name, [*globals(), *_LATE])

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATE})
