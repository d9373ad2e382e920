"""The PyTorch dialect beside Gluon: one kind of parameter, nested networks, carried weights."""

import copy
import gc
import pickle
import re
import threading
import weakref

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.core import gradients
from microlazy.dialects import copy_weights, torch
from microlazy.dialects.torch import d2l, nn
from microlazy.dialects.torch.nn import functional as F


def lesson():
    """The lesson's network."""
    return nn.Sequential(nn.LazyLinear(256), nn.ReLU(), nn.LazyLinear(10))


# ---- the lesson's cells ----


def test_the_cells_of_the_lesson(capsys):
    net = lesson()
    assert repr(net[0].weight) == "<UninitializedParameter>"
    X = torch.rand(2, 20)
    assert net(X).shape == (2, 10)
    assert repr(net[0].weight.shape) == "torch.Size([256, 20])"

    @d2l.add_to_class(d2l.Module)
    def apply_init(self, inputs, init=None):
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)

    class Model(d2l.Module):
        def __init__(self, lr):
            super().__init__()
            self.save_hyperparameters()
            self.net = lesson()

    def init(layer):
        if isinstance(layer, nn.Linear):
            print(type(layer).__name__, tuple(layer.weight.shape))
            nn.init.constant_(layer.weight, 0.25)

    model = Model(0.1)
    model.apply_init([X], init)
    assert capsys.readouterr().out == "Linear (256, 20)\nLinear (10, 256)\n"
    assert model.lr == 0.1
    assert (model.net[2].weight.detach().numpy() == 0.25).all()


def test_the_values_of_the_notebook_have_their_form():
    net = lesson()
    net(torch.rand(2, 20))
    text = repr(net[0].weight)
    assert text.startswith("Parameter containing:\ntensor([[") and text.endswith(
        "]],\n       requires_grad=True)"
    )
    assert text.count("...") == 7  # one in each of six rows, and one between them
    state = repr(net.state_dict())
    # Python 3.12 writes it as a dict.
    assert re.match(r"OrderedDict\((\[\(|\{)'0\.weight'[,:] tensor\(\[\[", state)
    assert "requires_grad" not in state
    assert "grad_fn=<AddmmBackward0>)" in repr(net(torch.rand(2, 20)))


def test_a_wrong_batch_is_refused_and_the_right_one_taken():
    net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(64, 10))
    with pytest.raises(RuntimeError, match=r"cannot be multiplied \(2x256 and 64x10\)"):
        net(torch.rand(2, 784))
    lazy = nn.LazyLinear(3)
    with pytest.raises(IndexError):
        lazy(torch.tensor(1.0))
    assert repr(lazy) == "LazyLinear(in_features=0, out_features=3, bias=True)"
    lazy(torch.ones(1, 2))
    assert repr(lazy) == "Linear(in_features=2, out_features=3, bias=True)"


# ---- one kind of parameter ----


def test_parameters_are_those_of_gluon():
    net = lesson()
    held = net.collect_params()
    assert all(isinstance(p, gluon.Parameter) for p in held.values())
    assert [row.shape for row in net.explain().rows] == ["(256, ?)", "(256,)", "(10, ?)", "(10,)"]
    net(torch.rand(2, 20))
    first = next(iter(held.values()))
    assert first.shape == (256, 20)
    first.set_data(np.ones((256, 20)))
    assert (net[0].weight.detach().numpy() == 1).all()
    with torch.no_grad():
        net[0].weight.fill_(2)
    assert (first.data().asnumpy() == 2).all()


def test_a_dry_run_finds_all_sizes():
    net = nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)
    )
    assert net.dry_run((2, 3, 8, 8)) == (2, 10)
    assert net[4].weight.shape == (10, 4 * 6 * 6)
    assert int(net[1].num_batches_tracked) == 0


def test_gluon_tells_of_modules(capsys):
    net = lesson()
    assert net.dry_run(torch.zeros(2, 20)) == (2, 10)
    net.summary((2, 20))
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines() if "Linear-" in line or "ReLU-" in line]
    assert rows == [
        ["Linear-1", "(2,", "256)", "5376"],
        ["ReLU-2", "(2,", "256)", "0"],
        ["Linear-3", "(2,", "10)", "2570"],
    ]
    other = nn.Linear(20, 256).share_parameters({"weight": net[0]._reg_params["weight"]})
    assert other.weight is net[0].weight


