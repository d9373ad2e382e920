"""Block and HybridBlock: what they register, call, save, load and forget."""

import pickle
import warnings

import numpy as onp
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.gluon import nn
from microlazy.gluon.parameter import DeferredInitializationError


def ones(*shape):
    return nd.ones(shape)


def stack(*layers, cls=nn.Sequential):
    net = cls()
    net.add(*layers)
    net.initialize()
    return net


def values(block):
    return {
        path: p.data().asnumpy().copy() for path, p in block._collect_params_with_prefix().items()
    }


class Both(gluon.HybridBlock):
    """Two inputs, the second optional."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.a, self.b = nn.Dense(3), nn.Dense(3)

    def hybrid_forward(self, F, x, y=None):
        return self.a(x) if y is None else self.a(x) + self.b(y)


# ---- registration ------------------------------------------------------------------------------


def test_attributes_before_init_are_refused():
    class Early(gluon.Block):
        def __init__(self):
            self.layer = nn.Dense(3)

    with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\) before it sets 'layer'"):
        Early()


@pytest.mark.parametrize("cls", [nn.Sequential, nn.HybridSequential])
@pytest.mark.parametrize("child", [3, None, nn.Dense, "dense"])
def test_a_child_must_be_a_block(cls, child):
    net = cls()
    with pytest.raises(TypeError, match="must be a Block"):
        net.add(child)
    assert len(net) == 0


def test_refused_children_change_nothing():
    net = nn.HybridSequential()
    with pytest.raises(ValueError, match="HybridSequential instead"):
        net.add(nn.Lambda("relu"))
    assert len(net) == 0
    net.a = nn.Dense(2)
    with pytest.raises(TypeError, match="Changing attribute type"):
        net.a = nn.Dropout(0.5)
    assert isinstance(net.a, nn.Dense)
    assert list(net._children) == ["a"]


def test_an_overridden_parameter_names_the_way_out():
    layer = nn.Dense(2)
    with pytest.raises(AssertionError, match="set_data"):
        layer.weight = gluon.Parameter("weight", shape=(1,))


def test_a_parameter_made_by_hand_is_registered():
    net = gluon.Block()
    net.w = gluon.Parameter("w", shape=(2,))
    assert list(net._collect_params_with_prefix()) == ["w"]
    assert net.w._tell_place().__self__ is net


def test_a_shared_parameter_keeps_its_first_layer():
    first = nn.Dense(2)
    second = nn.Dense(2, params=first.params)
    assert second.weight is first.weight
    assert first.weight._tell_place().__self__ is first


def test_parameters_are_shared_after_the_fact():
    first, second = nn.Sequential(), nn.Sequential()
    for net in (first, second):
        net.add(nn.Dense(3), nn.Dense(2, in_units=3))
    assert second.share_parameters(first) is second
    assert list(second._collect_params_with_prefix().values()) == list(
        first._collect_params_with_prefix().values()
    )
    assert list(second.collect_params()) == list(first.collect_params())
    first.initialize(mx.init.One())
    assert (second(ones(2, 4)).asnumpy() == first(ones(2, 4)).asnumpy()).all()
    assert "known where" not in repr(first.explain())
    with mx.autograd.record():
        y = first(ones(1, 4)) + second(ones(1, 4))
    y.backward()
    assert (first[1].weight.grad().asnumpy() == 8).all()
    # A live network takes part too, and forgets what was prepared for its old parameters.
    third = stack(nn.Dense(3), nn.Dense(2), cls=nn.HybridSequential)
    third.hybridize()
    third(ones(2, 4)), third(ones(2, 4))
    third.share_parameters({"0.weight": first[0].weight, "1.weight": first[1].weight})
    assert (third(ones(2, 4)).asnumpy() == 12).all()
    assert [p.name for p in third[0]._reg_params.values()][0] == first[0].weight.name
    assert list(third[0]._reg_params) == ["weight", "bias"]


def test_sharing_completes_sizes_or_does_nothing():
    open_, known = nn.Dense(3), nn.Dense(3, in_units=5)
    known.share_parameters({"weight": open_.weight})
    assert open_.weight.shape == (3, 5)
    other = stack(nn.Dense(3, in_units=5), nn.Dense(3, in_units=4))
    before = other._collect_params_with_prefix()
    with pytest.raises(ValueError, match=r"shape \(3, 4\) cannot be replaced .* \(3, 5\)"):
        other.share_parameters({"0.weight": known.weight, "1.weight": known.weight})
    assert other._collect_params_with_prefix() == before
    fresh = nn.Dense(3)
    with pytest.raises(ValueError, match="cannot be replaced"):  # one weight, two sizes
        other.share_parameters({"0.weight": fresh.weight, "1.weight": fresh.weight})
    assert fresh.weight.shape == (3, 0) and other._collect_params_with_prefix() == before
    with pytest.warns(UserWarning, match="no parameter at 2.weight"):
        other.share_parameters({"2.weight": known.weight})
    with pytest.raises(TypeError, match="dict of paths"):
        other.share_parameters([known.weight])


# ---- calling -----------------------------------------------------------------------------------


def test_both_styles_and_optional_inputs():
    net = Both()
    net.initialize(mx.init.One())
    assert net(ones(2, 4)).shape == (2, 3)
    assert net(ones(2, 4), ones(2, 5)).asnumpy()[0, 0] == 9
    assert net(ones(2, 4), None).asnumpy()[0, 0] == 4


@pytest.mark.parametrize("cls", [nn.Sequential, nn.HybridSequential])
def test_a_stack_follows_its_changes(cls):
    net = stack(nn.Dense(2, in_units=2), nn.Flatten(), cls=cls)
    net.initialize(mx.init.One(), force_reinit=True)
    x = ones(1, 2)
    assert [net(x).asnumpy()[0, 0] for _ in range(3)] == [2, 2, 2]
    seen = []
    handle = net[0].register_forward_hook(lambda *args: seen.append(1))
    net(x)
    handle.detach()
    net(x)
    assert len(seen) == 1
    net.add(nn.Dense(1, in_units=2))
    net[2].initialize(mx.init.One())
    assert net(x).asnumpy().tolist() == [[4]]
    net(x)
    net[1].forward = lambda x: x * 10
    assert net(x).asnumpy().tolist() == [[40]]


def test_a_deep_hook_is_seen_from_above():
    inner = nn.Sequential()
    inner.add(nn.Dense(2, activation="relu"))
    net = stack(inner, nn.Dense(1))
    for _ in range(3):
        net(ones(1, 3))
    seen = []
    with inner[0].act.register_forward_pre_hook(lambda block, inputs: seen.append(block.name)):
        net(ones(1, 3))
    net(ones(1, 3))
    assert seen == [inner[0].act.name]


def test_hooks_run_in_order_around_forward():
    seen = []
    layer = nn.HybridLambda(lambda F, x: seen.append("forward") or x)
    layer.register_forward_pre_hook(lambda *args: seen.append("before"))
    layer.register_forward_hook(lambda *args: seen.append("after"))
    layer.register_forward_hook(lambda *args: seen.append("last"))
    layer(ones(1))
    assert seen == ["before", "forward", "after", "last"]


def test_a_hook_may_detach_itself():
    layer = nn.Flatten()
    seen = []
    handle = layer.register_forward_hook(lambda *args: (seen.append(1), handle.detach()))
    layer(ones(2, 2))
    layer(ones(2, 2))
    assert seen == [1]


def test_what_forward_raises_comes_through():
    def fail(x):
        raise KeyError("mine")

    net = stack(nn.Lambda(fail))
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            net(ones(1))


def test_gradients_flow_through_shared_layers():
    shared = nn.Dense(3, in_units=3, use_bias=False)
    net = stack(shared, shared)
    net.initialize(mx.init.One(), force_reinit=True)
    with autograd.record():
        loss = net(ones(1, 3)).sum()
    loss.backward()
    # d/dW of 1'W W x with W and x all ones: 3 from each use.
    assert shared.weight.grad().asnumpy().tolist() == [[6] * 3] * 3


def test_a_users_inherited_forward_wins_over_a_hybrid_forward():  # as in MXNet
    class Plain(gluon.HybridBlock):
        def forward(self, x):
            return x + 1

    class Again(Plain):
        def hybrid_forward(self, F, x):
            return x + 2

    assert Plain()(ones(1)).asnumpy() == [2]
    assert Again()(ones(1)).asnumpy() == [2]


def test_own_parameters_come_as_arrays():
    class Scale(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.factor = self.params.get("factor", shape=(1,), init="ones")
            self.offset = self.params.get_constant("offset", [2.0])

        def hybrid_forward(self, F, x, factor, offset):
            return F.broadcast_add(F.broadcast_mul(x, factor), offset)

    net = Scale()
    with pytest.raises(RuntimeError, match="has not been initialized"):
        net(ones(2))
    net.initialize()
    assert net(ones(2)).asnumpy().tolist() == [3, 3]


# ---- sizes of a block's own parameters ---------------------------------------------------------


class Own(gluon.HybridBlock):
    """A layer whose parameters have unknown axes, and no infer_shape."""

    def __init__(self, function, **shapes):
        super().__init__()
        self.function = function
        for name, shape in shapes.items():
            weight = self.params.get(name, shape=shape, allow_deferred_init=True)
            setattr(self, name, weight)

    def hybrid_forward(self, F, x, **parameters):
        return self.function(F, x, **parameters)


@pytest.mark.parametrize(
    ("function", "shape", "found"),
    [
        (lambda F, x, w: F.FullyConnected(x, w, no_bias=True, num_hidden=4), (4, 0), (4, 3)),
        (lambda F, x, w: F.npx.fully_connected(x, w, no_bias=True, num_hidden=4), (0, 0), (4, 3)),
        (lambda F, x, w: F.dot(x, w), (0, 5), (3, 5)),
        (lambda F, x, w: F.dot(w, x), (5, 0), (5, 2)),
        (lambda F, x, w: F.np.dot(x, w), (0, 5), (3, 5)),
    ],
)
def test_sizes_are_found_from_use(function, shape, found):
    net = Own(function, w=shape)
    net.initialize()
    assert net.dry_run((2, 3))[-1] in (4, 5, 3)
    assert net.w.shape == found
    assert net.w.why == "inferred from the first input (2, 3)"


def test_sizes_found_from_use_with_bias_and_children():
    class Net(Own):
        def __init__(self):
            super().__init__(None, w=(4, 0), b=(0,))
            self.child = nn.Dense(6)

        def hybrid_forward(self, F, x, w, b):
            return F.FullyConnected(self.child(x), w, b, num_hidden=4)

    net = Net()
    net.initialize()
    assert net(ones(2, 3)).shape == (2, 4)
    assert (net.w.shape, net.b.shape, net.child.weight.shape) == ((4, 6), (4,), (6, 3))


@pytest.mark.parametrize(
    "function",
    [lambda F, x, w: F.broadcast_mul(x, w), lambda F, x, w: x, lambda F, x, w: w.nonsense],
)
def test_sizes_not_found_say_what_to_do(function):
    net = Own(function, w=(1, 0))
    net.initialize()
    with pytest.raises(ValueError, match=r"w \(1, 0\).*override infer_shape"):
        net(ones(2, 3))
    assert net.w.shape == (1, 0)
    assert net.w.state == "deferred"


def test_sizes_known_from_set_data_need_no_use():
    net = Own(lambda F, x, w: F.broadcast_mul(x, w), w=(1, 0))
    net.initialize()
    net.w.set_data(nd.array([[1, 2, 3]]))
    assert net(ones(2, 3)).asnumpy().tolist() == [[1, 2, 3]] * 2


def network_of_every_kind():
    class Projected(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.inner = nn.Conv2D(2, 3)
            self.w = self.params.get("w", shape=(3, 0), allow_deferred_init=True)

        def hybrid_forward(self, F, x, w):
            return F.FullyConnected(self.inner(x), w, no_bias=True, num_hidden=3)

    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), Projected(), nn.Dense(2))
    return net


SIZES = [(4, 1, 3, 3), *[(4,)] * 5, (3, 18), (2, 4, 3, 3), (2,), (2, 3), (2,)]


@pytest.mark.parametrize("initialized", [False, True])
def test_infer_shape_finds_all_sizes_below_and_initializes_nothing(initialized):
    net = network_of_every_kind()
    if initialized:
        net.initialize("ones")
    parameters = net.collect_params().values()
    before = [(p, p.state, p.shape) for p in parameters]
    mx.random.seed(3)
    expected = nd.random.uniform(shape=(3,)).asnumpy()
    mx.random.seed(3)
    with pytest.raises(ValueError, match="takes an input of 4 axes, but got shape"):
        net.infer_shape(nd.ones((1, 7, 7)))
    assert [(p, p.state, p.shape) for p in parameters] == before
    net.infer_shape(nd.ones((1, 1, 7, 7)))
    assert [p.shape for p in parameters] == SIZES
    assert [(p, p.state) for p in parameters] == [(p, state) for p, state, _ in before]
    assert (nd.random.uniform(shape=(3,)).asnumpy() == expected).all(), "nothing was drawn"
    net.initialize("ones", force_reinit=True)
    assert net[3].weight.data().asnumpy().tolist() == [[1] * 3] * 2
    assert net(nd.ones((1, 1, 7, 7))).shape == (1, 2)


def test_infer_shape_keeps_the_initializers_that_wait():
    net = nn.HybridSequential()
    net.add(nn.Dense(2), nn.HybridSequential())
    net[1].add(nn.Dense(1, weight_initializer="ones"))
    net.initialize(mx.init.Constant(3))
    net.infer_shape(nd.ones((1, 2)))
    net(nd.ones((1, 2)))
    assert net[0].weight.data().asnumpy().tolist() == [[3, 3], [3, 3]]
    assert net[1][0].weight.data().asnumpy().tolist() == [[1, 1]]


def test_a_user_may_override_infer_shape():
    class Mine(Own):
        def infer_shape(self, x):
            self.w.shape = (1, x.shape[-1])

    net = Mine(lambda F, x, w: F.broadcast_mul(x, w), w=(1, 0))
    net.initialize(mx.init.One())
    assert net(ones(2, 3)).asnumpy().tolist() == [[1] * 3] * 2


class OwnForward(gluon.HybridBlock):
    """A layer whose `forward` reads its parameter, as those for MXNet 2 do."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.w = self.params.get("w", shape=(1, 0), init="ones", allow_deferred_init=True)

    def infer_shape(self, x):
        self.w.shape = (1, x.shape[-1])

    def forward(self, x):
        return x * self.w.data()


