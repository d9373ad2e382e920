"""Read the snippets of `cases/` and run them under one framework.

A case file is named `<face>_<family>.txt`. The face is `nd`, `np` (after `npx.set_np()`) or `both`,
where every snippet runs once for each face and the name `F` stands for `nd` or `np`. A snippet
starts with its name in brackets; `approx` behind the name compares numbers to 1e-5 instead of
the printed text.
"""

import ast
import contextlib
import importlib
import io
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy

HERE = Path(__file__).parent
ANSWERS = HERE / "answers"  # one file of them beside each file of cases
HEADER = re.compile(r"^\[([a-z0-9_]+)\](?: (approx))?$")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)\b")


@dataclass(frozen=True)
class Snippet:
    """Some lines of user code, the face they run under, and how to compare what they print."""

    family: str
    name: str
    face: str
    code: str
    approx: bool


def load() -> list[Snippet]:
    """Return the snippets of all case files, in the order of files and lines."""
    snippets = []
    for path in sorted((HERE / "cases").glob("*.txt")):
        face, family = path.stem.split("_", 1)
        parts = re.split(r"^(?=\[[a-z0-9_]+\])", path.read_text(encoding="utf-8"), flags=re.M)
        for part in parts[1:]:
            header, _, code = part.partition("\n")
            match = HEADER.match(header)
            if match is None:
                raise ValueError(f"{path.name}: {header!r} is not a snippet's header")
            for each in ("nd", "np") if face == "both" else (face,):
                name = f"{each}/{family}/{match[1]}"
                snippets.append(Snippet(path.stem, name, each, code.strip(), match[2] is not None))
    names = [snippet.name for snippet in snippets]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(f"snippets with the same name: {sorted(doubled)}")
    return snippets


def recorded() -> dict[str, dict]:
    """Return MXNet's answers by the names of the snippets."""
    answers: dict[str, dict] = {}
    for path in sorted(ANSWERS.glob("*.json")):
        answers |= json.loads(path.read_text(encoding="utf-8"))
    return answers


def run(snippet: Snippet, framework: str) -> dict:
    """Run a snippet; return what it printed, or the exception it raised.

    The answer has the printed text, the repr of the last expression if it has a value, and that
    value's type and dtype; for an exception the names of its classes, the most derived one first.
    """
    mx = importlib.import_module(framework)
    names = {
        name: importlib.import_module(f"{framework}.{module}")
        for name, module in {
            "nd": "ndarray",
            "np": "numpy",
            "npx": "numpy_extension",
            "autograd": "autograd",
            "gluon": "gluon",
            "nn": "gluon.nn",
            "init": "initializer",
        }.items()
    }
    space = names | {"mx": mx, "onp": numpy, "F": names[snippet.face]}
    *statements, last = ast.parse(snippet.code).body
    printed, value = io.StringIO(), None
    if snippet.face == "np":
        names["npx"].set_np()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(last, ast.Expr):
                _execute(statements, space)
                value = eval(compile(ast.Expression(last.value), snippet.name, "eval"), space)
                if value is not None:
                    print(repr(value))
            else:
                _execute([*statements, last], space)
            # Errors of queued work come out here.
            names["nd"].waitall()
    except Exception as error:
        return {"error": [c.__name__ for c in type(error).__mro__ if issubclass(c, Exception)]}
    finally:
        names["npx"].reset_np()
    # The class of a dtype has one name in NumPy 1 and another in NumPy 2.
    kind = numpy.dtype if isinstance(value, numpy.dtype) else type(value)
    answer = {"text": printed.getvalue(), "type": kind.__name__}
    if hasattr(value, "dtype") and not isinstance(value, type):
        answer["dtype"] = numpy.dtype(value.dtype).name
    return answer


def _execute(statements: list, space: dict) -> None:
    exec(compile(ast.Module(statements, []), "snippet", "exec"), space)


def numbers(text: str) -> tuple[str, list[float]]:
    """Split a printed text into its structure, without spaces, and its numbers."""
    structure = "".join(NUMBER.sub("#", text).split())
    return structure, [float(match) for match in NUMBER.findall(text)]
