"""Find slow corners: every row of the op table against NumPy and PyTorch, worst first.

``python -m benchmarks.corners --write docs/performance.md`` measures each row's example with 100
and with 1,000,000 elements, forward and with its gradient, and writes one line a call. Behind what
misses its goal stands why: see `corner_reasons`; it tells which calls have no reason there. Name
parts of calls to measure a few: ``python -m benchmarks.corners np.take np.flip``.
"""

import argparse
import importlib.util
import math
import platform
import sys
from contextlib import ExitStack

from benchmarks.compare import add_write, duration, processor, publish
from benchmarks.corner_reasons import Kind, reason, reasons
from benchmarks.corner_steps import REPEAT, workload
from benchmarks.sitting import ONE_THREAD, add_one_thread, measure_all, worker

MARKERS = ("<!-- benchmarks.corners: begin -->\n", "<!-- benchmarks.corners: end -->")
MISSED = " ⚠"


# How many times as fast as each peer a call must be.
GOALS: dict[Kind, dict[str, float]] = {
    (100, "value"): {"numpy": 1.0},
    (100, "gradient"): {"torch": 5.0},
    (1_000_000, "value"): {"numpy": 0.8, "torch": 0.8},
    (1_000_000, "gradient"): {"torch": 1.0},
}

Times = dict[str, float]  # seconds of one call, of each framework that has it
Found = dict[str, dict[Kind, Times]]  # of each call


def calls() -> list[str]:
    """Return the example of each row of np and npx, written with its first name."""
    from tests.op_table.table import rows

    examples = (row.example for row in rows() if row.names.startswith(("np.", "npx.")))
    return list(dict.fromkeys(text for text in examples if "path" not in text))


def margin(times: Times, goal: dict[str, float]) -> float:
    """Return the least of the ratios to the peers, each over its goal; infinity without a peer.

    Examples
    --------
    >>> margin({"microlazy": 2.0, "numpy": 1.0, "torch": 8.0}, {"numpy": 1.0, "torch": 2.0})
    0.5
    """
    ratios = (
        times[peer] / times["microlazy"] / wanted
        for peer, wanted in goal.items()
        if peer in times and "microlazy" in times
    )
    return min(ratios, default=math.inf)


def cell(times: Times, goal: dict[str, float]) -> str:
    """Return our time and how many times as fast that is as each peer of the goal, if there is one.

    Examples
    --------
    >>> cell({"microlazy": 2e-6, "numpy": 1e-6}, {"numpy": 1.0})
    '2.00 µs (0.50) ⚠'
    """
    if math.isinf(margin(times, goal)):
        return ""
    ours = times["microlazy"]
    ratios = ", ".join(f"{times[peer] / ours:.2f}" for peer in goal if peer in times)
    return f"{duration(ours)} ({ratios}){MISSED if margin(times, goal) < 1 else ''}"


def missed(times: dict[Kind, Times]) -> list[Kind]:
    """Return the kinds in which a call misses its goal.

    Examples
    --------
    >>> missed({(100, "value"): {"microlazy": 2.0, "numpy": 1.0}})
    [(100, 'value')]
    """
    return [kind for kind in GOALS if kind in times and margin(times[kind], GOALS[kind]) < 1]


def unexplained(found: Found) -> list[str]:
    """Return what misses its goal without a reason: the call and the kind.

    Examples
    --------
    >>> unexplained({"np.nothing(x)": {(100, "value"): {"microlazy": 2.0, "numpy": 1.0}}})
    ['np.nothing(x): 100, value']
    """
    return [
        f"{text}: {kind[0]:,}, {kind[1]}"
        for text, times in found.items()
        for kind in missed(times)
        if not reason(text, kind)
    ]


def table(found: Found) -> str:
    """Return a line for each call, the one that misses its goal by most first."""

    def worst(text: str) -> float:
        return min((margin(times, GOALS[k]) for k, times in found[text].items()), default=math.inf)

    titles = [f"{size:,}, {mode}" for size, mode in GOALS]
    lines = [f"| call | {' | '.join(titles)} | why |", "|---|" + "--:|" * len(titles) + "---|"]
    for text in sorted(found, key=worst):
        if worst(text) < math.inf:
            cells = (cell(found[text].get(kind, {}), goal) for kind, goal in GOALS.items())
            why = reasons(text, missed(found[text]))
            lines.append(f"| `{text}` | " + " | ".join(cells) + f" | {why} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corners", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the calls to measure; all if left out")
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--budget", type=float, default=0.01, help="seconds for a call in a round")
    add_one_thread(parser)
    add_write(parser, MARKERS)
    options = parser.parse_args(arguments)
    chosen = [text for text in calls() if any(p in text for p in options.only or [""])]
    peers = {"microlazy": sys.executable, "numpy": sys.executable}
    if options.torch_python or importlib.util.find_spec("torch"):
        peers["torch"] = options.torch_python or sys.executable
    environment = ONE_THREAD if options.one_thread else {}
    work = {workload(*kind, text): (text, kind) for text in chosen for kind in GOALS}
    found: Found = {text: {} for text in chosen}
    with ExitStack() as stack:
        team = {
            name: stack.enter_context(worker(name, python, environment))
            for name, python in peers.items()
        }
        times = measure_all(
            team, [(name, list(team)) for name in work], options.rounds, options.budget
        )
        versions = ", ".join(f"{name} {one.version}" for name, one in team.items())
    for name, (text, kind) in work.items():
        found[text][kind] = {peer: s / REPEAT[kind[0]] for peer, s in times[name].items()}
    text = (
        f"{table(found)}\n\n{processor()}; Python {platform.python_version()}, {versions}"
        f"{', by one thread' if options.one_thread else ''}."
    )
    publish(text, options.write, MARKERS)
    for line in unexplained(found):
        print(f"no reason in benchmarks/corner_reasons.py: {line}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
