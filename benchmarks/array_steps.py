"""One call on arrays, as each framework's users write it; `benchmarks.arrays` compares them.

A case is an expression over float32 arrays: `x` and `y` of both signs, `p` positive, the bools
`c = x < y`, and a `row` and a `column` of x. Large ones are 1000 x 1000, small ones have one axis.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from benchmarks.workloads import Step

SIDE = 1000
SMALL_SIZES = (1, 10, 100)
REPEAT = 100  # calls on small arrays in one step: the clock's own loop must not count


class Case(NamedTuple):
    """The same computation in each framework; "" where a framework does not have it."""

    microlazy: str
    numpy: str
    torch: str


def method(name: str, in_torch: str = "", options: str = "") -> dict[str, Case]:
    """Return the cases of a reduction: over everything, and along each axis."""
    cases = {}
    for label, axis in (("", ""), (", axis 0", "axis=0"), (", axis 1", "axis=1")):
        call = f"x.{name}({axis})"
        arguments = ", ".join(filter(None, (axis.replace("axis", "dim"), options)))
        cases[name + label] = Case(call, call, f"x.{in_torch or name}({arguments})")
    return cases


def function(text: str) -> Case:
    return Case(f"np.{text}", f"numpy.{text}", f"torch.{text}")


def softmax(axis: int) -> Case:
    return Case(f"npx.softmax(x, axis={axis})", f"softmax(x, {axis})", f"torch.softmax(x, {axis})")


ELEMENTWISE = {
    "add": Case("x + y", "x + y", "x + y"),
    "mul": Case("x * y", "x * y", "x * y"),
    "exp": function("exp(x)"),
    "log": function("log(p)"),
    "tanh": function("tanh(x)"),
    "sigmoid": Case("npx.sigmoid(x)", "1 / (1 + numpy.exp(-x))", "torch.sigmoid(x)"),
    "erf": Case("npx.erf(x)", "", "torch.erf(x)"),
    "sqrt": function("sqrt(p)"),
    "pow": Case("p ** y", "p ** y", "p ** y"),
    "pow, a number": Case("p ** 1.7", "p ** 1.7", "p ** 1.7"),
    "compare": Case("x < y", "x < y", "x < y"),
    "where": function("where(c, x, y)"),
}
REDUCTIONS = {
    **method("sum"),
    **method("mean"),
    **method("max", in_torch="amax"),
    **method("argmax"),
    "softmax, axis 0": softmax(0),
    "softmax, axis 1": softmax(1),
    **method("var", options="correction=0"),
}
SMALL = {
    **ELEMENTWISE,
    **{name: case for name, case in REDUCTIONS.items() if "," not in name},
    "softmax": softmax(0),
}
# Other layouts of our own arrays, each with the contiguous expression that it is compared with.
# `even` and `even_rows` look at every other column and row of x, by way of NumPy, and `half` is a
# copy: x[:, ::2] itself copies, as in MXNet.
LAYOUTS = {
    "x.T + y": "x + y",
    "x.T + y.T": "x + y",
    "x + row": "x + y",
    "x + column": "x + y",
    "even * 2": "half * 2",
    "even_rows * 2": "half * 2",
    "np.exp(x.T)": "np.exp(x)",
    "x.T < y": "x < y",
    "x < row": "x < y",
    "np.where(c, x, row)": "np.where(c, x, y)",
    "np.where(c, x.T, y)": "np.where(c, x, y)",
    "x.T.sum()": "x.sum()",
    "x.T.sum(axis=0)": "x.sum(axis=1)",
    "x.T.max(axis=1)": "x.max(axis=0)",
    "x.T.argmax(axis=0)": "x.argmax(axis=1)",
    "x.T.var(axis=0)": "x.var(axis=1)",
    "even.sum()": "half.sum()",
}
CASES = {
    **{
        f"large {name}": (case, (SIDE, SIDE), 1)
        for name, case in {**ELEMENTWISE, **REDUCTIONS}.items()
    },
    **{
        f"{size} {name}": (case, (size,), REPEAT)
        for size in SMALL_SIZES
        for name, case in SMALL.items()
    },
    **{
        f"layout {text}": (Case(text, "", ""), (SIDE, SIDE), 1)
        for text in {**LAYOUTS, **dict.fromkeys(LAYOUTS.values())}
    },
}


def softmax_of(x: numpy.ndarray, axis: int) -> numpy.ndarray:
    """Softmax as one writes it with NumPy."""
    e = numpy.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def names(framework: str) -> dict[str, Any]:
    """Return what a framework's expressions may name, and how it takes over a NumPy array."""
    if framework == "torch":
        import torch

        return {"torch": torch, "array": torch.from_numpy}
    if framework == "numpy":
        return {"numpy": numpy, "softmax": softmax_of, "array": numpy.array}
    from microlazy import np, npx

    return {"np": np, "npx": npx, "array": lambda values: np.array(values, dtype=values.dtype)}


def build(framework: str, workload: str) -> Step:
    """Return the step of a case for ``microlazy``, ``numpy`` or ``torch``."""
    case, shape, repeat = CASES[workload]
    scope = names(framework)
    array: Callable[[numpy.ndarray], Any] = scope.pop("array")
    generator = numpy.random.default_rng(0)
    x, y = generator.standard_normal((2, *shape), dtype=numpy.float32)
    arrays = {"x": x, "y": y, "p": numpy.abs(x) + 0.1, "c": x < y}
    if len(shape) == 2:
        arrays |= {"row": x[0].copy(), "column": x[:, :1].copy(), "half": x[:, ::2].copy()}
    scope |= {name: array(value) for name, value in arrays.items()}
    if framework == "microlazy" and len(shape) == 2:
        same_memory = numpy.asarray(scope["x"])
        scope["even"] = scope["np"].asarray(same_memory[:, ::2])
        scope["even_rows"] = scope["np"].asarray(same_memory[::2])
    calls = f"    {getattr(case, framework)}\n" * repeat
    exec(f"def step():\n{calls}", scope)
    return scope["step"]
