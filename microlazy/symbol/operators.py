"""The operators that symbols are made of: MXNet's names, and the function of nd or np of each.

`operators.txt` has the facts of MXNet: which names an operator has, what its inputs and attributes
are called (tests/oracle/record_operators.py wrote it). What an operator computes is said by the
function of microlazy that has its name, and by nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from microlazy import ndarray as nd
from microlazy import numpy as np
from microlazy import numpy_extension as npx
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor
from microlazy.symbol.attributes import HIDDEN, TextError, parse
from microlazy.symbol.functions import FUNCTIONS
from microlazy.util import is_np_array

__all__ = ["UNNAMED", "Operator", "described", "names_known", "operator_of", "own_names"]

# An attribute, and the input that is there only if it is true.
_ASKED_FOR = {
    "use_sequence_length": "sequence_length",
    "use_length": "length",
    "use_data_lengths": "data_lengths",
    "use_label_lengths": "label_lengths",
    "has_weights": "weights",
    "weighted": "weights",
}
# Of no meaning on one CPU; which device a graph runs on is not said by its nodes.
_WITHOUT_EFFECT_TEXT = """
workspace cudnn_tune cudnn_off ctx num_args min_calib_range max_calib_range lstm_state_clip_nan
sparse_grad __layout__ force_deterministic mkldnn_off
"""
_WITHOUT_EFFECT = frozenset(_WITHOUT_EFFECT_TEXT.split())
# Attributes that files have and MXNet's own description has not, or not so closely.
_UNSAID = {
    "_histogram": {"range": "floats?"},
    "_linspace": {"num": "int", "endpoint": "bool"},
    "_npi_concatenate": {"axis": "int?"},
    "_npi_eye": {"M": "int?"},
    "_npi_norm": {"ord": "float", "axis": "ints?", "keepdims": "bool", "flag": "int"},
    "_npi_pad": {"pad_width": "pairs"},
    **dict.fromkeys(("_npi_blackman", "_npi_hamming", "_npi_hanning"), {"M": "int"}),
}
# Names of older versions.
_OLD = {"BatchNorm_v1": "BatchNorm", "Convolution_v1": "Convolution", "Pooling_v1": "Pooling"}
# Where a function is that has an operator's name behind a prefix.
_PLACES = (
    ("_contrib_", "nd.contrib"),
    ("_linalg_", "nd.linalg"),
    ("_image_", "nd.image"),
    ("_random_", "nd.random"),
    ("_npx__image_", "npx.image"),
    ("_npx__random_", "npx.random"),
    ("_npx_", "npx"),
    ("_npi_", "np np.linalg np.random"),
    ("_np_", "np np.linalg np.random"),
    ("_", "nd nd.contrib"),
    ("", "nd"),
)
UNNAMED = ("input1", "input2", "input3")  # there if they are given
_DEVIATION = ("LayerNorm", "GroupNorm")  # whose third output is a standard deviation


class Operator:
    """What a node of a graph does.

    Attributes
    ----------
    name : str
        The name that files have.
    inputs : tuple of str
        Names of the inputs.
    variadic : bool
        Whether there may be any number of inputs.
    auxiliary : frozenset of str
        Inputs that it changes, such as running means.
    kinds : dict of str to str
        Its attributes, and what their texts stand for; see `attributes.parse`.
    function : callable
        What computes it.
    fits_plans : bool
        Whether a plan can hold it: what looks at values, or is a user's, no plan holds.

    Examples
    --------
    >>> from microlazy.symbol.operators import operator_of
    >>> operator_of("FullyConnected").inputs
    ('data', 'weight', 'bias')
    """

    fits_plans = True

    def __init__(self, names: Sequence[str], inputs: str, kinds: str, outputs: str) -> None:
        self.name = names[0]
        self.variadic = "..." in inputs
        parts = inputs.replace("...", "").split()
        self.inputs = tuple(part.rstrip("*") for part in parts)
        self.auxiliary = frozenset(part[:-1] for part in parts if part.endswith("*"))
        self.kinds = dict(part.split(":") for part in kinds.split()) | _UNSAID.get(self.name, {})
        self._outputs = tuple(outputs.split()) or ("output",)
        self.function = _function(names)
        self.is_numpy = self.name.startswith(("_np_", "_npi_", "_npx_"))
        self._parameters, self._takes = _parameters(self.function)

    def __repr__(self) -> str:
        return f"<Operator {self.name}>"

    def values(self, attributes: Mapping[str, str]) -> dict[str, Any]:
        """The arguments of the function that an attribute's texts stand for.

        Raises
        ------
        MXNetError
            If an attribute is not known to an operator that has some, or its text is wrong.
        """
        found = {}
        for name, value in self.parsed(attributes).items():
            if name in self._parameters or _Takes.ANY_NAME in self._takes:
                if name not in _WITHOUT_EFFECT:
                    found[name] = value
            elif value not in (None, False) and name not in _WITHOUT_EFFECT:
                raise MXNetError(
                    f"{self.name}: microlazy does not have its attribute {name!r}, here "
                    f"{attributes[name]!r}"
                )
        return found

    def parsed(self, attributes: Mapping[str, str]) -> dict[str, Any]:
        """The values of the attributes that are the operator's own.

        Raises
        ------
        MXNetError
            As in `values`.
        """
        if not self.kinds:
            return {}  # MXNet reads none of such an operator, and programs give some
        found = {}
        for name, text in attributes.items():
            if name in self.kinds:
                try:
                    found[name] = parse(self.kinds[name], text)
                except TextError as error:
                    raise MXNetError(f"attribute {name!r} of {self.name}: {error}") from None
            elif not (name in HIDDEN or name.startswith("__") or name in _WITHOUT_EFFECT):
                raise MXNetError(
                    f"{self.name} has no attribute {name!r}; it has {', '.join(self.kinds)}"
                )
        return found

    def default(self, name: str) -> Any:
        """What an attribute is if nothing is said; None if the function has no such parameter."""
        return self._parameters.get(name)

    def input_names(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The inputs that there are with some attributes."""
        names = list(self.inputs)

        def value(attribute: str) -> Any:
            return values.get(attribute, self.default(attribute))

        for attribute, name in _ASKED_FOR.items():
            if name in names and attribute in self.kinds and not value(attribute):
                names.remove(name)
        if "no_bias" in self.kinds and value("no_bias"):
            names.remove("bias")
        if "bins" in names and value("bin_cnt"):
            names.remove("bins")
        if "q" in names and value("q_scalar") is not None:
            names.remove("q")
        if "obj" in names and any(value(key) is not None for key in ("int_ind", "stop")):
            names.remove("obj")
        if "like" in names and value("mode") != "like":
            names.remove("like")
        if self.name == "LeakyReLU" and value("act_type") != "prelu":
            names.remove("gamma")
        if "state_cell" in names and value("mode") != "lstm":
            names.remove("state_cell")
        return tuple(name for name in names if name not in UNNAMED)

    def output_names(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """What the outputs that are seen are called behind the node's name."""
        count = 1
        if "output_mean_var" in self.kinds and values.get("output_mean_var"):
            return ("output", "mean", "std" if self.name in _DEVIATION else "var")
        if self.name == "RNN" and values.get("state_outputs"):
            states = ("state_output", "statecell_output")
            return ("output", *states[: 2 if values.get("mode") == "lstm" else 1])
        if self.name in ("SliceChannel", "amp_multicast"):
            count = values.get("num_outputs", 1)
        elif self.name == "_split_v2":
            count = values.get("sections") or len(values.get("indices", (0,)))
        elif values.get("ret_typ") == "both" or values.get("get_prob"):  # topk, multinomial
            count = 2
        else:
            return self._outputs
        if not 0 < count <= 1 << 16:
            raise MXNetError(f"{self.name} cannot have {count} outputs")
        return tuple(f"output{i}" for i in range(count)) if count > 1 else self._outputs

    def compute(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        """The outputs for some inputs."""
        if self.is_numpy:
            arrays = [x if isinstance(x, np.ndarray) else x.as_np_ndarray() for x in arrays]
        elif len({isinstance(x, np.ndarray) for x in arrays}) > 1:  # np and nd meet
            arrays = [x.as_np_ndarray() if is_np_array() else x.as_nd_ndarray() for x in arrays]
        names = self.input_names(values)
        if self.variadic and _Takes.ANY_NUMBER not in self._takes:
            found = self.function(list(arrays), **values)
        elif names != self.inputs[: len(names)] and set(names) <= set(self._parameters):
            found = self.function(**dict(zip(names, arrays, strict=False)), **values)
        else:
            found = self.function(*arrays, **values)
        return list(found) if isinstance(found, list | tuple) else [found]

    def abstract(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        """The outputs' shapes and dtypes, for arrays that have nothing else."""
        return self.compute(arrays, values)


class _Takes(Enum):
    """What a function takes beside its named parameters."""

    ANY_NAME = "**"
    ANY_NUMBER = "*"


def _parameters(function: Callable[..., Any]) -> tuple[dict[str, Any], set[_Takes]]:
    """The parameters of a function with their defaults, and what it takes beside them."""
    found: dict[str, Any] = {}
    takes: set[_Takes] = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes.add(_Takes.ANY_NAME)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            takes.add(_Takes.ANY_NUMBER)
        elif name != "out":
            found[name] = None if parameter.default is parameter.empty else parameter.default
    return found, takes


def _function(names: Sequence[str]) -> Callable[..., Any]:
    for name in names:
        if name in FUNCTIONS:
            return FUNCTIONS[name]
    for name in sorted(names, key=lambda name: name.startswith("_")):
        for prefix, places in _PLACES:
            if name.startswith(prefix):
                for place in places.split():
                    found = _member(place, name.removeprefix(prefix))
                    if found is not None:
                        return found
                break
    raise MXNetError(f"microlazy has no operator {names[0]!r}, which MXNet has")


def _member(place: str, name: str) -> Callable[..., Any] | None:
    space: Any = {"nd": nd, "np": np, "npx": npx}[place.partition(".")[0]]
    for part in filter(None, [place.partition(".")[2], name]):
        try:
            space = getattr(space, part)
        except AttributeError:
            return None
    return space if callable(space) and not inspect.isclass(space) else None


@cache
def _lines() -> dict[str, str]:
    """The line of each name in the table."""
    text = Path(__file__).with_name("operators.txt").read_text(encoding="utf-8")
    return {name: line for line in text.splitlines() for name in line.partition("|")[0].split()}


def names_known() -> Iterator[str]:
    """All names of operators that MXNet has."""
    return iter(_lines())


@cache
def own_names() -> frozenset[str]:
    """The names that operators have in files: the first of each.

    Examples
    --------
    >>> from microlazy.symbol.operators import own_names
    >>> "Concat" in own_names(), "concat" in own_names()
    (True, False)
    """
    return frozenset(line.partition("|")[0].split()[0] for line in _lines().values())


@cache
def operator_of(name: str) -> Operator:
    """The operator of a name, also of an older one.

    Raises
    ------
    MXNetError
        If MXNet or microlazy does not have it.

    Examples
    --------
    >>> from microlazy.symbol.operators import operator_of
    >>> operator_of("concat")
    <Operator Concat>
    >>> operator_of("Convolve")
    Traceback (most recent call last):
    microlazy.base.MXNetError: there is no operator 'Convolve'
    """
    names, *parts = described(name)
    return Operator(names, *parts) if names[0] == name else operator_of(names[0])


def described(name: str) -> tuple[list[str], str, str, str]:
    """What the table says of an operator: its names, inputs, attributes and outputs.

    Raises
    ------
    MXNetError
        If MXNet does not have it.
    """
    line = _lines().get(_OLD.get(name, name))
    for prefix, other in (("_npi_", "_np_"), ("_np_", "_npi_"), ("_npx_", "_npi_")):
        if line is None and name.startswith(prefix):  # 2.0 moved some
            line = _lines().get(other + name.removeprefix(prefix))
    if line is None:
        raise MXNetError(f"there is no operator {name!r}")
    names, inputs, attributes, outputs = line.split("|")
    return names.split(), inputs, attributes, outputs
