"""`mx.profiler`: which ops ran, and how long: as a table, and as a trace for Chrome's viewer.

Ops of eager calls, of plans (hybridized blocks) and of backward passes are seen, each with the time
from its begin to its end. What lies between two ops is Python.
"""

import json
import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from microlazy.core import tape as _tape

__all__ = [
    "Counter",
    "Domain",
    "Event",
    "Frame",
    "Marker",
    "Task",
    "dump",
    "dump_profile",
    "dumps",
    "pause",
    "profiler_set_config",
    "profiler_set_state",
    "resume",
    "scope",
    "set_config",
    "set_state",
]

_OPTIONS = {
    "aggregate_stats": False,
    "continuous_dump": False,
    "dump_period": 1.0,
    "filename": "profile.json",
    "profile_all": False,
    "profile_api": False,
    "profile_imperative": False,
    "profile_memory": False,
    "profile_process": "worker",
    "profile_symbolic": False,
}
_INSTANT = {"global": "g", "process": "p", "thread": "t", "task": "t", "marker": "t"}
_SORTED_BY: dict[str, Callable[["_Row"], float]] = {
    "total": lambda row: row.total,
    "avg": lambda row: row.total / row.calls,
    "min": lambda row: row.least,
    "max": lambda row: row.most,
    "count": lambda row: row.calls,
}


class _Row(NamedTuple):
    """A line of the table; times in milliseconds, counters in their own unit."""

    name: str
    calls: int
    total: float
    least: float
    most: float


