"""Weights carried from one network to another, whatever the dialects of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy

from ..gluon import Block
from ..gluon.parameter.shapes import fits

# What a dialect keeps and the others have not.
_OWN = ("num_batches_tracked",)


class Weight(NamedTuple):
    """An array of a network, in Gluon's convention: a dense weight is (out, in), a filter OIHW."""

    path: str
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
    """The weights of a block of Gluon, which a module of PyTorch is too."""
    if not isinstance(network, Block):
        return None
    found = {id(p): (path, p) for path, p in network._collect_params_with_prefix().items()}
    return [
        Weight(path, tuple(max(n, 0) for n in p.shape), p.reduced, p.load_values)
        for path, p in found.values()
        if path.rpartition(".")[2] not in _OWN
    ]


def weights_of(network: Any) -> list[Weight]:
    """The weights of a network of any dialect, in the order of their layers.

    Raises
    ------
    TypeError
        If it is no network of a dialect that was imported.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> [weight.path for weight in weights_of(nn.Dense(3))]
    ['weight', 'bias']
    """
    for reader in _READERS:
        found = reader(network)
        if found is not None:
            return list(found)
    raise TypeError(f"copy_weights: {type(network).__name__} is no network")


def copy_weights(source: Any, target: Any) -> None:
    """Give a network the weights of another that has the same layers, in any dialect.

    Weights are taken in the order of the layers, and transposed where conventions differ; a network
    that does not know its sizes takes them too.

    Parameters
    ----------
    source, target
        Networks: blocks of Gluon, modules of PyTorch, or what another dialect knows as one.

    Raises
    ------
    ValueError
        If the networks do not have weights of the same shapes; nothing is changed then.

    Notes
    -----
    A dense layer behind a flattened image sees its features in the order of the image's axes. Where
    one network has channels first and the other last, that order differs, and is not changed.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.dialects import keras
    >>> layer, lazy = gluon.nn.Dense(3, in_units=2), keras.layers.Dense(3)
    >>> layer.initialize()
    >>> copy_weights(layer, lazy)
    >>> bool((lazy.kernel.numpy() == layer.weight.data().asnumpy().T).all())
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


def from_kernel(kernel: Any) -> numpy.ndarray:
    """A kernel with its outputs last, (in, out) or (..., in, out), as Gluon has it.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.dialects.weights import from_kernel
    >>> from_kernel(numpy.ones((5, 4, 3, 2))).shape
    (2, 3, 5, 4)
    """
    return numpy.moveaxis(numpy.asarray(kernel), (-1, -2), (0, 1))


def to_kernel(weight: Any) -> numpy.ndarray:
    """The reverse of `from_kernel`.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.dialects.weights import to_kernel
    >>> to_kernel(numpy.ones((2, 3, 5, 4))).shape
    (5, 4, 3, 2)
    """
    return numpy.moveaxis(numpy.asarray(weight), (0, 1), (-1, -2))
