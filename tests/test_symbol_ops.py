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
