"""Recording, gradient requests, the graph's life, and what is refused."""

import gc
import subprocess
import sys
import threading

import numpy
import pytest

from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import MXNetError, ShapeError
from microlazy.core.ops import nn
from microlazy.core.storage import empty_cache, memory_info
from microlazy.gluon.nn import HybridLambda


def leaf(values, grad_req="write", face=nd):
    x = face.array(values)
    x.attach_grad(grad_req)
    return x


def gradient(x):
    return x.grad.asnumpy().tolist()


# ---- scopes ------------------------------------------------------------------------------------


def state():
    return autograd.is_recording(), autograd.is_training()


def test_scopes_nest_and_put_back_what_was():
    assert state() == (False, False)
    with autograd.record():
        assert state() == (True, True)
        with autograd.pause():
            assert state() == (False, False)
            with autograd.record(train_mode=False):
                assert state() == (True, False)
                with autograd.train_mode():
                    assert state() == (True, True)
                assert state() == (True, False)
            with autograd.pause(train_mode=True):
                assert state() == (False, True)
            assert state() == (False, False)
        with autograd.predict_mode():
            assert state() == (True, False)
        assert state() == (True, True)
    with autograd.train_mode():
        assert state() == (False, True)
    assert state() == (False, False)


@pytest.mark.parametrize(
    "scope", [autograd.record, autograd.pause, autograd.train_mode, autograd.predict_mode]
)
def test_an_exception_puts_back_what_was(scope):
    for outer, expected in ((autograd.record, (True, True)), (autograd.pause, (False, False))):
        with outer():
            with pytest.raises(KeyError), scope():
                raise KeyError("inside")
            assert state() == expected
    assert state() == (False, False)


def test_a_scope_can_be_used_again_and_decorate():
    scope = autograd.record()
    for _ in range(2):
        with scope:
            assert autograd.is_recording()
        assert not autograd.is_recording()

    @autograd.record()
    def function(value, other=1):
        """Said."""
        return value, other, autograd.is_recording()

    assert function(1, other=2) == (1, 2, True)
    assert function.__doc__ == "Said."
    assert not autograd.is_recording()


def test_set_recording_and_set_training_return_what_was():
    assert autograd.set_recording(True) is False
    assert autograd.set_training(True) is False
    try:
        assert state() == (True, True)
    finally:
        assert autograd.set_training(False) is True
        assert autograd.set_recording(False) is True
    assert state() == (False, False)


