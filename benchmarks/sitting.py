"""One sitting: several workers, each in its own process, measured in turns on the same work."""

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

ROUNDS = 15
BUDGET = 0.1  # seconds for one worker in one round
PASSES = 2  # over all work: a virtual machine's cores may lie far apart for some seconds
PAUSE = 0.01  # seconds in which the threads of the worker before stop waiting actively
ONE_THREAD = {
    "BENCHMARKS_CLOCK": "thread_time",
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "MICROLAZY_NUM_THREADS"), "1"),
}

ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """A process of ``benchmarks.worker`` that waits for requests."""

    def __init__(self, framework: str, python: str, environment: Mapping[str, str]):
        paths = [str(ROOT), os.environ.get("PYTHONPATH")]
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", framework],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self.answer().split()[1]

    def answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker {self.process.args} ended with {self.process.wait()}")
        return line

    def seconds(self, workload: str, budget: float) -> float:
        print(workload, budget, file=self.process.stdin, flush=True)
        return float(self.answer())

    def compute(self, workload: str, folder: Path) -> str:
        """Let it compute from the arrays in the folder; return why it cannot, or nothing.

        See `benchmarks.worker` for what is then in the folder.
        """
        print("compute", workload, folder, file=self.process.stdin, flush=True)
        return self.answer().strip()


@contextmanager
def worker(
    framework: str, python: str = sys.executable, environment: Mapping[str, str] | None = None
) -> Iterator[Worker]:
    """Start a worker and end it with the block.

    Parameters
    ----------
    framework : str
        One of those that `benchmarks.worker` knows.
    python : str
        The interpreter to run it in.
    environment : mapping, optional
        Variables to add, such as ``{"OMP_NUM_THREADS": "1"}``.

    Raises
    ------
    RuntimeError
        If the process ends before it says its version; its own error is on standard error.
    """
    running = Worker(framework, python, environment or {})
    try:
        yield running
    finally:
        running.process.stdin.close()
        running.process.wait()
        running.process.stdout.close()


def add_one_thread(parser: argparse.ArgumentParser) -> None:
    """Add the option for which workers get the variables `ONE_THREAD`."""
    parser.add_argument(
        "--one-thread",
        action="store_true",
        help="count the time of one thread only, for machines that others use too",
    )


def measure(
    workers: Sequence[Worker], workload: str, rounds: int = ROUNDS, budget: float = BUDGET
) -> list[float]:
    """Return each worker's seconds for one step: the best mean of the rounds.

    The workers take turns within a round, so a change in the machine's load meets all of them.
    """

    def turn(one: Worker) -> float:
        time.sleep(PAUSE)
        return one.seconds(workload, budget)

    times = [[turn(one) for one in workers] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def measure_all(
    workers: Mapping[str, Worker],
    work: Sequence[tuple[str, Sequence[str]]],
    rounds: int = ROUNDS,
    budget: float = BUDGET,
) -> dict[str, dict[str, float]]:
    """Return, for each workload, the seconds of a step by each worker that it names and that can.

    The rounds are spread over `PASSES` passes, so that what slows the machine for some seconds does
    not meet all rounds of a workload. Progress is shown.
    """
    found: dict[str, dict[str, float]] = {workload: {} for workload, _ in work}
    for workload, able in (progress := tqdm([*work] * PASSES, desc="measuring", leave=False)):
        progress.set_postfix_str(workload)
        team = [workers[name] for name in able]
        seconds = measure(team, workload, max(1, rounds // PASSES), budget)
        best = found[workload]
        best.update(
            (name, min(spent, best.get(name, spent)))
            for name, spent in zip(able, seconds, strict=True)
            if not math.isnan(spent)
        )
    return found