class _Record:
    """What was noted so far: spans (name, begin, end, thread) by category, and counts."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, int, int, int]] = []
        self.counts: list[tuple[str, str, int, float]] = []
        self.marks: list[tuple[str, str, int, int, str]] = []
        self.running = False
        self.filename = str(_OPTIONS["filename"])
        self.first = [0, 0]  # where the table begins: in spans and counts

    def collect(self) -> None:
        """Take over what the core has noted."""
        self.spans.extend(("operator", *timing) for timing in _tape.take_timings())

    def rows(self) -> tuple[dict[str, list[_Row]], dict[str, list[_Row]]]:
        """The lines of the table for each category: those of times, and those of counters."""
        spans: dict[str, dict[str, list[float]]] = {}
        for category, name, begin, end, _ in self.spans[self.first[0] :]:
            spans.setdefault(category, {}).setdefault(name, []).append((end - begin) / 1e6)
        counts: dict[str, dict[str, list[float]]] = {}
        for domain, name, _, value in self.counts[self.first[1] :]:
            counts.setdefault(domain, {}).setdefault(name, []).append(value)
        times, counters = (
            {
                category: [_Row(n, len(v), sum(v), min(v), max(v)) for n, v in found.items()]
                for category, found in kind.items()
            }
            for kind in (spans, counts)
        )
        return times, counters

    def clear(self) -> None:
        self.spans, self.counts, self.marks, self.first = [], [], [], [0, 0]


_record = _Record()


# ---- the profiler --------------------------------------------------------------------------------


def set_config(**kwargs: Any) -> None:
    """Choose where the trace goes.

    Parameters
    ----------
    filename : str
        The file that `dump` writes; "profile.json" by default.
    profile_all, profile_symbolic, profile_imperative, profile_memory, profile_api : bool
        Accepted for compatibility, as are `aggregate_stats`, `continuous_dump`, `dump_period` and
        `profile_process`: all ops are always noted, memory and calls of a C API never.

    Raises
    ------
    MXNetError
        If an option does not exist.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.profiler.set_config(profile_all=True, aggregate_stats=True)
    """
    from microlazy.base import MXNetError

    unknown = sorted(set(kwargs) - set(_OPTIONS))
    if unknown:
        raise MXNetError(f"set_config: no option {unknown[0]!r}; there are {sorted(_OPTIONS)}")
    _record.filename = os.fspath(kwargs.get("filename", _record.filename))


def set_state(state: str = "stop", profile_process: str = "worker") -> None:
    """Begin or stop to note what runs.

    Parameters
    ----------
    state : "run" or "stop"
    profile_process : "worker"
        Accepted for compatibility.

    Raises
    ------
    KeyError
        If the state is another.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.profiler.set_state("run")
    >>> y = mx.nd.ones((2, 2)).exp()
    >>> mx.profiler.set_state("stop")
    >>> lines = mx.profiler.dumps(reset=True).splitlines()
    >>> any(line.startswith("exp ") for line in lines)
    True
    """
    if state not in ("run", "stop"):
        raise KeyError(f"set_state: the state is 'run' or 'stop', not {state!r}")
    _record.running = state == "run"
    _tape.profile(_record.running)
    _record.collect()


def pause(profile_process: str = "worker") -> None:
    """Note nothing until `resume`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.profiler.pause()
    """
    _tape.profile(False)
    _record.collect()


def resume(profile_process: str = "worker") -> None:
    """Go on after `pause`, if the state is "run".

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.profiler.resume()
    """
    _tape.profile(_record.running)


def dump(finished: bool = True, profile_process: str = "worker") -> None:
    """Write what was noted as a trace: a JSON file for chrome://tracing or Perfetto.

    Parameters
    ----------
    finished : bool
        Stop the profiler and forget the trace; the table of `dumps` begins anew.
    profile_process : "worker"
        Accepted for compatibility.

    Examples
    --------
    >>> import json, os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "trace.json")
    >>> mx.profiler.set_config(filename=path)
    >>> mx.profiler.set_state("run")
    >>> y = mx.nd.ones((2, 2)).exp()
    >>> mx.profiler.dump()
    >>> with open(path) as file:
    ...     "exp" in [event["name"] for event in json.load(file)["traceEvents"]]
    True
    """
    if finished:
        set_state("stop")
    _record.collect()
    from microlazy.files import write_atomically

    text = json.dumps({"traceEvents": _trace(), "displayTimeUnit": "ms"}, indent=1)
    write_atomically(_record.filename, [text.encode("utf-8")])
    if finished:
        _record.clear()


def _trace() -> list[dict[str, Any]]:
    place = {"pid": os.getpid()}
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "args": {"name": "microlazy on cpu(0)"}, **place}
    ]
    for category, name, begin, end, thread in _record.spans:
        span = {"ph": "X", "ts": begin / 1e3, "dur": (end - begin) / 1e3, "tid": thread}
        events.append({"name": name, "cat": category, **span, **place})
    for category, name, moment, value in _record.counts:
        count = {"ph": "C", "ts": moment / 1e3, "args": {name: value}}
        events.append({"name": name, "cat": category, **count, **place})
    for category, name, moment, thread, reach in _record.marks:
        mark = {"ph": "i", "ts": moment / 1e3, "tid": thread, "s": reach}
        events.append({"name": name, "cat": category, **mark, **place})
    return events


def dumps(
    reset: bool = False, format: str = "table", sort_by: str = "total", ascending: bool = False
) -> str:
    """Return how often and how long each op, task and event ran.

    Parameters
    ----------
    reset : bool
        Begin the table anew afterwards.
    format : "table" or "json"
    sort_by : "total", "avg", "min", "max" or "count"
    ascending : bool

    Returns
    -------
    str
        Times are in milliseconds.

    Raises
    ------
    ValueError
        If the format or the order is unknown.

    Examples
    --------
    >>> import json
    >>> import microlazy as mx
    >>> event = mx.profiler.Event("load")
    >>> event.start()
    >>> event.stop()
    >>> json.loads(mx.profiler.dumps(reset=True, format="json"))["Time"]["event"]["load"]["Count"]
    1
    """
    if format not in ("table", "json"):
        raise ValueError(f"dumps: format is 'table' or 'json', not {format!r}")
    if sort_by not in _SORTED_BY:
        raise ValueError(f"dumps: sort_by is one of {sorted(_SORTED_BY)}, not {sort_by!r}")
    _record.collect()
    times, counters = _record.rows()
    for rows in (*times.values(), *counters.values()):
        rows.sort(key=_SORTED_BY[sort_by], reverse=not ascending)
    if reset:
        _record.first = [len(_record.spans), len(_record.counts)]
    if format == "json":
        parts = {"Time": _as_dict(times), "Counter": _as_dict(counters), "Unit": {"Time": "ms"}}
        return json.dumps(parts, indent=1)
    lines = ["", "Profile Statistics:"]
    for unit, found in ((" (ms)", times), ("", counters)):
        for category, rows in sorted(found.items()):
            lines += ["", category, "=" * 17, *_table(rows, unit)]
    return "\n".join(lines) + "\n"


def _as_dict(categories: dict[str, list[_Row]]) -> dict[str, Any]:
    return {
        category: {
            row.name: {
                "Count": row.calls,
                "Total": row.total,
                "Min": row.least,
                "Max": row.most,
                "Avg": row.total / row.calls,
            }
            for row in rows
        }
        for category, rows in categories.items()
    }


def _table(rows: list[_Row], unit: str) -> list[str]:
    kind = "Time" if unit else "Value"
    heads = [kind, f"Min {kind}", f"Max {kind}", f"Avg {kind}"]
    width = max(25, *(len(row.name) for row in rows))
    lines = [
        f"{'Name':<{width}} {'Total Count':>15}" + "".join(f"{h + unit:>17}" for h in heads),
        f"{'----':<{width}} {'-----------':>15}" + "".join(f"{'-' * 13:>17}" for _ in heads),
    ]
    for row in rows:
        numbers = (row.total, row.least, row.most, row.total / row.calls)
        cells = "".join(f"{number:>17.4f}" for number in numbers)
        lines.append(f"{row.name:<{width}} {row.calls:>15}{cells}")
    return lines


# ---- what programs note themselves ---------------------------------------------------------------


class Domain:
    """A group of tasks, frames, counters and markers.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> import microlazy as mx
    >>> print(mx.profiler.Domain("input").new_task("read"))
    read
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name

    def new_task(self, name: str) -> "Task":
        """Return a task of this domain."""
        return Task(self, name)

    def new_frame(self, name: str) -> "Frame":
        """Return a frame of this domain."""
        return Frame(self, name)

    def new_counter(self, name: str, value: float | None = None) -> "Counter":
        """Return a counter of this domain."""
        return Counter(self, name, value)

    def new_marker(self, name: str) -> "Marker":
        """Return a marker of this domain."""
        return Marker(self, name)


