"""VGG: stacks of small convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....initializer import ArgumentError, Xavier
from ... import nn
from ..model_store import Path
from ._classifier import Classifier, Contexts, relu, row_of, stack, variant, with_weights

__all__ = [
    "VGG",
    "get_vgg",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

_FILTERS = [64, 128, 256, 512, 512]

# By number of layers: the convolutions of each stage, and their filters.
vgg_spec = {
    11: ([1, 1, 2, 2, 2], _FILTERS),
    13: ([2, 2, 2, 2, 2], _FILTERS),
    16: ([2, 2, 3, 3, 3], _FILTERS),
    19: ([2, 2, 4, 4, 4], _FILTERS),
}


class VGG(Classifier):
    """VGG (Simonyan and Zisserman, "Very deep convolutional networks", 2015).

    Parameters
    ----------
    layers : sequence of int
        How many convolutions each stage has.
    filters : sequence of int
        How many filters each of them has, by stage.
    classes : int
        How many classes there are.
    batch_norm : bool
        Normalize after each convolution.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `layers` and `filters` differ in length.

    Notes
    -----
    Takes images of shape (batch, channels, height, width), usually 3 x 224 x 224, and gives scores
    of shape (batch, classes).

    Examples
    --------
    >>> net = VGG([1, 1], [4, 8], classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 8, 8))
    (1, 10)
    """

    def __init__(
        self,
        layers: Sequence[int],
        filters: Sequence[int],
        classes: int = 1000,
        batch_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(layers) != len(filters):
            raise ArgumentError(
                f"VGG: layers and filters have a number for each stage, but layers={layers!r} and "
                f"filters={filters!r}"
            )
        init = Xavier(rnd_type="gaussian", factor_type="out", magnitude=2)
        normal: Any = {"weight_initializer": "normal", "bias_initializer": "zeros"}
        with self.name_scope():
            self.features = stack()
            for count, channels in zip(layers, filters, strict=True):
                for _ in range(count):
                    self.features.add(nn.Conv2D(channels, 3, padding=1, weight_initializer=init))
                    if batch_norm:
                        self.features.add(nn.BatchNorm())
                    self.features.add(relu())
                self.features.add(nn.MaxPool2D(strides=2))
            for _ in range(2):
                self.features.add(nn.Dense(4096, activation="relu", **normal), nn.Dropout(0.5))
            self.output = nn.Dense(classes, **normal)


def get_vgg(
    num_layers: int,
    pretrained: bool = False,
    ctx: Contexts = None,
    root: Path | None = None,
    **kwargs: Any,
) -> VGG:
    """Make a `VGG` by its number of layers.

    Parameters
    ----------
    num_layers : {11, 13, 16, 19}
        How many layers have weights.
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Further arguments of `VGG`.

    Raises
    ------
    ValueError
        If there is no such network.
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> get_vgg(11).features[0]
    Conv2D(None -> 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """
    net = VGG(*row_of("vgg", vgg_spec, num_layers), **kwargs)
    suffix = "_bn" if kwargs.get("batch_norm") else ""
    return with_weights(net, f"vgg{num_layers}{suffix}", pretrained, ctx, root)


vgg11 = variant(get_vgg, "vgg11", 11)
vgg13 = variant(get_vgg, "vgg13", 13)
vgg16 = variant(get_vgg, "vgg16", 16)
vgg19 = variant(get_vgg, "vgg19", 19)
vgg11_bn = variant(get_vgg, "vgg11_bn", 11, batch_norm=True)
vgg13_bn = variant(get_vgg, "vgg13_bn", 13, batch_norm=True)
vgg16_bn = variant(get_vgg, "vgg16_bn", 16, batch_norm=True)
vgg19_bn = variant(get_vgg, "vgg19_bn", 19, batch_norm=True)
