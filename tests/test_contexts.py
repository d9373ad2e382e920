"""Several contexts: arrays that know theirs, a copy of a parameter on each, sums of gradients."""

import copy
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, context, gluon, nd, np
from microlazy.base import MXNetError

CPUS = [mx.cpu(0), mx.cpu(1)]


# ---- arrays ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda ctx: nd.array([1, 2], ctx=ctx),
        lambda ctx: nd.zeros((2,), ctx=ctx),
        lambda ctx: nd.full((2,), 3, ctx=ctx),
        lambda ctx: nd.arange(3, ctx=ctx),
        lambda ctx: nd.linspace(0, 1, 3, ctx=ctx),
        lambda ctx: nd.eye(2, ctx=ctx),
        lambda ctx: nd.random.uniform(shape=(2,), ctx=ctx),
        lambda ctx: nd.random.poisson(2.0, shape=(2,), ctx=ctx),
        lambda ctx: np.array([1, 2], ctx=ctx),
        lambda ctx: np.array([1, 2], device=ctx),
        lambda ctx: np.asarray(numpy.ones(2), ctx=ctx),
        lambda ctx: np.ones((2,), ctx=ctx),
        lambda ctx: np.full((2,), 1, ctx=ctx),
        lambda ctx: np.arange(3, ctx=ctx),
        lambda ctx: np.eye(2, ctx=ctx),
        lambda ctx: np.random.normal(size=2, ctx=ctx),
        lambda ctx: np.random.gamma(2.0, size=2, ctx=ctx),
        lambda ctx: nd.ones((2,)).as_in_context(ctx),
        lambda ctx: np.ones(2).as_in_ctx(ctx),
        lambda ctx: nd.ones((2,)).copyto(ctx),
    ],
)
def test_an_array_is_where_it_was_made(make):
    assert make(mx.cpu(1)).ctx == mx.cpu(1)
    assert make(mx.cpu()).context == mx.cpu(0)


def test_what_is_made_in_a_scope_is_there():
    with mx.cpu(1):
        assert mx.current_context() == mx.cpu(1)
        with mx.cpu(2):
            assert nd.zeros((2,)).ctx == mx.cpu(2)
        assert np.random.uniform(size=3).ctx == mx.cpu(1)
        assert nd.zeros((2,), ctx=mx.cpu(0)).ctx == mx.cpu(0)
    assert nd.zeros((2,)).ctx == mx.current_context() == mx.cpu(0)


def test_one_context_can_be_entered_twice():
    one = mx.cpu(1)
    with one, one:
        assert mx.current_context() == one
    assert mx.current_context() == mx.cpu(0)


@pytest.mark.parametrize(
    "run",
    [
        lambda a, b: a + b,
        lambda a, b: a * 2,
        lambda a, b: -a,
        lambda a, b: a.sum(),
        lambda a, b: nd.dot(a, b),
        lambda a, b: nd.concat(a, b, dim=0),
        lambda a, b: nd.softmax(a),
        lambda a, b: a[:1],
        lambda a, b: a.reshape((2, 1)),
        lambda a, b: nd.zeros_like(a),
        lambda a, b: a.astype("float64"),
        lambda a, b: nd.where(a > 0, a, b),
        lambda a, b: copy.deepcopy(a),
        lambda a, b: nd.linalg.det(a.reshape((1, 2)).T.dot(b.reshape((1, 2)))),
    ],
)
def test_a_result_is_where_the_first_input_is(run):
    # As in MXNet, where arrays of all contexts on the CPU may be mixed.
    here, there = nd.array([1, 2]), nd.array([1, 2], ctx=mx.cpu(1))
    assert run(there, here).ctx == mx.cpu(1)
    assert run(here, there).ctx == mx.cpu(0)
    assert numpy.array_equal(run(here, there).asnumpy(), run(here, here).asnumpy())


