"""The kernels of every build that this processor runs, with nothing around them.

The probe costs a microsecond or so a call, so each call repeats its kernel: divide by ``REPEAT``.
"""

import numpy as np
import pytest

from benchmarks.kernel_probe import Kernels
from benchmarks.workloads import SMALL
from microlazy.core.kernels.select import available

REPEAT = 100
LENGTHS = [SMALL, 16_384]  # overhead, and a piece of large work
every_build = pytest.mark.parametrize("build", available())


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@every_build
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("op", ["negative", "sqrt", "exp", "log", "sin", "tanh", "erf", "gelu"])
def test_unary(benchmark, op, length, build):
    x = abs(normal(length))
    benchmark(Kernels(build, REPEAT).unary, op, x, np.empty_like(x))


@every_build
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("op", ["add", "multiply", "divide", "maximum"])
def test_binary(benchmark, op, length, build):
    x = normal(length)
    benchmark(Kernels(build, REPEAT).binary, op, x, x, np.empty_like(x))


@every_build
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kernel", ["uniform", "normal"])
def test_random(benchmark, kernel, length, build):
    benchmark(getattr(Kernels(build, REPEAT), kernel), 0, 0, 0.0, 1.0, normal(length))


@every_build
@pytest.mark.parametrize("rows, columns", [(2, 10), (256, 10), (16, 1024)])
@pytest.mark.parametrize("kernel", ["reduce_rows", "reduce_cols", "softmax"])
def test_rows(benchmark, kernel, rows, columns, build):
    x = normal(rows, columns)
    run = getattr(Kernels(build, REPEAT), kernel)
    if kernel == "softmax":
        benchmark(run, x, np.empty_like(x))
    else:
        benchmark(run, "sum", x, normal(rows if kernel == "reduce_rows" else columns))


@every_build
@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("features, units", [(32, 32), (20, 256), (256, 10)])
@pytest.mark.parametrize("kernel", ["thin_nt", "thin_nn", "thin_tn"])
def test_thin_product(benchmark, kernel, batch, features, units, build):
    x, w, g = normal(batch, features), normal(units, features), normal(batch, units)
    operands = {"thin_nt": (x, w, None, g), "thin_nn": (g, w, x), "thin_tn": (g, x, w)}[kernel]
    benchmark(getattr(Kernels(build, REPEAT), kernel), *operands)
