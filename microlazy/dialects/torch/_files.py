"""States in files: `torch.save` and `torch.load`, which run no code."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any

from ... import numpy_extension as npx
from ._tensor import Tensor, wrap


def save(obj: Any, f: str | os.PathLike) -> None:
    """Save a dictionary of tensors, such as a `state_dict`, as a `.params` file of Gluon.

    Parameters
    ----------
    obj : dict of str to Tensor
    f : str or path

    Raises
    ------
    TypeError
        If it is anything else: PyTorch's files run code when they are read, these do not.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy.dialects import torch
    >>> path = os.path.join(tempfile.mkdtemp(), "net.params")
    >>> torch.save({"weight": torch.ones(2)}, path)
    >>> dict(torch.load(path))
    {'weight': tensor([1., 1.])}
    """
    if not isinstance(obj, dict) or not all(isinstance(each, Tensor) for each in obj.values()):
        raise TypeError(
            "torch.save takes a dictionary of tensors here, such as net.state_dict(), given "
            f"{type(obj).__name__}"
        )
    npx.save(os.fspath(f), {name: each._array.detach() for name, each in obj.items()})


def load(f: str | os.PathLike, **ignored: Any) -> Any:
    """Read a dictionary of tensors: what `save` wrote, or a `.params` file of Gluon.

    Raises
    ------
    MXNetError
        If it is another file, such as one of PyTorch itself.
    """
    found = npx.load(os.fspath(f))
    return OrderedDict((name, wrap(each)) for name, each in found.items())