def test_writing_does_not_move_an_array():
    here, there = nd.ones((2,)), nd.ones((2,), ctx=mx.cpu(1))
    there += here
    there[:] = here
    here.copyto(there)
    nd.exp(here, out=there)
    assert there.ctx == mx.cpu(1)
    assert "@cpu(1)" in repr(there)


def test_memory_that_is_used_again_forgets_where_it_was():
    for _ in range(3):
        there = nd.ones((1000,), ctx=mx.cpu(3))
        del there
        assert nd.ones((1000,)).ctx == mx.cpu(0)


def test_gradients_are_where_their_arrays_are_and_pass_between_contexts():
    x = nd.array([1, 2], ctx=mx.cpu(1))
    x.attach_grad()
    with autograd.record():
        y = (x.as_in_context(mx.cpu(0)) * nd.array([3, 4])).sum()
    y.backward()
    assert y.ctx == mx.cpu(0)
    assert x.grad.ctx == mx.cpu(1)
    assert x.grad.asnumpy().tolist() == [3, 4]


def test_gpus_are_refused():
    for use in (
        lambda: nd.ones((2,), ctx=mx.gpu()),
        lambda: nd.ones((2,)).as_in_context(mx.gpu()),
        lambda: mx.gpu().__enter__(),
        lambda: np.ones(2, device=mx.gpu(1)),
    ):
        with pytest.raises(MXNetError, match="computes on the CPU only"):
            use()
    assert context.num_gpus() == 0


