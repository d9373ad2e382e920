"""Parameters: from declared to live, their refusals, copies and files."""

import copy
import pickle
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microlazy as mx
from microlazy.core import trace
from microlazy.core.planning import generation
from microlazy.gluon import Constant, Parameter, ParameterDict
from microlazy.gluon.parameter import DeferredInitializationError, load_arrays
from microlazy.gluon.parameter.parameter import Place


@pytest.fixture(params=["nd", "np"])
def face(request):
    """Both faces: the functions of the one that is switched on."""
    if request.param == "nd":
        yield mx.nd
        return
    mx.npx.set_np()
    yield mx.np
    mx.npx.reset_np()


def live(shape=(2, 3), **options):
    param = Parameter("weight", shape=shape, **options)
    param.initialize()
    return param


def deferred(shape=(2, 0), init=None, **options):
    param = Parameter("weight", shape=shape, allow_deferred_init=True, **options)
    param.initialize(init)
    return param


def backward(param, factor=1):
    with mx.autograd.record():
        loss = (param.data() * factor).sum()
    loss.backward()


# ---- life --------------------------------------------------------------------------------------


def test_life(face):
    param = Parameter("weight", shape=(2, -1), allow_deferred_init=True)
    unknown = -1 if face is mx.np else 0
    assert (param.state, param.shape) == ("declared", (2, unknown))
    param.initialize(mx.init.Constant(3))
    assert (param.state, param.shape) == ("deferred", (2, unknown))
    param.shape = (2, 4)
    assert param.state == "deferred"
    param._finish_deferred_init()
    assert param.state == "live"
    assert type(param.data()) is (mx.np.ndarray if face is mx.np else mx.nd.NDArray)
    assert np.array_equal(param.data().asnumpy(), np.full((2, 4), 3))
    assert param.grad().shape == (2, 4)


def test_printing(face):
    unknown = -1 if face is mx.np else 0
    text = f"Parameter weight (shape=(2, {unknown}), dtype=float32)"
    assert repr(Parameter("weight", shape=(2, 0), dtype="float32")) == text
    assert repr(Parameter("weight", shape=[2, -1], dtype="float32")) == text


def test_initializer_runs_once():
    calls = []

    class Count(mx.init.Initializer):
        def _init_weight(self, name, data):
            calls.append((name, data.shape, mx.autograd.is_recording()))

    param = deferred(init=Count())
    param.shape = (2, 3)
    with mx.autograd.record():
        param._finish_deferred_init()
        param._finish_deferred_init()
    assert calls == [("weight", (2, 3), False)]
    assert np.array_equal(param.data().asnumpy(), np.zeros((2, 3)))


def test_initialize_twice_warns_and_changes_nothing():
    param = live(init="ones")
    with pytest.warns(UserWarning, match="'weight' is already initialized, ignoring. Set force_re"):
        param.initialize("zeros")
    assert param.data().asnumpy().all()


def test_initialize_again_while_deferred_replaces_the_initializer():
    param = deferred(init="zeros")
    param.initialize("ones")
    param.shape = (2, 1)
    param._finish_deferred_init()
    assert param.data().asnumpy().tolist() == [[1], [1]]


def test_force_reinit_writes_into_the_same_array():
    param = live(init="ones", grad_req="add")
    data, before = param.data(), generation()
    backward(param)
    assert param.grad().asnumpy().all()
    param.initialize(mx.init.Constant(7), force_reinit=True)
    assert param.data() is data and generation() == before
    assert data.asnumpy().tolist() == [[7, 7, 7]] * 2
    assert not param.grad().asnumpy().any()


def test_reinit_by_an_initializer_that_does_nothing_gives_zeros():
    class Nothing(mx.init.Initializer):
        def _init_weight(self, name, data):
            pass

    param = live(init="ones")
    param.initialize(Nothing(), force_reinit=True)
    assert not param.data().asnumpy().any()


