from collections.abc import Sequence
from typing import TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)

def fully_connected(
    x: _A,
    weight: _A,
    bias: _A | None = None,
    num_hidden: int | None = None,
    no_bias: bool = False,
    flatten: bool = True,
    act_type: str | None = None,
) -> _A: ...
def activation(x: _A, act_type: str) -> _A: ...
def softmax(x: _A, axis: int = -1) -> _A: ...
def log_softmax(x: _A, axis: int = -1) -> _A: ...
def softmax_cross_entropy(pred: _A, label: Tensor, axis: int = -1) -> _A: ...
def pick(
    x: _A, index: Tensor, axis: int | None = -1, keepdims: bool = False, mode: str = "clip"
) -> _A: ...
def dropout(x: _A, p: float = 0.5, axes: Sequence[int] = (), mode: str = "training") -> _A: ...
