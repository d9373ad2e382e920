"""What every test and doctest of the project starts from."""

import os

import pytest
from hypothesis import settings

# The same examples at every run, unless somebody explores: HYPOTHESIS_PROFILE=default pytest.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=True)
def clean_slate():
    """nd arrays, automatic names counted from zero, a known seed."""
    from microlazy import npx, random
    from microlazy.gluon import naming

    npx.reset_np()
    naming._names.counts.clear()
    random.seed(0)
