"""Runs the lessons of tutorials/ and writes a page for each into docs/lessons/.

A page shows a lesson's prose, its code, what it printed and the picture it drew. Its first line has
a hash of the script, so a lesson runs again only when it, or what runs it, has changed.
"""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = ROOT / "docs" / "lessons"

ORDER = [
    *("lazy_initialization", "deferred_initialization", "avoiding_deferred_initialization"),
    *("lazy_initialization_exercises", "initialization", "builders_guide", "train_digits"),
    *("image_networks", "batch_normalization", "lazy_convolutions", "language_models"),
    *("transformer", "gradients_of_gradients", "four_tongues"),
    *("digits_in_torch", "digits_in_keras", "digits_in_flax"),
]

INDEX = """# Lessons

Each page is a script of `tutorials/`, run when this site was built: its text, its code, what it
printed, and the picture it drew. To run one yourself: `python tutorials/NAME.py`.

```{{toctree}}
:maxdepth: 1

{}
```
"""


def scripts() -> list[Path]:
    """The lessons, those in ORDER first."""
    found = {path.stem: path for path in sorted((ROOT / "tutorials").glob("*.py"))}
    return [found[name] for name in [*ORDER, *(name for name in found if name not in ORDER)]]


def hash_of(script: Path) -> str:
    """A hash of what a lesson's page depends on in this directory."""
    sources = (script, HERE / "lesson_runner.py", Path(__file__))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def run(script: Path, directory: Path) -> list[dict[str, Any]]:
    """Run a lesson in a process of its own; return its parts."""
    result = directory / "parts.json"
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.run(
        [sys.executable, str(HERE / "lesson_runner.py"), str(script), str(result)],
        cwd=directory,
        env={**os.environ, "MPLBACKEND": "Agg", "TQDM_DISABLE": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(f"{script.name} failed:\n{process.stderr}")
    return json.loads(result.read_text(encoding="utf-8"))


def escaped(prose: str) -> str:
    """Prose of a comment as Markdown: what is between backticks is code, the rest is text."""
    pieces = re.split(r"(`+[^`]+`+)", prose)
    for place in range(0, len(pieces), 2):
        pieces[place] = re.sub(r"([*_<\[\]$\\#|])", r"\\\1", pieces[place])
    return re.sub(r"^(\d+)\. ", r"**\1.** ", "".join(pieces))


def text_of(script: Path, parts: list[dict[str, Any]]) -> str:
    """A lesson's page in MyST Markdown."""
    doc = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    head, *paragraphs = doc.split("\n\n")
    title, _, rest = " ".join(head.split()).partition(":")
    lines = [f"# {escaped(title.removesuffix('.'))}", ""]
    if rest:
        lines += [escaped(rest.strip()[:1].upper() + rest.strip()[1:]), ""]
    for paragraph in paragraphs:
        text = " ".join(paragraph.split())
        command = text.removeprefix("Run: ")
        lines += [f"Run it: `{command}`" if command != text else escaped(text), ""]
    for part in parts:
        for prose in part["prose"]:
            heading = re.fullmatch(r"-+ (.*?) -+", prose)
            lines += [f"## {escaped(heading[1])}" if heading else escaped(prose), ""]
        if part["code"]:
            lines += ["```python", part["code"].strip("\n"), "```", ""]
        if part["printed"]:
            lines += ["```{code-block} text", ":class: printed", ""]
            lines += [part["printed"].rstrip("\n"), "```", ""]
        lines += [f"![What the lesson draws]({script.stem}/{name})\n" for name in part["pictures"]]
    return "\n".join(lines)


def make(script: Path) -> None:
    """Run a lesson and write its page, unless the page is that of this very script."""
    page, mark = OUT / f"{script.stem}.md", f"% {hash_of(script)}\n"
    if page.exists() and page.read_text(encoding="utf-8").startswith(mark):
        return
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        parts = run(script, directory)
        pictures = OUT / script.stem
        shutil.rmtree(pictures, ignore_errors=True)
        for part in parts:
            for picture in part["pictures"]:
                pictures.mkdir(exist_ok=True)
                shutil.move(directory / picture, pictures / picture)
    page.write_text(mark + text_of(script, parts), encoding="utf-8")


def write(*_: object) -> None:
    """Write the pages of all lessons, two at a time, and the page that lists them."""
    OUT.mkdir(exist_ok=True)
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(make, scripts()))
    index = INDEX.format("\n".join(script.stem for script in scripts()))
    if not (OUT / "index.md").exists() or (OUT / "index.md").read_text(encoding="utf-8") != index:
        (OUT / "index.md").write_text(index, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
