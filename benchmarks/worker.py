"""A process that measures one framework on request, so that frameworks can take turns.

It reads lines ``WORKLOAD SECONDS`` and answers each with a line: the mean time of a step in
seconds, or "nan" where this framework cannot do the work. Its first line, before any request, is
the framework's name and version. With the variable BENCHMARKS_CLOCK=thread_time it counts the
seconds in which its one thread ran, and not those of other programs. A workload is built and warmed
up at its first request and kept until another one is asked for.

A line ``compute WORKLOAD FOLDER`` lets one of `PROGRAMS` begin with the arrays of ``start.npz`` in
that folder and write what `COMPARED` steps compute to ``FRAMEWORK.npz``. The answer is an empty
line, or why that failed on one line. The program so compared is the one that is measured next.
"""

import math
import os
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy

from benchmarks import (
    array_steps,
    corner_steps,
    data_steps,
    layer_steps,
    metric_steps,
    optimizer_steps,
)
from benchmarks.workloads import PROGRAMS, Arrays, Program, Step, seconds_per_step

WARM_UP = 5  # steps
COMPARED = 3  # steps


def main(framework: str) -> None:
    """Serve one framework on the standard streams.

    It is ``microlazy``, ``microlazy-hybrid``, ``microlazy-step`` (by compile_step), one of its
    dialects as ``microlazy-torch``, ``microlazy-keras``, ``microlazy-flax`` and
    ``microlazy-flax-eager``, ``numpy``, ``torch``, ``torch-compile``, ``jax``, ``mxnet`` or
    ``mxnet-hybrid``.
    """
    clock = getattr(time, os.environ.get("BENCHMARKS_CLOCK", "perf_counter"))
    module = import_module(framework.partition("-")[0])
    print(framework, module.__version__, flush=True)
    current, step = None, None
    for request in sys.stdin:
        if request.startswith("compute "):
            _, current, folder = request.rstrip("\n").split(" ", 2)
            step, failure = None, ""
            try:
                step = computed(framework, current, Path(folder))
            except Exception as error:  # whatever a framework raises is the answer
                failure = f"{type(error).__name__}: {error}".splitlines()[0]
            print(failure, flush=True)
            continue
        workload, _, budget = request.rpartition(" ")
        if workload != current:
            step = None  # free the last workload's memory first
            current, step = workload, build(framework, workload)
            for _ in range(WARM_UP if step else 0):
                step()
        if step:
            spread_threads(step)
        print(seconds_per_step(step, float(budget), clock) if step else math.nan, flush=True)


def computed(framework: str, workload: str, folder: Path) -> Step:
    """Return the step of a program that began with given arrays; write what it computed."""
    made = program(framework, workload)
    made.load(read_arrays(folder / "start.npz"))
    results = numpy.stack([made.result().ravel() for _ in range(COMPARED)])
    numpy.savez(folder / f"{framework}.npz", *made.arrays(), results=results)
    for _ in range(WARM_UP):
        made.step()
    return made.step


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of a file that have no name, in their order."""
    with numpy.load(path) as file:
        return [file[f"arr_{i}"] for i in range(sum(name.startswith("arr_") for name in file))]


def program(framework: str, workload: str) -> Program:
    """Return a program of `PROGRAMS`."""
    name, _, way = framework.partition("-")
    if name == "torch":
        return import_module("benchmarks.torch_steps").program(workload, compiled=way == "compile")
    if name == "jax":
        return import_module("benchmarks.jax_steps").program(workload)
    steps = import_module("benchmarks.mxnet_steps" if name == "mxnet" else "benchmarks.gluon_steps")
    return steps.program(workload, hybrid=way == "hybrid", compiled=way == "step")


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
    if framework == "microlazy" or workload not in PROGRAMS:
        return import_module("benchmarks.gluon_steps").build(workload)
    return program(framework, workload).step


if __name__ == "__main__":
    main(sys.argv[1])
