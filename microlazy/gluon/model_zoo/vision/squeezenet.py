"""SqueezeNet: few channels between layers."""

from __future__ import annotations

from typing import Any

from ... import nn
from ..model_store import Path
from ._classifier import Classifier, Contexts, branches, relu, row_of, stack, variant, with_weights

__all__ = ["SqueezeNet", "squeezenet1_0", "squeezenet1_1"]

# By version: filters and size of the first convolution; then the channels between layers, with 0
# for pooling.
_SPEC = {
    "1.0": (96, 7, (0, 16, 16, 32, 0, 32, 48, 48, 64, 0, 64)),
    "1.1": (64, 3, (0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64)),
}


class SqueezeNet(Classifier):
    """SqueezeNet (Iandola et al., "SqueezeNet", 2016).

    Parameters
    ----------
    version : {'1.0', '1.1'}
        The second one computes less.
    classes : int
        How many classes there are.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If there is no such version.

    Notes
    -----
    Takes images of shape (batch, channels, height, width), usually 3 x 224 x 224, and gives scores
    of shape (batch, classes).

    Examples
    --------
    >>> net = SqueezeNet("1.1", classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 224, 224))
    (1, 10)
    """

    def __init__(self, version: str, classes: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        channels, size, squeezed = row_of("squeezenet", _SPEC, version)
        with self.name_scope():
            self.features = stack(nn.Conv2D(channels, size, 2), relu())
            for count in squeezed:
                self.features.add(_fire(count) if count else nn.MaxPool2D(3, 2, ceil_mode=True))
            self.features.add(nn.Dropout(0.5))
            self.output = stack(nn.Conv2D(classes, 1), relu(), nn.AvgPool2D(13), nn.Flatten())


def _fire(squeezed: int) -> nn.HybridSequential:
    """Few channels, from which four times as many are made in each of two ways."""
    narrow = _activated(squeezed, 1)
    return stack(narrow, branches(_activated(4 * squeezed, 1), _activated(4 * squeezed, 3)))


def _activated(channels: int, size: int) -> nn.HybridSequential:
    return stack(nn.Conv2D(channels, size, padding=size // 2), relu())


def get_squeezenet(
    version: str,
    pretrained: bool = False,
    ctx: Contexts = None,
    root: Path | None = None,
    **kwargs: Any,
) -> SqueezeNet:
    """Make a `SqueezeNet` by its version.

    Parameters
    ----------
    version : {'1.0', '1.1'}
        Which one.
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Further arguments of `SqueezeNet`.

    Raises
    ------
    ValueError
        If there is no such version.
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> get_squeezenet("1.0").features[0]
    Conv2D(None -> 96, kernel_size=(7, 7), stride=(2, 2))
    """
    net = SqueezeNet(version, **kwargs)
    return with_weights(net, f"squeezenet{version}", pretrained, ctx, root)


squeezenet1_0 = variant(get_squeezenet, "squeezenet1_0", "1.0")
squeezenet1_1 = variant(get_squeezenet, "squeezenet1_1", "1.1")
