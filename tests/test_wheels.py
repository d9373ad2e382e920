"""What `python -m tests.wheels` reads and is told, and the modules that are built in this tree."""

import re
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

import microlazy
from tests import wheels

TREE = Path(microlazy.__file__).parent
MODULES = sorted(TREE.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"))
# The C library, OpenMP's and, in a build that looks for mistakes, a sanitizer's; never libpython.
KNOWN = r"lib(c|m|pthread|gomp|i?omp5?|asan|ubsan)\.so|ld-linux"

SAID = """
Symbol table '.dynsym' contains 4 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND memcpy@GLIBC_2.14 (3)
     2: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND PyErr_Occurred
     3: 0000000000003170    11 FUNC    GLOBAL DEFAULT   12 PyInit_blas

Dynamic section at offset 0x9ddc8 contains 27 entries:
  Tag        Type                         Name/Value
 0x0000000000000001 (NEEDED)             Shared library: [libm.so.6]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000c (INIT)               0x3000

  0x0010:   Name: GLIBC_2.2.5  Flags: none  Version: 5
  0x0020:   Name: GLIBC_2.14  Flags: none  Version: 3
  0x0030:   Name: GLIBC_2.4  Flags: none  Version: 2
"""


def test_what_readelf_says_is_read():
    assert wheels.symbols(SAID) == ({"PyInit_blas"}, {"memcpy", "PyErr_Occurred"})
    assert wheels.needed(SAID) == ["libm.so.6", "libc.so.6"]
    assert wheels.newest_glibc(SAID) == (2, 14)
    assert wheels.newest_glibc("") == ()


def test_a_module_that_exports_more_is_wrong():
    module = wheels.Module(Path("blas.so"), {"PyInit_blas"}, set(), [], ())
    assert module.wrong() == ""
    more = wheels.Module(Path("blas.so"), {"PyInit_blas", "scale", "add"}, set(), [], ())
    assert more.wrong() == "blas.so exports add, scale"


@pytest.mark.skipif(not shutil.which("readelf"), reason="readelf, of binutils, is not there")
@pytest.mark.skipif(sys.platform != "linux" or not MODULES, reason="modules of Linux, in place")
def test_the_modules_export_what_starts_them_and_need_little():
    modules = [wheels.look(path) for path in MODULES]
    assert [module.wrong() for module in modules if module.wrong()] == []
    libraries = {name for module in modules for name in module.libraries}
    assert {name for name in libraries if not re.match(KNOWN, name)} == set()


@pytest.mark.skipif(not shutil.which("readelf"), reason="readelf, of binutils, is not there")
@pytest.mark.skipif(sys.platform != "linux" or not MODULES, reason="modules of Linux, in place")
def test_this_python_gives_what_its_modules_and_those_of_windows_take():
    given = set(wheels.names_of_python())
    taken = {name for path in MODULES for name in wheels.look(path).takes}
    assert {name for name in taken if re.match("_?Py", name)} <= given
    assert {"PyLong_AsLongLong", "PyLong_FromUnsignedLongLong"} <= given  # a long has 4 bytes there


def test_steps_are_named_in_any_order_and_run_in_theirs():
    assert wheels.parse([]).steps == list(wheels.STEPS)
    assert wheels.parse(["audit", "build"]).steps == ["build", "audit"]


def test_an_unknown_step_is_refused(capsys):
    with pytest.raises(SystemExit):
        wheels.parse(["build", "solaris"])
    assert "no step solaris; there are build, manylinux, audit" in capsys.readouterr().err


def test_a_step_without_its_tools_is_skipped_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    assert wheels.main(["manylinux", "macos"]) == 0
    said = capsys.readouterr().out
    assert "manylinux\n  skipped: no readelf, ziglang;" in said
    assert "macos\n  skipped: no ziglang;" in said


def test_a_command_that_fails_fails_its_step(monkeypatch, capsys):
    def fails(options):
        wheels.run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], folder=TREE)

    monkeypatch.setitem(wheels.STEPS, "build", fails)
    assert wheels.main(["build"]) == 1
    said = capsys.readouterr().out
    assert "gave 3:\nthe reason" in said


@pytest.mark.skipif(sys.platform == "win32", reason="a build for Windows is told otherwise")
def test_python_builds_as_the_target_would(monkeypatch, tmp_path):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(wheels, "FOLDER", tmp_path)
    monkeypatch.setattr(wheels, "TREE", tmp_path)
    target = wheels.TARGETS["aarch64"]
    program = """
import sysconfig
from setuptools._distutils.ccompiler import new_compiler
from setuptools._distutils.sysconfig import customize_compiler
compiler = new_compiler()
customize_compiler(compiler)
print(sysconfig.get_platform(), sysconfig.get_config_var("EXT_SUFFIX"))
print(*compiler.compiler_so)
"""
    said = wheels.run(
        [sys.executable, "-c", program], wheels.variables(target, wheels.HEADERS), tmp_path
    )
    names, compiler = said.splitlines()
    assert names == f"linux-aarch64 .cpython-{wheels.VERSION}-aarch64-linux-gnu.so"
    assert compiler == "aarch64-linux-gnu-gcc -DNDEBUG -fwrapv -fPIC"


def test_this_machines_own_build_is_told_no_compiler(monkeypatch):
    monkeypatch.delenv("_PYTHON_HOST_PLATFORM", raising=False)
    own = wheels.variables(wheels.TARGETS["build"], wheels.HEADERS)
    assert not {"_PYTHON_HOST_PLATFORM", "_PYTHON_SYSCONFIGDATA_NAME"} & set(own)
