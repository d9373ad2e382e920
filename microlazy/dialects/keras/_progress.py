"""The lines that `fit` prints."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

_WIDTH = 20


class Progress:
    """A bar for each pass over the data.

    Parameters
    ----------
    steps : int or None
        The number of batches, if it is known.
    verbose : int or str
        0 prints nothing, 1 and "auto" a bar, 2 a line at the end.

    Notes
    -----
    The bar moves where the output is a terminal or a notebook; elsewhere its end is printed.
    """

    def __init__(self, steps: int | None, verbose: int | str) -> None:
        if verbose not in (0, 1, 2, "auto"):
            raise ValueError(f"verbose must be 0, 1, 2 or 'auto', not {verbose!r}")
        self._steps = steps
        self._verbose = 1 if verbose == "auto" else int(verbose)
        self._moves = self._verbose == 1 and (sys.stdout.isatty() or "ipykernel" in sys.modules)
        self._begin = self._shown = time.perf_counter()
        self._done = self._width = 0

    def update(self, logs: Mapping[str, float]) -> None:
        """Count a batch."""
        self._done += 1
        now = time.perf_counter()
        if self._moves and now - self._shown > 0.05:
            self._shown = now
            self._print(self._line(logs, now), end="")

    def end(self, logs: Mapping[str, float]) -> None:
        """Print the end of the pass."""
        if self._verbose:
            self._steps = self._done
            self._print(self._line(logs, time.perf_counter()), end="\n")

    def _print(self, line: str, end: str) -> None:
        """Print over the line before, where the bar moves."""
        shown = "\r" + line.ljust(self._width) if self._moves else line
        self._width = len(line)
        print(shown, end=end, flush=True)

    def _line(self, logs: Mapping[str, float], now: float) -> str:
        passed = now - self._begin
        pace = _duration(passed / max(self._done, 1)) + "/step"
        numbers = "".join(f" - {name}: {_number(value)}" for name, value in sorted_logs(logs))
        count = f"{self._done}/{'Unknown' if self._steps is None else self._steps}"
        if self._verbose == 2:
            return f"{count} - {passed:.0f}s - {pace}{numbers}"
        full = _WIDTH if self._steps is None else _WIDTH * self._done // max(self._steps, 1)
        bar = "━" * full + " " * (_WIDTH - full)
        return f"{count} {bar} {passed:.0f}s {pace}{numbers}"


def sorted_logs(logs: Mapping[str, float]) -> list[tuple[str, float]]:
    """The numbers in the order that Keras shows: by name, those of validation last.

    Examples
    --------
    >>> sorted_logs({"val_loss": 1, "loss": 2, "accuracy": 3})
    [('accuracy', 3), ('loss', 2), ('val_loss', 1)]
    """
    return sorted(logs.items(), key=lambda item: (item[0].startswith("val_"), item[0]))


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