@pytest.mark.parametrize("active", [False, True])
def test_a_layer_with_its_own_forward_finds_its_sizes_by_infer_shape(active):
    net = stack(nn.Dense(4), OwnForward(), cls=nn.HybridSequential)
    net.hybridize(active)
    for rows in (2, 3):
        assert net(ones(rows, 5)).shape == (rows, 4)
    assert net[1].w.shape == (1, 4)
    dry = stack(nn.Dense(4), OwnForward(), cls=nn.HybridSequential)
    assert dry.dry_run((2, 5)) == (2, 4) and dry[1].w.data().shape == (1, 4)


def test_a_wrong_first_input_spoils_nothing_in_a_layer_with_its_own_forward():
    class Refuses(OwnForward):
        def forward(self, x):
            if x.shape[-1] == 3:
                raise ValueError("not 3")
            return super().forward(x)

    net = Refuses()
    net.initialize()
    with pytest.raises(ValueError, match="not 3"):
        net(ones(2, 3))
    assert net.w.shape == (1, 0) and net(ones(2, 4)).shape == (2, 4)


def test_a_layer_with_its_own_forward_and_no_infer_shape_is_told():
    class Plain(gluon.Block):
        def __init__(self):
            super().__init__()
            self.w = self.params.get("w", shape=(1, 0), allow_deferred_init=True)

        def forward(self, x):
            return x * self.w.data()

    net, dense = Plain(), nn.Dense(2)
    net.initialize()
    with pytest.raises(DeferredInitializationError, match=r"a method infer_shape\(self, x\) that"):
        net(ones(2, 3))
    dense.initialize()
    with pytest.raises(DeferredInitializationError, match=r"etc\., for network layers\.$"):
        dense.weight.data()


