"""nd's functions: names and arguments, `out=`, memory, drawing, control flow, own gradients.

Values are compared with MXNet's in test_recorded.py, gradients and plans in test_op_table.py.
"""

import inspect
from pathlib import Path

import numpy
import pytest
from gradients import Wrapped

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.base import MXNetError, ShapeError
from microlazy.outside import OUTSIDE

NAMES = [
    line.split()
    for line in (Path(__file__).parent / "oracle" / "nd_names.txt").read_text("utf-8").splitlines()
]
# Parameters that only tune MXNet's GPU code, or that change nothing.
UNUSED = {"cudnn_off", "cudnn_tune", "workspace", "keep_highest", "array_cls", "is_int"}
UNUSED |= {"min_calib_range", "max_calib_range", "use_length"}
MODULES = {
    "nd": nd,
    "nd.linalg": nd.linalg,
    "nd.random": nd.random,
    "nd.contrib": nd.contrib,
    "nd.image": nd.image,
}


def values(x):
    return x.asnumpy().tolist()


# ---- names and arguments -------------------------------------------------------------------------


@pytest.mark.parametrize("name", [line[0] for line in NAMES])
def test_every_name_of_mxnet_is_there_or_named_as_outside(name):
    module, _, own = name.rpartition(".")
    holder = MODULES.get(module, nd.ones((2, 2)))
    if own not in OUTSIDE:
        assert callable(getattr(holder, own))
        return
    with pytest.raises(AttributeError, match="microlazy|MXNet|autograd.Function"):
        getattr(holder, own)


FUNCTIONS = [
    line
    for line in NAMES
    if line[0].startswith("nd.") and line[0].rpartition(".")[2] not in OUTSIDE
]


@pytest.mark.parametrize("line", FUNCTIONS, ids=lambda line: line[0])
def test_parameters_have_mxnets_names_and_order(line):
    name, *expected = line
    module, _, own = name.rpartition(".")
    ours = [
        f"*{p.name}" if p.kind == p.VAR_POSITIONAL else p.name
        for p in inspect.signature(getattr(MODULES[module], own)).parameters.values()
        if p.kind != p.VAR_KEYWORD and p.name not in ("out", "name")
    ]
    expected = [parameter for parameter in expected if parameter not in UNUSED]
    assert ours[: len(expected)] == expected


def test_an_outside_name_says_why():
    with pytest.raises(AttributeError, match="only dense arrays"):
        nd.cast_storage  # noqa: B018
    with pytest.raises(AttributeError, match="quantization is not part of microlazy"):
        nd.contrib.quantize  # noqa: B018
    with pytest.raises(AttributeError, match=r"decoded by mx\.image\.imdecode"):
        nd.imdecode  # noqa: B018
    with pytest.raises(AttributeError, match="'microlazy.nd.contrib' has no attribute 'foo'$"):
        nd.contrib.foo  # noqa: B018


def test_the_module_op_has_the_same_functions():
    assert nd.op.relu is nd.relu
    with pytest.raises(AttributeError):
        nd.op.foo  # noqa: B018


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nd.random_uniform(1, 2, 3, 4, 5, 6), "too many positional arguments"),
        (lambda: nd.random_uniform(hihg=2), "random_uniform.*low=0.0, high=1.0.*'hihg'"),
        (lambda: nd.sgd_update(nd.ones((2,)), nd.ones((2,))), "sgd_update.*missing.*'lr'"),
        (lambda: nd.sum(nd.ones((2,)), foo=1), "foo"),
    ],
)
def test_arguments_that_do_not_exist_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()


# ---- out= ----------------------------------------------------------------------------------------


def test_out_takes_the_result_and_is_returned():
    x, y = nd.array([[1, 2], [3, 4]]), nd.zeros((2,))
    assert nd.sum(x, axis=0, out=y) is y
    assert values(y) == [4, 6]


def test_out_is_recorded():
    x, y = nd.array([1, 2]), nd.zeros((2,))
    x.attach_grad()
    with autograd.record():
        nd.clip(x, 0, 1.5, out=y)
        z = 3 * y
    z.backward()
    assert values(x.grad) == [3, 0]


