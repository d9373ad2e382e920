"""Module: a description of a network, to which parameters come from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import wraps
from types import FunctionType
from typing import Any, ClassVar, Self, dataclass_transform

from .... import autograd
from ....core import trace
from ...faces import face_of
from .. import errors
from ..jax import random
from ..jax.gradients import abstract
from ..jax.tree_util import Tree, tree_leaves, tree_map
from ._scope import Filter, Run, Scope, by_layer


class _Running(threading.local):
    """Per thread: the module whose compact method runs, to which new modules belong."""

    module: Module | None = None


_running = _Running()


def compact(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method make its modules and parameters where it uses them.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> class Net(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, x):
    ...         x = nn.relu(nn.Dense(8)(x))
    ...         return nn.Dense(3)(x)
    >>> params = Net().init(jax.random.PRNGKey(0), jax.numpy.zeros((2, 4)))
    >>> list(params["params"])
    ['Dense_0', 'Dense_1']
    """
    method.is_compact = True  # type: ignore[attr-defined]
    return method


class Variable:
    """A variable of a module, such as a running mean.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> class Count(nn.Module):
    ...     @nn.compact
    ...     def __call__(self):
    ...         count = self.variable("counts", "calls", lambda: 0)
    ...         count.value += 1
    ...         return count.value
    >>> Count().apply({"counts": {"calls": 3}}, mutable=["counts"])
    (4, {'counts': {'calls': 4}})
    """

    def __init__(self, scope: Scope, collection: str, name: str) -> None:
        self._scope, self.collection, self.name = scope, collection, name

    @property
    def value(self) -> Any:
        """What it holds; it can be set if its collection is mutable."""
        return self._scope.get(self.collection, self.name)

    @value.setter
    def value(self, value: Any) -> None:
        self._scope.put(self.collection, self.name, value)