def test_reinit_follows_the_face():
    param = live(init="ones")
    before = generation()
    mx.npx.set_np()
    try:
        param.initialize(force_reinit=True)
        assert type(param.data()) is mx.np.ndarray and generation() > before
    finally:
        mx.npx.reset_np()


class Failing(mx.init.Initializer):
    def _init_weight(self, name, data):
        data[:] = 9
        raise KeyError("on purpose")


def test_failing_initializer_leaves_the_parameter_as_it_was():
    param = Parameter("weight", shape=(2,))
    with pytest.raises(KeyError):
        param.initialize(Failing())
    assert param.state == "declared"

    param = deferred(init=Failing())
    param.shape = (2, 3)
    with pytest.raises(KeyError):
        param._finish_deferred_init()
    assert param.state == "deferred"
    param.initialize("ones")
    assert param.state == "live"
    with pytest.raises(KeyError):
        param.initialize(Failing(), force_reinit=True)
    assert param.data().asnumpy().all() and param.data().asnumpy().max() == 1


def test_threads_initialize_once():
    calls, start = [], threading.Barrier(8)

    class Count(mx.init.Initializer):
        def _init_weight(self, name, data):
            calls.append(name)
            data[:] = len(calls)

    param, seen = deferred(init=Count()), []

    def first_use():
        start.wait()
        try:
            seen.append(param.data())
        except DeferredInitializationError:
            param.shape = (2, 3)
            param._finish_deferred_init()
            seen.append(param.data())

    threads = [threading.Thread(target=first_use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1 and len(seen) == 8
    assert all(data is seen[0] for data in seen)


def test_values_are_real_even_in_a_dry_run():
    class Computed(mx.init.Initializer):
        def _init_weight(self, name, data):
            data[:] = mx.nd.random.uniform(2, 3, data.shape)
            data *= data.abs() < 1
            data += 1

    with trace.tracing():
        param = deferred(init=Computed())
        param.shape = (2, 3)
        param._finish_deferred_init()
        loaded = Parameter("loaded")
        loaded._load_init(np.ones((2, 3), "float32"))
        cast = live(init="ones")
        cast.cast("float64")
        filled = live(init="zeros")
        filled.set_data(np.ones((2, 3)))
    for real in (param, loaded, cast, filled):
        assert real.data().asnumpy().tolist() == [[1, 1, 1]] * 2


def test_zero_dim_parameter():
    with pytest.raises(ValueError, match=r"invalid shape: \(\)"):
        Parameter("scale", shape=()).initialize()
    mx.npx.set_np()
    try:
        scale = live(shape=(), init="ones")
        assert scale.data().item() == 1 and scale.grad().shape == ()
        scale.zero_grad()
        scale.initialize("zeros", force_reinit=True)
        assert scale.data().item() == 0
    finally:
        mx.npx.reset_np()


# ---- gradients ---------------------------------------------------------------------------------


def test_gradient(face):
    param = live(init="ones")
    assert not param.grad().asnumpy().any()
    backward(param, 3)
    assert param.grad().asnumpy().tolist() == [[3, 3, 3]] * 2
    assert param.list_grad()[0] is param.grad()
    param.zero_grad()
    assert not param.grad().asnumpy().any()


def test_add_accumulates():
    param = live(grad_req="add")
    backward(param, 2)
    backward(param, 2)
    assert param.grad().asnumpy().tolist() == [[4, 4, 4]] * 2


def test_null_has_no_gradient_and_can_be_switched():
    param = live(init="ones")
    data = param.data()
    param.grad_req = "null"
    with pytest.raises(RuntimeError, match="'weight' because grad_req='null'"):
        param.grad()
    param.zero_grad()
    other = live()
    with mx.autograd.record():
        loss = (param.data() * other.data()).sum()
    loss.backward()
    param.grad_req = "write"
    assert param.data() is data
    assert not param.grad().asnumpy().any()
    backward(param, 5)
    assert param.grad().asnumpy().tolist() == [[5, 5, 5]] * 2


# ---- generation --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda p: p.set_data(mx.nd.ones((2, 3))), False),
        (lambda p: p.initialize(force_reinit=True), False),
        (lambda p: p.cast("float32"), False),
        (lambda p: setattr(p, "grad_req", "write"), False),
        (lambda p: p.cast("float64"), True),
        (lambda p: setattr(p, "grad_req", "add"), True),
        (lambda p: setattr(p, "lr_mult", 2), True),
        (lambda p: setattr(p, "wd_mult", 2), True),
        (lambda p: live(), True),
    ],
)
def test_generation(change, counts):
    param = live()
    before = generation()
    change(param)
    assert (generation() > before) is counts


