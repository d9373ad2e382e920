"""Dense layers and products of matrices."""

from __future__ import annotations

import math
import string

from microlazy.onnx.free_sizes import Pair
from microlazy.onnx.writing.call import Call, writes


@writes("FullyConnected")
def _fully_connected(call: Call) -> str:
    x, weight, *bias = call.inputs
    rank = call.rank()
    if call.value("flatten") and rank != 2:
        x = call.reshaped(x, call.pairs[0], _flat(call.pairs[0]))
        rank = 2
    if rank == 2:
        return call.add("Gemm", x, weight, *bias, transB=1)
    product = call.add("MatMul", x, call.add("Transpose", weight, perm=[1, 0]))
    return call.add("Add", product, bias[0]) if bias else product


def _flat(pair: Pair) -> Pair:
    first, second = ((sizes[0], math.prod(sizes[1:])) for sizes in pair)
    return Pair(first, second)


def _turned(call: Call, index: int, flag: str) -> str:
    """A matrix, or a stack of them, transposed if an attribute says so."""
    rank = call.rank(index)
    axes = [*range(rank - 2), rank - 1, rank - 2]
    return call.permuted(call.inputs[index], axes) if call.value(flag) else call.inputs[index]


@writes("dot")
def _dot(call: Call) -> str:
    a, b = call.inputs
    if call.value("transpose_a"):
        a = call.permuted(a, range(call.rank(0))[::-1])
    if call.value("transpose_b"):
        b = call.permuted(b, range(call.rank(1))[::-1])
    if call.rank(1) > 2:
        b = call.add("Reshape", b, call.integers(0, -1))
    found = call.add("MatMul", a, b)
    if call.rank(1) > 2:
        return call.add("Reshape", found, call.computed_sizes(call.out_pairs[0]))
    if call.rank(0) == call.rank(1) == 1 and len(call.out_pairs[0].first) == 1:
        return call.add("Reshape", found, call.integers(1))
    return found


@writes("_npi_matmul", "_np_dot")
def _matmul(call: Call) -> str:
    if call.operator == "_np_dot" and call.rank(1) > 2:
        raise call.refusal("ONNX has no np.dot of arrays with more than two axes")
    return call.add("MatMul", *(call.cast_input(i, call.out_dtypes[0]) for i in range(2)))


@writes("batch_dot")
def _batch_dot(call: Call) -> str:
    return call.add("MatMul", _turned(call, 0, "transpose_a"), _turned(call, 1, "transpose_b"))


@writes("_linalg_gemm2", "_linalg_gemm")
def _gemm(call: Call) -> str:
    if call.value("axis", -2) != -2:
        raise call.refusal("ONNX has products of the last two axes only")
    found = call.add("MatMul", _turned(call, 0, "transpose_a"), _turned(call, 1, "transpose_b"))
    found = _times(call, found, "alpha")
    if call.operator == "_linalg_gemm":
        found = call.add("Add", found, _times(call, call.inputs[2], "beta"))
    return found


@writes("_linalg_syrk")
def _syrk(call: Call) -> str:
    rank, x = call.rank(), call.inputs[0]
    turned = call.permuted(x, [*range(rank - 2), rank - 1, rank - 2])
    pair = (turned, x) if call.value("transpose") else (x, turned)
    return _times(call, call.add("MatMul", *pair), "alpha")


def _times(call: Call, x: str, attribute: str) -> str:
    factor = float(call.value(attribute, 1))
    return x if factor == 1 else call.add("Mul", x, call.number(factor))


@writes("_npi_einsum")
def _einsum(call: Call) -> str:
    return call.add("Einsum", *call.inputs, equation=call.value("subscripts"))


@writes("_npi_tensordot", "_npi_tensordot_int_axes")
def _tensordot(call: Call) -> str:
    ranks = call.rank(0), call.rank(1)
    if call.operator == "_npi_tensordot":
        first, second = call.value("a_axes_summed"), call.value("b_axes_summed")
    else:
        many = call.value("axes")
        first, second = range(ranks[0] - many, ranks[0]), range(many)
    letters = string.ascii_letters
    a, b = list(letters[: ranks[0]]), list(letters[ranks[0] : sum(ranks)])
    summed = []
    for i, j in zip(first, second, strict=True):
        b[j] = a[i]
        summed.append(a[i])
    kept = [letter for letter in a + b if letter not in summed]
    equation = f"{''.join(a)},{''.join(b)}->{''.join(kept)}"
    return call.add("Einsum", *call.inputs, equation=equation)


# ---- attention over heads that lie side by side, as in GluonNLP ----------------------------------


def _heads(call: Call, index: int, parts: int) -> list[str]:
    """Queries, keys and values of (steps, batch, heads * parts * size), each as (batch * heads,
    steps, size)."""
    heads = call.value("heads")
    size = call.size(2, index) // (heads * parts)
    x = call.add("Reshape", call.inputs[index], call.integers(0, 0, heads, parts, size))
    found = []
    for part in range(parts):
        one = call.add("Gather", x, call.constant(part, "int64"), axis=3)
        one = call.permuted(one, [1, 2, 0, 3])
        steps = call.shape(index)[0]
        if steps is None and call.shape(index)[1] is None:
            raise call.refusal("steps and batch cannot both be free")
        sizes = (-1, steps, size) if steps is not None else (
            call.size(1, index) * heads, -1, size
        )  # fmt: skip
        found.append(call.add("Reshape", one, call.integers(*sizes)))
    return found


def _scores(call: Call, queries: str, keys: str, size: int) -> str:
    scaled = call.add("Div", queries, call.number(math.sqrt(size)))
    return call.add("MatMul", scaled, call.permuted(keys, [0, 2, 1]))


@writes("_contrib_interleaved_matmul_selfatt_qk")
def _self_scores(call: Call) -> str:
    queries, keys, _ = _heads(call, 0, 3)
    return _scores(call, queries, keys, call.size(2) // (3 * call.value("heads")))


@writes("_contrib_interleaved_matmul_encdec_qk")
def _cross_scores(call: Call) -> str:
    (queries,), (keys, _) = _heads(call, 0, 1), _heads(call, 1, 2)
    return _scores(call, queries, keys, call.size(2) // call.value("heads"))


@writes("_contrib_interleaved_matmul_selfatt_valatt", "_contrib_interleaved_matmul_encdec_valatt")
def _weighted(call: Call) -> str:
    values = _heads(call, 0, 3 if "selfatt" in call.operator else 2)[-1]
    found = call.add("MatMul", call.inputs[1], values)  # (batch * heads, steps, size)
    heads, width = call.value("heads"), call.out_pairs[0].first[2]
    batch, steps = call.out_shape()[1], call.out_shape()[0]
    if batch is None and steps is None:
        raise call.refusal("steps and batch cannot both be free")
    sizes = [-1 if size is None else size for size in (batch, heads, steps, width // heads)]
    found = call.permuted(call.add("Reshape", found, call.integers(*sizes)), [2, 0, 1, 3])
    return call.add("Reshape", found, call.integers(0, 0, width))
