"""Beyond MXNet: dry runs, explanations, errors that help, copies, threads."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as onp
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import AbstractValueError, MXNetError, ShapeError
from microlazy.gluon import nn
from microlazy.gluon.block.tree import path_of, root_of


@pytest.fixture(params=["nd", "np"])
def face(request):
    if request.param == "np":
        npx.set_np()
    yield getattr(mx, request.param)
    npx.reset_np()


class Count(mx.init.Initializer):
    """Fills with ones and remembers whom it was called for."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def _init_weight(self, name, data):
        self.calls.append((name, data.shape))
        data[:] = 1


def mlp(*units, cls=nn.Sequential, init=None, **options):
    net = cls()
    for n in units:
        net.add(nn.Dense(n, **options))
    net.initialize(init)
    return net


def states(net):
    return {path: p.state for path, p in net._collect_params_with_prefix().items()}


def shapes(net):
    return {path: p.shape for path, p in net._collect_params_with_prefix().items()}


# ---- dry run -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [nn.Sequential, nn.HybridSequential])
def test_dry_run_finds_every_size(face, cls):
    init = Count()
    net = mlp(256, 10, cls=cls, init=init, activation="relu")
    assert net.dry_run((2, 20)) == (2, 10)
    assert shapes(net)["0.weight"] == (256, 20)
    assert shapes(net)["1.weight"] == (10, 256)
    assert set(states(net).values()) == {"live"}
    assert init.calls == [(net[0].weight.name, (256, 20)), (net[1].weight.name, (10, 256))]
    assert isinstance(net[0].weight.data(), face.ndarray if face is np else nd.NDArray)
    assert net(face.ones((1, 20))).asnumpy().tolist() == [[20 * 256] * 10]
    assert len(init.calls) == 2


def test_dry_run_computes_nothing():
    """The arrays would need 4 TB."""
    net = nn.Sequential()
    net.add(nn.Lambda(lambda x: (x + 1) * 2), nn.Flatten(), nn.Dropout(0.5), nn.Activation("relu"))
    assert net.dry_run((10**6, 1000, 1000)) == (10**6, 10**6)


def test_dry_run_takes_arrays_and_leaves_them():
    x = nd.ones((2, 20))
    for given in (x, onp.ones((2, 20), "float32"), [2, 20]):
        net = mlp(4)
        assert net.dry_run(given) == (2, 4)
    assert (x.asnumpy() == 1).all()


def test_dry_run_with_several_inputs_and_outputs():
    class Two(gluon.Block):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Dense(3), nn.Dense(4)

        def forward(self, x, y, z=None):
            assert z is None
            h = self.a(x)
            return h, [self.b(y), (h + 1, None)]

    net = Two()
    net.initialize()
    assert net.dry_run((2, 20), (2, 5), None) == ((2, 3), [(2, 4), ((2, 3), None)])
    assert (net.a.weight.shape, net.b.weight.shape) == ((3, 20), (4, 5))


def test_dry_run_with_nested_inputs_and_dtype():
    seen = []

    def look(x, states):
        seen.extend([x.dtype, len(states), states[0].shape])
        return x

    net = nn.Lambda(look)
    assert net.dry_run((2, 3), [(4, 5), (6,)], dtype="float64") == (2, 3)
    assert seen == [onp.float64, 2, (4, 5)]


def test_dry_run_neither_records_nor_draws():
    net = mlp(4, 2)
    net.add(nn.Dropout(0.5))
    net.initialize(force_reinit=True)
    net.dry_run((1, 3))
    mx.random.seed(5)
    with autograd.train_mode():
        net.dry_run((100, 3))
        after = nd.random.uniform(shape=(4,)).asnumpy()
    mx.random.seed(5)
    onp.testing.assert_array_equal(nd.random.uniform(shape=(4,)).asnumpy(), after)


@pytest.mark.parametrize("bad", [(-1, 3), "shape", 2.5, (2, "a")])
def test_dry_run_refuses_what_is_no_shape(bad):
    net = mlp(4)
    with pytest.raises((TypeError, ValueError)):
        net.dry_run(bad)
    with pytest.raises(ValueError, match="shape of every input"):
        net.dry_run()
    assert states(net)["0.weight"] == "deferred"


def test_dry_run_of_a_net_that_was_not_initialized():
    net = nn.Sequential()
    net.add(nn.Dense(3))
    with pytest.raises(RuntimeError, match=r"initialize\(\) was not called"):
        net.dry_run((2, 4))


