"""Read the snippets of `torch_cases/` and run them under PyTorch or under microlazy's dialect.

A snippet starts with its name in brackets; `approx` behind the name compares numbers to 1e-4
instead of the printed text. In scope are `torch, nn, F, TensorDataset, DataLoader, OrderedDict,
copy, math, numpy` and `fill`, which gives the parameters of a module values that follow from their
places. The answer is what was printed, the repr of the last expression behind it, or an error.
"""

import ast
import contextlib
import copy
import importlib
import io
import math
import re
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy

CASES = Path(__file__).with_name("torch_cases")
HEADER = re.compile(r"^\[([a-z0-9_]+)\](?: (approx))?\n", re.M)


def load() -> dict[str, tuple[str, bool]]:
    """Return the code of each snippet by its name, and whether numbers are compared loosely."""
    found = {}
    for path in sorted(CASES.glob("*.txt")):
        _, *parts = HEADER.split(path.read_text(encoding="utf-8"))
        for name, approx, code in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found[f"{path.stem}/{name}"] = code.strip(), approx is not None
    return found


def scope(framework: str) -> dict[str, Any]:
    """Return the names that a snippet knows, of a package such as `torch`."""
    torch, nn, functional, data = (
        importlib.import_module(framework + part)
        for part in ("", ".nn", ".nn.functional", ".utils.data")
    )

    def fill(module: Any) -> None:
        with torch.no_grad():
            for parameter in module.parameters():
                places = torch.arange(parameter.numel()).reshape(parameter.shape)
                parameter.copy_((places * 5 % 7 - 3) / 5)

    return {
        **{"torch": torch, "nn": nn, "F": functional, "fill": fill, "numpy": numpy},
        **{"TensorDataset": data.TensorDataset, "DataLoader": data.DataLoader},
        **{"OrderedDict": OrderedDict, "copy": copy, "math": math},
    }


def run(code: str, names: dict[str, Any]) -> dict[str, str]:
    """Run a snippet and return what it printed, or the error's class and message."""
    *statements, last = ast.parse(code).body
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not isinstance(last, ast.Expr):
                exec(compile(code, "snippet", "exec"), names)
            else:
                exec(compile(ast.Module(statements, []), "snippet", "exec"), names)
                value = eval(compile(ast.Expression(last.value), "snippet", "eval"), names)
                if value is not None:
                    print(repr(value))
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"text": printed.getvalue()}
