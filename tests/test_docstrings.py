"""The examples in docstrings that pytest itself does not find.

It reads Python files only, and of a class only in the file that the class says it is from.
"""

import doctest
import pkgutil
from importlib import import_module

import pytest

from microlazy import core
from microlazy.gluon import parameter

WIDE = ("avx2", "avx512")  # may not even be imported on a processor that lacks them
MODULES = [
    import_module(found.name)
    for found in pkgutil.walk_packages(core.__path__, "microlazy.core.")
    if found.name.rpartition(".")[2] not in WIDE
]
COMPILED = [
    doctest.DocTestParser().get_doctest(text, {}, f"{module.__name__}.{name}", None, 0)
    for module in MODULES
    for name, text in getattr(module, "__test__", {}).items()  # Cython collects them there
]
MOVED = [
    example
    for name in parameter.__all__
    for example in doctest.DocTestFinder().find(getattr(parameter, name), name, module=False)
    if example.examples
]


@pytest.mark.parametrize("example", COMPILED + MOVED, ids=lambda example: example.name)
def test_example(example):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(example).failed == 0
