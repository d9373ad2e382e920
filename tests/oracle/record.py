"""Ask MXNet 1.9.1 for the answer to every snippet of `cases/` and store them in `answers.json`.

Run it with an interpreter that has MXNet and NumPy 1.23: `python tests/oracle/record.py`.
"""

import json
import logging

from snippets import ANSWERS, load, run

if __name__ == "__main__":
    logging.disable()
    answers = {snippet.name: run(snippet, "mxnet") for snippet in load()}
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")
    print(f"{len(answers)} answers in {ANSWERS.name}")
