"""What the documentation site is made of; its build itself is a step of .ci/run."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTENSIONS = ROOT / "docs" / "extensions"


@pytest.fixture
def extension(monkeypatch):
    """A function from the name of an extension of Sphinx to its module."""
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return importlib.import_module


def headings(name):
    lines = (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("## ") for line in lines if line.startswith("## ")]


# ---- errors -----------------------------------------------------------------------------------


def test_every_message_has_a_family_that_the_page_explains(extension):
    errors = extension("error_messages")
    found = errors.messages()
    assert [message for message in found if errors.family_of(message) is None] == []
    assert sorted(headings("errors.md")) == sorted(errors.FAMILIES)
    assert {errors.family_of(message) for message in found} == set(errors.FAMILIES)


def test_a_message_of_another_kind_has_no_family(extension):
    errors = extension("error_messages")
    assert errors.family_of(errors.Message("MXNetError", "oops", "microlazy/new.py")) is None
    assert errors.family_of(errors.Message("OddError", "x must be 3", "microlazy/new.py")) is None


def test_messages_of_python_and_cython_are_found(extension):
    errors = extension("error_messages")
    found = {(message.error, message.text) for message in errors.messages()}
    assert ("IndexError", "index … is out of bounds for axis … with size …") in found  # Cython
    assert ("ValueError", "give batch_size, or a batch_sampler") in found
    assert ("TypeError", "….backward must return arrays, not …") in found  # with a cast
    assert len(found) > 1200


def test_a_message_is_read_whole(extension, tmp_path, monkeypatch):
    errors = extension("error_messages")
    monkeypatch.setattr(errors, "ROOT", tmp_path)
    text = """raise ValueError(f"{name}: a (bracket " "and more, " + f"{<int>x}")\n"""
    for suffix, source in ((".py", text.replace("<int>", "")), (".pyx", text)):
        path = tmp_path / f"it{suffix}"
        path.write_text(source, encoding="utf-8")
        read = errors.python_messages if suffix == ".py" else errors.cython_messages
        assert list(read(path)) == [
            errors.Message("ValueError", "…: a (bracket and more, …", path.name)
        ]


# ---- the API ----------------------------------------------------------------------------------


@pytest.fixture
def pages(extension):
    api = extension("api_pages")
    found = [(page, list(api.sections(page))) for page in api.PAGES]
    api.link_same_objects(found)
    return found


def entries(pages):
    return [entry for _, parts in pages for part in parts for entry in part.entries]


def test_each_public_name_stands_once(pages):
    names = [entry.full_name for entry in entries(pages)]
    assert len(set(names)) == len(names)
    assert {
        *("microlazy.numpy.exp", "microlazy.ndarray.FullyConnected", "microlazy.gluon.nn.Dense"),
        *(
            "microlazy.autograd.record",
            "microlazy.symbol.Convolution",
            "microlazy.initializer.Xavier",
        ),
        *("microlazy.dialects.torch.nn.LazyLinear", "microlazy.viz.plot_network"),
    } <= set(names)


def test_no_name_of_the_faces_is_left_out(pages, extension):
    api = extension("api_pages")
    listed = {entry.full_name for entry in entries(pages)}
    for name in ("numpy", "numpy_extension", "ndarray", "symbol", "gluon", "gluon.nn", "optimizer"):
        module = importlib.import_module(f"microlazy.{name}")
        assert {f"{module.__name__}.{each}" for each in api.public_names(module)} <= listed


def test_an_entry_says_what_it_is_or_leads_to_one_that_does(pages):
    found = {entry.full_name: entry for entry in entries(pages)}
    for entry in found.values():
        assert entry.summary, entry.full_name
        if entry.same_as:
            assert found[entry.same_as].value is entry.value
            assert not found[entry.same_as].same_as


def test_a_class_shows_what_it_is_made_from(extension):
    shown = extension("api_pages").signature_of_class
    dense = importlib.import_module("microlazy.gluon.nn").Dense
    found, _ = shown(None, "class", "Dense", dense, None, "(*args, **kwargs)", "")
    assert found.startswith("(units, activation=None, use_bias=True, ")
    assert shown(None, "class", "Dense", dense, None, "(units)", "") is None
    assert shown(None, "function", "exp", len, None, "(*args, **kwargs)", "") is None


# ---- lessons and copied pages -----------------------------------------------------------------

SCRIPT = '''"""A lesson: it prints.

