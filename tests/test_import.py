"""What `import microlazy` loads, counted: how long it takes is for `python -m benchmarks.checks`.

The ceilings have some 10 % of air. What goes over one should be imported when it is used: see
`_LATE` in the packages.
"""

import json
import subprocess
import sys
import sysconfig

import pytest

COUNT = """
import json, sys
from pathlib import Path
import numpy
before = set(sys.modules)
calls = 0
def profile(frame, event, argument):
    global calls
    if event in ("call", "c_call"):
        calls += str(frame.f_globals.get("__name__")).startswith("microlazy")
sys.setprofile(profile)
{program}
sys.setprofile(None)
new = set(sys.modules) - before
own = sorted(name for name in new if name.partition(".")[0] == "microlazy")
paths = [Path(sys.modules[name].__file__) for name in own]
print(json.dumps({{
    "own": own,
    "others": sorted(new - set(own)),
    "compiled": sum(path.suffix != ".py" for path in paths),
    "calls": calls,
    "source": sum(path.stat().st_size for path in paths if path.suffix == ".py"),
}}))
"""
IMPORT = "import microlazy"
FORWARD = """
import microlazy as mx
net = mx.gluon.nn.Dense(3)
net.initialize()
net(mx.nd.ones((2, 4)))
"""
NOT_AT_IMPORT = [
    "microlazy.core.ops.convolution",
    "microlazy.core.ops.normalization",
    "microlazy.core.ops.pooling",
    "microlazy.core.ops.recurrent",
    "microlazy.core.optimizers",
    "microlazy.core.plan",
    "microlazy.dialects",
    "microlazy.gluon.block.op_hooks",
    "microlazy.gluon.block.refusal",
    "microlazy.gluon.block.sharing",
    "microlazy.gluon.data",
    "microlazy.gluon.loss",
    "microlazy.gluon.nn.activations",
    "microlazy.gluon.nn.basic_layers",
    "microlazy.gluon.trainer",
    "microlazy.gluon.utils",
    "microlazy.ndarray.elementwise",
    "microlazy.ndarray.methods",
    "microlazy.ndarray.reductions",
    "microlazy.ndarray.updates",
    "microlazy.numpy.elementwise",
    "microlazy.numpy.fft",
    "microlazy.numpy.linalg",
    "microlazy.numpy.methods",
    "microlazy.numpy.protocols",
    "microlazy.numpy.random",
    "microlazy.numpy.statistics",
    "microlazy.ops.elementwise",
    "microlazy.optimizer",
    "microlazy.symbol.operators",
    "microlazy.viz",
    "numpy.fft",
    "scipy",
    "string",
    "traceback",
    "zlib",
]
LATE = {  # a name of each face that comes late
    "np": "unique",
    "npx": "rnn",
    "nd": "sgd_update",
    "gluon": "Trainer",
    "gluon.nn": "BatchNorm",
}
FACES = ["", ".numpy", ".numpy_extension", ".ndarray", ".gluon", ".gluon.nn"]


def count(program):
    """What a new process loads for a program, besides NumPy."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(program=program)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "program, modules, compiled, source, calls",
    [(IMPORT, 106, 46, 366_000, 1_550), (FORWARD, 108, 46, 395_000, 2_300)],
    ids=["import", "first forward"],
)
def test_little_is_loaded(program, modules, compiled, source, calls):
    found = count(program)
    assert len(found["own"]) <= modules
    assert len(found["others"]) <= 6  # of Python's library, beyond what NumPy has imported
    assert found["calls"] <= calls  # from code of microlazy, while it is imported
    assert found["compiled"] <= compiled
    assert found["source"] <= source  # bytes; those of compiled files depend on the compiler


def test_what_few_programs_need_is_imported_when_it_is_used():
    found = count(IMPORT)
    loaded = {*found["own"], *found["others"]}
    assert "microlazy.gluon.block.block" in loaded
    assert not loaded & set(NOT_AT_IMPORT)


@pytest.mark.parametrize("face", ["np", "npx", "nd", "gluon", "gluon.nn"])
def test_names_that_come_late_are_listed_and_are_there(face):
    program = f"""
import microlazy as mx
face = mx.{face}
at_once = set(vars(face))
for name in dir(face):
    getattr(face, name)
print(*set(dir(face)) - at_once)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    late = set(done.stdout.split())
    assert LATE[face] in late


@pytest.mark.parametrize(
    "use, loads, spares",
    [
        ("mx.np.cumsum", "numpy.statistics", "numpy.sets numpy.elementwise numpy.protocols"),
        ("mx.nd.sum", "ndarray.reductions", "ndarray.layers ndarray.elementwise"),
        ("mx.npx.topk", "ops.ordering", "ops.activations numpy_extension._elementwise"),
        ("mx.npx.relu", "numpy_extension._elementwise", "ops.activations ops.ordering"),
        ("mx.np.ones(2).cumsum()", "numpy.methods", "numpy.sets numpy.protocols ndarray.methods"),
        ("mx.nd.ones(2).softmax()", "ndarray.methods", "ndarray.layers numpy.methods"),
        ("numpy.flip(mx.np.ones(2))", "numpy.protocols", "numpy.sets ndarray.methods"),
    ],
)
def test_a_name_brings_the_module_that_has_it_and_not_all(use, loads, spares):
    loaded = count(f"import microlazy as mx\n{use}")["own"]
    assert f"microlazy.{loads}" in loaded
    assert not {f"microlazy.{spared}" for spared in spares.split()} & set(loaded)


