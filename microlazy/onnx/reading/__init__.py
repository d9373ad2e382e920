"""ONNX's operators as calls of MXNet's: a function for each operator, in files by family."""

from microlazy.onnx.reading import (  # each enters its functions into the table
    classifiers,
    elementwise,
    layers,
    products,
    recurrent,
    reductions,
    shapes,
)
from microlazy.onnx.reading.call import READERS

__all__ = ["READERS"]
