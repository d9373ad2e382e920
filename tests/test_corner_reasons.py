"""The table of slow corners: what misses its goal there has its reason beside it."""

from pathlib import Path

import pytest

from benchmarks.corner_reasons import REASONS, name_of, reason
from benchmarks.corners import GOALS, MARKERS, MISSED, calls, table, unexplained

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def rows():
    """The calls of the written table, with their cells: a call may hold a bar of its own."""
    text = PAGE.read_text(encoding="utf-8")
    lines = text.partition(MARKERS[0])[2].partition(MARKERS[1])[0].splitlines()
    for line in lines:
        if line.startswith("| `"):
            call, *cells = line.strip("|").rsplit(" | ", len(GOALS) + 1)
            yield call.strip(" `"), [cell.strip() for cell in cells]


def test_the_table_is_found():
    assert len(list(rows())) > 300


def test_each_row_that_misses_its_goal_has_its_reason():
    for call, (*cells, why) in rows():
        for kind, cell in zip(GOALS, cells, strict=True):
            if cell.endswith(MISSED):
                assert reason(call, kind), f"{call} misses its goal of {kind}: say why in REASONS"
                assert reason(call, kind) in why, call


def test_reasons_are_about_calls_that_are_measured():
    measured = {name_of(call) for call in calls()}
    for entry in REASONS:
        assert set(entry.names.split()) <= measured, entry.text
        assert set(entry.kinds) <= set(GOALS)


def test_a_function_has_one_reason_for_a_kind():
    pairs = [(name, kind) for r in REASONS for name in r.names.split() for kind in r.kinds]
    assert sorted({p for p in pairs if pairs.count(p) > 1}) == []


def test_the_table_shows_the_reason_and_what_has_none():
    slow = {(100, "value"): {"microlazy": 2e-6, "numpy": 1e-6}}
    fast = {(100, "value"): {"microlazy": 1e-6, "numpy": 2e-6}}
    found = {"np.flipud(x)": slow, "np.exp(x)": slow, "np.zeros(2)": fast}
    first, second, third = table(found).splitlines()[2:]
    assert first.endswith(f"| {reason('np.flipud(x)', (100, 'value'))} |")
    assert second.endswith("|  |") and third.endswith("|  |")
    assert unexplained(found) == ["np.exp(x): 100, value"]


def test_a_text_without_a_call_is_refused():
    with pytest.raises(ValueError, match=r"no function of np or npx is called in 'x \+ 1'"):
        name_of("x + 1")
