"""Every call of the op table: NumPy's values, gradients of two orders, plans, completeness."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy
import pytest
import scipy
import scipy.linalg
import scipy.special
from gradients import STEP, Wrapped, assert_same_bits, leaf
from op_table.__main__ import stale
from op_table.inspect import (
    SEED,
    Call,
    calls_of,
    evaluate,
    find,
    gradients,
    is_float,
    leaves,
    order_of,
    recorded,
    second_gradients,
    to_array,
    weights,
)
from op_table.table import MODULES, public_functions, rows

import microlazy as mx
from microlazy import autograd
from microlazy.core.differentiation import ops_behind
from microlazy.core.tensor import Tensor

ROWS = rows()
CALLS = list({call.text: call for row in ROWS for call in calls_of(row)}.values())
COMPARED = [
    call
    for call in CALLS
    if (call.first and call.row.like)
    or (call.row.like == "" and call.name.startswith("np."))
    and "np.random." not in call.text
]
DIFFERENTIABLE = [call for call in CALLS if call.row.gradient and not call.row.surrogate]
DOUBLE = re.compile("float64|float_power|loadtxt|genfromtxt")  # what gives float64 to float32
IDS = {"ids": str}


# ---- values --------------------------------------------------------------------------------------


def numbers(value: Any) -> numpy.ndarray:
    return value.asnumpy() if isinstance(value, Tensor) else numpy.asarray(value)


def kind(array: numpy.ndarray) -> str:
    return array.dtype.kind.replace("u", "i")


@pytest.mark.parametrize("call", COMPARED, **IDS)
def test_numpy_gives_the_same(call, tmp_path):
    ours = leaves(evaluate(call, call.arrays()))
    arrays = call.values()
    scope = {"np": numpy, "numpy": numpy, "scipy": scipy, "path": str(tmp_path / "file"), **arrays}
    text = call.row.like if call.first and call.row.like else call.text
    with numpy.errstate(all="ignore"):
        expected = eval(text, scope)
    theirs = leaves(next(iter(arrays.values()), None) if expected is None else expected)
    assert len(ours) == len(theirs)
    for got, wanted in zip(map(numbers, ours), map(numbers, theirs), strict=True):
        if kind(wanted) not in "fibc":
            assert got == wanted  # a dtype, a text
            continue
        if call.face == "np":
            assert got.shape == wanted.shape
            assert kind(got) == kind(wanted)
        numpy.testing.assert_allclose(
            got, wanted.reshape(got.shape), rtol=1e-10 if got.dtype == "float64" else 1e-6,
            atol=1e-12,
        )  # fmt: skip


@pytest.mark.parametrize("call", [c for c in CALLS if not DOUBLE.search(c.text)], **IDS)
def test_in_float32_it_gives_float32(call):
    narrow = {
        name: value.astype("float32") if value.dtype == "float64" else value
        for name, value in call.values().items()
    }
    mx.random.seed(SEED)
    results = leaves(evaluate(call, {n: to_array(v, call.face) for n, v in narrow.items()}))
    assert all(numpy.dtype(y.dtype) == "float32" for y in results if is_float(y))


# A DLPack capsule cannot say that memory is read backwards.
@pytest.mark.parametrize(
    "call", [c for c in CALLS if c.values() and "to_dlpack" not in c.text], **IDS
)
def test_how_the_arrays_lie_in_memory_does_not_matter(call):
    results = []
    for layout in ("packed", "strided", "reversed"):
        mx.random.seed(SEED)
        arrays = {
            name: leaf(value, call.face, layout if value.ndim else "packed")
            for name, value in call.values().items()
        }
        found = [y for y in leaves(evaluate(call, arrays)) if isinstance(y, Tensor)]
        results.append([y.asnumpy() for y in found])
    for packed, *others in zip(*results, strict=True):
        for other in others:
            assert other.dtype == packed.dtype
            numpy.testing.assert_allclose(other, packed, rtol=1e-12, atol=1e-13)


# ---- gradients -----------------------------------------------------------------------------------


def directions(values: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """Where each float sample moves to; the symmetric one stays symmetric."""
    generator = numpy.random.default_rng(4)
    found = {n: generator.uniform(-1, 1, v.shape) for n, v in values.items() if v.dtype.kind == "f"}
    if "s" in found:
        found["s"] = found["s"] + found["s"].T
    return found


def moved(call: Call, step: float) -> dict[str, Any]:
    values = call.values()
    for name, direction in directions(values).items():
        values[name] = values[name] + step * direction
    return {name: to_array(value, call.face) for name, value in values.items()}


def weighted(arrays: Sequence[Any]) -> float:
    return sum(
        float((w.asnumpy() * a.asnumpy()).sum())
        for w, a in zip(weights(arrays), arrays, strict=True)
    )


def assert_slope(
    call: Call, slopes: dict[str, Any], function: Callable[[dict[str, Any]], Sequence[Any]]
) -> None:
    """Gradients of weighted results predict what a small step does."""
    ahead, behind = (weighted(function(moved(call, step))) for step in (STEP, -STEP))
    difference = (ahead - behind) / (2 * STEP)
    ways = directions(call.values())
    parts = [float((ways[n] * g.asnumpy().reshape(ways[n].shape)).sum()) for n, g in slopes.items()]
    size = 1 + abs(ahead) + sum(abs(part) for part in parts)
    assert abs(sum(parts) - difference) < 1e-7 * size, (sum(parts), difference)


@pytest.mark.parametrize("call", DIFFERENTIABLE, **IDS)
def test_gradient_is_the_central_difference(call):
    slopes = gradients(call, call.arrays())
    assert slopes, "the row says that it has a gradient, but its result is not on the tape"
    assert_slope(call, slopes, lambda arrays: recorded(call, arrays))


@pytest.mark.parametrize("call", DIFFERENTIABLE, **IDS)
def test_gradient_of_the_gradient_is_the_central_difference(call):
    try:
        slopes = second_gradients(call, call.arrays())
    except mx.MXNetError as error:
        if "create_graph" not in str(error):
            raise
        return  # docs/arrays.md says so
    assert not call.row.once
    assert_slope(call, slopes, lambda arrays: list(gradients(call, arrays).values()))


@pytest.mark.parametrize("call", [c for c in CALLS if c.row.surrogate], **IDS)
def test_a_gradient_of_its_own_is_there(call):
    assert gradients(call, call.arrays())


@pytest.mark.parametrize("call", [c for c in CALLS if not c.row.gradient], **IDS)
def test_what_says_that_it_has_no_gradient_has_none(call):
    assert order_of(call) == "none"


# ---- plans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [c for c in CALLS if c.values()], **IDS)
def test_hybridized_it_gives_the_same_bits(call):
    arrays = call.arrays()
    block = Wrapped(lambda *inputs: evaluate(call, dict(zip(arrays, inputs, strict=True))))
    block.hybridize()
    if call.row.dynamic:
        with pytest.warns(UserWarning, match="runs eagerly"):
            block(*arrays.values())
    for _ in range(2):  # when the plan is made, and when it is used again
        mx.random.seed(SEED)
        planned = leaves(block(*call.arrays().values()))
        mx.random.seed(SEED)
        eager = leaves(evaluate(call, call.arrays()))
        if not any(isinstance(y, Tensor) for y in eager):
            return  # a text, a dtype, a shape
        assert_same_bits([*map(numbers, planned)], [*map(numbers, eager)], str(call))


@pytest.mark.filterwarnings("ignore:.*runs eagerly")  # what writes in place
@pytest.mark.parametrize("call", [c for c in CALLS if c.row.gradient and c.values()], **IDS)
def test_between_other_ops_of_a_plan_its_gradient_has_the_same_bits(call):
    """A plan uses memory again that no backward() reads, of the op's inputs and results."""
    names = list(call.arrays())

    def forward(*arrays):
        given = [x * 1 if is_float(x) else x for x in arrays]
        results = leaves(evaluate(call, dict(zip(names, given, strict=True))))
        results = [y for y in results if isinstance(y, Tensor) and is_float(y)]
        others = [x * 5 + 7 for x in arrays if is_float(x)]
        return [y * 3 * 0.5 + 1 for y in results], others

    found = []
    for hybrid in (False, True):
        block = Wrapped(forward)
        block.hybridize(hybrid)
        for _ in range(2):
            arrays = call.arrays()
            floats = [x for x in arrays.values() if is_float(x)]
            for x in floats:
                x.attach_grad()
            mx.random.seed(SEED)
            with autograd.record():
                results, others = block(*arrays.values())
            heads = [y for y in (*results, *others) if ops_behind(y)]
            autograd.backward(heads, weights(heads))
            found.append([numbers(x) for x in (*results, *others, *[x.grad for x in floats])])
    for planned in found[2:]:
        assert_same_bits(planned, found[0], str(call))


# ---- completeness --------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_has_a_row(module):
    named = {name for row in ROWS for name in row.names.split()}
    missing = sorted(set(public_functions(module)) - named)
    assert not missing, " ".join(missing)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.example)
def test_the_first_name_is_called_and_every_name_exists(row):
    assert row.names.split()[0] in row.example
    for name in row.names.split():
        assert callable(find(name)), name


def test_the_page_of_arrays_and_the_stubs_are_up_to_date():
    assert not stale(ROWS), "run python -m tests.op_table"
