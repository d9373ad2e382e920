"""Graphs of MXNet's operators in ONNX's: a function for each operator, in files by family."""

from microlazy.onnx.writing import (  # each enters its functions into the table
    elementwise,
    layers,
    products,
    recurrent,
    reductions,
    shapes,
)
from microlazy.onnx.writing.call import WRITERS

__all__ = ["WRITERS"]
