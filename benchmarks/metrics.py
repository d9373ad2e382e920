"""Compare an update of each metric with torchmetrics, by a batch of 128.

``python -m benchmarks.metrics --torch-python PATH`` takes an interpreter with PyTorch and
torchmetrics; name metrics to measure a few.
"""

import argparse
import importlib.util
import math
import platform
import sys
from contextlib import ExitStack

from tqdm import tqdm

from benchmarks.compare import duration, processor, ratio
from benchmarks.metric_steps import METRICS, PREFIX, UNCHECKED
from benchmarks.sitting import measure, worker


def table(times: dict[str, list[float]]) -> str:
    """Return a line for each metric: ours, torchmetrics', and that without its checks.

    Examples
    --------
    >>> print(table({"mae": [1e-5, 5e-5, math.nan]}))
    | metric | microlazy | torchmetrics | without checks |
    |---|--:|--:|--:|
    | mae | 10.0 µs | 5.00× | |
    """
    lines = ["| metric | microlazy | torchmetrics | without checks |", "|---|--:|--:|--:|"]
    for name, (ours, *theirs) in times.items():
        cells = [name, duration(ours)]
        cells += ["" if math.isnan(each) else ratio(ours, each) for each in theirs]
        lines.append("|" + "".join(f" {cell} |" if cell else " |" for cell in cells))
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("metrics", nargs="*", metavar="NAME", help=", ".join(METRICS))
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter with torchmetrics")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    unknown = set(options.metrics) - set(METRICS)
    if unknown:
        parser.error(f"no metric {', '.join(sorted(unknown))}; there are {', '.join(METRICS)}")
    installed = importlib.util.find_spec("torchmetrics")
    python = options.torch_python or (sys.executable if installed else None)
    times: dict[str, list[float]] = {}
    with ExitStack() as stack:
        ours = stack.enter_context(worker("microlazy"))
        torch = stack.enter_context(worker("torch", python)) if python else None
        for name in tqdm(options.metrics or METRICS, leave=False):
            work = PREFIX + name
            plain = measure([ours, torch] if torch else [ours], work, options.rounds)
            unchecked = measure([torch], work + UNCHECKED, options.rounds) if torch else []
            times[name] = [*plain, *unchecked] + [math.nan] * (2 - 2 * bool(torch))
    print(table(times))
    print(f"\n{processor()}; Python {platform.python_version()}, microlazy {ours.version}"
          + (f", PyTorch {torch.version}." if torch else "."))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
