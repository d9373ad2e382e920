"""See whether MXNet 1.9.1 reads what microlazy exports, and the other way round, and gives the
same outputs.

First `python tests/oracle/check_exports.py write FOLDER microlazy` with an interpreter that has
microlazy, then `python tests/oracle/check_exports.py read FOLDER mxnet` with one that has MXNet;
and with the names exchanged, and another folder.
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy
from symbol_cases import CASES, fill, inputs_of

# A small one of each family of the model zoo, and the size of its images.
ZOO = {
    "alexnet": 224,
    "densenet121": 224,
    "inceptionv3": 299,
    "mobilenet0.25": 64,
    "mobilenetv2_0.25": 64,
    "resnet18_v1": 64,
    "resnet18_v2": 64,
    "squeezenet1.1": 224,
    "vgg11_bn": 32,
}


def _model(name):
    return lambda mx: mx.gluon.model_zoo.vision.get_model(name, classes=3, prefix="net_")


NETWORKS = CASES | {name: (_model(name), [(1, 3, n, n)]) for name, n in ZOO.items()}


def keep_small(block):
    """Divide weights, so that numbers do not grow over a hundred layers."""
    for parameter in block.collect_params().values():
        if len(parameter.shape) > 1:
            parameter.set_data(parameter.data() * (4 / numpy.prod(parameter.shape[1:]) ** 0.5))


def write(folder, mx):
    folder.mkdir(parents=True, exist_ok=True)
    for case, (make, shapes) in NETWORKS.items():
        block, inputs = make(mx), [mx.nd.array(x) for x in inputs_of(shapes, case)]
        fill(block, inputs, mx.nd.array)
        if case in ZOO:
            keep_small(block)
        block.hybridize()
        numpy.save(folder / f"{case}.npy", block(*inputs).asnumpy())
        block.export(str(folder / case))
    print(f"{len(NETWORKS)} networks written to {folder} by {mx.__name__} {mx.__version__}")


def read(folder, mx):
    worst = {}
    for case, (_, shapes) in NETWORKS.items():
        files = f"{folder / case}-symbol.json", f"{folder / case}-0000.params"
        inputs = [mx.nd.array(x) for x in inputs_of(shapes, case)]
        symbol = mx.sym.load(files[0])
        arrays = set(mx.nd.load(files[1])) if Path(files[1]).exists() else set()
        free = [x for x in symbol.list_inputs() if not arrays & {f"arg:{x}", f"aux:{x}"}]
        if len(free) > 1:  # the first states of a recurrent layer of MXNet
            shapes_of = dict(zip(free, [x.shape for x in inputs], strict=False))
            told = symbol.infer_shape(**shapes_of)[0]
            found = dict(zip(symbol.list_arguments(), told, strict=True))
            inputs += [mx.nd.zeros(found[name]) for name in free[1:]]
        block = mx.gluon.SymbolBlock.imports(files[0], free, files[1] if arrays else None)
        found = block(*inputs)
        found = (found[0] if isinstance(found, list) else found).asnumpy()
        expected = numpy.load(folder / f"{case}.npy")
        assert found.shape == expected.shape, case
        size = max(1, abs(expected).max())
        worst[case] = float(abs(found - expected).max() / size)
    case = max(worst, key=worst.get)
    print(f"{len(worst)} networks read by {mx.__name__} {mx.__version__}; largest difference "
          f"{worst[case]:.1e} ({case})")  # fmt: skip


if __name__ == "__main__":
    step, folder, package = sys.argv[1:]
    {"write": write, "read": read}[step](Path(folder), import_module(package))