def test_each_thread_has_its_own_state():
    seen, barrier = {}, threading.Barrier(2)

    def work(name, scope):
        seen[name, "before"] = state()
        with scope:
            barrier.wait()
            seen[name, "inside"] = state()
            barrier.wait()
        seen[name, "after"] = state()

    with autograd.record():
        threads = [
            threading.Thread(target=work, args=("a", autograd.record())),
            threading.Thread(target=work, args=("b", autograd.train_mode())),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert state() == (True, True)
    assert seen["a", "inside"] == (True, True)
    assert seen["b", "inside"] == (False, True)
    for name in "ab":
        assert seen[name, "before"] == seen[name, "after"] == (False, False)


def test_threads_go_back_at_the_same_time():
    wrong = []

    def work(scale):
        try:
            for _ in range(200):
                x = leaf([scale, 2 * scale])
                with autograd.record():
                    y = x
                    for _ in range(10):
                        y = y * x + x
                y.backward()
                with autograd.record():
                    z = x * x
                z.backward()
                if gradient(x) != [2 * scale, 4 * scale]:
                    wrong.append(scale)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- requests ----------------------------------------------------------------------------------


def test_write_replaces_add_accumulates_null_wants_none():
    write, add, null = leaf([1, 2]), leaf([1, 2], "add"), leaf([1, 2], "null")
    for _ in range(3):
        with autograd.record():
            y = write * 2 + add * 3 + null * 4
        y.backward()
    assert gradient(write) == [2, 2]
    assert gradient(add) == [9, 9]
    assert gradient(null) == [0, 0]
    assert (write.grad_req, add.grad_req, null.grad_req) == ("write", "add", "null")


def test_nothing_is_recorded_for_null():
    x = leaf([1, 2], "null")
    with autograd.record():
        y = x * 2
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        y.backward()


def test_gradients_before_a_backward_pass():
    x = nd.array([1, 2])
    assert x.grad is None
    assert x.grad_req is None
    x.attach_grad()
    assert gradient(x) == [0, 0]
    assert not x.fresh_grad


def test_fresh_grad_tells_that_a_pass_wrote():
    x = leaf([1, 2])
    for _ in range(2):
        with autograd.record():
            y = x * 2
        y.backward()
        assert x.fresh_grad
        x.fresh_grad = False
        assert not x.fresh_grad


def test_zero_grad_and_a_new_attach_grad():
    x = leaf([1, 2], "add")
    with autograd.record():
        y = x * 2
    y.backward()
    x.zero_grad()
    assert gradient(x) == [0, 0]
    with autograd.record():
        y = x * 2
    y.backward()
    x.attach_grad("add")
    assert gradient(x) == [0, 0]


def test_the_gradient_array_stays_the_same_one():
    x = leaf([1, 2])
    grad = x.grad
    for factor in (2, 3):
        with autograd.record():
            y = x * factor
        y.backward()
        assert x.grad is grad
        assert grad.asnumpy().tolist() == [factor, factor]


def test_unused_arrays_keep_their_gradient():
    x, y = leaf([1, 2]), leaf([1, 2])
    with autograd.record():
        z = x * y
    z.backward()
    with autograd.record():
        z = x * 5
    z.backward()
    assert gradient(x) == [5, 5]
    assert gradient(y) == [1, 2]


def test_an_array_used_many_times_sums_its_gradients():
    x = leaf([2, 3])
    with autograd.record():
        y = x * x + x * x * x + x
    y.backward()
    assert gradient(x) == [2 * 2 + 3 * 4 + 1, 2 * 3 + 3 * 9 + 1]


@pytest.mark.parametrize("face", [nd, np])
def test_gradients_have_the_face_and_dtype_of_their_array(face):
    for dtype in ("float32", "float64", "float16"):
        x = face.array([1, 2], dtype=dtype)
        x.attach_grad()
        with autograd.record():
            y = x * x
        y.backward()
        assert type(x.grad) is type(x)
        assert x.grad.dtype == numpy.dtype(dtype)


# ---- heads -------------------------------------------------------------------------------------


def test_head_gradients():
    x = leaf([1, 2, 3])
    with autograd.record():
        y = x * x
    y.backward(nd.array([10, 0, 1]))
    assert gradient(x) == [20, 0, 6]


def test_several_heads():
    x, y = leaf([1, 2]), leaf([3, 4])
    with autograd.record():
        a = x * y
        b = a * 2
        c = y * 5
    autograd.backward([a, b, c], [nd.array([1, 1]), None, nd.array([0, 100])])
    assert gradient(x) == [9, 12]
    assert gradient(y) == [3, 6 + 500]


def test_one_head_given_twice_counts_twice():
    x = leaf([1, 2])
    with autograd.record():
        y = x * 3
    autograd.backward([y, y], [nd.array([1, 1]), nd.array([10, 20])])
    assert gradient(x) == [33, 63]


def test_a_head_inside_anothers_graph():
    x = leaf([1, 2])
    with autograd.record():
        y = x * 3
        z = y * y
    autograd.backward([z, y])
    assert gradient(x) == [2 * 3 * 3 + 3, 2 * 6 * 3 + 3]


@pytest.mark.parametrize("shape", [(3,), (1, 2), (2, 1), (1,), (0,)])
def test_a_head_gradient_of_the_wrong_shape_is_refused(shape):
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
    with pytest.raises(ShapeError) as caught:
        y.backward(nd.ones(shape))
    assert str(shape) in str(caught.value)
    assert "(2,)" in str(caught.value)
    y.backward()
    assert gradient(x) == [2, 4]


def test_a_wrong_second_head_gradient_changes_nothing():
    x = leaf([1, 2])
    with autograd.record():
        y, z = x * x, x * 3
    with pytest.raises(ShapeError):
        autograd.backward([y, z], [nd.ones((2,)), nd.ones((3,))])
    assert gradient(x) == [0, 0]
    autograd.backward([y, z])
    assert gradient(x) == [5, 7]


def test_head_gradients_must_be_arrays_and_as_many():
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
    with pytest.raises(TypeError, match="head gradient"):
        y.backward([1, 1])
    with pytest.raises(ValueError, match="1 heads"):
        autograd.backward([y], [None, None])
    with pytest.raises(TypeError, match="heads"):
        autograd.backward([y, 5])
    y.backward()
    assert gradient(x) == [2, 4]


def test_head_gradients_are_not_changed():
    x, head = leaf([1, 2]), nd.ones((2,))
    with autograd.record():
        y = x + x
        z = y * 2 + y
    autograd.backward([y, z], [head, head])
    assert head.asnumpy().tolist() == [1, 1]


HANDED_BACK = {
    "the array": lambda x: x,
    "x[:]": lambda x: x[:],
    "+x": lambda x: +x,
    "reshape": lambda x: x.reshape(x.shape),
    "astype": lambda x: x.astype(x.dtype, copy=False),
    "dropout": lambda x: nd.Dropout(x, p=0.5),
    "Dropout": lambda x: gluon.nn.Dropout(0.5)(x),
    "context": lambda x: x.as_in_context(x.ctx),
}


@pytest.mark.parametrize("name", HANDED_BACK)
@pytest.mark.parametrize("grad_req", ["write", "add"])
def test_an_array_handed_back_has_the_gradient_of_itself(name, grad_req):
    x = leaf([1, 2], grad_req)
    for n in (1, 2):
        with autograd.record(train_mode=False):
            y = HANDED_BACK[name](x)
        y.backward(nd.array([3, 4]))
        assert gradient(x) == ([3 * n, 4 * n] if grad_req == "add" else [3, 4])
    x.zero_grad()
    with autograd.record(train_mode=False):
        y = HANDED_BACK[name](x)
        z = x * x
    autograd.backward([y, z], [None, nd.array([10, 20])])
    assert gradient(x) == [21, 81]
    with autograd.record(train_mode=False):
        y = HANDED_BACK[name](x)
    assert autograd.grad(y, x)[0].asnumpy().tolist() == [1, 1]
    with autograd.record(train_mode=False):
        y = HANDED_BACK[name](x)
        (slope,) = autograd.grad([y, x * x], [x], create_graph=True)
    assert slope.asnumpy().tolist() == [3, 5]
    x.zero_grad()
    slope.backward()
    assert gradient(x) == [2, 2]


def test_an_array_whose_gradient_is_not_wanted_is_refused_as_a_head():
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        leaf([1, 2], "null").backward()


# ---- the graph's life --------------------------------------------------------------------------


def test_a_second_backward_is_refused():
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
        z = y * 2
    z.backward()
    for head in (z, y):
        with pytest.raises(MXNetError, match="retain_graph=True"):
            head.backward()
    assert gradient(x) == [4, 8]


def test_retain_graph_allows_another():
    x = leaf([1, 2], "add")
    with autograd.record():
        y = x * x
    for n in (1, 2):
        y.backward(retain_graph=True)
        assert gradient(x) == [2 * n, 4 * n]
    y.backward()
    with pytest.raises(MXNetError, match="retain_graph"):
        y.backward()


def test_a_graph_partly_used_is_refused_where_it_was_used():
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
        a, b = y * 2, y * 3
    a.backward()
    with pytest.raises(MXNetError, match="retain_graph"):
        b.backward()


CUT = "used and freed by an earlier backward pass, so the array counts as a constant"


class TwoResults(autograd.Function):
    def forward(self, x):
        return x * 2, x * 3

    def backward(self, da, db):
        return da * 2 + db * 3


def two_results_of_a_plan():
    class Net(gluon.HybridBlock):
        def forward(self, x):
            return x * 2, x * 3

    net = Net()
    net.hybridize()
    return net


@pytest.mark.parametrize(
    "first",
    [
        lambda x: (x * 2, None),
        lambda x: TwoResults()(x),
        lambda x: two_results_of_a_plan()(x),
        lambda x: np.split(np.concatenate([x * 2, x * 3]), 2),
    ],
    ids=["one result", "function", "plan", "views"],
)
def test_what_a_used_graph_computed_is_a_constant_later(first):
    """As in MXNet: its book's language models carry a state on and drop what detach() returns."""
    x, w = (a.as_np_ndarray() for a in (leaf([1.0, 2.0]), leaf([5.0, 6.0])))
    x.attach_grad()
    w.attach_grad()
    with autograd.record():
        loss, state = first(x)
        if state is None:
            state = loss
    loss.backward()
    x.grad[:] = 7
    with autograd.record():
        z = (state * w).reshape(-1) * 3
    with pytest.warns(UserWarning, match=CUT):
        z.backward()
    assert w.grad.tolist() == (3 * state).tolist()
    assert x.grad.tolist() == [7, 7]
    with autograd.record():
        z = state * w
    with pytest.warns(UserWarning, match=CUT):
        assert autograd.grad(z, [w], create_graph=True)[0].tolist() == state.tolist()
    with autograd.record():
        z = state * 3
    with pytest.raises(MXNetError, match="already used"):  # there is nothing else behind it
        z.backward()


def test_what_was_computed_before_the_graph_was_used_is_no_constant():
    x, w = leaf([1, 2]), leaf([3, 4])
    with autograd.record():
        y = x * 2
        z, q = y * w, y + w
    y.backward()
    with autograd.record():
        u = q * w  # q leads to y, and was there before
    for head in (z, u):
        with pytest.raises(MXNetError, match="already used"):
            head.backward()
    assert w.grad.asnumpy().tolist() == [0, 0]


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_recurrent_state_carried_over_a_used_graph(kind, hybrid):
    layer = getattr(gluon.rnn, kind)(4, num_layers=2, input_size=3)
    layer.initialize()
    if hybrid:
        layer.hybridize()
    x = nd.ones((5, 2, 3))
    for detached in (True, False):
        state = layer.begin_state(batch_size=2)
        gradients = []
        for step in range(2):
            if detached:
                state = [s.detach() for s in state]
            with autograd.record():
                y, state = layer(x, state)
                loss = (y * y).sum()
            if step and not detached:
                with pytest.warns(UserWarning, match=CUT):
                    loss.backward()
            else:
                loss.backward()
            gradients.append([p.grad().asnumpy() for p in layer.collect_params().values()])
        if detached:
            expected = gradients
    for got, right in zip(gradients[1], expected[1], strict=True):
        assert (got == right).all()


@pytest.mark.parametrize("make", [lambda x: x * 2, lambda x: nd.zeros((2,))])
def test_backward_of_what_was_not_recorded_is_refused(make):
    x = leaf([1, 2])
    y = make(x)
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        y.backward()
    assert gradient(x) == [0, 0]


def test_what_is_computed_under_pause_is_constant():
    x = leaf([1, 2])
    with autograd.record():
        with autograd.pause():
            factor = x * 10
        y = x * factor
    y.backward()
    assert gradient(x) == [10, 20]


def test_detach():
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
        z = x * y.detach()
    z.backward()
    assert gradient(x) == [1, 4]
    other = x.detach()
    assert other is not x
    assert other.grad is None
    other[:] = 7
    assert x.asnumpy().tolist() == [7, 7]


def test_attach_grad_in_the_middle_cuts_the_graph():
    x = leaf([1, 2])
    with autograd.record():
        y = x * 2
        y.attach_grad()
        z = y * y
    z.backward()
    assert gradient(y) == [4, 8]
    assert gradient(x) == [0, 0]


def test_integers_have_no_graph():
    x = leaf([1.5, 2.5])
    with autograd.record():
        y = x.astype("int32").astype("float32") * x
    y.backward()
    assert gradient(x) == [1, 2]


def test_comparisons_have_gradient_zero():
    x = leaf([1, 3])
    with autograd.record():
        y = (x > 2) * x
    y.backward()
    assert gradient(x) == [0, 1]


def test_infinity_and_nan_go_through():
    x = leaf([0, 1])
    with autograd.record():
        y = 1 / x + nd.log(x * 0)
    y.backward()
    assert gradient(x)[0] == -numpy.inf or numpy.isnan(gradient(x)[0])
    with autograd.record():
        y = x / 0
    y.backward()
    assert gradient(x) == [numpy.inf, numpy.inf]


def test_the_middle_of_the_tape_may_be_dropped():
    x = leaf([1, 2])
    with autograd.record():
        kept = x * 2
        dropped = [kept * n for n in range(10)]
        del dropped[::2]
        y = kept * 3
    del dropped
    y.backward()
    assert gradient(x) == [6, 6]


def test_interleaved_graphs():
    x, y = leaf([1, 2]), leaf([3, 4])
    with autograd.record():
        a = x * 2
        b = y * 3
        c = a * a
        d = b * b
    d.backward()
    c.backward()
    assert gradient(x) == [8, 16]
    assert gradient(y) == [54, 72]


def test_backward_while_recording():
    x = leaf([1, 2], "add")
    with autograd.record():
        y = x * x
        y.backward()
        assert state() == (True, True)
        z = x * 3
        z.backward()
    assert gradient(x) == [5, 7]


# ---- changes in place --------------------------------------------------------------------------

CHANGES = {
    "+=": lambda x: x.__iadd__(1),
    "*=": lambda x: x.__imul__(x),
    "x[:] =": lambda x: x.__setitem__(slice(None), 5),
    "x[0] =": lambda x: x.__setitem__(0, 5),
    "x[:] = array": lambda x: x.__setitem__(slice(None), nd.ones((2,))),
    "x[[0]] =": lambda x: x.__setitem__([0], 5),
    "out=": lambda x: nd.exp(nd.ones((2,)), out=x),
    "copyto": lambda x: nd.ones((2,)).copyto(x),
    "uniform(out=)": lambda x: nd.random.uniform(out=x),
    "a view": lambda x: x[0:1].__setitem__(slice(None), 5),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_in_place_of_a_leaf_are_refused_while_recording(name):
    x = leaf([1, 2])
    with autograd.record():
        y = x * 2
        before = x.asnumpy()
        with pytest.raises(MXNetError, match="in-place"):
            CHANGES[name](x)
        assert (x.asnumpy() == before).all()
    y.backward()
    assert gradient(x) == [2, 2]


PASSED = {"+=": 1, "*=": None, "x[0] =": [0, 1], "x[[0]] =": [0, 1], "a view": [0, 1]}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_in_place_of_a_result_while_recording_take_their_place_in_the_graph(name):
    """What was overwritten has no gradient; what used the old values without need keeps its own."""
    x = leaf([1, 2])
    with autograd.record():
        y = x * 2
        z = y + 1
        CHANGES[name](y)
        total = z + y * 10
    total.backward()
    kept = PASSED.get(name, 0)
    passed = [40, 80] if kept is None else [10 * kept] * 2 if kept in (0, 1) else [0, 10]
    assert gradient(x) == [2 + 2 * p for p in passed]


@pytest.mark.parametrize("name", CHANGES)
def test_changes_in_place_of_what_backward_needs_are_found(name):
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
    CHANGES[name](x)
    with pytest.raises(MXNetError, match="changed in place"):
        y.backward()
    with autograd.record():
        y = x * x
    y.backward()
    assert gradient(x) == (2 * x).asnumpy().tolist()


@pytest.mark.parametrize("name", CHANGES)
def test_changes_in_place_of_what_backward_does_not_need_are_fine(name):
    x = leaf([1, 2])
    with autograd.record():
        y = x + x
    CHANGES[name](x)
    y.backward()
    assert gradient(x) == [2, 2]


RESULTS = {
    "exp": nd.exp,
    "sqrt": nd.sqrt,
    "tanh": nd.tanh,
    "sigmoid": nd.sigmoid,
    "reciprocal": nd.reciprocal,
    "rsqrt": nd.rsqrt,
    "expm1": nd.expm1,
    "softmax": nd.softmax,
    "log_softmax": nd.log_softmax,
    "dense and relu": lambda x: nn.fully_connected(x, nd.ones((2, 1)), act_type="relu"),
    "max": lambda x: x.max(axis=0),
    "min": lambda x: x.min(axis=0),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_changed_in_place_is_found_or_does_not_matter(name):
    x = leaf([1, 2])
    with autograd.record():
        y = RESULTS[name](x)
    y.backward()
    expected = gradient(x)
    with autograd.record():
        y = RESULTS[name](x)
    y[:] = 0.25
    try:
        y.backward()
    except MXNetError as error:
        assert "changed in place" in str(error)
    else:
        assert gradient(x) == expected


@pytest.mark.parametrize("make", [np.array, numpy.array])
def test_an_index_changed_in_place_is_found_or_does_not_matter(make):
    x, index = leaf([1, 2, 3], face=np), make([0, 1], dtype="int64")
    with autograd.record():
        y = x[index] * 1
    index[:] = 2
    try:
        y.backward()
    except MXNetError as error:
        assert "changed in place" in str(error)
    else:
        assert gradient(x) == [1, 1, 0]


def test_pause_allows_changes_in_place():
    x = leaf([1, 2])
    with autograd.record():
        with autograd.pause():
            x += 1
        y = x * x
    y.backward()
    assert gradient(x) == [4, 6]


def test_a_refused_change_does_not_count_as_one():
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
    for change in (
        lambda: x.__setitem__(slice(None), nd.ones((5,))),
        lambda: x.__setitem__(0, "text"),
        lambda: x.__setitem__(9, 1),
        lambda: x.__setitem__([7], 1),
        lambda: x.__setitem__([0, 1], nd.ones((3,))),
        lambda: x.__iadd__(nd.ones((3,))),
        lambda: x.__iadd__(nd.ones((2,), dtype="int32")),
        lambda: nd.ones((3,)).copyto(x),
        lambda: nd.exp(nd.ones((3,)), out=x),
        lambda: nd.random.uniform(5, 4, out=x),
    ):
        with pytest.raises((MXNetError, ValueError, TypeError, IndexError)):
            change()
    assert x.asnumpy().tolist() == [1, 2]
    y.backward()
    assert gradient(x) == [2, 4]


def test_attached_arrays_keep_their_gradient_through_changes():
    x = leaf([1, 2])
    grad = x.grad
    x += 1
    x[:] = 3
    nd.exp(nd.zeros((2,)), out=x)
    nd.random.uniform(out=x)
    nd.ones((2,)).copyto(x)
    assert x.grad is grad


def test_assignment_under_record():
    x, y = leaf([1, 2]), nd.zeros((2,))
    with autograd.record():
        y[:] = x
        z = y * 3
    z.backward()
    assert gradient(x) == [3, 3]
    y = nd.ones((3,))
    with autograd.record():
        y[1:] = x * 2
        z = y * nd.array([10, 20, 30])
    z.backward()
    assert y.asnumpy().tolist() == [1, 2, 4]
    assert gradient(x) == [40, 60]


@pytest.mark.parametrize("key", [1, slice(0, 2), [0, 2], (slice(None), 0), slice(None, None, -1)])
def test_assignment_under_record_by_any_key(key):
    values = numpy.zeros((3, 2), "float32")
    part = numpy.ones_like(values[key])
    x, y = leaf(part, face=np), np.array(values)
    weights = numpy.arange(6, dtype="float32").reshape(3, 2)
    with autograd.record():
        y[key] = x
        z = y * np.array(weights)
    z.backward()
    assert gradient(x) == weights[key].tolist()


def test_a_broadcast_assignment_sums_its_gradient():
    x, y = leaf([2]), nd.zeros((2, 3))
    with autograd.record():
        y[:] = x
        z = y * 1
    z.backward()
    assert gradient(x) == [6]


def test_a_recorded_assignment_takes_no_memory_of_the_whole_array():
    x, y = leaf([2]), nd.zeros((1000, 777))
    empty_cache()
    before = memory_info()["allocated"]
    with autograd.record():
        y[0] = x
    assert memory_info()["allocated"] - before < y.size


def test_adding_in_place_under_record_to_a_constant():
    x, y = leaf([1, 2]), nd.ones((2,))
    with autograd.record():
        y += x * x
        z = y * 2
    z.backward()
    assert y.asnumpy().tolist() == [2, 5]
    assert gradient(x) == [4, 8]


IN_PLACE = {
    "arithmetic": lambda y, x: change(y, x),
    "an element": lambda y, x: change_part(y, 0, x[1:2].reshape(())),
    "a row by another": lambda y, x: change_part(y, slice(0, 2), x[2:4]),
    "a row by its neighbour": lambda y, x: add_to_part(y, slice(0, 2), y[2:4]),
    "reversed": lambda y, x: change_part(y, slice(None, None, -1), x),
    "a mask": lambda y, x: change_part(y, numpy.array([True, False, True, False]), x[:2]),
    "places": lambda y, x: change_part(y, [3, 1], x[:2]),
    "a view": lambda y, x: change(y[1:3], x[:2]),
    "a view of a view": lambda y, x: change(y.reshape(2, 2)[1], x[:2]),
    "out=": lambda y, x: np.add(y, np.sin(x), out=y),
    "copyto": lambda y, x: np.sin(x).copyto(y),
    "a loop": lambda y, x: [y.__setitem__(i, y[i - 1] * 0.5 + y[i] + x[i]) for i in range(1, 4)],
    "a loop over all": lambda y, x: [y.__setitem__(slice(None), y * 0.5 + x) for _ in range(5)],
    "by itself": lambda y, x: y.__imul__(y),
    "a number": lambda y, x: y.__ipow__(2),
}


def change(y, x):
    y += x
    y *= 3
    y -= 0.5 * x
    y *= x
    y /= 2
    y **= 2


def change_part(y, key, x):
    add_to_part(y, key, x)
    y[key] *= x


def add_to_part(y, key, x):
    y[key] += x
    y[key] = y[key] * 2 + x


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_arithmetic_in_place(name, order):
    """Against central differences of the same code, which is not recorded there."""

    def function(x):
        y = np.sin(x) * 1 if autograd.is_recording() else np.sin(x)
        before = y + 1
        IN_PLACE[name](y, x)
        return (before * y).sum()

    values = numpy.array([0.3, 0.7, 1.1, 1.7])
    x = np.array(values, dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = function(x)
        if order == 2:
            y = (autograd.grad(y, x, create_graph=True)[0] ** 2).sum()
    y.backward()

    def value(v):
        array = np.array(v, dtype="float64")
        if order == 1:
            return function(array).item()
        array.attach_grad()
        with autograd.record():
            y = function(array)
        y.backward()
        return float((array.grad.asnumpy() ** 2).sum())

    step = 1e-6
    for i in range(4):
        sides = [value(values + step * sign * numpy.eye(4)[i]) for sign in (1, -1)]
        expected = (sides[0] - sides[1]) / (2 * step)
        assert abs(x.grad[i].item() - expected) < 1e-5 * max(1, abs(expected))


STALE = {
    "multiply": lambda y: y * y,
    "sin": np.sin,
    "arctan": np.arctan,
    "numpy:gammaln": npx.gammaln,
}


@pytest.mark.parametrize("recording", [True, False])
@pytest.mark.parametrize("name", STALE)
def test_old_values_that_a_gradient_needs_are_refused_with_op_and_line(name, recording):
    x = leaf([1, 2], face=np)
    with autograd.record():
        y = x * 2
        z = STALE[name](y)
        with autograd.record() if recording else autograd.pause():
            line = sys._getframe().f_lineno + 1
            y += 1
    with pytest.raises(MXNetError, match=rf"{name} needs.* in place at .*test_autograd.py:{line}"):
        z.backward()
    assert gradient(x) == [0, 0]


def test_a_result_that_its_own_gradient_needs_is_refused_when_it_was_changed():
    x = leaf([1, 2])
    with autograd.record():
        y = nd.exp(x)
        y += 1
    with pytest.raises(MXNetError, match="exp needs.* in place at"):
        y.backward()


def test_a_view_in_use_and_its_base_cannot_be_written_apart():
    x = leaf([1, 2])
    with autograd.record():
        y = x * 2
        part = y[0:1]
        with pytest.raises(MXNetError, match="shares its memory"):
            y += 1
        shared = y.detach()
        with pytest.raises(MXNetError, match="shares its memory"):
            y *= 2
        del shared, part
        y += 1
    y.backward()
    assert gradient(x) == [2, 2]


def test_a_view_that_is_written_gives_its_base_a_place_in_the_graph():
    x = leaf([1, 2, 3])
    with autograd.record():
        y = x * 2
        part = y[0:2]
        part *= x[1:3]
        z = y * 10
    z.backward()
    assert y.asnumpy().tolist() == [4, 12, 6]
    assert gradient(x) == [40, 20 + 60, 40 + 20]


@pytest.mark.parametrize("free", [False, True])
def test_a_state_that_is_written_in_every_step(free):
    w, h = leaf([[1, 2], [3, 4]]), nd.zeros((2, 2))
    for _ in range(3):
        with autograd.record():
            h[:] = nd.dot(w, w)
            y = (h * h).sum()
        y.backward()
        assert gradient(w) == [[158, 274], [266, 482]]  # MXNet's
        if free:
            h[:] = 0
    with autograd.record():
        (h * w).sum().backward() if free else None
        h[:] = 1
        (h * w).sum().backward()
    assert gradient(w) == [[1, 1], [1, 1]]


def test_a_state_behind_detach_keeps_its_old_values_for_the_gradient():
    """MXNet reads the new ones, so its gradient is that of another function."""
    w, h = leaf([[1, 2], [3, 4]]), nd.zeros((2, 2))
    for before in ([[0, 0], [0, 0]], [[1, 2], [3, 4]], [[8, 12], [18, 26]]):
        with autograd.record():
            h[:] = nd.dot(w, h.detach()) + w
        h.backward()
        assert gradient(w) == (1 + numpy.sum(before, 1) * numpy.ones((2, 1))).tolist()


def test_a_buffer_that_was_used_before_it_is_written_keeps_its_old_values():
    x, h = leaf([1, 2]), nd.array([3, 4])
    with autograd.record():
        y = x * h
        z = h + x
        h[:] = x
        total = y + z + h
    total.backward()
    assert gradient(x) == [5, 6]


@pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])
@pytest.mark.parametrize("used", [False, True])
def test_elements_of_a_buffer_outside_of_the_graph_are_added_to(face, used):
    x, h = face.array([1, 2, 3]), face.array([10, 20, 30])
    x.attach_grad()
    for _ in range(2):
        h[:] = face.array([10, 20, 30])
        with autograd.record():
            before = (h * x).sum() if used else 0
            for i in range(3):
                h[i] += x[i] * x[i]
            h[1:] *= x[:2]
            total = before + (h * h).sum()
        assert h.asnumpy().tolist() == [11, 24, 78]
        total.backward()
        # h = (10 + x0^2, (20 + x1^2) x0, (30 + x2^2) x1)
        slopes = [2 * 11 * 2 + 2 * 24 * 24, 2 * 24 * 4 + 2 * 78 * 39, 2 * 78 * 2 * 3 * 2]
        assert gradient(x) == [
            s + (n if used else 0) for s, n in zip(slopes, (10, 20, 30), strict=True)
        ]


def test_a_view_of_a_buffer_is_written_like_the_buffer():
    x, h = leaf([1, 2]), nd.zeros((3, 2))
    with autograd.record():
        part = h[1]
        part += x
        part[0] *= 3
        row = h.reshape((6,))[4:5]
        with pytest.raises(MXNetError, match="shares its memory"):
            row += x[:1]  # the array between them is gone
        del row
        total = (h * nd.array([[1, 1], [10, 100], [1, 1]])).sum() + part.sum()
    assert h.asnumpy().tolist() == [[0, 0], [3, 2], [0, 0]]
    total.backward()
    assert gradient(x) == [33, 101]


def test_a_buffer_with_another_view_in_use_is_not_written_in_parts():
    x, h = leaf([1]), nd.zeros((3,))
    with autograd.record():
        held, part = h[0:1], h[1:2]
        with pytest.raises(MXNetError, match="shares its memory"):
            part += x
        with pytest.raises(MXNetError, match="shares its memory"):
            h[2:3] += x
        del held, part
        h[2:3] += x
    h.backward()
    assert h.asnumpy().tolist() == [0, 0, 1] and gradient(x) == [1]


def test_a_part_that_begins_outside_of_what_was_viewed_is_refused():
    x, whole = leaf([1]), nd.zeros((6,))
    right = whole[3:]
    with autograd.record():
        right[0:1]  # so that the memory knows `right`
        part = whole[2:4]
        with pytest.raises(MXNetError, match="shares its memory"):
            part += x
    assert whole.asnumpy().tolist() == [0] * 6


def test_what_was_viewed_may_be_gone():
    x, h = leaf([1, 2]), nd.zeros((2,))
    with autograd.record():
        part = h[:2].reshape((2,))
        del h
        part += x
    part.backward()
    assert gradient(x) == [1, 1]


def test_a_buffer_that_wants_a_gradient_itself_is_refused():
    x, h = leaf([1, 2]), nd.zeros((2,))
    with autograd.record():
        part = h[0:1]
        h.attach_grad()
        with pytest.raises(MXNetError, match="attach_grad"):
            part += x[:1]


def test_a_long_loop_of_writes_in_place():
    x = leaf([1, 2])
    with autograd.record():
        y = x * 1
        for _ in range(2000):
            y += x
            y[0] = y[1] + x[0]
    y.backward()
    assert gradient(x) == [1, 4002]
    assert y.asnumpy().tolist() == [4003, 4002]


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_blocks_output_can_be_changed_in_place(hybrid):
    net = HybridLambda(lambda F, x: F.tanh(x) * 3 + x)
    if hybrid:
        net.hybridize()
    x = leaf([1, 2])
    for _ in range(3):
        with autograd.record():
            y = net(x)
            y *= 2
            z = net(y)
            z -= y
        z.backward()
        inner = 2 * (3 * numpy.tanh([1, 2]) + [1, 2])
        slope = (3 / numpy.cosh(inner) ** 2) * 2 * (3 / numpy.cosh([1, 2]) ** 2 + 1)
        assert numpy.allclose(gradient(x), slope, rtol=1e-4, atol=1e-6)


# ---- mark_variables and grad -------------------------------------------------------------------


def test_mark_variables():
    x, y = nd.array([1, 2]), nd.array([3, 4])
    gx, gy = nd.zeros((2,)), nd.ones((2,))
    autograd.mark_variables([x, y], [gx, gy], ["write", "add"])
    with autograd.record():
        z = x * y
    z.backward()
    assert x.grad is gx
    assert gx.asnumpy().tolist() == [3, 4]
    assert gy.asnumpy().tolist() == [2, 3]


def test_mark_variables_refuses_what_does_not_fit():
    x, y = nd.array([1, 2]), nd.array([1, 2, 3])
    with pytest.raises(ShapeError):
        autograd.mark_variables([y, x], [nd.zeros((3,)), nd.zeros((3,))])
    with pytest.raises(ValueError, match="2 variables"):
        autograd.mark_variables([x, y], [nd.zeros((2,))])
    with pytest.raises(KeyError, match="sometimes"):
        autograd.mark_variables(x, nd.zeros((2,)), "sometimes")
    with pytest.raises(TypeError):
        autograd.mark_variables([1], [nd.zeros((2,))])
    assert x.grad is None
    assert y.grad is None


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.zeros((2, 3), dtype="int8"),
        lambda x: np.zeros((2, 3), dtype="float64"),
        lambda x: np.zeros((3, 2)).T,
        lambda x: np.from_numpy(numpy.broadcast_to(numpy.float32(0), (2, 3))),
        lambda x: np.zeros((4, 3))[::2],
        lambda x: x,
    ],
    ids=["int8", "float64", "transposed", "read-only", "copied", "itself"],
)
def test_mark_variables_takes_gradients_that_can_be_written(make):
    x = np.ones((2, 3))
    gradients = make(x)
    try:
        autograd.mark_variables(x, gradients)
    except (MXNetError, ValueError, TypeError):
        assert x.grad is None
    else:
        with autograd.record():
            y = x * x
        y.backward()
        assert gradients.tolist() == [[2] * 3] * 2
    assert x.tolist() == [[1] * 3] * 2