# ---- hybridize ---------------------------------------------------------------------------------


def test_hybridize_agrees_with_eager_and_stops_on_request():
    net = stack(nn.Dense(4, activation="relu"), nn.Dense(2), cls=nn.HybridSequential)
    x = nd.random.uniform(shape=(3, 5))
    eager = net(x).asnumpy()
    net.hybridize()
    for _ in range(3):
        onp.testing.assert_array_equal(net(x).asnumpy(), eager)
    assert net._plan is not None
    net.hybridize(False)
    assert net._plan is None
    onp.testing.assert_array_equal(net(x).asnumpy(), eager)


def test_hybridize_finds_sizes():
    net = stack(nn.Dense(4), nn.Dense(2), cls=nn.HybridSequential)
    net.hybridize()
    assert net(ones(3, 5)).shape == (3, 2)
    assert net[1].weight.shape == (2, 4)


def test_a_plan_ends_with_what_it_was_made_of():
    net = stack(nn.Dense(2, in_units=2), cls=nn.HybridSequential)
    net.hybridize()
    changes = [
        lambda: net.add(nn.Dense(2, in_units=2)),
        lambda: net[0].register_forward_hook(lambda *args: None).detach(),
        lambda: net.cast("float32"),
        lambda: net[0].hybridize(),
    ]
    for change in changes:
        net(ones(1, 2))
        assert net._plan is not None
        change()
        assert net._plan is None
        net.initialize(force_reinit=True)