class Peek(gluon.Block):
    """Looks at a value half-way."""

    def __init__(self, look):
        super().__init__()
        self.layer, self.look = nn.Dense(3), look

    def forward(self, x):
        y = self.layer(x)
        self.look(y)
        return y


@pytest.mark.parametrize(
    "look",
    [
        lambda y: bool(y.sum() > 0),
        lambda y: float(y.sum()),
        lambda y: y.asnumpy(),
        lambda y: y.sum().asscalar(),
        lambda y: y[0, 0].item(),
    ],
)
def test_looking_at_values_names_the_block(look):
    net = nn.Sequential()
    net.add(nn.Dense(2), Peek(look))
    net.initialize()
    looks = r"'1' Peek\(\.\.\.\) looks at the values"
    with pytest.raises(AbstractValueError, match=looks) as error:
        net.dry_run((2, 4))
    assert __file__ in str(error.value)
    assert states(net)["0.weight"] == states(net)["1.layer.weight"] == "deferred"
    assert net(nd.ones((2, 4))).shape == (2, 3)


# ---- what does not fit -------------------------------------------------------------------------


def test_a_wrong_first_batch_spoils_nothing():
    net = nn.Sequential()
    net.add(nn.Dense(8), nn.Dense(3, in_units=5))
    net.initialize()
    before = (shapes(net), states(net))
    for attempt in (lambda: net(nd.ones((2, 20))), lambda: net.dry_run((2, 20))):
        with pytest.raises(ShapeError):
            attempt()
        assert (shapes(net), states(net)) == before


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_a_first_batch_of_another_dtype_spoils_nothing(dtype):
    net = mlp(8, 3)
    with pytest.raises(MXNetError, match=rf"'0' Dense\(.*the input is {dtype}"):
        net(nd.ones((2, 20), dtype=dtype))
    assert shapes(net)["0.weight"] == (8, 0)
    assert net(nd.ones((2, 21))).shape == (2, 3)


def test_a_batch_of_the_other_array_type_names_the_layer():
    net = mlp(8)
    net(nd.ones((2, 20)))
    with pytest.raises(TypeError, match=r"'0' Dense\(20 -> 8, linear\): .*set_np"):
        net(np.ones((2, 20)))


def test_an_interrupted_forward_keeps_what_it_found():
    """Code that leaves forward by an exception of its own finds the same values next time."""

    class Stop(Exception):
        pass

    def stop(block, inputs):
        raise Stop

    init = Count()
    net = mlp(8, 3, init=init)
    net[1].register_forward_pre_hook(stop)
    for _ in range(2):
        with pytest.raises(Stop):
            net(nd.ones((2, 20)))
    assert len(init.calls) == 1


def test_a_right_batch_after_a_wrong_one():
    class Adds(gluon.Block):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Dense(3), nn.Dense(3)

        def forward(self, x, y):
            return self.a(x) + self.b(y)

    net = Adds()
    net.initialize()
    with pytest.raises(ShapeError):
        net(nd.ones((2, 4)), nd.ones((5, 4)))
    assert net(nd.ones((2, 6)), nd.ones((2, 7))).shape == (2, 3)


@pytest.mark.parametrize("cls", [nn.Sequential, nn.HybridSequential])
@pytest.mark.parametrize("hybrid", [False, True])
def test_a_changed_size_is_refused_with_both_sizes(cls, hybrid, face):
    net = mlp(8, 3, cls=cls)
    if hybrid and cls is nn.HybridSequential:
        net.hybridize()
    assert net(face.ones((2, 20))).shape == (2, 3)
    assert net(face.ones((7, 20))).shape == (7, 3)
    before = net[0].weight.data().asnumpy().copy()
    with pytest.raises(ShapeError) as error:
        net(face.ones((2, 21)))
    message = str(error.value)
    assert "'0' Dense(20 -> 8, linear)" in message
    assert "size 20" in message
    assert "size 21 (input shape (2, 21))" in message
    assert "inferred from the first input (2, 20)" in message
    assert isinstance(error.value, ValueError)
    assert isinstance(error.value, MXNetError)
    onp.testing.assert_array_equal(net[0].weight.data().asnumpy(), before)
    assert net(face.ones((1, 20))).shape == (1, 3)


def test_a_given_size_is_named_as_given():
    layer = nn.Dense(3, in_units=20)
    layer.initialize()
    with pytest.raises(ShapeError, match="in_units=20 given when the layer was made"):
        layer(nd.ones((2, 4)))


