"""Variables of modules of Flax, as they are carried to and from other dialects."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..faces import as_array
from ..weights import Weight, in_gluons_order, register
from .bridge import ToGluon
from .jax.random import PRNGKey
from .linen import Module

__all__ = ["Bound"]


class Bound(NamedTuple):
    """A module with its variables, for `copy_weights`, which puts new arrays into them.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects import copy_weights, keras
    >>> from microlazy.dialects.flax import linen
    >>> net, x = linen.Dense(3), np.ones((1, 2))
    >>> params = net.init(PRNGKey(0), x)
    >>> layer = keras.layers.Dense(3)
    >>> copy_weights(Bound(net, params, x), layer)
    >>> bool((layer.kernel.numpy() == params["params"]["kernel"]).all())
    True
    """

    module: Module
    variables: dict[str, Any]
    inputs: Any  # an array such as it takes: a run on its shape tells the order of the layers


@register
def _of_module(network: Any) -> list[Weight] | None:
    if not isinstance(network, Bound):
        return None
    order = network.module.init_order(PRNGKey(0), network.inputs)
    return [_in_tree(network.variables, path) for path in order]


@register
def _of_bridge(network: Any) -> list[Weight] | None:
    if not isinstance(network, ToGluon):
        return None
    if not network.places:
        raise ValueError(f"copy_weights: {network.name} has no weights before its first call")
    return [
        _weight(path, p, p.shape, p.reduced, p.load_values) for path, p in network.places.items()
    ]


def _in_tree(variables: dict[str, Any], path: tuple[str, ...]) -> Weight:
    part: Any = variables
    for key in path[:-1]:
        part = part.get(key, {})
    name = path[-1]
    if name not in part:
        raise ValueError(f"copy_weights: the variables have no {'/'.join(path)!r}")
    value = part[name]

    def write(values: Any) -> None:
        part[name] = as_array(values)

    return _weight(path, value, value.shape, value.asnumpy, write)


def _weight(path: tuple[str, ...], *rest: Any) -> Weight:
    weight = Weight("/".join(path), *rest)
    return in_gluons_order(weight) if path[-1] == "kernel" else weight