What you learn: nothing.
"""

from pathlib import Path

# 1. First `one` line,
# and another.
print("first")


# ---- Next ----


def function():
    # not at the edge
    return __name__


print(function())
Path("drawn.png").write_bytes(b"")
'''


def test_a_lesson_runs_part_by_part(tmp_path):
    script, result = tmp_path / "lesson.py", tmp_path / "parts.json"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, EXTENSIONS / "lesson_runner.py", script, result]
    subprocess.run(command, cwd=tmp_path, check=True)
    imports, first, second = json.loads(result.read_text(encoding="utf-8"))
    assert (imports["prose"], imports["printed"]) == ([], "")
    assert first["prose"] == ["1. First `one` line, and another."]
    assert (first["code"], first["printed"]) == ('print("first")\n', "first\n")
    assert second["prose"] == ["---- Next ----"]
    assert "# not at the edge" in second["code"]
    assert (second["printed"], second["pictures"]) == ("__main__\n", ["drawn.png"])


def test_a_lesson_becomes_a_page(extension, tmp_path):
    lessons = extension("lessons")
    script = tmp_path / "lesson.py"
    script.write_text(SCRIPT, encoding="utf-8")
    parts = [
        {"prose": ["1. a * b of `a_b`"], "code": "x\n", "printed": "3\n", "pictures": ["it.png"]},
        {"prose": ["---- Next ----"], "code": "", "printed": "", "pictures": []},
    ]
    text = lessons.text_of(script, parts)
    assert text.startswith("# A lesson\n\nIt prints.\n\nWhat you learn: nothing.\n")
    for piece in (
        *(r"**1.** a \* b of `a_b`", "```python\nx\n```", ":class: printed\n\n3\n```"),
        *("](lesson/it.png)", "\n## Next\n"),
    ):
        assert piece in text


def test_a_lesson_that_fails_stops_the_build(extension, tmp_path):
    script = tmp_path / "lesson.py"
    script.write_text("raise ValueError('broken')\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"lesson.py failed:\n(.*\n)*ValueError: broken"):
        extension("lessons").run(script, tmp_path)


def test_every_lesson_has_a_page(extension):
    names = [path.name for path in extension("lessons").scripts()]
    assert sorted(names) == sorted(path.name for path in (ROOT / "tutorials").glob("*.py"))


def test_links_to_copied_pages_are_moved(extension):
    moved = extension("repository_pages").moved_links
    assert moved("[a](../CHANGELOG.md#added)", "docs", "") == "[a](project/changelog.md#added)"
    assert moved("[a](docs/arrays.md)", ".", "") == "[a](arrays.md)"
    assert moved("![a](docs/microlazy.svg)", ".", "") == "![a](microlazy.svg)"
    assert moved("[a](arrays.md) [b](https://x.org/y.md)", "docs", "") == (
        "[a](arrays.md) [b](https://x.org/y.md)"
    )


def test_links_that_lead_nowhere_are_found(extension, tmp_path):
    links = extension("site_links")
    (tmp_path / "deep").mkdir()
    (tmp_path / "style.css").touch()
    (tmp_path / "index.html").write_text(
        """<link href="style.css?v=1"/><img alt="" src="drawn.png"/><h1 id="a&amp;b">Title</h1>
        <a href="https://x.org/y">x</a> <a class="c" href="deep/page.html#it">y</a>
        <a href="#a%26b">here</a> <a href="#gone">not here</a> <pre>&lt;a href="code"&gt;</pre>""",
        encoding="utf-8",
    )
    (tmp_path / "deep" / "page.html").write_text(
        """<section id="it"><a href="../index.html#title">z</a> <a href="../index.html">i</a>
        <a href="index.html">j</a> <a href="mailto:x@y.org">m</a></section>""",
        encoding="utf-8",
    )
    assert links.broken(tmp_path) == [
        ("deep/page.html", "../index.html#title"),
        ("deep/page.html", "index.html"),
        ("index.html", "drawn.png"),
        ("index.html", "#gone"),
    ]


def test_the_picture_of_the_readme_shows_its_table():
    from benchmarks.picture import PICTURE, picture

    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == picture(page), "run python -m benchmarks.picture"
    assert PICTURE.stat().st_size < 100_000
    assert "docs/microlazy.svg" in page