# ---- values ------------------------------------------------------------------------------------


def test_set_data_writes_in_place(face):
    param = live()
    data = param.data()
    param.set_data(face.array([[1, 2, 3], [4, 5, 6]], dtype="float64"))
    assert param.data() is data and data.dtype == np.float32
    assert data.asnumpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    param.set_data(np.zeros((2, 3)))
    assert not data.asnumpy().any()


def test_set_data_within_record_keeps_the_tape():
    param = live(init="ones")
    with mx.autograd.record():
        param.set_data(mx.nd.ones((2, 3)) * 2)
        loss = (param.data() ** 2).sum()
    loss.backward()
    assert param.grad().asnumpy().tolist() == [[4, 4, 4]] * 2


def test_loading_within_record_is_not_recorded():
    param = live(init="ones")
    with mx.autograd.record():
        param._load_init(mx.nd.ones((2, 3)) * 2)
        loss = (param.data() * 3).sum()
    loss.backward()
    assert param.data().asnumpy().tolist() == [[2, 2, 2]] * 2
    assert param.grad().asnumpy().tolist() == [[3, 3, 3]] * 2


def test_set_data_before_the_sizes_are_known():
    param = deferred(init="zeros")
    values = mx.nd.ones((2, 3), dtype="float64")
    param.set_data(values)
    values[:] = 5  # the parameter has a copy
    assert (param.state, param.shape) == ("deferred", (2, 3))
    assert param.why == "from set_data() with values of shape (2, 3)"
    param._finish_deferred_init()
    assert param.data().dtype == np.float32
    assert param.data().asnumpy().tolist() == [[1, 1, 1]] * 2


def test_cast_keeps_values_and_gradient():
    param = live(init="ones")
    backward(param, 3)
    param.cast("float64")
    assert (param.dtype, param.data().dtype, param.grad().dtype) == ("float64", np.float64) + (
        np.float64,
    )
    assert param.data().asnumpy().all()
    assert param.grad().asnumpy().tolist() == [[3, 3, 3]] * 2
    backward(param, 2)
    assert param.grad().asnumpy().tolist() == [[2, 2, 2]] * 2


def test_dtype_of_a_deferred_parameter_can_be_cast():
    param = deferred(init="ones")
    param.dtype = "float64"
    param.shape = (2, 3)
    param._finish_deferred_init()
    assert param.data().dtype == np.float64


def test_shape_setter_keeps_what_is_known():
    param = Parameter("weight", shape=(2, 0, 4))
    param.shape = (2, 3, 4)
    assert param.shape == (2, 3, 4)
    for wrong in ((2, 3, 5), (2, 3), (2, 0, 4)):
        with pytest.raises(AssertionError, match="is incompatible with given shape"):
            param.shape = wrong
    assert param.shape == (2, 3, 4)
    free = Parameter("weight")
    free.shape = 5
    assert free.shape == (5,)


sizes = st.lists(st.integers(-1, 3), max_size=3).map(tuple)


@given(old=st.none() | sizes, new=sizes)
def test_shape_setter_never_changes_a_known_size(old, new):
    param = Parameter("weight", shape=old)
    before = param.shape
    try:
        param.shape = new
    except AssertionError:
        assert param.shape == before
        return
    assert len(param.shape) == len(new)
    for known, size, wanted in zip(before or new, param.shape, new, strict=True):
        assert size == max(wanted, 0)
        assert before is None or known in (0, size)


