"""Module: a block of Gluon that is written, called and printed as in PyTorch."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Self

from .... import autograd
from ....core.tensor import Tensor as Array
from ....gluon import Block
from ....gluon.block.op_hooks import watched_forward
from ....gluon.block.tree import Tree, children_of, parameters_of
from ....gluon.parameter import Parameter as GluonParameter
from ....util import is_np_array
from .. import _dtypes
from .._absent import missing_member
from .._device import device
from .._modes import mode, set_grad_enabled
from .._tensor import Tensor, forget_gradients, unwrap, with_recording, wrapped
from .hooks import RemovableHandle
from .loading import load
from .parameter import Held, Parameter, face
from .tree import is_buffer, walk

_set = object.__setattr__
_NOTHING = object()  # stands for an input that is not there


class _GluonName:
    """The name that Gluon gave, unless the program sets one of its own."""

    def __get__(self, module: Any, cls: type) -> Any:
        return self if module is None else module._name


class Module(Block):
    """The base class of layers and networks.

    A subclass makes parameters and modules in `__init__`, as plain attributes, and computes in
    `forward`. A module is a `gluon.Block`: its parameters are Gluon's, seen as tensors; it may hold
    blocks of Gluon, and they may hold it. Between blocks of Gluon it takes and returns their
    arrays, and is trained as they are.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> class Scaled(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = nn.LazyLinear(3)
    ...         self.scale = nn.Parameter(torch.ones(1))
    ...     def forward(self, x):
    ...         return self.scale * self.layer(x)
    >>> net = Scaled()
    >>> net(torch.ones(2, 4)).shape
    torch.Size([2, 3])
    >>> [name for name, _ in net.named_parameters()]
    ['scale', 'layer.weight', 'layer.bias']
    """

    training = True
    name: Any = _GluonName()

    # Names of buffers, by attribute: whether they are part of the state.
    _buffer_names: dict[str, bool]

    def __init__(self) -> None:
        super().__init__()
        _set(self, "_buffer_names", {})

    # ---- attributes ----

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        held = own.get("_reg_params", {}).get(name)
        if held is not None:
            return face(held)
        if name in own.get("_buffer_names", ()):
            return None
        known = [*dir(type(self)), *own, *own.get("_reg_params", ())]
        raise missing_member(type(self), name, known)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, GluonParameter):
            self._check_constructed(name)
            self._hold(name, value)
        elif isinstance(value, Tree):
            self._check_constructed(name)
            place = list(self._children)
            self._forget(name)
            self.register_child(value, name)
            _set(self, name, self._children[name])
            for each in place[place.index(name) + 1 :] if name in place else ():
                self._children[each] = self._children.pop(each)  # its place stays its own
        elif name in self.__dict__.get("_buffer_names", ()):
            self._set_buffer(name, value)
        elif name in self.__dict__.get("_reg_params", ()):
            if value is not None:
                kind = type(value).__name__
                if isinstance(value, Tensor):
                    kind = f"torch.{_dtypes.scalar_name(value._array)}Tensor"
                raise TypeError(
                    f"cannot assign {kind!r} as parameter {name!r} (torch.nn.Parameter or None "
                    "expected)"
                )
            self._forget(name)
            _set(self, name, None)
        elif name in ("params", "prefix"):
            raise AttributeError(
                f"{type(self).__name__}: {name!r} is Gluon's, as a Module is one of its blocks; "
                "choose another name"
            )
        else:
            if name in self.__dict__.get("_children", ()):
                self._forget(name)
            _set(self, name, value)
            if name in ("forward", "training"):
                self._changed()

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            super().__delattr__(name)

    def _forget(self, name: str) -> bool:
        """Have no parameter, buffer or module of this name."""
        held = self._reg_params.pop(name, None)
        if held is not None:
            self._params.discard(held)
        was_buffer = self._buffer_names.pop(name, None) is not None
        child = self._children.pop(name, None)
        if child is not None:
            self.__dict__.pop(name, None)
        self._changed()
        return held is not None or was_buffer or child is not None

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Have a parameter under a name; setting it as an attribute does the same.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> from microlazy.dialects.torch import nn
        >>> module = nn.Module()
        >>> module.register_parameter("scale", nn.Parameter(torch.ones(1)))
        >>> module.scale
        Parameter containing:
        tensor([1.], requires_grad=True)
        """
        self._check_constructed(name)
        if param is None:
            self._forget(name)
            _set(self, name, None)
            return
        if not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        self._hold(name, param._held)

    def _hold(self, name: str, held: Any) -> None:
        self.__dict__.pop(name, None)
        before = self._reg_params.get(name)
        if before is not None:
            self._params.discard(before)
        elif name in self._children:
            self._forget(name)
        if held.name == "parameter":
            held.name = f"{self.prefix}{name}"
        self._reg_params[name] = held
        self._params.update({held.name: held})
        held.adopt(self._tell_place)
        self._changed()

    def _declare(
        self, name: str, shape: tuple[int, ...], dtype: Any = None, buffer: bool = False
    ) -> Held:
        """A parameter whose sizes may be found later; 0 stands for an unknown one."""
        kind = _dtypes.to_numpy(dtype or _dtypes.float32)
        held = Held(f"{self.prefix}{name}", buffer=buffer, shape=shape, dtype=kind)
        self._hold(name, held)
        return held

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Have a tensor that is kept with the parameters but not learnt.

        Parameters
        ----------
        name : str
            The attribute.
        tensor : Tensor or None
            The first values.
        persistent : bool
            Whether it is part of `state_dict`.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> from microlazy.dialects.torch import nn
        >>> module = nn.Module()
        >>> module.register_buffer("count", torch.zeros(1))
        >>> dict(module.state_dict())
        {'count': tensor([0.])}
        """
        self._check_constructed(name)
        if hasattr(self, name) and name not in self._buffer_names:
            raise KeyError(f"attribute '{name}' already exists")
        self._buffer_names[name] = persistent
        self._set_buffer(name, tensor)

    def _set_buffer(self, name: str, tensor: Tensor | None) -> None:
        held: Any = self._reg_params.get(name)
        if tensor is None:
            if held is not None:
                self._params.discard(self._reg_params.pop(name))
            return
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (torch Tensor "
                "or None required)"
            )
        array = tensor._array.detach()
        if held is None:
            held = Held(f"{self.prefix}{name}", buffer=True, shape=array.shape, dtype=array.dtype)
            self._hold(name, held)
        held.hold(array)

    def register_child(self, block: Tree, name: str | None = None) -> None:
        """Have a module or a block of Gluon under a name, as `add_module` does."""
        if isinstance(block, Block) and not isinstance(block, Module):
            block = GluonBlock(block)
        super().register_child(block, name)

    def add_module(self, name: str, module: Tree | None) -> None:
        """Have a module under a name; setting it as an attribute does the same."""
        setattr(self, name, module)

    register_module = add_module

    # ---- the tree ----

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The names and modules directly below."""
        return iter(self._children.items())

    def children(self) -> Iterator[Any]:
        """The modules directly below."""
        return (each for _, each in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """The paths of this module and of all below, each once.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> [path for path, _ in nn.Sequential(nn.ReLU(), nn.Flatten()).named_modules()]
        ['', '0', '1']
        """
        seen: set[int] = set()
        for path, each in walk(self, prefix):
            if id(each) not in seen:
                seen.add(id(each))
                yield path, each

    def modules(self) -> Iterator[Any]:
        """This module and all below, each once."""
        return (each for _, each in self.named_modules())

    def get_submodule(self, target: str) -> Any:
        """The module at a path such as ``"body.0"``."""
        found: Any = self
        for name in filter(None, target.split(".")):
            found = children_of(found).get(name)
            if found is None:
                raise AttributeError(f"{type(self).__name__} has no module at {target!r}")
        return found

    def _named(self, buffers: bool, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        """The paths and parameters of Gluon below: those that are buffers, or the others."""
        seen: set[int] = set()
        for path, each in walk(self) if recurse else [("", self)]:
            for name, held in parameters_of(each).items():
                if is_buffer(held) == buffers and not (once and id(held) in seen):
                    seen.add(id(held))
                    yield (f"{path}.{name}" if path else name), held

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """The paths and parameters of this module and of those below.

        Parameters
        ----------
        prefix : str
            What paths begin with.
        recurse : bool
            Whether those of modules below are among them.
        remove_duplicate : bool
            Whether a parameter that is shared comes once.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> [(name, p.shape) for name, p in nn.Linear(2, 3).named_parameters()]
        [('weight', torch.Size([3, 2])), ('bias', torch.Size([3]))]
        """
        start = f"{prefix}." if prefix else ""
        for path, held in self._named(False, recurse, remove_duplicate):
            yield start + path, face(held)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """The parameters of this module and of those below, each once."""
        return (each for _, each in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        """The paths and buffers of this module and of those below."""
        start = f"{prefix}." if prefix else ""
        for path, held in self._named(True, recurse, True):
            yield start + path, face(held)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """The buffers of this module and of those below."""
        return (each for _, each in self.named_buffers(recurse=recurse))

    # ---- state ----

    def state_dict(self, prefix: str = "") -> OrderedDict[str, Any]:
        """All parameters and buffers by path, on the memory of the module, without the graph.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> dict(nn.LazyLinear(3).state_dict())
        {'weight': <UninitializedParameter>, 'bias': <UninitializedParameter>}
        """
        state: OrderedDict[str, Any] = OrderedDict()
        for path, held in self._state():
            state[prefix + path] = face(held).detach() if held.array is not None else face(held)
        return state

    def _state(self) -> Iterator[tuple[str, Any]]:
        for path, each in walk(self):
            kept = getattr(each, "_buffer_names", {})
            own = parameters_of(each).items()
            for buffers in (False, True):
                for name, held in own:
                    if is_buffer(held) == buffers and kept.get(name, True):
                        yield (f"{path}.{name}" if path else name), held

    def load_state_dict(self, state_dict: Any, strict: bool = True) -> Any:
        """Take the values of a state, by path; a lazy parameter takes its shape too.

        Parameters
        ----------
        state_dict : dict of str to Tensor
            What `state_dict` returned; values may be arrays of NumPy or Gluon as well.
        strict : bool
            Whether all paths must be there, and no other.

        Returns
        -------
        IncompatibleKeys
            Which paths were missing or unexpected.

        Raises
        ------
        RuntimeError
            If paths or sizes do not fit; nothing is changed then.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> nn.LazyLinear(3).load_state_dict(nn.Linear(2, 3).state_dict())
        <All keys matched successfully>
        """
        return load(self, dict(self._state()), state_dict, strict)

    # ---- what holds for all below ----

    def train(self, mode: bool = True) -> Self:
        """Let this module and all below behave as in training.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> nn.Dropout().train(False).training
        False
        """
        for _, each in walk(self):
            if isinstance(each, Module):
                each.training = mode
        return self

    def _trains(self) -> bool:
        """Whether to behave as in training: called by Gluon, that is for Gluon to say."""
        return self.training if mode.trains is None else mode.trains

    def eval(self) -> Self:
        """Let this module and all below behave as in prediction."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters be learnt, or none."""
        for each in self.parameters():
            each.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> from microlazy.dialects.torch import nn
        >>> layer = nn.Linear(2, 1)
        >>> layer(torch.ones(1, 2)).sum().backward()
        >>> layer.zero_grad()
        >>> layer.weight.grad is None
        True
        """
        held = (each for _, each in self._named(False, True, True))
        forget_gradients([each.array for each in held if each.array is not None], set_to_none)

    def to(self, *target: Any, dtype: Any = None, **options: Any) -> Self:
        """Cast all parameters and buffers of floats; there is one device."""
        for each in (*target, options.get("device", "cpu")):
            if isinstance(each, _dtypes.dtype):
                dtype = each
            else:
                device(each)
        if dtype is not None:
            kind = _dtypes.to_numpy(dtype)
            for _, held in self._state():
                if "float" in str(held.dtype):
                    held.cast(kind)
            self._changed()
        return self

    def float(self) -> Self:
        """Cast to float32."""
        return self.to(_dtypes.float32)

    def double(self) -> Self:
        """Cast to float64."""
        return self.to(_dtypes.float64)

    def half(self) -> Self:
        """Cast to float16."""
        return self.to(_dtypes.float16)

    def cpu(self) -> Self:
        """The module itself: there is one device."""
        return self

    # ---- what Gluon tells of a network ----

    def dry_run(self, *inputs: Any, dtype: Any = "float32") -> Any:
        """Find every size from shapes, or from tensors that have them; see `gluon.Block.dry_run`.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> nn.LazyLinear(3).dry_run((2, 20))
        (2, 3)
        """
        return super().dry_run(*unwrap(inputs), dtype=dtype)

    def summary(self, *inputs: Any) -> None:
        """Print each layer's output shape and number of parameters; see `gluon.Block.summary`."""
        super().summary(*unwrap(inputs))

    # ---- calls ----

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> Any:
        """Have ``hook(module, args)`` called before `forward`; what it returns are the new inputs.

        Returns
        -------
        RemovableHandle
            Whose `remove()` takes the hook away.
        """
        return RemovableHandle(self._forward_pre_hooks, hook, self._changed)

    def register_forward_hook(self, hook: Callable[..., Any]) -> Any:
        """Have ``hook(module, args, output)`` called after `forward`.

        What it returns, if not None, is the new output.

        Returns
        -------
        RemovableHandle
            Whose `remove()` takes the hook away.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> from microlazy.dialects.torch import nn
        >>> layer = nn.Flatten()
        >>> handle = layer.register_forward_hook(lambda module, args, output: output + 1)
        >>> layer(torch.zeros(1, 2))
        tensor([[1., 1.]])
        """
        return RemovableHandle(self._forward_hooks, hook, self._changed)

    def __call__(self, input: Any = _NOTHING, /, *args: Any, **kwargs: Any) -> Any:
        if self._only_forward and not isinstance(input, Array):
            if kwargs or input is _NOTHING:
                return self.forward(*_all(input, args), **kwargs)
            return self.forward(input, *args) if args else self.forward(input)
        children_of(self)  # refuses a module whose __init__ did not call super().__init__()
        return self._call_once(_all(input, args), kwargs)

    def _call_once(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call by Gluon, the first one, or one with hooks."""
        if any(isinstance(each, Array) for each in args):
            return self._call_by_gluon(args, kwargs)
        for hook in list(self._forward_pre_hooks.values()):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        if self._op_hooks and not kwargs:
            out = watched_forward(self, args)
        else:
            out = self.forward(*args, **kwargs)
        for hook in list(self._forward_hooks.values()):
            changed = hook(self, args, out)
            out = out if changed is None else changed
        _set(self, "_has_run", True)
        _set(self, "_only_forward", self._may_only_forward())
        return out

    def _call_by_gluon(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Take arrays and return arrays of their kind; what is recorded and trained is Gluon's."""
        first = next(each for each in args if isinstance(each, Array))
        with_numpy = first is first.as_np_ndarray()
        before = mode.trains
        mode.trains = autograd.is_training()
        try:
            with set_grad_enabled(autograd.is_recording()):
                out = unwrap(self(*wrapped(args), **kwargs))
        finally:
            mode.trains = before
        return out if with_numpy else _nd(out)

    def extra_repr(self) -> str:
        """What is printed between the parentheses."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = [extra] if extra else []
        for name, each in self.named_children():
            lines.append(f"({name}): " + repr(each).replace("\n", "\n  "))
        if not lines or (len(lines) == 1 and extra):
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class GluonBlock(Module):
    """A block of Gluon inside of a module: it has the block's parameters, children and printing.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> net = nn.Sequential(gluon.nn.Dense(3), nn.ReLU())
    >>> net.initialize()
    >>> net(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    def __init__(self, block: Block) -> None:
        super().__init__()
        for name in ("_children", "_reg_params", "_params", "_prefix", "_name"):
            _set(self, name, getattr(block, name))
        _set(self, "block", block)
        block._parents.append(weakref.ref(self))

    def forward(self, *args: Any) -> Any:
        before = autograd.set_training(self._trains())
        try:
            return with_recording(mode.enabled, self._call_block, unwrap(args))
        finally:
            autograd.set_training(before)

    def _call_block(self, arrays: tuple[Any, ...]) -> Any:
        return wrapped(self.block(*(arrays if self._takes_numpy() else _nd(arrays))), "Gluon")

    def hybridize(self, active: bool = True, *args: Any, **options: Any) -> None:
        """Let the block run from a plan, as Gluon has it."""
        self.block.hybridize(active, *args, **options)

    def _takes_numpy(self) -> bool:
        for held in self.block.collect_params().values():
            if held.array is not None:
                return held.array is held.array.as_np_ndarray()
        return is_np_array()

    def __repr__(self) -> str:
        return repr(self.block)


def _all(first: Any, others: tuple[Any, ...]) -> tuple[Any, ...]:
    return others if first is _NOTHING else (first, *others)


def _nd(value: Any) -> Any:
    if isinstance(value, Array):
        return value.as_nd_ndarray()
    return type(value)(map(_nd, value)) if type(value) in (list, tuple) else value
