"""Weights of layers of Keras, as they are carried to and from other dialects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..faces import face_of
from ..initializers import from_order
from ..weights import Weight, in_gluons_order, register, weights_below
from ._layer import Layer, own_variables
from ._variable import Variable


@register
def _of_layer(network: Any) -> list[Weight] | None:
    """The weights of a layer, and of what stands below in the words of its own dialect."""
    if not isinstance(network, Layer):
        return None
    found = [*map(_weight, own_variables(network)), *weights_below(network)]
    return [weight._replace(write=_in_np(weight.write)) for weight in found]


def _weight(variable: Variable) -> Weight:
    parameter, axes = variable.parameter, variable.axes
    weight = Weight(
        variable.name,
        parameter,
        tuple(max(size, 0) for size in variable.shape),
        lambda: variable.in_keras_order(parameter.reduced()),
        lambda values: parameter.load_values(from_order(values, axes)),
    )
    return weight if axes is None else in_gluons_order(weight)


def _in_np(write: Callable[[Any], None]) -> Callable[[Any], None]:
    """Values that have no arrays yet get np arrays, as in a first call."""

    def write_in_np(values: Any) -> None:
        with face_of(None):
            write(values)

    return write_in_np