def test_gluon_watches_the_ops_of_modules():
    net, seen = lesson(), []
    net(torch.rand(2, 20))
    hook = net.register_op_hook(lambda name, op, array: seen.append((op, array.shape)))
    net(torch.rand(2, 20))
    hook.detach()
    net(torch.rand(2, 20))
    dense = "fully_connected"
    assert seen == [(dense, (2, 256)), ("relu", (2, 256)), (dense, (2, 10))]


def test_copies_keep_their_hooks():
    layer, seen = nn.Flatten(), []
    layer.register_forward_hook(lambda module, args, output: seen.append(module))
    twin = copy.deepcopy(layer)
    twin(torch.ones(1, 2))
    assert seen == [twin]


def test_a_function_may_be_a_hook_twice():
    layer, seen = nn.Flatten(), []

    def hook(module, args, output):
        seen.append(len(args))

    first, second = layer.register_forward_hook(hook), layer.register_forward_hook(hook)
    layer(torch.ones(1, 2))
    first.remove()
    layer(torch.ones(1, 2))
    with second:
        layer(torch.ones(1, 2))
    layer(torch.ones(1, 2))
    assert seen == [1] * 4


def test_initializers_of_gluon_give_the_first_values():
    net = lesson()
    net.initialize(mx.init.Constant(0.5))
    net(torch.rand(2, 20))
    assert (net[0].weight.detach().numpy() == 0.5).all()


def test_the_file_of_one_dialect_is_read_by_the_other(tmp_path):
    ours = lesson()
    ours(torch.rand(2, 20))
    path = str(tmp_path / "net.params")
    ours.save_parameters(path)
    plain = gluon.nn.Sequential()
    plain.add(gluon.nn.Dense(256, activation="relu"), gluon.nn.Lambda("relu"), gluon.nn.Dense(10))
    plain.load_parameters(path)
    x = numpy.random.default_rng(0).random((2, 20), "float32")
    # the second relu changes nothing
    numpy.testing.assert_array_equal(
        plain(nd.array(x)).asnumpy(), ours(torch.tensor(x)).detach().numpy()
    )
    torch.save(ours.state_dict(), path)
    twin = lesson()
    assert repr(twin.load_state_dict(torch.load(path))) == "<All keys matched successfully>"
    assert torch.equal(twin(torch.tensor(x)), ours(torch.tensor(x)))
    with pytest.raises(TypeError, match="dictionary of tensors"):
        torch.save([1], path)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("live", [False, True])
def test_copies(twin, live):
    net = nn.Sequential(nn.LazyLinear(4), nn.BatchNorm1d(4), nn.LazyLinear(2))
    x = torch.rand(3, 5)
    if live:
        net(x)
    other = twin(net)
    assert repr(other) == repr(net)
    other(x)
    assert list(other.state_dict()) == list(net.state_dict())
    assert other[0].weight is not net[0].weight
    if live:
        assert torch.equal(other[0].weight, net[0].weight)
        other(x).sum().backward()
        assert net[0].weight.grad is None and other[0].weight.grad is not None


def test_a_network_that_nobody_has_is_freed_at_once():
    net = lesson()
    out = net(torch.rand(2, 20))
    out.sum().backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    held = weakref.ref(next(iter(net.collect_params().values())))
    gc.disable()
    try:
        del net, out
        assert held() is None
    finally:
        gc.enable()


# ---- nested networks ----


