"""What MXNet exported becomes ONNX, and computes there what MXNet computed."""

import numpy
import pytest
from test_onnx_export import answers, flat
from test_symbol_files import RECORDED, block_of, expected, semantics

import microlazy as mx

__all__ = ["semantics"]  # a fixture for all cases

# Operators that are not written: loops and branches hold graphs, the others have no equal in ONNX.
NOT_WRITTEN = {
    "loop": "_foreach",
    "while": "_while_loop",
    "branch_taken": "_cond",
    "branch_not_taken": "_cond",
    "alignment_loss": "CTCLoss",
    "deformable": "_contrib_DeformableConvolution",
    "deformable_modulated": "_contrib_ModulatedDeformableConvolution",
}


@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_what_is_not_written_is_named(case, tmp_path):
    block, inputs = block_of(RECORDED[case]["graph"], case)
    reason = rf"\({NOT_WRITTEN[case]}\) cannot be written to ONNX"
    with pytest.raises(mx.MXNetError, match=reason):
        block.export_onnx(tmp_path / "net.onnx", *[x.shape for x in inputs])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("case", [case for case in RECORDED if case not in NOT_WRITTEN])
def test_symbol_files_of_mxnet(case, tmp_path):
    block, inputs = block_of(RECORDED[case]["graph"], case)
    shapes = [x.shape for x in inputs]
    path = block.export_onnx(tmp_path / "net.onnx", *shapes, dynamic_batch=False)
    found = answers(path, [x.asnumpy() for x in inputs])
    numpy.testing.assert_allclose(found[0], expected(case), 1e-4, 1e-5)
    again = mx.onnx.load(path)(*inputs)
    numpy.testing.assert_allclose(flat(again)[0].asnumpy(), expected(case), 1e-4, 1e-5)
