"""Dense layers and products of matrices."""

from __future__ import annotations

from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.graph import Value


def _turned_weight(call: Call, value: Value) -> Value | None:
    """The weight (out, in) of a matrix (in, out) that is a constant, or a constant's transpose."""
    if len(value.pair.first) != 2:
        return None
    if value.turned is not None and value.turned.constant is not None:
        return value.turned
    if value.constant is None or value.symbol is not None or value.inline:
        return None
    first, second = value.constant
    if first is second:
        value.turned = Value.of(value.name, first.T.copy())
    return value.turned


@reads("MatMul")
def _matmul(call: Call) -> Value:
    a, b = call.input(0), call.input(1)
    ranks = call.rank(0), call.rank(1)
    weight = _turned_weight(call, b)
    if weight is not None and ranks[0] >= 2:
        units = weight.pair.first[0]
        return call.call("FullyConnected", a, weight, num_hidden=units, no_bias=True, flatten=False)
    if ranks[1] <= 2 and ranks[0] >= 1:
        return call.call("dot", a, b)
    batches = [[sizes[:-2] for sizes in call.input(i).pair] for i in (0, 1)]
    if batches[0] == batches[1]:
        return call.call("_linalg_gemm2", a, b)
    return call.call("_npi_matmul", a, b)


@reads("Gemm")
def _gemm(call: Call) -> Value:
    a, b = call.input(0), call.input(1)
    alpha, beta = float(call.attribute("alpha", 1.0)), float(call.attribute("beta", 1.0))
    if call.rank(0) != 2 or call.rank(1) != 2:
        raise call.refusal("it takes matrices")
    if call.attribute("transA", 0):
        a = call.transposed(a, [1, 0])
    if call.attribute("transB", 0):
        weight: Value | None = b
    else:
        weight = _turned_weight(call, b) or call.transposed(b, [1, 0])
    assert weight is not None
    units = weight.pair.first[0]
    options = {"num_hidden": units, "flatten": False}
    if call.has(2) and alpha == beta == 1 and call.input(2).pair.first == (units,):
        return call.call("FullyConnected", a, weight, call.input(2), **options)
    found = call.call("FullyConnected", a, weight, no_bias=True, **options)
    if alpha != 1:
        found = call.call("_mul_scalar", found, scalar=alpha)
    if not call.has(2):
        return found
    added = call.input(2)
    if beta != 1:
        added = call.call("_mul_scalar", added, scalar=beta)
    return call.call("broadcast_add", found, added)


@reads("Einsum")
def _einsum(call: Call) -> Value:
    equation = str(call.need("equation")).replace(" ", "")
    return call.call("_npi_einsum", *call.inputs, subscripts=equation, num_args=len(call.inputs))
