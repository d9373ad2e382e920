"""Every message that the package raises, from its source, under the families of docs/errors.md.

A message belongs to the first family one of whose rules fits. Writes docs/project/messages.md.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "project" / "messages.md"
GAP = "…"  # stands for what a message fills in

ERROR = re.compile(
    r"(?:\w+\.)*(?:\w*Error|\w*Warning|_Refused|_Unfit|_Unsuited|NotImplementedForSymbol|_refusal"
    r"|errors\.\w+)"
)


@dataclass(frozen=True)
class Message:
    """A message: the error's class, its text with gaps, and the file that has it."""

    error: str
    text: str
    path: str


@dataclass(frozen=True)
class Rule:
    """Which messages a family takes; each part is a pattern that must be found."""

    family: str
    error: str = ""
    path: str = ""
    text: str = ""

    def takes(self, message: Message) -> bool:
        return all(
            re.search(pattern, given)
            for pattern, given in (
                (self.error, message.error),
                (self.path, message.path),
                (self.text, message.text),
            )
        )


# How a message about a value says what is wrong with it.
ABOUT_VALUES = (
    r"must|expected|needs?\b|\bno\b|not\b|n't|give|is one of|cannot|takes?\b|unknown|[Uu]nsupported"
    r"|[Ii]nvalid|too |at least|at most|is 'clip'|\bor\b|belongs? |without|only|nan|negative"
    r"|disagree|required|there are|leave|twice|Unrecognized|but|already|both"
    r"|outside|unexpected|empty|several|nothing|should"
)

RULES = [
    Rule("Warnings", error="Warning|^warn$"),
    Rule("Other libraries", error="ImportError|ModuleNotFoundError"),
    Rule("Other libraries", text=r"pip install"),
    Rule("Errors of a dialect", path=r"/dialects/"),
    Rule("Shapes without values", error="AbstractValueError"),
    Rule(
        "Shapes without values",
        path=r"block/(dry_run|refusal|summary)|core/(trace|lifetimes|plan|cached_plan|calls)",
    ),
    Rule("Parameters", error="DeferredInitializationError"),
    Rule("Parameters", text=r"not been initialized|initialize\(\)|was deferred|not initialized"),
    Rule("Contexts", path=r"/context\.py"),
    Rule("Contexts", text=r"\bctx\b|[Cc]ontext|on the CPU only|streams|CPU"),
    Rule(
        "Gradients",
        path=r"microlazy/autograd|core/(tape|gradients)|ops/(rewrite|composed|custom|in_place)",
    ),
    Rule(
        "Gradients",
        text=(
            r"gradient|backward|record\(\)|create_graph|differentia|attach_grad|grad_req"
            r"|graph behind|grad_graph"
        ),
    ),
    Rule(
        "Files",
        path=(
            r"/(files|params_file|recordio|idx_file|pictures|recordio)\.py|symbol_file"
            r"|optimizer/updater|command/|/onnx/"
        ),
    ),
    Rule(
        "Files",
        error="OSError|FileNotFound",
    ),
    Rule(
        "Files",
        text=(
            r"cannot (load|read|write|save)|damaged|\bfile\b|saved params|[Pp]retrained"
            r"|loaded from|checkpoint|[Ff]ailed downloading"
        ),
    ),
    Rule("Parameters", path=r"gluon/parameter/|block/sharing"),
    Rule(
        "Parameters",
        path=r"microlazy/initializer|core/functions",
        text=r"nitializ|Orthogonal|FusedRNN|Xavier|LSTMBias|Bilinear",
    ),
    Rule(
        "Graphs and modules",
        path=(
            r"/symbol/|microlazy/rnn/|block/symbol|executor\.py|/module/|microlazy/model\.py"
            r"|microlazy/operator\.py|attribute\.py"
        ),
    ),
    Rule("Graphs and modules", text=r"symbol"),
    Rule("Blocks of your own", text=r"super\(\)"),
    Rule("Names that are not there", error="AttributeError"),
    Rule(
        "Names that are not there",
        text=(
            r"no attribute|is named|there is no|not registered|the nearest|[Cc]annot find"
            r"|is known|known are|no argument|unexpected (keyword )?argument"
            r"|unknown argument"
        ),
    ),
    Rule("Memory", error="MemoryError|BufferError"),
    Rule("Memory", path=r"core/exchange"),
    Rule(
        "Trainers and optimizers",
        path=(
            r"/optimizer/|trainer|kvstore|lr_scheduler|compiled_step|core/(rules|optimizers|training)"
            r"|contrib/amp|ndarray/updates"
        ),
    ),
    Rule(
        "Data",
        path=r"gluon/data/|microlazy/(io|image)/|data_iter|contrib/text|ops/(images|interpolation)",
    ),
    Rule(
        "Metrics and the training loop",
        path=r"/metric/|estimator/|microlazy/(sklearn|callback|monitor)|viz/",
    ),
    Rule("Blocks of your own", path=r"gluon/block/|nn/_containers|contrib/nn"),
    Rule(
        "Blocks of your own",
        error="NotImplementedError",
        text=r"define|override|needs|has no|must|does not",
    ),
    Rule(
        "An input that does not fit a layer",
        path=r"gluon/(nn|rnn|contrib|loss|model_zoo)",
        error="ShapeError",
    ),
    Rule(
        "What is not part of microlazy",
        text=(
            r"not part of|not supported|is outside|microlazy (has|does not)"
            r"|not implemented|no other"
        ),
    ),
    Rule("What is not part of microlazy", error="NotImplementedError"),
    Rule("Places in an array", error="IndexError|KeyError|StopIteration"),
    Rule("Places in an array", text=r"\bindex|\bindices|out of bounds|iterat"),
    Rule(
        "Kinds of arrays and dtypes",
        text=(
            r"dtype|astype|names fields|one array is|NDArray|np\.ndarray|truth value"
            r"|scalar|complex|casting|array of its own|own type"
        ),
    ),
    Rule("Shapes that do not fit", error="ShapeError|AxisError|LinAlgError|linear_error"),
    Rule(
        "Shapes that do not fit",
        text=(
            r"shape|structure|\bax(is|es)\b|matri(x|ces)|vector|elements|\bsizes?\b"
            r"|operands|broadcast"
        ),
    ),
    Rule("Arguments", error="TypeError|ArgumentError|RangeError|AssertionError"),
    Rule("Arguments", text=r"^linalg: …$|^rnn: mode … … state_cell$"),
    Rule(
        "Arguments",
        error="ValueError|MXNetError|RuntimeError|TimeoutError|OverflowError",
        text=ABOUT_VALUES,
    ),
]
FAMILIES = list(dict.fromkeys(rule.family for rule in RULES))