def test_grad_returns_gradients_and_writes_none():
    x, y = leaf([1, 2]), leaf([3, 4], "add")
    with autograd.record():
        z = x * y + x
    gx, gy = autograd.grad(z, [x, y], head_grads=nd.array([1, 10]))
    assert gx.asnumpy().tolist() == [4, 50]
    assert gy.asnumpy().tolist() == [1, 20]
    assert gradient(x) == gradient(y) == [0, 0]
    assert not x.fresh_grad
    with pytest.raises(MXNetError, match="retain_graph"):
        z.backward()


def test_grad_of_an_intermediate_result():
    x = leaf([1, 2])
    with autograd.record():
        y = x * 3
        z = y * y
    gy, gx = autograd.grad(z, [y, x], retain_graph=True)
    assert gy.asnumpy().tolist() == [6, 12]
    assert gx.asnumpy().tolist() == [18, 36]
    z.backward()
    assert gradient(x) == [18, 36]
    assert gx.asnumpy().tolist() == [18, 36]


def test_grad_refuses_what_it_cannot_do():
    x, other = leaf([1, 2]), leaf([1, 2])
    with autograd.record():
        y = x * x
    with pytest.raises(ValueError, match="variables"):
        autograd.grad(y, [])
    with pytest.raises(MXNetError):
        autograd.grad(y, nd.ones((2,)))
    with pytest.raises(ShapeError):
        autograd.grad(y, x, head_grads=nd.ones((5,)))
    with pytest.raises(MXNetError, match="does not lead"):
        autograd.grad(y, other, retain_graph=True)
    y.backward()
    assert gradient(x) == [2, 4]
    assert gradient(other) == [0, 0]


