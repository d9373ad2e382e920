"""Calls on large and small arrays: elementwise mathematics, reductions, layouts, slow corners."""

import pytest

from benchmarks import corner_steps
from benchmarks.array_steps import CASES, build


@pytest.mark.parametrize("case", CASES)
def test_call(benchmark, case):
    benchmark(build("microlazy", case))


@pytest.mark.parametrize("mode", ["value", "gradient"])
@pytest.mark.parametrize("text", ["np.take(x, i, axis=1)", "np.flip(x)", "np.repeat(x, 2, axis=1)"])
def test_corner(benchmark, text, mode):
    benchmark(corner_steps.build("microlazy", corner_steps.workload(100, mode, text)))
