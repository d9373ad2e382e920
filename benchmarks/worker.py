"""A process that measures one framework on request, so that frameworks can take turns.

It reads lines ``WORKLOAD SECONDS`` and answers each with a line: the mean time of a step in
seconds, or "nan" where this framework cannot do the work. Its first line, before any request, is
the framework's name and version. With the variable BENCHMARKS_CLOCK=thread_time it counts the
seconds in which its one thread ran, and not those of other programs. A workload is built and warmed
up at its first request and kept until another one is asked for.
"""

import math
import os
import sys
import time
from importlib import import_module

from benchmarks import (
    array_steps,
    corner_steps,
    data_steps,
    layer_steps,
    metric_steps,
    optimizer_steps,
)
from benchmarks.workloads import Step, seconds_per_step

WARM_UP = 5  # steps


def main(framework: str) -> None:
    """Serve one framework on the standard streams.

    It is ``microlazy``, ``microlazy-hybrid``, one of its dialects as ``microlazy-torch``,
    ``microlazy-keras``, ``microlazy-flax`` and ``microlazy-flax-eager``, ``numpy`` or ``torch``.
    """
    clock = getattr(time, os.environ.get("BENCHMARKS_CLOCK", "perf_counter"))
    module = import_module(framework.partition("-")[0])
    print(framework, module.__version__, flush=True)
    current, step = None, None
    for request in sys.stdin:
        workload, _, budget = request.rpartition(" ")
        if workload != current:
            step = None  # free the last workload's memory first
            current, step = workload, build(framework, workload)
            for _ in range(WARM_UP if step else 0):
                step()
        if step:
            spread_threads(step)
        print(seconds_per_step(step, float(budget), clock) if step else math.nan, flush=True)


def spread_threads(step: Step) -> None:
    """Run one step with the first thread on one core and the others on the rest.

    Linux wakes a thread where it ran last. Where that core was busy for a moment, two threads of a
    team come to share one core and stay there, beside an idle one, so that a step takes six times
    as long until chance parts them. Afterwards all threads may run anywhere again.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = os.sched_getaffinity(0)
    first, *others = sorted(cores)
    threads = sorted(int(name) for name in os.listdir("/proc/self/task"))
    if not others:
        return
    for thread in threads:
        os.sched_setaffinity(thread, [first] if thread == os.getpid() else others)
    step()
    for thread in threads:
        os.sched_setaffinity(thread, cores)


def build(framework: str, workload: str) -> Step | None:
    """Return the step of a workload; None for what a framework has not."""
    for steps in (corner_steps, layer_steps, metric_steps, optimizer_steps, data_steps):
        if workload.startswith(steps.PREFIX):
            return steps.build(framework, workload)
    if workload in array_steps.CASES:
        return array_steps.build(framework, workload)
    if framework == "microlazy-keras":
        return import_module("benchmarks.keras_steps").build(workload)
    if framework in ("microlazy-flax", "microlazy-flax-eager"):
        flax_steps = import_module("benchmarks.flax_steps")
        return flax_steps.build(workload, jitted=framework == "microlazy-flax")
    if framework == "microlazy-torch":  # the very same program, with another torch
        sys.modules["torch"] = import_module("microlazy.dialects.torch")
    if framework.endswith("torch"):
        return import_module("benchmarks.torch_steps").build(workload)
    gluon_steps = import_module("benchmarks.gluon_steps")
    return gluon_steps.build(workload, hybrid=framework == "microlazy-hybrid")


if __name__ == "__main__":
    main(sys.argv[1])
