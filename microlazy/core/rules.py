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
    ast.Mod: "remainder",
    ast.USub: "negative",
}
RESERVED = ("grad", "weight", "lr", "wd", "t", "mark")
FUNCTIONS = {
    "sqrt": 1,
    "abs": 1,
    "sign": 1,
    "maximum": 2,
    "minimum": 2,
    "clip": 2,
    "norm": 1,
    "mean": 1,
    "ratio": 2,
    "normal": 0,
}
OF_NUMBERS = {*OPERATORS.values(), "sqrt", "maximum", "minimum", "clip", "ratio"}
ONLY_OF_NUMBERS = {"power", "remainder", "ratio"}
FAR = 1 << 20  # tiles are numbered from here until it is known how many arrays come before them

Step = tuple[str, int, int, int]


class Pass(NamedTuple):
    """What is done to each element before a number is needed that depends on all of them."""

    # (operation, operand, operand, result): 0 is the gradient, 1 the weight, then come the states,
    # the kept arrays, the tiles and intermediate results; -1, -2, ... are the constants.
    steps: tuple[Step, ...]
    sums: tuple[tuple[int, int], ...]  # a tile that is summed, and the place of that number
    normals: tuple[int, ...]  # tiles that are filled with normal numbers before


class Parsed(NamedTuple):
    """A rule taken apart. Numbers are computed once for each weight, steps for each element."""

    inputs: tuple[str, ...]  # the numbers that the rule asks for, besides lr, wd and t
    bounds: tuple[str, ...]  # those of them that clip
    # ("lr",), ("wd",), ("t",), ("mark",), ("size",), ("sum", i), ("state", i), ("input", i),
    # ("literal", x) or (operation, place, place).
    numbers: tuple[tuple, ...]
    stages: tuple[int, ...]  # the number of passes after which each number can be computed
    constants: tuple[int, ...]  # the places of the numbers that steps use
    passes: tuple[Pass, ...]
    arrays: int  # the gradient, the weight, the states and the kept arrays
    tiles: int  # what comes behind them, of a few elements each
    kept: int  # results that a later pass reads again
    stored: tuple[int, ...]  # the numbers that go to the states of a row
    carried: tuple[tuple[int, int], ...]  # inputs that change, and the numbers that they become


