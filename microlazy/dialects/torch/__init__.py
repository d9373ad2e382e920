"""PyTorch's names and manners for microlazy's arrays, networks and optimizers.

``from microlazy.dialects import torch`` and ``from microlazy.dialects.torch import nn`` take the
place of ``import torch`` and ``from torch import nn``.
"""

import math
from typing import TYPE_CHECKING, Any

from . import _creation, _dtypes, _functions, autograd, cuda, nn, optim, utils
from ._absent import teller as _teller
from ._device import device
from ._files import load, save
from ._modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from ._size import Size
from ._tensor import Tensor

inference_mode = no_grad
dtype = _dtypes.dtype
float16 = half = _dtypes.float16
float32 = float = _dtypes.float32
float64 = double = _dtypes.float64
uint8, int8 = _dtypes.uint8, _dtypes.int8
int32 = int = _dtypes.int32
int64 = long = _dtypes.int64
bool = _dtypes.bool_
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e

globals().update(_creation.FUNCTIONS | _functions.FUNCTIONS)


def get_default_dtype() -> _dtypes.dtype:
    """The dtype of fractions: float32.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return float32


if TYPE_CHECKING:  # which does not see the functions that tables made

    def __getattr__(name: str) -> Any: ...

else:
    __getattr__ = _teller(__name__, globals())