def test_out_of_several_results_is_a_list():
    parts = [nd.zeros((1, 2)), nd.zeros((1, 2))]
    returned = nd.split(nd.array([[1, 2], [3, 4]]), 2, axis=0, out=parts)
    assert [p is q for p, q in zip(returned, parts, strict=True)] == [True, True]
    assert values(parts[1]) == [[3, 4]]
    with pytest.raises(ValueError, match="out has 1 arrays, but there are 2 results"):
        nd.split(nd.zeros((2, 2)), 2, out=[nd.zeros((2, 1))])


def test_out_of_another_shape_is_refused_and_unchanged():
    y = nd.full((3,), 7)
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        nd.slice(nd.ones((5,)), begin=(0,), end=(2,), out=y)
    assert values(y) == [7, 7, 7]


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: nd.reshape(x, (4,)),
        nd.flatten,
        lambda x: nd.expand_dims(x, 0),
        nd.squeeze,
        lambda x: nd.broadcast_to(x, (2, 2)),
        lambda x: nd.broadcast_like(x, x),
        lambda x: nd.reshape_like(x, nd.zeros((4,))),
        lambda x: nd.slice(x, (0,), (1,)),
        lambda x: nd.slice_axis(x, 0, 0, 1),
        lambda x: nd.slice_like(x, x),
        lambda x: nd.split(x, 2, axis=0)[0],
        lambda x: nd.split(x, 1),
        lambda x: nd.split_v2(x, 2)[0],
        lambda x: nd.concat(x, dim=0),
        lambda x: nd.tile(x, (1, 1)),
        lambda x: nd.transpose(x, (0, 1)),
        lambda x: nd.moveaxis(x, 0, 0),
        nd.identity,
        nd.BlockGrad,
        nd.add_n,
        nd.khatri_rao,
        nd.SequenceMask,
        lambda x: nd.pad(x.reshape((1, 1, 2, 2)), "constant", (0,) * 8),
        lambda x: x.flatten(),
        lambda x: x.expand_dims(0),
        lambda x: x.slice_axis(0, 0, 1),
        lambda x: x.split(2, axis=0)[0],
    ],
)
def test_results_have_memory_of_their_own(function):
    x = nd.array([[1, 2], [3, 4]])
    function(x)[:] = 9
    assert values(x) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["expand_dims", "flatten", "squeeze"])
def test_in_place_shapes_share_memory(name):
    x = nd.zeros((1, 2))
    arguments = (0,) if name == "expand_dims" else ()
    getattr(x, name)(*arguments, inplace=True)[:] = 9
    assert values(x) == [[9, 9]]


# ---- drawing -------------------------------------------------------------------------------------


DRAWS = [
    lambda: nd.random.gamma(2, 3, shape=(3, 2)),
    lambda: nd.random.poisson(nd.array([1, 50]), shape=4),
    lambda: nd.random.multinomial(nd.array([0.2, 0.3, 0.5]), shape=20),
    lambda: nd.random.shuffle(nd.arange(20)),
    lambda: nd.random.normal(nd.zeros((3,)), nd.ones((3,))),
    lambda: nd.random.exponential_like(nd.zeros((4,)), lam=2),
    lambda: nd.contrib.rand_zipfian(nd.array([1]), 10, 50)[0],
]


@pytest.mark.parametrize("draw", DRAWS)
def test_equal_seeds_give_equal_draws(draw):
    mx.random.seed(3)
    first, second = values(draw()), values(draw())
    mx.random.seed(3)
    assert values(draw()) == first
    assert first != second


def test_a_plan_draws_anew_at_each_call():
    def draw(x):
        return (
            nd.random.shuffle(x),
            nd.random.gamma(x + 1, x + 1),
            nd.random.multinomial(nd.softmax(0 * x), shape=20),
        )

    block, x = Wrapped(draw), nd.arange(20)
    block.hybridize()
    first, second = ([values(y) for y in block(x)] for _ in range(2))
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert sorted(second[0]) == values(x)


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda n: nd.random.gamma(3, 2, shape=n), 6, 12),
        (lambda n: nd.random.exponential(4, shape=n), 4, 16),
        (lambda n: nd.random_exponential(4, shape=n), 1 / 4, 1 / 16),
        (lambda n: nd.random.poisson(4, shape=n), 4, 4),
        (lambda n: nd.random.negative_binomial(3, 0.4, shape=n), 4.5, 11.25),
        (lambda n: nd.random.generalized_negative_binomial(2, 0.5, shape=n), 2, 4),
        (lambda n: nd.random.generalized_negative_binomial(2, 0, shape=n), 2, 2),
        (lambda n: nd.random.uniform(nd.array([1]), nd.array([4]), shape=n), 2.5, 0.75),
    ],
)
def test_moments_of_distributions(draw, mean, variance):
    drawn = draw((40000,)).asnumpy().astype("float64")
    error = (variance / drawn.size) ** 0.5
    assert abs(drawn.mean() - mean) < 5 * error
    assert abs(drawn.var() / variance - 1) < 0.08


