"""What every test and doctest of the project starts from."""

import pytest

collect_ignore = ["microlazy/core/kernels/templates"]  # needs what builds the package


@pytest.fixture(autouse=True)
def clean_slate():
    """nd arrays, automatic names counted from zero, a known seed."""
    from microlazy import npx, random
    from microlazy.gluon.block import naming

    npx.reset_np()
    naming._names.counts.clear()
    random.seed(0)