class Rule:
    """A formula that changes a weight, and the states that it needs.

    The formula is made of assignments to `weight`, to states, and to names of its own. It may use
    ``+ - * /``, ``**`` of numbers, `sqrt`, `abs`, `sign`, `maximum`, `minimum` and
    ``clip(x, bound)``, which limits x to ``[-bound, bound]`` (a bound of None, zero or below
    limits nothing). Arrays are `weight`, `grad` and the states. Any other name is a number: `lr`
    and `wd` of the weight, its count of updates `t` (from 1), its `mark` (1, unless the optimizer
    says otherwise), or an attribute of the optimizer.
    What is made of numbers alone is computed in double precision, once for each weight; the rest
    is computed in the dtype of the weight.

    ``norm(x)``, the 2-norm of all elements, and ``mean(x)`` make a number of an array: what needs
    it waits for a pass over the whole weight. Numbers also have ``%``, and ``ratio(a, b)``, which
    is ``a / b``, or 1 unless both are above zero. ``normal()`` is an array of independent normal
    random numbers, of mean 0 and variance 1.

    Parameters
    ----------
    formula : str
        The assignments, one a line.
    states : str
        Names of the states: arrays like the weight, zero at first, or ``name=weight`` for one
        that starts as a copy of it.
    by_row : bool
        The weight has two axes, and its rows are weights of their own: `norm` and `mean` are of
        a row, and a state is a number for each row, an array of shape (rows, 1).
    carried : str
        Names of attributes of the optimizer to which the rule assigns: each weight finds there
        what the one before it left.
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
        by_row: bool = False,
        carried: str = "",
        numbers: str = "",
        function: str = "",
        summary: str = "",
    ):
        if not isinstance(states, str):
            raise TypeError(f"states are names in one string, such as 'mean var', not {states!r}")
        self._formula, self._numbers = formula, numbers
        first = [each.partition("=") for each in states.split()]
        self.states = tuple(name for name, *_ in first)
        self.copies = tuple(name for name, _, value in first if value == "weight")
        for name, equals, value in first:
            if self.states.count(name) > 1 or name in RESERVED or not name.isidentifier():
                raise ValueError(f"a rule's state cannot be called {name!r}: names are used once")
            if equals and (value != "weight" or by_row):
                raise ValueError(f"the state {name!r} starts from zeros, or by {name}=weight")
        self.by_row = by_row
        self.carried = tuple(carried.split())
        self.function = function
        self.summary = summary

    @functools.cached_property
    def formula(self) -> str:
        """The formula without the indentation of the program that it stands in."""
        return textwrap.dedent(self._formula).strip()

    @functools.cached_property
    def numbers(self) -> str:
        """The numbers of an optimizer that come before the formula, without indentation."""
        return textwrap.dedent(self._numbers).strip()

    @functools.cached_property
    def parsed(self) -> Parsed:
        """The rule of an optimizer: numbers first, then the formula."""
        parser = _Parser(self.states, self.by_row, self.carried)
        return parser.parse(f"{self.numbers}\n{self.formula}")

    @functools.cached_property
    def program(self) -> Program:
        """The rule of an optimizer, ready to run."""
        from microlazy.core.optimizers import Program  # which imports this file

        return Program(self.parsed, self.states, self.by_row)

    @functools.cached_property
    def function_program(self) -> Program:
        """The rule of the function of `nd`, ready to run."""
        return self.with_formula(self.formula).program

    def with_formula(self, formula: str, numbers: str = "") -> Rule:
        """Return a rule of the same states with another formula.

        Examples
        --------
        >>> from microlazy.optimizer import Rule
        >>> Rule("weight -= grad", states="mom").with_formula("weight -= mom").states
        ('mom',)
        """
        states = " ".join(f"{name}=weight" if name in self.copies else name for name in self.states)
        carried = " ".join(self.carried)
        return Rule(formula, states=states, by_row=self.by_row, carried=carried, numbers=numbers)

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(self.with_formula, self.formula, self.numbers), ()


class _Operand(NamedTuple):
    place: int  # of a number; or of an array: the gradient, the weight, the states, the results
    is_number: bool = False


class _Parser:
    def __init__(self, states: Sequence[str], by_row: bool, carried: Sequence[str]):
        self.by_row = by_row
        in_memory = ("grad", "weight", *(() if by_row else states))
        self.arrays = {name: _Operand(i) for i, name in enumerate(in_memory)}
        self.names = dict(self.arrays)
        self.inputs: list[str] = []
        self.bounds: list[str] = []
        self.numbers: dict[tuple, int] = {}
        self.stages: list[int] = []
        self.constants: list[int] = []
        self.passes: list[list[Step]] = [[]]
        self.sums: list[list[tuple[int, int]]] = [[]]
        self.normals: list[list[int]] = [[]]
        self.results = 0
        self.tiles = 0
        self.row_states = tuple(states) if by_row else ()
        for i, name in enumerate(self.row_states):
            self.names[name] = self.number("state", i)
        self.carried = {name: self.input(name) for name in carried}
        self.names |= self.carried

    def parse(self, text: str) -> Parsed:
        try:
            for statement in ast.parse(text).body:
                self.assign(statement)
        except SyntaxError as error:
            raise ValueError(f"a rule is lines of Python; {error}") from None
        except (RecursionError, MemoryError, OverflowError) as error:
            raise ValueError(f"a rule is a few lines of arithmetic; {error}") from None
        if not any(result == 1 for steps in self.passes for *_, result in steps):
            raise ValueError("a rule must change `weight`")
        numbers = list(self.numbers)
        passes, arrays, kept = self.packed()
        return Parsed(
            tuple(self.inputs),
            tuple(self.bounds),
            tuple(numbers),
            tuple(self.stages),
            tuple(self.constants),
            passes,
            arrays,
            self.tiles,
            kept,
            tuple(self.names[name].place for name in self.row_states),
            tuple(
                (numbers[before.place][1], self.names[name].place)
                for name, before in self.carried.items()
            ),
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
        if name in (*self.row_states, *self.carried) and not operand.is_number:
            raise _refusal(statement, f"`{name}` is a number, not an array")
        if name in self.carried and self.stages[operand.place]:
            raise _refusal(statement, f"`{name}` cannot depend on the weight")
        is_copy = isinstance(value, ast.Name) or operand.is_number
        if name not in self.arrays:
            # An array may change later; the name keeps what it holds now.
            changes = not operand.is_number and operand.place < len(self.arrays)
            self.names[name] = self.step("copy", operand) if changes else operand
        elif is_copy:
            self.step("copy", operand, result=self.arrays[name].place)
        else:  # what the last step computed goes there
            steps = self.passes[-1]
            steps[-1] = (*steps[-1][:3], self.arrays[name].place)

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
        if name == "normal":
            return self.random(tree)
        if name in ("norm", "mean"):
            return self.reduced(tree, name, operands[0])
        if name == "clip" and operands[1].is_number:
            operands[1] = self.number("bound", operands[1].place)
        if all(each.is_number for each in operands):
            if name not in OF_NUMBERS:
                raise _refusal(tree, f"{name} needs an array")
            return self.number(name, *(each.place for each in operands))
        if name in ONLY_OF_NUMBERS or name == "clip" and not operands[1].is_number:
            raise _refusal(
                tree, "a power, a remainder, a ratio and the bound of a clip are of numbers"
            )
        return self.step(name, *operands)

    def random(self, tree: Any) -> _Operand:
        if self.by_row:
            raise _refusal(tree, "a rule by row has no random numbers")
        self.tiles += 1
        self.normals[-1].append(FAR + self.tiles - 1)
        return self.step("copy", _Operand(FAR + self.tiles - 1))

    def reduced(self, tree: Any, name: str, operand: _Operand) -> _Operand:
        if operand.is_number:
            raise _refusal(tree, f"{name} needs an array")
        self.tiles += 1
        tile = FAR + self.tiles - 1
        if name == "norm":
            self.step("multiply", operand, operand, result=tile)
        else:
            self.step("copy", operand, result=tile)
        total = self.number("sum", self.tiles)
        self.sums[-1].append((tile, total.place))
        if name == "norm":
            return self.number("sqrt", total.place)
        return self.number("divide", total.place, self.number("size").place)

    def input(self, name: str) -> _Operand:
        if name in ("lr", "wd", "t", "mark"):
            return self.number(name)
        self.inputs.append(name)
        return self.number("input", len(self.inputs) - 1)

    def number(self, name: str, *places: Any) -> _Operand:
        entry = (name, *places)
        if entry not in self.numbers:
            stages = [0]
            if name == "sum":
                stages = [len(self.passes)]
            elif name not in ("input", "literal", "state"):
                stages += [self.stages[place] for place in places]
            self.numbers[entry] = len(self.numbers)
            self.stages.append(max(stages))
        return _Operand(self.numbers[entry], is_number=True)

    def step(self, name: str, *operands: _Operand, result: int | None = None) -> _Operand:
        if any(each.is_number and self.stages[each.place] == len(self.passes) for each in operands):
            self.passes.append([])
            self.sums.append([])
            self.normals.append([])
        places = []
        for each in operands:
            if each.is_number and each.place not in self.constants:
                self.constants.append(each.place)
            places.append(-1 - self.constants.index(each.place) if each.is_number else each.place)
        if result is None:
            result = len(self.arrays) + self.results
            self.results += 1
        self.passes[-1].append((name, places[0], places[-1], result))
        return _Operand(result)

    def packed(self) -> tuple[tuple[Pass, ...], int, int]:
        """Give places to results that a later pass reads, and to tiles; few to all others."""
        base = len(self.arrays)
        made = {result: i for i, steps in enumerate(self.passes) for *_, result in steps}
        kept = {
            place: i
            for i, place in enumerate(
                dict.fromkeys(
                    place
                    for i, steps in enumerate(self.passes)
                    for _, *operands, _ in steps
                    for place in operands
                    if base <= place < FAR and made[place] < i
                )
            )
        }
        arrays, passes = base + len(kept), []
        end = arrays + self.tiles

        def moved(place: int) -> int:
            if place < base:
                return place
            if place >= FAR:
                return place - FAR + arrays
            return kept[place] + base if place in kept else place - base + end

        for i, steps in enumerate(self.passes):
            new = [(name, moved(a), moved(b), moved(result)) for name, a, b, result in steps]
            sums = tuple((moved(tile), number) for tile, number in self.sums[i])
            normals = tuple(map(moved, self.normals[i]))
            passes.append(Pass(_with_few_registers(new, end), sums, normals))
        return tuple(passes), arrays, len(kept)


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


def _with_few_registers(steps: list[Step], arrays: int) -> tuple[Step, ...]:
    """Give each result a place that no later step reads; numbers from `arrays` on, few of them."""
    last_read = {place: i for i, (_, *operands, _) in enumerate(steps) for place in operands}
    free: list[int] = []
    places: dict[int, int] = {}
    packed: list[Step] = []
    for i, (name, a, b, result) in enumerate(steps):
        a_now, b_now = places.get(a, a), places.get(b, b)
        free += {places[place] for place in (a, b) if place in places and last_read[place] == i}
        if result >= arrays:
            places[result] = free.pop() if free else arrays + len(set(places.values()))
        packed.append((name, a_now, b_now, places.get(result, result)))
    return tuple(packed)