def test_multinomial_follows_its_probabilities():
    drawn = nd.random.multinomial(nd.array([[0.2, 0.5, 0.3], [0, 0, 1]]), shape=30000).asnumpy()
    counts = numpy.bincount(drawn[0], minlength=3) / 30000
    numpy.testing.assert_allclose(counts, [0.2, 0.5, 0.3], atol=0.015)
    assert (drawn[1] == 2).all()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: nd.random.gamma(-1, 1),
        lambda: nd.random.poisson(-1),
        lambda: nd.random.exponential(-1),
        lambda: nd.random.negative_binomial(2, 1.5),
        lambda: nd.random.generalized_negative_binomial(-2, 1),
        lambda: nd.random.uniform(3, 2),
        lambda: nd.random.uniform(nd.zeros((2,)), nd.zeros((3,))),
    ],
)
def test_parameters_outside_of_their_domain_are_refused(draw):
    with pytest.raises(MXNetError, match="random"):
        draw()


# ---- control flow --------------------------------------------------------------------------------


def test_foreach_is_a_recurrent_network_with_gradients_and_plans():
    def run(data, weight, state):
        def step(x, h):
            h = nd.tanh(nd.dot(x, weight) + h)
            return h, h

        outputs, last = nd.contrib.foreach(step, data, state)
        return outputs.sum() + (last * last).sum()

    data, state = nd.random.normal(shape=(4, 2, 3)), nd.zeros((2, 3))
    weight = nd.random.normal(shape=(3, 3))
    weight.attach_grad()
    with autograd.record():
        total = run(data, weight, state)
    total.backward()
    eager = weight.grad.asnumpy()
    block = Wrapped(run)
    block.hybridize()
    with autograd.record():
        planned = block(data, weight, state)
    planned.backward()
    assert values(planned) == values(total)
    numpy.testing.assert_array_equal(weight.grad.asnumpy(), eager)
    assert abs(eager).min() > 0


def test_foreach_needs_a_step():
    with pytest.raises(ShapeError, match="no step"):
        nd.contrib.foreach(lambda x, s: (x, s), nd.zeros((0, 2)), [])


def test_conditions_on_values_run_without_a_plan():
    block = Wrapped(lambda x: nd.contrib.cond(x.sum() > 0, lambda: x, lambda: -x))
    block.hybridize()
    with pytest.warns(UserWarning, match="runs eagerly"):
        assert block(nd.ones((2,))).asnumpy().tolist() == [1, 1]
    assert block(-nd.ones((2,))).asnumpy().tolist() == [1, 1]


def test_while_loop_fills_up_with_zeros():
    outputs, last = nd.contrib.while_loop(
        lambda i: i < 3, lambda i: ([i, 2 * i], i + 1), nd.array([1]), max_iterations=4
    )
    assert [values(y.reshape((-1,))) for y in outputs] == [[1, 2, 0, 0], [2, 4, 0, 0]]
    assert values(last) == [3]


# ---- gradients of their own ----------------------------------------------------------------------