@given(old=sizes, new=sizes)
def test_get_unites_what_both_sides_know(old, new):
    params = ParameterDict()
    param = params.get("weight", shape=old)
    try:
        params.get("weight", shape=new)
    except AssertionError:
        assert param.shape == tuple(max(size, 0) for size in old)
        fits = len(old) == len(new) and all(
            a == b or min(a, b) < 1 for a, b in zip(old, new, strict=True)
        )
        assert not fits
        return
    assert param.shape == tuple(max(a, b, 0) for a, b in zip(old, new, strict=True))


# ---- refusals ----------------------------------------------------------------------------------

REFUSALS = [
    (lambda: Parameter("w", grad_req="sum"), AssertionError, "one of 'write', 'add', or 'null'"),
    (lambda: Parameter("w", stype="csr"), mx.base.MXNetError, "dense arrays only"),
    (lambda: Parameter("w", grad_stype="row_sparse"), mx.base.MXNetError, "grad_stype 'row_sp"),
    (lambda: Parameter("w", stype="x"), AssertionError, "must be one of 'default'"),
    (lambda: Parameter("w", dtype="nope"), TypeError, "nope"),
    (lambda: Parameter("w", dtype="complex64"), TypeError, "complex64"),
    (lambda: Parameter("w", shape="no"), TypeError, "integers, given 'no'"),
    (lambda: Parameter("w", shape=(2.5,)), TypeError, r"integers, given \(2.5,\)"),
    (lambda: Parameter("w", shape=(2, -3)), ValueError, r"given \(2, -3\)"),
    (lambda: Parameter("w", shape=(2, 0)).initialize(), ValueError, r"invalid shape: \(2, 0\)"),
    (lambda: Parameter("w").initialize(), ValueError, "invalid shape: None"),
    (lambda: Parameter("w", shape=1).initialize("nope"), AssertionError, "nope is not registered"),
    (lambda: Parameter("w", shape=1).initialize(ctx=mx.gpu(0)), RuntimeError, r"on \[gpu\(0\)\]"),
    (lambda: live().data(mx.gpu(0)), RuntimeError, r"not initialized on context gpu\(0\)"),
    (lambda: live().grad(mx.gpu(1)), RuntimeError, r"not initialized on context gpu\(1\)"),
    (lambda: live().reset_ctx([]), ValueError, "ctx is empty"),
    (lambda: live().reset_ctx(mx.gpu(0)), RuntimeError, r"gpu\(0\)"),
    (lambda: live().set_data(mx.nd.ones((3, 2))), AssertionError, r"\(3, 2\) .* \(2, 3\)"),
    (lambda: live().set_data([[1, 2, 3]] * 2), TypeError, "given a list"),
    (lambda: Parameter("w", shape=2).set_data(mx.nd.ones(2)), AssertionError, "has not been init"),
    (lambda: Parameter("w", shape=2).list_ctx(), RuntimeError, "'w' has not been initialized"),
    (lambda: Parameter("w", shape=2).reset_ctx(), ValueError, "has not been initialized"),
    (lambda: live().cast("nope"), TypeError, "nope"),
    (lambda: live().row_sparse_data(mx.nd.ones(1)), RuntimeError, "Please use data"),
    (lambda: live().list_row_sparse_data(mx.nd.ones(1)), RuntimeError, "Please use data"),
    (lambda: deferred()._finish_deferred_init(), AssertionError, "Please specify in_units"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSALS)
def test_refusals(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_refused_changes_change_nothing():
    param = live(init="ones")
    for change in (
        lambda: param.set_data(mx.nd.zeros((2, 4))),
        lambda: param.cast("nope"),
        lambda: setattr(param, "grad_req", "nope"),
        lambda: param.initialize("nope", force_reinit=True),
        lambda: param._load_init(mx.nd.zeros((2, 4))),
        lambda: param._load_init(mx.nd.zeros((2, 3), dtype="float64")),
    ):
        with pytest.raises((ValueError, TypeError)):
            change()
    assert (param.shape, param.dtype, param.grad_req) == ((2, 3), np.float32, "write")
    assert param.data().asnumpy().all()


def test_error_before_initialize():
    with pytest.raises(RuntimeError) as caught:
        Parameter("weight", shape=(2, 0), allow_deferred_init=True).data()
    assert not isinstance(caught.value, DeferredInitializationError)
    text = str(caught.value)
    assert "Parameter 'weight' has not been initialized" in text
    assert "axis 1 unknown" in text
    assert "initialize() was not called" in text and "net.initialize()" in text


def test_error_while_deferred():
    for ask in (Parameter.data, Parameter.grad, Parameter.list_data, Parameter.list_grad):
        with pytest.raises(DeferredInitializationError) as caught:
            ask(deferred((0, 3, 0), mx.init.Normal(0.5)))
        text = str(caught.value)
        assert "'weight' has not been initialized yet because initialization was deferred" in text
        assert "its shape is (0, 3, 0), axes 0 and 2 unknown" in text
        assert "initialize() was called, with Normal(sigma=0.5)" in text
        assert "dry_run" in text and "in_units" in text


class Layer:
    """What a parameter asks its layer."""

    has_run = False

    def __init__(self, param):
        param.adopt(self.tell_place)

    def tell_place(self, param):
        return Place(
            path="features.0.weight",
            layer="Dense(None -> 2, linear)",
            has_run=self.has_run,
            listed=True,
            is_own=False,
        )


def test_error_names_the_layer():
    param = deferred()
    layer = Layer(param)
    with pytest.raises(DeferredInitializationError) as caught:
        param.data()
    assert "It is features.0.weight of the layer Dense(None -> 2, linear)." in str(caught.value)
    assert "never reached" not in str(caught.value)
    layer.has_run = True
    with pytest.raises(DeferredInitializationError, match="ran forward, but never reached this"):
        param.data()
    del layer
    with pytest.raises(DeferredInitializationError) as caught:
        param.data()
    assert "layer Dense" not in str(caught.value)


def test_state_and_why():
    param = Parameter("weight", shape=(0, 3, 0), allow_deferred_init=True, init="ones")
    assert (param.state, param.why) == ("declared", "axes 0 and 2 unknown until the first input")
    assert param.remembered_init == "ones"
    param.initialize(mx.init.Zero())
    assert param.remembered_init == mx.init.Zero()
    param.settle((2, 3, 4), "inferred from the first input (5, 4)")
    assert (param.state, param.why) == ("deferred", "inferred from the first input (5, 4)")
    param._finish_deferred_init()
    assert (param.state, param.remembered_init) == ("live", mx.init.Zero())
    assert Parameter("weight").why == "whole shape unknown until the first input"
    assert Parameter("weight", shape=2).why == "given"


# ---- copies ------------------------------------------------------------------------------------

COPIES = [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]


@pytest.mark.parametrize("duplicate", COPIES, ids=["deepcopy", "pickle"])
def test_copy_of_a_live_parameter(duplicate, face):
    param = live(grad_req="add", lr_mult=0.5)
    twin = duplicate(param)
    assert twin.data() is not param.data() and type(twin.data()) is type(param.data())
    assert np.array_equal(twin.data().asnumpy(), param.data().asnumpy())
    assert (twin.grad_req, twin.lr_mult, twin.state) == ("add", 0.5, "live")
    before = param.data().asnumpy()
    twin.data()[:] = 0
    assert np.array_equal(param.data().asnumpy(), before)
    backward(twin, 2)
    assert twin.grad().asnumpy().tolist() == [[2, 2, 2]] * 2
    assert not param.grad().asnumpy().any()


@pytest.mark.parametrize("duplicate", COPIES, ids=["deepcopy", "pickle"])
def test_copy_of_a_parameter_that_is_not_live(duplicate):
    declared = duplicate(Parameter("weight", shape=(2, 0)))
    assert (declared.state, declared.shape) == ("declared", (2, 0))
    param = deferred(init=mx.init.Constant(4))
    twin = duplicate(param)
    twin.shape = (2, 1)
    twin._finish_deferred_init()
    assert twin.data().asnumpy().tolist() == [[4], [4]]
    assert (param.state, param.shape) == ("deferred", (2, 0))


def test_copies_keep_sharing():
    param = live()
    one, two = copy.deepcopy([param, param])
    assert one is two is not param


# ---- Constant ----------------------------------------------------------------------------------


def test_constant(face):
    const = Constant("const", [[1, 2], [3, 4]])
    const.initialize()
    assert const.data().asnumpy().tolist() == [[1, 2], [3, 4]]
    assert type(const.data()) is type(const.value)
    const.set_data(face.zeros((2, 2)))
    assert not const.data().asnumpy().any() and const.value.asnumpy().all()
    with pytest.warns(UserWarning, match='"const" does not support grad_req'):
        const.grad_req = "write"
    assert const.grad_req == "null"
    with pytest.raises(RuntimeError, match="grad_req='null'"):
        const.grad()
    assert copy.deepcopy(const).state == "live"


# ---- ParameterDict -----------------------------------------------------------------------------


def some():
    params = ParameterDict("net_")
    params.get("weight", shape=(2, 0), allow_deferred_init=True)
    params.get("bias", shape=(2,), init="ones")
    return params


def test_get_finds_shares_and_fills_in():
    params = some()
    weight = params["net_weight"]
    assert params.get("weight", shape=(0, 3), dtype="float32") is weight
    assert weight.shape == (2, 3)
    assert params.get("weight", init="zeros").init == "zeros"
    shared = ParameterDict("net_", shared=params)
    assert shared.get("weight") is weight and list(shared) == ["net_weight"]
    assert ParameterDict("other_", shared=params).get("weight") is not weight


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"shape": (3, 3)}, r"'shape': desired '\(3, 3\)' vs stored '\(2, 0\)'"),
        ({"shape": (2,)}, "'shape'"),
        ({"shape": (2, 3), "dtype": "float64"}, "'dtype': desired 'float64'"),
        ({"shape": (2, 3), "lr_mult": 2}, "'lr_mult': desired '2' vs stored '1.0'"),
        ({"grad_req": "null"}, "'grad_req'"),
    ],
)
def test_get_refuses_what_does_not_agree(asked, message):
    params = some()
    with pytest.raises(AssertionError, match=f"Cannot retrieve Parameter 'net_weight'.*{message}"):
        params.get("weight", **asked)
    assert params["net_weight"].shape == (2, 0)


