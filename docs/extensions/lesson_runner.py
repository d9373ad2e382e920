"""Runs a lesson and tells what each of its parts prints: `python lesson_runner.py SCRIPT RESULT`.

The script runs as the main program, in the current directory, part by part: a part is the code
between two comments that stand at the left edge. RESULT is a JSON file of a list of parts, each
with the comment before it (``prose``), its code, what it prints, and the pictures that it draws.
"""

import ast
import contextlib
import io
import json
import sys
import types
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Part:
    """A comment and the code after it."""

    prose: list[str]
    code: str = ""
    printed: str = ""
    pictures: list[str] = field(default_factory=list)
    statements: list[ast.stmt] = field(default_factory=list)


def first_line(statement: ast.stmt) -> int:
    """The number of a statement's first line, that of its decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def parts_of(source: str) -> list[Part]:
    """Cut a script, without the text at its top, into parts."""
    lines = source.splitlines()
    statements = ast.parse(source).body
    last = 0
    if ast.get_docstring(ast.Module(body=statements, type_ignores=[])):
        last = statements.pop(0).end_lineno or 0
    parts = [Part([])]
    for statement in statements:
        start = first_line(statement) - 1
        prose = [line for line in lines[last:start] if line.startswith("#")]
        if prose:
            between = lines[last:start]
            parts.append(Part(_paragraphs(between)))
        elif parts[-1].code:
            parts[-1].code += "\n" * (start - last)
        last = statement.end_lineno or start
        parts[-1].code += "\n".join(lines[start:last]) + "\n"
        parts[-1].statements.append(statement)
    if any(line.startswith("#") for line in lines[last:]):
        parts.append(Part(_paragraphs(lines[last:])))
    return [part for part in parts if part.code or part.prose]


def _paragraphs(lines: list[str]) -> list[str]:
    """The paragraphs of comments among these lines, without their marks."""
    found: list[list[str]] = [[]]
    for line in lines:
        text = line.removeprefix("#").strip()
        if not line.startswith("#") or not text or text.startswith("----"):
            found.append([])
        if text:
            found[-1].append(text)
        if text.startswith("----"):
            found.append([])
    return [" ".join(each) for each in found if each]


def run(script: Path) -> list[Part]:
    """Run a script part by part."""
    source = script.read_text(encoding="utf-8")
    parts = parts_of(source)
    program = types.ModuleType("__main__")
    program.__file__ = str(script)
    program.__doc__ = ast.get_docstring(ast.parse(source), clean=False)
    sys.modules["__main__"] = program
    sys.argv = [str(script)]
    sys.path[0] = str(script.parent)
    seen: set[str] = set()
    for part in parts:
        code = compile(ast.Module(body=part.statements, type_ignores=[]), str(script), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, program.__dict__)
        part.printed = printed.getvalue()
        drawn = {path.name for path in Path.cwd().glob("*.png")}
        part.pictures = sorted(drawn - seen)
        seen |= drawn
    return parts


def main() -> None:
    script, result = (Path(argument).resolve() for argument in sys.argv[1:])
    parts = run(script)
    for part in parts:
        part.statements = []
    result.write_text(json.dumps([asdict(part) for part in parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
