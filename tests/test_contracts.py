"""The floors of the house, as contracts in pyproject.toml; see docs/architecture.md."""

from pathlib import Path

from importlinter.cli import lint_imports


def test_every_module_imports_only_what_lies_below_it(capsys):
    settings = Path(__file__).parents[1] / "pyproject.toml"
    assert lint_imports(config_filename=str(settings), no_cache=True) == 0, capsys.readouterr().out