@dataclass_transform(field_specifiers=(field,))
class Module:
    """Base class of networks: a dataclass of what they are made with.

    A subclass makes its modules in `setup`, or in a method marked `compact`. It keeps no
    parameters: `init` returns them as a tree, and `apply` takes them.

    Parameters
    ----------
    name : str, optional
        The key of its parameters in the module around; by default made from the attribute or the
        class.

    Raises
    ------
    CallCompactUnboundModuleError
        When it is called outside of `init` and `apply`.
    SetAttributeFrozenModuleError
        When an attribute is set outside of `setup`, in `init` or `apply`.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> class Net(nn.Module):
    ...     units: int
    ...     def setup(self):
    ...         self.out = nn.Dense(self.units)
    ...     def __call__(self, x):
    ...         return self.out(x)
    >>> net = Net(units=3)
    >>> params = net.init(jax.random.PRNGKey(0), jax.numpy.zeros((2, 4)))
    >>> jax.tree_util.tree_map(lambda x: x.shape, params)
    {'params': {'out': {'bias': (3,), 'kernel': (4, 3)}}}
    >>> net.apply(params, jax.numpy.ones((2, 4))).shape
    (2, 3)
    """

    name: str | None = field(default=None, kw_only=True)

    _scope: ClassVar[Scope | None] = None
    _is_ready = False  # its fields are set
    _makes_nothing = True  # when it is set up and called: all its modules are fields
    _in_setup = False
    _was_set_up = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(cls, repr=False, unsafe_hash="__hash__" not in cls.__dict__)
        compact_ones = [m for m in vars(cls).values() if getattr(m, "is_compact", False)]
        if compact_ones or "setup" in cls.__dict__:
            cls._makes_nothing = False
        kept = {"setup", *(f.name for f in fields(cls))}  # type: ignore[arg-type]
        for key, member in list(vars(cls).items()):
            public = key == "__call__" or not key.startswith("_")
            if isinstance(member, FunctionType) and public and key not in kept:
                setattr(cls, key, cls._wrap(member))

    def __post_init__(self) -> None:
        self.__dict__["_is_ready"] = True
        around = _running.module
        if around is not None:
            around._adopt(self, self.name or around._next_name(type(self).__name__))

    def __setattr__(self, name: str, value: Any) -> None:
        if self._in_setup:
            value = self._bound_part(name, value)
        elif self._is_ready and self._scope is not None:
            raise errors.SetAttributeFrozenModuleError(
                f"Can't set {name}={value!r} for Module of type {type(self).__name__}: Module "
                "instance is frozen outside of setup method."
            )
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and self._scope is not None and not self._was_set_up:
            self._set_up()
            return getattr(self, name)
        raise AttributeError(
            f'"{type(self).__name__}" object has no attribute "{name}". If "{name}" is defined in '
            "'.setup()', remember these fields are only accessible from inside 'init' or 'apply'."
        )

    def __repr__(self) -> str:
        rows = [
            f"    {f.name} = {_indented(getattr(self, f.name))}\n"
            for f in fields(self)  # type: ignore[arg-type]
            if f.repr and f.name != "name"
        ]
        return f"{type(self).__name__}(\n    # attributes\n{''.join(rows)})"

    def setup(self) -> None:
        """Make modules as attributes; a subclass overrides this, or marks a method `compact`."""

    @staticmethod
    def _wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        """A public method as it is called."""
        return _bound_method(method)

    # ---- binding ---------------------------------------------------------------------------

    def _bound_to(self, scope: Scope) -> Self:
        """A copy that finds its variables at a place."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.pop("_spare", None)
        copy.__dict__["_scope"] = scope
        copy.__dict__["_counts"] = {}
        return copy

    def _adopt(self, module: Module, name: str) -> None:
        """Let a module that a compact method made be part of this one."""
        assert self._scope is not None
        module.__dict__["_scope"] = self._scope.child(name)
        module.__dict__["_counts"] = {}
        if module.name is None:
            module.__dict__["name"] = name

    def _next_name(self, kind: str) -> str:
        counts = self.__dict__["_counts"]
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        return f"{kind}_{number}"

    def _bound_part(self, name: str, value: Any) -> Any:
        """An attribute's value, with the modules in it bound to places in this one."""
        if isinstance(value, Module):
            if value._scope is not None:
                return value
            scope: Any = self._scope
            bound = scope.bound
            if id(value) not in bound:  # one module under two names has one set of parameters
                bound[id(value)] = (value, value._bound_to(scope.child(value.name or name)))
            return bound[id(value)][1]
        if isinstance(value, list | tuple) and any(isinstance(v, Module) for v in value):
            return type(value)(self._bound_part(f"{name}_{i}", v) for i, v in enumerate(value))
        if isinstance(value, dict) and any(isinstance(v, Module) for v in value.values()):
            return {k: self._bound_part(f"{name}_{k}", v) for k, v in value.items()}
        return value

    def _set_up(self) -> None:
        """Bind the modules among the fields, and run `setup`."""
        attributes = self.__dict__
        attributes["_was_set_up"] = True
        for f in fields(self):  # type: ignore[arg-type]
            attributes[f.name] = self._bound_part(f.name, attributes[f.name])
        if type(self).setup is not Module.setup:
            attributes["_in_setup"] = True
            before, _running.module = _running.module, None
            try:
                self.setup()
            finally:
                _running.module = before
                attributes["_in_setup"] = False

    def _bound_scope(self) -> Scope:
        if self._scope is None:
            raise errors.CallCompactUnboundModuleError()
        return self._scope

    # ---- running ---------------------------------------------------------------------------

    def init_with_output(
        self, rngs: Any, *args: Any, method: Any = None, **kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """As `init`, with the output's shape: an array that has no values."""
        outer = trace.is_tracing()
        run = Run({}, _words(rngs, "params"), True, True)
        out = self._dry_run(run, args, kwargs, method)
        if not outer and any(map(_has_no_values, tree_leaves(run.variables))):
            # The module computed a variable from others: that takes a run with values.
            run = Run({}, run.rngs, True, True)
            with autograd.pause(), face_of(None):
                self._run(run, args, kwargs, method)
        variables = Tree({name: run.variables[name] for name in sorted(run.variables)})
        return out, tree_map(abstract, variables) if outer else variables

    def init_order(self, rngs: Any, *args: Any, **kwargs: Any) -> list[tuple[str, ...]]:
        """The places of all variables that `init` makes, layer by layer in the order of the calls.

        Examples
        --------
        >>> from microlazy.dialects.flax import jax, linen as nn
        >>> net, x = nn.Sequential([nn.Dense(3)]), jax.numpy.zeros((2, 4))
        >>> net.init_order(jax.random.PRNGKey(0), x)
        [('params', 'layers_0', 'kernel'), ('params', 'layers_0', 'bias')]
        """
        run = Run({}, _words(rngs, "params"), True, True)
        self._dry_run(run, args, kwargs, None)
        return list(by_layer(run.variables))

    def _dry_run(self, run: Run, args: Any, kwargs: Any, method: Any) -> Any:
        """Run on shapes; the output has no values."""
        inputs, named = tree_map(abstract, args), tree_map(abstract, kwargs)
        with autograd.pause(), face_of(None), trace.tracing():
            return self._run(run, inputs, named, method)

    def init(self, rngs: Any, *args: Any, method: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Find all sizes by a run on shapes, and make all parameters.

        Parameters
        ----------
        rngs : key, or dict of str to key
            A key of `jax.random`; or one for ``'params'`` and others for what else draws.
        *args, **kwargs
            Arguments of the method; only shapes and dtypes of arrays are looked at.
        method : str or callable, optional
            Another method than `__call__`.

        Returns
        -------
        dict
            Collections of variables: ``'params'``, for batch normalization ``'batch_stats'`` ...

        Raises
        ------
        ShapeError
            If a size does not fit.
        AbstractValueError
            If the method looks at values of its inputs.
        """
        return self.init_with_output(rngs, *args, method=method, **kwargs)[1]

    def apply(
        self,
        variables: Mapping[str, Any],
        *args: Any,
        rngs: Any = None,
        mutable: Filter = False,
        method: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Compute the output with given variables.

        Parameters
        ----------
        variables : dict
            Collections as `init` returns them; none is changed.
        *args, **kwargs
            Arguments of the method.
        rngs : key, or dict of str to key, optional
            Keys for what draws, such as ``{'dropout': key}``.
        mutable : bool, str or list of str
            The collections that may change.
        method : str or callable, optional
            Another method than `__call__`.

        Returns
        -------
        output, or (output, dict)
            With `mutable`, the changed collections too.

        Raises
        ------
        ScopeParamShapeError
            If a parameter has another shape than the inputs ask for.
        ScopeCollectionNotFound, ScopeParamNotFoundError
            If a parameter is missing.
        ModifyScopeVariableError
            If a collection that is not mutable would change.
        InvalidRngError
            If a key is missing.
        """
        run = Run(variables, {} if rngs is None else _words(rngs, "params"), mutable)
        out = self._run(run, args, kwargs, method)
        return out if mutable is False else (out, Tree(run.mutated()))

    def _run(self, run: Run, args: Any, kwargs: Any, method: Any) -> Any:
        # Bound copies wait here for another run, without variables; None where a run makes modules.
        copies: Any = self.__dict__.get("_spare", self)
        if copies is self:
            copies = self.__dict__["_spare"] = [] if _is_fixed(self) else None
        bound = copies.pop() if copies else self._bound_to(Scope())
        before, _running.module = _running.module, None
        bound._scope.enter(run)  # type: ignore[union-attr]
        try:
            if method is None:
                out = bound(*args, **kwargs)  # type: ignore[operator]
            elif callable(method):
                out = method(bound, *args, **kwargs)
            else:
                out = getattr(bound, method)(*args, **kwargs)
        finally:
            _running.module = before
        if copies is not None:
            bound._scope.enter(None)  # type: ignore[union-attr]
            copies.append(bound)
        return out

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_spare", "_scope")}

    def bind(self, variables: Mapping[str, Any], rngs: Any = None, mutable: Filter = False) -> Self:
        """A copy that can be called, with given variables.

        Parameters
        ----------
        variables, rngs, mutable
            As in `apply`.

        Examples
        --------
        >>> from microlazy.dialects.flax import jax, linen as nn
        >>> x = jax.numpy.ones((2, 4))
        >>> params = nn.Dense(3).init(jax.random.PRNGKey(0), x)
        >>> nn.Dense(3).bind(params)(x).shape
        (2, 3)
        """
        run = Run(variables, {} if rngs is None else _words(rngs, "params"), mutable)
        return self._bound_to(Scope(run))

    def tabulate(
        self,
        rngs: Any,
        *args: Any,
        console_kwargs: Mapping[str, Any] | None = None,
        method: Any = None,
        **kwargs: Any,
    ) -> str:
        """A table of all modules, with shapes of inputs, outputs and parameters.

        Parameters
        ----------
        rngs, *args, method, **kwargs
            As in `init`.
        console_kwargs : dict, optional
            Accepted as in Flax; the table is as wide as it has to be.

        Examples
        --------
        >>> from microlazy.dialects.flax import jax, linen as nn
        >>> print(nn.Dense(3).tabulate(jax.random.PRNGKey(0), jax.numpy.zeros((2, 4))))
        ... # doctest: +ELLIPSIS
        <BLANKLINE>
                                      Dense Summary
        ...
        """
        from ._tabulate import table  # which few programs need

        run = Run({}, _words(rngs, "params"), True, True)
        run.rows = []
        self._dry_run(run, args, kwargs, method)
        return table(type(self).__name__, run)

    # ---- for a subclass --------------------------------------------------------------------

    def param(self, name: str, init_fn: Callable[..., Any], *init_args: Any) -> Any:
        """A parameter of the module itself, made by ``init_fn(key, *init_args)`` in `init`.

        Examples
        --------
        >>> from microlazy.dialects.flax import jax, linen as nn
        >>> class Scale(nn.Module):
        ...     @nn.compact
        ...     def __call__(self, x):
        ...         return x * self.param("scale", nn.initializers.ones, (x.shape[-1],))
        >>> Scale().init(jax.random.PRNGKey(0), jax.numpy.zeros((2, 3)))
        {'params': {'scale': array([1., 1., 1.])}}
        """
        scope = self._bound_scope()
        if scope.run.initializing and scope.get("params", name) is None:
            return scope.make(name, init_fn, init_args)
        value = scope.param(name)
        if init_args and isinstance(init_args[0], tuple) and value.shape != init_args[0]:
            scope.refuse_shape(name, init_args[0], value.shape)
        return value

    def variable(
        self, col: str, name: str, init_fn: Callable[..., Any] | None = None, *init_args: Any
    ) -> Variable:
        """A variable of a collection, made by ``init_fn(*init_args)`` if it is not there."""
        scope = self._bound_scope()
        if scope.get(col, name) is None and init_fn is not None:
            with trace.suspended():
                scope.put(col, name, init_fn(*init_args))
        return Variable(scope, col, name)

    def has_variable(self, col: str, name: str) -> bool:
        """Whether there is such a variable."""
        return self._bound_scope().get(col, name) is not None

    def make_rng(self, name: str = "params") -> Any:
        """A key of `jax.random` that nobody else gets."""
        return self._bound_scope().key(name)

    def has_rng(self, name: str) -> bool:
        """Whether a key was given for this purpose."""
        return name in self._bound_scope().run.rngs

    def is_initializing(self) -> bool:
        """Whether this is `init`."""
        return self._bound_scope().run.initializing

    def is_mutable_collection(self, col: str) -> bool:
        """Whether a collection may change."""
        return self._bound_scope().run.may_change(col)


def _bound_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that sets its module up before, and to which new modules belong meanwhile."""
    is_compact = getattr(method, "is_compact", False)

    @wraps(method)
    def call(self: Module, *args: Any, **kwargs: Any) -> Any:
        scope = self._scope
        if scope is None:
            if is_compact or type(self).setup is not Module.setup:
                raise errors.CallCompactUnboundModuleError()
            return method(self, *args, **kwargs)
        if not self._was_set_up:
            self._set_up()
        before = _running.module
        _running.module = self if is_compact else None
        rows = scope.run.rows
        row = None if rows is None or method.__name__ != "__call__" else Row(scope, self, args)
        if rows is not None and row is not None:
            rows.append(row)
        try:
            out = method(self, *args, **kwargs)
        finally:
            _running.module = before
        if row is not None:
            row.outputs = out
        return out

    return call


class Row:
    """A call of a module, for `tabulate`."""

    def __init__(self, scope: Scope, module: Module, inputs: tuple[Any, ...]) -> None:
        self.scope, self.kind, self.inputs = scope, type(module).__name__, inputs
        self.outputs: Any = None


def _is_fixed(part: Any) -> bool:
    """Whether a module makes no others when it runs, nor do those among its fields."""
    if isinstance(part, list | tuple):
        return all(map(_is_fixed, part))
    if isinstance(part, dict):
        return all(map(_is_fixed, part.values()))
    if not isinstance(part, Module):
        return True
    values = (getattr(part, f.name) for f in fields(part))  # type: ignore[arg-type]
    return type(part)._makes_nothing and all(map(_is_fixed, values))


def _has_no_values(leaf: Any) -> bool:
    return getattr(leaf, "is_abstract", False)


def _words(rngs: Any, purpose: str) -> dict[str, tuple[int, ...]]:
    if isinstance(rngs, Mapping):
        return {name: random.words(key) for name, key in rngs.items()}
    return {purpose: random.words(rngs)}


def _indented(value: Any) -> str:
    return repr(value).replace("\n", "\n    ")


dataclass(Module, repr=False, unsafe_hash=True)
