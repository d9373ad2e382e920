"""Variables of modules of Flax, as they are carried to and from other dialects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..faces import as_array
from ..weights import Weight, from_kernel, register, to_kernel
from .jax.gradients import abstract
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
    order = network.module.init_order(PRNGKey(0), abstract(network.inputs))
    return [_weight(network.variables, collection, keys) for collection, keys in _by_layer(order)]


def _by_layer(order: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The places of all variables, those of one layer together: parameters, then statistics."""
    collections = sorted(order, key=lambda name: name != "params")
    done = set()
    for first in collections:
        for keys in _leaves(order[first]):
            layer = keys[:-1]
            if layer not in done:
                done.add(layer)
                for collection in collections:
                    part = order[collection]
                    for key in layer:
                        part = part.get(key, {})
                    yield from (
                        (collection, (*layer, name))
                        for name, value in part.items()
                        if not isinstance(value, dict)
                    )


def _leaves(tree: dict[str, Any], around: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, part in tree.items():
        keys = (*around, key)
        yield from _leaves(part, keys) if isinstance(part, dict) else [keys]


def _weight(variables: dict[str, Any], collection: str, keys: tuple[str, ...]) -> Weight:
    part = variables[collection]
    for key in keys[:-1]:
        part = part[key]
    name = keys[-1]
    value, path = part[name], "/".join((collection, *keys))

    def write(values: Any) -> None:
        part[name] = as_array(to_kernel(values) if name == "kernel" else values)

    if name != "kernel":
        return Weight(path, value.shape, value.asnumpy, write)
    shape = value.shape
    return Weight(
        path,
        (shape[-1], shape[-2], *shape[:-2]),
        lambda: from_kernel(value.asnumpy()),
        write,
    )
