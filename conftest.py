"""What every test and doctest of the project starts from."""

import pytest

collect_ignore = [
    "microlazy/core/kernels/templates",  # needs what builds the package
    *("docs/conf.py", "docs/extensions"),  # needs Sphinx
    *("docs/api", "docs/lessons", "docs/project"),  # the site's build writes them
]


@pytest.fixture(autouse=True)
def clean_slate():
    """nd arrays, automatic names counted from zero, a known seed."""
    from microlazy import npx, random
    from microlazy.name import current

    npx.reset_np()
    current()._counter.clear()
    random.seed(0)
