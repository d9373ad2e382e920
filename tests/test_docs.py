"""What the pages point to exists. Their examples run as doctests: see testpaths in pyproject."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "tests/oracle/README.md"]
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def prose(page):
    """The text of a page without its blocks of code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page):
    """The places in a page that a link can name."""
    titles = re.findall(r"^#+ (.*)", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page):
    named = r"`((?:microlazy|tutorials|tests|docs|benchmarks)/[\w./]*)`"
    for path in re.findall(named, prose(page)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", ["coming_from_mxnet", "coming_from_numpy"])
def test_the_pages_for_newcomers_show_what_they_say(name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert text.count("```python") >= 5
    for block in FENCED.findall(text):
        # A doctest ends at an empty line: without it the fence would be expected output.
        assert block.startswith("```python\n>>> ") and block.endswith("\n\n```"), block


def test_the_tree_has_a_line_for_each_file():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    tree = page[page.index("## The tree") : page.index("## What it depends on")]
    listed = set(re.findall(r"[\w.]+\.(?:pyx|pxi|pyi|py|h)\b", tree))
    written = re.compile(r"generated|__pycache__|__init__")
    files = {
        path.name
        for path in (ROOT / "microlazy").rglob("*")
        if path.suffix in (".py", ".pyx", ".pxi", ".h") and not written.search(str(path))
    }
    assert files == {name for name in listed if not name.endswith(".pyi")}