def test_a_size_that_does_not_fit_between_layers():
    net = nn.Sequential()
    net.add(nn.Dense(8, in_units=20), nn.Dense(3, in_units=9))
    net.initialize()
    with pytest.raises(ShapeError, match=r"'1' Dense\(9 -> 3, linear\) expected .* of size 9"):
        net(nd.ones((2, 20)))


def test_flatten_is_spelled_out():
    layer = nn.Dense(3, in_units=20, flatten=False)
    layer.initialize()
    with pytest.raises(ShapeError, match="the last axis"):
        layer(nd.ones((20, 4)))
    layer = nn.Dense(3, in_units=20)
    layer.initialize()
    with pytest.raises(ShapeError, match=r"size 12 \(input shape \(2, 3, 4\)\)"):
        layer(nd.ones((2, 3, 4)))


def test_no_features_and_no_axes():
    with mx.util.np_shape(True):
        for shape, match in (((2, 0), "at least one feature"), ((), "an input with axes")):
            layer = nn.Dense(3)
            layer.initialize()
            with pytest.raises(ShapeError, match=match):
                layer(np.ones(shape))
            assert layer.weight.state == "deferred"


def test_asking_too_early_tells_what_to_do():
    net = nn.Sequential()
    net.add(nn.Dense(8), nn.Dense(3))
    with pytest.raises(RuntimeError, match=r"1\.weight.*Dense\(None -> 3, linear\)"):
        net[1].weight.data()
    net.initialize()
    with pytest.raises(gluon.DeferredInitializationError, match=r"1\.weight.*dry_run"):
        net[1].weight.data()


def test_a_layer_that_forward_does_not_reach():
    class Forgets(gluon.Block):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Dense(2), nn.Dense(2)

        def forward(self, x):
            return self.used(x)

    net = Forgets()
    net.initialize()
    with pytest.raises(gluon.DeferredInitializationError) as early:
        net.unused.weight.data()
    assert "never reached" not in str(early.value)
    net(nd.ones((1, 2)))
    with pytest.raises(gluon.DeferredInitializationError, match=r"unused\.weight.*never reached"):
        net.unused.weight.data()


# ---- explain -----------------------------------------------------------------------------------


def test_explain_before_and_after():
    net = nn.Sequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dense(3, in_units=8, weight_initializer="zeros"))
    rows = {row.path: row for row in net.explain().rows}
    assert list(rows) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert rows["0.weight"].shape == "(8, ?)"
    assert rows["0.weight"].layer == "Dense(None -> 8, Activation(relu))"
    assert rows["0.weight"].why == "axis 1 unknown until the first input"
    assert rows["1.weight"].why == "in_units=8 given when the layer was made"
    assert {row.state for row in rows.values()} == {"declared"}
    net.initialize(mx.init.Normal(0.1))
    rows = {row.path: row for row in net.explain().rows}
    assert "Normal" in rows["0.weight"].init
    assert "zeros" in rows["1.weight"].init
    assert rows["0.weight"].state == "deferred"
    assert rows["1.weight"].state == "live"
    net.dry_run((2, 20))
    rows = {row.path: row for row in net.explain().rows}
    assert rows["0.weight"].shape == "(8, 20)"
    assert rows["0.weight"].why == "inferred from the first input (2, 20)"
    assert {row.state for row in rows.values()} == {"live"}


def test_explain_is_a_table():
    net = mlp(8, 3)
    lines = str(net.explain()).splitlines()
    assert lines[0].split() == ["Path", "Layer", "Shape", "Why", "Init", "State"]
    assert set(lines[1]) == {"-"}
    assert len(lines) == 2 + 4
    column = lines[0].index("Shape")
    assert [line[column:].split("  ")[0] for line in lines[2:]] == [
        "(8, ?)",
        "(8,)",
        "(3, ?)",
        "(3,)",
    ]


def test_explain_names_sharing():
    shared = nn.Dense(3)
    net = nn.Sequential()
    net.add(shared, nn.Dense(3, params=shared.params))
    rows = {row.path: row.why for row in net.explain().rows}
    assert rows["1.weight"] == "shared with 0.weight"
    assert "shared" not in rows["0.weight"]


def test_explain_of_nothing():
    assert str(nn.Flatten().explain()).splitlines()[0].startswith("Path")
    parameter_free = gluon.Block()
    parameter_free.w = gluon.Parameter("w")
    assert parameter_free.explain().rows[0].shape == "?"


# ---- copies ------------------------------------------------------------------------------------


