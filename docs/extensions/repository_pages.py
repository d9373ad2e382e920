"""Copies pages that stand elsewhere in the repository into docs/project/, where the site has them.

A link from a page of docs/ to one of them, right for who reads the files, becomes one to its copy.
"""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs" / "project"
COPIES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "tests/oracle/README.md": "oracle.md",
}


def moved_links(text: str, place: str, here: str) -> str:
    """A text's links to copied pages, relative to `place`, as links from the directory `here`."""
    base = ROOT / place

    def moved(link: re.Match[str]) -> str:
        target = (base / link[1]).resolve()
        if not target.is_relative_to(ROOT):
            return link[0]
        path = target.relative_to(ROOT).as_posix()
        if path in COPIES:
            return f"]({here}project/{COPIES[path]}{link[2]})"
        if path.startswith("docs/"):
            return f"]({here}{path.removeprefix('docs/')}{link[2]})"
        return link[0]

    return re.sub(r"\]\(([\w./-]+\.(?:md|png|svg))(#[\w-]*|)\)", moved, text)


def front() -> str:
    """What the front page takes from the README: all below the title, but where files are."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = text.partition("\n")[2].partition("\n## Where things are")[0]
    return moved_links(text, ".", "")


def write(*_: object) -> None:
    """Write the copies; those that have not changed keep their date."""
    OUT.mkdir(exist_ok=True)
    texts = {"front.md": front()}
    for source, name in COPIES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        texts[name] = moved_links(text, Path(source).parent.as_posix(), "../")
    for name, text in texts.items():
        path = OUT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def read(_: Any, name: str, source: list[str]) -> None:
    """Point the links of a page of docs/ to the copies."""
    if "/" not in name:
        source[0] = moved_links(source[0], "docs", "")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
