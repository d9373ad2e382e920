"""Record MXNet 1.9.1's answers to `gluon_cases.py`: run this with a Python that has it."""

import json
import logging
import pathlib
import warnings

warnings.simplefilter("ignore")
logging.disable()
import mxnet  # noqa: E402
import mxnet.gluon.contrib  # noqa: E402
from gluon_cases import CASES, run  # noqa: E402

answers = {name: run(mxnet, name, case) for name, case in CASES.items()}
target = pathlib.Path(__file__).with_name("gluon.json")
rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(row)}" for name, row in answers.items())
target.write_text(f"{{\n{rows}\n}}\n")
print(f"{len(answers)} answers in {target.name}")
