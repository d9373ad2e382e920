"""What MXNet exported becomes ONNX, and computes there what MXNet computed."""

import numpy
import pytest
from test_onnx_export import answers, flat
from test_symbol_files import RECORDED, block_of, expected, semantics

import microlazy as mx

__all__ = ["semantics"]  # a fixture for all cases


@pytest.mark.parametrize("case", RECORDED)
def test_symbol_files_of_mxnet(case, tmp_path):
    block, inputs = block_of(RECORDED[case]["graph"], case)
    shapes = [x.shape for x in inputs]
    path = block.export_onnx(tmp_path / "net.onnx", *shapes, dynamic_batch=False)
    found = answers(path, [x.asnumpy() for x in inputs])
    numpy.testing.assert_allclose(found[0], expected(case), 1e-4, 1e-5)
    again = mx.onnx.load(path)(*inputs)
    numpy.testing.assert_allclose(flat(again)[0].asnumpy(), expected(case), 1e-4, 1e-5)