@pytest.mark.parametrize("face", ["np", "nd"])
def test_a_block_of_gluon_in_a_module(face):
    if face == "np":
        npx.set_np()
    net = nn.Sequential(
        gluon.nn.Dense(4, activation="tanh"), gluon.nn.BatchNorm(), nn.LazyLinear(1)
    )
    net.initialize()
    x = torch.linspace(-1, 1, 12).reshape(4, 3).requires_grad_()
    net(x).sum().backward()
    names = [name for name, _ in net.named_parameters()]
    assert names == ["0.weight", "0.bias", "1.gamma", "1.beta", "2.weight", "2.bias"]
    assert [name for name, _ in net.named_buffers()] == ["1.running_mean", "1.running_var"]
    assert all(p.grad is not None for p in net.parameters())
    once = net[0].weight.grad.clone()
    net(x).sum().backward()  # gradients add up, those of Gluon's parameters too
    numpy.testing.assert_allclose(net[0].weight.grad.numpy(), 2 * once.numpy(), rtol=1e-4)
    assert not (net[1].running_mean.numpy() == 0).all()  # it trained
    before, weight = net[1].running_mean.numpy().copy(), net[0].weight.detach().numpy().copy()
    net.eval()(x)
    numpy.testing.assert_array_equal(net[1].running_mean.numpy(), before)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    expected = weight - 0.1 * net[0].weight.grad.numpy()
    optimizer.step()
    numpy.testing.assert_allclose(net[0].weight.detach().numpy(), expected, rtol=1e-6)
    optimizer.zero_grad()
    assert net[0].weight.grad is None
    state = net.state_dict()
    assert list(state)[:2] == ["0.weight", "0.bias"]
    assert repr(net.load_state_dict(state)) == "<All keys matched successfully>"


@pytest.mark.parametrize("face", ["np", "nd"])
def test_a_module_in_a_network_of_gluon(face):
    namespace = np if face == "np" else nd
    if face == "np":
        npx.set_np()
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(4), nn.Sequential(nn.LazyLinear(3), nn.Dropout(0.5)), gluon.nn.Dense(1))
    net.initialize()
    x = namespace.ones((5, 2))
    assert type(net(x)) is type(x)
    numpy.testing.assert_array_equal(net(x).asnumpy(), net(x).asnumpy())  # it does not train
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    inner = net[1][0].weight
    for _ in range(2):
        with autograd.record():
            loss = net(x).sum()
        loss.backward()
        before, grad = inner.detach().numpy().copy(), inner.grad.numpy().copy()
        trainer.step(1)  # Gluon's backward replaces gradients, those of the module too
        numpy.testing.assert_allclose(inner.detach().numpy(), before - 0.1 * grad, rtol=1e-5)
    with autograd.record():
        first, second = net(x).asnumpy(), net(x).asnumpy()
    assert not (first == second).all()  # dropout follows Gluon's mode
    assert net[1].training  # as it was: what Gluon says holds for its calls alone
    assert list(net._collect_params_with_prefix()) == [
        *("0.weight", "0.bias", "1.0.weight", "1.0.bias", "2.weight", "2.bias")
    ]


def test_a_block_of_gluon_in_a_module_runs_from_a_plan():
    npx.set_np()
    inner = gluon.nn.HybridSequential()
    inner.add(gluon.nn.Dense(4, activation="tanh"), gluon.nn.Dense(2))
    net = nn.Sequential(inner, nn.LazyLinear(1))
    inner.initialize()
    x = torch.linspace(-1, 1, 12).reshape(4, 3)
    eager = net(x)
    net.hybridize()
    for _ in range(3):
        net.zero_grad()
        y = net(x)
        assert torch.equal(y, eager)
        y.sum().backward()
    assert inner._plan is not None
    planned = [p.grad.clone() for p in net.parameters()]
    net.hybridize(False)
    net.zero_grad()
    net(x).sum().backward()
    assert all(torch.equal(a, p.grad) for a, p in zip(planned, net.parameters(), strict=True))