def tied():
    shared = nn.Dense(4, activation="relu")
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(shared, nn.Dense(4, params=shared.params), shared, nn.Dense(2))
    return net


COPIES = [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]


@pytest.mark.parametrize("make", COPIES)
@pytest.mark.parametrize("stage", ["declared", "deferred", "live", "hybridized"])
def test_copies_at_every_stage(make, stage, face):
    net = tied()
    x = face.ones((2, 4))
    if stage != "declared":
        net.initialize()
    if stage == "hybridized":
        net.hybridize()
    if stage in ("live", "hybridized"):
        net(x)
    other = make(net)
    assert repr(other) == repr(net)
    assert states(other) == states(net)
    assert list(other.collect_params()) == list(net.collect_params())
    assert other[0] is other[2]
    assert other[0].weight is other[1].weight
    assert other[0].weight is not net[0].weight
    assert path_of(other[0]) == "0"
    assert root_of(other[3]) is other
    if stage == "declared":
        net.initialize()
        other.initialize()
    if stage in ("live", "hybridized"):
        onp.testing.assert_array_equal(other(x).asnumpy(), net(x).asnumpy())
    assert other(x).shape == (2, 2)
    other[0].weight.set_data(face.zeros((4, 4)))
    net(x)
    assert net[0].weight.data().asnumpy().any()
    assert other._active == (stage == "hybridized")


def test_a_copy_is_trained_alone():
    net = mlp(2, init=mx.init.One())
    net.dry_run((1, 3))
    other = copy.deepcopy(net)
    with autograd.record():
        other(nd.ones((1, 3))).sum().backward()
    assert other[0].weight.grad().asnumpy().tolist() == [[1] * 3] * 2
    assert not net[0].weight.grad().asnumpy().any()


def test_a_copy_of_a_part_leaves_the_rest():
    net = mlp(4, 2)
    part = copy.deepcopy(net[0])
    assert path_of(part) == ""
    assert part(nd.ones((1, 3))).shape == (1, 4)
    assert net[0].weight.state == "deferred"


def test_nets_print_and_save_at_every_stage(tmp_path):
    net = mlp(4, 2)
    assert "Dense(None -> 4, linear)" in repr(net)
    with pytest.warns(UserWarning, match="no values yet"):
        net.save_parameters(tmp_path / "a")
    net.dry_run((1, 3))
    net.save_parameters(tmp_path / "a")
    other = nn.Sequential()
    other.add(nn.Dense(4), nn.Dense(2))
    other.load_parameters(tmp_path / "a")
    assert repr(other) == repr(net)


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_network_that_nobody_holds_is_freed_at_once(hybrid):
    net = mlp(4, 2, cls=nn.HybridSequential, activation="relu")
    if hybrid:
        net.hybridize()
    for _ in range(2):
        net(nd.ones((1, 3)))
    net.explain()
    net.collect_params()
    weight = weakref.ref(net[0].weight)
    gc.disable()
    try:
        del net
        assert weight() is None
    finally:
        gc.enable()


# ---- threads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hybrid", [False, True])
def test_threads_initialize_each_parameter_once(hybrid):
    init = Count()
    net = mlp(*[16] * 20, cls=nn.HybridSequential, init=init)
    if hybrid:
        net.hybridize()
    start = threading.Barrier(6)
    results, errors = [], []

    def work():
        start.wait()
        try:
            results.append(net(nd.ones((2, 16))).asnumpy())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(results) == 6
    assert all((result == results[0]).all() for result in results)
    assert sorted(init.calls) == sorted((layer.weight.name, (16, 16)) for layer in net)


def test_threads_with_different_sizes():
    """One size wins, and the other thread learns which."""
    net = mlp(4, 2)
    start = threading.Barrier(2)
    outcomes = {}

    def work(size):
        start.wait()
        try:
            outcomes[size] = net(nd.ones((1, size))).shape
        except ShapeError as error:
            outcomes[size] = error

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = net[0].weight.shape[1]
    assert outcomes[won] == (1, 2)
    assert isinstance(outcomes[8 - won], ShapeError)


def test_a_failing_initializer_leaves_the_parameter_waiting():
    class Fails(mx.init.Initializer):
        def _init_weight(self, name, data):
            raise OSError("no luck")

    net = mlp(4, init=Fails())
    with pytest.raises(OSError, match="no luck"):
        net(nd.ones((1, 3)))
    assert states(net)["0.weight"] == "deferred"
    net[0].weight.initialize()
    assert net(nd.ones((1, 3))).shape == (1, 4)