def text_of(node: ast.expr) -> str:
    """The text of an expression, with a gap for what is not written in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.IfExp):
        return text_of(node.body)
    return GAP


def message_of(call: ast.Call, path: str) -> Message | None:
    """The message of a call that makes an error or warns; None if it has no text of its own."""
    name = ast.unparse(call.func)
    warns = name in ("warnings.warn", "warn")
    if not call.args or not (warns or ERROR.fullmatch(name)):
        return None
    text = re.sub(f"{GAP}(?:{GAP}|, {GAP})*", GAP, " ".join(text_of(call.args[0]).split()))
    if not re.search(r"\w{2}", text):
        return None
    return Message("warn" if warns else name.rpartition(".")[2], text, path)


def python_messages(path: Path) -> Iterator[Message]:
    """The messages of a file of Python."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            message = message_of(node, path.relative_to(ROOT).as_posix())
            if message:
                yield message


def cython_messages(path: Path) -> Iterator[Message]:
    """The messages of a file of Cython: its calls are read one by one, as Python."""
    source = path.read_text(encoding="utf-8")
    for found in re.finditer(rf"\b(?:{ERROR.pattern}|warnings\.warn)\(", source):
        end = _end_of_call(source, found.end())
        if source[: found.start()].endswith("class "):
            continue
        without_casts = re.sub(r"<[\w. *]+>(?=\w)", "", source[found.start() : end])
        call = ast.parse(without_casts, mode="eval").body
        assert isinstance(call, ast.Call)
        message = message_of(call, path.relative_to(ROOT).as_posix())
        if message:
            yield message


def _end_of_call(source: str, place: int) -> int:
    """The place after the bracket that closes a call whose arguments begin at a place."""
    depth, quote = 1, ""
    while depth:
        char = source[place]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        else:
            depth += (char in "([{") - (char in ")]}")
        place += 1
    return place


def messages() -> list[Message]:
    """All messages of the package, each once."""
    found: set[Message] = set()
    for path in sorted((ROOT / "microlazy").rglob("*")):
        if "generated" in path.parts or "templates" in path.parts:
            continue
        if path.suffix == ".py":
            found.update(python_messages(path))
        elif path.suffix in (".pyx", ".pxi"):
            found.update(cython_messages(path))
    return sorted(found, key=lambda message: (message.text.lower(), message.path))


def family_of(message: Message) -> str | None:
    """The family of a message, by the first rule that takes it."""
    return next((rule.family for rule in RULES if rule.takes(message)), None)


def anchor(title: str) -> str:
    """The anchor of a heading of docs/errors.md."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def page(found: list[Message]) -> str:
    """The page of all messages, family by family."""
    lines = ["# Every message", ""]
    lines += [
        "Made from the source. "
        f"{GAP} stands for what a message fills in: a name, a shape, a number. "
        "Each family leads to [what to do](../errors.md).",
        "",
    ]
    for family in FAMILIES:
        own = [message for message in found if family_of(message) == family]
        lines += [f"## {family}: messages", ""]
        lines += [f"What to do: [{family.lower()}](../errors.md#{anchor(family)}).", ""]
        for message in own:
            source = message.path.removeprefix("microlazy/")
            lines += [f"- ``{message.text.replace('``', '`')}`` ({message.error}, {source})"]
        lines += [""]
    return "\n".join(lines)


def write(*_: object) -> None:
    PAGE.parent.mkdir(exist_ok=True)
    text = page(messages())
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
