"""Programs that train modules find what they find under MXNet; what modules refuse."""

import json
from collections import namedtuple
from pathlib import Path

import numpy
import pytest
from oracle.module_cases import PROGRAMS

import microlazy as mx
from microlazy.base import MXNetError

RECORDED = json.loads(
    (Path(__file__).parent / "oracle" / "modules.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_find_what_they_find_under_mxnet(name, tmp_path):
    found = PROGRAMS[name](mx, str(tmp_path))
    assert found.keys() == RECORDED[name].keys()
    for key, wanted in RECORDED[name].items():
        numpy.testing.assert_allclose(found[key], wanted, 2e-3, 2e-4, err_msg=key)


def dense(name, hidden=2, data="data"):
    return mx.sym.FullyConnected(mx.sym.var(data), num_hidden=hidden, name=name)


def in_a_row():
    model = mx.mod.SequentialModule()
    model.add(mx.mod.Module(dense("a"), label_names=None))
    return model.add(mx.mod.Module(dense("b", data="a_output"), ["a_output"], None))


def test_names_wire_modules_in_a_row():
    model = in_a_row()
    model.bind([("data", (3, 4))], inputs_need_grad=True)
    assert model.output_names == ["b_output"] and model.output_shapes == [("b_output", (3, 2))]
    model.init_params(mx.init.One())
    model.init_optimizer(optimizer_params={"learning_rate": 1.0, "rescale_grad": 1.0})
    batch = mx.io.DataBatch([mx.nd.ones((3, 4))])
    model.forward(batch, is_train=True)
    assert model.get_outputs()[0].asnumpy().tolist() == [[8, 8]] * 3
    assert batch.data[0].shape == (3, 4)  # the batch is as it was
    model.backward([mx.nd.ones((3, 2))])
    assert model.get_input_grads()[0].asnumpy().tolist() == [[4] * 4] * 3
    model.update()
    assert model.get_params()[0]["b_bias"].asnumpy().tolist() == [-3, -3]


def refused_names():
    model = mx.mod.SequentialModule()
    for _ in range(2):
        model.add(mx.mod.Module(dense("a"), label_names=None), auto_wiring=True)
    model.bind([("data", (3, 4))])
    model.init_params()


def bound_row(**values):
    model = in_a_row()
    model.bind([("data", (3, 4))])
    model.init_params(arg_params=values, allow_missing=True)


def states(**options):
    model = mx.mod.Module(mx.sym.var("data") + mx.sym.var("s"), label_names=None, state_names=["s"])
    model.bind([("data", (2,))])
    model.init_params()
    model.set_states(**options)


REFUSED = [
    (lambda: mx.mod.SequentialModule().add(None, take_label=True), "Unknown meta 'take_label'"),
    (lambda: mx.mod.SequentialModule().bind([]), "an empty SequentialModule"),
    (refused_names, "Duplicated parameter names: 'a_weight' is in modules 0 and 1"),
    (lambda: bound_row(other=mx.nd.ones((1,))), "no module has a parameter 'other'"),
    (lambda: in_a_row().init_params(), r"call bind\(\) before"),
    (lambda: mx.mod.PythonModule(["data"], None, []).bind([("x", (2,))]), "data_shapes names"),
    (lambda: mx.mod.PythonModule(["x"], None, []).bind([("x", (2,))]), "_compute_output_shapes"),
    (lambda: mx.mod.PythonLossModule(grad_func=3), "grad_func must be a function"),
    (lambda: mx.mod.PythonLossModule(data_names=["a", "b"]), "one name each"),
    (lambda: mx.mod.PythonLossModule().backward([1]), "out_grads should be None"),
    (lambda: states(), "either states or a value"),
    (lambda: states(states=[]), "0 arrays are given for 1 states"),
    (lambda: mx.mod.BucketingModule.load_dict(), "sym_dict needs to be provided"),
    (lambda: mx.model.FeedForward(lambda key: dense("a")), "takes a Symbol"),
    (lambda: mx.model.FeedForward(dense("a")).fit(3), "X must be DataIter"),
    (lambda: mx.model.FeedForward(dense("a")).fit(numpy.ones(3)), "y must be specified"),
    (lambda: mx.model.FeedForward(dense("a")).fit(numpy.ones(3), numpy.ones(2)), "3 data points"),
    (lambda: mx.model.FeedForward(dense("a")).save("x"), "number of the epoch"),
]


@pytest.mark.parametrize(("made", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refusals(made, message):
    kinds = (MXNetError, ValueError, TypeError, AssertionError, NotImplementedError)
    with pytest.raises(kinds, match=message):
        made()


@pytest.mark.parametrize("rows", [3, 2])
def test_a_batch_to_predict_needs_no_label(rows):
    """Programs make a batch of their own, ``namedtuple("Batch", ["data"])``."""
    batch = namedtuple("Batch", ["data"])
    model = mx.mod.Module(dense("a"), label_names=None)
    model.bind([("data", (3, 4))], for_training=False)
    model.init_params(mx.init.One())
    model.forward(batch([mx.nd.ones((rows, 4))]))
    assert (model.get_outputs()[0].asnumpy() == numpy.full((rows, 2), 4)).all()


def test_states_are_kept():
    model = mx.mod.Module(mx.sym.var("data") + mx.sym.var("s"), label_names=None, state_names=["s"])
    model.bind([("data", (2,))])
    model.init_params()
    model.set_states([mx.nd.array([1, 2])])
    model.forward(mx.io.DataBatch([mx.nd.ones((2,))]))
    assert model.get_outputs()[0].asnumpy().tolist() == [2, 3]


def test_a_bucketing_module_of_graphs_that_are_at_hand():
    def graph(length):
        x = mx.sym.mean(mx.sym.var("data"), axis=1)
        return mx.sym.FullyConnected(x, num_hidden=2, name="fc"), ["data"], []

    values = {"fc_weight": mx.nd.ones((2, 3)), "fc_bias": mx.nd.ones((2,))}
    doubled = graph(8)[0] * 2
    model = mx.mod.BucketingModule.load_dict(
        {8: doubled}, graph, default_bucket_key=8, arg_params=values, aux_params={}
    )
    model.bind([("data", (1, 8, 3))], for_training=False)
    model.forward(mx.io.DataBatch([mx.nd.ones((1, 8, 3))], bucket_key=8,
                                  provide_data=[("data", (1, 8, 3))]))  # fmt: skip
    assert model.get_outputs()[0].asnumpy().tolist() == [[8, 8]]


def test_a_feed_forward_model_with_epochs_of_some_batches():
    seen = []
    data = mx.io.NDArrayIter(numpy.ones((12, 3)), numpy.ones(12), 2)
    net = mx.sym.SoftmaxOutput(dense("a"), name="softmax")
    model = mx.model.FeedForward(net, num_epoch=2, epoch_size=4)
    model.fit(data, batch_end_callback=lambda about: seen.append((about.epoch, about.nbatch)))
    assert seen == [(epoch, batch) for epoch in range(2) for batch in range(4)]
