"""Writes a page for each public module into docs/api/: what it holds, each name once.

A name that is another's object says so and links there, so a function that several namespaces share
is documented in the first of them, and is found under all its names.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from api_table import PAGES, Page

OUT = Path(__file__).parents[1] / "api"


DOCUMENTED: dict[int, str] = {}  # the full name under which an object is documented


def nearest_base(value: type) -> type | None:
    """The first class that a class inherits from and that has an entry."""
    return next((base for base in value.__mro__[1:] if id(base) in DOCUMENTED), None)


@dataclass
class Entry:
    """A public name of a module."""

    module: str
    name: str
    value: Any
    same_as: str = ""  # the full name under which its object is documented

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def kind(self) -> str:
        if inspect.isclass(self.value):
            return "class"
        return "function" if callable(self.value) else "data"

    @property
    def summary(self) -> str:
        """The first paragraph of its documentation, on one line."""
        if self.same_as:
            return f"The same as :obj:`{short(self.same_as)} <{self.same_as}>`."
        text = inspect.getdoc(self.value) or ""
        paragraphs = text.split("\n\n")
        if re.match(r"[\w.]+\(.*\)( -> [\w.]+)?$", paragraphs[0], re.S) and len(paragraphs) > 1:
            paragraphs = paragraphs[1:]  # the signature that Cython puts there
        text = re.sub(r" *\[\d+\]_", "", " ".join(paragraphs[0].split()))  # marks of footnotes
        return text.removesuffix("::")

    def directive(self) -> str:
        if self.same_as:
            role = {"class": "class", "function": "function", "data": "data"}[self.kind]
            return f".. py:{role}:: {self.name}\n\n   {self.summary}\n"
        if self.kind == "class":
            shown = "   :show-inheritance:\n" if nearest_base(self.value) else ""
            return f".. autoclass:: {self.full_name}\n   :members:\n{shown}"
        if self.kind == "data":
            return f".. py:data:: {self.name}\n\n   {self.summary}\n"
        return f".. autofunction:: {self.full_name}\n"


@dataclass
class Section:
    """A part of a page: what one file or namespace holds."""

    title: str
    text: str
    entries: list[Entry] = field(default_factory=list)


def short(full_name: str) -> str:
    """A full name as users write it: `np.exp` for microlazy.numpy.exp."""
    name = full_name.removeprefix("microlazy.")
    for long, face in (("numpy_extension", "npx"), ("numpy", "np"), ("ndarray", "nd")):
        if name.startswith(f"{long}."):
            return face + name.removeprefix(long)
    return name


def public_names(module: ModuleType) -> list[str]:
    """The names of functions and classes of this package that a module gives to its users."""
    names = getattr(module, "__all__", None) or sorted(dir(module))
    return [name for name in names if _is_ours(name, getattr(module, name, None))]


def _is_ours(name: str, value: Any) -> bool:
    origin = value.__module__ if isinstance(getattr(value, "__module__", None), str) else ""
    if not origin:
        origin = type(value).__module__
    return (
        not inspect.ismodule(value)
        and not name.startswith("_")
        and origin.startswith("microlazy")
        and name not in ("register_methods", "register_protocols")
    )


def sections(page: Page) -> Iterator[Section]:
    """The sections of a page: one for each file that the page's module gathers, then the rest.

    The rest is what no page of the module has a section for.
    """
    module = import_module(page.module)
    elsewhere = {
        name
        for other in PAGES
        if other.module == page.module and other != page
        for part in other.parts
        for name in import_module(f"{page.module}.{part}").__all__
    }
    names = public_names(module)
    if page.rest:
        names = [name for name in names if name not in elsewhere]
    for part in page.parts:
        source = import_module(f"{page.module}.{part}")
        title, _, text = inspect.getdoc(source).partition("\n\n")
        title, _, more = title.removesuffix(".").partition(":")
        own = [name for name in names if name in source.__all__]
        names = [name for name in names if name not in own]
        text = "\n\n".join(filter(None, (more.strip()[:1].upper() + more.strip()[1:], text)))
        yield Section(title, text, _entries(page.module, module, own))
    if page.rest:
        yield Section("", "", _entries(page.module, module, names))


def _entries(path: str, module: ModuleType, names: list[str]) -> list[Entry]:
    return [Entry(path, name, getattr(module, name)) for name in names]


def link_same_objects(pages: list[tuple[Page, list[Section]]]) -> None:
    """Mark each entry whose object an earlier page, or a better name on its page, documents."""
    for _, parts in pages:
        entries = [entry for part in parts for entry in part.entries]
        # An object's own name goes before other names of it.
        for entry in sorted(
            entries, key=lambda entry: getattr(entry.value, "__name__", "") != entry.name
        ):
            first = DOCUMENTED.setdefault(id(entry.value), entry.full_name)
            entry.same_as = first if first != entry.full_name else ""


def text_of(page: Page, parts: list[Section]) -> str:
    """The page in MyST Markdown."""
    lines = [f"# {page.title}", ""]
    doc = inspect.getdoc(import_module(page.module)) or ""
    if page.rest or not page.parts:
        lines += [_rst(doc, page.module)]
    if page.see:
        lines += [page.see, ""]
    for part in parts:
        if not part.entries:
            continue
        if part.title:
            lines += [f"## {part.title}", "", _rst(part.text)]
        lines += [_rst(_table(part.entries))]
        lines += [_rst("\n".join(entry.directive() for entry in part.entries), page.module)]
    return "\n".join(lines)


def _rst(text: str, module: str = "") -> str:
    """Docstrings and directives in reStructuredText, whose names are those of a module."""
    head = f".. py:currentmodule:: {module}\n\n" if module else ""
    return f"````{{eval-rst}}\n{head}{text}\n````\n" if text.strip() else ""


def _table(entries: list[Entry]) -> str:
    rows = [
        f"   * - :obj:`{entry.name} <{entry.full_name}>`\n     - {entry.summary}"
        for entry in entries
    ]
    return ".. list-table::\n   :class: summary\n   :widths: 30 70\n\n" + "\n".join(rows) + "\n"


INDEX = """# The API by module

