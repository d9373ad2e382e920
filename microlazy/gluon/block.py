"""Blocks: a layer or a network, as a tree of parameters and child blocks."""

from __future__ import annotations

import re
import threading
import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from os import PathLike, fspath
from typing import Any

from .. import ndarray as nd
from .. import params_file as serialization
from ..base import AbstractValueError, MXNetError
from ..context import Context
from ..core.plan import CachedPlan
from ..core.tensor import Tensor
from ..core.trace import is_tracing
from ..initializer import ArgumentError, Initializer
from . import parameter as parameters
from .dry_run import dry_run, explained, shapes_of
from .explain import Explanation
from .infer import infer_from_use
from .naming import NameScope, name_block
from .parameter import Parameter, ParameterDict
from .summary import summarize
from .utils import HookHandle, _brief_print_list, _indent

__all__ = ["Block", "HybridBlock", "SymbolBlock"]

# What finding the sizes of a parameter and initializing it changes.
_FOUND = ("_shape", "_source", "_data", "_deferred_init", "_used_init")


class _Calls(threading.local):
    """Per thread: parameters finished by the outermost first call, as they were before."""

    journal: dict[Parameter, list[Any]] | None = None


_calls = _Calls()


class Block:
    """The base class of layers and networks.

    A subclass makes its parameters and child blocks in `__init__`, as plain attributes, and
    computes in `forward`.  Children made within ``with self.name_scope():`` are named after
    their parent.

    Parameters
    ----------
    prefix : str or None
        The beginning of the names of all parameters below.  By default it is chosen: the class
        name in lower case and a number.  ``''`` leaves the names of children as they are.
    params : ParameterDict or None
        Parameters to share: those of another block, whose names are then used.

    Raises
    ------
    TypeError
        When an attribute that holds a block or parameter is set to another type.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> class Twice(gluon.Block):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         with self.name_scope():
    ...             self.layer = gluon.nn.Dense(3)
    ...     def forward(self, x):
    ...         return 2 * self.layer(x)
    >>> net = Twice(prefix="twice_")
    >>> net.initialize()
    >>> net(nd.ones((5, 4))).shape
    (5, 3)
    >>> list(net.collect_params())
    ['twice_dense0_weight', 'twice_dense0_bias']
    """

    def __init__(self, prefix: str | None = None, params: ParameterDict | None = None) -> None:
        self._use_dict(dict(self.__dict__))
        self._empty_prefix = prefix == ""
        self._prefix, self._params = name_block(prefix, params, self._alias())
        self._name = self._prefix.removesuffix("_")
        self._names: Counter[str] = Counter()
        self._children: dict[str, Block] = {}
        self._reg_params: dict[str, Parameter] = {}
        self._forward_hooks: dict[int, Callable[..., None]] = {}
        self._forward_pre_hooks: dict[int, Callable[..., None]] = {}
        self._parents: list[weakref.ref[Block]] = []
        self._has_run = False
        # True while calling the block is nothing but calling `forward`.
        self._plain = False

    def __repr__(self) -> str:
        return self._show(
            (name, value) for name, value in self.__dict__.items() if isinstance(value, Block)
        )

    def _show(self, children: Iterator[tuple[str, Block]]) -> str:
        lines = "\n".join(f"  ({name}): {_indent(repr(child), 2)}" for name, child in children)
        return f"{type(self).__name__}(\n{lines}\n)"

    def __setattr__(self, name: str, value: Any) -> None:
        existing = self.__dict__.get(name)
        if isinstance(existing, Parameter | Block) and not isinstance(value, type(existing)):
            raise TypeError(
                f"Changing attribute type for {name} from {type(existing)} to {type(value)} "
                "is not allowed."
            )
        if isinstance(value, Block):
            self._check_constructed(name)
            self.register_child(value, name)
        elif isinstance(value, Parameter):
            self._check_constructed(name)
            if name in self._reg_params:
                raise ArgumentError(
                    f"Overriding Parameter attribute {name} is not allowed. To share parameters "
                    "between blocks, give params= when the block is made; to change the values "
                    "use set_data()."
                )
            self._reg_params[name] = value
            self._adopt(value)
            self._changed()
        elif name == "forward":
            self._changed()
        super().__setattr__(name, value)

    def _check_constructed(self, name: str) -> None:
        if "_children" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}.__init__ must call super().__init__() before it sets "
                f"'{name}'"
            )

    def _own(self) -> dict[Parameter, None]:
        """The block's own parameters, each once, those made by hand too."""
        return dict.fromkeys((*self._params.values(), *self._reg_params.values()))

    def _adopt(self, parameter: Parameter) -> None:
        """Let the parameter know its layer; a shared one keeps the first."""
        if parameter._block is None or parameter._block() is None:
            parameter._block = weakref.ref(self)

    def _use_dict(self, attributes: dict[str, Any]) -> None:
        """Keep the attributes in a dictionary of the block's own.

        CPython lays attributes out inline until somebody looks at `__dict__`, as printing does.
        From then on reading one costs three times as much, unless the dictionary is replaced.
        """
        super().__setattr__("__dict__", attributes)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_parents": [], "_plain": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        parents = self.__dict__.get("_parents", [])
        self._use_dict(state | {"_parents": parents})
        for child in self._children.values():
            child.__dict__.setdefault("_parents", []).append(weakref.ref(self))
        for parameter in self._reg_params.values():
            self._adopt(parameter)

    def _changed(self) -> None:
        """Forget what was prepared for calling this block and all that contain it."""
        self._plain = False
        for reference in self._parents:
            parent = reference()
            if parent is not None:
                parent._changed()

    def _path(self) -> str:
        """Where the block sits in its network, such as 'features.0'; '' for the outermost."""
        for reference in self._parents:
            parent = reference()
            if parent is None:
                continue
            for name, child in parent._children.items():
                if child is self:
                    outer = parent._path()
                    return f"{outer}.{name}" if outer else name
        return ""

    def _root(self) -> Block:
        """The outermost block that contains this one."""
        for reference in self._parents:
            parent = reference()
            if parent is not None and any(child is self for child in parent._children.values()):
                return parent._root()
        return self

    def _layer(self) -> str:
        """The block in one line."""
        text = repr(self)
        return f"{type(self).__name__}(...)" if "\n" in text else text

    def _where(self) -> str:
        """The block as errors name it: its name, its path, and what it is."""
        path = self._path()
        where = f"{self.name}, '{path}'" if path else f"'{self.name}'"
        return f"{where} {self._layer()}"

    def _alias(self) -> str:
        return type(self).__name__.lower()

    @property
    def prefix(self) -> str:
        """The beginning of the names of all parameters below.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> nn.Dense(3, prefix="out_").prefix
        'out_'
        """
        return self._prefix

    @property
    def name(self) -> str:
        """The prefix without its last underscore.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> nn.Dense(3, prefix="out_").name
        'out'
        """
        return self._name

    @property
    def params(self) -> ParameterDict:
        """The block's own parameters, without those of its children.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> list(nn.Dense(3, prefix="out_").params)
        ['out_weight', 'out_bias']
        """
        return self._params

    def name_scope(self) -> NameScope:
        """A context manager in which new blocks and parameters are named after this block.

        Returns
        -------
        NameScope
            To be used in a ``with`` statement.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> net = nn.Sequential(prefix="net_")
        >>> with net.name_scope():
        ...     net.add(nn.Dense(3))
        >>> net[0].name
        'net_dense0'
        """
        return NameScope(self)

    def collect_params(self, select: str | None = None) -> ParameterDict:
        """The parameters of this block and of all blocks below.

        Parameters
        ----------
        select : str or None
            A regular expression; only parameters whose name it matches from the start on.

        Returns
        -------
        ParameterDict
            Names to parameters: a block's own first, then those of its children in order.

        Warns
        -----
        UserWarning
            If a list, tuple or dict attribute holds blocks that are not registered.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> list(nn.Dense(3, prefix="out_").collect_params(".*bias"))
        ['out_bias']
        """
        self._warn_of_hidden_blocks()
        found = ParameterDict(self._params.prefix)
        pattern = re.compile(select or "")
        found.update({name: p for name, p in self._params.items() if pattern.match(name)})
        for child in self._children.values():
            found.update(child.collect_params(select))
        return found

    def _warn_of_hidden_blocks(self) -> None:
        """Warn of blocks that sit in a container where registration does not see them."""
        registered = set(self._children.values())
        for name, value in self.__dict__.items():
            if (
                isinstance(value, list | tuple | dict)
                and name != "_children"
                and _hides_blocks(value, registered)
            ):
                warnings.warn(
                    f'"{type(self).__name__}.{name}" is an unregistered container with Blocks. '
                    "Their parameters are not collected, initialized or saved: put them into "
                    "nn.Sequential or nn.HybridSequential, or call register_child().",
                    stacklevel=3,
                )

    def _collect_params_with_prefix(self, prefix: str = "") -> dict[str, Parameter]:
        """All parameters below by path, such as '0.weight'; a shared one has several paths."""
        found = {prefix + name: p for name, p in self._reg_params.items()}
        for name, child in self._children.items():
            found.update(child._collect_params_with_prefix(f"{prefix}{name}."))
        return found

    def save_parameters(self, filename: str | PathLike[str], deduplicate: bool = False) -> None:
        """Save the values of all parameters to a file, by path in the network.

        The file is in MXNet's format and replaced as a whole or not at all.

        Parameters
        ----------
        filename : path
            Where to save.
        deduplicate : bool
            Save a shared parameter under its last path only, instead of under each.

        Warns
        -----
        UserWarning
            Naming the parameters that have no values yet and so are not in the file.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> from microlazy.gluon import nn
        >>> layer, other = nn.Dense(3, in_units=2), nn.Dense(3)
        >>> layer.initialize()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     layer.save_parameters(os.path.join(folder, "layer.params"))
        ...     other.load_parameters(os.path.join(folder, "layer.params"))
        >>> other
        Dense(2 -> 3, linear)
        """
        found = self._collect_params_with_prefix()
        if deduplicate:
            last = {p: path for path, p in found.items()}
            found = {path: p for p, path in last.items()}
        live = {path: p for path, p in found.items() if p.state == "live"}
        if len(live) < len(found):
            warnings.warn(
                f"{filename} is saved without the parameters that have no values yet: "
                f"{_brief_print_list(found.keys() - live.keys())}. Pass one batch of data through "
                "the network first, or use dry_run().",
                stacklevel=2,
            )
        serialization.save(filename, {path: p._reduce() for path, p in live.items()})

    def load_parameters(
        self,
        filename: str | PathLike[str],
        ctx: Context | list[Context] | None = None,
        allow_missing: bool = False,
        ignore_extra: bool = False,
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Load values that `save_parameters` saved; sizes that were not known are taken over.

        Files of MXNet, with paths (``0.weight``) or with whole names (``dense0_weight``), are
        read too.

        Parameters
        ----------
        filename : path
            What to load.
        ctx : Context or list of Context or None
            Where the parameters live.
        allow_missing : bool
            Accept a file that lacks some parameters; these stay as they are.
        ignore_extra : bool
            Accept a file that holds more than this block has.
        cast_dtype : bool
            Accept values of another dtype.
        dtype_source : {'current', 'saved'}
            With `cast_dtype`, whose dtype counts.

        Raises
        ------
        AssertionError
            If a parameter is missing, or its shape or dtype differs.
        ValueError
            If the file holds what this block has not.
        MXNetError
            If the file cannot be read or is damaged.  After any error the block is as before.

        Examples
        --------
        >>> import os, tempfile
        >>> from microlazy.gluon import nn
        >>> layer, other = nn.Dense(3, in_units=2), nn.Dense(3, in_units=4)
        >>> layer.initialize()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     layer.save_parameters(os.path.join(folder, "layer.params"))
        ...     try:
        ...         other.load_parameters(os.path.join(folder, "layer.params"))
        ...     except ValueError:
        ...         print("does not fit")
        does not fit
        """
        loaded = serialization.load(filename) or {}
        if not isinstance(loaded, dict):
            raise ArgumentError(f"{filename} holds arrays without names, so they fit no parameter")
        options = (ctx, allow_missing, ignore_extra)
        found = self._collect_params_with_prefix()
        if any("." in name for name in loaded) or loaded.keys() & found.keys():
            parameters.load_arrays(
                found, loaded, f"file: {filename}", *options, cast_dtype, dtype_source
            )
            return
        by_name = self.collect_params()
        whole = by_name.keys() & {name.removeprefix("arg:") for name in loaded}
        prefix = "" if whole else self.prefix
        by_name.load_dict(loaded, *options, prefix, str(filename), cast_dtype, dtype_source)

    def save_params(self, filename: str | PathLike[str]) -> None:
        """Save parameters by name (deprecated: use `save_parameters`).

        Parameters
        ----------
        filename : path
            Where to save.

        Warns
        -----
        UserWarning
            Always.

        Examples
        --------
        >>> import os, tempfile, warnings
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3, in_units=2)
        >>> layer.initialize()
        >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     layer.save_params(os.path.join(folder, "layer.params"))
        """
        warnings.warn("save_params is deprecated. Please use save_parameters.", stacklevel=2)
        self.collect_params().save(fspath(filename), strip_prefix=self.prefix)

    def load_params(
        self,
        filename: str | PathLike[str],
        ctx: Context | list[Context] | None = None,
        allow_missing: bool = False,
        ignore_extra: bool = False,
    ) -> None:
        """Load parameters (deprecated: use `load_parameters`).

        Parameters
        ----------
        filename, ctx, allow_missing, ignore_extra
            As in `load_parameters`.

        Warns
        -----
        UserWarning
            Always.

        Examples
        --------
        >>> import os, tempfile, warnings
        >>> from microlazy.gluon import nn
        >>> layer, other = nn.Dense(3, in_units=2), nn.Dense(3)
        >>> layer.initialize()
        >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     layer.save_parameters(os.path.join(folder, "layer.params"))
        ...     other.load_params(os.path.join(folder, "layer.params"))
        """
        warnings.warn("load_params is deprecated. Please use load_parameters.", stacklevel=2)
        self.load_parameters(filename, ctx, allow_missing, ignore_extra)

    def register_child(self, block: Block, name: str | None = None) -> None:
        """Make `block` a child; setting it as an attribute does the same.

        Parameters
        ----------
        block : Block
            The child.
        name : str or None
            Its name in paths; by default the number of children so far.

        Raises
        ------
        TypeError
            If `block` is not a block.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.Block()
        >>> net.register_child(gluon.nn.Dense(3), "head")
        >>> list(net._collect_params_with_prefix())
        ['head.weight', 'head.bias']
        """
        if not isinstance(block, Block):
            raise TypeError(f"A child of {self.name} must be a Block, but got {block!r}")
        self._children[str(len(self._children)) if name is None else name] = block
        block._parents.append(weakref.ref(self))
        self._changed()

    def register_forward_pre_hook(self, hook: Callable[[Block, tuple], None]) -> HookHandle:
        """Have ``hook(block, inputs)`` called before each forward.

        Parameters
        ----------
        hook : callable
            Gets the block and the tuple of its inputs; what it returns is ignored.

        Returns
        -------
        HookHandle
            Whose `detach()` removes the hook.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> layer = gluon.nn.Flatten()
        >>> handle = layer.register_forward_pre_hook(lambda block, inputs: print(len(inputs)))
        >>> _ = layer(nd.ones((2, 3)))
        1
        """
        return HookHandle(self._forward_pre_hooks, hook, self._changed)

    def register_forward_hook(self, hook: Callable[[Block, tuple, Any], None]) -> HookHandle:
        """Have ``hook(block, inputs, outputs)`` called after each forward.

        Parameters
        ----------
        hook : callable
            Gets the block, the tuple of its inputs and its output; what it returns is ignored.

        Returns
        -------
        HookHandle
            Whose `detach()` removes the hook.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> layer = gluon.nn.Flatten()
        >>> handle = layer.register_forward_hook(lambda block, inputs, out: print(out.shape))
        >>> _ = layer(nd.ones((2, 3, 4)))
        (2, 12)
        """
        return HookHandle(self._forward_hooks, hook, self._changed)

    def apply(self, fn: Callable[[Block], Any]) -> Block:
        """Call ``fn(block)`` for every block below, children first, and for this block last.

        Parameters
        ----------
        fn : callable
            What to call.

        Returns
        -------
        Block
            This block.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> _ = nn.Dense(3, activation="relu").apply(lambda block: print(type(block).__name__))
        Activation
        Dense
        """
        for child in self._children.values():
            child.apply(fn)
        fn(self)
        return self

    def initialize(
        self,
        init: Initializer | str | None = None,
        ctx: Context | list[Context] | None = None,
        verbose: bool = False,
        force_reinit: bool = False,
    ) -> None:
        """Initialize all parameters below; those of unknown size follow once it is found.

        Parameters
        ----------
        init : Initializer or str or None
            For the parameters that have no initializer of their own; by default
            ``Uniform(0.07)``.
        ctx : Context or list of Context or None
            Where the parameters live.
        verbose : bool
            Print what each initializer did.
        force_reinit : bool
            Initialize live parameters again.

        Warns
        -----
        UserWarning
            For each live parameter that is left as it is.

        Examples
        --------
        >>> from microlazy import init
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(1, in_units=2)
        >>> layer.initialize(init.One())
        >>> print(layer.weight.data().asnumpy())
        [[1. 1.]]
        """
        self.collect_params().initialize(init, ctx, verbose, force_reinit)

    def hybridize(self, active: bool = True, *args: Any, **options: Any) -> None:
        """Pass on to the children; a plain Block itself always runs eagerly.

        Parameters
        ----------
        active : bool
            Whether the hybrid blocks below run from a plan.
        **options
            As in `HybridBlock.hybridize`.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.Block()
        >>> net.head = gluon.nn.Dense(3)
        >>> net.hybridize()
        """
        for child in self._children.values():
            child.hybridize(active, **options)

    def cast(self, dtype: Any) -> None:
        """Change the dtype of all parameters below, their values included.

        Parameters
        ----------
        dtype : str or numpy.dtype
            The new dtype.

        Raises
        ------
        TypeError
            If there is no such dtype.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3, in_units=2)
        >>> layer.cast("float64")
        >>> layer.weight
        Parameter dense0_weight (shape=(3, 2), dtype=float64)
        """
        for child in self._children.values():
            child.cast(dtype)
        for parameter in self._own():
            parameter.cast(dtype)
        self._changed()

    def __call__(self, *args: Any) -> Any:
        if self._plain:
            return self.forward(*args)
        return self._call(args)

    def _call(self, args: tuple[Any, ...]) -> Any:
        """Call a block that is not plain: it runs for the first time, or has hooks.

        When the input is refused, parameters that got their sizes from it are put back, so that
        a wrong first batch spoils nothing.
        """
        if _calls.journal is not None:
            return self._run(args)
        journal: dict[Any, Any] = {}
        _calls.journal = journal
        try:
            return self._run(args)
        except (MXNetError, ValueError, TypeError):
            with parameters._lock:
                for parameter, before in journal.items():
                    for name, value in zip(_FOUND, before, strict=True):
                        setattr(parameter, name, value)
                    parameters.generation += 1
            raise
        finally:
            _calls.journal = None

    def _run(self, args: tuple[Any, ...]) -> Any:
        for hook in list(self._forward_pre_hooks.values()):
            hook(self, args)
        out = self.forward(*args)
        for hook in list(self._forward_hooks.values()):
            hook(self, args, out)
        self._has_run = True
        self._plain = self._may_be_plain()
        return out

    def _may_be_plain(self) -> bool:
        hooks = self._forward_hooks or self._forward_pre_hooks
        return not hooks and "forward" not in self.__dict__

    def _is_hooked(self) -> bool:
        """Whether this block or any below has hooks."""
        return bool(self._forward_hooks or self._forward_pre_hooks) or any(
            child._is_hooked() for child in self._children.values()
        )

    def forward(self, *args: Any) -> Any:
        """Compute the output; every subclass overrides this.

        Parameters
        ----------
        *args : Tensor
            The inputs.

        Returns
        -------
        Tensor or nested list of Tensor
            The outputs.

        Raises
        ------
        NotImplementedError
            If it is not overridden.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> class Twice(gluon.Block):
        ...     def forward(self, x):
        ...         return x * 2
        >>> print(Twice()(nd.array([1, 2])).asnumpy())
        [2. 4.]
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def dry_run(self, *inputs: Any, dtype: Any = "float32") -> Any:
        """Find every size and initialize every parameter from shapes alone, computing nothing.

        Parameters
        ----------
        *inputs : tuple of int, Tensor or None
            The shape of each input, or an array that has it.  A list or tuple of these is a
            nested input.
        dtype : str or numpy.dtype
            The dtype of inputs that are given as shapes.

        Returns
        -------
        tuple of int, or nested list or tuple
            The shape of the output, or of each output.

        Raises
        ------
        ShapeError
            If a size does not fit; no parameter is changed then.
        AbstractValueError
            If forward code looks at values, with the name of its block.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
        >>> net.initialize()
        >>> net.dry_run((2, 20))
        (2, 10)
        >>> net[0].weight.data().shape
        (256, 20)
        """
        return shapes_of(dry_run(self, inputs, dtype))

    def explain(self) -> Explanation:
        """Tell what is known of every parameter below.

        Returns
        -------
        Explanation
            Prints as a table: path, layer, shape with its unknown axes, why it is known or not,
            the initializer and the state.  Its `rows` hold the same.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> row = nn.Dense(3).explain().rows[0]
        >>> row.path, row.shape, row.state
        ('weight', '(3, ?)', 'declared')
        """
        return Explanation(self)

    def summary(self, *inputs: Any) -> None:
        """Print each layer's output shape and number of parameters, from a dry run.

        Parameters
        ----------
        *inputs : tuple of int, Tensor or None
            As in `dry_run`.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3)
        >>> layer.initialize()
        >>> layer.summary((2, 4))  # doctest: +ELLIPSIS
        ----...
                Layer (type)                                Output Shape         Param #
        ====...
                       Input                                      (2, 4)               0
                     Dense-1                                      (2, 3)              15
        ====...
        """
        print(summarize(self, inputs))


