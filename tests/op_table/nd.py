"""Rows of nd's functions that np and npx have not, or have under other names and rules."""

from typing import Any

from .rows import Function


def _f(
    names: str, *calls: str, gradient: bool = True, like: str | None = None, **more: Any
) -> Function:
    """A row; of several calls the first is the example."""
    return Function(names, calls[0], calls[1:], gradient=gradient, like=like, **more)


def _none(names: str, *calls: str, **more: Any) -> Function:
    """A row without a gradient."""
    return _f(names, *calls, gradient=False, **more)


_LABEL = "nd.array([2, 0, 1], dtype='float64')"
_LENGTH = "nd.array([1, 3, 2, 2], dtype='float64')"
_OPTIONS = "use_sequence_length=True"
_REGIONS = "nd.array([[1, 0.3, 0.2, 3.1, 4.4], [0, 2.2, 1.1, 3.9, 2.4]], dtype='float64')"
_ANCHORS = "nd.concat(u[:, :2], u[:, :2] + 0.3).reshape((1, 3, 4))"
_OBJECTS = "nd.array([[[1, 0.1, 0.2, 0.6, 0.7]]], dtype='float64')"
_MATCHES = "nd.array([[2, 0, 1]], dtype='float64')"
_SIZES = "nd.array([[40, 36, 1], [33, 40, 1.5]], dtype='float64')"
_FILTERS = "nd.concat(x, y, dim=0).reshape((2, 3, 2, 2))"
_SHIFTS = "nd.tile(u, (2, 22)).reshape((2, 264))[:, :128].reshape((2, 8, 4, 4))"

