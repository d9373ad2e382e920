"""What is wrong in a beginner's program is said by name, and nothing is changed by it."""

import inspect
import pickle
import re
import traceback

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, foreign, gluon, nd, np, npx
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


def test_dir_lists_only_what_an_object_has():
    net = nn.Dense(2, in_units=2)
    net.initialize()
    for owner in (net, net.weight, gluon.Trainer(net.collect_params(), "sgd")):
        for name in dir(owner):
            getattr(owner, name)
    assert {"weight", "collect_params"} <= set(dir(net))


def test_a_block_may_define_names_of_other_frameworks():
    class Own(gluon.Block):
        def train(self):
            return "trains"

        def forward(self, x):
            return x

    net = Own()
    net.parameters, net.eval = 3, nn.Dense(2)
    assert (net.train(), net.parameters) == ("trains", 3)
    assert {"train", "parameters"} <= set(dir(net)) and "zero_grad" not in dir(net)
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
        (mx, "Trainer", r"write gluon\.Trainer$"),
        (mx, "HybridBlock", r"write gluon\.HybridBlock$"),
        (mx, "DataLoader", r"write gluon\.data\.DataLoader$"),
        (mx, "nn", r"write gluon\.nn$"),
        (gluon, "Dense", r"write gluon\.nn\.Dense$"),
        (nn, "LSTM", r"write gluon\.rnn\.LSTM$"),
        (mx, "GRUCell", r"write gluon\.rnn\.GRUCell$"),
        (gluon.rnn, "LSMT", "the nearest name is 'LSTM'"),
        (gluon.data, "DataLoder", "the nearest name is 'DataLoader'"),
        (gluon.data, "ImageFolder", r"write gluon\.data\.vision\.ImageFolderDataset$"),
        (nn, "L2Loss", r"write gluon\.loss\.L2Loss$"),
        (np, "tensor", r"write np\.array or nd\.array$"),
        (gluon.data, "TensorDataset", r"write gluon\.data\.ArrayDataset$"),
        (mx.contrib, "tensorboard", "TensorBoardHandler writes TensorBoard's files$"),
        (mx.contrib, "autograd", r"use mx\.autograd$"),
        (gluon.contrib, "estimtor", "the nearest name is 'estimator'"),
        (gluon.contrib.data, "text", r"mx\.contrib\.text has vocabularies"),
        (mx.contrib, "io", r"iterators are in mx\.io"),
        (mx.contrib, "svrg_optimization", r"use mx\.mod\.Module"),
    ],
)
def test_a_misspelled_name_names_the_nearest(module, name, hint):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'.*{hint}") as found:
        getattr(module, name)
    assert found.value.name == name
    shown = "".join(traceback.format_exception_only(found.value))
    assert shown == f"AttributeError: {found.value}\n"  # no guess of Python's behind it


@pytest.mark.parametrize("make", [np.ones, nd.ones])
def test_arrays_explain_names_of_other_frameworks(make):
    x = make((2,))
    with pytest.raises(AttributeError, match=r"object has no attribute 'numpy': asnumpy\(\) gives"):
        x.numpy()
    for name in foreign.ARRAY:
        assert not hasattr(x, name) and name not in dir(x)
    with pytest.raises(AttributeError, match="no attribute 'foo'$"):
        x.foo()


@pytest.mark.parametrize("module", [np, nd, npx, mx, autograd])
def test_names_that_tools_ask_for_get_no_hint(module, name="__wrapped__"):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'$"):
        getattr(module, name)


@pytest.mark.parametrize("name", ["record", "pause", "train_mode", "predict_mode"])
def test_a_scope_without_its_call(name):
    scope = getattr(autograd, name)
    with pytest.raises(TypeError, match=rf"with autograd\.{name}\(\):"), scope:
        raise AssertionError("not reached")
    assert not autograd.is_recording() and not autograd.is_training()
    assert pickle.loads(pickle.dumps(scope)) is scope and scope.__name__ == name
    assert inspect.signature(scope).parameters.keys() <= {"train_mode"}
    with scope():
        pass


