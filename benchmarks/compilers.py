"""Compare training steps with compilers: ``python -m benchmarks.compilers --help``.

microlazy eagerly, hybridized and by compile_step stands beside PyTorch, eagerly and by
torch.compile, JAX with jit, and MXNet, eagerly and hybridized. Each runs in a process of its own,
in turns. Before they are measured, all begin with the same weights and must come to the same
losses and weights in a few steps, up to rounding.
"""

import argparse
import platform
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from benchmarks import gluon_steps
from benchmarks.compare import add_write, duration, processor, publish, ratio
from benchmarks.sitting import Worker, measure, worker
from benchmarks.worker import read_arrays
from benchmarks.workloads import DESCRIPTIONS, NETWORKS, PROGRAMS, Arrays

MARKERS = ("<!-- benchmarks.compilers: begin -->\n", "<!-- benchmarks.compilers: end -->")
OURS = {
    "microlazy": "eager",
    "microlazy-hybrid": "hybridized",
    "microlazy-step": "compile_step",
}
PEERS = {
    "torch": "PyTorch",
    "torch-compile": "torch.compile",
    "jax": "JAX, jit",
    "mxnet": "MXNet",
    "mxnet-hybrid": "MXNet, hybridized",
}
NAMES = {**OURS, **PEERS}
RESULTS = 1e-4  # how far losses may differ, of their size: sums of float32 in another order
# How far an array of weights may differ, of how far it moved, both as Euclidean norms. Rounding
# alone comes to 1e-2 where it decides on which side of relu a number falls, layer after layer. A
# single weight may differ by more: a step of Adam has one size, however small the gradient that
# gives its sign. Another momentum, rate or decay differs by more than this.
MOVES = 2e-2

Times = dict[str, float]


def start_arrays(workload: str) -> Arrays:
    """Return the arrays that all begin with: weights that keep signals at their size, or inputs."""
    generator = np.random.default_rng(1)

    def drawn(array: np.ndarray) -> np.ndarray:
        noise = generator.standard_normal(array.shape, dtype=np.float32)
        if workload not in NETWORKS and workload != "act":
            return noise
        if array.ndim == 1:
            return array + np.float32(0.1) * noise
        return np.float32((2 / array[0].size) ** 0.5) * noise

    return [drawn(array) for array in gluon_steps.program(workload).arrays()]


def difference(start: Arrays, ours: Arrays, theirs: Arrays) -> str:
    """Return how what another computed differs from ours beyond rounding, or nothing.

    Parameters
    ----------
    start : list of ndarray
        What both began with.
    ours, theirs : list of ndarray
        The results of the steps, then the arrays that the steps changed.

    Examples
    --------
    >>> start, ours = [np.zeros(2)], [np.ones(3), np.array([0.5, -1.0])]
    >>> difference(start, ours, ours)
    ''
    >>> difference(start, ours, [np.ones(3), np.array([0.5, -0.9])])
    'array 0 differs by 0.1, it moved by 1.12'
    """
    gap = np.max(np.abs(theirs[0] - ours[0]))
    if not gap <= RESULTS * np.max(np.abs(ours[0])):
        return f"results {theirs[0].ravel().tolist()} instead of {ours[0].ravel().tolist()}"
    for place, (begin, own, other) in enumerate(zip(start, ours[1:], theirs[1:], strict=True)):
        if own.shape != other.shape:
            return f"array {place} has shape {other.shape} instead of {own.shape}"
        move = np.linalg.norm(own - begin)
        rounding = 4 * np.finfo(np.float32).eps * np.linalg.norm(own)
        gap = np.linalg.norm(other - own)
        if not gap <= MOVES * move + rounding:
            return f"array {place} differs by {gap:.3g}, it moved by {move:.3g}"
    return ""


def computed(folder: Path, framework: str) -> Arrays:
    """Return what a worker wrote: the results, then the arrays."""
    path = folder / f"{framework}.npz"
    with np.load(path) as file:
        results = file["results"]
    return [results, *read_arrays(path)]