# ---- errors and long chains --------------------------------------------------------------------


def test_an_error_under_record_leaves_the_graph_usable():
    x = leaf([1, 2])
    with autograd.record():
        y = x * x
        with pytest.raises(ShapeError):
            y + nd.ones((3,))
        with pytest.raises(ValueError, match="label"):
            nn.softmax_cross_entropy(y, nd.array([5]))
        z = y * 2
    z.backward()
    assert gradient(x) == [4, 8]


def test_an_error_in_backward_leaves_state_as_it_was():
    x, y = leaf([1, 2]), leaf([1, 2])
    with autograd.record(train_mode=False):
        z = (y * y) * x
        with autograd.pause():
            y += 1
        with pytest.raises(MXNetError, match="changed in place"):
            z.backward()
        assert state() == (True, False)
        a = x * 5
    a.backward()
    assert gradient(x) == [5, 5]
    with autograd.record():
        z = y * y
    z.backward()
    assert gradient(y) == [4, 6]


def in_use():
    """Bytes of memory that arrays hold."""
    gc.collect()
    info = memory_info()
    return info["allocated"] - info["cached"]


def use_and_drop(x):
    with autograd.record():
        y = nd.softmax(x * x)
        y + y.sum()


def go_back(x):
    with autograd.record():
        y = nd.Dropout(nd.tanh(x), p=0.5)
    y.backward(retain_graph=True)
    y.backward()


