"""ResNet: blocks that say what is to be added to their input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ....initializer import ArgumentError
from ... import nn
from ...block import HybridBlock
from ..model_store import Path
from ._classifier import Classifier, Contexts, relu, row_of, stack, variant, with_weights

__all__ = [
    "BasicBlockV1",
    "BasicBlockV2",
    "BottleneckV1",
    "BottleneckV2",
    "ResNetV1",
    "ResNetV2",
    "get_resnet",
    "resnet101_v1",
    "resnet101_v2",
    "resnet152_v1",
    "resnet152_v2",
    "resnet18_v1",
    "resnet18_v2",
    "resnet34_v1",
    "resnet34_v2",
    "resnet50_v1",
    "resnet50_v2",
]

# By number of layers: the kind of block, the blocks of each stage, and the channels before the
# first stage and after each.
resnet_spec = {
    18: ("basic_block", [2, 2, 2, 2], [64, 64, 128, 256, 512]),
    34: ("basic_block", [3, 4, 6, 3], [64, 64, 128, 256, 512]),
    50: ("bottle_neck", [3, 4, 6, 3], [64, 256, 512, 1024, 2048]),
    101: ("bottle_neck", [3, 4, 23, 3], [64, 256, 512, 1024, 2048]),
    152: ("bottle_neck", [3, 8, 36, 3], [64, 256, 512, 1024, 2048]),
}

Sizes = tuple[tuple[int, int], ...]

# The size of each convolution's filters, and by what the channels are divided there.
_BASIC: Sizes = ((3, 1), (3, 1))
_BOTTLENECK: Sizes = ((1, 4), (3, 4), (1, 1))


def _conv3x3(channels: int, stride: int, in_channels: int) -> nn.Conv2D:
    return nn.Conv2D(channels, 3, stride, 1, use_bias=False, in_channels=in_channels)


class _Residual(HybridBlock):
    """What all blocks share."""

    _sizes: Sizes
    _strided = 0  # which of the convolutions has the strides
    _bias = False  # whether convolutions of size 1 have one

    def __init__(
        self,
        channels: int,
        stride: int,
        downsample: bool = False,
        in_channels: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._build(self._convolutions(channels, stride, in_channels))
        self.downsample: HybridBlock | None = None
        if downsample:
            self.downsample = self._shortcut(
                nn.Conv2D(channels, 1, stride, use_bias=False, in_channels=in_channels)
            )

    def _convolutions(self, channels: int, stride: int, in_channels: int) -> Iterator[nn.Conv2D]:
        for place, (size, part) in enumerate(self._sizes):
            strides = stride if place == self._strided else 1
            if size == 3:
                yield _conv3x3(
                    channels // part, strides, channels // part if place else in_channels
                )
            else:
                yield nn.Conv2D(channels // part, 1, strides, use_bias=self._bias)

    def _build(self, convolutions: Iterator[nn.Conv2D]) -> None:
        raise NotImplementedError

    def _shortcut(self, convolution: nn.Conv2D) -> HybridBlock:
        return convolution


class BasicBlockV1(_Residual):
    """Two convolutions of size 3, added to the input.

    Parameters
    ----------
    channels : int
        How many channels the output has.
    stride : int
        The strides of the block.
    downsample : bool
        Whether the input has other channels, rows or columns than the output, and so needs a
        convolution of its own.
    in_channels : int
        How many channels the input has; 0 finds it from the first input.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    He et al., "Deep residual learning for image recognition", 2016.

    Examples
    --------
    >>> block = BasicBlockV1(8, 2, downsample=True)
    >>> block.initialize()
    >>> block.dry_run((1, 4, 6, 6))
    (1, 8, 3, 3)
    """

    _sizes = _BASIC

    def _build(self, convolutions: Iterator[nn.Conv2D]) -> None:
        self.body = stack()
        for place, convolution in enumerate(convolutions):
            if place:
                self.body.add(relu())
            self.body.add(convolution, nn.BatchNorm())

    def _shortcut(self, convolution: nn.Conv2D) -> HybridBlock:
        return stack(convolution, nn.BatchNorm())

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(shortcut + self.body(x))


class BottleneckV1(BasicBlockV1):
    """A convolution of size 3 on a quarter of the channels, added to the input.

    Its arguments are those of `BasicBlockV1`.

    Examples
    --------
    >>> block = BottleneckV1(8, 2, downsample=True)
    >>> block.initialize()
    >>> block.dry_run((1, 4, 6, 6))
    (1, 8, 3, 3)
    """

    _sizes, _bias = _BOTTLENECK, True


class BasicBlockV2(_Residual):
    """`BasicBlockV1` with norm and activation before each convolution.

    Notes
    -----
    He et al., "Identity mappings in deep residual networks", 2016.

    Examples
    --------
    >>> block = BasicBlockV2(8, 2, downsample=True)
    >>> block.initialize()
    >>> block.dry_run((1, 4, 6, 6))
    (1, 8, 3, 3)
    """

    _sizes = _BASIC

    def _build(self, convolutions: Iterator[nn.Conv2D]) -> None:
        for number, convolution in enumerate(convolutions, 1):
            setattr(self, f"bn{number}", nn.BatchNorm())
            setattr(self, f"conv{number}", convolution)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        shortcut = x
        for number in range(1, len(self._sizes) + 1):
            x = F.relu(getattr(self, f"bn{number}")(x))
            if number == 1 and self.downsample is not None:
                shortcut = self.downsample(x)
            x = getattr(self, f"conv{number}")(x)
        return x + shortcut


class BottleneckV2(BasicBlockV2):
    """`BottleneckV1` with norm and activation before each convolution.

    Examples
    --------
    >>> block = BottleneckV2(8, 2, downsample=True)
    >>> block.initialize()
    >>> block.dry_run((1, 4, 6, 6))
    (1, 8, 3, 3)
    """

    _sizes, _strided = _BOTTLENECK, 1


class _ResNet(Classifier):
    """What both versions share."""

    def __init__(
        self,
        block: Callable[..., HybridBlock],
        layers: Sequence[int],
        channels: Sequence[int],
        classes: int = 1000,
        thumbnail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(layers) != len(channels) - 1:
            raise ArgumentError(
                f"{type(self).__name__}: channels has a number more than layers, but "
                f"layers={layers!r} and channels={channels!r}"
            )
        with self.name_scope():
            self.features = stack(*self._first())
            if thumbnail:
                self.features.add(_conv3x3(channels[0], 1, 0))
            else:
                self.features.add(
                    nn.Conv2D(channels[0], 7, 2, 3, use_bias=False),
                    nn.BatchNorm(),
                    relu(),
                    nn.MaxPool2D(3, 2, 1),
                )
            for number, count in enumerate(layers, 1):
                before, after = channels[number - 1 : number + 1]
                stage = stack(prefix=f"stage{number}_")
                with stage.name_scope():
                    for place in range(count):
                        first = place == 0
                        stage.add(
                            block(
                                after,
                                2 if first and number > 1 else 1,
                                first and before != after,
                                in_channels=before if first else after,
                                prefix="",
                            )
                        )
                self.features.add(stage)
            self.features.add(*self._last())
            self.output = nn.Dense(classes, in_units=channels[-1])

    def _first(self) -> tuple[HybridBlock, ...]:
        return ()

    def _last(self) -> tuple[HybridBlock, ...]:
        return (nn.GlobalAvgPool2D(),)


class ResNetV1(_ResNet):
    """ResNet (He et al., "Deep residual learning for image recognition", 2016).

    Parameters
    ----------
    block : type
        `BasicBlockV1` or `BottleneckV1`.
    layers : sequence of int
        How many blocks each stage has.
    channels : sequence of int
        How many channels there are before the first stage and after each.
    classes : int
        How many classes there are.
    thumbnail : bool
        Begin with a convolution of size 3 and no pooling, for images of some 32 x 32.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `layers` and `channels` do not fit together.

    Notes
    -----
    Takes images of shape (batch, channels, height, width), usually 3 x 224 x 224, and gives scores
    of shape (batch, classes).

    Examples
    --------
    >>> net = ResNetV1(BasicBlockV1, [1, 1], [4, 4, 8], classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 32, 32))
    (1, 10)
    """


class ResNetV2(_ResNet):
    """ResNet v2 (He et al., "Identity mappings in deep residual networks", 2016).

    Its arguments are those of `ResNetV1`, with `BasicBlockV2` or `BottleneckV2`.

    Examples
    --------
    >>> net = ResNetV2(BasicBlockV2, [1, 1], [4, 4, 8], classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 32, 32))
    (1, 10)
    """

    def _first(self) -> tuple[HybridBlock, ...]:
        return (nn.BatchNorm(scale=False, center=False),)

    def _last(self) -> tuple[HybridBlock, ...]:
        return nn.BatchNorm(), relu(), nn.GlobalAvgPool2D(), nn.Flatten()


resnet_net_versions = [ResNetV1, ResNetV2]
resnet_block_versions: list[dict[str, type[HybridBlock]]] = [
    {"basic_block": BasicBlockV1, "bottle_neck": BottleneckV1},
    {"basic_block": BasicBlockV2, "bottle_neck": BottleneckV2},
]


def get_resnet(
    version: int,
    num_layers: int,
    pretrained: bool = False,
    ctx: Contexts = None,
    root: Path | None = None,
    **kwargs: Any,
) -> ResNetV1 | ResNetV2:
    """Make a `ResNetV1` or `ResNetV2` by its number of layers.

    Parameters
    ----------
    version : {1, 2}
        Which of them.
    num_layers : {18, 34, 50, 101, 152}
        How many layers have weights.
    pretrained, ctx, root
        As in `alexnet`.
    **kwargs
        Further arguments of the class.

    Raises
    ------
    ValueError
        If there is no such network.
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> net = get_resnet(2, 18, classes=10, thumbnail=True)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 32, 32))
    (1, 10)
    """
    kind, layers, channels = row_of("resnet", resnet_spec, num_layers)
    row_of("resnet of version", {1: None, 2: None}, version)
    block = resnet_block_versions[version - 1][kind]
    net = resnet_net_versions[version - 1](block, layers, channels, **kwargs)
    return with_weights(net, f"resnet{num_layers}_v{version}", pretrained, ctx, root)


resnet18_v1 = variant(get_resnet, "resnet18_v1", 1, 18)
resnet34_v1 = variant(get_resnet, "resnet34_v1", 1, 34)
resnet50_v1 = variant(get_resnet, "resnet50_v1", 1, 50)
resnet101_v1 = variant(get_resnet, "resnet101_v1", 1, 101)
resnet152_v1 = variant(get_resnet, "resnet152_v1", 1, 152)
resnet18_v2 = variant(get_resnet, "resnet18_v2", 2, 18)
resnet34_v2 = variant(get_resnet, "resnet34_v2", 2, 34)
resnet50_v2 = variant(get_resnet, "resnet50_v2", 2, 50)
resnet101_v2 = variant(get_resnet, "resnet101_v2", 2, 101)
resnet152_v2 = variant(get_resnet, "resnet152_v2", 2, 152)
