"""Calls on large and small arrays: elementwise mathematics, reductions, other layouts."""

import pytest

from benchmarks.array_steps import CASES, build


@pytest.mark.parametrize("case", CASES)
def test_call(benchmark, case):
    benchmark(build("microlazy", case))
