"""What is wrong in a beginner's program is said by name, and nothing is changed by it."""

import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.gluon import nn


@pytest.mark.parametrize("cls", [nn.Sequential, nn.HybridSequential])
def test_a_container_takes_no_layers_when_it_is_made(cls):
    with pytest.raises(
        TypeError, match=r"takes no layers, given Dense\(None -> 3, linear\): .*add"
    ):
        cls(nn.Dense(3))
    with pytest.raises(TypeError, match="takes no layers"):
        cls(nn.Dense(3), nn.Dense(2))


@pytest.mark.parametrize("cls", [gluon.Block, gluon.HybridBlock, nn.Sequential])
def test_a_prefix_is_a_string(cls):
    with pytest.raises(TypeError, match="prefix must be a string, given 3"):
        cls(3)


def test_an_activation_is_a_name():
    with pytest.raises(TypeError, match="a name such as 'relu', given 3; .*in_units="):
        nn.Dense(2, 3)
    for given in (nd.relu, nn.Activation("relu"), nn.LeakyReLU(0.1), nn.ELU):
        for make in (lambda given: nn.Dense(2, activation=given), nn.Activation):
            with pytest.raises(TypeError, match="a name such as 'relu'.*after this layer"):
                make(given)


def test_a_layer_that_gets_none_asks_for_a_return():
    class Forgets(gluon.Block):
        def forward(self, x):
            x * 2

    net = nn.Sequential()
    net.add(Forgets(), nn.Dense(2))
    net.initialize()
    with pytest.raises(ValueError, match="'1' Dense.* got None: does forward.* return its result"):
        net(nd.ones((2, 3)))


@pytest.mark.parametrize(
    "use",
    [
        lambda block: block(nd.ones((2,))),
        lambda block: block.initialize(),
        lambda block: block.collect_params(),
        lambda block: block.hybridize(),
        lambda block: block.params,
        lambda block: block.name,
        lambda block: block.summary((2,)),
        lambda block: block.explain(),
        lambda block: block.cast("float64"),
        lambda block: block.register_child(nn.Dense(2)),
    ],
)
@pytest.mark.parametrize("base", [gluon.Block, gluon.HybridBlock])
def test_an_init_that_forgets_super_is_named(base, use):
    class Forgets(base):
        def __init__(self):
            self.size = 3

        def forward(self, x):
            return x

    block = Forgets()
    with pytest.raises(AttributeError, match=r"Forgets.__init__ must call super\(\).__init__\(\)"):
        use(block)
    assert repr(block) == "Forgets(\n\n)"


def test_values_of_another_shape_are_refused_with_both_shapes():
    layer = nn.Dense(3, in_units=2)
    layer.initialize()
    with pytest.raises(
        mx.base.ShapeError, match=r"got values of shape \(4, 5\) but expected shape \(3, 2\)"
    ):
        layer.weight.set_data(nd.ones((4, 5)))


@pytest.mark.parametrize("ctx", ["cpu", "gpu", 0, ["cpu"], [mx.cpu(), "cpu"]])
def test_a_context_is_no_string(ctx):
    layer = nn.Dense(3, in_units=2)
    with pytest.raises(TypeError, match=r"ctx must be a Context such as mx\.cpu\(\), given "):
        layer.initialize(ctx=ctx)
    assert layer.weight.state == "declared"


@pytest.mark.parametrize(
    ("module", "name", "hint"),
    [
        (nn, "Linear", r"nn\.Dense\(units\)"),
        (nn, "dense", "the nearest name is 'Dense'"),
        (nn, "Sequental", "'Sequential'"),
        (nn, "ReLU", r"nn\.Activation\('relu'\)"),
        (mx.init, "Xaviar", "'Xavier'"),
        (mx.init, "xavier", "'Xavier'"),
        (mx.init, "Kaiming", "MSRAPrelu"),
        (gluon, "HybridBock", "'HybridBlock'"),
        (gluon, "Traner", "'Trainer'"),
        (gluon.loss, "CrossEntropyLoss", "SoftmaxCrossEntropyLoss"),
        (gluon.loss, "L2Los", "'L2Loss'"),
    ],
)
def test_a_name_that_a_module_has_not(module, name, hint):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'.*{hint}"):
        getattr(module, name)
    with pytest.raises(AttributeError, match="has no attribute 'qqqqqqqq'$"):
        module.qqqqqqqq  # noqa: B018
    assert not hasattr(module, "__wrapped__")


def test_names_of_other_frameworks_say_how_gluon_does_it():
    net = nn.Dense(2, in_units=2)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    for owner, name, hint in (
        (net, "parameters", r"collect_params\(\)"),
        (net, "zero_grad", r"grad_req='add'"),
        (net, "train", r"autograd\.record"),
        (net, "state_dict", "save_parameters"),
        (trainer, "zero_grad", "replaces gradients"),
        (net.weight, "requires_grad", "grad_req"),
    ):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}': .*{hint}"):
            getattr(owner, name)
        assert not hasattr(owner, name)


def test_a_block_may_define_names_of_other_frameworks():
    class Own(gluon.Block):
        def train(self):
            return "trains"

        def forward(self, x):
            return x

    net = Own()
    net.parameters, net.eval = 3, nn.Dense(2)
    assert (net.train(), net.parameters) == ("trains", 3)
    assert list(net.collect_params()) == ["dense0_weight", "dense0_bias"]


@pytest.mark.parametrize(
    ("module", "name", "hint"),
    [
        (np, "conncatenate", "the nearest name is 'concatenate'"),
        (np, "relu", "write npx.relu"),
        (np, "complex64", "an array's dtype is one of"),
        (nd, "sofmax", "the nearest name is 'softmax'"),
        (nd, "cast_storage", "sparse arrays are not part"),
        (nd, "isclose", "write np.isclose"),
        (npx, "batchnorm", "the nearest name is 'batch_norm'"),
        (npx, "multibox_prio", "the nearest name is 'multibox_prior'"),
        (mx, "optimzer", "the nearest name is 'optimizer'"),
        (mx.init, "Xaviar", "the nearest name is 'Xavier'"),
        (autograd, "recrod", "the nearest name is 'record'"),
        (autograd, "no_grad", r"write autograd.pause\(\)"),
    ],
)
def test_a_misspelled_name_names_the_nearest(module, name, hint):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'.*{hint}"):
        getattr(module, name)


@pytest.mark.parametrize("module", [np, nd, npx, mx, autograd])
def test_names_that_tools_ask_for_get_no_hint(module, name="__wrapped__"):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'$"):
        getattr(module, name)
