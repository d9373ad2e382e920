"""The stubs of the compiled modules say what these modules have; users' programs check strictly."""

import ast
import inspect
import os
import pkgutil
import subprocess
import sys
import sysconfig
import venv
from importlib import import_module
from pathlib import Path

import pytest

import microlazy
from microlazy import core, nd, np
from microlazy.core.array import Array
from microlazy.core.tensor import Tensor

ROOT = Path(microlazy.__file__).parent
NOT_SAID = {
    *("__array_priority__", "__delitem__", "__doc__", "__getattr__", "__getattribute__"),
    *("__new__", "__pyx_vtable__", "__repr__", "__str__"),
}
WIDE = ("avx2", "avx512")  # may not even be imported on a processor that lacks them


def compiled() -> list[str]:
    """The compiled modules that have a public function or class which is not a node of the tape."""
    names = [found.name for found in pkgutil.walk_packages(core.__path__, "microlazy.core.")]
    names = [name for name in names if name.rpartition(".")[2] not in WIDE]
    return [
        name
        for name in names
        if not (import_module(name).__file__ or "").endswith(".py") and functions_in(name)
    ]


def functions_in(module: str) -> dict[str, object]:
    """The public functions that a compiled module defines."""
    return {
        name: value
        for name, value in vars(import_module(module)).items()
        if not name.startswith("_")
        and callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", None) == module
    }


def stub(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split(".")[1:]).with_suffix(".pyi")
    assert path.exists(), f"{module} has no stub"
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def stated(node: ast.FunctionDef) -> list[tuple[str, object]]:
    """The parameters of a stub's function, each with its default."""
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    found: list[tuple[str, object]] = [(name, inspect.Parameter.empty) for name in names]
    for place, default in enumerate(reversed(arguments.defaults), 1):
        found[-place] = (names[-place], ast.literal_eval(default))
    if arguments.vararg:
        found.append((f"*{arguments.vararg.arg}", inspect.Parameter.empty))
    found += [
        (a.arg, inspect.Parameter.empty if d is None else ast.literal_eval(d))
        for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        found.append((f"**{arguments.kwarg.arg}", inspect.Parameter.empty))
    return found


def actual(function: object) -> list[tuple[str, object]]:
    return [
        (str(p).partition(":")[0].partition("=")[0].strip(), p.default)
        for p in inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("module", compiled())
def test_a_stub_has_the_functions_of_its_module_with_their_parameters(module):
    functions = functions_in(module)
    defined = definitions(stub(module).body)
    assert sorted(defined) == sorted(functions)
    for name, node in defined.items():
        assert stated(node) == actual(functions[name]), name


@pytest.mark.parametrize("module", compiled())
def test_the_classes_of_a_stub_have_the_methods_that_it_states(module):
    for node in stub(module).body:
        if isinstance(node, ast.ClassDef) and node.name != "Tensor":
            owner = getattr(import_module(module), node.name)
            methods = definitions(node.body)
            public = {n for n, v in vars(owner).items() if callable(v) and not n.startswith("_")}
            if not issubclass(owner, Tensor):  # whose members the last tests compare
                assert not public - set(methods), node.name
            for name, method in methods.items():
                assert hasattr(owner, name), f"{node.name}.{name}"
                if not name.startswith("__") and callable(getattr(owner, name)):
                    assert stated(method) == actual(getattr(owner, name)), name


def members(cls: type) -> set[str]:
    """What the stubs state of an array class."""
    methods = f"microlazy.core.methods_{'nd' if cls is nd.NDArray else 'np'}"
    body = {
        node.name: node.body
        for module in ("microlazy.core.tensor", "microlazy.core.array", methods)
        for node in stub(module).body
        if isinstance(node, ast.ClassDef)
    }
    parents = ("Tensor", "Array", cls.__name__, "Methods")
    return {name for parent in parents for name in definitions(body[parent])}


@pytest.mark.parametrize("cls", [nd.NDArray, np.ndarray])
def test_the_stubs_have_every_member_of_an_array_and_no_other(cls):
    array = nd.ones((1,)) if cls is nd.NDArray else np.ones(1)
    assert isinstance(array, Tensor)
    public = {name for name in dir(array) if not name.startswith("_")}
    assert {name for name in members(cls) if not name.startswith("_")} == public


@pytest.mark.parametrize("cls", [nd.NDArray, np.ndarray])
def test_the_stubs_have_every_operator_of_an_array(cls):
    kinds = [kind for kind in cls.__mro__ if issubclass(kind, Array)]
    special = {name for kind in kinds for name in vars(kind) if name.startswith("__")}
    assert special - members(cls) == NOT_SAID & special


PROGRAM = """
import microlazy as mx
from microlazy import autograd, gluon, init, nd, np, npx
from microlazy.gluon import nn


def mean(x: np.ndarray) -> np.ndarray:
    return x.mean()


def twice(x: nd.NDArray, ctx: mx.Context = mx.cpu()) -> nd.NDArray:
    return x * 2


class Net(gluon.HybridBlock):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.out = nn.Dense(units)

    def forward(self, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        result: np.ndarray = self.out(x)
        return result


npx.set_np()
net = Net(3)
net.initialize(init.Xavier(), ctx=mx.cpu())
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
with autograd.record():
    loss = mean(net(np.ones((2, 3))))
loss.backward()
trainer.step(2)
nd.save("a", twice(nd.ones((2,))))
print(loss.item(), mx.__version__, mx.current_context(), mx.MXNetError)
"""


def test_a_strict_program_is_understood_by_a_path_as_of_an_editable_install(tmp_path):
    """In a Python where a .pth file, as an editable install leaves it, leads to the package."""
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    paths = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    lines = [str(ROOT.parent), sysconfig.get_path("purelib")]
    Path(paths, "microlazy.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    wrong = PROGRAM + "mean(3)\nprint(nd.NDAray)\ngluon.Block(prefiks='b')\n"
    (tmp_path / "right.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)),
            *("--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"),
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "MYPYPATH"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert not done.stderr and all(line.startswith("wrong.py") for line in errors), done.stdout
    for text in ('has incompatible type "int"; expected "ndarray"', "NDAray", 'expected "Never"'):
        assert any(text in line for line in errors), (text, done.stdout)
