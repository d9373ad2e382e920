"""Files that were changed at random are read or refused, with little memory.

pytest tests/test_mutated_files.py -m exhaustive   # 20,000 of each format
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KINDS = [".params", ".npz", ".safetensors", "-symbol.json"]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the limit of memory is Linux's"
)


def survive(kind, count, seed):
    if kind == ".safetensors" and importlib.util.find_spec("safetensors") is None:
        pytest.skip("safetensors is not installed")
    command = [sys.executable, str(HERE / "mutated_files.py"), kind, str(count), str(seed)]
    folders = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    return json.loads(found.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_some_files(kind):
    found = survive(kind, 200, seed=3)
    assert 0 < found["read"] < found["files"] == 200


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_many_files(kind):
    assert survive(kind, 20_000, seed=4)["files"] == 20_000
