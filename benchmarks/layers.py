"""Compare single layers with PyTorch: ``python -m benchmarks.layers --help``."""

import argparse
import importlib.util
import platform
import sys
from contextlib import ExitStack

from benchmarks.compare import add_write, duration, processor, publish
from benchmarks.layer_steps import CASES, MODES, PRODUCT, WIDTH, workload
from benchmarks.sitting import ONE_THREAD, add_one_thread, measure_all, worker

MARKERS = ("<!-- benchmarks.layers: begin -->\n", "<!-- benchmarks.layers: end -->")

Times = dict[tuple[str, str], dict[str, float]]  # by size and mode, the seconds of each framework


def cell(times: dict[str, float], flops: int = 0, rate: float = 1.0) -> str:
    """Return our time, how many times as fast that is as PyTorch, and the share of a rate.

    Parameters
    ----------
    times : dict of str to float
        Seconds of each framework.
    flops : int
        What the step adds and multiplies in products of matrices; 0 for no share.
    rate : float
        Of a large product, in flops in a second.

    Examples
    --------
    >>> cell({"microlazy": 2e-6, "torch": 9e-6})
    '2.00 µs (4.50)'
    >>> cell({"microlazy": 2e-6, "torch": 9e-6}, flops=10_000, rate=1e10)
    '2.00 µs (4.50) 50 %'
    """
    ours = times["microlazy"]
    text = duration(ours) + (f" ({times['torch'] / ours:.2f})" if "torch" in times else "")
    return f"{text} {100 * flops / ours / rate:.0f} %" if flops else text


def table(found: dict[str, Times], rate: float) -> str:
    """Return a line for each layer and mode, with a column for each size.

    `rate` is that of a large product, in flops in a second.

    Examples
    --------
    >>> times = {("toy", "forward"): {"microlazy": 2e-6, "torch": 9e-6}}
    >>> print(table({"max pool 2x2": times}, 1e11))
    | layer | | toy |
    |---|---|--:|
    | max pool 2x2 | forward | 2.00 µs (4.50) |
    """
    sizes = list(dict.fromkeys(size for times in found.values() for size, _ in times))
    lines = [f"| layer | | {' | '.join(sizes)} |", "|---|---|" + "--:|" * len(sizes)]
    for name, times in found.items():
        for mode in dict.fromkeys(mode for _, mode in times):
            cells = [
                cell(times[size, mode], CASES[name].flops(size, mode), rate)
                if (size, mode) in times
                else ""
                for size in sizes
            ]
            lines.append(f"| {name} | {mode} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the layers' names; all if left out")
    parser.add_argument("--sizes", nargs="*", help="such as toy, 32 and 112; all if left out")
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=0.05, help="seconds of a turn")
    add_one_thread(parser)
    add_write(parser, MARKERS)
    options = parser.parse_args(arguments)
    peers = {"microlazy": sys.executable}
    if options.torch_python or importlib.util.find_spec("torch"):
        peers["torch"] = options.torch_python or sys.executable
    environment = ONE_THREAD if options.one_thread else {}
    work = [
        (name, size, mode)
        for name, case in CASES.items()
        if any(part in name for part in options.only or [""])
        for mode in MODES
        for size in case.shapes
        if size in (options.sizes or case.shapes)
    ]
    found: dict[str, Times] = {name: {} for name, _, _ in work}
    with ExitStack() as stack:
        team = {
            name: stack.enter_context(worker(name, python, environment))
            for name, python in peers.items()
        }
        times = measure_all(
            team,
            [(PRODUCT, ["microlazy"]), *((workload(*cell), list(team)) for cell in work)],
            options.rounds,
            options.budget,
        )
        for name, size, mode in work:
            found[name][size, mode] = times[workload(name, size, mode)]
        versions = ", ".join(f"{name} {one.version}" for name, one in team.items())
    rate = 2 * WIDTH**3 / times[PRODUCT]["microlazy"]
    text = (
        f"{table(found, rate)}\n\n{processor()}; Python {platform.python_version()}, {versions}; "
        f"a product of {WIDTH}x{WIDTH} matrices: {rate / 1e9:.0f} Gflop/s"
        f"{', by one thread' if options.one_thread else ''}."
    )
    publish(text, options.write, MARKERS)


if __name__ == "__main__":
    main(sys.argv[1:])
