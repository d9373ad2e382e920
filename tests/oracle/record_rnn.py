"""Write what MXNet 1.9.1 makes of `rnn_cases.py` to `rnn.json`.

Run it with an interpreter that has MXNet: `python tests/oracle/record_rnn.py`.
"""

import json
from pathlib import Path

import mxnet as mx
from rnn_cases import CASES, graph_of, nodes_of, outputs_of, unpacked
from symbol_cases import values


def numbers(array):
    return [float(f"{x:.7g}") for x in array.ravel()]


def recorded(case):
    cell, graph = graph_of(mx, case)
    weights = unpacked(mx, cell, graph, case, values)
    return {
        "nodes": nodes_of(graph),
        "states": [[list(info["shape"]), info["__layout__"]] for info in cell.state_info],
        "outputs": [[x.shape, numbers(x)] for x in outputs_of(mx, graph, case, values)],
        "weights": {name: [x.shape, numbers(x.ravel()[:3])] for name, x in weights.items()},
    }


if __name__ == "__main__":
    rows = ",\n".join(f"{json.dumps(case)}: {json.dumps(recorded(case))}" for case in CASES)
    path = Path(__file__).parent / "rnn.json"
    path.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    print(f"{len(CASES)} cells in {path.name}")
