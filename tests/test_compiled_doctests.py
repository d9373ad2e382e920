"""The examples in the docstrings of the compiled modules; pytest itself only reads Python files."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from microlazy import core

WIDE = ("avx2", "avx512")  # may not even be imported on a processor that lacks them
MODULES = [
    import_module(found.name)
    for found in pkgutil.walk_packages(core.__path__, "microlazy.core.")
    if found.name.rpartition(".")[2] not in WIDE
]
EXAMPLES = [
    doctest.DocTestParser().get_doctest(text, {}, f"{module.__name__}.{name}", None, 0)
    for module in MODULES
    for name, text in getattr(module, "__test__", {}).items()  # Cython collects them there
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(example).failed == 0
