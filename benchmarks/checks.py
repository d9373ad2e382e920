"""Two promises about time that need no other framework: ``python -m benchmarks.checks``.

Importing microlazy costs little more than importing NumPy, and a narrow network does not train
slower because the machine has a second core.
"""

import os
import subprocess
import sys
import time

from tqdm import trange

from benchmarks.sitting import ROOT, measure, worker

IMPORT_LIMIT = 1.6  # times `import numpy`
THREADS_LIMIT = 1.1  # two threads against one; the clock itself is not better than this
IMPORT_ROUNDS = 15
# As users import it: from compiled Python files, which NumPy's installation has already.
CACHING = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def start_up(module: str | None) -> float:
    """Return the seconds that a new interpreter lives which imports the module and ends."""
    start = time.perf_counter()
    code = f"import {module}" if module else ""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=CACHING)
    return time.perf_counter() - start


def import_ratio() -> float:
    """Return the time of ``import microlazy`` over that of ``import numpy``."""
    rounds = [
        [start_up(module) for module in (None, "numpy", "microlazy")]
        for _ in trange(IMPORT_ROUNDS, desc="importing", leave=False)
    ]
    empty, numpy, microlazy = map(min, zip(*rounds, strict=True))
    return (microlazy - empty) / (numpy - empty)


def threads_ratio(framework: str) -> float:
    """Return the time of a narrow network's step with two threads over that with one."""
    with (
        worker(framework, environment={"OMP_NUM_THREADS": "1"}) as one,
        worker(framework, environment={"OMP_NUM_THREADS": "2"}) as two,
    ):
        seconds_one, seconds_two = measure([one, two], "narrow")
    return seconds_two / seconds_one


def main() -> int:
    """Print each promise with what was measured; return 1 if one does not hold."""
    measured = [
        ("import microlazy / import numpy", import_ratio(), IMPORT_LIMIT),
        ("two threads / one, narrow MLP", threads_ratio("microlazy"), THREADS_LIMIT),
        ("two threads / one, hybridized", threads_ratio("microlazy-hybrid"), THREADS_LIMIT),
    ]
    for what, value, limit in measured:
        verdict = "holds" if value <= limit else "does not hold"
        print(f"{what:33} {value:5.2f}  at most {limit:.2f}: {verdict}")
    return int(any(value > limit for _, value, limit in measured))


if __name__ == "__main__":
    sys.exit(main())