def test_a_hook_below_makes_a_hybrid_block_run_eagerly():
    net = stack(nn.Dense(2, activation="relu"), cls=nn.HybridSequential)
    net.hybridize()
    net(ones(1, 3))
    seen = []
    with net[0].act.register_forward_hook(lambda block, inputs, out: seen.append(out.shape)):
        net(ones(1, 3))
        net(ones(1, 3))
        assert net._plan is None
    net(ones(1, 3))
    assert net._plan is not None
    assert seen == [(1, 2)] * 2


def test_options_of_hybridize():
    net = nn.HybridSequential()
    net.add(nn.Dense(2))
    net.hybridize(static_alloc=True, static_shape=True)
    with pytest.raises(ValueError, match="no other backends"):
        net.hybridize(backend="onednn")
    with pytest.raises(TypeError, match="static_aloc"):
        net.hybridize(static_aloc=True)


def test_values_in_a_hybrid_block_are_told_by_name():
    class Peek(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x if x.sum().asscalar() > 0 else -x

    net = stack(nn.Dense(2), Peek(), cls=nn.HybridSequential)
    net(ones(1, 3))
    net.hybridize()
    with pytest.warns(UserWarning, match=r"'1' Peek\(\.\.\.\) runs eagerly because of line"):
        net(ones(1, 3))


# ---- files -------------------------------------------------------------------------------------


def test_saved_values_come_back(tmp_path):
    net = stack(nn.Dense(3, activation="relu"), nn.Dense(2))
    net(ones(1, 4))
    net.save_parameters(tmp_path / "net.params")
    for other in (stack(nn.Dense(3), nn.Dense(2)), nn.Sequential()):
        if not len(other):
            other.add(nn.Dense(3), nn.Dense(2))
        other.load_parameters(tmp_path / "net.params")
        for path, value in values(net).items():
            onp.testing.assert_array_equal(values(other)[path], value)


def test_values_that_are_missing_are_named_when_saving(tmp_path):
    net = stack(nn.Dense(3, in_units=2), nn.Dense(2))
    with pytest.warns(UserWarning, match="without the parameters .* '1.weight'.*dry_run"):
        net.save_parameters(tmp_path / "net.params")
    assert sorted(nd.load(str(tmp_path / "net.params"))) == ["0.bias", "0.weight", "1.bias"]
    other = stack(nn.Dense(3), nn.Dense(2))
    with pytest.raises(AssertionError, match="'1.weight' is missing"):
        other.load_parameters(tmp_path / "net.params")
    assert other[0].weight.state == "deferred"
    other.load_parameters(tmp_path / "net.params", allow_missing=True)
    assert other[0].weight.state == "live"


@pytest.mark.parametrize("damage", ["truncated", "foreign", "empty", "list"])
def test_bad_files_change_nothing(tmp_path, damage):
    path = str(tmp_path / "net.params")
    net = stack(nn.Dense(3, in_units=2))
    net.save_parameters(path)
    content = (tmp_path / "net.params").read_bytes()
    if damage == "list":
        nd.save(path, [nd.ones((3, 2))])
    else:
        bad = {"truncated": content[:-5], "foreign": b"not a file of arrays" * 9, "empty": b""}
        (tmp_path / "net.params").write_bytes(bad[damage])
    before = values(net)
    with pytest.raises(mx.base.MXNetError, match="net.params"):
        net.load_parameters(path)
    for name, value in values(net).items():
        onp.testing.assert_array_equal(value, before[name])


def test_a_file_of_another_net_changes_nothing(tmp_path):
    stack(nn.Dense(3, in_units=2), nn.Dense(5, in_units=3)).save_parameters(tmp_path / "a")
    net = stack(nn.Dense(3, in_units=2), nn.Dense(4, in_units=3))
    before = values(net)
    with pytest.raises(ValueError, match=r"expected \(4, 3\) vs saved \(5, 3\)"):
        net.load_parameters(tmp_path / "a")
    for name, value in values(net).items():
        onp.testing.assert_array_equal(value, before[name])


def test_whole_names_are_read_too(tmp_path):
    net = nn.Sequential(prefix="net_")
    with net.name_scope():
        net.add(nn.Dense(2, in_units=3))
    net.initialize()
    for prefix in ("net_", ""):
        net.collect_params().save(str(tmp_path / "a"), strip_prefix=prefix)
        other = nn.Sequential(prefix="net_")
        with other.name_scope():
            other.add(nn.Dense(2))
        other.load_parameters(tmp_path / "a")
        onp.testing.assert_array_equal(values(other)["0.weight"], values(net)["0.weight"])


def test_a_single_layer_saves_under_plain_names(tmp_path):
    layer = nn.Dense(2, in_units=3)
    layer.initialize()
    layer.save_parameters(tmp_path / "a")
    other = nn.Dense(2)
    other.load_parameters(tmp_path / "a")
    onp.testing.assert_array_equal(other.weight.data().asnumpy(), layer.weight.data().asnumpy())


# ---- what there is not -------------------------------------------------------------------------


# ---- summary -----------------------------------------------------------------------------------


def summary(net, *inputs, capsys):
    net.summary(*inputs)
    return capsys.readouterr().out


def test_summary_takes_shapes_and_hybridized_nets(capsys):
    net = stack(nn.Dense(4, activation="relu"), nn.Dense(2), cls=nn.HybridSequential)
    text = summary(net, (3, 5), capsys=capsys)
    assert ["Dense-2", "(3,", "4)", "24"] in [line.split() for line in text.splitlines()]
    net.hybridize()
    assert summary(net, (3, 5), capsys=capsys) == text
    assert summary(net, nd.ones((3, 5)), capsys=capsys) == text
    assert not net._is_hooked()


def test_summary_leaves_no_hooks_after_an_error():
    net = stack(nn.Dense(4, in_units=3))
    with pytest.raises(ValueError):
        net.summary((2, 9))
    assert not net._is_hooked()


# ---- utils -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [{"num_slice": 0}, {"num_slice": -1}, {"num_slice": 2, "batch_axis": 2}]
)
def test_split_data_refuses(arguments):
    with pytest.raises(ValueError):
        gluon.utils.split_data(nd.ones((4, 2)), **arguments)


