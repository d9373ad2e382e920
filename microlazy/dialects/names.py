"""What each dialect has, read from its modules: for the tables of the documentation."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import NamedTuple

# The modules of a dialect whose names are listed, without "microlazy.dialects.".
MODULES = {
    "keras": (
        "keras",
        "keras.layers",
        "keras.activations",
        "keras.initializers",
        "keras.losses",
        "keras.metrics",
        "keras.optimizers",
        "keras.callbacks",
        "keras.utils",
        "keras.tf",
        "keras.tf.nn",
        "keras.tf.random",
    ),
    "flax": (
        "flax.linen",
        "flax.jax.nn.initializers",
        "flax.jax",
        "flax.jax.random",
        "flax.jax.tree_util",
        "flax.bridge",
        "flax.carrying",
        "flax.d2l",
    ),
}


class Row(NamedTuple):
    """A name of a dialect."""

    module: str  # such as "keras.layers"
    name: str
    text: str  # the first line of its documentation
    stands_on: str  # the class of Gluon that it is, such as "gluon.nn.Dense", or ""


def rows_of(dialect: str) -> list[Row]:
    """The classes and functions of a dialect, module by module.

    Parameters
    ----------
    dialect : str
        One of those in `MODULES`.

    Examples
    --------
    >>> next(row for row in rows_of("keras") if row.name == "Dense").stands_on
    'gluon.nn.Dense'
    >>> [row.name for row in rows_of("flax") if row.module == "flax.d2l"]
    ['Module', 'add_to_class', 'get_key']
    """
    found = []
    for path in MODULES[dialect]:
        module = import_module(f"microlazy.dialects.{path}")
        for name in sorted(module.__all__):
            thing = getattr(module, name)
            if callable(thing):
                text = (inspect.getdoc(thing) or "").partition("\n")[0]
                found.append(Row(path, name, text, _gluon_class(thing)))
    return found


def _gluon_class(thing: object) -> str:
    """The nearest class of Gluon among the bases."""
    for base in inspect.getmro(thing) if inspect.isclass(thing) else ():
        package = base.__module__.split(".")
        if package[:2] == ["microlazy", "gluon"] and not base.__name__.startswith("_"):
            return f"gluon.{package[2]}.{base.__name__}"
    return ""
