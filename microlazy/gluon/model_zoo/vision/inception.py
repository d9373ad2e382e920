"""Inception v3: convolutions of several shapes side by side."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...block import HybridBlock
from ..model_store import Path
from ._classifier import Classifier, Contexts, branches, relu, stack, with_weights

__all__ = ["Inception3", "inception_v3"]


def _conv(
    channels: int, size: int | tuple[int, int], strides: int = 1, padding: Any = 0
) -> HybridBlock:
    """A convolution, a batch norm, an activation."""
    return stack(
        nn.Conv2D(channels, size, strides, padding, use_bias=False),
        nn.BatchNorm(epsilon=0.001),
        relu(),
    )


def _same(channels: int, *sizes: int) -> HybridBlock:
    """A convolution whose output has the rows and columns of its input."""
    rows, columns = sizes if len(sizes) == 2 else sizes * 2
    return _conv(channels, (rows, columns), padding=(rows // 2, columns // 2))


def _halved(channels: int) -> HybridBlock:
    return _conv(channels, 3, strides=2)


def _pooled(channels: int) -> HybridBlock:
    return stack(nn.AvgPool2D(3, 1, 1), _same(channels, 1))


def _block_a(pooled: int) -> tuple[HybridBlock, ...]:
    return (
        stack(_same(64, 1)),
        stack(_same(48, 1), _same(64, 5)),
        stack(_same(64, 1), _same(96, 3), _same(96, 3)),
        _pooled(pooled),
    )


def _block_b() -> tuple[HybridBlock, ...]:
    return (
        stack(_halved(384)),
        stack(_same(64, 1), _same(96, 3), _halved(96)),
        stack(nn.MaxPool2D(3, 2)),
    )


def _block_c(inner: int) -> tuple[HybridBlock, ...]:
    return (
        stack(_same(192, 1)),
        stack(_same(inner, 1), _same(inner, 1, 7), _same(192, 7, 1)),
        stack(
            _same(inner, 1),
            _same(inner, 7, 1),
            _same(inner, 1, 7),
            _same(inner, 7, 1),
            _same(192, 1, 7),
        ),
        _pooled(192),
    )


def _block_d() -> tuple[HybridBlock, ...]:
    return (
        stack(_same(192, 1), _halved(320)),
        stack(_same(192, 1), _same(192, 1, 7), _same(192, 7, 1), _halved(192)),
        stack(nn.MaxPool2D(3, 2)),
    )


def _block_e() -> tuple[HybridBlock, ...]:
    def split() -> HybridBlock:
        return branches(stack(_same(384, 1, 3)), stack(_same(384, 3, 1)))

    return (
        stack(_same(320, 1)),
        stack(stack(_same(384, 1)), split()),
        stack(stack(_same(448, 1), _same(384, 3)), split()),
        _pooled(192),
    )


# The prefix of each block, how it is made, and with which channels.
_BLOCKS: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
    ("A1_", _block_a, (32,)),
    ("A2_", _block_a, (64,)),
    ("A3_", _block_a, (64,)),
    ("B_", _block_b, ()),
    ("C1_", _block_c, (128,)),
    ("C2_", _block_c, (160,)),
    ("C3_", _block_c, (160,)),
    ("C4_", _block_c, (192,)),
    ("D_", _block_d, ()),
    ("E1_", _block_e, ()),
    ("E2_", _block_e, ()),
)


class Inception3(Classifier):
    """Inception v3 (Szegedy et al., "Rethinking the Inception architecture", 2016).

    Parameters
    ----------
    classes : int
        How many classes there are.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Takes images of shape (batch, channels, height, width), usually 3 x 299 x 299, and gives scores
    of shape (batch, classes).  There is no auxiliary classifier.

    Examples
    --------
    >>> net = Inception3(classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 299, 299))
    (1, 10)
    """

    def __init__(self, classes: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = stack(
                _conv(32, 3, 2),
                _conv(32, 3),
                _same(64, 3),
                nn.MaxPool2D(3, 2),
                _conv(80, 1),
                _conv(192, 3),
                nn.MaxPool2D(3, 2),
            )
            for prefix, make, channels in _BLOCKS:
                block = branches(prefix=prefix)
                with block.name_scope():
                    block.add(*make(*channels))
                self.features.add(block)
            self.features.add(nn.AvgPool2D(8), nn.Dropout(0.5))
            self.output = nn.Dense(classes)


def inception_v3(
    pretrained: bool = False, ctx: Contexts = None, root: Path | None = None, **kwargs: Any
) -> Inception3:
    """Make an `Inception3`.

    Parameters
    ----------
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Arguments of `Inception3`.

    Raises
    ------
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> inception_v3(classes=10).output
    Dense(None -> 10, linear)
    """
    return with_weights(Inception3(**kwargs), "inceptionv3", pretrained, ctx, root)
