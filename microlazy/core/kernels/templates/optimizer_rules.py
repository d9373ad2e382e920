"""Writes a kernel for every rule of microlazy/optimizer/. It imports nothing of microlazy."""

import ast
import runpy
from pathlib import Path

PACKAGE = Path(__file__).parents[3]
PARSER = PACKAGE / "core" / "rules.py"
SOURCES = PACKAGE / "optimizer"
EXPRESSIONS = {
    "copy": "{a}",
    "add": "{a} + {b}",
    "subtract": "{a} - {b}",
    "multiply": "{a} * {b}",
    "divide": "{a} / {b}",
    "negative": "-{a}",
    "sqrt": "sqrt({a})",
    "abs": "abs({a})",
    "sign": "sign({a})",
    "maximum": "maximum({a}, {b})",
    "minimum": "minimum({a}, {b})",
    "clip": "limited({a}, {b})",
}
KERNEL = """
cdef void rule_{place}(
    const double* constants, floating** arrays, Py_ssize_t step, const Py_ssize_t* sizes,
    Py_ssize_t count
) noexcept nogil:
    cdef Py_ssize_t i, k
    {pointers}
    {constants}
    cdef floating {registers}
    for k in range(count):
        {places}
        arrays += step
        for i in range(sizes[k]):
            {body}
"""
CHOICE = """
cdef void update(
    int rule, const double* constants, floating** arrays, Py_ssize_t step, const Py_ssize_t* sizes,
    Py_ssize_t count
) noexcept nogil:
    {branches}
"""


def write(folder: Path) -> None:
    """Write `rules.pxi` and `rule_table.pxi` into a folder, if they are not as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    make = runpy.run_path(str(PARSER))["Rule"]
    rules = [arguments for path in sorted(SOURCES.glob("*.py")) for arguments in found(path)]
    shapes: dict[tuple, int] = {}
    for arguments in rules:
        rule = make(**arguments)
        for each in rule.parsed.passes:
            shapes.setdefault((rule.parsed.arrays + rule.parsed.tiles, each.steps), len(shapes))
    branches = "\n    ".join(
        f"{'el' if place else ''}if rule == {place}:\n"
        f"        rule_{place}[floating](constants, arrays, step, sizes, count)"
        for place in shapes.values()
    )
    kernels = [kernel(place, *shape) for shape, place in shapes.items()]
    replace(folder / "rules.pxi", "".join([*kernels, CHOICE.format(branches=branches)]))
    replace(folder / "rule_table.pxi", f"BUILT_KERNELS = {shapes!r}\nBUILT_RULES = {rules!r}\n")


def found(path: Path) -> list[dict]:
    """Return the arguments of each `Rule(...)` in a file."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Rule"
    ]
    return [
        {"formula": ast.literal_eval(call.args[0])}
        | {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        for call in calls
    ]


def kernel(place: int, arrays: int, steps: tuple) -> str:
    """Return a kernel that makes the steps for one element of some weights after the other."""
    places = {operand for _, *operands in steps for operand in operands}
    numbers = [-1 - i for i in sorted(places, reverse=True) if i < 0]
    used = [i for i in range(arrays) if i in places]
    read = [i for i in used if any(i in operands for _, *operands, _ in steps)]
    written = sorted({result for *_, result in steps if result < arrays})
    name = {i: f"v{i}" for i in places} | {-1 - i: f"c{i}" for i in numbers}
    body = [f"v{i} = x{i}[i]" for i in read]
    body += [f"v{r} = {EXPRESSIONS[op].format(a=name[a], b=name[b])}" for op, a, b, r in steps]
    body += [f"x{i}[i] = v{i}" for i in written]
    return KERNEL.format(
        place=place,
        pointers="\n    ".join(f"cdef floating* x{i}" for i in used),
        places="\n        ".join(f"x{i} = arrays[{i}]" for i in used),
        constants="\n    ".join(f"cdef floating c{i} = <floating> constants[{i}]" for i in numbers),
        registers=", ".join(f"v{i}" for i in sorted(places) if i >= 0),
        body="\n            ".join(body),
    )


def replace(path: Path, text: str) -> None:
    """Write a file whose text is new; an old one keeps its time, so nothing is built again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
