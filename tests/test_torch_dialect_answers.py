"""The snippets of `oracle/torch_cases` print under the dialect what PyTorch printed for them."""

import json
import re
import sys
from pathlib import Path

import numpy
import pytest
from oracle.snippets import numbers
from oracle.torch_snippets import load, run, scope

SNIPPETS = load()
PATH = Path(__file__).parent / "oracle" / "torch_dialect.json"
ANSWERS = json.loads(PATH.read_text(encoding="utf-8"))


def as_this_python_prints(answer):
    """The answer, with each OrderedDict as a dict, which Python 3.12 and later write."""
    if sys.version_info < (3, 12) or "text" not in answer:
        return answer

    def as_dict(found):
        body = re.sub(r"^('[\w.]+'), ", r"\1: ", found[1])
        body = re.sub(r"\), \(('[\w.]+'), ", r", \1: ", body)
        return f"OrderedDict({{{body}}})"

    text = re.sub(r"OrderedDict\(\[\((.*?)\)\]\)", as_dict, answer["text"], flags=re.S)
    return {"text": text}


@pytest.mark.parametrize("name", SNIPPETS)
def test_same_answer_as_pytorch(name):
    code, approx = SNIPPETS[name]
    answer = run(code, scope("microlazy.dialects.torch"))
    expected = as_this_python_prints(ANSWERS[name])
    if approx and "text" in answer and "text" in expected:
        structure, values = numbers(answer["text"])
        expected_structure, expected_values = numbers(expected["text"])
        assert structure == expected_structure
        numpy.testing.assert_allclose(values, expected_values, rtol=1e-4, atol=2e-4)
    else:
        assert answer == expected


def test_every_answer_belongs_to_a_snippet():
    assert list(ANSWERS) == list(SNIPPETS)
