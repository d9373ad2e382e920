"""Rules: how an optimizer changes a weight, written as a few lines of arithmetic.

The build runs this file before the package exists, so it imports the standard library only.
"""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from microlazy.core.optimizers import Program

__all__ = ["Parsed", "Rule"]

OPERATORS: dict[type, str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.USub: "negative",
}
RESERVED = ("grad", "weight", "lr", "wd", "t")
FUNCTIONS = {"sqrt": 1, "abs": 1, "sign": 1, "maximum": 2, "minimum": 2, "clip": 2}
OF_NUMBERS = {*OPERATORS.values(), "sqrt"}


class Parsed(NamedTuple):
    """A rule taken apart. Numbers are computed once for each weight, steps for each element."""

    inputs: tuple[str, ...]  # the numbers that the rule asks for, besides lr, wd and t
    bounds: tuple[str, ...]  # those of them that clip
    # ("lr",), ("wd",), ("t",), ("input", i), ("literal", x) or (operation, place, place).
    numbers: tuple[tuple, ...]
    constants: tuple[int, ...]  # the places of the numbers that steps use
    # (operation, operand, operand, result): 0 is the gradient, 1 the weight, then come the states
    # and intermediate results; -1, -2, ... are the constants.
    steps: tuple[tuple[str, int, int, int], ...]


class Rule:
    """A formula that changes a weight, and the states that it needs.

    The formula is made of assignments to `weight`, to states, and to names of its own. It may use
    ``+ - * /``, ``**`` of numbers, `sqrt`, `abs`, `sign`, `maximum`, `minimum` and
    ``clip(x, bound)``, which limits x to ``[-bound, bound]`` (a bound of None, zero or below
    limits nothing). Arrays are `weight`, `grad` and the states. Any other name is a number: `lr`
    and `wd` of the weight, its count of updates `t` (from 1), or an attribute of the optimizer.
    What is made of numbers alone is computed in double precision, once for each weight; the rest
    is computed in the dtype of the weight.

    Parameters
    ----------
    formula : str
        The assignments, one a line.
    states : str
        Names of the states: arrays like the weight, zero at first.
    numbers : str
        Assignments to numbers that come before the formula in an optimizer, but not in
        `function`: such as a correction that depends on `t`.
    function : str
        Name and numbers, with defaults, of the function of `nd` that makes one step.
    summary : str
        What that function does, for its documentation.

    Raises
    ------
    TypeError, ValueError
        If the states are no names, or a name is there twice or has another meaning. When the rule
        is first used: if the formula has something else in it.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> class Heavy(optimizer.Optimizer):
    ...     rule = optimizer.Rule(
    ...         '''
    ...         velocity = friction * velocity - lr * rescale_grad * grad
    ...         weight += velocity
    ...         ''',
    ...         states="velocity",
    ...     )
    ...     friction = 0.5
    >>> update = optimizer.get_updater(Heavy(learning_rate=1.0))
    >>> weight = nd.ones(2)
    >>> for _ in range(2):
    ...     update(0, nd.array([1, 2]), weight)
    >>> weight.asnumpy()
    array([-1.5, -4. ], dtype=float32)
    """

    def __init__(
        self,
        formula: str,
        *,
        states: str = "",
        numbers: str = "",
        function: str = "",
        summary: str = "",
    ):
        if not isinstance(states, str):
            raise TypeError(f"states are names in one string, such as 'mean var', not {states!r}")
        self.formula = textwrap.dedent(formula).strip()
        self.states = tuple(states.split())
        for name in self.states:
            if self.states.count(name) > 1 or name in RESERVED or not name.isidentifier():
                raise ValueError(f"a rule's state cannot be called {name!r}: names are used once")
        self.numbers = textwrap.dedent(numbers).strip()
        self.function = function
        self.summary = summary

    @functools.cached_property
    def parsed(self) -> Parsed:
        """The rule of an optimizer: numbers first, then the formula."""
        return _Parser(self.states).parse(f"{self.numbers}\n{self.formula}")

    @functools.cached_property
    def program(self) -> Program:
        """The rule of an optimizer, ready to run."""
        from microlazy.core.optimizers import Program  # which imports this file

        return Program(self.parsed, self.states)

    @functools.cached_property
    def function_program(self) -> Program:
        """The rule of the function of `nd`, ready to run."""
        return Rule(self.formula, states=" ".join(self.states)).program

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = {"states": " ".join(self.states), "numbers": self.numbers}
        return functools.partial(Rule, self.formula, **arguments), ()


class _Operand(NamedTuple):
    place: int  # of a number; or of an array: the gradient, the weight, the states, the results
    is_number: bool = False