def test_the_cpu_can_stand_in_for_gpus():
    program = """
import microlazy as mx
from microlazy import nd, gluon, autograd
assert mx.context.num_gpus() == 2
gpus = [mx.gpu(i) for i in range(mx.context.num_gpus())]
net = gluon.nn.Dense(1)
net.initialize(ctx=gpus)
trainer = gluon.Trainer(net.collect_params(), "sgd")
parts = gluon.utils.split_and_load(nd.ones((4, 3)), gpus)
with autograd.record():
    losses = [net(x) for x in parts]
autograd.backward(losses)
trainer.step(4)
print(losses[1].ctx, net.weight.list_ctx(), repr(nd.ones((1,), ctx=mx.gpu(1))))
try:
    nd.ones((1,), ctx=mx.gpu(2))
except mx.MXNetError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"MICROLAZY_GPU_AS_CPU": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.stderr == ""
    assert answer.stdout == (
        "gpu(1) [gpu(0), gpu(1)] \n[1.]\n<NDArray 1 @gpu(1)>\n"
        "gpu(2): MICROLAZY_GPU_AS_CPU says that there are 2 GPUs\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", "import microlazy"],
        env=os.environ | {"MICROLAZY_GPU_AS_CPU": "no"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "MICROLAZY_GPU_AS_CPU is the number of GPUs" in answer.stderr


# ---- parameters --------------------------------------------------------------------------------


def test_a_parameter_has_a_copy_on_each_context():
    net = gluon.nn.Dense(2)
    net.initialize(ctx=CPUS)
    assert net.weight.list_ctx() == CPUS
    with pytest.raises(gluon.parameter.DeferredInitializationError):
        net.weight.list_data()
    assert [net(x).ctx for x in gluon.utils.split_and_load(nd.ones((4, 3)), CPUS)] == CPUS
    first, second = net.weight.list_data()
    assert (first.ctx, second.ctx) == tuple(CPUS)
    assert first is not second
    assert first.asnumpy().tobytes() == second.asnumpy().tobytes()
    assert net.weight.data() is first  # of the current context
    assert net.weight.data(mx.cpu(1)) is second
    with mx.cpu(1):
        assert net.weight.data() is second
    assert [grad.ctx for grad in net.weight.list_grad()] == CPUS
    assert net.weight.grad(mx.cpu(1)) is second.grad


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_context_that_a_parameter_is_not_on(hybrid):
    net = gluon.nn.Dense(2)
    net.initialize(ctx=CPUS)
    if hybrid:
        net.hybridize()
    net(nd.ones((1, 3)))
    expected = r"'dense\d+_\w+' was not initialized on context cpu\(2\). It was only initialized "
    for use in (net.weight.data, net.weight.grad):
        with pytest.raises(RuntimeError, match=expected + r"on \[cpu\(0\), cpu\(1\)\]"):
            use(mx.cpu(2))
    with pytest.raises(RuntimeError, match=expected):
        net(nd.ones((1, 3), ctx=mx.cpu(2)))
    single = gluon.nn.Dense(2, in_units=2)
    single.initialize()
    with pytest.raises(RuntimeError, match=r"only initialized on \[cpu\(0\)\]"):
        single.weight.data(mx.cpu(1))


def test_contexts_that_cannot_be():
    weight = gluon.Parameter("weight", shape=(2,))
    with pytest.raises(ValueError, match="ctx is empty"):
        weight.initialize(ctx=[])
    with pytest.raises(MXNetError, match=r"gpu\(0\): microlazy computes on the CPU only"):
        weight.initialize(ctx=[mx.cpu(), mx.gpu()])
    with pytest.raises(TypeError, match="ctx must be a Context"):
        weight.initialize(ctx=["cpu"])
    weight.initialize(ctx=[mx.cpu(), mx.cpu()])
    assert weight.list_ctx() == [mx.cpu()]


def test_reset_ctx_keeps_the_values():
    weight = gluon.Parameter("weight", shape=(3,))
    weight.initialize(ctx=CPUS)
    values = weight.data().asnumpy()
    weight.reset_ctx([mx.cpu(1), mx.cpu(2)])
    assert weight.list_ctx() == [mx.cpu(1), mx.cpu(2)]
    assert all(numpy.array_equal(each.asnumpy(), values) for each in weight.list_data())
    with pytest.raises(RuntimeError, match=r"not initialized on context cpu\(0\)"):
        weight.data()
    weight.reset_ctx(mx.cpu(3))
    assert weight.data().ctx == mx.cpu(3)
    assert weight.grad().ctx == mx.cpu(3)
    waiting = gluon.Parameter("waiting", shape=(0,), allow_deferred_init=True)
    waiting.initialize()
    waiting.reset_ctx(CPUS)
    waiting.shape = (2,)
    waiting.finish_init()
    assert waiting.list_ctx() == CPUS


def test_set_data_cast_zero_grad_and_grad_req_reach_all_copies():
    weight = gluon.Parameter("weight", shape=(2,))
    weight.initialize(ctx=CPUS)
    weight.set_data(nd.array([1, 2]))
    assert [each.asnumpy().tolist() for each in weight.list_data()] == [[1, 2], [1, 2]]
    for grad in weight.list_grad():
        grad[:] = 7
    weight.zero_grad()
    assert not any(grad.asnumpy().any() for grad in weight.list_grad())
    weight.cast("float64")
    assert [each.dtype for each in weight.list_data()] == [numpy.float64] * 2
    assert weight.list_ctx() == CPUS
    weight.grad_req = "null"
    with pytest.raises(RuntimeError, match="grad_req='null'"):
        weight.list_grad()


def test_sizes_are_found_wherever_the_network_lives():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(3), gluon.nn.Dense(2))
    net.initialize(ctx=[mx.cpu(1), mx.cpu(2)])
    assert net.dry_run((4, 5)) == (4, 2)
    assert net[0].weight.list_ctx() == [mx.cpu(1), mx.cpu(2)]
    assert net(nd.ones((4, 5), ctx=mx.cpu(2))).ctx == mx.cpu(2)


def test_threads_that_start_later_see_other_contexts_too():
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize(ctx=[mx.cpu(1), mx.cpu(2)])
    x = nd.ones((4, 3), ctx=mx.cpu(2))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: (x.sum().ctx, net(x + x).ctx)).result() == (mx.cpu(2), mx.cpu(2))


def test_what_is_put_elsewhere_during_a_trace_is_seen_after_it():
    program = """
