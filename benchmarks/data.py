"""The DataLoader against PyTorch's, in one sitting: ``python -m benchmarks.data``.

A case is named by what it loads, memory or images, and by the number of worker processes. PyTorch
does the same work on images in Pillow and NumPy, which its interpreter needs too.
"""

import argparse
import importlib.util
import os
import sys
from contextlib import ExitStack

from tqdm import tqdm

from benchmarks.compare import processor
from benchmarks.data_steps import CASES, PREFIX, samples_of
from benchmarks.sitting import measure, worker

ROUNDS = 5
BUDGET = 0.5  # seconds for one framework in one round


def main(arguments: list[str]) -> None:
    """Measure, and print samples for each second."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description=__doc__)
    names = [case.removeprefix(PREFIX) for case in CASES]
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(names))
    parser.add_argument(
        "--torch-python",
        metavar="PATH",
        help="an interpreter that has PyTorch, NumPy and Pillow; without it this one",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.cases) - set(names)
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(names)}")
    cases = [PREFIX + name for name in options.cases or names]
    peers = {"microlazy": sys.executable}
    if options.torch_python or importlib.util.find_spec("torch"):
        peers["torch"] = options.torch_python or sys.executable
    rows = []
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(worker(name, python)) for name, python in peers.items()
        }
        for case in tqdm(cases, desc="measuring", leave=False):
            seconds = measure(list(workers.values()), case, ROUNDS, BUDGET)
            rows.append((case, [samples_of(case) / time for time in seconds]))
        versions = ", ".join(f"{name} {one.version}" for name, one in workers.items())
    print(f"samples a second; {versions}; {processor()}; load {os.getloadavg()[0]:.1f}")
    for case, rates in rows:
        ratio = f"{rates[0] / rates[1]:6.2f} times" if len(rates) > 1 else ""
        numbers = "".join(f"{rate:12,.0f}" for rate in rates)
        print(f"{case.removeprefix(PREFIX):10}{numbers}{ratio}")


if __name__ == "__main__":
    main(sys.argv[1:])
