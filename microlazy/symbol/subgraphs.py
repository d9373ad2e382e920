"""Operators that hold graphs: loops and branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from microlazy import autograd
from microlazy import ndarray as nd
from microlazy import numpy as np
from microlazy.base import MXNetError, ShapeError
from microlazy.core import trace
from microlazy.core.tensor import Tensor
from microlazy.ndarray import contrib
from microlazy.symbol.attributes import need_few
from microlazy.symbol.operators import Operator, described
from microlazy.symbol.running import Program
from microlazy.symbol.symbol import Symbol

__all__ = ["GRAPHS", "Branches", "Foreach", "GraphOperator", "WhileLoop"]

Places = list[int]


class GraphOperator(Operator):
    """What operators share that hold graphs.

    Parameters
    ----------
    attributes : dict of str to str
        Which say what place each variable of a graph has among the inputs.
    subgraphs : sequence of Symbol

    Attributes
    ----------
    subgraphs : sequence of Symbol
    places : list of list of int
        For each graph, which inputs its variables are, in the order of `list_inputs`.
    sliced : int
        How many of the inputs, the first ones, the graphs see one by one along the first axis.

    Raises
    ------
    MXNetError
        If the attributes and the graphs do not fit.
    """

    kind = ""
    count = 1
    sliced = 0
    looks_at_no_values = False

    def __init__(self, attributes: Mapping[str, str], subgraphs: Sequence[Symbol]) -> None:
        super().__init__(*described(self.kind))
        self.variadic = False
        if len(subgraphs) != self.count:
            raise MXNetError(f"{self.kind} has {len(subgraphs)} subgraphs, not {self.count}")
        self.subgraphs = list(subgraphs)
        self._programs = [Program(graph) for graph in subgraphs]
        inside = [node.operator for program in self._programs for node in program.nodes]
        self.fits_plans = self.looks_at_no_values and all(
            operator is None or operator.fits_plans for operator in inside
        )
        self._names = [graph.list_inputs() for graph in subgraphs]
        try:
            self.places = self._placed(self.parsed(attributes))
        except (KeyError, TypeError) as error:
            raise MXNetError(f"{self.kind} needs the attribute {error}") from None
        self._fits()
        taken = {place for places in self.places for place in places}
        self.inputs = tuple(f"arg{place}" for place in range(len(taken)))
        if taken != set(range(len(taken))):
            raise MXNetError(f"{self.kind}: its graphs take the inputs {sorted(taken)}")
        self.auxiliary = frozenset(
            f"arg{place}"
            for graph, names, places in zip(self.subgraphs, self._names, self.places, strict=True)
            for name, place in zip(names, places, strict=True)
            if name in graph.list_auxiliary_states()
        )

    def values(self, attributes: Mapping[str, str]) -> dict[str, Any]:
        return self.parsed(attributes)

    def _placed(self, values: Mapping[str, Any]) -> list[Places]:
        """Which inputs the variables of each graph are."""
        raise NotImplementedError

    def _fits(self) -> None:
        """Refuse graphs whose variables do not have one place each."""
        for names, places in zip(self._names, self.places, strict=True):
            if len(names) != len(places) or len(set(names)) < len(names):
                raise MXNetError(
                    f"{self.kind}: a graph of it has the variables {', '.join(names)}, but the "
                    f"attributes give places for {len(places)}"
                )

    def _need_outputs(self, number: int, count: int) -> None:
        if len(self.subgraphs[number]) != count:
            raise MXNetError(
                f"{self.kind}: subgraph {number} has {len(self.subgraphs[number])} outputs, not "
                f"{count}"
            )

    def output_names(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        count = values.get("num_outputs", 1)
        return tuple(f"output{i}" for i in range(count)) if count > 1 else ("output",)

    def _run(self, number: int, arrays: Sequence[Tensor], abstract: bool = False) -> list[Tensor]:
        """The outputs of a graph, of which some inputs are given."""
        places = self.places[number]
        given = {
            name: arrays[place] for name, place in zip(self._names[number], places, strict=True)
        }
        return self._programs[number].run(given, abstract=abstract)


class Foreach(GraphOperator):
    """A graph that is run on the slices along the first axis."""

    kind = "_foreach"
    looks_at_no_values = True

    def _placed(self, values: Mapping[str, Any]) -> list[Places]:
        data, states = values["in_data_locs"], values["in_state_locs"]
        order = [*data, *states, *values["remain_locs"]]
        self.sliced, self._states = len(data), len(states)
        self._need_outputs(0, values["num_outputs"])
        if not data or values["num_out_data"] != values["num_outputs"] - len(states):
            raise MXNetError(f"{self.kind}: {len(data)} inputs, {len(states)} states and "
                             f"{values['num_outputs']} outputs do not fit")  # fmt: skip
        if sorted(order) != list(range(len(order))):
            raise MXNetError(f"{self.kind}: the places of its inputs are {order}")
        return [[order.index(place) for place in range(len(order))]]

    def compute(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        last = self.sliced + self._states
        _same_length(arrays[: self.sliced])

        def body(data: list[Tensor], states: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            outputs = self._run(0, [*data, *states, *arrays[last:]])
            return outputs[: values["num_out_data"]], outputs[values["num_out_data"] :]

        data, states = list(arrays[: self.sliced]), list(arrays[self.sliced : last])
        outputs, states = contrib.foreach(body, data, states)
        return [*outputs, *states]

    def abstract(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        count = _same_length(arrays[: self.sliced])
        given = [x[0] if i < self.sliced else x for i, x in enumerate(arrays)]
        return _stacked(self._run(0, given, abstract=True), values["num_out_data"], count)


class WhileLoop(GraphOperator):
    """A graph that is run while another one says so."""

    kind = "_while_loop"
    count = 2

    def _placed(self, values: Mapping[str, Any]) -> list[Places]:
        places = [list(values["cond_input_locs"]), list(values["func_input_locs"])]
        variables = values["func_var_locs"]
        self._need_outputs(0, 1)
        self._need_outputs(1, values["num_outputs"])
        if values["num_out_data"] != values["num_outputs"] - len(variables) or not variables:
            raise MXNetError(f"{self.kind}: {len(variables)} variables and "
                             f"{values['num_outputs']} outputs do not fit")  # fmt: skip
        if not set(variables) <= set(range(len(places[1]))):
            raise MXNetError(f"{self.kind}: the places of its variables are {variables}")
        if values["max_iterations"] < 1:
            raise MXNetError(f"{self.kind}: max_iterations is {values['max_iterations']}")
        self._variables = [places[1][place] for place in variables]
        return places

    def compute(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        def now(variables: Sequence[Tensor]) -> list[Tensor]:
            given = list(arrays)
            for place, x in zip(self._variables, variables, strict=True):
                given[place] = x
            return given

        def holds(*variables: Tensor) -> Any:
            return self._run(0, now(variables))[0]

        def step(*variables: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            outputs = self._run(1, now(variables))
            for output in outputs[: values["num_out_data"]]:
                need_few((values["max_iterations"], *output.shape))
            return outputs[: values["num_out_data"]], outputs[values["num_out_data"] :]

        first = [arrays[place] for place in self._variables]
        outputs, last = contrib.while_loop(holds, step, first, values["max_iterations"])
        if not outputs:  # no step was run, but a graph has all its outputs
            outputs = self._zeros(arrays, values)
        return [*outputs, *last]

    def _zeros(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        with autograd.pause(), trace.tracing():
            given = [trace.abstract(x.shape, x.dtype, _face(x)) for x in arrays]
            found = self.abstract(given, values)[: values["num_out_data"]]
        return [(nd, np)[_face(x)].zeros(x.shape, dtype=x.dtype) for x in found]

    def abstract(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        outputs = self._run(1, arrays, abstract=True)
        return _stacked(outputs, values["num_out_data"], values["max_iterations"])


class Branches(GraphOperator):
    """One of two graphs, as a third one says."""

    kind = "_cond"
    count = 3

    def _placed(self, values: Mapping[str, Any]) -> list[Places]:
        self._need_outputs(0, 1)
        for number in (1, 2):
            self._need_outputs(number, values["num_outputs"])
        return [list(values[f"{part}_input_locs"]) for part in ("cond", "then", "else")]

    def compute(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        condition: Any = self._run(0, arrays)[0]  # of either face
        return contrib.cond(condition, lambda: self._run(1, arrays), lambda: self._run(2, arrays))

    def abstract(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        return self._run(1, arrays, abstract=True)


GRAPHS: dict[str, type[GraphOperator]] = {
    kind.kind: kind for kind in (Foreach, WhileLoop, Branches)
}


def _face(x: Tensor) -> int:
    return int(isinstance(x, np.ndarray))


def _same_length(data: Sequence[Tensor]) -> int:
    lengths = {x.shape[0] if x.shape else 0 for x in data}
    if len(lengths) > 1:
        raise ShapeError(f"the first axes have the sizes {sorted(lengths)}; they must be one")
    return lengths.pop()


def _stacked(outputs: Sequence[Tensor], several: int, count: int) -> list[Tensor]:
    """The outputs, of which the first ones are made in each of some steps."""
    found = []
    for x in outputs[:several]:
        need_few((count, *x.shape))
        found.append(trace.abstract((count, *x.shape), x.dtype, _face(x)))
    return [*found, *outputs[several:]]
