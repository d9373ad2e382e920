"""What plans bring: ``python -m benchmarks.plans [--threads] [WORKLOAD ...]``.

Each network trains eagerly, hybridized and by compile_step, in turns in one process. Times are the
processor's on one thread, the least of some rounds: other programs on the machine disturb them
little. Memory is the most that was taken, parameters, gradients and the batch with it.

With ``--threads``, steps by compile_step are timed by the clock on one thread and on two, in turns.
That needs a machine which does nothing else.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable

from tqdm import tqdm

from benchmarks.compare import duration
from benchmarks.gluon_steps import build
from benchmarks.workloads import NETWORKS, Step
from microlazy.core import parallel
from microlazy.core.storage import empty_cache, memory_info

WORKLOADS = ("toy", "deep", "narrow", "mnist", "lenet16", "lenet", "lstm", "resnet18")
WAYS: dict[str, Callable[[str], Step]] = {
    "eager": build,
    "hybridized": lambda name: build(name, hybrid=True),
    "compile_step": lambda name: build(name, compiled=True),
}
ROUNDS = 7
BUDGET = 0.15  # seconds of a round


def memory_of(make: Callable[[str], Step], name: str) -> int:
    """Return how many bytes a network and two of its steps take at most."""
    gc.collect()
    empty_cache()
    before = memory_info()["allocated"]
    step = make(name)
    step()
    step()
    return memory_info()["allocated"] - before


def time_of(step: Step, count: int, clock: Callable[[], float] = time.process_time) -> float:
    """Return the mean seconds of some steps, by the processor's time or another clock."""
    begin = clock()
    for _ in range(count):
        step()
    return (clock() - begin) / count


def measure(name: str) -> dict[str, float]:
    """Return the least seconds of a step, for each way."""
    steps = {way: make(name) for way, make in WAYS.items()}
    for step in steps.values():
        time_of(step, 3)
    count = max(1, int(BUDGET / max(time_of(steps["eager"], 1), 1e-6)))
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(ROUNDS):
        for way, step in steps.items():
            best[way] = min(best[way], time_of(step, count))
    return best


def measure_threads(name: str) -> dict[int, float]:
    """Return the least seconds of a compiled step on one thread and on two."""
    step = build(name, compiled=True)
    time_of(step, 3)
    count = max(1, int(BUDGET / max(time_of(step, 1, time.perf_counter), 1e-6)))
    best = {1: float("inf"), 2: float("inf")}
    for _ in range(ROUNDS):
        for threads in best:
            parallel.set_num_threads(threads)
            best[threads] = min(best[threads], time_of(step, count, time.perf_counter))
    return best


def compare_threads(workloads: list[str]) -> None:
    """Measure and print how much faster two threads are."""
    print("| workload | one thread | two threads | one / two |")
    print("|---|--:|--:|--:|")
    for name in tqdm(workloads, leave=False):
        one, two = measure_threads(name).values()
        print(f"| {name} | {duration(one)} | {duration(two)} | {one / two:.2f}× |", flush=True)


def main(arguments: list[str]) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser("python -m benchmarks.plans", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(NETWORKS))
    parser.add_argument("--threads", action="store_true", help="one thread and two, by the clock")
    options = parser.parse_args(arguments)
    workloads = options.workloads
    unknown = [name for name in workloads if name not in NETWORKS]
    if unknown:
        parser.error(f"no workloads: {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    if options.threads:
        compare_threads(workloads or [*WORKLOADS, "wide"])
        return
    parallel.set_num_threads(1)
    print(f"| workload | {' | '.join(WAYS)} | {' | '.join(f'memory, {way}' for way in WAYS)} |")
    print("|---|" + "--:|" * 2 * len(WAYS))
    for name in tqdm(workloads or WORKLOADS, leave=False):
        times = measure(name)
        cells = [name]
        for way in WAYS:
            faster = f" ({times['eager'] / times[way]:.2f}×)" if way != "eager" else ""
            cells.append(duration(times[way]) + faster)
        for make in WAYS.values():
            cells.append(f"{memory_of(make, name) / 2**20:.2f} MiB")
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
