"""Functions of sym: each gives, evaluated, what the function of nd that has its name gives."""

import types

import numpy
import pytest
from op_table.inspect import SEED, calls_of, leaves
from op_table.table import rows

import microlazy as mx
from microlazy import nd, sym
from microlazy.core.tensor import Tensor

CALLS = {call.text: call for row in rows() for call in calls_of(row) if call.face == "nd"}
# What is no operator: arrays from outside, files, steps of optimizers, what MXNet has not.
OUTSIDE = """
array empty from_numpy from_dlpack to_dlpack_for_read to_dlpack_for_write load save
load_frombuffer waitall concatenate onehot_encode imdecode
"""


class Recording:
    """nd, or a part of it: a function called on arrays is called on symbols too."""

    def __init__(self, arrays, symbols, seen):
        self.arrays, self.symbols, self.seen = arrays, symbols, seen

    def __getattr__(self, name):
        found = getattr(self.arrays, name)
        if isinstance(found, types.ModuleType):
            return Recording(found, getattr(self.symbols, name), self.seen)
        if name in OUTSIDE.split():
            return found

        def call(*args, **kwargs):
            given = {}

            def symbol(value):
                if isinstance(value, Tensor):
                    given[f"x{len(given)}"] = value.copy()
                    return sym.var(f"x{len(given) - 1}")
                if isinstance(value, list | tuple) and any(isinstance(v, Tensor) for v in value):
                    return [symbol(part) for part in value]
                return value

            other = getattr(self.symbols, name)
            graph = other(*map(symbol, args), **{k: symbol(v) for k, v in kwargs.items()})
            mx.random.seed(SEED)
            expected = found(*args, **kwargs)
            mx.random.seed(SEED)
            again = sym.load_json(graph.tojson())
            self.seen.append((again.eval(**given), leaves(expected)))
            return expected

        return call


def names_of(call):
    """Functions of nd in a call, with their module."""
    return call.name.removeprefix("nd.")


# What MXNet's sym has not either: names of microlazy's own, steps of optimizers whose rates are
# arrays or numbers; and control flow, whose functions take what they are given.
NO_SYMBOLS = """
log_sigmoid softrelu gelu silu moveaxis contrib.isnan contrib.isinf contrib.isfinite
contrib.foreach contrib.while_loop contrib.cond contrib.rand_zipfian lamb_update_phase2
mp_lamb_update_phase2 reset_arrays contrib.adamw_update contrib.mp_adamw_update
contrib.multi_adamw_update contrib.multi_mp_adamw_update contrib.multi_lamb_update
contrib.multi_mp_lamb_update
"""
# Here nd takes the third array for the lengths of labels; symbols are given by name.
BY_NAME = "nd.ctc_loss(t.reshape((4, 2, 3)), j[:2, 1:3] % 2, i[:2], use_label_lengths=True"

SYMBOLIC = [
    call
    for call in CALLS.values()
    if names_of(call) not in (OUTSIDE + NO_SYMBOLS).split() and not call.text.startswith(BY_NAME)
]


@pytest.mark.parametrize("call", SYMBOLIC, ids=str)
def test_symbols_give_what_arrays_give(call):
    seen = []
    scope = {"nd": Recording(nd, sym, seen), "np": mx.np, "npx": mx.npx, **call.arrays()}
    eval(call.text, scope)
    assert seen
    for outputs, expected in seen:
        assert len(outputs) <= len(expected)
        for got, wanted in zip(outputs, expected, strict=False):
            assert got.dtype == wanted.dtype
            # One rounding more: of the rate of exponential's law, which nd divides by.
            tolerance = 1e-15 if "exponential" in call.text else 0
            numpy.testing.assert_allclose(got.asnumpy(), wanted.asnumpy(), tolerance)


# Operators that files hold and nd has not by these names, as MXNet 1.9.1 answers for
# z = [[0, 1, 2], [3, 4, 5]]; masks are assigned in place there.
INTERNAL = {
    "_slice_assign(z, y, begin=(0, 1), end=(1, 3))": [[0, 9, 9], [3, 4, 5]],
    "_slice_assign_scalar(z, scalar=7, begin=(0, 0), end=(2, 3), step=(1, 2))": [
        [7, 1, 7],
        [7, 4, 7],
    ],
    "_crop_assign_scalar(z, scalar=7, begin=(1, 0), end=(2, 2))": [[0, 1, 2], [7, 7, 5]],
    "_scatter_plus_scalar(z, scalar=2)": [[2, 3, 4], [5, 6, 7]],
    "_scatter_minus_scalar(z, scalar=2)": [[-2, -1, 0], [1, 2, 3]],
    "_scatter_elemwise_div(z, z + 1)": [[0, 1 / 2, 2 / 3], [3 / 4, 4 / 5, 5 / 6]],
    "_scatter_set_nd(z, v, i, shape=(2, 3))": [[0, 50, 2], [3, 4, 60]],
    "_identity_with_attr_like_rhs(z, z)": [[0, 1, 2], [3, 4, 5]],
    "_contrib_SparseEmbedding(w, z, input_dim=2, output_dim=3)": [[3, 4, 5], [0, 1, 2]],
    "cast_storage(z, stype='default')": [[0, 1, 2], [3, 4, 5]],
    "_npi_boolean_mask_assign_scalar(z, z > 2, value=9.0)": [[0, 1, 2], [9, 9, 9]],
    "_npi_boolean_mask_assign_tensor(z, z > 2, t)": [[0, 1, 2], [7, 8, 9]],
    "_npi_where_scalar2(z > 2, x=1.0, y=2.0)": [[2, 2, 2], [1, 1, 1]],
}


@pytest.mark.parametrize("text", INTERNAL)
def test_operators_that_files_alone_hold(text):
    arrays = {
        "z": nd.arange(6).reshape((2, 3)),
        "y": nd.ones((1, 2)) * 9,
        "v": nd.array([50, 60]),
        "i": nd.array([[0, 1], [1, 2]], dtype="int64"),
        "w": nd.array([1, 0]),
        "t": nd.array([7, 8, 9]),
    }
    name, _, rest = text.partition("(")
    graph = eval(f"operator({rest}", {**{x: sym.var(x) for x in arrays},
                                      "operator": getattr(sym._internal, name)})  # fmt: skip
    graph = sym.load_json(graph.tojson())
    found = graph.eval(**{x: arrays[x] for x in graph.list_arguments()})[0]
    numpy.testing.assert_allclose(found.asnumpy(), INTERNAL[text], 1e-6)


def test_gradients_of_assigned_slices():
    graph = sym._internal._slice_assign(sym.var("x"), sym.var("y"), begin=(0, 1), end=(1, 3))
    run = graph.simple_bind(mx.cpu(), x=(2, 3), y=(1, 2))
    run.forward(is_train=True)
    run.backward([nd.array([[1, 2, 3], [4, 5, 6]])])
    assert run.grad_dict["x"].asnumpy().tolist() == [[1, 0, 0], [4, 5, 6]]
    assert run.grad_dict["y"].asnumpy().tolist() == [[2, 3]]


def test_arrays_are_dense():
    with pytest.raises(mx.MXNetError, match="stype is 'default', not 'csr'"):
        sym._internal.cast_storage(sym.var("x"), stype="csr").eval(x=nd.ones((2, 2)))
