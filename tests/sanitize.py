"""Run the tests on a build with AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.sanitize                  # every test but the tutorials
    python -m tests.sanitize --short          # what touches memory in the most ways
    python -m tests.sanitize tests/test_plan.py -k export      # what pytest is told

For GCC on Linux. The build is made from a copy of the tree in build/sanitized, incrementally, and
the tree itself stays as it is. In that build every array has memory of its own, exactly as long as
it needs, and none is used again, so that each step past an end and each use after the end of a
life is seen. Each file of tests has a process of its own, as many at a time as there are
processors, and half an hour: what crashes or hangs there hides nothing in the other files. What the
sanitizers find is printed, and the exit status is 1.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.copied_tree import ROOT, copy_sources

FOLDER = ROOT / "build" / "sanitized"
FLAGS = (
    *("-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g1", "-O1"),
    # Cython calls methods and module functions through pointers of other types.
    "-fno-sanitize=function" if "clang" in os.environ.get("CC", "") else "",
    # Python's and NumPy's headers cast addresses; x86-64 and aarch64 read them all the same.
    "-fno-sanitize=alignment",
)
SHORT = (
    *("memory_safety", "random_programs", "layouts", "exchange", "indexing", "plan", "chains"),
    *("autograd", "kernels", "array", "bad_input", "tails", "plan_writes", "random_networks"),
)
# They ask whether memory is used again, which that build never does.
POOL = (
    "test_exchange.py::test_memory_outlives_the_exporter_and_is_not_used_again",
    "test_exchange.py::test_a_capsule_that_nobody_takes_gives_the_memory_back",
    "test_exchange.py::test_a_consumer_may_let_go_without_pythons_lock",
    "test_array.py::test_memory_is_used_again",
    "test_array.py::test_empty_cache_gives_memory_back",
    "test_tails.py::test_a_residual_network_predicts_in_little_memory",
)
# They run no code of ours in their own process.
OUTSIDE = ("tutorials", "typing")
MINUTES = 30  # that the tests of one file may take


def build() -> None:
    """Copy the tree's sources and build the modules there."""
    copy_sources(FOLDER)
    flags = " ".join(filter(None, FLAGS))
    variables = os.environ | {"MICROLAZY_CFLAGS": flags, "PYTHONPATH": str(FOLDER)}
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    subprocess.run(command, cwd=FOLDER, env=variables, check=True, stdout=subprocess.DEVNULL)


def library(name: str) -> str:
    """Return the path of one of the compiler's libraries."""
    command = [os.environ.get("CC", "gcc"), f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def environment(logs: Path) -> dict[str, str]:
    """Return the variables for a Python that loads the sanitized build."""
    return os.environ | {
        "PYTHONPATH": str(FOLDER),
        "PYTHONMALLOC": "malloc",  # so that each Python object is watched as well
        "LD_PRELOAD": f"{library('libasan.so')}:{library('libstdc++.so')}",
        # Python itself leaves memory behind at its end; and a test may ask for more than there is.
        "ASAN_OPTIONS": f"detect_leaks=0:allocator_may_return_null=1:log_path={logs}/report",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={logs}/report",
    }


def run(arguments: list[str], variables: dict[str, str]) -> bool:
    """Run pytest with arguments, print what it says, and return whether all passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [*(f"--deselect=tests/{name}" for name in POOL), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=60 * MINUTES,
        )
    except subprocess.TimeoutExpired as late:
        said = late.stdout or ""
        said = said if isinstance(said, str) else said.decode(errors="replace")
        print(f"{' '.join(arguments)}: not done after {MINUTES} minutes", said, flush=True)
        return False
    lines = done.stdout.strip().splitlines() or ["it said nothing"]
    text = lines[-1] if done.returncode == 0 else f"status {done.returncode}\n{done.stdout}"
    print(f"{' '.join(arguments)}: {text}", flush=True)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Build, run the tests that the arguments name, and print what was found."""
    build()
    names = list(SHORT)
    if arguments != ["--short"]:
        found = sorted(path.stem.removeprefix("test_") for path in ROOT.glob("tests/test_*.py"))
        names += [name for name in found if name not in SHORT]
    groups = [[f"tests/test_{name}.py"] for name in names if name not in OUTSIDE]
    if arguments and arguments != ["--short"]:
        groups = [arguments]
    logs = FOLDER / "found"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    variables = environment(logs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = all(list(pool.map(lambda group: run(group, variables), groups)))
    # A refused allocation, which some tests ask for, leaves a line in a report as well.
    reports = [path.read_text(errors="replace") for path in sorted(logs.iterdir())]
    reports = [text for text in reports if "ERROR:" in text or "runtime error:" in text]
    print(*reports, sep="\n")
    print(f"{len(reports)} processes did what they should not")
    return 0 if passed and not reports else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