def _hides_blocks(value: Any, registered: set[Block]) -> bool:
    """Whether nested containers hold a block that is not registered."""
    if isinstance(value, Block):
        return value not in registered
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return False
    return any(_hides_blocks(part, registered) for part in value)


class HybridBlock(Block):
    """A block that can also run from a plan, without Python, after `hybridize()`.

    A subclass computes in ``hybrid_forward(self, F, x, ..., **parameters)``, where `F` is
    `microlazy.nd` and the block's own parameters come as arrays, or in ``forward(self, x)``.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        When a child is added that is not hybrid.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> class Scale(gluon.HybridBlock):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.factor = self.params.get("factor", shape=(1,), init="ones")
    ...     def hybrid_forward(self, F, x, factor):
    ...         return F.broadcast_mul(x, factor)
    >>> scale = Scale()
    >>> scale.initialize()
    >>> print(scale(nd.array([1, 2])).asnumpy())
    [1. 2.]
    """

    def __init__(self, prefix: str | None = None, params: ParameterDict | None = None) -> None:
        super().__init__(prefix, params)
        self._active = False
        self._plan: CachedPlan | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Whichever of the two a subclass overrides is the one that runs.
        if "hybrid_forward" in cls.__dict__ and "forward" not in cls.__dict__:
            cls.forward = HybridBlock.forward  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_plan": None}

    def _changed(self) -> None:
        self._plan = None
        super()._changed()

    def register_child(self, block: Block, name: str | None = None) -> None:
        """Make `block` a child; setting it as an attribute does the same.

        Parameters
        ----------
        block : HybridBlock
            The child.
        name : str or None
            Its name in paths; by default the number of children so far.

        Raises
        ------
        ValueError
            If `block` is a block but not hybrid.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.HybridBlock()
        >>> net.register_child(gluon.nn.Dense(3), "head")
        """
        if isinstance(block, Block) and not isinstance(block, HybridBlock):
            raise ValueError(
                "Children of HybridBlock must also be HybridBlock, but "
                f"{block!r} has type {type(block)}. If you are using Sequential, please try "
                "HybridSequential instead."
            )
        super().register_child(block, name)

    def hybridize(
        self,
        active: bool = True,
        backend: None = None,
        clear: bool = True,
        static_alloc: bool = False,
        static_shape: bool = False,
        inline_limit: int = 2,
        forward_bulk_size: int | None = None,
        backward_bulk_size: int | None = None,
    ) -> None:
        """Run from a plan that is made in the first call of each shape, dtype and mode.

        Parameters
        ----------
        active : bool
            Whether to do so; False goes back to running eagerly.
        backend : None
            There are no other backends.
        clear, static_alloc, static_shape, inline_limit, forward_bulk_size, backward_bulk_size
            Accepted for the sake of MXNet's code.  A plan always keeps its memory and shapes,
            and each call of `hybridize` makes a new one.

        Warns
        -----
        UserWarning
            If the block has hooks; it then runs eagerly.

        Raises
        ------
        ValueError
            If a backend is named.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3)
        >>> layer.initialize()
        >>> layer.hybridize()
        >>> layer(nd.ones((2, 4))).shape
        (2, 3)
        """
        if backend is not None:
            raise ValueError(f"hybridize(backend={backend!r}): microlazy has no other backends")
        self._active = active
        self._changed()
        if active and (self._forward_hooks or self._forward_pre_hooks):
            warnings.warn(
                f'"{self!r}" is being hybridized while still having forward hook/pre-hook. '
                "It runs eagerly until they are detached.",
                stacklevel=2,
            )
        super().hybridize(active)

    def __call__(self, *args: Any) -> Any:
        if self._plain:
            return self.forward(*args)
        plan = self._plan
        if plan is None:
            return self._call(args)
        try:
            return plan(*args)
        except AbstractValueError as error:
            raise explained(error, self) from error

    def _run(self, args: tuple[Any, ...]) -> Any:
        if not self._active or is_tracing() or self._is_hooked():
            return super()._run(args)
        # By a proxy, so that a network that nobody holds any more is freed at once.
        self._plan = CachedPlan(weakref.proxy(self), vars(parameters))
        try:
            return self(*args)
        except BaseException:
            self._plan = None
            raise

    def _forward_traced(self, *args: Any) -> Any:
        """What a plan records."""
        self._has_run = True
        return self.forward(*args)

    def _may_be_plain(self) -> bool:
        return not self._active and super()._may_be_plain()

    def forward(self, x: Tensor, *args: Any) -> Any:
        """Compute the output by `hybrid_forward`, unless a subclass overrides `forward`.

        Parameters
        ----------
        x : Tensor
            The first input.
        *args : Tensor
            Further inputs.

        Returns
        -------
        Tensor or nested list of Tensor
            The outputs.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> class Twice(gluon.HybridBlock):
        ...     def forward(self, x):
        ...         return x * 2
        >>> print(Twice()(nd.array([1, 2])).asnumpy())
        [2. 4.]
        """
        if not self._reg_params:
            return self.hybrid_forward(nd, x, *args)
        return self.hybrid_forward(nd, x, *args, **self._live(x, *args))

    def hybrid_forward(self, F: Any, x: Any, *args: Any, **parameters: Any) -> Any:
        """Compute the output with the functions of `F`; a subclass overrides this or `forward`.

        Parameters
        ----------
        F : module
            `microlazy.nd`, which has `F.np` and `F.npx` too.
        x : Tensor
            The first input.
        *args : Tensor
            Further inputs.
        **parameters : Tensor
            The block's own parameters by attribute name.

        Returns
        -------
        Tensor or nested list of Tensor
            The outputs.

        Raises
        ------
        NotImplementedError
            If neither is overridden.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> class Squash(gluon.HybridBlock):
        ...     def hybrid_forward(self, F, x):
        ...         return F.tanh(x)
        >>> print(Squash()(nd.array([0])).asnumpy())
        [0.]
        """
        raise NotImplementedError(
            f"{type(self).__name__} defines neither hybrid_forward() nor forward()"
        )

    def _live(self, *args: Any) -> dict[str, Tensor]:
        """The arrays of the block's own parameters, made now where that was deferred."""
        for p in self._reg_params.values():
            if p._data is None:
                self._finish(args)
                break
        return {name: p.data() for name, p in self._reg_params.items()}

    def _finish(self, args: tuple[Any, ...]) -> None:
        """Find the sizes of the block's own parameters and initialize them, once."""
        with parameters._lock:
            waiting = [p for p in self._own() if p.state == "deferred"]
            if not waiting:
                return
            if _calls.journal is not None:
                for p in waiting:
                    _calls.journal[p] = [getattr(p, name) for name in _FOUND]
            self._need_array(args[0])
            self.infer_shape(*args)
            for p in waiting:
                p._finish_deferred_init()

    def _need_array(self, x: Any) -> None:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{self._where()} takes an array of microlazy, but got {type(x).__name__}: make "
                "one with nd.array() or np.array()"
            )

    def infer_shape(self, *args: Any) -> None:
        """Find the unknown sizes of the block's own parameters from its inputs.

        This base method finds out by how `hybrid_forward` uses them: in FullyConnected, dot and
        matmul.  A block that needs another rule overrides it and sets ``parameter.shape``.

        Parameters
        ----------
        *args : Tensor
            The inputs, abstract or not; only shapes and dtypes are looked at.

        Raises
        ------
        ShapeError
            If a size cannot be found.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3)
        >>> layer.infer_shape(nd.ones((2, 5)))
        >>> layer.weight.shape
        (3, 5)
        """
        infer_from_use(self, args)

    def export(self, path: str, epoch: int = 0, remove_amp_cast: bool = True) -> None:
        """Refuse: exporting a graph is not part of this version.

        Parameters
        ----------
        path, epoch, remove_amp_cast
            As in MXNet.

        Raises
        ------
        NotImplementedError
            Always; the message says what to do.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> try:
        ...     nn.Dense(3).export("dense")
        ... except NotImplementedError:
        ...     print("refused")
        refused
        """
        raise NotImplementedError(
            "export() is not part of this version: save_parameters() saves the values, and the "
            "class of the network is its structure"
        )


class SymbolBlock(HybridBlock):
    """Refuse: microlazy has no symbols.

    Parameters
    ----------
    *args, **kwargs
        As in MXNet.

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> from microlazy import gluon
    >>> try:
    ...     gluon.SymbolBlock([], [])
    ... except NotImplementedError:
    ...     print("refused")
    refused
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "microlazy has no symbols, so no SymbolBlock: write the network as a HybridBlock and "
            "load its values with load_parameters()"
        )

    @staticmethod
    def imports(*args: Any, **kwargs: Any) -> SymbolBlock:
        """Refuse, as the constructor does.

        Parameters
        ----------
        *args, **kwargs
            As in MXNet.

        Raises
        ------
        NotImplementedError
            Always.

        Examples
        --------
        >>> from microlazy import gluon
        >>> try:
        ...     gluon.SymbolBlock.imports("net-symbol.json", ["data"])
        ... except NotImplementedError:
        ...     print("refused")
        refused
        """
        return SymbolBlock()
