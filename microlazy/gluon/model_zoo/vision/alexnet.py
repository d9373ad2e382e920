"""AlexNet."""

from __future__ import annotations

from typing import Any

from ... import nn
from ..model_store import Path
from ._classifier import Classifier, Contexts, stack, with_weights

__all__ = ["AlexNet", "alexnet"]

# Channels, size, strides, padding of the filters, and whether pooling follows.
_CONVOLUTIONS = (
    (64, 11, 4, 2, True),
    (192, 5, 1, 2, True),
    (384, 3, 1, 1, False),
    (256, 3, 1, 1, False),
    (256, 3, 1, 1, True),
)


class AlexNet(Classifier):
    """AlexNet with one column (Krizhevsky, "One weird trick for parallelizing CNNs", 2014).

    Parameters
    ----------
    classes : int
        How many classes there are.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    Takes images of shape (batch, channels, height, width), usually 3 x 224 x 224, and gives scores
    of shape (batch, classes).

    Examples
    --------
    >>> net = AlexNet(classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 64, 64))
    (1, 10)
    """

    def __init__(self, classes: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = stack()
            for channels, size, strides, padding, pooled in _CONVOLUTIONS:
                self.features.add(nn.Conv2D(channels, size, strides, padding, activation="relu"))
                if pooled:
                    self.features.add(nn.MaxPool2D(3, 2))
            self.features.add(nn.Flatten())
            for _ in range(2):
                self.features.add(nn.Dense(4096, activation="relu"), nn.Dropout(0.5))
            self.output = nn.Dense(classes)


def alexnet(
    pretrained: bool = False, ctx: Contexts = None, root: Path | None = None, **kwargs: Any
) -> AlexNet:
    """Make an `AlexNet`.

    Parameters
    ----------
    pretrained : bool
        Load trained weights from `root`.
    ctx : Context or list of Context, optional
        Where these live.
    root : path, optional
        The folder of the weights, as in `model_store.get_model_file`.
    **kwargs
        Arguments of `AlexNet`.

    Raises
    ------
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> alexnet(classes=10).output
    Dense(None -> 10, linear)
    """
    return with_weights(AlexNet(**kwargs), "alexnet", pretrained, ctx, root)
