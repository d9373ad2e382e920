"""Training steps in the dialects against Gluon's own: ``python -m benchmarks.dialects --help``.

The steps of the PyTorch dialect are those of `torch_steps.py`, run with another `torch`. Those of
Keras and Flax are in `keras_steps.py` and `flax_steps.py`.
"""

import argparse
import importlib.util
import math
import platform
import sys
from contextlib import ExitStack

from tqdm import tqdm

from benchmarks.compare import add_write, duration, processor, publish
from benchmarks.sitting import measure, worker
from benchmarks.workloads import DESCRIPTIONS

MARKERS = ("<!-- benchmarks.dialects: begin -->\n", "<!-- benchmarks.dialects: end -->")
WORKLOADS = ("toy", "deep", "narrow", "mnist", "lenet16", "lstm")
DIALECTS = {
    "microlazy-torch": "PyTorch's",
    "microlazy-keras": "Keras'",
    "microlazy-flax": "Flax', jitted",
    "microlazy-flax-eager": "Flax', not jitted",
}
OTHERS = {"torch": "PyTorch itself"}


def table(found: dict[str, dict[str, float]]) -> str:
    """Return a line for each workload: Gluon's time, and how many times as long the others take.

    Examples
    --------
    >>> print(table({"toy": {"microlazy": 1e-5, "microlazy-torch": 1.2e-5}}))
    | workload | one step | Gluon's | PyTorch's |
    |---|---|--:|--:|
    | `toy` | MLP 20-256-10, batch 2 | 10.0 µs | 12.0 µs (1.20) |
    """
    names = {**DIALECTS, **OTHERS}
    there = [name for name in names if any(name in times for times in found.values())]
    head = ["workload", "one step", "Gluon's", *(names[name] for name in there)]
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "--:|" * (len(head) - 2)]
    for workload, times in found.items():
        own = times["microlazy"]
        cells = [f"`{workload}`", DESCRIPTIONS[workload], duration(own)]
        cells += [cell(times[name], own) for name in there]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(seconds: float, own: float) -> str:
    """Return a time, and how many times as long as Gluon's it is; a dash for none.

    Examples
    --------
    >>> cell(1.2e-5, 1e-5), cell(math.nan, 1e-5)
    ('12.0 µs (1.20)', '–')
    """
    return "–" if math.isnan(seconds) else f"{duration(seconds)} ({seconds / own:.2f})"


def main(arguments: list[str]) -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dialects", description=__doc__)
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=0.05, help="seconds of a turn")
    add_write(parser, MARKERS)
    options = parser.parse_args(arguments)
    peers = dict.fromkeys(("microlazy", *DIALECTS), sys.executable)
    if options.torch_python or importlib.util.find_spec("torch"):
        peers["torch"] = options.torch_python or sys.executable
    with ExitStack() as stack:
        team = {name: stack.enter_context(worker(name, python)) for name, python in peers.items()}
        found = {}
        for workload in tqdm(options.workloads, desc="measuring", leave=False):
            seconds = measure(list(team.values()), workload, options.rounds, options.budget)
            found[workload] = dict(zip(team, seconds, strict=True))
        versions = ", ".join(f"{name} {one.version}" for name, one in team.items())
    text = f"{table(found)}\n\n{processor()}; Python {platform.python_version()}, {versions}."
    publish(text, options.write, MARKERS)


if __name__ == "__main__":
    main(sys.argv[1:])
