"""One row of the op table as a step of each framework; `benchmarks.corners` compares them.

The arrays have the names and the kinds of the table's samples, in float32, and the size that is
asked for: 100 or 1,000,000 elements. A call whose text fits no other size than the samples' own is
not measured.
"""

from functools import cache
from importlib import import_module
from math import isqrt
from typing import Any

import numpy

from benchmarks.workloads import Step

SIZES = (100, 1_000_000)
PREFIX = "corner "
REPEAT = {100: 20, 1_000_000: 1}  # calls in one step: the clock's own loop must not count
ROUGH = 1e-2  # relative: float32 in another order of summation


# What takes NumPy minutes on vectors of a million.
QUADRATIC = ("np.convolve", "np.correlate", "np.poly", "np.roots")


def workload(size: int, mode: str, text: str) -> str:
    """Return the name of a workload; `build` takes it apart.

    Examples
    --------
    >>> workload(100, "value", "np.exp(x)")
    'corner 100 value np.exp(x)'
    """
    return f"{PREFIX}{size} {mode} {text}"


@cache
def arrays(size: int) -> dict[str, numpy.ndarray]:
    """Return the samples of a size, by name.

    Examples
    --------
    >>> {name: array.shape for name, array in arrays(100).items() if name in "xvt"}
    {'x': (10, 10), 'v': (100,), 't': (4, 5, 5)}
    """
    generator = numpy.random.default_rng(20)
    side = isqrt(size)

    def between(low: float, high: float, *shape: int) -> numpy.ndarray:
        return generator.uniform(low, high, shape).astype("float32")

    matrix = between(-1.7, 1.8, side, side) / numpy.float32(side**0.5)
    return {
        "x": between(-1.93, 1.87, side, side),
        "y": between(-1.81, 1.92, side, side),
        "p": between(0.37, 2.41, side, side),
        "u": between(0.13, 0.89, side, side),
        "v": between(-1.63, 1.78, size),
        "w": between(-1.41, 1.33, size),
        "m": matrix,
        "s": matrix @ matrix.T + 2 * numpy.eye(side, dtype="float32"),
        "t": between(-1.97, 1.89, 4, 5, size // 20),
        "img": between(-1.99, 1.94, 4, max(size // 400, 1), *((5, 5) if size == 100 else (10, 10))),
        "a0": numpy.array(0.7, "float32"),
        "i": generator.permutation(side),
        "j": generator.integers(0, side, (side, side)),
        "b": generator.random((side, side)) < 0.6,
        "k": generator.integers(1, 6, size).astype("int32"),
    }


def leaves(result: Any) -> list[Any]:
    """Return the arrays of a result that may be nested."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def build(framework: str, name: str) -> Step | None:
    """Return the step of a workload; None if this framework has no such call, or no gradient.

    PyTorch's counts where its values are NumPy's.
    """
    size, mode, text = name.removeprefix(PREFIX).split(" ", 2)
    if int(size) > 100 and text.startswith(QUADRATIC):
        return None
    values = arrays(int(size))
    call = compile(text, "<row>", "eval")
    used = {key: values[key] for key in call.co_names if key in values}
    try:
        make = {"torch": _torch, "numpy": _numpy, "microlazy": _microlazy}[framework]
        once = make(call, used, mode == "gradient")
        if once is None:
            return None
        once()
    except Exception:  # another signature, a fixed size, no such function, no memory
        return None
    repeat = REPEAT[int(size)]

    def step() -> None:
        for _ in range(repeat):
            once()

    return step


def _numpy(call: Any, used: dict[str, numpy.ndarray], gradient: bool) -> Step | None:
    if gradient:
        return None
    scope = {"np": numpy, **used}
    return lambda: eval(call, scope)


def _microlazy(call: Any, used: dict[str, numpy.ndarray], gradient: bool) -> Step | None:
    mx = import_module("microlazy")
    own = {key: mx.np.array(value, dtype=value.dtype) for key, value in used.items()}
    scope = {"np": mx.np, "npx": mx.npx, **own}
    if not gradient:
        return lambda: eval(call, scope)
    for array in own.values():
        if array.dtype == numpy.float32:
            array.attach_grad()

    ones: list[Any] = []

    def step() -> None:
        with mx.autograd.record():
            results = [y for y in leaves(eval(call, scope)) if y.dtype == numpy.float32]
        if not ones:
            ones.extend(mx.np.ones_like(y) for y in results)
        mx.autograd.backward(results, ones)

    return step


def _torch(call: Any, used: dict[str, numpy.ndarray], gradient: bool) -> Step | None:
    torch = import_module("torch")
    names = import_module("benchmarks.torch_names")
    own = {key: torch.tensor(value) for key, value in used.items()}
    scope = {"np": names.NP, "npx": names.NPX, **own}
    if "npx." not in _source(call):
        _check(names.leaves(eval(call, scope)), leaves(eval(call, {"np": numpy, **used})))
    if not gradient:
        return lambda: eval(call, scope)
    floats = [x.requires_grad_() for x in own.values() if x.is_floating_point()]
    ones = [torch.ones_like(y) for y in names.leaves(eval(call, scope)) if y.grad_fn is not None]
    if not ones:
        return None

    def step() -> None:
        for x in floats:
            x.grad = None
        heads = [y for y in names.leaves(eval(call, scope)) if y.grad_fn is not None]
        torch.autograd.backward(heads, ones)

    return step


def _source(call: Any) -> str:
    return " ".join(f"{name}." for name in call.co_names)


def _check(found: list[Any], expected: list[Any]) -> None:
    for y, e in zip(found, expected, strict=True):
        if tuple(y.shape) != numpy.shape(e):
            raise ValueError("another function than NumPy's")
        numpy.testing.assert_allclose(y.numpy(), e, rtol=ROUGH, atol=ROUGH)
