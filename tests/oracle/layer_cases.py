"""Layers that PyTorch has too: our call and PyTorch's, over the same arrays."""

import zlib
from typing import Any, NamedTuple

import numpy

NAMES = "xwbhc"


class Layer(NamedTuple):
    """The shapes of the arrays x, w, b, h, c, and what both sides compute of them."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    ours: str  # over npx, nd and the arrays
    theirs: str  # over torch, F (torch.nn.functional), recur and the arrays
    second: bool = False  # whether gradients of gradients are recorded

    def arrays(self) -> dict[str, numpy.ndarray]:
        """The arrays by name, the same on both sides."""
        generator = numpy.random.default_rng(zlib.crc32(self.name.encode()))
        drawn = [generator.uniform(-1.5, 1.5, shape).round(3) for shape in self.shapes]
        return dict(zip(NAMES, drawn, strict=False))


def weights(shape: tuple[int, ...], which: int) -> numpy.ndarray:
    """Fixed numbers by which results, or gradients, are multiplied before they are added up."""
    return numpy.random.default_rng(100 + which).uniform(0.5, 1.5, shape).round(3)


def _recurrent(mode: str, gates: int, layers: int, ways: int, more: str = "") -> Layer:
    steps, batch, features, size = 4, 3, 2, 2
    count = sum(
        ways * gates * size * ((features if layer == 0 else size * ways) + size + 2)
        for layer in range(layers)
    )
    states = (layers * ways, batch, size)
    shapes: tuple[Any, ...] = ((steps, batch, features), (count,), (0,), states)
    cell = ""
    if mode == "lstm":
        shapes, cell = (*shapes, states), "state_cell=c, "
    lengths = "sequence_length=lengths(x), use_sequence_length=True, " if more else ""
    return Layer(
        f"{mode}_{layers}_layers_{ways}_ways{more}",
        shapes,
        f"npx.rnn(x, w, h, {cell}{lengths}state_size={size}, num_layers={layers}, mode='{mode}', "
        f"bidirectional={ways == 2}, state_outputs=True)",
        f"recur('{mode}', x, w, h, {'c' if cell else None}, {size}, {layers}, {ways == 2}, "
        f"{bool(more)})",
    )


LAYERS = (
    Layer(
        "convolution_1d",
        ((2, 3, 7), (4, 3, 3), (4,)),
        "npx.convolution(x, w, b, kernel=(3,), num_filter=4, stride=(2,), pad=(2,))",
        "F.conv1d(x, w, b, 2, 2)",
        second=True,
    ),
    Layer(
        "convolution_2d",
        ((2, 2, 5, 6), (3, 2, 2, 3), (3,)),
        "npx.convolution(x, w, b, kernel=(2, 3), num_filter=3, stride=(2, 1), dilate=(1, 2),"
        " pad=(1, 2))",
        "F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2))",
        second=True,
    ),
    Layer(
        "convolution_2d_groups",
        ((2, 4, 4, 3), (6, 2, 2, 2), (6,)),
        "npx.convolution(x, w, b, kernel=(2, 2), num_filter=6, num_group=2)",
        "F.conv2d(x, w, b, groups=2)",
    ),
    Layer(
        "convolution_2d_each_channel",
        ((2, 3, 4, 4), (3, 1, 3, 3)),
        "npx.convolution(x, w, kernel=(3, 3), num_filter=3, num_group=3, pad=(1, 1), no_bias=True)",
        "F.conv2d(x, w, padding=1, groups=3)",
    ),
    Layer(
        "convolution_3d",
        ((1, 2, 3, 4, 3), (2, 2, 2, 3, 1), (2,)),
        "npx.convolution(x, w, b, kernel=(2, 3, 1), num_filter=2, pad=(1, 0, 1))",
        "F.conv3d(x, w, b, padding=(1, 0, 1))",
    ),
    Layer(
        "convolution_channels_last",
        ((2, 5, 4, 3), (2, 2, 2, 3), (2,)),
        "npx.convolution(x, w, b, kernel=(2, 2), num_filter=2, layout='NHWC')",
        "F.conv2d(x.movedim(3, 1), w.movedim(3, 1), b).movedim(1, 3)",
    ),
    Layer(
        "deconvolution_1d",
        ((2, 3, 4), (3, 2, 3), (2,)),
        "npx.deconvolution(x, w, b, kernel=(3,), num_filter=2, stride=(3,), pad=(1,), adj=(2,),"
        " no_bias=False)",
        "F.conv_transpose1d(x, w, b, 3, 1, 2)",
        second=True,
    ),
    Layer(
        "deconvolution_2d_groups",
        ((2, 4, 3, 2), (4, 1, 2, 3)),
        "npx.deconvolution(x, w, kernel=(2, 3), num_filter=2, stride=(2, 1), dilate=(2, 1),"
        " num_group=2)",
        "F.conv_transpose2d(x, w, stride=(2, 1), dilation=(2, 1), groups=2)",
    ),
    Layer(
        "max_pooling",
        ((2, 3, 6, 5),),
        "npx.pooling(x, kernel=(3, 2), stride=(2, 2), pad=(1, 1))",
        "F.max_pool2d(x, (3, 2), 2, 1)",
    ),
    Layer(
        "max_pooling_full",
        ((2, 3, 6, 6),),
        "npx.pooling(x, kernel=(3, 3), stride=(2, 2), pooling_convention='full')",
        "F.max_pool2d(x, 3, 2, ceil_mode=True)",
    ),
    Layer(
        "average_pooling",
        ((2, 3, 6, 5),),
        "npx.pooling(x, kernel=(3, 2), stride=(2, 2), pad=(1, 1), pool_type='avg')",
        "F.avg_pool2d(x, (3, 2), 2, 1)",
    ),
    Layer(
        "average_pooling_without_padding",
        ((2, 3, 6, 6),),
        "npx.pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type='avg',"
        " count_include_pad=False, pooling_convention='full')",
        "F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)",
    ),
    Layer(
        "average_pooling_3d",
        ((1, 2, 4, 3, 3),),
        "npx.pooling(x, kernel=(2, 2, 3), pool_type='avg')",
        "F.avg_pool3d(x, (2, 2, 3), 1)",
    ),
    Layer(
        "power_pooling",
        ((2, 3, 6),),
        "npx.pooling(x, kernel=(2,), stride=(2,), pool_type='lp', p_value=2)",
        "F.lp_pool1d(x, 2, 2)",
    ),
    Layer(
        "adaptive_average",
        ((2, 2, 5, 7),),
        "nd.contrib.AdaptiveAvgPooling2D(x, output_size=(3, 2))",
        "F.adaptive_avg_pool2d(x, (3, 2))",
    ),
    Layer(
        "bilinear_corners",
        ((2, 2, 3, 4),),
        "nd.contrib.BilinearResize2D(x, height=5, width=3)",
        "F.interpolate(x, (5, 3), mode='bilinear', align_corners=True)",
    ),
    Layer(
        "bilinear_areas",
        ((2, 2, 3, 4),),
        "nd.contrib.BilinearResize2D(x, height=5, width=3, align_corners=False)",
        "F.interpolate(x, (5, 3), mode='bilinear')",
    ),
    Layer(
        "nearest",
        ((1, 2, 2, 3),),
        "nd.UpSampling(x, scale=3, sample_type='nearest')",
        "F.interpolate(x, scale_factor=3)",
    ),
    Layer(
        "columns",
        ((2, 2, 4, 5),),
        "nd.im2col(x, kernel=(2, 3), stride=(2, 1), dilate=(1, 2), pad=(1, 1))",
        "F.unfold(x, (2, 3), (1, 2), 1, (2, 1))",
    ),
    Layer(
        "from_columns",
        ((2, 12, 8),),
        "nd.col2im(x, output_size=(3, 6), kernel=(2, 3))",
        "F.fold(x, (3, 6), (2, 3))",
    ),
    Layer(
        "batch_norm",
        ((4, 3, 2), (3,), (3,)),
        "npx.batch_norm(x, w, b, w * 0, w * 0, eps=1e-3, fix_gamma=False)",
        "F.batch_norm(x, None, None, w, b, True, eps=1e-3)",
        second=True,
    ),
    Layer(
        "layer_norm",
        ((3, 2, 4), (4,), (4,)),
        "npx.layer_norm(x, w, b)",
        "F.layer_norm(x, (4,), w, b)",
        second=True,
    ),
    Layer(
        "group_norm",
        ((2, 6, 3), (6,), (6,)),
        "npx.group_norm(x, w, b, num_groups=2)",
        "F.group_norm(x, 2, w, b)",
    ),
    Layer(
        "instance_norm",
        ((2, 3, 4, 2), (3,), (3,)),
        "npx.instance_norm(x, w, b)",
        "F.instance_norm(x, weight=w, bias=b, eps=1e-3)",
    ),
    Layer(
        "response_norm",
        ((2, 5, 2, 2),),
        "nd.LRN(x, nsize=3, alpha=0.7, beta=0.6, knorm=1.5)",
        "F.local_response_norm(x, 3, 0.7, 0.6, 1.5)",
    ),
    Layer(
        "dense",
        ((3, 2, 2), (4, 4), (4,)),
        "npx.fully_connected(x, w, b, num_hidden=4)",
        "F.linear(x.reshape(3, 4), w, b)",
        second=True,
    ),
    Layer("softmax", ((3, 4),), "npx.softmax(x)", "torch.softmax(x, -1)", second=True),
    Layer(
        "log_softmax_temperature",
        ((3, 4),),
        "npx.log_softmax(x, axis=0, temperature=0.7)",
        "torch.log_softmax(x / 0.7, 0)",
        second=True,
    ),
    Layer(
        "masked_softmax",
        ((3, 4), (3, 4)),
        "npx.masked_softmax(x, w > -0.5)",
        "torch.softmax(torch.where(w > -0.5, x, -1e30), -1)",
    ),
    Layer("leaky", ((3, 4),), "npx.leaky_relu(x, slope=0.1)", "F.leaky_relu(x, 0.1)"),
    Layer("elu", ((3, 4),), "npx.leaky_relu(x, act_type='elu', slope=0.7)", "F.elu(x, 0.7)"),
    Layer("selu", ((3, 4),), "npx.leaky_relu(x, act_type='selu')", "F.selu(x)"),
    Layer("gelu", ((3, 4),), "npx.leaky_relu(x, act_type='gelu')", "F.gelu(x)"),
    Layer("prelu", ((2, 3, 2), (3,)), "npx.leaky_relu(x, w, act_type='prelu')", "F.prelu(x, w)"),
    Layer(
        "smooth_l1",
        ((3, 4),),
        "npx.smooth_l1(x)",
        "F.smooth_l1_loss(x, x * 0, reduction='none')",
    ),
    _recurrent("rnn_tanh", 1, 1, 1),
    _recurrent("rnn_relu", 1, 2, 2),
    _recurrent("lstm", 4, 2, 2),
    _recurrent("gru", 3, 2, 2),
    _recurrent("gru", 3, 1, 1),
    _recurrent("lstm", 4, 1, 2, "_with_lengths"),
    _recurrent("gru", 3, 2, 2, "_with_lengths"),
    Layer(
        "ctc_loss",
        ((6, 3, 4),),
        "npx.ctc_loss(x, like(x, [[1, 1, 0], [2, 3, 1], [3, 0, 0]]))",
        "ctc(x, [[1, 1], [2, 3, 1], [3]], [6, 6, 6], 0)",
    ),
    Layer(
        "ctc_loss_lengths_blank_last",
        ((6, 3, 4),),
        "npx.ctc_loss(x, like(x, [[1, 1, 0], [2, 0, 1], [2, 2, 2]]), like(x, [6, 4, 3]),"
        " like(x, [2, 3, 3]), use_data_lengths=True, use_label_lengths=True, blank_label='last')",
        "ctc(x, [[1, 1], [2, 0, 1], [2, 2, 2]], [6, 4, 3], 3)",
    ),
)  # fmt: skip
