"""Write the graphs that MXNet 1.9.1 exports for `symbol_cases.py` to `symbols.json`, with outputs.

Run it with an interpreter that has MXNet: `python tests/oracle/record_symbols.py`.
"""

import json
import tempfile
from pathlib import Path

import mxnet as mx
from symbol_cases import CASES, NUMPY_CASES, fill, inputs_of


def recorded(case, make, shapes, array):
    block = make(mx)
    inputs = [array(x) for x in inputs_of(shapes, case)]
    fill(block, inputs, array)
    block.hybridize()
    outputs = block(*inputs)
    with tempfile.TemporaryDirectory() as folder:
        block.export(f"{folder}/net")
        graph = json.loads(Path(f"{folder}/net-symbol.json").read_text())
    return {"graph": graph, "output": [float(f"{x:.7g}") for x in outputs.asnumpy().ravel()],
            "shape": outputs.shape}  # fmt: skip


if __name__ == "__main__":
    found = {case: recorded(case, *about, mx.nd.array) for case, about in CASES.items()}
    mx.npx.set_np()
    found |= {case: recorded(case, *about, mx.np.array) for case, about in NUMPY_CASES.items()}
    rows = ",\n".join(f"{json.dumps(case)}: {json.dumps(about)}" for case, about in found.items())
    path = Path(__file__).parent / "symbols.json"
    path.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    print(f"{len(found)} graphs in {path.name}")
