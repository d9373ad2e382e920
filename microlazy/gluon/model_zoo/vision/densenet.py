"""DenseNet: each layer sees the channels of all layers before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import nn
from ..model_store import Path
from ._classifier import Classifier, Contexts, branches, relu, row_of, stack, variant, with_weights

__all__ = ["DenseNet", "densenet121", "densenet161", "densenet169", "densenet201"]

# By number of layers: channels of the first convolution, channels of each layer, layers of each
# stage.
densenet_spec = {
    121: (64, 32, [6, 12, 24, 16]),
    161: (96, 48, [6, 12, 36, 24]),
    169: (64, 32, [6, 12, 32, 32]),
    201: (64, 32, [6, 12, 48, 32]),
}


class DenseNet(Classifier):
    """DenseNet-BC (Huang et al., "Densely connected convolutional networks", 2017).

    Parameters
    ----------
    num_init_features : int
        How many channels the first convolution gives.
    growth_rate : int
        How many channels each layer adds.
    block_config : sequence of int
        How many layers each stage has.
    bn_size : int
        A layer's first convolution gives `bn_size * growth_rate` channels.
    dropout : float
        The part of a layer's output that is dropped in training.
    classes : int
        How many classes there are.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Takes images of shape (batch, channels, height, width) with at least 221 rows and columns,
    usually 3 x 224 x 224, and gives scores of shape (batch, classes).

    Examples
    --------
    >>> net = DenseNet(8, 4, [2, 2], classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 64, 64))
    (1, 10)
    """

    def __init__(
        self,
        num_init_features: int,
        growth_rate: int,
        block_config: Sequence[int],
        bn_size: int = 4,
        dropout: float = 0,
        classes: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = stack(
                nn.Conv2D(num_init_features, 7, 2, 3, use_bias=False),
                nn.BatchNorm(),
                relu(),
                nn.MaxPool2D(3, 2, 1),
            )
            channels = num_init_features
            for number, layers in enumerate(block_config, 1):
                stage = stack(prefix=f"stage{number}_")
                with stage.name_scope():
                    for _ in range(layers):
                        layer = stack(*_normed(bn_size * growth_rate, 1), *_normed(growth_rate, 3))
                        if dropout:
                            layer.add(nn.Dropout(dropout))
                        stage.add(branches(nn.Identity(), layer))
                self.features.add(stage)
                channels += layers * growth_rate
                if number < len(block_config):
                    channels //= 2
                    self.features.add(stack(*_normed(channels, 1), nn.AvgPool2D(2, 2)))
            self.features.add(nn.BatchNorm(), relu(), nn.AvgPool2D(7), nn.Flatten())
            self.output = nn.Dense(classes)


def _normed(channels: int, size: int) -> tuple[Any, ...]:
    """A convolution, and what stands before it."""
    convolution = nn.Conv2D(channels, size, padding=size // 2, use_bias=False)
    return nn.BatchNorm(), relu(), convolution


def get_densenet(
    num_layers: int,
    pretrained: bool = False,
    ctx: Contexts = None,
    root: Path | None = None,
    **kwargs: Any,
) -> DenseNet:
    """Make a `DenseNet` by its number of layers.

    Parameters
    ----------
    num_layers : {121, 161, 169, 201}
        How many layers it has.
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Further arguments of `DenseNet`.

    Raises
    ------
    ValueError
        If there is no such network.
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> len(get_densenet(121).features)
    15
    """
    net = DenseNet(*row_of("densenet", densenet_spec, num_layers), **kwargs)
    return with_weights(net, f"densenet{num_layers}", pretrained, ctx, root)


densenet121 = variant(get_densenet, "densenet121", 121)
densenet161 = variant(get_densenet, "densenet161", 161)
densenet169 = variant(get_densenet, "densenet169", 169)
densenet201 = variant(get_densenet, "densenet201", 201)