import microlazy as mx
from microlazy import nd
from microlazy.core import trace
with trace.tracing(), trace.suspended():
    x = nd.ones((2, 3)).copyto(mx.cpu(1))
print(x.sum().ctx)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (answer.stdout, answer.stderr) == ("cpu(1)\n", "")


def test_files_hold_one_copy_and_loading_fills_all(tmp_path):
    def network(ctx, units=0):
        net = gluon.nn.HybridSequential()
        net.add(gluon.nn.Dense(2, in_units=units), gluon.nn.BatchNorm())
        net.initialize(ctx=ctx)
        return net

    net = network(CPUS)
    for x in gluon.utils.split_and_load(nd.random.normal(shape=(8, 3)), CPUS):
        with autograd.record():
            net(x)
    means = [each.asnumpy() for each in net[1].running_mean.list_data()]
    assert not numpy.array_equal(*means)  # of each context's own batches
    path = str(tmp_path / "net.params")
    net.save_parameters(path)
    other = network(CPUS)
    other.load_parameters(path)
    for each in other[1].running_mean.list_data():
        numpy.testing.assert_allclose(each.asnumpy(), (means[0] + means[1]) / 2, rtol=1e-6)
    assert other[0].weight.list_ctx() == CPUS
    with pytest.raises(AssertionError, match="previously initialized on"):
        other.load_parameters(path, ctx=mx.cpu(0))
    fresh = gluon.nn.HybridSequential()
    fresh.add(gluon.nn.Dense(2), gluon.nn.BatchNorm())
    fresh.load_parameters(path, ctx=CPUS)
    assert fresh[0].weight.list_ctx() == CPUS


def test_a_copy_of_a_network_lives_where_the_network_does():
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize(ctx=CPUS)
    other = copy.deepcopy(net)
    assert other.weight.list_ctx() == CPUS
    for one, two in zip(net.weight.list_data(), other.weight.list_data(), strict=True):
        assert one.asnumpy().tobytes() == two.asnumpy().tobytes()


# ---- training ----------------------------------------------------------------------------------


def trained(ctx, hybrid, steps=5, **kwargs):
    """A small network, its trainer, and the losses of some steps on whole batches."""
    mx.random.seed(3)
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(8, activation="tanh"), gluon.nn.Dense(1))
    net.initialize(mx.init.Xavier(), ctx=ctx)
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05}, **kwargs)
    rng = numpy.random.RandomState(1)
    x, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 1))
    loss, losses = gluon.loss.L2Loss(), []
    for _ in range(steps):
        parts = zip(
            gluon.utils.split_and_load(x, ctx), gluon.utils.split_and_load(y, ctx), strict=True
        )
        with autograd.record():
            every = [loss(net(a), b) for a, b in parts]
        for each in every:
            each.backward()
        trainer.step(len(x))
        losses.append(numpy.concatenate([each.asnumpy() for each in every]).mean())
    return net, trainer, losses


@pytest.mark.parametrize("store", [{}, {"update_on_kvstore": False}, {"kvstore": "local"}])
@pytest.mark.parametrize("hybrid", [False, True])
def test_training_on_several_contexts_is_training_on_one(hybrid, store):
    one, _, expected = trained([mx.cpu(0)], hybrid)
    for ctx in (CPUS, [mx.cpu(0), mx.cpu(1), mx.cpu(2)]):
        net, _, losses = trained(ctx, hybrid, **store)
        numpy.testing.assert_allclose(losses, expected, rtol=1e-4)
        for a, b in zip(one.collect_params().values(), net.collect_params().values(), strict=True):
            copies = [each.asnumpy() for each in b.list_data()]
            numpy.testing.assert_allclose(copies[0], a.data().asnumpy(), rtol=1e-3, atol=1e-5)
            assert all(each.tobytes() == copies[0].tobytes() for each in copies)