def test_softmax_output_has_the_gradient_of_the_cross_entropy():
    data, label = nd.random.normal(shape=(5, 4)), nd.array([0, 3, 1, 1, 2])
    data.attach_grad()
    with autograd.record():
        loss = gluon.loss.SoftmaxCELoss()(data, label)
    loss.backward()
    expected = data.grad.asnumpy()
    with autograd.record():
        output = nd.SoftmaxOutput(data, label)
    output.backward()
    numpy.testing.assert_allclose(data.grad.asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_softmax_output_with_out_grad_multiplies_by_what_comes_from_behind():
    data, label = nd.array([[1, 2, 3]]), nd.array([2])
    gradients = []
    for factor in (1, 3):
        data.attach_grad()
        with autograd.record():
            output = nd.SoftmaxOutput(data, label, out_grad=True) * factor
        output.backward()
        gradients.append(data.grad.asnumpy())
    numpy.testing.assert_allclose(gradients[1], 3 * gradients[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nd.SoftmaxOutput(nd.ones((1, 2, 2)), nd.ones((1, 2))), "multi_output"),
        (lambda: nd.SoftmaxOutput(nd.ones((2, 3)), nd.ones((3,))), r"labels of shape \(2,\)"),
        (lambda: nd.SoftmaxOutput(nd.ones((2, 3)), nd.ones((2,)), normalization="x"), "null"),
        (lambda: nd.LinearRegressionOutput(nd.ones((2, 3)), nd.ones((2,))), "labels of shape"),
        (lambda: nd.SVMOutput(nd.ones((2, 3)), nd.ones((3,))), "SVMOutput"),
        (lambda: nd.MakeLoss(nd.ones((2,)), normalization="x"), "null"),
        (lambda: nd.SoftmaxActivation(nd.ones((2,)), mode="x"), "instance"),
    ],
)
def test_output_layers_say_what_does_not_fit(call, message):
    with pytest.raises(MXNetError, match=message):
        call()


def test_a_reversed_gradient_trains_an_adversary():
    x = nd.array([1.0, 2])
    x.attach_grad()
    with autograd.record():
        y = (nd.contrib.gradientmultiplier(x, scalar=-0.5) ** 2).sum()
    y.backward()
    assert values(x.grad) == [-1, -2]


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nd.pad(nd.ones((1, 1, 2, 2)), "wrap", (0,) * 8), "constant"),
        (lambda: nd.pad(nd.ones((1, 1, 2, 2)), "edge", (0,) * 6), "8 numbers"),
        (lambda: nd.pad(nd.ones((1, 1, 2, 2)), "reflect", (0,) * 6 + (2, 0)), "mirrored"),
        (lambda: nd.depth_to_space(nd.ones((1, 3, 2, 2)), 2), "3 channels"),
        (lambda: nd.depth_to_space(nd.ones((1, 3)), 2), "4 axes"),
        (lambda: nd.broadcast_axis(nd.ones((1,)), (0,), (1, 2)), "1 axes, but 2 sizes"),
        (lambda: nd.broadcast_like(nd.ones((1,)), nd.ones((2,)), lhs_axes=(0,)), "rhs_axes"),
        (lambda: nd.reshape(nd.ones((1,))), "give the shape"),
        (lambda: nd.ravel_multi_index(nd.ones((3, 2)), shape=(2, 2)), "row for each axis"),
        (lambda: nd.SequenceMask(nd.ones((2, 2)), use_sequence_length=True), "sequence_length"),
        (lambda: nd.linalg.trsm(nd.ones((2, 2)), nd.ones((3, 1))), "does not fit to the left"),
        (lambda: nd.linalg.maketrian(nd.ones((5,))), "1, 3, 6, 10"),
        (lambda: nd.linalg.extracttrian(nd.ones((2, 3))), "square"),
        (lambda: nd.linalg.gelqf(nd.ones((3, 2))), "more rows than columns"),
        (lambda: nd.contrib.boolean_mask(nd.ones((3, 2)), nd.ones((2,))), "mask of shape"),
        (lambda: nd.contrib.interleaved_matmul_selfatt_qk(nd.ones((2, 2, 5)), 2), "length, batch"),
        (lambda: nd.contrib.box_iou(nd.ones((1, 4)), nd.ones((1, 4)), format="x"), "corner"),
        (lambda: nd.image.to_tensor(nd.ones((2, 2))), "an image has 3 axes"),
        (lambda: nd.khatri_rao(nd.ones((2, 2)), nd.ones((3, 3))), "equally many columns"),
        (lambda: nd.norm(nd.ones((2,)), ord=3), "1 or 2"),
        (lambda: nd.all_finite(nd.ones((2,)), init_output=False), "init_output"),
        (lambda: nd.zeros((2,), stype="csr"), "dense"),
    ],
)
def test_what_does_not_fit_is_refused_by_message(call, message):
    with pytest.raises(MXNetError, match=message):
        call()


