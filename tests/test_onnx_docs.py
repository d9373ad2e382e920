"""The page about ONNX lists the operators there are; `python -m tests.test_onnx_docs` writes it."""

import re
import textwrap
from pathlib import Path

from microlazy.onnx.reading import READERS
from microlazy.onnx.reading.folding import FOLDED
from microlazy.onnx.writing import WRITERS

PAGE = Path(__file__).parent.parent / "docs" / "onnx.md"
TABLES = {"written": sorted(WRITERS), "read": sorted({*READERS, *FOLDED})}


def listed(text):
    """A page with both lists as they are in the code."""
    for name, operators in TABLES.items():
        words = textwrap.fill(", ".join(f"`{op}`" for op in operators), 100)
        pattern = rf"<!-- {name} -->\n(.*?)(?=\n[A-Z]|\Z)"
        text = re.sub(pattern, lambda found, n=name, w=words: f"<!-- {n} -->\n\n{w}\n", text,
                      flags=re.DOTALL)  # fmt: skip
    return text


def test_the_page_lists_what_there_is():
    text = PAGE.read_text(encoding="utf-8")
    assert listed(text) == text
    assert "`Convolution`" in text and "`ai.onnx.ml.LinearClassifier`" in text


if __name__ == "__main__":
    PAGE.write_text(listed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
