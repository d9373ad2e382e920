"""Write what the programs of `module_cases.py` find under MXNet 1.9.1 to `modules.json`.

Run it with an interpreter that has MXNet: `python tests/oracle/record_modules.py`.
"""

import json
import tempfile
from pathlib import Path

import mxnet as mx
from module_cases import PROGRAMS

if __name__ == "__main__":
    found = {}
    for name, program in PROGRAMS.items():
        with tempfile.TemporaryDirectory() as folder:
            numbers = program(mx, folder)
        found[name] = {key: [float(f"{x:.6g}") for x in part] for key, part in numbers.items()}
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in found.items())
    path = Path(__file__).parent / "modules.json"
    path.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    print(f"{len(found)} programs in {path.name}")