class Mine(gluon.HybridBlock):
    def __init__(self, hidden, depth=2, **kwargs):
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dense(3, activaton="relu"), r"Dense\(\).*'activaton'; the nearest is 'activa"),
        (lambda: nn.Conv2D(3, 3, stride=2), r"Conv2D\(\).*'stride'; the nearest is 'strides'"),
        (lambda: nn.BatchNorm(moment=0.9), r"BatchNorm\(\).*'moment'; the nearest is 'momentum'"),
        (lambda: gluon.rnn.LSTM(3, layers=2), r"LSTM\(\).*'layers'; the nearest is"),
        (lambda: gluon.rnn.LSTMCell(3, hiden_size=2), r"LSTMCell\(\).*'hidden_size'"),
        (lambda: gluon.loss.L2Loss(weigth=2), r"L2Loss\(\).*'weigth'; the nearest is 'weight'"),
        (lambda: nn.Sequential(qqq=1), r"Sequential\(\).*'qqq'; it takes prefix, params"),
        (lambda: Mine(3, dept=1), r"Mine\(\).*'dept'; the nearest is 'depth'"),
        (lambda: Mine(3, qqq=1), r"Mine\(\).*'qqq'; it takes hidden, depth, prefix, params"),
        (lambda: gluon.Block(prefiks="a_"), r"Block\(\).*the nearest is 'prefix'"),
    ],
)
def test_a_wrong_keyword_of_a_layer_is_named_with_the_nearest(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_one_hot_labels_get_a_hint():
    loss, pred = gluon.loss.SoftmaxCrossEntropyLoss(), nd.ones((2, 3))
    label = nd.array([[1, 0, 0], [0, 1, 0]])
    with pytest.raises(mx.base.ShapeError, match="one-hot labels need sparse_label=False"):
        loss(pred, label)
    with pytest.raises(mx.base.ShapeError, match=r"expected \(2,\)$"):
        loss(pred, nd.ones((4,)))
    assert gluon.loss.SoftmaxCELoss(sparse_label=False)(pred, label).shape == (2,)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("executor_manager", "mx.mod.Module"),
        ("rtc", "CPU"),
        ("torch", "from_dlpack"),
    ],
)
def test_modules_of_mxnet_that_are_outside(name, message):
    with pytest.raises(AttributeError, match=f"'microlazy' has no attribute '{name}': .*{message}"):
        getattr(mx, name)
    with pytest.raises(ImportError):
        exec(f"from microlazy import {name}")


def test_the_version_is_a_text():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", mx.__version__)


@pytest.mark.parametrize("use", [lambda x, y: x + y, lambda x, y: x @ y, np.dot])
def test_a_process_that_forgot_set_np_is_told(use):
    x, y = np.ones((2, 2)), nd.ones((2, 2)).as_np_ndarray().as_nd_ndarray()
    with pytest.raises(TypeError, match=r"set_np\(\) is off here.*workers.*must call it too"):
        use(x, y)
    npx.set_np()
    with pytest.raises(TypeError, match=r"as_nd_ndarray\(\)$"):
        use(x, y)


def test_explain_is_narrow_enough_to_read():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(16, 3, padding=1, activation="relu"), nn.BatchNorm())
    net.initialize(mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2))
    table = net.explain()
    lines = str(table).splitlines()
    assert max(map(len, lines)) <= 140
    assert "BatchNorm(axis=1, eps=1e-05, mome..." in lines[4]
    assert table.rows[2].layer.endswith("in_channels=None)") and len(table.rows[2].layer) > 90


def test_a_single_number_is_formatted_as_one():
    """Programs of nd print losses; their scalars have an axis of size 1."""
    assert f"{nd.array([1, 2]).mean():.2f} {np.array([1, 2]).mean():6.2f}" == "1.50   1.50"
    assert f"{nd.array([3], dtype='int32'):03d}" == "003"
    assert f"{nd.array([1])}" == str(nd.array([1]))
    for several in (nd.ones((2,)), np.ones(2), np.ones(1)):
        with pytest.raises(TypeError, match=r"cannot format an array of shape \(\d,\) as '\.2f'"):
            f"{several:.2f}"


def test_what_a_module_imports_for_itself_is_no_advice():
    with pytest.raises(AttributeError, match="has no attribute 'Tensor'$"):
        mx.Tensor  # noqa: B018