def test_protocols_of_numpy_look_for_no_method():
    loaded = count("import microlazy as mx\nnumpy.asarray(mx.nd.ones(2)), mx.np.array([3.0])")[
        "own"
    ]
    assert not {"microlazy.ndarray.methods", "microlazy.numpy.methods"} & set(loaded)


@pytest.mark.parametrize("face", FACES)
def test_a_star_import_has_what_comes_late(face):
    program = f"""
import microlazy{face} as face
late = {{*getattr(face, "_LATE", ()), *getattr(face, "_LATE_MODULES", ())}} - {{"_internal"}}
from microlazy{face} import *
print(*late - globals().keys())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    apart = {
        "": {"dialects", "einops", "sklearn"},
        ".ndarray": {"ndarray"},  # which is np's class in a program that has a star import of both
        ".gluon": {"compiled_step", "trainer"},
        ".gluon.nn": {"activations", "basic_layers", "conv_layers"},
    }
    assert set(done.stdout.split()) == apart.get(face, set())


def test_each_late_layer_is_told_with_the_file_that_has_it():
    from microlazy.gluon import nn

    at_once = {"Activation", "Dense", "HybridSequential", "Sequential"}
    files = {name: sys.modules[getattr(nn, name).__module__] for name in nn._LATE}
    assert {n: f.__name__ for n, f in files.items()} == {
        n: f"{nn.__name__}.{f}" for n, f in nn._LATE.items()
    }
    listed = [*nn.activations.__all__, *nn.basic_layers.__all__, *nn.conv_layers.__all__]
    assert sorted(nn._LATE) == sorted(set(listed) - at_once)


def test_a_star_import_of_a_face_has_its_functions():
    program = "from microlazy.numpy import *\nfrom microlazy.ndarray import *\nunique, sgd_update"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("order", ["numpy ndarray", "ndarray.ndarray numpy ndarray"])
def test_ndarray_is_the_class_of_np_after_star_imports_of_both_faces(order):
    program = "\n".join(f"from microlazy.{face} import *" for face in order.split())
    done = f"{program}\nimport microlazy\nassert ndarray is microlazy.np.ndarray, ndarray"
    subprocess.run([sys.executable, "-c", done], check=True)


def test_nd_has_the_module_of_mxnet_in_which_programs_look_for_its_class():
    program = "import microlazy as mx; assert mx.nd.ndarray.NDArray is mx.ndarray.NDArray"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_threads_that_ask_for_late_names_at_once_all_get_them():
    program = """
import threading
import microlazy
names = ["unique", "histogram", "polyval", "pad", "median", "linalg", "fft", "nanmean"] * 4
barrier, wrong = threading.Barrier(len(names)), []
def ask(name):
    barrier.wait()
    try:
        getattr(microlazy.np, name)
    except Exception as error:
        wrong.append(error)
asking = [threading.Thread(target=ask, args=(name,)) for name in names]
for each in asking:
    each.start()
for each in asking:
    each.join()
assert not wrong, wrong
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "use",
    [
        "import microlazy",
        "import microlazy as mx; mx.np.unique(mx.np.ones(2).cumsum()); mx.nd.ones(2).softmax()",
        """
import microlazy as mx
nn = mx.gluon.nn
net = nn.HybridSequential()
net.add(nn.Conv2D(2, 3, activation="relu"), nn.BatchNorm(), nn.MaxPool2D(), nn.Dense(1))
net.initialize()
net.hybridize()
trainer = mx.gluon.Trainer(net.collect_params(), "sgd")
with mx.autograd.record():
    loss = mx.gluon.loss.L2Loss()(net(mx.nd.ones((2, 1, 8, 8))), mx.nd.ones((2, 1)))
loss.backward()
trainer.step(2)
""",
        """
import microlazy as mx
net = mx.gluon.rnn.LSTM(2)
net.initialize()
net(mx.nd.ones((1, 1, 1)))
""",
    ],
    ids=["import", "functions and methods", "training", "recurrent"],
)
def test_what_was_interrupted_while_it_was_imported_is_imported_again(use):
    program = f"""
import sys, warnings
warnings.simplefilter("ignore")  # a class that is registered a second time
came = []
class Interrupt:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "microlazy" and name not in came:
            came.append(name)
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt)
interrupted = 0
while True:
    try:
        exec({use!r}, {{}})
        break
    except KeyboardInterrupt:
        interrupted += 1
assert interrupted == len(came) > 90, (interrupted, came)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_second_copy_under_another_name_is_refused():
    program = """
import sys, microlazy
sys.modules["mxnet"] = microlazy
from mxnet import gluon, np
assert gluon is microlazy.gluon
from mxnet.gluon import nn
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ImportError: mxnet.base would be a second copy of microlazy.base" in done.stderr
    assert "write `import microlazy.as_mxnet`" in done.stderr


def test_without_the_gil_it_is_refused():
    program = """
import sys
sys._is_gil_enabled = lambda: False
import microlazy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        "ImportError: microlazy needs Python's GIL, which PYTHON_GIL=0 or -X gil=0" in done.stderr
    )


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="Python with its GIL")
def test_a_free_threaded_python_takes_up_its_gil_without_a_warning():
    program = "import sys, microlazy; assert sys._is_gil_enabled()"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    kept_off = [sys.executable, "-X", "gil=0", "-c", "import microlazy"]
    done = subprocess.run(kept_off, capture_output=True, text=True)
    assert "ImportError: microlazy needs Python's GIL" in done.stderr
