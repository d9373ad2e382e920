"""Where MXNet's programs look for the layers that every network has.

A file for each family; their names have an underscore, so that `nn.dense` is no module.
"""

from ..block import Block, HybridBlock  # noqa: F401  (they are asked for here too)
from . import (
    _containers,
    _dense,
    _dropout,
    _embedding,
    _functions,
    _normalization,
    _parallel,
)
from ._containers import *  # noqa: F403
from ._dense import *  # noqa: F403
from ._dropout import *  # noqa: F403
from ._embedding import *  # noqa: F403
from ._functions import *  # noqa: F403
from ._normalization import *  # noqa: F403
from ._parallel import *  # noqa: F403

__all__ = [
    *_containers.__all__,
    *_dense.__all__,
    *_dropout.__all__,
    *_embedding.__all__,
    *_functions.__all__,
    *_normalization.__all__,
    *_parallel.__all__,
]
