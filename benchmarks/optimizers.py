"""Compare a step of each optimizer with PyTorch's foreach and fused versions.

``python -m benchmarks.optimizers --torch-python PATH`` measures 100 weights of 10,000 numbers and
one of 10 million; name optimizers to measure a few.
"""

import argparse
import importlib.util
import math
import platform
import sys
from contextlib import ExitStack

from tqdm import tqdm

from benchmarks.compare import duration, processor, ratio
from benchmarks.optimizer_steps import OPTIMIZERS, PREFIX, SIZES
from benchmarks.sitting import measure, worker


def table(times: dict[str, dict[str, list[float]]]) -> str:
    """Return a line for each optimizer: ours, foreach and fused, at both sizes.

    Examples
    --------
    >>> print(table({"sgd": {"small": [1e-4, 3e-4, math.nan], "large": [1e-2, 2e-2, 1e-2]}}))
    | optimizer | 100 × 10,000 | foreach | fused | 1 × 10,000,000 | foreach | fused |
    |---|--:|--:|--:|--:|--:|--:|
    | sgd | 100 µs | 3.00× | | 10.0 ms | 2.00× | 1.00× |
    """
    lines = [
        "| optimizer | 100 × 10,000 | foreach | fused | 1 × 10,000,000 | foreach | fused |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in times.items():
        cells = [name]
        for size in SIZES:
            ours, *theirs = row[size]
            cells += [duration(ours)]
            cells += ["" if math.isnan(each) else ratio(ours, each) for each in theirs]
        lines.append("|" + "".join(f" {cell} |" if cell else " |" for cell in cells))
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimizers", description=__doc__)
    parser.add_argument("optimizers", nargs="*", metavar="NAME", help=", ".join(OPTIMIZERS))
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter with PyTorch")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    python = options.torch_python or (sys.executable if importlib.util.find_spec("torch") else None)
    times: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        ours = stack.enter_context(worker("microlazy"))
        torch = stack.enter_context(worker("torch", python)) if python else None
        for name in tqdm(options.optimizers or OPTIMIZERS, leave=False):
            times[name] = {}
            for size in SIZES:
                work = f"{PREFIX}{name}:{size}"
                plain = measure([ours, torch] if torch else [ours], work, options.rounds)
                fused = measure([torch], f"{work}:fused", options.rounds) if torch else []
                times[name][size] = [*plain, *fused] + [math.nan] * (2 - 2 * bool(torch))
    print(table(times))
    print(f"\n{processor()}; Python {platform.python_version()}, microlazy {ours.version}"
          + (f", PyTorch {torch.version}." if torch else "."))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
