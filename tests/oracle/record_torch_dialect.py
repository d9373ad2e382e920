"""Ask PyTorch what the snippets of `torch_cases/` print, and store it in `torch_dialect.json`.

Run it with an interpreter that has PyTorch: `python tests/oracle/record_torch_dialect.py`.
"""

import json
from pathlib import Path

import torch_snippets

ANSWERS = Path(__file__).with_name("torch_dialect.json")


def main() -> None:
    answers = {}
    for name, (code, _) in torch_snippets.load().items():
        answers[name] = torch_snippets.run(code, torch_snippets.scope("torch"))
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
