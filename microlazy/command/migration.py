"""Which names of mxnet a program uses, which of them microlazy has, and the imports replaced.

Programs are parsed, never run.
"""

from __future__ import annotations

import ast
import importlib
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base import MXNetError
from ..files import write_atomically
from ..outside import explain

# Packages built upon mxnet: their own code has to be moved over too.
COMPANIONS = (
    "autogluon",
    "gluoncv",
    "gluonfr",
    "gluonnlp",
    "gluonts",
    "insightface",
    "keras_mxnet",
)


@dataclass
class Use:
    """A name of mxnet at a place."""

    file: Path
    line: int
    name: str  # such as "gluon.nn.Dense"
    missing: str | None  # why it cannot be used, if so


@dataclass
class Report:
    """What was found in the files below a path."""

    path: Path
    files: list[Path] = field(default_factory=list)  # those that import mxnet
    uses: list[Use] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[Use]:
        """The uses of names that microlazy has not."""
        return [use for use in self.uses if use.missing]

    def __str__(self) -> str:
        names = {use.name for use in self.uses}
        gone: dict[str, list[Use]] = {}
        for use in self.missing:
            gone.setdefault(use.name, []).append(use)
        lines = [
            f"{self.path}: {count(len(self.files), 'file')} of mxnet, "
            f"{count(len(names), 'name')} in {count(len(self.uses), 'place')}, "
            f"of which {count(len(gone), 'name')} missing"
        ]
        for name, uses in sorted(gone.items(), key=lambda item: -len(item[1])):
            places = ", ".join(f"{use.file}:{use.line}" for use in uses[:3])
            more = f" and {len(uses) - 3} more" if len(uses) > 3 else ""
            lines += [f"  {name}: {uses[0].missing}", f"      {places}{more}"]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def count(number: int, what: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> from microlazy.command.migration import count
    >>> count(1, "file"), count(0, "file")
    ('1 file', '0 files')
    """
    return f"{number} {what}{'s' * (number != 1)}"


# ---- reading -------------------------------------------------------------------------------------


def read(path: Path) -> Report:
    """Look for names of mxnet in a file, or in all files below a folder.

    Parameters
    ----------
    path : Path
        A ``.py`` or ``.ipynb`` file, or a folder.

    Returns
    -------
    Report
        Its text names what is missing, with what to write instead where that is known.

    Raises
    ------
    MXNetError
        If there is nothing at the path.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy.command.migration import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     program = pathlib.Path(folder, "train.py")
    ...     _ = program.write_text("import mxnet as mx\\nmx.nd.ones(3)\\nmx.nd.sparse.zeros(3)\\n")
    ...     report = read(program)
    >>> [use.name for use in report.uses], [use.name for use in report.missing]
    (['nd.ones', 'nd.sparse.zeros'], ['nd.sparse.zeros'])
    """
    if not path.exists():
        raise MXNetError(f"there is nothing at {path}")
    report = Report(path)
    files = [path] if path.is_file() else sorted(_programs(path))
    for file in files:
        try:
            _read_file(file, report)
        except (SyntaxError, ValueError, OSError) as error:
            report.notes.append(f"{file} cannot be read: {error}")
    return report


def _programs(folder: Path) -> Iterator[Path]:
    """Programs and notebooks, but not those in hidden folders."""
    for suffix in (".py", ".ipynb"):
        for path in folder.rglob(f"*{suffix}"):
            if not any(part.startswith(".") for part in path.relative_to(folder).parts):
                yield path


def _read_file(file: Path, report: Report) -> None:
    known: dict[str, str] = {}  # what a name of the program stands for: "" for mxnet itself
    found = False
    for offset, source in _sources(file):
        tree = ast.parse(source)
        found |= _bind(tree, known, file, offset, report)
        report.uses += _uses(tree, known, file, offset)
    if found:
        report.files.append(file)


def _text(file: Path) -> str:
    with tokenize.open(file) as opened:  # as the program's first lines say it is encoded
        return opened.read()


def _sources(file: Path) -> Iterator[tuple[int, str]]:
    """The program, or the cells of a notebook, each with the number of lines before it."""
    if file.suffix != ".ipynb":
        yield 0, _text(file)
        return
    line = 0
    for cell in _code_cells(json.loads(file.read_text("utf-8"))):
        yield line, _without_magic("".join(cell["source"]))
        line += len("".join(cell["source"]).splitlines())


def _code_cells(notebook: Any) -> list[dict[str, Any]]:
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("no notebook of format 4")
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]


def _without_magic(source: str) -> str:
    """A cell whose lines for the notebook itself (%matplotlib, !pip) say nothing."""
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        return ""
    return "\n".join(
        line[: len(line) - len(line.lstrip())] + "pass" if line.lstrip()[:1] in ("%", "!") else line
        for line in lines
    )


def _bind(tree: ast.AST, known: dict[str, str], file: Path, offset: int, report: Report) -> bool:
    """Note what the imports of a program bind, and the names that they use."""
    found = False
    for node in ast.walk(tree):
        for module, alias, bound in _imports(node):
            top = module.partition(".")[0]
            if top in COMPANIONS:
                note = f"{file}:{alias.lineno + offset}: {top} is built upon mxnet; it needs it"
                report.notes.append(note)
            if top != "mxnet":
                continue
            found = True
            path = module.partition(".")[2]
            if alias.name == "*":
                note = f"{file}:{alias.lineno + offset}: names imported by * are not looked up"
                report.notes.append(note)
            else:
                known[bound] = path if alias.asname or "." not in bound else ""
                if path:
                    report.uses.append(Use(file, alias.lineno + offset, path, lacks(path)))
    return found


def _imports(node: ast.AST) -> Iterator[tuple[str, ast.alias, str]]:
    """Of an import: the dotted name that is imported, its alias node, the name that it binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.name, alias, alias.asname
            else:
                top = alias.name.partition(".")[0]
                yield top, alias, top
                if top != alias.name:  # also a use of the module
                    yield alias.name, alias, f"{top}."
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            whole = node.module if alias.name == "*" else f"{node.module}.{alias.name}"
            yield whole, alias, alias.asname or alias.name


def _uses(tree: ast.AST, known: dict[str, str], file: Path, offset: int) -> Iterator[Use]:
    """The longest dotted names that begin with something of mxnet's."""
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            names = _dotted(node)
            if names and names[0] in known:
                whole = ".".join(filter(None, [known[names[0]], *names[1:]]))
                yield Use(file, node.lineno + offset, whole, lacks(whole))


def _dotted(node: ast.expr) -> list[str]:
    """The parts of a.b.c, or nothing where something else is in between."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *parts[::-1]] if isinstance(node, ast.Name) else []


def lacks(name: str) -> str | None:
    """Why a name of mxnet cannot be used here, or None if it can.

    Parameters
    ----------
    name : str
        Without ``mxnet.``. Attributes of what is no module or class are not looked up.

    Examples
    --------
    >>> from microlazy.command.migration import lacks
    >>> lacks("gluon.nn.Dense"), lacks("nd.ones")
    (None, None)
    >>> lacks("nd.Convolution_v1")  # doctest: +ELLIPSIS
    "module 'microlazy.nd' has no attribute 'Convolution_v1': it was obsolete ..."
    """
    found: Any = importlib.import_module("microlazy")
    seen = "microlazy"
    for part in name.split("."):
        if not isinstance(found, type) and type(found).__name__ != "module":
            return None  # an object: what it has is not known before the program runs
        try:
            found = getattr(found, part)
        except AttributeError as error:
            if isinstance(found, type):
                return str(error)
            try:
                found = importlib.import_module(f"{found.__name__}.{part}")
            except ImportError:
                return str(error) or explain(seen, part)
        seen = f"{seen}.{part}"
    return None


# ---- writing -------------------------------------------------------------------------------------


def write(report: Report) -> int:
    """Replace the imports of mxnet in all files of a report.

    Parameters
    ----------
    report : Report
        Of `read`.

    Returns
    -------
    int
        How many files were changed. Each is replaced as a whole or not at all.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy.command.migration import read, write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     program = pathlib.Path(folder, "train.py")
    ...     _ = program.write_text("import mxnet as mx\\nfrom mxnet.gluon import nn\\n")
    ...     count = write(read(program))
    ...     print(program.read_text(), end="")
    import microlazy as mx
    from microlazy.gluon import nn
    """
    for file in report.files:
        if file.suffix == ".ipynb":
            notebook = json.loads(file.read_text("utf-8"))
            for cell in _code_cells(notebook):
                source = "".join(cell["source"])
                cell["source"] = replaced(source, _without_magic(source)).splitlines(keepends=True)
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            write_atomically(str(file), [text.encode()])
        else:
            raw = file.read_bytes()
            encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            text = raw.decode(encoding)
            write_atomically(str(file), [replaced(text, text).encode(encoding)])
    return len(report.files)


def replaced(text: str, source: str) -> str:
    """A program that imports microlazy where it imported mxnet.

    Parameters
    ----------
    text : str
        The program as it stands.
    source : str
        The same lines as Python reads them: of a notebook's cell without magic.

    Examples
    --------
    >>> from microlazy.command.migration import replaced
    >>> program = "import mxnet, numpy\\nmxnet.nd.ones(3)"
    >>> print(replaced(program, program))
    import microlazy as mxnet, numpy
    mxnet.nd.ones(3)
    """
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)  # as Python counts them
    edits: list[tuple[int, int, int, str]] = []  # line, from byte, to byte, what stands there then
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "mxnet":
                    edits.append((alias.lineno, alias.col_offset, *_import(alias)))
        elif isinstance(node, ast.ImportFrom) and _is_of_mxnet(node):
            number, start = node.lineno, node.col_offset
            while (start := lines[number - 1].encode().find(b"mxnet", start)) < 0:
                number, start = number + 1, 0  # behind a line that ends in a backslash
            edits.append((number, start, start + 5, "microlazy"))
    for number, start, end, new in sorted(edits, reverse=True):
        line = lines[number - 1].encode()
        lines[number - 1] = (line[:start] + new.encode() + line[end:]).decode()
    return "".join(lines)


def _is_of_mxnet(node: ast.ImportFrom) -> bool:
    return not node.level and (node.module or "").partition(".")[0] == "mxnet"


def _import(alias: ast.alias) -> tuple[int, str]:
    """Where the name in an import ends, and what to write in its place."""
    end = alias.col_offset + len(alias.name)
    ours = "microlazy" + alias.name.removeprefix("mxnet")
    if alias.asname:
        return end, ours
    # The program says mxnet.something afterwards, so the name must stay.
    return end, "microlazy as mxnet" if ours == "microlazy" else f"{ours}, microlazy as mxnet"
