from typing import TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)
_Sizes = tuple[int, ...]

class Filters:
    def __init__(
        self,
        kernel: _Sizes,
        stride: _Sizes,
        dilate: _Sizes,
        pad: _Sizes,
        num_filter: int,
        num_group: int,
        adj: _Sizes | None = None,
    ) -> None: ...
    def convolution(
        self, data: _A, weight: _A, bias: _A | None = None, relu: bool = False
    ) -> _A | None: ...
    def deconvolution(
        self, data: _A, weight: _A, bias: _A | None = None, relu: bool = False
    ) -> _A | None: ...
