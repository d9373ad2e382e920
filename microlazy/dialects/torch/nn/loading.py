"""What `load_state_dict` checks and does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from ....core.tensor import Tensor as Array
from ....gluon.parameter.shapes import fits
from .._size import Size
from .._tensor import Tensor
from .parameter import is_waiting


class IncompatibleKeys(NamedTuple):
    """Paths that a state had not, and paths that it had but the module has not."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def load(module: Any, held: dict[str, Any], state: Any, strict: bool) -> IncompatibleKeys:
    """Give parameters of Gluon the values of a state, all or none.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.ReLU().load_state_dict({"weight": 1}, strict=False)
    _IncompatibleKeys(missing_keys=[], unexpected_keys=['weight'])
    """
    missing = [path for path in held if path not in state]
    unexpected = [path for path in state if path not in held]
    both = {path: _values(path, state[path]) for path in held if path in state}
    wrong = [
        f"size mismatch for {path}: copying a param with shape {Size(values.shape)} from "
        f"checkpoint, the shape in current model is {Size(held[path].shape)}."
        for path, values in both.items()
        if values is not None and not fits(tuple(values.shape), _known(held[path]))
    ]
    if strict and missing:
        wrong.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if strict and unexpected:
        wrong.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    if wrong:
        wrong.sort(key=lambda text: not text.startswith("Missing"))
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(wrong)
        )
    for path, values in both.items():
        if values is not None:
            held[path].load_values(values, cast_dtype=True)
    return IncompatibleKeys(missing, unexpected)


def _quoted(paths: list[str]) -> str:
    return ", ".join(f'"{path}"' for path in paths)


def _known(held: Any) -> tuple[int, ...]:
    return tuple(max(size, 0) for size in held.shape)


def _values(path: str, given: Any) -> Any:
    """The array of a value of a state; None for a parameter that has none yet."""
    if isinstance(given, Tensor) and is_waiting(given):
        return None
    if isinstance(given, Tensor):
        return given._array.detach()
    if isinstance(given, Array | numpy.ndarray):
        return given
    raise TypeError(f"state_dict: {path!r} must be a tensor, given a {type(given).__name__}")
