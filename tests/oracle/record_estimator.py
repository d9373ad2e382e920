"""Record what MXNet 1.9.1's Estimator logs, refuses and leaves in a folder.

Run with an interpreter that has MXNet 1.9.1: ``python tests/oracle/record_estimator.py``. Writes
tests/oracle/estimator.json.
"""

import json
from pathlib import Path

import mxnet as mx
from estimator_cases import CASES, seen
from mxnet.gluon.contrib import estimator

if __name__ == "__main__":
    answers = {name: seen(name, mx, estimator) for name in CASES}
    path = Path(__file__).with_name("estimator.json")
    path.write_text(json.dumps(answers, indent=1) + "\n")
