"""microlazy: Gluon's API on a small compiled core, for networks on a CPU.

A network is written without input sizes; the first batch, or a dry run on shapes, finds every size
and initializes every parameter. Names and modules follow MXNet 1.9: replace the word `mxnet` by
`microlazy`.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

from microlazy import (
    _threads,  # before anything that starts OpenMP
    autograd,
    base,
    context,
    gluon,
    initializer,
    lr_scheduler,
    ndarray,
    numpy,
    numpy_extension,
    optimizer,
    random,
    util,
)
from microlazy import initializer as init
from microlazy import ndarray as nd
from microlazy import numpy as np
from microlazy import numpy_extension as npx
from microlazy._config import config
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

rnd = random
optim = optimizer

if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from microlazy.outside import explain

        raise AttributeError(explain("microlazy", name))
