"""Where MXNet's programs look for the layers that every network has.

A file for each family; their names have an underscore, so that `nn.dense` is no module.
"""

from ..block import Block, HybridBlock  # noqa: F401  (they are asked for here too)
from ._containers import HybridSequential, Sequential
from ._dense import Dense
from ._dropout import Dropout
from ._embedding import Embedding
from ._functions import Flatten, HybridLambda, Lambda
from ._normalization import (
    BatchNorm,
    BatchNormReLU,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    SyncBatchNorm,
)
from ._parallel import Concatenate, HybridConcatenate, Identity

__all__ = [
    "BatchNorm",
    "BatchNormReLU",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "HybridConcatenate",
    "HybridLambda",
    "HybridSequential",
    "Identity",
    "InstanceNorm",
    "Lambda",
    "LayerNorm",
    "Sequential",
    "SyncBatchNorm",
]
