"""Compare calls on arrays with NumPy and PyTorch: ``python -m benchmarks.arrays --help``.

The tables go into docs/performance.md. A row that misses its target is marked, and the command
then returns 1.
"""

import argparse
import importlib.util
import os
import platform
import sys
from contextlib import ExitStack

from tqdm import tqdm

from benchmarks.array_steps import CASES, ELEMENTWISE, LAYOUTS, REDUCTIONS, SMALL, SMALL_SIZES
from benchmarks.compare import BUSY, add_write, duration, processor, publish, ratio
from benchmarks.sitting import measure, worker

LARGE_TARGET = 1.0  # times as fast as the faster of NumPy and PyTorch
SMALL_TARGETS = {"numpy": 1.0, "torch": 5.0}
LAYOUT_TARGET = 2.0  # times the time of contiguous operands
MARKERS = ("<!-- benchmarks.arrays: begin -->\n", "<!-- benchmarks.arrays: end -->")
MISSED = " ⚠"

Times = dict[str, dict[str, float]]


def row(name: str, times: dict[str, float], targets: dict[str, float]) -> str:
    """Return a line of a table: the time of each framework and how many times faster ours is.

    Examples
    --------
    >>> row("exp", {"microlazy": 1e-4, "numpy": 3e-4, "torch": 9e-5}, {"numpy": 1, "torch": 1})
    '| exp | 300 µs | 90.0 µs | 100 µs | 3.00× | 0.90× ⚠ |'
    """
    ours = times["microlazy"]
    cells = [duration(times[peer]) if peer in times else "" for peer in targets]
    cells.append(duration(ours))
    for peer, target in targets.items():
        faster = ratio(ours, times.get(peer))
        missed = peer in times and times[peer] / ours < target
        cells.append(faster + MISSED if missed else faster)
    return f"| {name} |" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def comparison(title: str, times: Times, prefix: str, names: list[str], targets: dict) -> str:
    """Return one table of calls that every framework has."""
    lines = [
        f"| {title} | NumPy | PyTorch | microlazy | to NumPy | to PyTorch |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    rows = [row(name, times[f"{prefix} {name}"], targets) for name in names]
    return "\n".join(lines + rows)


def layouts(times: Times) -> str:
    """Return the table of other layouts."""
    lines = ["| layout | time | contiguous | time | ratio |", "|---|--:|---|--:|--:|"]
    for text, plain in LAYOUTS.items():
        ours, contiguous = (times[f"layout {key}"]["microlazy"] for key in (text, plain))
        slower = f"{ours / contiguous:.2f}" + MISSED * (ours > LAYOUT_TARGET * contiguous)
        cells = f"`{text}`", duration(ours), f"`{plain}`", duration(contiguous), slower
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables(times: Times) -> str:
    """Return all tables, from the seconds of a call for each case and framework."""
    large = dict.fromkeys(("numpy", "torch"), LARGE_TARGET)
    parts = [
        comparison("1000 × 1000", times, "large", [*ELEMENTWISE, *REDUCTIONS], large),
        *(
            comparison(
                f"{size} element{'s' * (size > 1)}", times, str(size), list(SMALL), SMALL_TARGETS
            )
            for size in SMALL_SIZES
        ),
        layouts(times),
    ]
    return "\n\n".join(parts)


def main(arguments: list[str]) -> int:
    """Measure, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arrays", description=__doc__)
    parser.add_argument(
        "--torch-python",
        metavar="PATH",
        help="an interpreter that has PyTorch and NumPy; without it this one, if it has PyTorch",
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=0.02, help="seconds for a case in a round")
    add_write(parser, MARKERS)
    options = parser.parse_args(arguments)
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY:
        print("Other programs are running: take these numbers as a sketch.", file=sys.stderr)
    peers = {"microlazy": sys.executable, "numpy": sys.executable}
    if options.torch_python or importlib.util.find_spec("torch"):
        peers["torch"] = options.torch_python or sys.executable
    times: Times = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(worker(name, python)) for name, python in peers.items()
        }
        for name, (case, _, repeat) in tqdm(CASES.items(), desc="measuring", leave=False):
            able = [peer for peer in peers if getattr(case, peer)]
            team = [workers[peer] for peer in able]
            seconds = measure(team, name, options.rounds, options.budget)
            times[name] = {peer: spent / repeat for peer, spent in zip(able, seconds, strict=True)}
        versions = ", ".join(f"{name} {one.version}" for name, one in workers.items())
    text = f"{tables(times)}\n\n{processor()}; Python {platform.python_version()}, {versions}."
    publish(text, options.write, MARKERS)
    return int(MISSED in text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
