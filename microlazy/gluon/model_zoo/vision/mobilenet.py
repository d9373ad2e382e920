"""MobileNet: convolutions of each channel by itself, then of each place by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import nn
from ...block import HybridBlock
from ..model_store import Path
from ._classifier import Classifier, Contexts, stack, variant, with_weights

__all__ = [
    "MobileNet",
    "MobileNetV2",
    "get_mobilenet",
    "get_mobilenet_v2",
    "mobilenet0_5",
    "mobilenet0_25",
    "mobilenet0_75",
    "mobilenet1_0",
    "mobilenet_v2_0_5",
    "mobilenet_v2_0_25",
    "mobilenet_v2_0_75",
    "mobilenet_v2_1_0",
]

# The channels and strides of each pair of convolutions.
_PAIRS = [
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *[(512, 1)] * 5,
    *((1024, 2), (1024, 1)),
]

# The channels of each group of bottlenecks, how many there are, and the strides of the first.
_BOTTLENECKS = (
    (16, 1, 1),
    (24, 2, 2),
    (32, 3, 2),
    (64, 4, 2),
    (96, 3, 1),
    (160, 3, 2),
    (320, 1, 1),
)


class RELU6(HybridBlock):
    """Cut off what is below 0 and above 6.

    Examples
    --------
    >>> from microlazy import nd
    >>> RELU6()(nd.array([-1, 2, 7])).asnumpy()
    array([0., 2., 6.], dtype=float32)
    """

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return F.clip(x, 0, 6)


def _relu() -> HybridBlock:
    return nn.Activation("relu")


def _add(
    to: nn.HybridSequential,
    channels: int,
    size: int = 1,
    strides: int = 1,
    groups: int = 1,
    active: Callable[[], HybridBlock] | None = _relu,
) -> None:
    """Add a convolution, a batch norm, and an activation."""
    to.add(
        nn.Conv2D(channels, size, strides, size // 2, groups=groups, use_bias=False),
        nn.BatchNorm(),
    )
    if active is not None:
        to.add(active())


class LinearBottleneck(HybridBlock):
    """The input in more channels, each convolved by itself, then in fewer.

    Parameters
    ----------
    in_channels, channels : int
        Those of the input and of the output.
    t : int
        How many times more channels there are between.
    stride : int
        The strides of the convolution.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    The input is added to the output where both have the same shape.

    Examples
    --------
    >>> block = LinearBottleneck(4, 8, t=6, stride=2)
    >>> block.initialize()
    >>> block.dry_run((1, 4, 8, 8))
    (1, 8, 4, 4)
    """

    def __init__(self, in_channels: int, channels: int, t: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_shortcut = stride == 1 and in_channels == channels
        wide = in_channels * t
        with self.name_scope():
            self.out = nn.HybridSequential()
            _add(self.out, wide, active=RELU6)
            _add(self.out, wide, 3, stride, groups=wide, active=RELU6)
            _add(self.out, channels, active=None)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        out = self.out(x)
        return out + x if self.use_shortcut else out


class MobileNet(Classifier):
    """MobileNet (Howard et al., "MobileNets", 2017).

    Parameters
    ----------
    multiplier : float
        How many channels there are, as a part of those of the paper; at least 0.25.
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
    >>> net = MobileNet(0.25, classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 32, 32))
    (1, 10)
    """

    def __init__(self, multiplier: float = 1.0, classes: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = stack()
            last = int(32 * multiplier)
            _add(self.features, last, 3, 2)
            for full, strides in _PAIRS:
                _add(self.features, last, 3, strides, groups=last)
                last = int(full * multiplier)
                _add(self.features, last)
            self.features.add(nn.GlobalAvgPool2D(), nn.Flatten())
            self.output = nn.Dense(classes)


class MobileNetV2(Classifier):
    """MobileNet v2 (Sandler et al., "MobileNetV2: inverted residuals", 2018).

    Parameters
    ----------
    multiplier : float
        How many channels there are, as a part of those of the paper.
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
    >>> net = MobileNetV2(0.25, classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 32, 32))
    (1, 10)
    """

    def __init__(self, multiplier: float = 1.0, classes: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="features_")
            with self.features.name_scope():
                last = int(32 * multiplier)
                _add(self.features, last, 3, 2, active=RELU6)
                for full, count, strides in _BOTTLENECKS:
                    channels = int(full * multiplier)
                    for number in range(count):
                        t = 1 if full == 16 else 6
                        stride = strides if number == 0 else 1
                        self.features.add(LinearBottleneck(last, channels, t, stride))
                        last = channels
                _add(self.features, int(1280 * max(multiplier, 1.0)), active=RELU6)
                self.features.add(nn.GlobalAvgPool2D())
            self.output = nn.HybridSequential(prefix="output_")
            with self.output.name_scope():
                self.output.add(nn.Conv2D(classes, 1, use_bias=False, prefix="pred_"), nn.Flatten())


def _file_name(family: str, multiplier: float) -> str:
    text = f"{multiplier:.2f}"
    return family + (text[:-1] if text in ("1.00", "0.50") else text)


def get_mobilenet(
    multiplier: float,
    pretrained: bool = False,
    ctx: Contexts = None,
    root: Path | None = None,
    **kwargs: Any,
) -> MobileNet:
    """Make a `MobileNet` by its multiplier.

    Parameters
    ----------
    multiplier : float
        As in `MobileNet`; there are trained weights for 1, 0.75, 0.5 and 0.25.
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Further arguments of `MobileNet`.

    Raises
    ------
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> get_mobilenet(0.5).features[0]
    Conv2D(None -> 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)
    """
    net = MobileNet(multiplier, **kwargs)
    return with_weights(net, _file_name("mobilenet", multiplier), pretrained, ctx, root)


def get_mobilenet_v2(
    multiplier: float,
    pretrained: bool = False,
    ctx: Contexts = None,
    root: Path | None = None,
    **kwargs: Any,
) -> MobileNetV2:
    """Make a `MobileNetV2` by its multiplier.

    Parameters
    ----------
    multiplier : float
        As in `MobileNetV2`; there are trained weights for 1, 0.75, 0.5 and 0.25.
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Further arguments of `MobileNetV2`.

    Raises
    ------
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> get_mobilenet_v2(0.5).features[0]
    Conv2D(None -> 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)
    """
    net = MobileNetV2(multiplier, **kwargs)
    return with_weights(net, _file_name("mobilenetv2_", multiplier), pretrained, ctx, root)


mobilenet1_0 = variant(get_mobilenet, "mobilenet1_0", 1.0)
mobilenet0_75 = variant(get_mobilenet, "mobilenet0_75", 0.75)
mobilenet0_5 = variant(get_mobilenet, "mobilenet0_5", 0.5)
mobilenet0_25 = variant(get_mobilenet, "mobilenet0_25", 0.25)
mobilenet_v2_1_0 = variant(get_mobilenet_v2, "mobilenet_v2_1_0", 1.0)
mobilenet_v2_0_75 = variant(get_mobilenet_v2, "mobilenet_v2_0_75", 0.75)
mobilenet_v2_0_5 = variant(get_mobilenet_v2, "mobilenet_v2_0_5", 0.5)
mobilenet_v2_0_25 = variant(get_mobilenet_v2, "mobilenet_v2_0_25", 0.25)
