"""Cells of symbols, `mx.rnn`, against MXNet's; sentences in buckets."""

import json
import random
from pathlib import Path

import numpy
import pytest
from oracle import rnn_cases
from oracle.symbol_cases import values

import microlazy as mx
from microlazy.base import MXNetError

RECORDED = json.loads((Path(__file__).parent / "oracle" / "rnn.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORDED)
def test_cells_are_those_of_mxnet(case):
    cell, graph = rnn_cases.graph_of(mx, case)
    wanted = RECORDED[case]
    if case != "zoneout":  # where MXNet has zeros of no shape for the output before the first
        assert rnn_cases.nodes_of(graph) == wanted["nodes"]
    states = [[list(info["shape"]), info["__layout__"]] for info in cell.state_info]
    assert states == wanted["states"]
    outputs = rnn_cases.outputs_of(mx, graph, case, values)
    for found, (shape, numbers) in zip(outputs, wanted["outputs"], strict=True):
        numpy.testing.assert_allclose(found, numpy.reshape(numbers, shape), 1e-5, 1e-6)
    weights = rnn_cases.unpacked(mx, cell, graph, case, values)
    assert weights.keys() == wanted["weights"].keys()
    for name, (shape, first) in wanted["weights"].items():
        assert list(weights[name].shape) == shape
        numpy.testing.assert_allclose(weights[name].ravel()[:3], first, 1e-6)


@pytest.mark.parametrize("case", RECORDED)
def test_weights_are_packed_again(case):
    cell, graph = rnn_cases.graph_of(mx, case)
    parts = rnn_cases.unpacked(mx, cell, graph, case, values)
    packed = cell.pack_weights({name: mx.nd.array(x) for name, x in parts.items()})
    assert set(packed) == set(graph.list_arguments()) - {"data"}
    again = cell.unpack_weights(packed)
    assert again.keys() == parts.keys()
    for name, array in parts.items():
        assert numpy.array_equal(again[name].asnumpy(), array)


def test_a_fused_cell_and_its_parts_agree(tmp_path):
    data = mx.sym.var("data")
    for mode in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        fused = mx.rnn.FusedRNNCell(3, 2, mode, bidirectional=True)
        one = fused.unroll(4, data, merge_outputs=True)[0]
        stack = fused.unfuse()
        other = stack.unroll(4, data, merge_outputs=True)[0]
        run = one.simple_bind(data=(2, 4, 5))
        arrays = {name: mx.nd.random.uniform(-1, 1, x.shape) for name, x in run.arg_dict.items()}
        run.copy_params_from(arrays)
        prefix = str(tmp_path / mode)
        weights = {"data": arrays.pop("data")}
        mx.rnn.save_rnn_checkpoint(fused, prefix, 1, one, arrays, {})
        _, packed, _ = mx.rnn.load_rnn_checkpoint([stack], prefix, 1)
        found = other.bind(mx.cpu(), packed | weights).forward()[0]
        numpy.testing.assert_allclose(found.asnumpy(), run.forward()[0].asnumpy(), 1e-5, 1e-6)


def test_initial_weights():
    cell = mx.rnn.LSTMCell(2, forget_bias=3.0)
    model = mx.mod.Module(cell.unroll(2, mx.sym.var("data"), merge_outputs=True)[0],
                          label_names=None)  # fmt: skip
    model.bind([("data", (4, 2, 3))])
    model.init_params(mx.init.Xavier())
    found = model.get_params()[0]["lstm_i2h_bias"].asnumpy()
    assert found.tolist() == [0, 0, 3, 3, 0, 0, 0, 0]


def test_cells_share_variables():
    params = mx.rnn.RNNParams("shared_")
    one, other = mx.rnn.GRUCell(3, "a_", params), mx.rnn.GRUCell(3, "b_", params)
    x = mx.sym.var("x")
    graph = other(one(x, one.begin_state())[0], other.begin_state())[0]
    assert len(graph.list_arguments()) == 5
    stack = mx.rnn.SequentialRNNCell(params)
    with pytest.raises(AssertionError, match="not to both"):
        stack.add(one)
    stack.add(mx.rnn.GRUCell(3, "shared_"))


REFUSED = [
    (lambda x: mx.rnn.FusedRNNCell(3, mode="elman"), "mode must be one of"),
    (lambda x: mx.rnn.FusedRNNCell(3)(x, []), "unfuse"),
    (lambda x: mx.rnn.FusedRNNCell(3).unroll(2, x, layout="NCT"), "must be 'NTC' or 'TNC'"),
    (lambda x: mx.rnn.RNNCell(3).unroll(3, [x, x]), "2 inputs are given for 3 steps"),
    (lambda x: mx.rnn.RNNCell(3).unroll(2, x, layout="NC"), "no axis T"),
    (lambda x: mx.rnn.RNNCell(3).unpack_weights({}), "no array 'rnn_i2h_weight'"),
    (lambda x: mx.rnn.FusedRNNCell(3).pack_weights({}), "no array 'lstm_l0_i2h_i_weight'"),
    (
        lambda x: mx.rnn.FusedRNNCell(3).unpack_weights({"lstm_parameters": mx.nd.ones((100,))}),
        "has 100 numbers",
    ),
    (lambda x: mx.rnn.ZoneoutCell(mx.rnn.FusedRNNCell(3)), "makes no single step"),
    (lambda x: mx.rnn.DropoutCell("half"), "must be a number"),
    (lambda x: mx.rnn.BaseRNNCell().state_info, "does not define state_info"),
]


@pytest.mark.parametrize(("made", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refusals(made, message):
    with pytest.raises(
        (MXNetError, ValueError, AssertionError, NotImplementedError), match=message
    ):
        made(mx.sym.var("x"))


def test_a_modified_cell_does_not_begin():
    cell = mx.rnn.RNNCell(3)
    mx.rnn.ResidualCell(cell)
    with pytest.raises(AssertionError, match="a modifier has this RNNCell"):
        cell.begin_state()


def test_sentences_as_numbers():
    vocab = {"a": 1, "?": 0}
    with pytest.raises(AssertionError, match="Unknown token b"):
        mx.rnn.encode_sentences([["a", "b"]], vocab)
    found, numbers = mx.rnn.encode_sentences([["a"], ["b", "a"]], start_label=-1)
    assert found == [[0], [1, 0]] and numbers == {"\n": -1, "a": 0, "b": 1}


@pytest.mark.parametrize("layout", ["NT", "TN"])
def test_batches_of_sentences(layout, caplog):
    random.seed(1)
    numpy.random.seed(1)
    sentences = [[n] * n for n in (1, 2, 2, 3, 4, 4, 4, 9)]
    data = mx.rnn.BucketSentenceIter(sentences, 2, [2, 4], 0, layout=layout)
    assert "discarded 1 sentences" in caplog.text
    assert data.default_bucket_key == 4
    assert data.provide_data[0].shape == ((2, 4) if layout == "NT" else (4, 2))
    for _ in range(2):
        batches = list(data)
        assert sorted(batch.bucket_key for batch in batches) == [2, 4, 4]
        for batch in batches:
            x, y = batch.data[0].asnumpy(), batch.label[0].asnumpy()
            assert batch.provide_data[0].shape == x.shape
            x, y = (x, y) if layout == "NT" else (x.T, y.T)
            assert x.shape == (2, batch.bucket_key)
            assert numpy.array_equal(y[:, :-1], x[:, 1:]) and not y[:, -1].any()
        data.reset()
    with pytest.raises(ValueError, match="layout must be"):
        mx.rnn.BucketSentenceIter(sentences, 2, [2], layout="TNC")
    with pytest.raises(ValueError, match="no bucket"):
        mx.rnn.BucketSentenceIter([[1]], 2)
