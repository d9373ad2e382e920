"""Builds the compiled core; everything that can be said without code is in pyproject.toml."""

import os
import runpy
import sysconfig
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

KERNELS = "microlazy.core.kernels"
DRAWS = "microlazy.core.ops.draws"  # calls NumPy's C functions; without it generators are called
RANDOM = {  # NumPy's library of them, to link with
    "libraries": ["npyrandom", *(["m"] if os.name == "posix" else [])],
    "library_dirs": [str(Path(numpy.__file__).parent / "random" / "lib")],
}
HEADERS = ["microlazy/core", "microlazy/core/kernels"]
GENERATE = "microlazy/core/kernels/templates/generate.py"
PROBE = Path("benchmarks/kernel_probe.pyx.tp")
JOBS = os.cpu_count() or 1

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "embedsignature": True,
    "binding": True,
    "auto_pickle": False,  # its set-up of a type fails when an interrupted import is tried again
}

# Kernels keep NaN, infinity and the order of operations: never -ffast-math, never a fused
# multiply-add that the source did not ask for. The same source then gives the same bits anywhere.
EXACT = ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
FLAGS = {
    "unix": {
        "all": ["-g0", "-fvisibility=hidden", *EXACT],
        "core": ["-O2"],
        "kernels": ["-O3"],
        "avx2": ["-mavx2", "-mfma"],
        "avx512": [
            *("-mavx512f", "-mavx512cd", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"),
            "-mprefer-vector-width=512",
        ],
        "openmp": ["-fopenmp"],
        # Fewer pieces to map of each of some 60 modules, if the linker knows it.
        "link": ["-Wl,-z,noseparate-code"],
        # What a library brings is for its module alone.
        "hidden": ["-Wl,--exclude-libs,ALL"],
    },
    "msvc": {
        "all": ["/fp:precise", "/std:c11"],
        "core": ["/O2"],
        "kernels": ["/O2"],
        "avx2": ["/arch:AVX2"],
        "avx512": ["/arch:AVX512"],
        "openmp": ["/openmp"],
        "link": [],
        "hidden": [],
    },
}
WIDE = ("avx2", "avx512")
# Outside of the kernels' builds, but their plain loops over large arrays need vector units too.
VECTOR_LOOPS = [f"microlazy.core.loops.{name}" for name in ("counting", "floats", "integers")]
# More flags for compiling and linking every module: tests/sanitize.py asks for sanitizers.
EXTRA = os.environ.get("MICROLAZY_CFLAGS", "").split()
EMPTY_PROBE = "int main(void) { return 0; }\n"
RANDOM_PROBE = """
double random_standard_gamma(void *bits, double shape);
int main(int n, char **texts) { return random_standard_gamma(texts, n) < 0; }
"""
OPENMP_PROBE = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"

HEADER_FILES = [str(path) for path in Path("microlazy/core").rglob("*.h")]  # Cython sees no nested


def extension(path: Path) -> Extension:
    return Extension(".".join(path.with_suffix("").parts), [str(path)], include_dirs=HEADERS)


def extensions() -> list[Extension]:
    """Return one extension per Cython file below microlazy/core."""
    return [extension(path) for path in sorted(Path("microlazy/core").rglob("*.pyx"))]


class BuildExt(build_ext):
    """Translates with Cython, then compiles, both in parallel, with each module's own flags."""

    def finalize_options(self):
        self.probe = PROBE if self.inplace or self.editable_mode else None
        if self.probe:  # a tool of tests and benchmarks, which no wheel has
            self.distribution.ext_modules.append(extension(PROBE.with_suffix("")))
        super().finalize_options()
        self.parallel = self.parallel or JOBS

    def run(self):
        runpy.run_path(GENERATE)["main"](self.probe)
        jobs = self.parallel if self.parallel > 1 else 0
        translated = cythonize(
            self.extensions,
            nthreads=jobs,
            force=self.force,
            build_dir="build/cython",
            compiler_directives=DIRECTIVES,
        )
        by_name = {extension.name: extension for extension in translated}
        for extension in self.extensions:
            extension.sources = by_name[extension.name].sources
            extension.depends = [*by_name[extension.name].depends, *HEADER_FILES]
        super().run()

    def build_extensions(self):
        flags = FLAGS["msvc" if self.compiler.compiler_type == "msvc" else "unix"]
        openmp = flags["openmp"] if self.openmp_works(flags["openmp"]) else []
        link = flags["link"] if self.links(EMPTY_PROBE, flags["link"]) else []
        machine = sysconfig.get_platform().rpartition("-")[2]
        is_x86_64 = machine in ("x86_64", "amd64")
        built = []
        for extension in self.extensions:
            extension.libraries = ["m"] if flags is FLAGS["unix"] else []
            package, _, module = extension.name.rpartition(".")
            if extension.name == DRAWS:
                if not self.links(RANDOM_PROBE, [], **RANDOM):
                    continue  # a NumPy without its library, or for another system
                extension.include_dirs = [*extension.include_dirs, numpy.get_include()]
                extension.libraries = RANDOM["libraries"]
                extension.library_dirs = RANDOM["library_dirs"]
            if package != KERNELS:
                level = flags["kernels" if extension.name in VECTOR_LOOPS else "core"]
                extension.extra_compile_args = [*flags["all"], *level, *openmp]
                extension.extra_link_args = openmp if flags is FLAGS["unix"] else []
            elif module not in WIDE:
                extension.extra_compile_args = [*flags["all"], *flags["kernels"]]
            elif is_x86_64 and not EXTRA and self.links(EMPTY_PROBE, flags[module]):
                extension.extra_compile_args = [
                    *flags["all"],
                    *flags["kernels"],
                    *flags[module],
                ]
            else:
                continue  # no such vector unit; and sanitizers need to see the source but once
            if extension.name == DRAWS and self.links(EMPTY_PROBE, flags["hidden"]):
                extension.extra_link_args = [*extension.extra_link_args, *flags["hidden"]]
            extension.extra_compile_args += EXTRA
            extension.extra_link_args = [*extension.extra_link_args, *link, *EXTRA]
            built.append(extension)
        self.extensions[:] = built
        super().build_extensions()

    def openmp_works(self, flags: list[str]) -> bool:
        """Say whether this compiler has OpenMP; the variable MICROLAZY_OPENMP=0 says no."""
        return os.environ.get("MICROLAZY_OPENMP", "1") != "0" and self.links(OPENMP_PROBE, flags)

    def links(self, source: str, flags: list[str], **libraries: list[str]) -> bool:
        """Say whether a small C program compiles and links with the given flags."""
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "probe.c")
            program.write_text(source)
            try:
                objects = self.compiler.compile(
                    [str(program)], output_dir=folder, extra_postargs=flags
                )
                self.compiler.link_executable(
                    objects,
                    "probe",
                    output_dir=folder,
                    libraries=[*libraries.get("libraries", [])],
                    library_dirs=libraries.get("library_dirs", []),
                    extra_postargs=flags,
                )
            except (CompileError, LinkError):
                return False
        return True


if __name__ == "__main__":  # cythonize starts processes, which on some systems import this file
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExt})
