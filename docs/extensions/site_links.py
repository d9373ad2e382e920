"""Follows every link inside the site when its pages are written: to a file, and a place in a page.

Sphinx itself checks what pages of Markdown and reStructuredText refer to; this sees what became of
it, with the theme's links, pictures, styles and scripts. Nothing is asked of the network.
"""

import html
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LINK = re.compile(r'<[a-z]+\b[^<>]*?\s(?:href|src)="([^"]*)"')
PLACE = re.compile(r'<[a-z][a-z0-9]*\b[^<>]*?\sid="([^"]*)"')


def target(page: Path, link: str) -> tuple[Path, str] | None:
    """The file that a page's link leads to, and the place in it; None if it leaves the site."""
    parts = urlsplit(html.unescape(link))
    if parts.scheme or parts.netloc:
        return None
    path = page.parent / unquote(parts.path) if parts.path else page
    return path.resolve(), unquote(parts.fragment)


def broken(site: Path) -> list[tuple[str, str]]:
    """Each page of a site, with a link of it that leads nowhere."""
    texts = {
        path: path.read_text(encoding="utf-8") for path in sorted(site.resolve().rglob("*.html"))
    }

    @cache
    def places(page: Path) -> set[str]:
        return {html.unescape(place) for place in PLACE.findall(texts.get(page, ""))}

    found = []
    for page, text in texts.items():
        for link in dict.fromkeys(LINK.findall(text)):
            there = target(page, link)
            if there is None:
                continue
            path, place = there
            if not path.is_file() or (place and place not in places(path)):
                found.append((page.relative_to(site.resolve()).as_posix(), link))
    return found


def warn(app: Any, error: Exception | None) -> None:
    """Warn of each link that leads nowhere."""
    if error is not None or app.builder.format != "html":
        return
    from sphinx.util import logging

    for page, link in broken(Path(app.outdir)):
        logging.getLogger(__name__).warning("%s: the link %s leads nowhere", page, link)


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", warn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
