"""ParameterDict: parameters by name, shared between layers, saved and loaded together."""

from __future__ import annotations

import warnings
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, cast

import numpy

from ... import ndarray as nd
from ...context import Context
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Uniform, create
from .constant import Constant
from .loading import load_arrays
from .parameter import Parameter, to_numpy
from .shapes import merged, normal_shape

_SETTABLE = ("grad_req", "shape", "dtype", "lr_mult", "wd_mult", "init")
_ONLY_WHEN_MADE = ("allow_deferred_init", "differentiable", "stype", "grad_stype")


def _merge(key: str, stored: Any, desired: Any, name: str) -> Any:
    """What holds when a parameter that exists is asked for with `desired`; None if they clash."""
    if key == "shape":
        return merged(normal_shape(stored, name), normal_shape(desired, name))
    if stored is None:
        return desired
    same = numpy.dtype(stored) == numpy.dtype(desired) if key == "dtype" else stored == desired
    return stored if same else None


class ParameterDict:
    """Parameters by name, in the order in which they were made.

    Parameters
    ----------
    prefix : str, default ""
        Put before the names of the parameters that :meth:`get` makes.
    shared : ParameterDict, optional
        Where :meth:`get` looks before it makes a new parameter.

    Examples
    --------
    >>> import microlazy as mx
    >>> params = mx.gluon.ParameterDict("dense0_")
    >>> params.get("weight", shape=(2, 3))
    Parameter dense0_weight (shape=(2, 3), dtype=<class 'numpy.float32'>)
    >>> print(params)
    dense0_ (
      Parameter dense0_weight (shape=(2, 3), dtype=<class 'numpy.float32'>)
    )
    """

    def __init__(self, prefix: str = "", shared: ParameterDict | None = None) -> None:
        self._prefix = prefix
        self._params: dict[str, Parameter] = {}
        self._shared = shared

    def __repr__(self) -> str:
        name = f"{self._prefix} " if self._prefix else ""
        rows = "\n".join(f"  {param!r}" for param in self.values())
        return f"{name}(\n{rows}\n)"

    def _repr_html_(self) -> str:
        from ..utils import _html_table  # seldom needed

        rows = [(name, *param._facts().values()) for name, param in self.items()]
        head = ("name", "shape", "dtype", "grad_req", "state")
        return _html_table(f"Parameters {self._prefix}".rstrip(), head, rows)

    def __getitem__(self, key: str) -> Parameter:
        return self._params[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def items(self) -> ItemsView[str, Parameter]:
        """Return the names with their parameters."""
        return self._params.items()

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._params.keys()

    def values(self) -> ValuesView[Parameter]:
        """Return the parameters."""
        return self._params.values()

    @property
    def prefix(self) -> str:
        """What is put before the names of new parameters."""
        return self._prefix

    def for_child(self, prefix: str) -> ParameterDict:
        """Make an empty dictionary for a block inside of this one's: its names are longer."""
        return ParameterDict(self._prefix + prefix, self._shared)

    def replace(self, parameter: Parameter, other: Parameter) -> None:
        """Hold another parameter in the place of one that is held, under the other's name."""
        self._params = {
            (other.name if held is parameter else name): other if held is parameter else held
            for name, held in self._params.items()
        }

    def discard(self, parameter: Parameter) -> None:
        """Know a parameter no more; nothing if it was not known.

        Examples
        --------
        >>> import microlazy as mx
        >>> params = mx.gluon.ParameterDict()
        >>> params.discard(params.get("weight", shape=(2,)))
        >>> list(params)
        []
        """
        if self._params.get(parameter.name) is parameter:
            del self._params[parameter.name]

    def _find(self, name: str) -> Parameter | None:
        if name not in self._params and self._shared is not None and name in self._shared._params:
            self._params[name] = self._shared._params[name]
        return self._params.get(name)

    def get(self, name: str, **kwargs: Any) -> Parameter:
        """Return the parameter called ``prefix + name``, here or in `shared`, or make it.

        Parameters
        ----------
        name : str
            Name without the prefix.
        **kwargs
            Arguments of :class:`Parameter`. One that exists must agree with them; sizes unknown
            on one side are taken from the other.

        Raises
        ------
        ArgumentError
            If an existing parameter does not agree.
        TypeError
            If a keyword is no argument of :class:`Parameter`.

        Examples
        --------
        >>> import microlazy as mx
        >>> params = mx.gluon.ParameterDict("dense0_")
        >>> weight = params.get("weight", shape=(2, 0))
        >>> params.get("weight", shape=(2, 3)) is weight
        True
        >>> weight.shape
        (2, 3)
        """
        name = self.prefix + name
        param = self._find(name)
        if param is None:
            param = self._params[name] = Parameter(name, **kwargs)
            return param
        changes = {}
        for key, desired in kwargs.items():
            if key not in _SETTABLE + _ONLY_WHEN_MADE:
                raise TypeError(f"Parameter has no argument '{key}'")
            if key in _ONLY_WHEN_MADE or desired is None:
                continue
            stored = getattr(param, key)
            merged = _merge(key, stored, desired, name)
            if merged is None:
                raise ArgumentError(
                    f"Cannot retrieve Parameter '{name}' because desired attribute does not match "
                    f"with stored for attribute '{key}': desired '{desired}' vs stored '{stored}'."
                )
            if merged is not stored:
                changes[key] = merged
        for key, value in changes.items():
            setattr(param, key, value)
        return param

    def get_constant(self, name: str, value: Any = None) -> Constant:
        """Return the constant called ``prefix + name``, here or in `shared`, or make it.

        Parameters
        ----------
        name : str
            Name without the prefix.
        value : array-like, optional
            The values; a constant that exists must have the same.

        Raises
        ------
        KeyError
            If there is none and no `value` to make one.
        ArgumentError
            If one exists and is no constant, or has other values.

        Examples
        --------
        >>> import microlazy as mx
        >>> params = mx.gluon.ParameterDict("net_")
        >>> params.get_constant("scale", [1, 2])
        Constant net_scale (shape=(2,), dtype=<class 'numpy.float32'>)
        """
        name = self.prefix + name
        param = self._find(name)
        if param is None:
            if value is None:
                raise KeyError(
                    f"No constant named '{name}'. Please specify value if you want to create a "
                    "new constant."
                )
            param = self._params[name] = Constant(name, value)
        elif value is not None:
            if not isinstance(param, Constant):
                raise ArgumentError(f"Parameter '{name}' already exists but it is not a constant.")
            if not numpy.array_equal(param.value.asnumpy(), to_numpy(value)):
                raise ArgumentError(
                    f"Constant '{name}' already exists but its value doesn't match new value"
                )
        return cast(Constant, param)

    def update(self, other: ParameterDict | Mapping[str, Parameter]) -> None:
        """Take in all parameters of `other`.

        Raises
        ------
        ArgumentError
            If both have different parameters of one name; then nothing is taken.

        Examples
        --------
        >>> import microlazy as mx
        >>> params, other = mx.gluon.ParameterDict(), mx.gluon.ParameterDict("a_")
        >>> weight = other.get("weight")
        >>> params.update(other)
        >>> params["a_weight"] is weight
        True
        """
        for name, param in other.items():
            if self._params.get(name, param) is not param:
                raise ArgumentError(
                    "Cannot update self with other because they have different Parameters with "
                    f"the same name '{name}'"
                )
        self._params.update(other.items())

    def initialize(
        self,
        init: Any = None,
        ctx: Context | list[Context] | None = None,
        verbose: bool = False,
        force_reinit: bool = False,
    ) -> None:
        """Initialize all parameters; see :meth:`Parameter.initialize`.

        Parameters
        ----------
        init : Initializer or str, optional
            For the parameters that have none of their own; ``Uniform()`` if None.
        ctx : Context or list of Context, optional
            Where the parameters live; see :meth:`Parameter.initialize`.
        verbose : bool, default False
            Log each array that is initialized.
        force_reinit : bool, default False
            Initialize live parameters again.

        Examples
        --------
        >>> import microlazy as mx
        >>> params = mx.gluon.ParameterDict()
        >>> weight = params.get("weight", shape=(2,))
        >>> params.initialize("ones")
        >>> weight.data().asnumpy()
        array([1., 1.], dtype=float32)
        """
        init = Uniform() if init is None else create(init)
        if verbose:
            init.set_verbosity(verbose)
        for param in self.values():
            param.initialize(None, ctx, init, force_reinit=force_reinit)

    def zero_grad(self) -> None:
        """Fill all gradients with zeros."""
        for param in self.values():
            param.zero_grad()

    def reset_ctx(self, ctx: Context | list[Context] | None = None) -> None:
        """Move all parameters; see :meth:`Parameter.reset_ctx`."""
        for param in self.values():
            param.reset_ctx(ctx)

    def list_ctx(self) -> list[Context]:
        """Return the devices that the parameters are on."""
        return list({ctx for param in self.values() for ctx in param.list_ctx()})

    def setattr(self, name: str, value: Any) -> None:
        """Set an attribute of all parameters.

        Parameters
        ----------
        name : str
            Name of the attribute.
        value : object
            Its value.

        Examples
        --------
        >>> import microlazy as mx
        >>> params = mx.gluon.ParameterDict()
        >>> weight = params.get("weight")
        >>> params.setattr("lr_mult", 0.5)
        >>> weight.lr_mult
        0.5
        """
        for param in self.values():
            setattr(param, name, value)

    # ---- files ---------------------------------------------------------------------------------

    def save(self, filename: str, strip_prefix: str = "") -> None:
        """Write the values to a file in MXNet's format.

        Parameters
        ----------
        filename : str
            Path.
        strip_prefix : str, default ""
            Taken off the names.

        Raises
        ------
        ValueError
            If a name does not start with `strip_prefix`.

        Notes
        -----
        A parameter that has no values yet is left out, with a warning.

        Examples
        --------
        >>> import microlazy as mx, tempfile
        >>> params = mx.gluon.ParameterDict("a_")
        >>> weight = params.get("weight", shape=(2,), init="ones")
        >>> params.initialize()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     params.save(folder + "/a.params", strip_prefix="a_")
        ...     list(mx.nd.load(folder + "/a.params"))
        ['weight']
        """
        for param in self.values():
            if not param.name.startswith(strip_prefix):
                raise ValueError(
                    f"Prefix '{strip_prefix}' is to be stripped before saving, but Parameter's "
                    f"name '{param.name}' does not start with '{strip_prefix}'. Perhaps your Block "
                    "shares parameters of other Blocks, or a child was made outside of "
                    "'with name_scope()'."
                )
        missing = [param.name for param in self.values() if param.state != "live"]
        if missing:
            from ..utils import _brief_print_list  # seldom needed

            warnings.warn(
                f"{filename} is saved without the parameters that have no values yet: "
                f"{_brief_print_list(missing)}",
                stacklevel=2,
            )
        start = len(strip_prefix)
        live = (param for param in self.values() if param.state == "live")
        nd.save(filename, {param.name[start:]: param.reduced() for param in live})

    def load(
        self,
        filename: str,
        ctx: Context | list[Context] | None = None,
        allow_missing: bool = False,
        ignore_extra: bool = False,
        restore_prefix: str = "",
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Read the values from a file. If anything does not fit, nothing is changed.

        Parameters
        ----------
        filename : str
            Path.
        ctx : Context or list of Context, optional
            Where the parameters live; see :meth:`Parameter.initialize`.
        allow_missing : bool, default False
            Accept parameters that are not in the file.
        ignore_extra : bool, default False
            Accept names in the file that are no parameters here.
        restore_prefix : str, default ""
            Put before the names in the file.
        cast_dtype : bool, default False
            Accept another data type.
        dtype_source : {"current", "saved"}
            When casting, whether the parameter's or the file's data type stays.

        Raises
        ------
        ArgumentError
            If names or data types do not fit.
        ParameterShapeError
            If a shape does not fit.

        Examples
        --------
        >>> import microlazy as mx, tempfile
        >>> params = mx.gluon.ParameterDict("a_")
        >>> weight = params.get("weight")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     mx.nd.save(folder + "/a.params", {"weight": mx.nd.ones((2,))})
        ...     params.load(folder + "/a.params", restore_prefix="a_")
        >>> weight
        Parameter a_weight (shape=(2,), dtype=<class 'numpy.float32'>)
        """
        for name in self.keys():
            if not name.startswith(restore_prefix):
                raise ArgumentError(
                    f"restore_prefix is '{restore_prefix}' but Parameters name '{name}' does not "
                    f"start with '{restore_prefix}'."
                )
        loaded = nd.load(filename)
        options = (ctx, allow_missing, ignore_extra, restore_prefix, filename)
        self.load_dict(loaded, *options, cast_dtype, dtype_source)

    def load_dict(
        self,
        param_dict: Mapping[str, Tensor],
        ctx: Context | list[Context] | None = None,
        allow_missing: bool = False,
        ignore_extra: bool = False,
        restore_prefix: str = "",
        filename: str | None = None,
        cast_dtype: bool = False,
        dtype_source: str = "current",
    ) -> None:
        """Take the values from a dictionary; see :meth:`load`.

        Parameters
        ----------
        param_dict : dict of str to Tensor
            Values by name; ``arg:`` and ``aux:`` before a name are dropped.
        filename : str, optional
            The file they came from, for the error messages.

        Examples
        --------
        >>> import microlazy as mx
        >>> params = mx.gluon.ParameterDict()
        >>> weight = params.get("weight")
        >>> params.load_dict({"weight": mx.nd.ones((2,))})
        >>> weight.data().asnumpy()
        array([1., 1.], dtype=float32)
        """
        source = f"file: {filename}" if filename else "param_dict"
        if not isinstance(param_dict, Mapping):
            raise ArgumentError(f"{source} holds arrays without names, so they fit no parameter")
        loaded = {
            restore_prefix + (name[4:] if name.startswith(("arg:", "aux:")) else name): value
            for name, value in param_dict.items()
        }
        options = (ctx, allow_missing, ignore_extra, cast_dtype, dtype_source)
        load_arrays(self._params, loaded, source, *options)
