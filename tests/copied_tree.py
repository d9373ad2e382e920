"""A copy of the sources to build in, so that the tree itself stays as it is."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = (
    *("microlazy", "tests", "docs", "benchmarks", "tutorials", "pyproject.toml", "setup.py"),
    *("conftest.py", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
)


def copy_sources(folder: Path) -> None:
    """Copy the sources to a folder; what was built there stays, and is up to date where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignore, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / name, folder / name)
