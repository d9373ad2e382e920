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


def listed(*paths: str) -> Rows:
    """Return the names that modules say they have, but for modules among them.

    Examples
    --------
    >>> listed("torch.cuda")
    [('`torch.cuda`', ['device_count', 'is_available'])]
    """
    modules = {path: import_module(ROOT + path) for path in paths}
    return [
        (
            f"`{path}`",
            sorted(n for n in module.__all__ if not isinstance(getattr(module, n), ModuleType)),
        )
        for path, module in modules.items()
    ]


def torch_rows() -> Rows:
    """Return what the PyTorch dialect has."""
    torch, nn = (import_module(f"{ROOT}{name}") for name in ("torch", "torch.nn"))
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
        *listed("torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.autograd"),
        *listed("torch.optim", "torch.cuda", "torch.utils.data", "torch.d2l"),
    ]


def keras_rows() -> Rows:
    """Return what the Keras dialect has."""
    keras, training = (import_module(f"{ROOT}{name}") for name in ("keras", "keras._training"))
    kinds = (type(public), property)
    model = {*public(keras.Model, kinds), *public(training.Training, kinds)}
    return [
        *listed("keras", "keras.layers"),
        ("`keras.layers.Layer`", public(keras.Layer, kinds)),
        ("`keras.Model`, beside a layer's", sorted(model)),
        *listed("keras.activations", "keras.initializers", "keras.losses", "keras.metrics"),
        *listed("keras.optimizers", "keras.callbacks", "keras.utils"),
        *listed("keras.tf", "keras.tf.nn", "keras.tf.random"),
    ]


def flax_rows() -> Rows:
    """Return what the Flax dialect has."""
    linen = import_module(f"{ROOT}flax.linen")
    return [
        *listed("flax.linen"),
        ("`flax.linen.Module`", public(linen.Module, type(public))),
        *listed("flax.jax", "flax.jax.random", "flax.jax.tree_util", "flax.jax.nn"),
        *listed("flax.jax.tree", "flax.jax.errors", "flax.jax.nn.initializers", "flax.errors"),
        *listed("flax.bridge", "flax.carrying", "flax.d2l"),
    ]


TABLES: dict[str, Callable[[], Rows]] = {
    "torch": torch_rows,
    "keras": keras_rows,
    "flax": flax_rows,
}


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
