from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from numpy.typing import DTypeLike

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)
_Rules = Sequence[Callable[..., Any] | None] | None

class Direct:
    def __init__(self, slow: Callable[..., Any] | None = None) -> None: ...
    def __call__(self, *arrays: Any, **options: Any) -> Any: ...

def call(
    function: Callable[..., Any],
    arrays: Sequence[_A],
    options: dict[str, Any] | None = None,
    gradients: _Rules = (),
    result: Callable[..., Any] | None = None,
    dtype: DTypeLike | None = None,
    dynamic: bool = False,
    once: bool = False,
    direct: Callable[..., Any] | None = None,
    keeping: Callable[..., Any] | None = None,
) -> _A: ...
def call_ufunc(
    function: Callable[..., Any], arrays: Sequence[_A], gradients: _Rules = ()
) -> _A: ...
def call_elementwise(
    function: Callable[..., Any],
    x: _A,
    options: dict[str, Any] | None = None,
    gradient: Callable[..., Any] | None = None,
) -> _A: ...
def call_shaped(
    function: Callable[..., Any],
    arrays: Sequence[_A],
    shape: int | Sequence[int],
    dtype: DTypeLike,
    options: dict[str, Any] | None = None,
    gradients: _Rules = (),
) -> _A: ...
def call_many(
    function: Callable[..., Any],
    arrays: Sequence[_A],
    options: dict[str, Any] | None = None,
    gradients: _Rules = (),
    results: Callable[..., Any] | None = None,
    dtype: DTypeLike | None = None,
    once: bool = False,
    direct: Callable[..., Any] | None = None,
) -> Any: ...
def update(target: Tensor, value: Tensor, keep: float) -> None: ...