ROWS = (
    # ---- creation ----
    _none("nd.array", "nd.array([[1, 2], [3, 4]])"),
    _none("nd.zeros nd.ones nd.empty", "nd.zeros((2, 3)) * 0"),
    _none("nd.full", "nd.full((2, 3), 7)"),
    _none("nd.zeros_like nd.ones_like", "nd.zeros_like(x)"),
    _none("nd.arange", "nd.arange(1, 7, 2, repeat=2)"),
    _none("nd.linspace", "nd.linspace(0, 1, 5)"),
    _none("nd.eye", "nd.eye(3, 4, 1)"),
    _none("nd.from_numpy", "nd.from_numpy(x.asnumpy())", dynamic=True),
    # ---- elements ----
    _f("nd.clip", "nd.clip(x, -0.7, 0.8)"),
    _f("nd.round", "nd.round(x)"),
    _f("nd.hard_sigmoid", "nd.hard_sigmoid(3 * x, alpha=0.3, beta=0.4)"),
    _f("nd.smooth_l1", "nd.smooth_l1(x, scalar=1.1)"),
    _f("nd.cast nd.Cast nd.amp_cast", "nd.cast(x, 'float64')"),
    _none("nd.cast", "nd.cast(x, 'int32')"),
    _f("nd.amp_multicast", "nd.amp_multicast(x, y)"),
    _f("nd.identity", "nd.identity(x)"),
    _none("nd.BlockGrad nd.stop_gradient", "nd.BlockGrad(x)"),
    _f("nd.add_n nd.ElementWiseSum", "nd.add_n(x, y, x)"),
    _f(
        "nd.logical_and nd.logical_or nd.logical_xor nd.broadcast_logical_and "
        "nd.broadcast_logical_or nd.broadcast_logical_xor",
        "nd.logical_and(x, y)",
    ),
    _f("nd.logical_not", "nd.logical_not(x)"),
    # ---- reductions ----
    _f(
        "nd.sum nd.sum_axis nd.prod nd.max nd.max_axis nd.min nd.min_axis nd.mean nd.nansum "
        "nd.nanprod",
        "nd.sum(x, axis=1)",
        "nd.sum(t, axis=(0, 2), keepdims=True)",
        "nd.sum(t, axis=1, exclude=True)",
    ),
    _none("nd.argmax nd.argmin", "nd.argmax(x, axis=1, keepdims=True)"),
    _none("nd.argmax_channel", "nd.argmax_channel(x)"),
    _f("nd.norm", "nd.norm(x, axis=1)", "nd.norm(x, ord=1, axis=0)", "nd.norm(t)"),
    _f("nd.moments", "nd.moments(x, axes=(1,))"),
    _f("nd.cumsum", "nd.cumsum(x, axis=1)", "nd.cumsum(x)"),
    _none("nd.all_finite", "nd.all_finite(x)"),
    _none("nd.multi_all_finite", "nd.multi_all_finite(x, v)"),
    _f("nd.multi_sum_sq", "nd.multi_sum_sq(x, v)"),
    # ---- products ----
    _f("nd.dot", "nd.dot(x, y, transpose_b=True)", "nd.dot(t, x, transpose_b=True)"),
    _f("nd.batch_dot", "nd.batch_dot(t, t, transpose_a=True)"),
    _f("nd.khatri_rao", "nd.khatri_rao(m, s, m)"),
    # ---- shapes ----
    _f("nd.reshape nd.Reshape", "nd.reshape(t, (-3, 0))", "nd.reshape(t, (0, -4, -1, 3, -2))"),
    _f("nd.reshape_like", "nd.reshape_like(t, nd.zeros((6, 4)))"),
    _f("nd.flatten nd.Flatten", "nd.flatten(t)"),
    _f("nd.transpose", "nd.transpose(t, (1, 2, 0))"),
    _f("nd.swapaxes nd.SwapAxis", "nd.swapaxes(t, 0, 2)"),
    _f("nd.moveaxis", "nd.moveaxis(t, 0, -1)"),
    _f("nd.expand_dims", "nd.expand_dims(x, 1)"),
    _f("nd.squeeze", "nd.squeeze(x.reshape((3, 1, 4)), axis=1)"),
    _f("nd.broadcast_to", "nd.broadcast_to(v, (2, 5))"),
    _f("nd.broadcast_axis nd.broadcast_axes", "nd.broadcast_axis(v.reshape((5, 1)), 1, 3)"),
    _f("nd.broadcast_like", "nd.broadcast_like(v.reshape((5, 1)), x, (1,), (0,))"),
    _f("nd.concat nd.Concat", "nd.concat(x, y, dim=0)", "nd.concat(x, y)"),
    _f("nd.concatenate", "nd.concatenate([x, y], axis=1)"),
    _f("nd.stack", "nd.stack(x, y, axis=1)"),
    _f("nd.split nd.SliceChannel", "nd.split(x, 2)", "nd.split(x, 3, axis=0, squeeze_axis=True)"),
    _f("nd.split_v2", "nd.split_v2(x, (1, 3), axis=1)"),
    _f("nd.repeat", "nd.repeat(x, 2, axis=1)", "nd.repeat(x, 2)"),
    _f("nd.tile", "nd.tile(x, (2, 1, 2))"),
    _f("nd.flip nd.reverse", "nd.flip(x, axis=1)"),
    _f(
        "nd.pad nd.Pad",
        "nd.pad(img, mode='reflect', pad_width=(0, 0, 0, 0, 1, 2, 0, 3))",
        "nd.pad(img, mode='edge', pad_width=(0, 0, 0, 0, 1, 2, 0, 3))",
        "nd.pad(img, pad_width=(0, 0, 0, 0, 1, 2, 0, 3), constant_value=5)",
    ),
    _f("nd.depth_to_space", "nd.depth_to_space(img.reshape((1, 6, 5, 5))[:, :4], 2)"),
    _f("nd.space_to_depth", "nd.space_to_depth(img[:, :, :4, :4], 2)"),
    _f("nd.diag", "nd.diag(x, k=1)", "nd.diag(v, k=-1)", "nd.diag(t, axis1=1, axis2=2)"),
    _none("nd.shape_array nd.size_array", "nd.shape_array(x)"),
    # ---- parts ----
    _f("nd.slice nd.crop", "nd.slice(x, begin=(1, None), end=(3, 0), step=(1, -2))"),
    _f("nd.slice_axis", "nd.slice_axis(x, axis=1, begin=1, end=3)"),
    _f("nd.slice_like", "nd.slice_like(x, m[:2, :2])"),
    _f("nd.take", "nd.take(x, i, axis=1)", "nd.take(x, i + 2, mode='wrap')"),
    _f("nd.pick nd.choose_element_0index", "nd.pick(x, i)", "nd.pick(x, j[0], axis=0)"),
    _f("nd.batch_take", "nd.batch_take(x, i)"),
    _f("nd.fill_element_0index", "nd.fill_element_0index(x, v[:3], i)"),
    _f("nd.gather_nd", "nd.gather_nd(x, j[:2] % 3)", "nd.gather_nd(x, j[:1] % 3)"),
    _f("nd.scatter_nd", "nd.scatter_nd(x, i.reshape((1, 3)), shape=(5, 4))"),
    _none("nd.ravel_multi_index", "nd.ravel_multi_index(j, shape=(4, 4, 4))"),
    _none("nd.unravel_index", "nd.unravel_index(j, shape=(2, 2))"),
    _none("nd.one_hot", "nd.one_hot(i, 4, on_value=2, off_value=-1)"),
    _none("nd.onehot_encode", "nd.onehot_encode(i, nd.zeros((3, 4)))", dynamic=True),
    _f("nd.where", "nd.where(b, x, y)", "nd.where(i, x, y)"),
    # ---- order ----
    _f("nd.sort", "nd.sort(x, axis=0)", "nd.sort(x, axis=None, is_ascend=False)"),
    _none("nd.argsort", "nd.argsort(x, axis=1)", "nd.argsort(x, axis=None, is_ascend=False)"),
    _f("nd.topk", "nd.topk(x, k=2, ret_typ='value')", "nd.topk(x, axis=None, k=3, ret_typ='both')"),
    _none("nd.topk", "nd.topk(x, k=2)", "nd.topk(x, axis=0, k=2, ret_typ='mask')"),
    _none("nd.histogram", "nd.histogram(x, bins=4, range=(-2, 2))", dynamic=True),
    _none("nd.waitall", "nd.waitall()"),
    # ---- sequences ----
    _f(
        "nd.SequenceMask",
        f"nd.SequenceMask(x, {_LENGTH}, {_OPTIONS}, value=-1)",
        f"nd.SequenceMask(x.T, {_LENGTH}, {_OPTIONS}, axis=1)",
        "nd.SequenceMask(x)",
    ),
    _f(
        "nd.SequenceLast",
        f"nd.SequenceLast(x, {_LENGTH}, {_OPTIONS})",
        f"nd.SequenceLast(x.T, {_LENGTH}, {_OPTIONS}, axis=1)",
        "nd.SequenceLast(t)",
    ),
    _f(
        "nd.SequenceReverse",
        f"nd.SequenceReverse(x, {_LENGTH}, {_OPTIONS})",
        "nd.SequenceReverse(t)",
    ),
    # ---- softmax and outputs ----
    _f("nd.softmax nd.softmin", "nd.softmax(x)", "nd.softmax(x, axis=0, temperature=2.5)"),
    _f("nd.softmax", "nd.softmax(x, i + 1, use_length=True)"),
    _f("nd.log_softmax", "nd.log_softmax(x, axis=0, temperature=2.5)"),
    _f("nd.SoftmaxActivation", "nd.SoftmaxActivation(x)", "nd.SoftmaxActivation(t, 'channel')"),
    _f("nd.softmax_cross_entropy", "nd.softmax_cross_entropy(x, i)"),
    _f(
        "nd.SoftmaxOutput nd.Softmax",
        "nd.SoftmaxOutput(x, i)",
        "nd.SoftmaxOutput(t, j[:2], multi_output=True, normalization='valid')",
        surrogate=True,
    ),
    _f(
        "nd.LinearRegressionOutput nd.LogisticRegressionOutput nd.MAERegressionOutput",
        "nd.LinearRegressionOutput(x, y)",
        surrogate=True,
    ),
    _f("nd.SVMOutput", "nd.SVMOutput(x, i)", "nd.SVMOutput(x, i, use_linear=True)", surrogate=True),
    _f("nd.MakeLoss", "nd.MakeLoss(p, normalization='valid')", surrogate=True),
    _f("nd.make_loss", "nd.make_loss(p)", surrogate=True),
    # ---- nd.linalg ----
    _f("nd.linalg.gemm nd.linalg_gemm", "nd.linalg.gemm(x, y, s, False, True, 1.5, 0.5)"),
    _f(
        "nd.linalg.gemm2 nd.linalg_gemm2",
        "nd.linalg.gemm2(x, y, transpose_a=True, alpha=2)",
        "nd.linalg.gemm2(t, t, transpose_b=True)",
        "nd.linalg.gemm2(t.reshape((4, 2, 3)), t.reshape((3, 2, 4)), axis=-3)",
    ),
    _f("nd.linalg.syrk nd.linalg_syrk", "nd.linalg.syrk(x)", "nd.linalg.syrk(t, True, 2)"),
    _f(
        "nd.linalg.trmm nd.linalg_trmm nd.linalg.trsm nd.linalg_trsm",
        "nd.linalg.trmm(s, m, alpha=2)",
        "nd.linalg.trmm(s, m, transpose=True, rightside=True)",
        "nd.linalg.trmm(s, x, transpose=True, lower=False)",
    ),
    _f("nd.linalg.potrf nd.linalg_potrf", "nd.linalg.potrf(s)"),
    _f("nd.linalg.potri nd.linalg_potri", "nd.linalg.potri(s)"),
    _f("nd.linalg.gelqf nd.linalg_gelqf", "nd.linalg.gelqf(x)"),
    _f("nd.linalg.syevd", "nd.linalg.syevd(s)"),
    _f("nd.linalg.inverse nd.linalg_inverse", "nd.linalg.inverse(m)"),
    _f("nd.linalg.det nd.linalg_det nd.linalg.slogdet nd.linalg_slogdet", "nd.linalg.det(m)"),
    _f("nd.linalg.sumlogdiag nd.linalg_sumlogdiag", "nd.linalg.sumlogdiag(s)"),
    _f("nd.linalg.extractdiag nd.linalg_extractdiag", "nd.linalg.extractdiag(m, offset=-1)"),
    _f("nd.linalg.makediag nd.linalg_makediag", "nd.linalg.makediag(x, offset=1)"),
    _f(
        "nd.linalg.extracttrian nd.linalg_extracttrian",
        "nd.linalg.extracttrian(m, lower=False)",
        "nd.linalg.extracttrian(m, offset=-1)",
    ),
    _f(
        "nd.linalg.maketrian nd.linalg_maketrian",
        "nd.linalg.maketrian(x.reshape((2, 6)), lower=False)",
        "nd.linalg.maketrian(x.reshape((2, 6)), offset=-1)",
    ),
    # ---- nd.random ----
    _none("nd.random.uniform nd.contrib.uniform nd.uniform", "nd.random.uniform(2, 3, (2, 3))"),
    _none("nd.random.uniform", "nd.random.uniform(u, u + 1, shape=(2,))"),
    _none("nd.random.normal nd.normal", "nd.random.normal(2, 3, (2, 3))"),
    _none("nd.random.normal", "nd.random.normal(x, p, shape=(2,))"),
    _none("nd.random.randn", "nd.random.randn(2, 3, loc=1)"),
    _none("nd.random.randint", "nd.random.randint(2, 9, (2, 3))"),
    _none(
        "nd.random.exponential nd.random.poisson",
        "nd.random.exponential(2, (2, 3))",
        "nd.random.exponential(p, (2,))",
    ),
    _none(
        "nd.random.gamma nd.random.generalized_negative_binomial",
        "nd.random.gamma(2, 0.5, (2, 3))",
        "nd.random.gamma(p, p, (2,))",
    ),
    _none(
        "nd.random.negative_binomial",
        "nd.random.negative_binomial(2, 0.5, (2, 3))",
        "nd.random.negative_binomial(p, u, (2,))",
    ),
    _none(
        "nd.random.uniform_like nd.random.normal_like nd.random.exponential_like "
        "nd.random.gamma_like nd.random.poisson_like nd.random.negative_binomial_like "
        "nd.random.generalized_negative_binomial_like",
        "nd.random.uniform_like(x)",
    ),
    _f("nd.random.shuffle nd.shuffle", "nd.random.shuffle(x)"),
    _none(
        "nd.random.multinomial nd.sample_multinomial",
        "nd.random.multinomial(nd.softmax(x), shape=(2,))",
    ),
    _f(
        "nd.random.multinomial nd.sample_multinomial",
        "nd.random.multinomial(nd.softmax(x), shape=(2,), get_prob=True)",
    ),
    _none("nd.random_uniform nd.random_normal", "nd.random_uniform(2, 3, shape=(2,))"),
    _none("nd.random_randint", "nd.random_randint(2, 9, shape=(2,))"),
    _none("nd.random_exponential nd.random_poisson", "nd.random_exponential(2, shape=(2,))"),
    _none(
        "nd.random_gamma nd.random_negative_binomial nd.random_generalized_negative_binomial",
        "nd.random_gamma(2, 0.5, shape=(2,))",
    ),
    _none("nd.sample_exponential nd.sample_poisson", "nd.sample_exponential(p, shape=(2,))"),
    _none(
        "nd.sample_gamma nd.sample_normal nd.sample_uniform nd.sample_negative_binomial "
        "nd.sample_generalized_negative_binomial",
        "nd.sample_gamma(u, u, shape=(2,))",
    ),
    _f("nd.random_pdf_uniform", "nd.random_pdf_uniform(x, u[:, 0], p[:, 0] + 1)"),
    _f("nd.random_pdf_normal", "nd.random_pdf_normal(x, y[:, 0], p[:, 0])"),
    _f("nd.random_pdf_exponential", "nd.random_pdf_exponential(p, u[:, 0])"),
    _f(
        "nd.random_pdf_gamma nd.random_pdf_generalized_negative_binomial",
        "nd.random_pdf_gamma(p, p[:, 0], u[:, 0])",
    ),
    _f("nd.random_pdf_poisson", "nd.random_pdf_poisson(p, u[:, 0], is_log=True)"),
    _f("nd.random_pdf_negative_binomial", "nd.random_pdf_negative_binomial(p, p[:, 0], u[:, 0])"),
    _f(
        "nd.random_pdf_dirichlet",
        "nd.random_pdf_dirichlet(u, p)",
        "nd.random_pdf_dirichlet(u, p[0])",
    ),
    # ---- nd.contrib ----
    _f(
        "nd.contrib.foreach",
        "nd.contrib.foreach(lambda a, s: (a * s, a + s), x, y[0])",
        "nd.contrib.foreach(lambda a, s: ([a[0], s[0]], [a[1] * s[0]]), [x, y], [y[0]])",
    ),
    _f(
        "nd.contrib.while_loop",
        "nd.contrib.while_loop(lambda a: a.sum() < 50, lambda a: (a, 2 * a), p, 8)",
        dynamic=True,
    ),
    _f(
        "nd.contrib.cond",
        "nd.contrib.cond(x.sum() > 0, lambda: x * x, lambda: -x * x)",
        dynamic=True,
    ),
    _f("nd.contrib.boolean_mask", "nd.contrib.boolean_mask(x, b[:, 1])", dynamic=True),
    _f("nd.contrib.index_copy", "nd.contrib.index_copy(x, i[:2], y[:2])"),
    _none("nd.contrib.index_array", "nd.contrib.index_array(x, axes=(1, 0))"),
    _f(
        "nd.contrib.interleaved_matmul_selfatt_qk",
        "nd.contrib.interleaved_matmul_selfatt_qk(t.reshape((2, 1, 12)), heads=2)",
    ),
    _f(
        "nd.contrib.interleaved_matmul_selfatt_valatt",
        "nd.contrib.interleaved_matmul_selfatt_valatt(t.reshape((2, 1, 12)), t[:, :2, :2], 2)",
    ),
    _f(
        "nd.contrib.interleaved_matmul_encdec_qk",
        "nd.contrib.interleaved_matmul_encdec_qk(x.reshape((3, 1, 4)), t.reshape((3, 1, 8)), 2)",
    ),
    _f(
        "nd.contrib.interleaved_matmul_encdec_valatt",
        "nd.contrib.interleaved_matmul_encdec_valatt(t.reshape((3, 1, 8)), t[:, :, :3], 2)",
    ),
    _f("nd.contrib.div_sqrt_dim", "nd.contrib.div_sqrt_dim(x)"),
    _f(
        "nd.contrib.box_iou",
        "nd.contrib.box_iou(nd.concat(u, u + 1)[:, 2:6], nd.concat(u, p + 1)[:, 2:6])",
        "nd.contrib.box_iou(p, p[:2] + 0.3, format='center')",
    ),
    _f(
        "nd.contrib.PSROIPooling",
        f"nd.contrib.PSROIPooling(nd.tile(img, (1, 4, 1, 1)), {_REGIONS}, 0.8, 3, 2)",
        f"nd.contrib.PSROIPooling(nd.tile(img, (1, 4, 1, 1)), {_REGIONS}, 0.5, 3, 4, 2)",
    ),
    _f(
        "nd.contrib.Proposal nd.contrib.MultiProposal",
        f"nd.contrib.Proposal(img[:, :2], img[:, :2].repeat(2, axis=1) / 3, {_SIZES}, scales=(2,), "
        "ratios=(1,), feature_stride=8, rpn_post_nms_top_n=6, rpn_min_size=4)",
        f"nd.contrib.Proposal(img[:, :2], img[:, :2].repeat(2, axis=1), {_SIZES}, 20, 9, 0.5, 1, "
        "(1,), (2,), 8, True, True)",
        surrogate=True,
    ),
    _f(
        "nd.Crop",
        "nd.Crop(img, img[:, :, :2, 1:4], offset=(2, 1))",
        "nd.Crop(img, h_w=(2, 3), center_crop=True)",
    ),
    _f(
        "nd.Correlation",
        "nd.Correlation(img, img[:, :, ::-1] + 0.4, max_displacement=1, pad_size=1)",
        "nd.Correlation(img, img[:, :, ::-1] / 3, kernel_size=3, max_displacement=2, stride1=2, "
        "stride2=2, pad_size=3, is_multiply=False)",
    ),
    _f(
        "nd.contrib.DeformableConvolution",
        f"nd.contrib.DeformableConvolution(img, {_SHIFTS}, {_FILTERS}, v[:2], (2, 2), "
        "num_filter=2)",
        f"nd.contrib.DeformableConvolution(img[:, :2], nd.concat({_SHIFTS}, {_SHIFTS}), "
        f"{_FILTERS}[:, :1], None, (2, 2), num_filter=2, num_group=2, num_deformable_group=2, "
        "no_bias=True)",
    ),
    _f(
        "nd.contrib.ModulatedDeformableConvolution",
        f"nd.contrib.ModulatedDeformableConvolution(img, {_SHIFTS}, {_SHIFTS}[:, :4], {_FILTERS}, "
        "v[:2], (2, 2), num_filter=2)",
    ),
    _f("nd.contrib.gradientmultiplier", "nd.contrib.gradientmultiplier(x, 3)", surrogate=True),
    _f("nd.contrib.round_ste nd.contrib.sign_ste", "nd.contrib.round_ste(x)", surrogate=True),
    _f("nd.contrib.quadratic", "nd.contrib.quadratic(x, 1, 2, 3)"),
    _none("nd.contrib.isnan nd.contrib.isinf nd.contrib.isfinite", "nd.contrib.isnan(x)"),
    _none("nd.contrib.allclose", "nd.contrib.allclose(x, y)"),
    _none("nd.contrib.rand_zipfian", "nd.contrib.rand_zipfian(i.astype('float64'), 4, 5)"),
    # ---- updates ----
    _none("nd.sgd_update nd.signsgd_update", "nd.sgd_update(x, y, lr=0.1, wd=0.2)", dynamic=True),
    _none(
        "nd.sgd_mom_update nd.nag_mom_update nd.signum_update nd.rmsprop_update",
        "nd.sgd_mom_update(x, y, p, lr=0.1)",
        dynamic=True,
    ),
    _none("nd.adam_update nd.ftrl_update", "nd.adam_update(x, y, u, p, lr=0.1)", dynamic=True),
    _none(
        "nd.rmspropalex_update nd.ftml_update",
        "nd.rmspropalex_update(x, y, p + 4, u, v[0] * u, lr=0.1)",
        dynamic=True,
    ),
    _none("nd.mp_sgd_update", "nd.mp_sgd_update(x, y, x, lr=0.1)", dynamic=True),
    _none(
        "nd.mp_sgd_mom_update nd.mp_nag_mom_update",
        "nd.mp_sgd_mom_update(x, y, p, x, lr=0.1)",
        dynamic=True,
    ),
    _none("nd.lamb_update_phase1", "nd.lamb_update_phase1(x, y, u, p, t=2)", dynamic=True),
    _none("nd.mp_lamb_update_phase1", "nd.mp_lamb_update_phase1(x, y, u, p, x, t=2)", dynamic=True),
    _none("nd.lamb_update_phase2", "nd.lamb_update_phase2(x, y, 2.0, 3.0, lr=0.1)", dynamic=True),
    _none(
        "nd.mp_lamb_update_phase2",
        "nd.mp_lamb_update_phase2(x, y, 2.0, 3.0, x, lr=0.1)",
        dynamic=True,
    ),
    _none(
        "nd.multi_sgd_update",
        "nd.multi_sgd_update(x, y, x, y, lrs=[0.1, 0.2], wds=[0, 0], num_weights=2)",
        dynamic=True,
    ),
    _none(
        "nd.multi_sgd_mom_update nd.multi_mp_sgd_update",
        "nd.multi_sgd_mom_update(x, y, x, lrs=[0.1], wds=[0])",
        dynamic=True,
    ),
    _none(
        "nd.multi_mp_sgd_mom_update",
        "nd.multi_mp_sgd_mom_update(x, y, p, x, lrs=[0.1], wds=[0])",
        dynamic=True,
    ),
    _none(
        "nd.preloaded_multi_sgd_update",
        "nd.preloaded_multi_sgd_update(x, y, v[:1], v[:1])",
        dynamic=True,
    ),
    _none(
        "nd.preloaded_multi_sgd_mom_update nd.preloaded_multi_mp_sgd_update",
        "nd.preloaded_multi_sgd_mom_update(x, y, x, v[:1], v[:1])",
        dynamic=True,
    ),
    _none(
        "nd.preloaded_multi_mp_sgd_mom_update",
        "nd.preloaded_multi_mp_sgd_mom_update(x, y, p, x, v[:1], v[:1])",
        dynamic=True,
    ),
    _none("nd.multi_lars", "nd.multi_lars(v, v * v, v * v, v, 0.1, 0.01)", dynamic=True),
    _none("nd.reset_arrays", "nd.reset_arrays(x.copy(), num_arrays=1)"),
    _none(
        "nd.contrib.adamw_update",
        "nd.contrib.adamw_update(x, y, u, p, 1.0, lr=0.1, eta=1.0)",
        dynamic=True,
    ),
    _none(
        "nd.contrib.mp_adamw_update",
        "nd.contrib.mp_adamw_update(x, y, u, p, x, 1.0, lr=0.1, eta=1.0)",
        dynamic=True,
    ),
    _none(
        "nd.contrib.multi_adamw_update",
        "nd.contrib.multi_adamw_update([x], [y], [u], [p], 1.0, [0.1], [0], [1])",
        dynamic=True,
    ),
    _none(
        "nd.contrib.multi_mp_adamw_update",
        "nd.contrib.multi_mp_adamw_update([x], [y], [u], [p], [x], 1.0, [0.1], [0], [1])",
        dynamic=True,
    ),
    _none(
        "nd.contrib.multi_lamb_update",
        "nd.contrib.multi_lamb_update([x], [y], [u], [p], [1], [0.1], [0])",
        dynamic=True,
    ),
    _none(
        "nd.contrib.multi_mp_lamb_update",
        "nd.contrib.multi_mp_lamb_update([x], [y], [u], [p], [x], [1], [0.1], [0])",
        dynamic=True,
    ),
    # ---- nd.image ----
    _f("nd.image.to_tensor npx.image.to_tensor", "nd.image.to_tensor(t)"),
    _f(
        "nd.image.normalize npx.image.normalize",
        "nd.image.normalize(t, mean=(0.5, 1), std=(1, 2))",
    ),
    _f("nd.image.crop npx.image.crop", "nd.image.crop(t, x=1, y=0, width=2, height=2)"),
    _f(
        "nd.image.flip_left_right npx.image.flip_left_right nd.image.flip_top_bottom "
        "npx.image.flip_top_bottom",
        "nd.image.flip_left_right(t)",
    ),
    _f(
        "nd.image.resize npx.image.resize",
        "nd.image.resize(t, (5, 3))",
        "nd.image.resize(img, 3, interp=2)",
        "nd.image.resize(img, 2, interp=3)",
        "nd.image.resize(t, (1, 4), interp=4)",
        "nd.image.resize(t, 3, keep_ratio=True, interp=0)",
    ),
    _f(
        "nd.image.random_flip_left_right npx.image.random_flip_left_right "
        "nd.image.random_flip_top_bottom npx.image.random_flip_top_bottom",
        "nd.image.random_flip_left_right(t)",
    ),
    _f(
        "nd.image.random_brightness npx.image.random_brightness nd.image.random_contrast "
        "npx.image.random_contrast nd.image.random_saturation npx.image.random_saturation",
        "nd.image.random_brightness(t[:, :, :3], 0.5, 1.5)",
    ),
    _f(
        "nd.image.adjust_lighting npx.image.adjust_lighting",
        "nd.image.adjust_lighting(t[:, :, :3], (1, 0.5, 0.25))",
    ),
    _f(
        "nd.image.random_lighting npx.image.random_lighting",
        "nd.image.random_lighting(t[:, :, :3], 0.1)",
    ),
    _none("nd.image.random_hue npx.image.random_hue", "nd.image.random_hue(t[:, :, :3], 0.5, 1.5)"),
    _none(
        "nd.image.random_color_jitter npx.image.random_color_jitter",
        "nd.image.random_color_jitter(t[:, :, :3], 0.1, 0.2, 0.3, 0.4)",
    ),
    # ---- detection ----
    _f(
        "nd.ROIPooling",
        f"nd.ROIPooling(img, {_REGIONS}, (2, 2), 0.8)",
        f"nd.ROIPooling(img, {_REGIONS}, (3, 1), 2)",
    ),
    _f(
        "nd.contrib.ROIAlign",
        f"nd.contrib.ROIAlign(img, {_REGIONS}, (2, 2), 0.8)",
        f"nd.contrib.ROIAlign(img, {_REGIONS}, (1, 3), 0.9, 2, True, True)",
    ),
    _f("nd.BilinearSampler", "nd.BilinearSampler(img, t[:, :2].reshape((2, 2, 2, 2)) / 3)"),
    _f(
        "nd.GridGenerator",
        "nd.GridGenerator(x.reshape((2, 6)), 'affine', (2, 3))",
        "nd.GridGenerator(t.reshape((2, 2, 2, 3)), 'warp')",
    ),
    _f("nd.SpatialTransformer", "nd.SpatialTransformer(img, x.reshape((2, 6)) / 3, (2, 3))"),
    _none(
        "nd.contrib.MultiBoxPrior",
        "nd.contrib.MultiBoxPrior(img, sizes=(0.5, 0.2), ratios=(1, 2))",
    ),
    _f(
        "nd.contrib.MultiBoxTarget",
        f"nd.contrib.MultiBoxTarget({_ANCHORS}, {_OBJECTS}, x.reshape((1, 4, 3)))",
        surrogate=True,
    ),
    _f(
        "nd.contrib.MultiBoxDetection",
        f"nd.contrib.MultiBoxDetection(u.reshape((1, 4, 3)), x.reshape((1, 12)), {_ANCHORS})",
        surrogate=True,
    ),
    _f(
        "nd.contrib.box_nms nd.contrib.box_non_maximum_suppression",
        "nd.contrib.box_nms(nd.concat(u, u + 1), 0.2)",
        "nd.contrib.box_nms(nd.concat(u, p), out_format='center', in_format='center')",
        "nd.contrib.box_nms(nd.concat(u, u + 1), 0.2, out_format='center')",
    ),
    _f(
        "nd.contrib.box_encode",
        f"nd.contrib.box_encode(v[:3].reshape((1, 3)), {_MATCHES}, {_ANCHORS}, {_ANCHORS} + 0.1, "
        "v[:4], p[0])",
        surrogate=True,
    ),
    _f(
        "nd.contrib.box_decode",
        f"nd.contrib.box_decode(x.reshape((1, 3, 4)), {_ANCHORS}, 0.1, 0.2, 0.3, 0.4)",
        surrogate=True,
    ),
    _f(
        "nd.contrib.bipartite_matching",
        "nd.contrib.bipartite_matching(x, threshold=0.1)",
        surrogate=True,
    ),
)
