"""The workloads in MXNet: the very programs of `gluon_steps.py`, run with another package.

MXNet computes in threads of its own after a call has returned, so each step waits for them.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import mxnet

from benchmarks.workloads import Program, Step

sys.modules["microlazy"] = mxnet
sys.modules["microlazy.gluon"] = mxnet.gluon
gluon_steps = import_module("benchmarks.gluon_steps")


def waiting(step: Step) -> Callable[[], None]:
    """Return the step, with the time until all is computed."""

    def whole() -> None:
        step()
        mxnet.nd.waitall()

    return whole


def program(workload: str, hybrid: bool = False, compiled: bool = False) -> Program:
    """Return one of `PROGRAMS`; MXNet has no compile_step and says so."""
    found = gluon_steps.program(workload, hybrid, compiled)
    return replace(found, step=waiting(found.step))
