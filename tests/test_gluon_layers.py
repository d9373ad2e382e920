"""Gluon's layers, cells and losses against the recorded answers of MXNet 1.9.1."""

import json
import pathlib
import sys

import numpy
import pytest

import microlazy as mx

FOLDER = pathlib.Path(__file__).with_name("oracle")
sys.path.insert(0, str(FOLDER))
from gluon_cases import CASES, run  # noqa: E402
from layer_network import FIXTURES, inputs, network  # noqa: E402

ANSWERS = json.loads((FOLDER / "gluon.json").read_text())
NUMBERS = ("predicted", "outputs", "input gradients", "gradients", "statistics", "initialized")


@pytest.mark.parametrize("hybrid", [False, True], ids=["eager", "hybrid"])
@pytest.mark.parametrize("face", ["nd", "np"])
@pytest.mark.parametrize("name", CASES)
def test_as_recorded(name, face, hybrid):
    expected, given = dict(ANSWERS[name]), run(mx, name, CASES[name], face, hybrid)
    if face == "np" or not CASES[name].printed:
        del expected["before"], expected["after"]
    if face == "np":  # an array of one number has no axes
        given["shapes"] = [shape or [1] for shape in given.get("shapes", ())]
    for what, right in expected.items():
        if what not in NUMBERS:
            assert given[what] == right, what
            continue
        assert len(given[what]) == len(right), what
        for ours, theirs in zip(given[what], right, strict=True):
            numpy.testing.assert_allclose(ours, theirs, 2e-4, 2e-5, err_msg=what)


@pytest.mark.parametrize("hybrid", [False, True], ids=["eager", "hybrid"])
@pytest.mark.parametrize("saved", ["layers.params", "layer_names.params"])
def test_files_of_mxnet(saved, hybrid):
    """A network that was never run takes all its sizes and values from a file of MXNet."""
    net = network(mx, mx.gluon.rnn)
    net.load_parameters(FIXTURES / saved)
    if hybrid:
        net.hybridize()
    expected = numpy.load(FIXTURES / "layers.npz")
    for given, right in zip(net(*inputs(mx)), expected.values(), strict=True):
        numpy.testing.assert_allclose(given.asnumpy(), right, 1e-5, 1e-6)