def test_an_optimizer_waits_for_a_block_of_gluon():
    npx.set_np()
    net = nn.Sequential(gluon.nn.Dense(2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    optimizer.zero_grad()
    net[0].initialize()
    net(torch.ones(1, 3)).sum().backward()
    before = net[0].bias.detach().clone()
    optimizer.step()
    assert not torch.equal(net[0].bias, before)


def test_modules_in_gluon_are_recorded_only_where_gluon_records():
    layer = nn.Linear(2, 1)
    y = layer(np.ones((1, 2)))
    assert not torch.as_tensor(y).requires_grad
    with pytest.raises(RuntimeError):
        y.backward()


# ---- weights carried ----


def gluon_convolutional():
    net = gluon.nn.Sequential()
    net.add(
        gluon.nn.Conv2D(4, 3, activation="relu"),
        gluon.nn.BatchNorm(epsilon=1e-5),
        gluon.nn.MaxPool2D(2),
        gluon.nn.Dense(10),
    )
    net.initialize(mx.init.Xavier())
    return net


def convolutional():
    return nn.Sequential(
        nn.LazyConv2d(4, 3),
        nn.ReLU(),
        nn.LazyBatchNorm2d(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


def test_weights_from_gluon_and_back():
    theirs, ours = gluon_convolutional(), convolutional()
    x = numpy.random.default_rng(0).random((2, 3, 8, 8), "float32")
    with autograd.record():
        theirs(nd.array(x))  # moves the running statistics
    copy_weights(theirs, ours)
    ours.eval()
    expected = theirs(nd.array(x)).asnumpy()
    numpy.testing.assert_allclose(ours(torch.tensor(x)).detach().numpy(), expected, rtol=1e-5)
    back = gluon_convolutional()
    copy_weights(ours, back)
    numpy.testing.assert_array_equal(back(nd.array(x)).asnumpy(), expected)


def test_weights_of_recurrent_networks_are_carried():
    theirs, ours = (
        gluon.rnn.LSTM(4, num_layers=2, bidirectional=True),
        nn.LSTM(3, 4, num_layers=2, bidirectional=True),
    )
    theirs.initialize(mx.init.Uniform(0.5))
    x = numpy.random.default_rng(0).random((5, 2, 3), "float32")
    theirs(nd.array(x))
    copy_weights(theirs, ours)
    numpy.testing.assert_allclose(
        ours(torch.tensor(x))[0].detach().numpy(), theirs(nd.array(x)).asnumpy(), rtol=1e-5
    )


def test_weights_that_do_not_fit_change_nothing():
    source, target = nn.Linear(2, 3), nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    before = target[0].weight.detach().clone()
    with pytest.raises(ValueError, match=r"2 weights .*0\.weight, 0\.bias, 1\.weight"):
        copy_weights(nn.Sequential(nn.Linear(2, 3)), nn.Sequential(nn.Linear(2, 3), nn.PReLU()))
    wrong = nn.Linear(3, 3)
    with pytest.raises(ValueError, match=r"'weight' of the source has shape \(3, 3\)"):
        copy_weights(wrong, target)
    assert torch.equal(target[0].weight, before)
    copy_weights(source, target)
    assert torch.equal(target[0].weight, source.weight)
    with pytest.raises(TypeError, match="list is no network"):
        copy_weights([], target)


# ---- gradients ----


@pytest.mark.parametrize(
    "function",
    [
        *(F.gelu, F.silu, F.softplus, F.elu, F.selu, F.mish, F.logsigmoid, F.softsign),
        *(F.hardtanh, F.relu6, F.hardswish, F.hardsigmoid, F.leaky_relu),
        lambda x: F.layer_norm(x, (3,)),
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.cross_entropy(x, torch.tensor([0, 2, 1]), label_smoothing=0.2),
        lambda x: F.cross_entropy(x, torch.tensor([0, -100, 1])),
        lambda x: F.cross_entropy(x, torch.softmax(x.detach(), 1)),
        lambda x: F.smooth_l1_loss(x, x.detach() + 0.3),
        lambda x: F.huber_loss(x, x.detach() + 3.0, delta=0.5),
        lambda x: F.binary_cross_entropy(torch.sigmoid(x), torch.ones(3, 3).double() / 3),
        lambda x: F.kl_div(x, torch.softmax(x.detach(), 1), reduction="batchmean"),
        lambda x: F.adaptive_avg_pool2d(x[None, None], 2),
        lambda x: F.pad(x, (1, 1), mode="replicate"),
        lambda x: F.normalize(x),
        lambda x: F.conv2d(x[None, None], x[None, None, :2, :2], padding="same"),
        lambda x: x.std(0) + x.var() + x.norm() + x.norm(3.0, 1),
        lambda x: torch.cat([x.sort().values, x.topk(2)[0]], 1),
        lambda x: torch.where(x > 0, x * x, x.exp()).masked_fill(x > 1, 0.0),
    ],
)
def test_gradients_are_those_of_differences(function):
    values = numpy.random.default_rng(3).normal(size=(3, 3))
    x = torch.tensor(values, requires_grad=True)
    out = function(x)
    weights = torch.linspace(0.5, 1.5, out.numel(), dtype=torch.float64).reshape(out.shape)
    (out * weights).sum().backward()
    found = numpy.zeros_like(values)
    # What a function detaches stays as it is.
    with torch.no_grad():
        for place in numpy.ndindex(values.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = torch.tensor(values)
                moved[place] += step
                ends.append((_held(function, x, moved) * weights).sum().item())
            found[place] = (ends[0] - ends[1]) / 2e-6
    numpy.testing.assert_allclose(x.grad.numpy(), found, rtol=1e-5, atol=1e-7)


class _Fixed(torch.Tensor):
    """A tensor whose `detach` gives the values of another."""

    __slots__ = ("origin",)

    def detach(self):
        return self.origin.detach()


def _held(function, x, moved):
    fixed = object.__new__(_Fixed)
    fixed._array, fixed._op, fixed.origin = moved._array, "", x
    return function(fixed)


def test_gradients_can_be_set():
    x = torch.ones(2, requires_grad=True)
    x.grad = torch.tensor([1.0, 2.0])
    (3 * x).sum().backward()
    assert x.grad.tolist() == [4.0, 5.0]
    with pytest.raises(RuntimeError, match=r"size \[3\]"):
        x.grad = torch.ones(3)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda x: gradients.replace(x, np.ones(3)), ValueError),
        (lambda x: gradients.replace(x, np.ones(2, dtype="float64")), TypeError),
        (lambda x: gradients.replace(x, nd.ones(2)), TypeError),
        (lambda x: gradients.replace(x, x.detach()), ValueError),
        (lambda x: gradients.replace(np.ones(2), np.ones(2)), ValueError),
        (lambda x: gradients.replace(x, None), TypeError),
        (lambda x: gradients.backward(None), TypeError),
        (lambda x: gradients.clear([None]), TypeError),
        (lambda x: gradients.absent(None), TypeError),
        (lambda x: gradients.backward(x * 2, np.ones(2)), mx.base.MXNetError),
    ],
)
def test_the_core_refuses_what_is_no_gradient(call, error):
    x = np.ones(2)
    x.attach_grad()
    with pytest.raises(error):
        call(x)
    assert gradients.absent([x]) == [0]


def test_gradients_by_name_of_what_is_not_used():
    x, z = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        torch.autograd.grad((2 * x).sum(), [x, z])
    y = (2 * x).sum()
    assert torch.autograd.grad(y, [x, z], allow_unused=True) == (torch.tensor([2.0]), None)
    assert x.grad is None


# ---- modes, threads ----


def test_each_thread_has_its_own_mode():
    x, seen = torch.ones(1, requires_grad=True), []
    with torch.no_grad():
        worker = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        worker.start()
        worker.join()
        assert not (x * 2).requires_grad
    assert seen == [True]


def test_the_tape_of_gluon_is_left_as_it_was():
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2))
    assert not autograd.is_recording()
    with pytest.raises(RuntimeError):
        layer(torch.ones(1, 3))
    assert not autograd.is_recording() and not autograd.is_training()


