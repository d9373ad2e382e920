"""Weights of layers of Keras, as they are carried to and from other dialects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...gluon.block.tree import children_of
from ..faces import face_of
from ..initializers import from_order
from ..weights import Weight, from_kernel, register, to_kernel, weights_of
from ._layer import Layer, own_variables
from ._variable import Variable


@register
def _of_layer(network: Any) -> list[Weight] | None:
    """The weights of a layer, and of what stands below in the words of its own dialect."""
    if not isinstance(network, Layer):
        return None
    found = [_weight(variable) for variable in own_variables(network)]
    for child in children_of(network).values():
        found += weights_of(child)
    return [weight._replace(write=_in_np(weight.write)) for weight in found]


def _weight(variable: Variable) -> Weight:
    parameter, axes = variable.parameter, variable.axes
    shape = tuple(max(size, 0) for size in variable.shape)
    if axes is None:
        return Weight(variable.path, shape, parameter.reduced, parameter.load_values)
    return Weight(
        variable.path,
        (shape[-1], shape[-2], *shape[:-2]),
        lambda: from_kernel(variable.numpy()),
        lambda values: parameter.load_values(from_order(to_kernel(values), axes)),
    )


def _in_np(write: Callable[[Any], None]) -> Callable[[Any], None]:
    """Values that have no arrays yet get np arrays, as in a first call."""

    def write_in_np(values: Any) -> None:
        with face_of(None):
            write(values)

    return write_in_np