def test_get_refuses_unknown_arguments():
    with pytest.raises(TypeError, match="size"):
        some().get("weight", size=3)


def test_get_constant():
    params = some()
    const = params.get_constant("const", [1, 2])
    assert params.get_constant("const") is const
    for same in ([1, 2], np.array([1, 2]), mx.nd.array([1, 2])):
        assert params.get_constant("const", same) is const
    with pytest.raises(AssertionError, match="doesn't match new value"):
        params.get_constant("const", [1, 3])
    with pytest.raises(AssertionError, match="it is not a constant"):
        params.get_constant("bias", [1, 2])
    with pytest.raises(KeyError, match="No constant named 'net_other'"):
        params.get_constant("other")


def test_update_takes_all_or_nothing():
    params, other = some(), ParameterDict()
    extra = other.get("extra")
    other._params["net_bias"] = Parameter("net_bias")
    with pytest.raises(AssertionError, match="same name 'net_bias'"):
        params.update(other)
    assert "extra" not in params
    params.update({"extra": extra})
    assert params["extra"] is extra


def test_dict_applies_to_all():
    params = ParameterDict("net_")
    weight, bias = params.get("weight", shape=(2,)), params.get("bias", shape=(2,), init="ones")
    params.initialize("zeros")
    assert bias.data().asnumpy().all() and not weight.data().asnumpy().any()
    backward(weight)
    params.zero_grad()
    assert not weight.grad().asnumpy().any()
    assert params.list_ctx() == [mx.cpu(0)]
    params.reset_ctx(mx.cpu())
    params.setattr("grad_req", "null")
    assert [param.grad_req for param in params.values()] == ["null", "null"]
    params.initialize(mx.init.Constant(3), force_reinit=True)
    assert weight.data().asnumpy().tolist() == [3, 3]
    assert bias.data().asnumpy().tolist() == [1, 1]