def test_hybrid_forward_without_the_parameters_of_its_block_is_told():
    class Scale(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.factor = self.params.get("factor", shape=(3,))

        def hybrid_forward(self, F, x):
            return x

    net = Scale()
    net.initialize()
    with pytest.raises(TypeError, match=r"'factor'; .*forward\(self, F, x, factor\)$"):
        net(nd.ones((2, 3)))


class Loose(gluon.Block):
    """A layer whose parameter comes from elsewhere."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.factor = gluon.Parameter("factor", shape=(3,))

    def forward(self, x):
        return x * self.factor.data()


def test_a_parameter_that_collect_params_leaves_out_is_told():
    net = nn.Sequential()
    net.add(Loose())
    net.initialize()
    with pytest.raises(mx.MXNetError, match=r"0\.factor of .*leaves it out.*write self\.params"):
        net(nd.ones((1, 3)))
    net[0].factor.initialize("ones")
    assert net(nd.ones((1, 3))).shape == (1, 3)


def test_a_trainer_of_parameters_without_values_says_what_to_call():
    with pytest.raises(mx.MXNetError, match=r"'a_bias' has not been.*call net\.initialize\(\)"):
        gluon.Trainer(nn.Dense(2, prefix="a_").collect_params(), "sgd")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.optimizer.SGD(lr=0.1), TypeError, "SGD has no argument 'lr', did you mean"),
        (lambda: mx.optimizer.Adam(qqq=1), TypeError, r"Adam has no argument 'qqq'\. It takes"),
        (lambda: mx.optimizer.create(mx.optimizer.SGD), TypeError, r"call it, as in SGD\(\)$"),
        (lambda: nn.Dense(3).dry_run(8, 2), TypeError, r"write dry_run\(\(8, 2\)\), not"),
        (lambda: nn.Dense(3).summary(8, 2), TypeError, r"write summary\(\(8, 2\)\), not summary"),
        (lambda: nn.Dense(3).summary(), ValueError, "^summary needs the shape of every input"),
        (
            lambda: setattr(nn.Dense(3), "weight", nd.ones((3, 2))),
            TypeError,
            r"is not allowed\. Write set_data\(\)",
        ),
        (lambda: nn.Dense(3, params=nn.Dense(3)), TypeError, "such as layer.params, given Dense$"),
        (lambda: nn.Sequential().append(nn.Dense(3)), AttributeError, r"add\(layer\) puts"),
        (lambda: autograd.backward(0.5), TypeError, "^heads must be arrays, not float$"),
        (lambda: autograd.grad(3, nd.ones(1)), TypeError, "^heads must be arrays, not int$"),
        (
            lambda: np.concatenate(np.ones((2, 3)), np.ones((2, 3))),
            TypeError,
            r"^an axis is an int, not microlazy\.core\.array\.ndarray of shape \(2, 3\)$",
        ),
        (
            lambda: np.zeros(3, numpy.ones((20, 30))),
            TypeError,
            r"unknown dtype numpy\.ndarray of shape \(20, 30\); an array's dtype is one of",
        ),
        (lambda: npx.sigmoid([1, 2]), TypeError, r"expected an array, got \[1, 2\] of type list$"),
        (
            lambda: nd.flip(numpy.ones((20, 30)), 0),
            TypeError,
            r"^flip: expected an array, got numpy\.ndarray of shape \(20, 30\): make one with",
        ),
        (lambda: npx.relu(list(range(99))), TypeError, "^relu: expected an array, got list$"),
        (
            lambda: nd.image.to_tensor(numpy.ones((8, 8, 3))),
            TypeError,
            r"^image\.to_tensor: image must be an array.*not numpy\.ndarray of shape \(8, 8, 3\)$",
        ),
        (lambda: nd.argsort(numpy.ones(2)), TypeError, r"not numpy\.ndarray of shape \(2,\)$"),
        (
            lambda: nn.Flatten()(numpy.ones(3)),
            ValueError,
            r"numpy\.ndarray of shape \(3,\): make one",
        ),
        (
            lambda: nn.MaxPool2D(3)(nd.ones((1, 1, 2, 2))),
            mx.base.ShapeError,
            r"kernel \(3, 3\) exceeds the data of shape \(1, 1, 2, 2\) with padding \(0, 0\)$",
        ),
        (
            lambda: nd.SequenceMask(nd.ones((8, 1, 64)), nd.ones(64), True),
            mx.base.ShapeError,
            r"\(8, 1, 64\), with time along axis 0, needs .* axis 1: shape \(1,\), not \(64,\)$",
        ),
        (
            lambda: mx.metric.Accuracy().update(nd.ones((3, 2)), nd.ones(3)),
            ValueError,
            r"shape \(3,\) have neither classes along axis 1 nor .*\(3, 2\) of the labels",
        ),
        (
            lambda: np.array([True]) & np.array([True]),
            mx.MXNetError,
            "not float32 and float32; a list of booleans",
        ),
    ],
)
def test_a_wrong_call_says_what_was_given_and_what_fits(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("call", [lambda: nd.save("\0a", nd.ones((1,))), lambda: nd.load("a\0")])
def test_a_file_name_with_a_null_character(call):
    with pytest.raises(mx.MXNetError, match="null character"):
        call()
    with pytest.raises(OSError, match="null character"):
        np.save("\0a", np.ones(1))


@pytest.mark.parametrize(
    ("module", "name", "hint"),
    [
        (np.random, "default_rng", "no generator objects; np.random.seed"),
        (np.random, "RandomState", "no generator objects"),
        (np.random, "unifrom", "the nearest name is 'uniform'"),
        (np, "ma", "no masked arrays"),
        (np, "matrix", "@ is their product"),
        (np, "nditer", "np.ndindex"),
        (np, "testing", "numpy.testing takes these arrays"),
        (np, "seterr", r"NumPy itself has it: numpy\.seterr$"),
        (np, "fromfile", r"NumPy itself has it: numpy\.fromfile$"),
        (np.random, "integers", r"randint\(low, high, size\)"),
        (np, "cat", r"write np\.concatenate or nd\.concat$"),
    ],
)
def test_what_numpy_has_besides_is_named_with_what_to_write_instead(module, name, hint):
    with pytest.raises(AttributeError, match=hint):
        getattr(module, name)
