"""What plans bring: ``python -m benchmarks.plans [WORKLOAD ...]``.

Each network trains eagerly, hybridized and by compile_step, in turns in one process. Times are the
processor's on one thread, the least of some rounds: other programs on the machine disturb them
little. Memory is the most that was taken, parameters, gradients and the batch with it.
"""

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


def processor_time(step: Step, count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - begin) / count


def measure(name: str) -> dict[str, float]:
    """Return the least seconds of a step, for each way."""
    steps = {way: make(name) for way, make in WAYS.items()}
    for step in steps.values():
        processor_time(step, 3)
    count = max(1, int(BUDGET / max(processor_time(steps["eager"], 1), 1e-6)))
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(ROUNDS):
        for way, step in steps.items():
            best[way] = min(best[way], processor_time(step, count))
    return best


def main(workloads: list[str]) -> None:
    """Measure and print a table."""
    unknown = [name for name in workloads if name not in NETWORKS]
    if unknown:
        raise SystemExit(f"no workloads: {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
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
