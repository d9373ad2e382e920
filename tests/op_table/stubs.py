"""What mypy is told of functions and methods that are made from tables.

These stubs have no module beside them: `np`, `npx` and `nd` import the functions of their `made`
where only a type checker looks, and the stub of the arrays inherits the methods.
"""

import inspect
import typing
from pathlib import Path
from typing import Any

from microlazy import nd, np
from microlazy.core.array import NDArray, ndarray
from microlazy.ops.elementwise import PAIRS, functions_of

from .inspect import find
from .table import NAMESPACES, public_functions

FOLDER = Path(__file__).parents[2] / "microlazy"
FACES = {"np": "numpy", "npx": "numpy_extension", "nd": "ndarray"}

HEAD = """# Made by `python -m tests.op_table`.

import collections.abc
import typing
from typing import Any, Literal, Protocol, Self, TypedDict, Unpack, overload

import numpy

import microlazy.context
import microlazy.core.array
import microlazy.core.tensor
from microlazy.core.array import NDArray, ndarray
"""

NP = """
class _Options(TypedDict, total=False):
    where: Any
    dtype: Any
    casting: str
    order: str
    subok: bool

class _One(Protocol):
    @overload
    def __call__(
        self,
        x: ndarray,
        out: ndarray | tuple[ndarray] | None = None,
        **options: Unpack[_Options],
    ) -> ndarray: ...
    @overload
    def __call__(self, x: float, out: None = None, **options: Unpack[_Options]) -> Any: ...

class _Two(Protocol):
    @overload
    def __call__(
        self,
        x1: ndarray,
        x2: ndarray | float,
        out: ndarray | tuple[ndarray] | None = None,
        **options: Unpack[_Options],
    ) -> ndarray: ...
    @overload
    def __call__(
        self,
        x1: float,
        x2: ndarray,
        out: ndarray | tuple[ndarray] | None = None,
        **options: Unpack[_Options],
    ) -> ndarray: ...
    @overload
    def __call__(
        self, x1: float, x2: float, out: None = None, **options: Unpack[_Options]
    ) -> Any: ...

class _OnePair(Protocol):
    def __call__(
        self, x: ndarray, out: tuple[ndarray, ndarray] | None = None
    ) -> tuple[ndarray, ndarray]: ...

class _TwoPair(Protocol):
    def __call__(
        self,
        x1: ndarray | float,
        x2: ndarray | float,
        out: tuple[ndarray, ndarray] | None = None,
    ) -> tuple[ndarray, ndarray]: ...
"""

ND = """
class _One(Protocol):
    def __call__(
        self,
        data: NDArray,
        out: NDArray | None = None,
        name: str | None = None,
        *,
        axis: Any = None,
        dtype: Any = None,
    ) -> NDArray: ...

class _Two(Protocol):
    @overload
    def __call__(
        self,
        lhs: NDArray,
        rhs: NDArray | float,
        out: NDArray | None = None,
        name: str | None = None,
        *,
        axis: Any = None,
        dtype: Any = None,
    ) -> NDArray: ...
    @overload
    def __call__(
        self,
        lhs: float,
        rhs: NDArray,
        out: NDArray | None = None,
        name: str | None = None,
        *,
        axis: Any = None,
        dtype: Any = None,
    ) -> NDArray: ...
    @overload
    def __call__(
        self, lhs: float, rhs: float, out: None = None, name: str | None = None
    ) -> Any: ...
"""


METHODS_OF = """
class Methods:
    \"\"\"Functions of the namespace that its arrays have as methods.\"\"\"

"""

ARRAYS = ("NDArray", "ndarray", "Array", "Tensor")
PLAIN = (bool, int, float, str, tuple, type(None))


def stubs() -> dict[Path, str]:
    """Return the text of each stub.

    Examples
    --------
    >>> from op_table.stubs import stubs
    >>> sorted(path.name for path in stubs())[-2:]
    ['methods_nd.pyi', 'methods_np.pyi']
    """
    texts = {}
    for namespace in NAMESPACES:
        kinds = ND if namespace == "nd" else NP
        texts[f"{FACES[namespace]}/made"] = "".join((HEAD, kinds, "\n", *_functions(namespace)))
    for name, cls, face in (("nd", NDArray, nd), ("np", ndarray, np)):
        methods = face.methods.METHODS
        lines = [
            "    " + _of_face(name, _line(key, methods[key], ARRAYS))
            for key in sorted(methods)
            if not hasattr(cls, key)
        ]
        texts[f"core/methods_{name}"] = HEAD + METHODS_OF + "".join(lines)
    return {FOLDER / f"{name}.pyi": text for name, text in texts.items()}


def _functions(namespace: str) -> list[str]:
    """The functions of a namespace that no `def` at the top of a file says."""
    table = functions_of(namespace)
    pairs = {name for row in PAIRS for name in getattr(row, namespace).split()}
    lines = []
    for full in public_functions(namespace):
        name, function = full.rpartition(".")[2], find(full)
        if name in table:
            second = list(inspect.signature(function).parameters)[1]
            inputs = "One" if second == "out" else "Two"
            lines.append(f"{name}: _{inputs}{'Pair' if name in pairs else ''}\n")
        elif hasattr(function, "__wrapped__") or _is_local(function):
            lines.append(_of_face(namespace, _line(name, function)))
    return lines


def _is_local(function: Any) -> bool:
    """Whether it was made in another function, as all compiled ones are."""
    if type(function).__name__ == "cython_function_or_method":
        return True
    return "<locals>" in getattr(getattr(function, "__code__", None), "co_qualname", "")


def _of_face(namespace: str, line: str) -> str:
    """In `nd`, what takes both kinds of arrays takes and gives NDArray."""
    if namespace != "nd":
        return line
    return line.replace("microlazy.core.tensor.Tensor", "NDArray")


class _Text(str):
    """Stands in a signature for an annotation or a default, and prints as it is."""

    __repr__ = str.__str__


def _line(name: str, function: Any, own: tuple[str, ...] = ()) -> str:
    """A `def`; with the names of the array types in `own` a method, which gives Self for them."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    options = getattr(function, "__kwdefaults__", None) or {}
    parameters += [  # such as out= and name=, which a decorator adds
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
        for key, value in options.items()
        if key not in signature.parameters
    ]
    hints = _hints(function)
    returned = hints.get("return", "Self" if own else "Any")
    if returned.rpartition(".")[2] in own:
        returned = "Self"
    texts = [
        parameter.replace(
            annotation=_Text(hints.get(parameter.name, "Any")), default=_default(parameter)
        )
        for parameter in sorted(parameters, key=lambda parameter: parameter.kind)
    ]
    if own:
        texts[0] = texts[0].replace(name="self", annotation=inspect.Parameter.empty)
    whole = inspect.Signature(texts, return_annotation=_Text(returned))
    return f"def {name}{whole}: ...\n"


def _default(parameter: inspect.Parameter) -> Any:
    known = parameter.default is parameter.empty or type(parameter.default) in PLAIN
    return parameter.default if known else _Text("...")


def _hints(function: Any) -> dict[str, str]:
    """The annotations as texts; none for what has no name outside its module."""
    plain = inspect.unwrap(function)
    found = typing.get_type_hints(plain) if hasattr(plain, "__annotations__") else {}
    texts = {name: inspect.formatannotation(hint) for name, hint in found.items()}
    return {
        name: "None" if text == "NoneType" else text.replace("microlazy.core.array.", "")
        for name, text in texts.items()
        if "~" not in text and "<" not in text
    }
