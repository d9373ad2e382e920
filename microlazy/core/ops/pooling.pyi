from typing import TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)
_Sizes = tuple[int, ...]

class Pooling:
    def __init__(
        self,
        kind: str,
        kernel: _Sizes,
        stride: _Sizes,
        pad: _Sizes,
        full: bool = False,
        count_padding: bool = True,
        whole: bool = False,
    ) -> None: ...
    def __call__(self, data: _A) -> _A | None: ...