def differentiate(x):
    with autograd.record():
        y = nd.exp(x) * x
    autograd.grad(y, [x, y])


def fail_in_the_middle(x):
    z = leaf([1] * 100)
    with autograd.record():
        y = (z * z) * x
    z += 1
    with pytest.raises(MXNetError):
        y.backward()


def fail_under_record(x):
    with autograd.record(), pytest.raises(ShapeError):
        x * 2 + nd.ones((3,))


def fail_in_forward(x):
    with autograd.record(), pytest.raises(ValueError, match="label"):
        nn.softmax_cross_entropy(x.reshape((1, 100)) * 2, nd.array([100]))


def assign(x):
    y = nd.zeros((100,))
    with autograd.record():
        y[:] = x * 2
        y[10:20].sum().backward()


def plan(x):
    block = HybridLambda(lambda F, x: F.tanh(x) * x)
    block.hybridize()
    for _ in range(3):
        with autograd.record():
            y = block(block(x))
        y.backward()
        with autograd.record():
            block(x)


@pytest.mark.parametrize(
    "use",
    [use_and_drop, go_back, differentiate, fail_in_the_middle, fail_under_record, fail_in_forward,
     assign, plan],
)  # fmt: skip
def test_nothing_is_held_for_longer_than_needed(use):
    x = leaf([1] * 100)
    assert gradient(x) == [0] * 100
    use(x)
    before = in_use()
    for _ in range(3):
        use(x)
    assert in_use() == before


