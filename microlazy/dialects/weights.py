"""Weights carried from one network to another, whatever the dialects of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy

from ..gluon import Block
from ..gluon.block.tree import children_of, parameters_of
from ..gluon.parameter.shapes import fits

# What a dialect keeps and the others have not.
_OWN = ("num_batches_tracked",)


class Weight(NamedTuple):
    """An array of a network, in Gluon's convention: a dense weight is (out, in), a filter OIHW."""

    path: str
    holder: Any  # the parameter, or its place in a tree: one that two layers share comes once
    shape: tuple[int, ...] | None  # 0 for a size that is not known yet; None if nothing is
    read: Callable[[], Any]
    write: Callable[[Any], None]


Reader = Callable[[Any], Iterable[Weight] | None]
_READERS: list[Reader] = []


def register(reader: Reader) -> Reader:
    """Let a dialect say which weights a network of its own has; usable as a decorator.

    Parameters
    ----------
    reader : callable
        Gets a network and returns its weights in the order of their layers, or None if it is not
        one of the dialect's.

    Examples
    --------
    >>> from microlazy.dialects.weights import register
    >>> _ = register(lambda network: None)
    """
    _READERS.insert(0, reader)
    return reader


@register
def _of_block(network: Any) -> Iterable[Weight] | None:
    """The weights of a block of Gluon, which a module of PyTorch is too, and of what it holds."""
    if not isinstance(network, Block):
        return None
    found = [
        Weight(name, p, tuple(max(n, 0) for n in p.shape), p.reduced, p.load_values)
        for name, p in parameters_of(network).items()
        if name not in _OWN
    ]
    return [*found, *weights_below(network)]


def weights_below(network: Block) -> Iterator[Weight]:
    """The weights of the children of a block, each read as its own dialect does.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.dialects.weights import weights_below
    >>> net = gluon.nn.Sequential()
    >>> net.add(gluon.nn.Dense(3))
    >>> [weight.path for weight in weights_below(net)]
    ['0.weight', '0.bias']
    """
    for name, child in children_of(network).items():
        for weight in weights_of(child):
            yield weight._replace(path=f"{name}.{weight.path}")


def weights_of(network: Any) -> list[Weight]:
    """The weights of a network of any dialect, in the order of their layers.

    Raises
    ------
    TypeError
        If it is no network of a dialect that was imported.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> from microlazy.dialects.weights import weights_of
    >>> [weight.path for weight in weights_of(nn.Linear(2, 3))]
    ['weight', 'bias']
    """
    for reader in _READERS:
        found = reader(network)
        if found is not None:
            once: dict[int, Weight] = {}
            for weight in found:
                once.setdefault(id(weight.holder), weight)
            return list(once.values())
    raise TypeError(f"copy_weights: {type(network).__name__} is no network")


def copy_weights(source: Any, target: Any) -> None:
    """Give a network the weights of another that has the same layers, in any dialect.

    Weights are taken in the order of the layers, and transposed where conventions differ; a network
    that does not know its sizes takes them too.

    Parameters
    ----------
    source, target
        Networks: blocks of Gluon, modules of PyTorch, layers of Keras, and modules of Flax with
        their variables, as a `flax.carrying.Bound`.

    Raises
    ------
    ValueError
        If the networks do not have weights of the same shapes, or a module of Flax in a block was
        never called, so that it has none; nothing is changed then.

    Notes
    -----
    A dense layer behind a flattened image sees its features in the order of the image's axes. Where
    one network has channels first and the other last, that order differs, and is not changed.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.dialects import copy_weights, torch
    >>> from microlazy.dialects.torch import nn
    >>> layer, lazy = gluon.nn.Dense(3, in_units=2), nn.LazyLinear(3)
    >>> layer.initialize()
    >>> copy_weights(layer, lazy)
    >>> bool((lazy.weight.detach().numpy() == layer.weight.data().asnumpy()).all())
    True
    """
    given, wanted = weights_of(source), weights_of(target)
    if len(given) != len(wanted):
        raise ValueError(
            f"copy_weights: the source has {len(given)} weights ({_paths(given)}), but the target "
            f"{len(wanted)} ({_paths(wanted)})"
        )
    values = [numpy.array(weight.read()) for weight in given]
    for one, other, array in zip(given, wanted, values, strict=True):
        if other.shape is not None and not fits(array.shape, other.shape):
            raise ValueError(
                f"copy_weights: {one.path!r} of the source has shape {array.shape}, but "
                f"{other.path!r} of the target {other.shape}, in Gluon's order of axes"
            )
    for other, array in zip(wanted, values, strict=True):
        other.write(array)


def _paths(weights: list[Weight]) -> str:
    return ", ".join(weight.path for weight in weights)


def in_gluons_order(weight: Weight) -> Weight:
    """A kernel, whose outputs stand last, as Gluon has it.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.dialects.weights import Weight, in_gluons_order
    >>> kernel = numpy.ones((5, 4, 3, 2))
    >>> weight = Weight("kernel", kernel, kernel.shape, kernel.copy, print)
    >>> in_gluons_order(weight).shape, in_gluons_order(weight).read().shape
    ((2, 3, 5, 4), (2, 3, 5, 4))
    """
    assert weight.shape is not None
    *window, inputs, outputs = weight.shape
    return weight._replace(
        shape=(outputs, inputs, *window),
        read=lambda: numpy.moveaxis(numpy.asarray(weight.read()), (-1, -2), (0, 1)),
        write=lambda values: weight.write(numpy.moveaxis(values, (0, 1), (-1, -2))),
    )
