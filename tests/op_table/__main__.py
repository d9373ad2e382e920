"""`python -m tests.op_table` writes docs/arrays.md and the stubs of what the table makes."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from microlazy.outside import OUTSIDE

from .inspect import calls_of, order_of, way_of
from .rows import Function
from .stubs import stubs
from .table import MODULES, rows

PAGE = Path(__file__).parents[2] / "docs" / "arrays.md"

INTRODUCTION = """# Arrays: every function, how it runs, which gradients it has

Made from the op table by `python -m tests.op_table`, which runs every example below and writes
down what it finds; a test fails when this page is stale. In the examples, x, y, p, u are float
matrices, v and w vectors, m and s square matrices, t and img have three and four axes, i, j and k
hold integers and b holds booleans (`tests/op_table/samples.py`). A function stands once, under
the first of its names: look for `nd.exp` beside `np.exp`.

How a function runs:

- *kernel*: one op of ours.
- *composed*: several ops of ours.
- *NumPy*: NumPy or SciPy computes on a view of our memory, with its semantics and its errors. An op
  of ours does the same for dtypes that have no kernel, that is all but float32 and float64.
- *made*: values are made once and no op follows, or what comes back is no array.

Which gradients it has:

- *any*: of every order, by `autograd.grad(..., create_graph=True)`.
- *first*: the first only; `create_graph=True` is refused by a message.
- *own*: MXNet defines one that is not the derivative, such as that of `SoftmaxOutput`.
- *zero*: it is recorded, and its gradient is zero everywhere.
- *none*: nothing is recorded.
"""

TITLES = {
    "np": "`np`: NumPy's functions",
    "npx": "`npx`: what networks need beside NumPy",
    "nd": "`nd`: MXNet's functions on nd arrays",
}

OUTSIDE_TEXT = """## Outside

Asking for one of these names is an error that says what follows here. Complex numbers are outside
as well: a result that would be complex is refused; those of `np.fft` are NumPy's own arrays.
"""


def document(rows: Iterable[Function]) -> str:
    """Return the text of docs/arrays.md.

    Examples
    --------
    >>> from op_table.__main__ import document
    >>> from op_table.rows import Function
    >>> page = document([Function("np.exp", "np.exp(x)")])
    >>> print([line for line in page.splitlines() if "np.exp" in line][-1])
    | `np.exp` | `np.exp(x)` | kernel | any |
    """
    found: dict[str, list[tuple[str, ...]]] = {module: [] for module in MODULES}
    listed: set[str] = set()
    for row in rows:
        names = [name for name in row.names.split() if name not in listed]
        if not names:
            continue
        listed.update(names)
        call = next(call for call in calls_of(row) if call.name in names and call.first)
        title = ", ".join(f"`{name}`" for name in names)
        found[names[0].rpartition(".")[0]].append(
            (title, f"`{call.text}`", way_of(call), "own" if row.surrogate else order_of(call))
        )
    parts = [INTRODUCTION]
    for module, lines in found.items():
        if lines:
            parts.append(f"## {TITLES.get(module, f'`{module}`')}\n")
            parts.append(
                _table(("function", "example", "runs as", "gradient"), sorted(lines, key=_by_name))
            )
    parts.append(OUTSIDE_TEXT)
    parts.append(_table(("names", "what is said"), _outside()))
    return "\n".join(parts)


def _outside() -> list[tuple[str, str]]:
    """The names of each reason, and the reason."""
    names: dict[str, list[str]] = {}
    for name, reason in OUTSIDE.items():
        names.setdefault(reason, []).append(f"`{name}`")
    return [(", ".join(each), reason) for reason, each in names.items()]


def _by_name(line: tuple[str, ...]) -> str:
    return line[0].split("`")[1]


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rule = ("---",) * len(heads)
    cells = (tuple(cell.replace("|", r"\|") for cell in line) for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in (heads, rule, *cells))


def stale(rows: Iterable[Function]) -> dict[Path, str]:
    """Return the files that are not what the table says, each with what it should hold.

    Examples
    --------
    >>> from op_table.__main__ import stale
    >>> [path.name for path in stale([])]
    ['arrays.md']
    """
    made = {PAGE: document(rows), **stubs()}
    return {
        path: text
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Write what is stale, or say what is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if one is stale")
    check = parser.parse_args().check
    files = stale(rows())
    for path, text in files.items():
        print(path, "is stale" if check else "is written")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(files))


if __name__ == "__main__":
    sys.exit(main())