CHAIN = """
from microlazy import autograd, nd
from microlazy.core.ops import nn

x = nd.array([1.0])
x.attach_grad("add")
one, nothing, weight = nd.ones((1,)), nd.zeros((1,)), nd.ones((1, 1))
step = {step}


def build():
    with autograd.record():
        y = x
        for _ in range(100_000):
            y = step(y)
    return y


y = build()
y.backward(retain_graph=True)
del y
y = build()
y.backward()
print(x.grad.asscalar())
"""
STEPS = {
    "numbers": "lambda y: y + 0",
    "left": "lambda y: y * one",
    "right": "lambda y: one * y",
    "bias": "lambda y: nn.fully_connected(nothing, weight, y, flatten=False)",
    "concatenate": "lambda y: nd.concatenate([y])",
    "views": "lambda y: y.reshape((1, 1))[0]",
    "where": "lambda y: nd.where(one, y, one)",
}


@pytest.mark.parametrize("step", STEPS)
def test_chains_of_100_000_nodes_do_not_overflow_the_stack(step):
    script = CHAIN.format(step=STEPS[step])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "2.0"), done.stderr


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_refused_backward_writes_no_gradient(hybrid):
    block = HybridLambda(lambda F, x: F.tanh(x))
    if hybrid:
        block.hybridize()
    x, w = nd.array([1.0, 2.0]), nd.array([3.0, 4.0])
    for array in (x, w):
        array.attach_grad()
    x.grad[:], w.grad[:] = 7, 8
    with autograd.record():
        kept = block(x)
        y = (w + kept).sum()
    kept[:] = 0  # the gradient of x needs it; that of w, which comes first, does not
    with pytest.raises(MXNetError, match="changed in place"):
        y.backward()
    assert x.grad.asnumpy().tolist() == [7, 7] and w.grad.asnumpy().tolist() == [8, 8]
    assert not x.fresh_grad and not w.fresh_grad