class _Parser:
    def __init__(self, states: Sequence[str]):
        self.arrays = {name: _Operand(i) for i, name in enumerate(("grad", "weight", *states))}
        self.names = dict(self.arrays)
        self.inputs: list[str] = []
        self.bounds: list[str] = []
        self.numbers: dict[tuple, int] = {}
        self.constants: list[int] = []
        self.steps: list[tuple[str, int, int, int]] = []

    def parse(self, text: str) -> Parsed:
        try:
            for statement in ast.parse(text).body:
                self.assign(statement)
        except SyntaxError as error:
            raise ValueError(f"a rule is lines of Python; {error}") from None
        except (RecursionError, MemoryError, OverflowError) as error:
            raise ValueError(f"a rule is a few lines of arithmetic; {error}") from None
        if not any(result == 1 for *_, result in self.steps):
            raise ValueError("a rule must change `weight`")
        return Parsed(
            tuple(self.inputs),
            tuple(self.bounds),
            tuple(self.numbers),
            tuple(self.constants),
            _with_few_registers(self.steps, len(self.arrays)),
        )

    def assign(self, statement: Any) -> None:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            (target,), value = statement.targets, statement.value
        elif isinstance(statement, ast.AugAssign):
            target = statement.target
            value = ast.BinOp(target, statement.op, statement.value)
        else:
            raise _refusal(statement, "a line is an assignment")
        if not isinstance(target, ast.Name) or target.id == "grad":
            raise _refusal(statement, "a line assigns to the weight, a state or a name of its own")
        operand, name = self.operand(value), target.id
        is_copy = isinstance(value, ast.Name) or operand.is_number
        if name not in self.arrays:
            # An array may change later; the name keeps what it holds now.
            changes = not operand.is_number and operand.place < len(self.arrays)
            self.names[name] = self.step("copy", operand) if changes else operand
        elif is_copy:
            self.step("copy", operand, result=self.arrays[name].place)
        else:  # what the last step computed goes there
            self.steps[-1] = (*self.steps[-1][:3], self.arrays[name].place)

    def operand(self, tree: Any) -> _Operand:
        """Return where the value of an expression is, after the steps that compute it."""
        if isinstance(tree, ast.Name):
            if tree.id not in self.names:
                self.names[tree.id] = self.input(tree.id)
            return self.names[tree.id]
        if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
            return self.number("literal", float(tree.value))
        name, arguments = _call(tree)
        if name == "clip" and isinstance(arguments[1], ast.Name):
            self.bounds.append(arguments[1].id)
        operands = [self.operand(argument) for argument in arguments]
        if name == "clip" and operands[1].is_number:
            operands[1] = self.number("bound", operands[1].place)
        if all(each.is_number for each in operands):
            if name not in OF_NUMBERS:
                raise _refusal(tree, f"{name} needs an array")
            return self.number(name, *(each.place for each in operands))
        if name == "power" or name == "clip" and not operands[1].is_number:
            raise _refusal(tree, "a power, and the bound of a clip, is of numbers")
        return self.step(name, *operands)

    def input(self, name: str) -> _Operand:
        if name in ("lr", "wd", "t"):
            return self.number(name)
        self.inputs.append(name)
        return self.number("input", len(self.inputs) - 1)

    def number(self, *entry: Any) -> _Operand:
        return _Operand(self.numbers.setdefault(entry, len(self.numbers)), is_number=True)

    def step(self, name: str, *operands: _Operand, result: int | None = None) -> _Operand:
        places = []
        for each in operands:
            if each.is_number and each.place not in self.constants:
                self.constants.append(each.place)
            places.append(-1 - self.constants.index(each.place) if each.is_number else each.place)
        if result is None:
            result = len(self.arrays) + len(self.steps)
        self.steps.append((name, places[0], places[-1], result))
        return _Operand(result)


def _call(tree: Any) -> tuple[str, list[Any]]:
    """Return the name of an operation, and its arguments."""
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
        return OPERATORS[type(tree.op)], [tree.left, tree.right]
    if isinstance(tree, ast.UnaryOp) and type(tree.op) in OPERATORS:
        return OPERATORS[type(tree.op)], [tree.operand]
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
        name = tree.func.id
        if FUNCTIONS.get(name) == len(tree.args):
            return name, tree.args
    raise _refusal(tree, f"a rule has no such operation; it has + - * / ** {' '.join(FUNCTIONS)}")


def _refusal(tree: Any, reason: str) -> ValueError:
    return ValueError(f"in the rule's `{ast.unparse(tree)}`: {reason}")


def _with_few_registers(
    steps: list[tuple[str, int, int, int]], arrays: int
) -> tuple[tuple[str, int, int, int], ...]:
    """Give each result a place that no later step reads; numbers from `arrays` on, few of them."""
    last_read = {place: i for i, (_, *operands, _) in enumerate(steps) for place in operands}
    free: list[int] = []
    places: dict[int, int] = {}
    packed: list[tuple[str, int, int, int]] = []
    for i, (name, a, b, result) in enumerate(steps):
        a_now, b_now = places.get(a, a), places.get(b, b)
        free += {places[place] for place in (a, b) if place in places and last_read[place] == i}
        if result >= arrays:
            places[result] = free.pop() if free else arrays + len(set(places.values()))
        packed.append((name, a_now, b_now, places.get(result, result)))
    return tuple(packed)