def failure(one: Worker, framework: str, workload: str, folder: Path) -> str:
    """Return why a worker cannot be measured on a workload, or nothing."""
    failed = one.compute(workload, folder)
    if failed or framework == "microlazy":
        return failed
    start = read_arrays(folder / "start.npz")
    return difference(start, computed(folder, "microlazy"), computed(folder, framework))


def sitting(
    workload: str, pythons: dict[str, str], rounds: int, budget: float
) -> tuple[Times, dict[str, str]]:
    """Return the seconds of those that run a workload, and why others do not."""
    reasons: dict[str, str] = {}
    team: dict[str, Worker] = {}
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        np.savez(folder / "start.npz", *start_arrays(workload))
        for framework, python in pythons.items():
            try:
                one = stack.enter_context(worker(framework, python))
                reasons[framework] = failure(one, framework, workload, folder)
            except (OSError, RuntimeError) as error:  # a process that does not start, or ends
                reasons[framework] = str(error)
            if not reasons[framework]:
                team[framework] = one
        times = measure(list(team.values()), workload, rounds, budget)
    return dict(zip(team, times, strict=True)), {k: v for k, v in reasons.items() if v}


def table(found: dict[str, Times]) -> str:
    """Return a line for each workload: all times, and the best peer's over our best.

    Examples
    --------
    >>> print(table({"toy": {"microlazy": 1e-5, "torch": 2e-4, "jax": 3e-5}}))
    | workload | one step | eager | PyTorch | JAX, jit | to the fastest |
    |---|---|--:|--:|--:|--:|
    | `toy` | MLP 20-256-10, batch 2 | 10.0 µs | 200 µs | 30.0 µs | **3.00×** JAX, jit |
    """
    there = [name for name in NAMES if any(name in times for times in found.values())]
    head = ["workload", "one step", *(NAMES[name] for name in there), "to the fastest"]
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "--:|" * (len(head) - 2)]
    for workload, times in found.items():
        cells = [f"`{workload}`", DESCRIPTIONS[workload]]
        cells += [duration(times[name]) if name in times else "–" for name in there]
        lines.append(f"| {' | '.join([*cells, lead(times)])} |")
    return "\n".join(lines)


def lead(times: Times) -> str:
    """Return how many times as fast our fastest way is as the fastest peer, and its name.

    Examples
    --------
    >>> lead({"microlazy": 2.0, "microlazy-hybrid": 1.5, "torch": 1.2})
    '**0.80×** PyTorch ⚠'
    """
    peers = {name: times[name] for name in PEERS if name in times}
    if not peers:
        return "–"
    fastest = min(peers, key=peers.__getitem__)
    own = min(times[name] for name in OURS if name in times)
    behind = " ⚠" if own > peers[fastest] else ""
    return f"**{ratio(own, peers[fastest])}** {PEERS[fastest]}{behind}"


def main(arguments: list[str]) -> None:
    """Measure, print the table and what did not run, and write both where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compilers", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(PROGRAMS))
    for name in ("torch", "jax", "mxnet"):
        parser.add_argument(f"--{name}-python", metavar="PATH", help=f"an interpreter with {name}")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=0.1, help="seconds of a turn")
    add_write(parser, MARKERS)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.workloads if name not in PROGRAMS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(PROGRAMS)}")
    pythons = dict.fromkeys(OURS, sys.executable)
    for name in PEERS:
        python = getattr(options, f"{name.partition('-')[0]}_python")
        if python:
            pythons[name] = python
    found, lines = {}, []
    for workload in (progress := tqdm(options.workloads or PROGRAMS, leave=False)):
        progress.set_postfix_str(workload)
        found[workload], reasons = sitting(workload, pythons, options.rounds, options.budget)
        tqdm.write(f"{workload}: {lead(found[workload])}", file=sys.stderr)
        lines += [f"- `{workload}`, {NAMES[name]}: {why}" for name, why in reasons.items()]
    text = f"{table(found)}\n\n{processor()}; Python {platform.python_version()}."
    if lines:
        text += "\n\nWhat did not run, and why:\n\n" + "\n".join(lines)
    publish(text, options.write, MARKERS)


if __name__ == "__main__":
    main(sys.argv[1:])