def test_a_graph_that_was_used_in_part_is_refused_before_anything_is_written():
    x, w = nd.array([1.0]), nd.array([2.0])
    for array in (x, w):
        array.attach_grad()
    with autograd.record():
        shared = x * x
        first, second = shared * 3, w + shared
    first.backward()
    w.grad[:] = 8
    with pytest.raises(MXNetError, match="retain_graph=True"):
        second.backward()
    assert w.grad.asscalar() == 8 and x.grad.asscalar() == 6


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.arctan, 0.2),
        (npx.gammaln, 0.42278433509846714),
        (lambda x: np.degrees(x), 180 / numpy.pi),
        (lambda x: np.logaddexp(x, x) * 1.0, 1.0),
        (lambda x: x // np.array([1.5]), 0.0),
    ],
)
def test_a_result_that_no_rule_reads_may_be_changed_in_place(function, slope):
    x = np.array([2.0])
    x.attach_grad()
    with autograd.record():
        y = function(x)
        y += x * 3
        y *= 1.0
    y.backward()
    numpy.testing.assert_allclose(x.grad.asnumpy(), [slope + 3], rtol=1e-6)


def test_inputs_that_no_rule_reads_may_be_changed_in_place_and_others_not():
    x = np.array([2.0])
    x.attach_grad()
    readers = ((np.arctan, True), (npx.gammaln, True))
    others = ((np.radians, False), (np.tan, False), (np.exp, False), (npx.erfinv, False))
    for function, refused in readers + others:
        with autograd.record():
            h = x * 1.0
            y = function(h)
        h[:] = 7.0
        if refused:
            with pytest.raises(MXNetError, match="in place"):
                y.backward()
        else:
            y.backward()
    with autograd.record():
        y = np.tan(x)
    y[:] = 7.0
    with pytest.raises(MXNetError, match="in place"):
        y.backward()