def test_lazy_layers_are_initialized_once_by_several_threads():
    net, results = lesson(), []
    x = torch.rand(2, 20)
    workers = [threading.Thread(target=lambda: results.append(net(x).tolist())) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 8 and all(each == results[0] for each in results)


def test_the_same_seed_gives_the_same_network():
    outs = []
    for _ in range(2):
        torch.manual_seed(3)
        net = lesson()
        outs.append(net(torch.ones(1, 4)).tolist())
    assert outs[0] == outs[1]


def test_a_network_that_changes_runs_as_it_is():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    x = torch.tensor([[-1.0, 2.0]])
    for _ in range(3):
        net(x)
    by_hand = net[2](net[1](net[0](x)))
    assert torch.equal(net(x), by_hand)
    net[1] = nn.Tanh()
    assert torch.equal(net(x), net[2](torch.tanh(net[0](x))))
    handle = net[0].register_forward_hook(lambda module, args, output: output * 0)
    assert torch.equal(net(x), net[2](torch.zeros(1, 2)))
    handle.remove()
    net(x)
    net[0].weight = nn.Parameter(torch.zeros(2, 2))
    net[0].bias = None
    assert torch.equal(net(x), net[2](torch.zeros(1, 2)))
    net.append(nn.Flatten())
    assert len(net) == 4 and net(x).shape == (1, 2)


# ---- optimizers ----


def test_a_parameter_of_a_transposed_tensor_moves():
    w = nn.Parameter(torch.arange(6.0).reshape(3, 2).T)
    optimizer = torch.optim.SGD([w], lr=1.0, momentum=0.9)
    (w * torch.arange(6.0).reshape(2, 3)).sum().backward()
    optimizer.step()
    assert w.tolist() == [[0.0, 1.0, 2.0], [-2.0, -1.0, 0.0]]
    x = torch.ones(2, 3).T.requires_grad_()
    x.sum().backward()
    with pytest.raises(ValueError, match="must be contiguous"):
        torch.optim.SGD([x], lr=1.0).step()


@pytest.mark.parametrize("kind", [lambda x: x, nn.Parameter])
def test_optimizers_see_gradients_that_were_replaced(kind):
    x = kind(torch.zeros(1)).requires_grad_()
    optimizer = torch.optim.SGD([x], lr=1.0)
    (2 * x).sum().backward()
    optimizer.step()
    x.grad = torch.tensor([5.0])
    optimizer.step()
    assert x.tolist() == [-7.0]
    kept = x.grad
    x.grad = None
    optimizer.step()
    (3 * x).sum().backward()
    optimizer.step()
    assert x.tolist() == [-10.0] and kept.tolist() == [5.0]
    x.requires_grad_(False)
    optimizer.step()
    x.requires_grad_()
    (4 * x).sum().backward()
    optimizer.step()
    assert x.tolist() == [-14.0]


def test_optimizers_continue_from_their_state():
    def run(steps, kept=None, start=(1.0, -2.0)):
        x = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.Adam([x], lr=0.1)
        if kept is not None:
            optimizer.load_state_dict(kept)
        for _ in range(steps):
            optimizer.zero_grad()
            (x * x).sum().backward()
            optimizer.step()
        return x.tolist(), optimizer.state_dict()

    half, kept = run(3)
    assert set(kept["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    assert run(4, copy.deepcopy(kept), half)[0] == run(7)[0]
    with pytest.raises(ValueError, match="parameter group that doesn't match"):
        torch.optim.Adam([torch.ones(1), torch.ones(1)]).load_state_dict(kept)


def test_an_optimizer_made_before_the_first_data_trains():
    net = lesson()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    optimizer.step()
    net(torch.rand(2, 20)).sum().backward()
    before = net[2].bias.detach().clone()
    optimizer.step()
    assert torch.allclose(net[2].bias, before - 1.0)


def test_float16_weights_move():
    x = torch.ones(2, dtype=torch.float16).requires_grad_()
    optimizer = torch.optim.SGD([x], lr=0.5)
    with pytest.warns(UserWarning, match="float16"):
        (x * 2).sum().backward()
        optimizer.step()
    assert x.tolist() == [0.0, 0.0]


# ---- what is refused ----


@pytest.mark.parametrize(
    "ask, hint",
    [
        (lambda: nn.Linaer, "the nearest name is 'Linear'"),
        (lambda: torch.zeroes, "the nearest name is 'zeros'"),
        (lambda: torch.ones(2).sumn, "the nearest name is 'sum'"),
        (lambda: nn.Linear(2, 2).wieght, "the nearest name is 'weight'"),
        (lambda: torch.optim.Adamm, "the nearest name is 'Adam'"),
        (lambda: nn.init.kaiming_normal, "the nearest name is 'kaiming_normal_'"),
        (lambda: F.crossentropy, "the nearest name is 'cross_entropy'"),
        (lambda: torch.kron, "write np.kron"),
        (lambda: nn.ConvTranspose2d, "gluon.nn.Conv2DTranspose"),
        (lambda: torch.optim.lr_scheduler, "param_groups"),
        (lambda: torch.compile, "the module itself"),
        (lambda: torch.ones(2).cuda(), "'Tensor' .*; leave it out: there is one device"),
        (lambda: nn.Linear(2, 2).cuda(), "'Linear' .*; leave it out: there is one device"),
        (lambda: torch.ones(2).register_hook(print), "hooks on gradients are missing"),
    ],
)
def test_names_that_are_missing(ask, hint):
    with pytest.raises(AttributeError, match=hint):
        ask()


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: torch.device("cuda"), RuntimeError, "microlazy computes on the CPU"),
        (lambda: torch.zeros(1).to("cuda"), RuntimeError, "microlazy computes on the CPU"),
        (lambda: torch.zeros(1, dtype="float32"), TypeError, "torch.float32"),
        (lambda: torch.Tensor(2), TypeError, "torch.tensor"),
        (lambda: torch.tensor(["a"]), TypeError, "numbers are expected"),
        (lambda: nn.GELU(5, 6), TypeError, "takes approximate"),
        (lambda: torch.ones(2).max(axes=0), TypeError, "unexpected keyword argument 'axes'"),
        (lambda: torch.ones(2).sum(axes=0), TypeError, "unexpected keyword argument 'axes'"),
        (lambda: nn.MSELoss(5), TypeError, "takes reduction"),
        (lambda: F.mse_loss(torch.ones(1), torch.ones(1), "sums"), ValueError, "reduction"),
        (
            lambda: torch.utils.data.DataLoader([1], num_workers=2),
            ValueError,
            "gluon.data.DataLoader has workers",
        ),
        (lambda: nn.Conv2d(1, 1, 2, padding="full"), ValueError, "Invalid padding string"),
        (lambda: torch.optim.SGD([torch.ones(1)], differentiable=True), ValueError, "recorded"),
        (lambda: torch.ones(1).backward(create_graph=True), RuntimeError, "autograd.grad"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_losses_of_other_sizes():
    wanted = r"target size \(torch.Size\(\[2, 1\]\)\) that is different to the input size"
    with pytest.warns(UserWarning, match=wanted) as seen:
        loss = F.mse_loss(torch.zeros(2), torch.ones(2, 1))
    assert loss.item() == 1 and seen[0].filename == __file__
    for kind in (nn.BCELoss, nn.BCEWithLogitsLoss):
        with pytest.raises(ValueError, match="same as input size"):
            kind()(torch.zeros(2), torch.ones(2, 1))


def test_operands_of_other_kinds():
    x = torch.ones(2)
    assert (x == None) is False and (x != "a") is True  # noqa: E711
    assert (x + numpy.ones(2)).tolist() == (numpy.ones(2) + x).tolist() == [2.0, 2.0]
    for call, kinds in (
        (lambda: x + None, "'Tensor' and 'NoneType'"),
        (lambda: x / [1, 2], "'Tensor' and 'list'"),
        (lambda: [1, 2] - x, "'list' and 'Tensor'"),
        (lambda: x @ 3, "'Tensor' and 'int'"),
        (lambda: x < "a", "'Tensor' and 'str'"),
    ):
        with pytest.raises(TypeError, match=kinds):
            call()


def test_attributes_that_gluon_has_too():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.name = "mine"
            self.layer = nn.Linear(2, 2)

    net = Named()
    assert net.name == "mine" and nn.ReLU().name == "relu0"
    assert list(net.collect_params()) == ["linear0_weight", "linear0_bias"]
    with pytest.raises(AttributeError, match="'params' is Gluon's"):
        net.params = []


def test_a_module_without_super_is_told_so():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

    with pytest.raises(AttributeError, match="super"):
        Forgetful()
