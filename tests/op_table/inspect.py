"""Running the table's calls: what a function returns, how it runs, what gradient it has."""

import ast
import re
import tempfile
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy

import microlazy
from microlazy import autograd
from microlazy.base import AbstractValueError
from microlazy.core.differentiation import ops_behind
from microlazy.core.tensor import Tensor
from microlazy.core.trace import abstract, ops_of

from .rows import Function
from .samples import samples

SEED = 11


class Call(NamedTuple):
    """A call of a row, written with one of its names."""

    name: str
    text: str
    row: Function
    first: bool  # the row's example, not one of `more`

    def __str__(self) -> str:
        return self.text

    @property
    def face(self) -> str:
        """Which arrays it works on: "np" or "nd"."""
        return "nd" if self.name.startswith("nd.") else "np"

    def values(self) -> dict[str, numpy.ndarray]:
        """The samples that the call reads, in the order in which it names them."""
        known = samples()
        return {name: known[name].copy() for name in _names(self.text) if name in known}

    def arrays(self) -> dict[str, Any]:
        """The same samples as our arrays."""
        return {name: to_array(value, self.face) for name, value in self.values().items()}


@cache
def _names(text: str) -> list[str]:
    """The names in an expression, each once."""
    nodes = ast.walk(ast.parse(text))
    return list(dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name)))


def to_array(value: numpy.ndarray, face: str) -> Any:
    """Make an array of "np" or "nd" with NumPy's values and dtype.

    Examples
    --------
    >>> import numpy
    >>> from op_table.inspect import to_array
    >>> to_array(numpy.array([1, 2]), "np")
    array([1, 2], dtype=int64)
    """
    return getattr(microlazy, face).array(value, dtype=value.dtype)


def calls_of(row: Function) -> list[Call]:
    """Return every call of a row: each example with each name; one for two names of one function.

    Examples
    --------
    >>> from op_table.inspect import calls_of
    >>> from op_table.rows import Function
    >>> [call.text for call in calls_of(Function("np.abs np.fabs nd.abs", "np.abs(x)"))]
    ['np.abs(x)', 'np.fabs(x)', 'nd.abs(x)']
    """
    names = row.names.split()
    functions = {name: find(name) for name in names[::-1]}
    different = {
        (id(function), name.startswith("nd.")): name
        for name, function in functions.items()
        if function is not None
    }
    pattern = rf"(?<![\w.]){re.escape(names[0])}(?!\w)"
    return [
        Call(name, re.sub(pattern, name, text), row, text is row.example)
        for name in names
        if name in different.values()
        for text in (row.example, *row.more)
    ]


def find(name: str) -> Any:
    """Return the function of a name such as "np.linalg.norm"; None if there is none.

    Examples
    --------
    >>> from op_table.inspect import find
    >>> find("np.linalg.norm").__name__, find("np.no_such_function")
    ('norm', None)
    """
    try:
        return attrgetter(name)(microlazy)
    except AttributeError:
        return None


def evaluate(call: Call, arrays: dict[str, Any]) -> Any:
    """Run a call on arrays; one that returns nothing gives its first array, which it changed.

    Examples
    --------
    >>> from op_table.inspect import calls_of, evaluate
    >>> from op_table.rows import Function
    >>> (call,) = calls_of(Function("np.shape", "np.shape(x)"))
    >>> evaluate(call, call.arrays())
    (3, 4)
    """
    scope = {"np": microlazy.np, "npx": microlazy.npx, "nd": microlazy.nd, **arrays}
    if "path" in _names(call.text):
        with tempfile.TemporaryDirectory() as folder:
            result = eval(call.text, scope | {"path": str(Path(folder, "file"))})
    else:
        result = eval(call.text, scope)
    return next(iter(arrays.values()), None) if result is None else result


def leaves(result: Any) -> list[Any]:
    """Return the arrays and other values of a result that may be nested.

    Examples
    --------
    >>> from op_table.inspect import leaves
    >>> leaves((1, [2, (3, "four")]))
    [1, 2, 3, 'four']
    """
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def is_float(array: Any) -> bool:
    """Whether it is an array of ours that may have a gradient.

    Examples
    --------
    >>> from microlazy import np
    >>> from op_table.inspect import is_float
    >>> is_float(np.ones(2)), is_float(np.ones(2, dtype=bool)), is_float(2.0)
    (True, False, False)
    """
    return isinstance(array, Tensor) and numpy.dtype(array.dtype).kind == "f"