def test_split_data_takes_a_negative_axis():
    parts = gluon.utils.split_data(nd.ones((4, 6)), 3, batch_axis=-1)
    assert [part.shape for part in parts] == [(4, 2)] * 3


def test_clip_global_norm_leaves_small_arrays():
    arrays = [nd.array([3.0]), nd.array([4.0])]
    assert gluon.utils.clip_global_norm(arrays, 6.0) == 5
    assert [a.asscalar() for a in arrays] == [3, 4]
    assert gluon.utils.clip_global_norm(arrays, 1.0) == 5
    onp.testing.assert_allclose([a.asscalar() for a in arrays], [0.6, 0.8], rtol=1e-6)
    with pytest.raises(ValueError):
        gluon.utils.clip_global_norm([], 1.0)
    with pytest.raises(ValueError):
        gluon.utils.split_and_load(nd.ones((2,)), [])


def test_check_sha1(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert gluon.utils.check_sha1(tmp_path / "a", "a9993e364706816aba3e25717850c26c9cd0d89d")
    assert not gluon.utils.check_sha1(tmp_path / "a", "0" * 40)


# ---- copies ------------------------------------------------------------------------------------


def test_a_handle_outlives_its_block():
    handle = nn.Flatten().register_forward_hook(print)
    handle.detach()
    handle.detach()


def named_hook(block, inputs):
    """A hook that pickle can find by name."""


def test_hooks_are_pickled_where_they_can_be():
    layer = nn.Flatten()
    layer.register_forward_pre_hook(named_hook)
    assert list(pickle.loads(pickle.dumps(layer))._forward_pre_hooks.values()) == [named_hook]
    layer.register_forward_hook(lambda *args: None)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(layer)


def test_deprecated_names_warn(tmp_path):
    layer = nn.Dense(2, in_units=3)
    layer.initialize()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        layer.save_params(str(tmp_path / "a"))
        nn.Dense(2).load_params(str(tmp_path / "a"))
    assert [str(w.message).split()[0] for w in seen] == ["save_params", "load_params"]


def test_a_patched_forward_runs():
    layer = nn.Dense(2, activation="relu", in_units=2)
    layer.initialize(mx.init.One())
    x = ones(1, 2)
    assert [layer(x).asnumpy()[0, 0] for _ in range(2)] == [2, 2]
    layer.act.forward = lambda x: x * 10
    assert [layer(x).asnumpy()[0, 0] for _ in range(2)] == [20, 20]
    layer.forward = lambda x: x * 3
    assert [layer(x).asnumpy()[0, 0] for _ in range(2)] == [3, 3]


def test_mxnets_helpers_for_nested_arguments():
    x, y = ones(1), ones(2)
    flat, structure = gluon.block._flatten([x, [y, None], ()], "input")
    assert (flat, structure) == ([x, y, None], [0, [0, -1], []])
    assert gluon.block._regroup(flat, structure) == [x, [y, None], []]
    assert gluon.block._flatten(x, "input") == ([x], 0)
    assert gluon.block._regroup([1, 2, 3], [0, 2]) == [1, [2, 3]]
    with pytest.raises(ValueError, match="The output of a HybridBlock must be arrays"):
        gluon.block._flatten([x, "x"], "output")


class ByName(gluon.HybridBlock):
    """Picks its arrays out of dicts, as losses of Sockeye do, and leaves the rest to a subclass."""

    def forward(self, outputs, labels):
        return super().forward(outputs["out"] * 2, labels["label"])


class Difference(ByName):
    def hybrid_forward(self, F, output, label):
        return F.sum(output - label)


class Doubling(nn.Dense):
    def hybrid_forward(self, F, x, weight, bias):
        return F.FullyConnected(x, weight, bias, num_hidden=self._units) * 2


class ByNameInCall(gluon.HybridBlock):
    def __call__(self, inputs):
        return super().__call__(inputs["a"], inputs["b"])

    def hybrid_forward(self, F, a, b):
        return F.sum(a * b)


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_users_forward_stays_and_comes_to_hybrid_forward(hybrid):
    loss, layer, named = Difference(), Doubling(2, in_units=3), ByNameInCall()
    layer.initialize(mx.init.One())
    for net in (loss, layer, named):
        net.hybridize(hybrid)
    x = ones(3)
    for _ in range(2):
        x.attach_grad()
        with autograd.record():
            value = loss({"out": x, "other": None}, {"label": ones(3)})
        value.backward()
        assert (value.asscalar(), x.grad.asnumpy().tolist()) == (3, [2, 2, 2])
        assert layer(ones(1, 3)).asnumpy().tolist() == [[6, 6]]
        assert named({"a": x, "b": x}).asscalar() == 3
