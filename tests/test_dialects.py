"""What all dialects share: the page that lists what they have."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dialect_tables import PAGE, TABLES, page

DIALECTS = Path(__file__).parents[1] / "microlazy" / "dialects"


def test_the_page_lists_what_there_is():
    assert page() == PAGE.read_text(encoding="utf-8"), "run python -m tests.dialect_tables"


def test_each_dialect_has_a_table():
    assert {path.parent.name for path in DIALECTS.glob("*/__init__.py")} == set(TABLES)


def test_dialects_are_loaded_when_they_are_used():
    code = (
        "import sys, microlazy as mx; assert 'microlazy.dialects' not in sys.modules; "
        "mx.dialects; assert 'microlazy.dialects.torch' not in sys.modules; "
        "print(mx.dialects.torch.zeros(1)); mx.dialects.torhc"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "tensor([0.])\n", done.stderr
    assert "no attribute 'torhc'; the nearest name is 'torch'" in done.stderr


@pytest.mark.parametrize("name", TABLES)
def test_no_name_is_listed_twice(name):
    for title, names in TABLES[name]():
        assert names and len(names) == len(set(names)), title