def test_verbose_initialize_logs(caplog):
    params = some()
    with caplog.at_level("INFO"):
        params.initialize(verbose=True)
        params["net_weight"].shape = (2, 3)
        params["net_weight"]._finish_deferred_init()
    assert "Initialized net_bias as ones: 1.0" in caplog.text
    assert "Initialized net_weight as Uniform(scale=0.07): 0.0" in caplog.text


def test_save_and_load(tmp_path, face):
    path, params = str(tmp_path / "a.params"), some()
    params.initialize()
    params["net_weight"].shape = (2, 3)
    params["net_weight"]._finish_deferred_init()
    params.save(path, strip_prefix="net_")
    fresh = some()
    fresh.load(path, restore_prefix="net_")
    for name, param in fresh.items():
        assert param.state == "live"
        assert np.array_equal(param.data().asnumpy(), params[name].data().asnumpy())
    assert fresh["net_weight"].why == "from loaded values of shape (2, 3)"
    data = fresh["net_weight"].data()
    fresh.load(path, restore_prefix="net_")
    assert fresh["net_weight"].data() is data


def test_saving_leaves_out_what_has_no_values(tmp_path):
    path, params = str(tmp_path / "a.params"), some()
    params.initialize()
    with pytest.warns(UserWarning, match="without the parameters .*: 'net_weight'"):
        params.save(path)
    assert list(mx.nd.load(path)) == ["net_bias"]


