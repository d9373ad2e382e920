"""See whether MXNet 1.9.1 reads what microlazy exports, and gives the same outputs.

First `python tests/oracle/check_exports.py write FOLDER` with an interpreter that has microlazy,
then `python tests/oracle/check_exports.py read FOLDER` with one that has MXNet.
"""

import sys
from pathlib import Path

import numpy
from symbol_cases import CASES, fill, inputs_of


def write(folder):
    import microlazy as mx

    for case, (make, shapes) in CASES.items():
        block, inputs = make(mx), [mx.nd.array(x) for x in inputs_of(shapes, case)]
        fill(block, inputs, mx.nd.array)
        block.export(str(folder / case))
        numpy.save(folder / f"{case}.npy", block(*inputs).asnumpy())
    print(f"{len(CASES)} networks written to {folder}")


def read(folder):
    import mxnet as mx

    worst = {}
    for case, (_, shapes) in CASES.items():
        files = f"{folder / case}-symbol.json", f"{folder / case}-0000.params"
        block = mx.gluon.SymbolBlock.imports(files[0], ["data"], files[1])
        found = block(*[mx.nd.array(x) for x in inputs_of(shapes, case)])
        expected = numpy.load(folder / f"{case}.npy")
        assert found.shape == expected.shape, case
        worst[case] = float(abs(found.asnumpy() - expected).max())
    case = max(worst, key=worst.get)
    print(f"{len(worst)} networks read by MXNet {mx.__version__}; largest difference "
          f"{worst[case]:.1e} ({case})")  # fmt: skip


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
