"""What a plan does, as a table: its steps, and which memory each result has."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..parameter import Parameter
from ..utils import _html_table, _text_table

_HEAD = ("Step", "Op", "Inputs", "Shape", "Dtype", "Buffer", "Bytes", "Until", "Fusions")


class Step(NamedTuple):
    """One op of a plan.

    Attributes
    ----------
    number : int
        Its place among the steps.
    op : str
        Ops that run in one pass over memory are joined by "+".
    inputs : tuple of str
        ``%3`` is what step 3 gave, ``input 0`` the call's first array; parameters have their path,
        other arrays their shape.
    shape : tuple of int
    dtype : str
    buffer : int or None
        In which of the plan's buffers the result is; None if it is a view of an array that is not
        the plan's.
    offset : int
        In which byte of the buffer the result begins.
    bytes : int
        Of the result.
    view : bool
        Whether it only looks at its first input's memory.
    until : int or None
        The last step that needs the memory; None if it is needed after the call: it is handed out,
        or a gradient will need it.
    fusions : tuple of str
        What was joined into this step, and over which result it writes its own. ``"stores relu"``:
        computed of each part of the result as that is stored, while it is in the cache; ``"pools as
        it stores"``: an activation's values, too, and only what is pooled of them is stored.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> step = nn.HybridLambda("tanh").plan(nd.ones((2, 3))).steps[0]
    >>> step.op, step.inputs, step.bytes
    ('tanh', ('input 0',), 24)
    """

    number: int
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    buffer: int | None
    offset: int
    bytes: int
    view: bool
    until: int | None
    fusions: tuple[str, ...]


class PlanTable:
    """The steps of a plan and its buffers; its text is a table.

    Parameters
    ----------
    found : list of tuple
        What `CachedPlan.steps` gave.
    parameters : dict of str to Parameter
        By path.

    Attributes
    ----------
    steps : list of Step
    buffers : list of int
        Bytes of each buffer: as far as the results that are ever in it reach.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> net = nn.HybridSequential()
    >>> net.add(nn.Dense(4, activation="relu", in_units=3), nn.Dense(2, in_units=4))
    >>> net.initialize()
    >>> net.plan(nd.ones((5, 3)))
    Step  Op               Inputs                     Shape   Dtype    Buffer  Bytes  Until  Fusions
    ------------------------------------------------------------------------------------------------
    0     fully_connected  input 0, 0.weight, 0.bias  (5, 4)  float32  0       80     1
    1     fully_connected  %0, 1.weight, 1.bias       (5, 2)  float32  1       40     end
    2 steps in 2 buffers of 120 bytes; a buffer for each result would take 120 bytes
    """

    def __init__(self, found: list[tuple[Any, ...]], parameters: dict[str, Parameter]) -> None:
        paths = {
            id(array): path
            for path, parameter in parameters.items()
            if parameter.state == "live"
            for array in parameter.list_data()
        }
        self.steps: list[Step] = []
        for number, (op, inputs, *rest) in enumerate(found):
            operands = tuple(_operand(kind, which, paths) for kind, which in inputs)
            step = Step(number, op, operands, *rest)
            earlier = [which for kind, which in inputs if kind == "step"]
            over = self._overwritten(step, earlier)
            self.steps.append(step._replace(fusions=(*step.fusions, *over)))
        sizes: dict[int, int] = {}
        for step in self.steps:
            if step.buffer is not None:
                reach = step.offset + step.bytes
                sizes[step.buffer] = max(sizes.get(step.buffer, 0), reach)
        self.buffers = [sizes[number] for number in sorted(sizes)]

    def _overwritten(self, step: Step, earlier: list[int]) -> tuple[str, ...]:
        """Whose memory a step takes as it reads it for the last time."""
        place = (step.buffer, step.offset)
        if step.view or step.buffer is None:
            return ()
        found = [k for k in earlier if (self.steps[k].buffer, self.steps[k].offset) == place]
        return (f"over %{found[0]}",) if found else ()

    def __repr__(self) -> str:
        alone = sum(step.bytes for step in self.steps if not step.view)
        return (
            f"{_text_table(_HEAD, self._cells())}\n{len(self.steps)} steps in "
            f"{len(self.buffers)} buffers of {sum(self.buffers)} bytes; a buffer for each result "
            f"would take {alone} bytes"
        )

    def _repr_html_(self) -> str:
        return _html_table("Plan", _HEAD, self._cells())

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                str(step.number),
                step.op,
                ", ".join(step.inputs),
                str(step.shape),
                step.dtype,
                _place(step),
                str(step.bytes),
                "end" if step.until is None else str(step.until),
                "; ".join(step.fusions),
            )
            for step in self.steps
        ]


def _place(step: Step) -> str:
    if step.buffer is None:
        return "-"
    begin = f" from {step.offset}" if step.offset else ""
    return f"{step.buffer}{begin}{' (view)' * step.view}"


def _operand(kind: str, which: Any, paths: dict[int, str]) -> str:
    if kind == "step":
        return f"%{which}"
    if kind == "input":
        return f"input {which}"
    return paths.get(id(which), f"array {which.shape}")
