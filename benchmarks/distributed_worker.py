"""One of several workers that train together: ``FRAMEWORK WORKLOAD ROUNDS BUDGET``.

The first one prints the least mean seconds of a step without and with the others' gradients, as
JSON. Both kinds of step run in all workers at the same time, in turns. The workload "link" sums one
number and many in place of steps.
"""

import atexit
import json
import os
import sys
import time
from collections.abc import Callable

import numpy

from benchmarks.workloads import Step

WARM_UP = 3  # steps: buckets are found in the first two
FEW, MANY = 1, 1 << 22  # numbers of float32 that "link" sums


def gluon_ways(workload: str) -> tuple[dict[str, Step], Callable[[numpy.ndarray], None], int]:
    """Return the kinds of steps, a function that sums over all workers, and this worker's rank."""
    import microlazy as mx
    from benchmarks.gluon_steps import build

    workers = mx.kv.create("dist_sync").workers

    def total(values: numpy.ndarray) -> None:
        if workers.size > 1:
            workers.sum(values, "numbers of the benchmark")

    if workload == "link":
        few, many = (numpy.zeros(size, "float32") for size in (FEW, MANY))
        return {"few": lambda: total(few), "many": lambda: total(many)}, total, workers.rank
    return (
        {
            "alone": build(workload, hybrid=True),
            "together": build(workload, hybrid=True, kvstore="dist_sync"),
        },
        total,
        workers.rank,
    )


def torch_ways(workload: str) -> tuple[dict[str, Step], Callable[[numpy.ndarray], None], int]:
    """The same with DistributedDataParallel on gloo."""
    import torch
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    from benchmarks.torch_steps import build

    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    atexit.register(distributed.destroy_process_group)  # its threads may not outlive Python

    def total(values: numpy.ndarray) -> None:
        distributed.all_reduce(torch.from_numpy(values))

    wrap = DistributedDataParallel if distributed.get_world_size() > 1 else None
    ways = {"alone": build(workload), "together": build(workload, wrap=wrap)}
    return ways, total, distributed.get_rank()


def measure(framework: str, workload: str, rounds: int, budget: float) -> None:
    """Measure in turns and print the best."""
    make = torch_ways if framework == "torch" else gluon_ways
    ways, total, rank = make(workload)
    best: dict[str, float] = {}
    counts = {}
    for way, step in ways.items():
        for _ in range(WARM_UP):
            step()
        begin = time.perf_counter()
        step()
        seconds = numpy.array([time.perf_counter() - begin])
        total(seconds)  # all workers make the same number of steps
        size = int(os.environ["BENCHMARKS_WORKERS"])
        counts[way] = max(1, int(budget / max(seconds[0] / size, 1e-6)))
    for _ in range(rounds):
        for way, step in ways.items():
            total(numpy.zeros(1))
            begin = time.perf_counter()
            for _ in range(counts[way]):
                step()
            seconds = (time.perf_counter() - begin) / counts[way]
            best[way] = min(best.get(way, seconds), seconds)
    if rank == 0:
        print(json.dumps(best), flush=True)


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
