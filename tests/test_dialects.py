"""What all dialects share: the page that lists what they have."""

from pathlib import Path

import pytest

from tests.dialect_tables import PAGE, TABLES, page

DIALECTS = Path(__file__).parents[1] / "microlazy" / "dialects"


def test_the_page_lists_what_there_is():
    assert page() == PAGE.read_text(encoding="utf-8"), "run python -m tests.dialect_tables"


def test_each_dialect_has_a_table():
    assert {path.parent.name for path in DIALECTS.glob("*/__init__.py")} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_no_name_is_listed_twice(name):
    for title, names in TABLES[name]():
        assert names and len(names) == len(set(names)), title