class _Span:
    """Notes the time from `start` to `stop`."""

    def __init__(self, category: str, name: str) -> None:
        self._category = category
        self.name = name
        self._begin: int | None = None

    def start(self) -> None:
        """Begin."""
        self._begin = time.perf_counter_ns()

    def stop(self) -> None:
        """End; without a start nothing is noted."""
        if self._begin is not None:
            span = (self._begin, time.perf_counter_ns(), threading.get_ident())
            _record.spans.append((self._category, self.name, *span))
            self._begin = None

    def __str__(self) -> str:
        return self.name


class Task(_Span):
    """A piece of work of a domain, from `start` to `stop`.

    Parameters
    ----------
    domain : Domain
    name : str

    Examples
    --------
    >>> import microlazy as mx
    >>> task = mx.profiler.Task(mx.profiler.Domain("input"), "read")
    >>> task.start()
    >>> task.stop()
    """

    def __init__(self, domain: Domain, name: str) -> None:
        super().__init__(str(domain), name)


class Frame(Task):
    """A piece of work that comes again and again, such as a batch.

    Parameters
    ----------
    domain : Domain
    name : str

    Examples
    --------
    >>> import microlazy as mx
    >>> frame = mx.profiler.Frame(mx.profiler.Domain("training"), "batch")
    """


class Event(_Span):
    """A piece of work without a domain.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> import microlazy as mx
    >>> event = mx.profiler.Event("load")
    """

    def __init__(self, name: str) -> None:
        super().__init__("event", name)


class Counter:
    """A number that changes with time.

    Parameters
    ----------
    domain : Domain
    name : str
    value : float, optional
        What it begins with.

    Examples
    --------
    >>> import microlazy as mx
    >>> counter = mx.profiler.Counter(mx.profiler.Domain("input"), "queued", 3)
    >>> counter += 2
    >>> counter.value
    5
    """

    def __init__(self, domain: Domain, name: str, value: float | None = None) -> None:
        self._domain = str(domain)
        self.name = name
        self.value: float = 0
        if value is not None:
            self.set_value(value)

    def set_value(self, value: float) -> None:
        """Set the number."""
        self.value = value
        _record.counts.append((self._domain, self.name, time.perf_counter_ns(), value))

    def increment(self, delta: float = 1) -> None:
        """Add to the number."""
        self.set_value(self.value + delta)

    def decrement(self, delta: float = 1) -> None:
        """Subtract from the number."""
        self.set_value(self.value - delta)

    def __iadd__(self, delta: float) -> "Counter":
        self.increment(delta)
        return self

    def __isub__(self, delta: float) -> "Counter":
        self.decrement(delta)
        return self

    def __str__(self) -> str:
        return self.name


class Marker:
    """A moment of a domain; it stands in the trace alone.

    Parameters
    ----------
    domain : Domain
    name : str

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.profiler.Marker(mx.profiler.Domain("training"), "epoch").mark()
    """

    def __init__(self, domain: Domain, name: str) -> None:
        self._domain = str(domain)
        self.name = name

    def mark(self, scope: str = "process") -> None:
        """Note this moment, for "global", "process", "thread", "task" or "marker"."""
        if scope not in _INSTANT:
            raise ValueError(f"mark: scope is one of {sorted(_INSTANT)}, not {scope!r}")
        moment = (time.perf_counter_ns(), threading.get_ident(), _INSTANT[scope])
        _record.marks.append((self._domain, self.name, *moment))

    def __str__(self) -> str:
        return self.name


class scope:
    """A `with` whose time is noted.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> import microlazy as mx
    >>> with mx.profiler.scope("forward"):
    ...     y = mx.nd.ones((2,)) + 1
    """

    def __init__(self, name: str = "<unk>") -> None:
        self._span = _Span("scope", name)

    def __enter__(self) -> "scope":
        self._span.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._span.stop()


# ---- older names ---------------------------------------------------------------------------------


def profiler_set_config(mode: str = "symbolic", filename: str = "profile.json") -> None:
    """Call `set_config`, its newer name."""
    warnings.warn("use profiler.set_config()", DeprecationWarning, stacklevel=2)
    set_config(filename=filename)


def profiler_set_state(state: str = "stop") -> None:
    """Call `set_state`, its newer name."""
    warnings.warn("use profiler.set_state()", DeprecationWarning, stacklevel=2)
    set_state(state)


def dump_profile() -> None:
    """Call `dump`, its newer name."""
    warnings.warn("use profiler.dump()", DeprecationWarning, stacklevel=2)
    dump()
