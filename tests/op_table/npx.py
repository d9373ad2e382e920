"""Rows of `npx`, and of the layers that `nd` has under other names."""

from .rows import Function

_WEIGHTS = "img.reshape((-1,))"  # enough numbers for the parameters of a recurrent layer
_STATE = "p.reshape((-1,))[:{0}].reshape(({1}, 3, {2}))"

_REGIONS = "np.array([[1, 0.3, 0.2, 3.1, 4.4], [0, 2.2, 1.1, 3.9, 2.4]], dtype='float64')"
_ANCHORS = "np.concatenate([u[:, :2], u[:, :2] + 0.3], 1).reshape(1, 3, 4)"
_OBJECTS = "np.array([[[1, 0.1, 0.2, 0.6, 0.7]]], dtype='float64')"

ROWS = (
    # ---- elementwise layers ----
    Function(
        "npx.activation nd.Activation",
        "npx.activation(x, 'tanh')",
        more=("npx.activation(x, 'softsign')", "npx.activation(x, 'softrelu')"),
        like="np.tanh(x)",
    ),
    Function(
        "npx.leaky_relu nd.LeakyReLU",
        "npx.leaky_relu(x, slope=0.1)",
        more=(
            "npx.leaky_relu(x, act_type='elu')",
            "npx.leaky_relu(x, act_type='selu')",
            "npx.leaky_relu(x, act_type='gelu')",
            "npx.leaky_relu(x, act_type='rrelu')",
            "npx.leaky_relu(t, p[0, :3], act_type='prelu')",
            "npx.leaky_relu(x, p, act_type='prelu')",
        ),
        like="np.where(x > 0, x, 0.1 * x)",
    ),
    Function("npx.dropout nd.Dropout", "npx.dropout(x, 0.4, mode='always')", like=None),
    Function("npx.smooth_l1", "npx.smooth_l1(x)", more=("npx.smooth_l1(x, 2.0)",), like=None),
    Function("npx.hard_sigmoid", "npx.hard_sigmoid(x)", like="np.clip(0.2 * x + 0.5, 0, 1)"),
    Function(
        "npx.rfft",
        "npx.rfft(x)",
        more=("npx.rfft(t, 5, 1, 'ortho')",),
        like="(np.fft.rfft(x).real, np.fft.rfft(x).imag)",
    ),
    Function(
        "npx.irfft",
        "npx.irfft(x, y)",
        more=("npx.irfft(x, y, 5, 0, 'forward')",),
        like="np.fft.irfft(x + 1j * y)",
    ),
    # ---- products ----
    Function(
        "npx.fully_connected nd.FullyConnected",
        "npx.fully_connected(x, y, v[:3], num_hidden=3)",
        more=(
            "npx.fully_connected(t, y, no_bias=True, num_hidden=3, flatten=False)",
            "npx.fully_connected(t, img[0, :, :3, :4].reshape((3, 12)), v[:3], num_hidden=3)",
        ),
        like="x @ y.T + v[:3]",
    ),
    Function(
        "npx.batch_dot",
        "npx.batch_dot(t, t, transpose_b=True)",
        more=("npx.batch_dot(t, t, transpose_a=True)",),
        like="np.matmul(t, np.swapaxes(t, 1, 2))",
    ),
    Function(
        "npx.embedding nd.Embedding",
        "npx.embedding(i, x, 3, 4)",
        more=("npx.embedding(j, x)",),
        like="x[i]",
    ),
    # ---- windows ----
    Function(
        "npx.convolution nd.Convolution",
        "npx.convolution(img, img[:, :, :2, :3], v[:2], kernel=(2, 3), num_filter=2)",
        more=(
            "npx.convolution(img, img[:, :, :2, :3], kernel=(2, 3), num_filter=2, no_bias=True,"
            " stride=(2, 1), dilate=(1, 2), pad=(1, 2))",
            "npx.convolution(img, img[0, :, :2, :2].reshape((3, 1, 2, 2)), v[:3], kernel=(2, 2),"
            " num_filter=3, num_group=3)",
            "npx.convolution(t, t[:, :, :2], v[:2], kernel=(2,), num_filter=2, pad=(1,))",
            "npx.convolution(t.reshape((1, 1, 2, 3, 4)), u[:2, :2].reshape((1, 1, 1, 2, 2)),"
            " v[:1], kernel=(1, 2, 2), num_filter=1)",
            "npx.convolution(t, t[:, :2], v[:2], kernel=(2,), num_filter=2, layout='NWC')",
        ),
        like=None,
    ),
    Function(
        "npx.deconvolution nd.Deconvolution",
        "npx.deconvolution(img, img[0, :, :2, :4].reshape((3, 2, 2, 2)), v[:2], kernel=(2, 2),"
        " num_filter=2, no_bias=False)",
        more=(
            "npx.deconvolution(img, img[0, :, :2, :2].reshape((3, 1, 2, 2)), kernel=(2, 2),"
            " num_filter=3, num_group=3, stride=(3, 2), pad=(1, 0), adj=(2, 1))",
            "npx.deconvolution(t, x[:, :2].reshape((3, 1, 2)), kernel=(2,), num_filter=1,"
            " stride=(3,), target_shape=(10,))",
            "npx.deconvolution(t, p[:, :2].reshape((3, 1, 2)), kernel=(2,), num_filter=1,"
            " dilate=(2,))",
        ),
        like=None,
    ),
    Function(
        "npx.pooling nd.Pooling",
        "npx.pooling(img, kernel=(2, 2), stride=(2, 2))",
        more=(
            "npx.pooling(img, kernel=(2, 2), pooling_convention='full', stride=(2, 2))",
            "npx.pooling(img, kernel=(2, 2), stride=(2, 2), pooling_convention='same')",
            "npx.pooling(img, kernel=(3, 3), pad=(1, 1), pool_type='avg')",
            "npx.pooling(img, kernel=(3, 3), pad=(1, 1), pool_type='avg', count_include_pad=False)",
            "npx.pooling(img, kernel=(2, 2), pool_type='sum')",
            "npx.pooling(img, kernel=(2, 2), pool_type='lp', p_value=2)",
            "npx.pooling(img + 3, kernel=(2, 2), pool_type='lp', p_value=3)",
            "npx.pooling(img, global_pool=True, pool_type='avg')",
            "npx.pooling(t, kernel=(2,), layout='NWC')",
        ),
        like=None,
    ),
    Function("nd.im2col", "nd.im2col(img, kernel=(2, 2), stride=(2, 1), pad=(1, 0))"),
    Function(
        "nd.col2im",
        "nd.col2im(img.reshape((2, 3, 25))[:, :2, :4], output_size=(5,), kernel=(2,))",
    ),
    Function(
        "nd.UpSampling",
        "nd.UpSampling(img, scale=2, sample_type='nearest')",
        more=(
            "nd.UpSampling(img, img[:, :, :1, :1], scale=1, sample_type='nearest')",
            "nd.UpSampling(img, img[:, :, :1, :1], scale=1, sample_type='nearest',"
            " multi_input_mode='sum')",
            "nd.UpSampling(img, img[0, :, :4, :4].reshape((3, 1, 4, 4)), scale=2,"
            " sample_type='bilinear', num_filter=3)",
        ),
    ),
    Function(
        "nd.contrib.AdaptiveAvgPooling2D",
        "nd.contrib.AdaptiveAvgPooling2D(img, output_size=(2, 3))",
        more=("nd.contrib.AdaptiveAvgPooling2D(img)",),
    ),
    Function(
        "nd.contrib.BilinearResize2D",
        "nd.contrib.BilinearResize2D(img, height=4, width=7)",
        more=(
            "nd.contrib.BilinearResize2D(img, height=4, width=7, align_corners=False)",
            "nd.contrib.BilinearResize2D(img, scale_height=2, scale_width=2, mode='odd_scale')",
        ),
    ),
    # ---- softmax ----
    Function(
        "npx.softmax",
        "npx.softmax(x)",
        more=(
            "npx.softmax(x, axis=0, temperature=2.0)",
            "npx.softmax(x, i, use_length=True)",
        ),
        like="scipy.special.softmax(x, -1)",
    ),
    Function(
        "npx.log_softmax",
        "npx.log_softmax(x)",
        more=("npx.log_softmax(t, axis=1, temperature=0.5)",),
        like="scipy.special.log_softmax(x, -1)",
    ),
    Function(
        "npx.masked_softmax",
        "npx.masked_softmax(x, b)",
        more=("npx.masked_softmax(x, b, axis=0, temperature=2.0)",),
        like="scipy.special.softmax(np.where(b, x, -np.inf), -1)",
    ),
    Function(
        "npx.masked_log_softmax",
        "npx.masked_log_softmax(x, b)[b]",
        like="scipy.special.log_softmax(np.where(b, x, -np.inf), -1)[b]",
        dynamic=True,
    ),
    Function(
        "npx.logsumexp",
        "npx.logsumexp(x, axis=1)",
        more=("npx.logsumexp(x)",),
        like="scipy.special.logsumexp(x, axis=1)",
    ),
    # ---- normalization ----
    Function(
        "npx.batch_norm nd.BatchNorm",
        "npx.batch_norm(img, v[:3], w[:3], w[:3] * 1, p[0, :3] * 1, fix_gamma=False)",
        more=(
            "npx.batch_norm(img, v[:3], w[:3], w[:3] * 1, p[0, :3] * 1, output_mean_var=True)",
            "npx.batch_norm(t, v[:4], w[:4], k[:4].astype('float64'), k[:4].astype('float64'),"
            " axis=-1, fix_gamma=False, use_global_stats=True, output_mean_var=True)",
        ),
        like=None,
    ),
    Function(
        "npx.layer_norm nd.LayerNorm",
        "npx.layer_norm(x, v[:4], w[:4])",
        more=("npx.layer_norm(t, v[:3], w[:3], axis=1, output_mean_var=True)",),
        like="(x - x.mean(1, keepdims=True)) / (x.var(1, keepdims=True) + 1e-5) ** 0.5 * v[:4]"
        " + w[:4]",
    ),
    Function(
        "npx.group_norm nd.GroupNorm",
        "npx.group_norm(img, v[:3], w[:3], num_groups=3)",
        more=(
            "npx.group_norm(img, v[:1], w[:1])",
            "npx.group_norm(img, v[:3], w[:3], output_mean_var=True)",
        ),
        like=None,
    ),
    Function(
        "npx.instance_norm nd.InstanceNorm",
        "npx.instance_norm(img, v[:3], w[:3])",
        like="(img - img.mean((2, 3), keepdims=True)) / (img.var((2, 3), keepdims=True) + 1e-3)"
        " ** 0.5 * v[:3, None, None] + w[:3, None, None]",
    ),
    Function(
        "npx.l2_normalization nd.L2Normalization",
        "npx.l2_normalization(t)",
        more=(
            "npx.l2_normalization(t, mode='channel')",
            "npx.l2_normalization(t, mode='spatial')",
        ),
        like="t / (t * t).sum((1, 2), keepdims=True) ** 0.5",
    ),
    Function("nd.LRN", "nd.LRN(img, nsize=3, alpha=0.5)", more=("nd.LRN(img, nsize=1)",)),
    Function(
        "nd.contrib.SyncBatchNorm",
        "nd.contrib.SyncBatchNorm(img, v[:3], w[:3], w[:3] * 1, p[0, :3] * 1, fix_gamma=False)",
    ),
    Function(
        "nd.contrib.BatchNormWithReLU",
        "nd.contrib.BatchNormWithReLU(img, v[:3], w[:3], w[:3] * 1, p[0, :3] * 1)",
    ),
    # ---- sequences ----
    Function(
        "npx.rnn nd.RNN",
        f"npx.rnn(t, {_WEIGHTS}[:16], {_STATE.format(6, 1, 2)}, state_size=2, num_layers=1,"
        " mode='rnn_tanh')",
        more=(
            f"npx.rnn(t, {_WEIGHTS}[:64], {_STATE.format(6, 1, 2)}, {_STATE.format(6, 1, 2)},"
            " state_size=2, num_layers=1, mode='lstm', state_outputs=True,"
            " lstm_state_clip_min=-0.4, lstm_state_clip_max=2.0)",
            f"npx.rnn(t, {_WEIGHTS}[:72], {_STATE.format(12, 4, 1)}, state_size=1, num_layers=2,"
            " mode='gru', bidirectional=True, state_outputs=True)",
            f"npx.rnn(t, {_WEIGHTS}[:72], {_STATE.format(12, 4, 1)}, None, i, state_size=1,"
            " num_layers=2, mode='gru', bidirectional=True, p=0.3, use_sequence_length=True)",
            f"npx.rnn(t, {_WEIGHTS}[:16], {_STATE.format(6, 1, 2)}, state_size=2, num_layers=1,"
            " mode='rnn_relu')",
        ),
        like=None,
    ),
    Function(
        "npx.ctc_loss nd.ctc_loss nd.CTCLoss nd.contrib.ctc_loss nd.contrib.CTCLoss",
        "npx.ctc_loss(t, j[:, :2] % 3)",
        more=(
            "npx.ctc_loss(t.reshape((4, 2, 3)), j[:2, 1:3] % 2, i[:2], use_label_lengths=True,"
            " blank_label='last')",
        ),
        once=True,
        like=None,
    ),
    Function(
        "npx.sequence_mask",
        "npx.sequence_mask(x, k[:4] % 3, use_sequence_length=True, value=0.5)",
        more=("npx.sequence_mask(t, k[:2], True, axis=1)", "npx.sequence_mask(t)"),
        like="np.where(np.arange(3)[:, None] < k[:4] % 3, x, 0.5)",
    ),
    # ---- elements by place ----
    Function("npx.one_hot", "npx.one_hot(i, 4)", gradient=False, like="np.eye(4)[i]"),
    Function(
        "npx.pick",
        "npx.pick(x, i)",
        more=("npx.pick(x, k[:4], axis=0, keepdims=True, mode='wrap')",),
        like="x[np.arange(3), i]",
    ),
    Function(
        "npx.topk",
        "npx.topk(x, k=2, ret_typ='value')",
        more=(
            "npx.topk(x, k=0, axis=0, ret_typ='value', is_ascend=True)",
            "npx.topk(t, k=2, axis=1, ret_typ='both')",
        ),
        like="-np.sort(-x)[:, :2]",
    ),
    Function(
        "npx.topk",
        "npx.topk(x, k=2)",
        more=("npx.topk(x, k=2, ret_typ='mask')", "npx.topk(x, axis=None, k=3, dtype='int32')"),
        gradient=False,
        like="np.argsort(-x)[:, :2].astype('float32')",
    ),
    Function(
        "npx.gather_nd",
        "npx.gather_nd(x, j[:2] % 3)",
        more=("npx.gather_nd(t, j[:1] % 2)",),
        like="x[j[0] % 3, j[1] % 3]",
    ),
    Function(
        "npx.scatter_nd",
        "npx.scatter_nd(x[0], j[:2], (4, 5))",
        more=("npx.scatter_nd(x, j[:1, :3], (4, 4))",),
        like=None,
    ),
    Function(
        "npx.index_add",
        "npx.index_add(x, i, y[0])",
        more=("npx.index_add(x, j[:2] % 3, p[0])",),
        like="x + y[0]",
    ),
    Function(
        "npx.index_update",
        "npx.index_update(x, i[:2], y[0])",
        more=("npx.index_update(x, j[:2] % 3, p[0])",),
        like=None,
    ),
    Function("npx.nonzero", "npx.nonzero(b)", gradient=False, dynamic=True, like="np.argwhere(b)"),
    # ---- shapes ----
    Function("npx.batch_flatten", "npx.batch_flatten(t)", like="t.reshape(2, 12)"),
    Function(
        "npx.reshape",
        "npx.reshape(t, (-5, -2))",
        more=(
            "npx.reshape(t, (-2, -6, 1, -1, -4))",
            "npx.reshape(t, (-4, -5), reverse=True)",
            "npx.reshape(t[:1], (-3, -1))",
            "npx.reshape(t, 24)",
        ),
        like="t.reshape(6, 4)",
    ),
    Function(
        "npx.reshape_like",
        "npx.reshape_like(t, img[0, :2, :3, :4])",
        more=("npx.reshape_like(x, t, 0, 1, rhs_begin=1, rhs_end=2)",),
        like="t",
    ),
    Function(
        "npx.slice",
        "npx.slice(x, (0, 1), (2, 4))",
        more=("npx.slice(t, (1, None), (0, None), (-1, 2))", "npx.slice(v, 1, 3)"),
        like="x[:2, 1:4]",
    ),
    Function("npx.slice_axis", "npx.slice_axis(x, 1, 1, None)", like="x[:, 1:]"),
    Function(
        "npx.slice_like",
        "npx.slice_like(x, m[:2])",
        more=("npx.slice_like(x, m, axes=(1,))",),
        like="x[:2, :3]",
    ),
    Function(
        "npx.broadcast_like",
        "npx.broadcast_like(x[:1], y)",
        more=("npx.broadcast_like(x[:1], t, lhs_axes=(0,), rhs_axes=(-1,))",),
        like="np.broadcast_to(x[:1], (3, 4))",
    ),
    Function(
        "npx.arange_like nd.contrib.arange_like",
        "npx.arange_like(x)",
        more=("npx.arange_like(x, start=1, step=0.5, repeat=2, axis=1)",),
        gradient=False,
        like="np.arange(12.0).reshape(3, 4)",
    ),
    Function("npx.shape_array", "npx.shape_array(x)", gradient=False, like="np.array(x.shape)"),
    Function("npx.cast", "npx.cast(x, 'float64')", like="x"),
    Function("npx.stop_gradient", "npx.stop_gradient(x)", gradient=False, like="x"),
    Function("npx.waitall", "npx.waitall()", gradient=False, like=None),
    # ---- detection ----
    Function(
        "npx.multibox_prior",
        "npx.multibox_prior(img, sizes=(0.5, 0.2), ratios=(1, 2))",
        gradient=False,
        like=None,
    ),
    Function(
        "npx.multibox_target",
        f"npx.multibox_target({_ANCHORS}, {_OBJECTS}, x.reshape(1, 4, 3))",
        surrogate=True,
        like=None,
    ),
    Function(
        "npx.multibox_detection",
        f"npx.multibox_detection(u.reshape(1, 4, 3), x.reshape(1, 12), {_ANCHORS})",
        surrogate=True,
        like=None,
    ),
    Function("npx.box_nms", "npx.box_nms(np.concatenate([u, u + 1], 1), 0.2)", like=None),
    Function("npx.roi_pooling", f"npx.roi_pooling(img, {_REGIONS}, (2, 2), 0.8)", like=None),
    Function("npx.roi_align", f"npx.roi_align(img, {_REGIONS}, (2, 2), 0.8)", like=None),
    Function(
        "npx.bilinear_sampler",
        "npx.bilinear_sampler(img, t[:, :2].reshape(2, 2, 2, 2) / 3)",
        like=None,
    ),
)
