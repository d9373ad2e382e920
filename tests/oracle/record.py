"""Ask MXNet 1.9.1 for the answers to the snippets of `cases/` and store them in `answers/`.

Run it with an interpreter that has MXNet and NumPy 1.23: `python tests/oracle/record.py` for all
files of cases, or with the names of some, such as `nd_linalg`.
"""

import json
import logging
import sys
from itertools import groupby

from snippets import ANSWERS, load, run

if __name__ == "__main__":
    logging.disable()
    for family, snippets in groupby(load(), lambda snippet: snippet.family):
        if sys.argv[1:] and family not in sys.argv[1:]:
            continue
        answers = {snippet.name: run(snippet, "mxnet") for snippet in snippets}
        path = ANSWERS / f"{family}.json"
        path.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")
        print(f"{len(answers)} answers in {path.name}")
