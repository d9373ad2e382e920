"""Write what each dialect has into `docs/dialects.md`: ``python -m tests.dialect_tables``.

The names are those that the modules have now; ``--check`` says whether the page has them.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchmarks.compare import between_markers

PAGE = Path(__file__).parents[1] / "docs" / "dialects.md"
ROOT = "microlazy.dialects."
Rows = list[tuple[str, list[str]]]  # a title and the names under it


def public(module: ModuleType | type, kind: type | tuple[type, ...]) -> list[str]:
    """Return the public names of a module or class whose values are of a kind, and its own."""
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, kind)
        and getattr(value, "__module__", ROOT).startswith(ROOT)
    )


def torch_rows() -> Rows:
    """Return what the PyTorch dialect has."""
    names = ("", ".nn", ".nn.functional", ".nn.init", ".nn.utils", ".autograd", ".optim")
    torch, nn, functional, init, nn_utils, autograd, optim = (
        import_module(f"{ROOT}torch{name}") for name in names
    )
    data, d2l = (import_module(f"{ROOT}torch.{name}") for name in ("utils.data", "d2l"))
    function = type(public)
    layers = public(nn, type)
    losses = [name for name in layers if name.endswith("Loss")]
    return [
        ("`torch`: functions", public(torch, function)),
        ("`torch`: types and modes", public(torch, type)),
        ("`torch`: dtypes", public(torch, torch.dtype)),
        ("`torch.Tensor`", public(torch.Tensor, (function, property))),
        ("`torch.nn`: layers and containers", [name for name in layers if name not in losses]),
        ("`torch.nn`: losses", losses),
        ("`torch.nn.Module`", sorted([*public(nn.Module, function), "apply"])),
        ("`torch.nn.functional`", functional.__all__),
        ("`torch.nn.init`", init.__all__),
        ("`torch.nn.utils`", nn_utils.__all__),
        ("`torch.autograd`", autograd.__all__),
        ("`torch.optim`", optim.__all__),
        ("`torch.cuda`", torch.cuda.__all__),
        ("`torch.utils.data`", data.__all__),
        ("`torch.d2l`", d2l.__all__),
    ]


TABLES: dict[str, Callable[[], Rows]] = {"torch": torch_rows}


def table(rows: Rows) -> str:
    """Return the names as a table of Markdown.

    Examples
    --------
    >>> print(table([("`nn`", ["Linear", "ReLU"])]))
    | where | names |
    |---|---|
    | `nn` | `Linear` `ReLU` |
    """
    lines = [f"| {title} | {' '.join(f'`{name}`' for name in names)} |" for title, names in rows]
    return "\n".join(["| where | names |", "|---|---|", *lines])


def page() -> str:
    """Return the page with the tables that belong there now."""
    text = PAGE.read_text(encoding="utf-8")
    for name, rows in TABLES.items():
        markers = (f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->")
        text = between_markers(text, table(rows()), markers)
    return text


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is as it should be."""
    if "--check" in arguments:
        return int(page() != PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