def test_load_changes_nothing_when_something_does_not_fit():
    good = {"net_bias": mx.nd.zeros((2,)), "net_weight": mx.nd.zeros((2, 3))}
    cases = [
        (good | {"net_weight": mx.nd.zeros((3, 3))}, {}, r"\(2, 0\) vs saved \(3, 3\)"),
        (good | {"net_weight": mx.nd.zeros((2,))}, {}, "shape incompatible"),
        (good | {"net_weight": mx.nd.zeros((2, 3), dtype="int32")}, {}, "dtype incompatible"),
        ({"net_bias": good["net_bias"]}, {}, "'net_weight' is missing in param_dict"),
        (good | {"more": mx.nd.zeros((1,))}, {}, "'more' loaded from param_dict is not present"),
        (good, {"dtype_source": "x", "cast_dtype": True}, "dtype_source must be"),
        (list(good.values()), {}, "without names"),
    ]
    for values, options, message in cases:
        params = some()
        params.initialize()
        with pytest.raises(AssertionError, match=message):
            params.load_dict(values, **options)
        assert params["net_bias"].data().asnumpy().tolist() == [1, 1]
        assert params["net_weight"].state == "deferred" and params["net_weight"].shape == (2, 0)


def test_load_options():
    params = some()
    values = {"arg:net_bias": mx.nd.zeros((2,), dtype="float64"), "aux:more": mx.nd.zeros((1,))}
    params.load_dict(values, allow_missing=True, ignore_extra=True, cast_dtype=True)
    assert params["net_bias"].data().dtype == np.float32
    params.load_dict(
        values, allow_missing=True, ignore_extra=True, cast_dtype=True, dtype_source="saved"
    )
    assert params["net_bias"].data().dtype == np.float64
    assert params["net_weight"].state == "declared"


def test_a_shared_parameter_needs_a_value_under_one_of_its_names():
    param = Parameter("weight")
    names = {"0.weight": param, "1.weight": param}
    load_arrays(names, {"1.weight": mx.nd.ones((2,))}, "a file")
    assert param.data().asnumpy().tolist() == [1, 1]


def test_no_warning_on_the_way():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        params = ParameterDict("net_")
        params.get("weight", shape=(2, 3))
        params.initialize()
        params.initialize(force_reinit=True)