Names and module paths are those of MXNet 1.9. Each page lists what a module holds; a name that
stands in several is explained once and linked from the others. [Arrays](../arrays.md) says of every
function how it runs and which gradients it has,
[coming from MXNet](../coming_from_mxnet.md) what differs.

```{{toctree}}
:maxdepth: 2

{}
```
"""


def group_file(group: str) -> str:
    """The name of the page that lists the pages of a group."""
    return "group_" + re.sub(r"\W+", "_", group.lower())


def index_of(group: str) -> str:
    """The page that lists the pages of a group."""
    names = "\n".join(page.name for page in PAGES if page.group == group)
    return f"# {group}\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"


def write(*_: object) -> None:
    """Write all pages; those that have not changed keep their date, so Sphinx keeps them too."""
    OUT.mkdir(exist_ok=True)
    pages = [(page, list(sections(page))) for page in PAGES]
    link_same_objects(pages)
    texts = {page.name: text_of(page, parts) for page, parts in pages}
    groups = list(dict.fromkeys(page.group for page in PAGES))
    texts |= {group_file(group): index_of(group) for group in groups}
    texts["index"] = INDEX.format("\n".join(map(group_file, groups)))
    for old in OUT.glob("*.md"):
        if old.stem not in texts:
            old.unlink()
    for name, text in texts.items():
        path = OUT / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def show_nearest_base(_: Any, name: str, value: type, __: Any, bases: list[Any]) -> None:
    """Say that a class inherits from the nearest class that has an entry."""
    base = nearest_base(value)
    if base:
        full_name = DOCUMENTED[id(base)]
        bases[:] = [f":py:class:`{short(full_name)} <{full_name}>`"]


def is_foreign(_: Any, kind: str, name: str, value: Any, skip: bool, __: Any) -> bool | None:
    """Skip members that other libraries put into our classes."""
    origin = getattr(value, "__module__", None)
    return True if isinstance(origin, str) and not origin.startswith("microlazy") else None


def keep_inputs(*event: Any) -> None:
    """Give numpydoc the inputs of a call, a section of our losses, under a name that it knows."""
    _replace_line(event[-1], "Inputs", "Other Parameters")


def name_inputs(*event: Any) -> None:
    """Give the inputs of a call their own name back."""
    _replace_line(event[-1], ":Other Parameters:", ":Inputs:")


def _replace_line(lines: list[str], old: str, new: str) -> None:
    """Replace a line, and the rule below a heading by one as long as the new text."""
    for place, line in enumerate(lines):
        if line.strip() == old:
            lines[place] = line.replace(old, new)
            if place + 1 < len(lines) and set(lines[place + 1].strip()) == {"-"}:
                lines[place + 1] = lines[place + 1].replace("-" * len(old), "-" * len(new))


def signature_of_class(
    _: Any, what: str, name: str, value: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Show what __init__ takes where __new__, which Sphinx asks first, takes anything."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    found = inspect.signature(value).parameters.values()
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in found])), returns


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", keep_inputs, priority=100)  # numpydoc's is 500
    app.connect("autodoc-process-docstring", name_inputs, priority=900)
    app.connect("autodoc-process-bases", show_nearest_base)
    app.connect("autodoc-process-signature", signature_of_class)
    app.connect("autodoc-skip-member", is_foreign)
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