def two_copies(**kwargs):
    weight = gluon.Parameter("weight", shape=(1,), init="zeros")
    weight.initialize(ctx=CPUS)
    trainer = gluon.Trainer([weight], "sgd", {"learning_rate": 0.1}, **kwargs)

    def backward(*factors):
        with autograd.record():
            losses = [factor * weight.data(ctx) for factor, ctx in zip(factors, CPUS, strict=False)]
        for each in losses:
            each.backward()

    def numbers(arrays):
        return [round(float(each.asscalar()), 4) for each in arrays]

    return weight, trainer, backward, numbers


def test_gradients_stay_when_the_store_updates():
    weight, trainer, backward, numbers = two_copies()
    backward(1, 2)
    trainer.step(1)
    assert numbers(weight.list_data()) == [-0.3, -0.3]
    assert numbers(weight.list_grad()) == [1, 2]
    for call in (trainer.allreduce_grads, lambda: trainer.update(1)):
        with pytest.raises(AssertionError, match="when parameters are updated on kvstore"):
            call()


def test_gradients_become_sums_when_the_trainer_updates():
    weight, trainer, backward, numbers = two_copies(update_on_kvstore=False)
    backward(1, 2)
    trainer.allreduce_grads()
    assert numbers(weight.list_grad()) == [3, 3]
    trainer.update(1)
    assert numbers(weight.list_data()) == [-0.3, -0.3]


def test_without_a_store_each_copy_goes_its_own_way():
    weight, trainer, backward, numbers = two_copies(kvstore=None)
    backward(1, 2)
    trainer.step(1)
    assert numbers(weight.list_data()) == [-0.1, -0.2]


def test_a_gradient_that_one_context_lacks():
    weight, trainer, backward, numbers = two_copies()
    backward(1)
    with pytest.raises(UserWarning, match=r"`weight` on context cpu\(1\) has not been updated"):
        trainer.step(1)
    trainer.step(1, ignore_stale_grad=True)
    assert numbers(weight.list_data()) == [-0.1, -0.1]
    trainer.step(1, ignore_stale_grad=True)
    assert numbers(weight.list_data()) == [-0.1, -0.1]


def test_gradients_that_are_summed_over_several_backward_passes():
    weight, trainer, backward, numbers = two_copies()
    weight.grad_req = "add"
    for _ in range(3):
        backward(1, 2)
    trainer.step(3)
    assert numbers(weight.list_data()) == [-0.3, -0.3]
    weight.zero_grad()
    assert numbers(weight.list_grad()) == [0, 0]


@pytest.mark.parametrize("store", [{}, {"update_on_kvstore": False}])
def test_states_go_on_from_a_file(tmp_path, store):
    net, trainer, _ = trained(CPUS, False, **store)
    path = str(tmp_path / "trainer.states")
    trainer.save_states(path)
    values = {name: p.data().asnumpy() for name, p in net.collect_params().items()}

    def step(trainer):
        for p in trainer._params:
            with autograd.record():
                losses = [(p.data(ctx) ** 2).sum() for ctx in CPUS]
            for each in losses:
                each.backward()
        trainer.step(1)
        return [each.asnumpy().tobytes() for p in trainer._params for each in p.list_data()]

    expected = step(trainer)
    for name, p in net.collect_params().items():
        p.set_data(nd.array(values[name]))
    other = gluon.Trainer(net.collect_params(), "adam", **store)
    other.load_states(path)
    assert step(other) == expected


def test_parameters_on_different_contexts_are_refused():
    one, two = gluon.Parameter("one", shape=(1,)), gluon.Parameter("two", shape=(1,))
    one.initialize()
    two.initialize(ctx=CPUS)
    with pytest.raises(AssertionError, match="two is initialized on .*, cpu.1.*previous"):
        gluon.Trainer([one, two], "sgd")
