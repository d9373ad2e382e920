"""Running a block on shapes alone: inputs and outputs that have no memory."""

from __future__ import annotations

from typing import Any

from ... import autograd
from ...base import AbstractValueError, ShapeError
from ...context import Context, current_context
from ...core import trace
from ...core.array import ndarray
from ...core.tensor import Tensor


def dry_run(
    block: Any, inputs: tuple[Any, ...], dtype: Any = "float32", method: str = "dry_run"
) -> Any:
    """Call `block` on abstract inputs and return its abstract outputs; `method` asked for it."""
    if not inputs:
        raise ValueError(
            f"{method} needs the shape of every input of {block.name}, as in {method}((2, 20))"
        )
    if len(inputs) > 1 and all(isinstance(size, int) for size in inputs):
        raise TypeError(
            f"{method} takes the shape of each input of {block.name}: write {method}({inputs}), "
            f"not {method}{inputs}"
        )
    tensors = [abstract(given, dtype) for given in inputs]
    try:
        with autograd.pause(), trace.tracing(), home(block):
            return block(*tensors)
    except AbstractValueError as error:
        from .refusal import explained  # seldom needed

        raise explained(error, block) from error


def home(block: Any) -> Context:
    """The current context if the block's parameters live there, else the first that they are on."""
    here = current_context()
    for parameter in block.collect_params().values():
        places = parameter.list_ctx() if parameter.state != "declared" else [here]
        if here not in places:
            return places[0]
    return here


def shapes_of(outputs: Any) -> Any:
    """Replace every tensor in nested lists and tuples by its shape."""
    if hasattr(outputs, "shape"):  # a dialect's tensors have one too
        return tuple(outputs.shape)
    if isinstance(outputs, list):
        return [shapes_of(part) for part in outputs]
    if isinstance(outputs, tuple):
        return tuple(shapes_of(part) for part in outputs)
    return outputs


def abstract(given: Any, dtype: Any = "float32") -> Any:
    """An abstract tensor for a shape or an array; None stays, nested inputs keep their nesting."""
    if given is None:
        return None
    if isinstance(given, Tensor):
        return trace.abstract(given.shape, given.dtype, isinstance(given, ndarray))
    if hasattr(given, "shape") and hasattr(given, "dtype"):
        return trace.abstract(tuple(given.shape), given.dtype)
    if isinstance(given, int):
        given = (given,)
    if not isinstance(given, list | tuple):
        raise TypeError(f"a dry run takes shapes or arrays, but got {given!r}")
    if not all(isinstance(size, int) for size in given):
        return [abstract(part, dtype) for part in given]
    if any(size < 0 for size in given):
        raise ShapeError(f"a dry run needs known sizes, but got {tuple(given)}")
    return trace.abstract(tuple(given), dtype)