def test_a_wrong_number_of_arrays_is_refused():
    with pytest.raises(ValueError, match="2 arrays were given, but their number was said to be 3"):
        nd.concat(nd.ones((1, 1)), nd.ones((1, 1)), num_args=3)


def test_indices_outside_are_refused_before_anything_is_written():
    with pytest.raises(IndexError):
        nd.scatter_nd(nd.ones((1,)), nd.array([[7]]), shape=(3,))
    with pytest.raises(IndexError):
        nd.contrib.index_copy(nd.zeros((2, 1)), nd.array([5]), nd.ones((1, 1)))


# ---- updates -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (2, 2), (3,)])
@pytest.mark.parametrize(("function", "states"), [
    (nd.sgd_update, 0), (nd.sgd_mom_update, 1), (nd.nag_mom_update, 1), (nd.adam_update, 2),
    (nd.rmsprop_update, 1), (nd.rmspropalex_update, 3), (nd.ftrl_update, 2),
    (nd.ftml_update, 3), (nd.signsgd_update, 0), (nd.signum_update, 1),
])  # fmt: skip
def test_updates_refuse_arrays_of_another_shape(function, states, shape):
    for odd in range(1, 2 + states):
        arrays = [nd.ones((2,)) for _ in range(2 + states)]
        arrays[odd] = nd.ones(shape)
        with pytest.raises(ShapeError, match=r"has shape .*, but the weight has shape"):
            function(*arrays, lr=0.1, out=arrays[0])
        assert all((each == 1).asnumpy().all() for each in arrays)


def test_a_limit_of_zero_limits_to_zero():
    w, g = nd.array([1, 2], dtype="float64"), nd.ones((2,), dtype="float64")
    assert nd.sgd_update(w, g, lr=1, clip_gradient=0).asnumpy().tolist() == [1, 2]
    assert nd.sgd_update(w, g, lr=1, clip_gradient=-1).asnumpy().tolist() == [0, 1]


def test_updates_of_any_layout_and_of_float16():
    w = nd.array([[1, 2], [3, 4]]).T
    new = nd.sgd_update(w, nd.ones((2, 2)), lr=1)
    assert new.asnumpy().tolist() == [[0, 2], [1, 3]]
    half = nd.ones((2,), dtype="float16")
    momentum = nd.zeros((2,), dtype="float16")
    assert nd.sgd_mom_update(half, half, momentum, lr=0.5, out=half) is half
    assert (half.dtype, momentum.dtype) == (numpy.float16, numpy.float16)
    assert momentum.asnumpy().tolist() == [-0.5, -0.5]
    assert half.asnumpy().tolist() == [0.5, 0.5]


def test_updates_change_states_in_place_and_leave_the_tape_alone():
    weight, momentum = nd.ones((2,)), nd.zeros((2,))
    weight.attach_grad()
    with autograd.record():
        loss = (weight * weight).sum()
    loss.backward()
    nd.sgd_mom_update(weight, weight.grad, momentum, lr=0.1, momentum=0.9, out=weight)
    numpy.testing.assert_allclose(momentum.asnumpy(), [-0.2, -0.2], rtol=1e-6)
    numpy.testing.assert_allclose(weight.asnumpy(), [0.8, 0.8], rtol=1e-6)
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("call", "one", "several"),
    [
        (lambda axes: nd.slice_like(nd.zeros((3, 4)), nd.zeros((2, 3)), axes=axes).shape, 1, (1,)),
        (lambda shape: nd.unravel_index(nd.array([2]), shape=shape).asnumpy(), 6, (6,)),
        (lambda shape: nd.ravel_multi_index(nd.array([[2]]), shape=shape).asnumpy(), 6, (6,)),
        (lambda axis: nd.broadcast_axis(nd.ones((1, 2)), axis, 3).shape, 0, (0,)),
        (lambda sizes: nd.contrib.MultiBoxPrior(nd.ones((1, 2, 3, 3)), sizes), 0.5, (0.5,)),
        (lambda begin: nd.slice(nd.arange(4), begin, 3).asnumpy(), 1, (1,)),
    ],
)
def test_a_tuple_of_one_may_be_a_number(call, one, several):
    found, expected = call(one), call(several)
    if isinstance(found, nd.NDArray):
        found, expected = found.asnumpy(), expected.asnumpy()
    numpy.testing.assert_array_equal(found, expected)
