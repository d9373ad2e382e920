"""Long training runs in the memory that short ones need."""

import os
from pathlib import Path

import pytest

from benchmarks.gluon_steps import build

STATUS = Path("/proc/self/statm")
STEPS = 10_000
WARM_UP = 500
ALLOWED = 1 << 20  # bytes; one leaked batch of 2 x 20 float32 a step would be 1.5 MiB


def resident_bytes() -> int:
    return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell a process its memory")
@pytest.mark.parametrize("hybrid", [False, True], ids=["eager", "hybrid"])
def test_steps_do_not_grow_memory(hybrid):
    step = build("toy", hybrid)
    for _ in range(WARM_UP):
        step()
    before = resident_bytes()
    for _ in range(STEPS):
        step()
    assert resident_bytes() - before < ALLOWED
