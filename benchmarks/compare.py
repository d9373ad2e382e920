"""Compare microlazy with PyTorch: ``python -m benchmarks.compare --help``."""

import argparse
import importlib.util
import os
import platform
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.sitting import measure_all, worker
from benchmarks.workloads import DESCRIPTIONS, NETWORKS

TABLE = (
    *("toy", "deep", "mnist", "wide", "lenet16", "lenet", "resnet18", "lstm"),
    *("op_nograd", "op_grad", "init_deep", "elementwise"),
)
BUSY = 0.5  # programs that ran on average in the last minute
MARKERS = ("<!-- benchmarks.compare: begin -->\n", "<!-- benchmarks.compare: end -->")


def duration(seconds: float) -> str:
    """Return a time with three digits and a unit that fits.

    Examples
    --------
    >>> duration(6.2e-6), duration(0.000156), duration(0.0391), duration(1.5)
    ('6.20 µs', '156 µs', '39.1 ms', '1.50 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            number = seconds / size
            digits = 2 if number < 10 else 1 if number < 100 else 0
            return f"{number:.{digits}f} {unit}"


def ratio(ours: float, theirs: float | None) -> str:
    """Return how many times faster ours is, or nothing where there is no other.

    Examples
    --------
    >>> ratio(2.0, 3.0), ratio(2.0, 50.0), ratio(2.0, None)
    ('1.50×', '25×', '')
    """
    if theirs is None:
        return ""
    times = theirs / ours
    return f"{times:.2f}×" if times < 10 else f"{times:.0f}×"


def table(times: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table of workloads, their times and the ratios to PyTorch.

    Parameters
    ----------
    times : dict
        For each workload the seconds of each worker that ran it, under ``torch``, ``microlazy``
        and ``microlazy-hybrid``.

    Examples
    --------
    >>> print(table({"toy": {"torch": 1e-4, "microlazy": 5e-6, "microlazy-hybrid": 4e-6}}))
    | workload | one step | PyTorch | microlazy | | hybridized | |
    |---|---|--:|--:|--:|--:|--:|
    | `toy` | MLP 20-256-10, batch 2 | 100 µs | 5.00 µs | **20×** | 4.00 µs | **25×** |
    """
    lines = [
        "| workload | one step | PyTorch | microlazy | | hybridized | |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for workload, row in times.items():
        torch = row.get("torch")
        cells = [f"`{workload}`", DESCRIPTIONS[workload], duration(torch) if torch else ""]
        for name in ("microlazy", "microlazy-hybrid"):
            faster = ratio(row[name], torch) if name in row else ""
            cells += [duration(row[name]) if name in row else "", f"**{faster}**" if faster else ""]
        lines.append("|" + "".join(f" {cell} |" if cell else " |" for cell in cells))
    return "\n".join(lines)


def between_markers(page: str, text: str, markers: tuple[str, str] = MARKERS) -> str:
    """Return the page with the text put between its two markers.

    Raises
    ------
    ValueError
        If the page does not have both markers, in order.

    Examples
    --------
    >>> page = "before " + MARKERS[0] + "old" + MARKERS[1] + " after"
    >>> print(between_markers(page, "new"))
    before <!-- benchmarks.compare: begin -->
    new
    <!-- benchmarks.compare: end --> after
    """
    before, begin, rest = page.partition(markers[0])
    _, end, after = rest.partition(markers[1])
    if not end:
        raise ValueError(
            f"expected the lines {markers[0].strip()!r} and {markers[1]!r} in the page"
        )
    return f"{before}{begin}{text}\n{end}{after}"


def add_write(parser: argparse.ArgumentParser, markers: tuple[str, str]) -> None:
    """Add the option that names a page; one without a place for the table is refused at once.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_write(parser, MARKERS)
    >>> parser.parse_args(["--write", "README.md"]).write.name
    'README.md'
    """

    def page(name: str) -> Path:
        path = Path(name)
        try:
            between_markers(path.read_text(encoding="utf-8"), "", markers)
        except (OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return path

    parser.add_argument("--write", metavar="FILE", type=page, help="put the table into this page")


def publish(text: str, page: Path | None, markers: tuple[str, str] = MARKERS) -> None:
    """Print a table, and put it between the markers of a page, if there is one.

    Raises
    ------
    ValueError
        If the page does not have both markers, in order.
    """
    print(text)
    if page is not None:
        whole = between_markers(page.read_text(encoding="utf-8"), text, markers)
        page.write_text(whole, encoding="utf-8")


def processor() -> str:
    """Return the processor's name where the system says it, and its number of cores."""
    name = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        fields = dict(line.split(":", 1) for line in information.open() if ":" in line)
        name = next((v.strip() for k, v in fields.items() if k.strip() == "model name"), name)
    return f"{name}, {os.cpu_count()} cores"


def main(arguments: list[str]) -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(DESCRIPTIONS))
    parser.add_argument(
        "--torch-python",
        metavar="PATH",
        help="an interpreter that has PyTorch and NumPy; without it this one, if it has PyTorch",
    )
    add_write(parser, MARKERS)
    options = parser.parse_args(arguments)
    workloads = options.workloads or TABLE
    unknown = [name for name in workloads if name not in DESCRIPTIONS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(DESCRIPTIONS)}")

    if hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY:
        print("Other programs are running: take these numbers as a sketch.", file=sys.stderr)
    peers = {"microlazy": sys.executable, "microlazy-hybrid": sys.executable}
    if options.torch_python or importlib.util.find_spec("torch"):
        peers["torch"] = options.torch_python or sys.executable
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(worker(name, python)) for name, python in peers.items()
        }
        times = measure_all(
            workers,
            [
                (work, [name for name in peers if name != "microlazy-hybrid" or work in NETWORKS])
                for work in workloads
            ],
        )
        versions = f"microlazy {workers['microlazy'].version}"
        if "torch" in workers:
            versions += f", PyTorch {workers['torch'].version}"
    text = f"{table(times)}\n\n{processor()}; Python {platform.python_version()}, {versions}."
    publish(text, options.write)


if __name__ == "__main__":
    main(sys.argv[1:])
