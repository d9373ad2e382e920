"""Layers of neural networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .. import block
from ..block import Block, HybridBlock
from ._activation import Activation
from ._containers import HybridSequential, Sequential
from ._dense import Dense

# Layers that are imported when they are used, by their files.
_LATE = {
    name: file
    for file, names in {
        "_convolution": """Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
            Conv3DTranspose""",
        "_dropout": "Dropout",
        "_embedding": "Embedding",
        "_functions": "Flatten HybridLambda Lambda",
        "_images": "PixelShuffle1D PixelShuffle2D PixelShuffle3D ReflectionPad2D",
        "_normalization": """BatchNorm BatchNormReLU GroupNorm InstanceNorm LayerNorm
            SyncBatchNorm""",
        "_parallel": "Concatenate HybridConcatenate Identity",
        "_pooling": """AvgPool1D AvgPool2D AvgPool3D GlobalAvgPool1D GlobalAvgPool2D
            GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D MaxPool1D MaxPool2D
            MaxPool3D""",
        "activations": "ELU GELU LeakyReLU PReLU SELU SiLU Swish",
    }.items()
    for name in names.split()
}
_LATE_MODULES = ("activations", "basic_layers", "conv_layers")

__all__ = [
    "Activation",
    "Block",
    "Dense",
    "HybridBlock",
    "HybridSequential",
    "Sequential",
    "SymbolBlock",
    *_LATE,
]

if TYPE_CHECKING:
    from ..block import SymbolBlock
    from . import activations, basic_layers, conv_layers
    from ._convolution import *  # noqa: F403
    from ._dropout import *  # noqa: F403
    from ._embedding import *  # noqa: F403
    from ._functions import *  # noqa: F403
    from ._images import *  # noqa: F403
    from ._normalization import *  # noqa: F403
    from ._parallel import *  # noqa: F403
    from ._pooling import *  # noqa: F403
    from .activations import *  # noqa: F403
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name in _LATE_MODULES:
            return import_module(f"{__name__}.{name}")
        if name in _LATE:
            layer = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
            return globals().setdefault(name, layer)
        if name == "SymbolBlock":
            return getattr(block, name)
        from ...foreign import missing

        raise missing(__name__, name, __all__)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATE, *_LATE_MODULES})