def recorded(call: Call, arrays: dict[str, Any]) -> list[Any]:
    """Run a call under `record()`, seeded; returns its float results that are on the tape.

    Examples
    --------
    >>> from op_table.inspect import calls_of, recorded
    >>> from op_table.rows import Function
    >>> (call,) = calls_of(Function("np.argsort", "np.argsort(x)"))
    >>> recorded(call, call.arrays())
    []
    """
    microlazy.random.seed(SEED)
    for array in arrays.values():
        if is_float(array):
            array.attach_grad()
    with autograd.record():
        result = evaluate(call, arrays)
    return [y for y in leaves(result) if is_float(y) and ops_behind(y)]


def weights(arrays: Sequence[Any]) -> list[Any]:
    """Return arrays of the same shapes and dtypes, with one fixed number for each element.

    Examples
    --------
    >>> from microlazy import np
    >>> from op_table.inspect import weights
    >>> weights([np.zeros((2, 3))])[0].shape
    (2, 3)
    """
    generator = numpy.random.default_rng(5)
    return [
        to_array(generator.uniform(0.5, 1.5, a.shape).astype(a.dtype), _face(a)) for a in arrays
    ]


def _face(array: Any) -> str:
    return "np" if isinstance(array, microlazy.np.ndarray) else "nd"


def gradients(call: Call, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient of the weighted results in each float array, where any has one.

    Examples
    --------
    >>> from op_table.inspect import calls_of, gradients
    >>> from op_table.rows import Function
    >>> (call,) = calls_of(Function("np.sum", "np.sum(x)"))
    >>> gradients(call, call.arrays())["x"].shape
    (3, 4)
    """
    results = recorded(call, arrays)
    if not results:
        return {}
    autograd.backward(results, weights(results))
    return {name: x.grad for name, x in arrays.items() if is_float(x)}


def second_gradients(call: Call, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient, in each float array, of the weighted `gradients`.

    Raises
    ------
    MXNetError
        If an op's gradient is not differentiable again.

    Examples
    --------
    >>> from op_table.inspect import calls_of, second_gradients
    >>> from op_table.rows import Function
    >>> (call,) = calls_of(Function("np.sum", "np.sum(x)"))
    >>> float(second_gradients(call, call.arrays())["x"].sum())
    0.0
    """
    results = recorded(call, arrays)
    heads = weights(results)
    floats = {name: x for name, x in arrays.items() if is_float(x)}
    leading = {name: x for name, x in floats.items() if _leads(x, results, heads)}
    with autograd.record():
        slopes = autograd.grad(results, list(leading.values()), heads, create_graph=True)
    factors = dict(zip(floats, weights(list(floats.values())), strict=True))
    curved = {name: g for name, g in zip(leading, slopes, strict=True) if ops_behind(g)}
    for x in floats.values():
        x.attach_grad()
    if curved:
        autograd.backward(list(curved.values()), [factors[name] for name in curved])
    return {name: x.grad for name, x in floats.items()}


def _leads(x: Any, results: list[Any], heads: list[Any]) -> bool:
    try:
        autograd.grad(results, x, heads, retain_graph=True)
    except microlazy.MXNetError as error:
        if "does not lead" not in str(error):
            raise
        return False
    return True


def order_of(call: Call) -> str:
    """Return which gradients a call has: "none", "zero", "first" or "any".

    Examples
    --------
    >>> from op_table.inspect import calls_of, order_of
    >>> from op_table.rows import Function
    >>> names = "np.exp", "np.floor", "np.argmax"
    >>> [order_of(*calls_of(Function(name, f"{name}(x)"))) for name in names]
    ['any', 'zero', 'none']
    """
    try:
        slopes = gradients(call, call.arrays())
    except (microlazy.MXNetError, TypeError, ValueError):
        return "none"  # such as one that changes its input in place
    if not slopes:
        return "none"
    if not any(slope.asnumpy().any() for slope in slopes.values()):
        return "zero"
    try:
        second_gradients(call, call.arrays())
    except microlazy.MXNetError as error:
        if "create_graph" not in str(error):
            raise
        return "first"
    return "any"


def way_of(call: Call) -> str:
    """Return how a call runs: "kernel", "composed", "NumPy", or "made" where no op runs.

    Examples
    --------
    >>> from op_table.inspect import calls_of, way_of
    >>> from op_table.rows import Function
    >>> way_of(*calls_of(Function("np.exp", "np.exp(x)")))
    'kernel'
    """
    face = int(call.face == "np")
    stand_ins = {
        name: abstract(array.shape, array.dtype, face) for name, array in call.arrays().items()
    }
    try:
        ops = ops_of(lambda: evaluate(call, stand_ins))
    except AbstractValueError:
        return "NumPy"  # it needs values
    if any(op.startswith("numpy:") for op in ops):
        return "NumPy"
    return "composed" if len(ops) > 1 else "kernel" if ops else "made"
