"""One training step, or the like, of every workload that the comparison knows."""

import pytest

from benchmarks.gluon_steps import build
from benchmarks.workloads import DESCRIPTIONS, NETWORKS


@pytest.mark.parametrize("workload", DESCRIPTIONS)
def test_eager(benchmark, workload):
    benchmark(build(workload))


@pytest.mark.parametrize("workload", NETWORKS)
def test_hybridized(benchmark, workload):
    benchmark(build(workload, hybrid=True))
