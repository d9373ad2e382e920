"""`mx.model`: checkpoints of networks that are graphs, a symbol file and a file of parameters."""

from __future__ import annotations

import logging
from collections import namedtuple
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from microlazy import params_file
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor
from microlazy.symbol import Symbol
from microlazy.symbol.symbol_file import load

__all__ = ["BatchEndParam", "load_checkpoint", "load_params", "save_checkpoint"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "FeedForward":  # which stands upon modules
            return import_module("microlazy.module.feed_forward").FeedForward
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


BatchEndParam = namedtuple("BatchEndParam", ["epoch", "nbatch", "eval_metric", "locals"])


def save_checkpoint(
    prefix: str,
    epoch: int,
    symbol: Symbol | None,
    arg_params: Mapping[str, Tensor],
    aux_params: Mapping[str, Tensor],
    remove_amp_cast: bool = True,
) -> None:
    """Write a graph and its parameters to ``prefix-symbol.json`` and ``prefix-0001.params``.

    Parameters
    ----------
    prefix : str
        Where the files' names begin.
    epoch : int
        The number in the name of the second.
    symbol : Symbol or None
        The graph; None writes no file of it.
    arg_params, aux_params : dict of str to array
        Arguments and auxiliary states by name.
    remove_amp_cast : bool
        Whether to leave out casts of mixed precision.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> prefix = os.path.join(tempfile.mkdtemp(), "net")
    >>> x = mx.sym.var("x")
    >>> mx.model.save_checkpoint(prefix, 1, x * mx.sym.var("w"), {"w": mx.nd.ones((1,))}, {})
    >>> mx.model.load_checkpoint(prefix, 1)[0].list_arguments()
    ['x', 'w']
    """
    if symbol is not None:
        symbol.save(f"{prefix}-symbol.json", remove_amp_cast)
    path = f"{prefix}-{epoch:04d}.params"
    kinds = (("arg", arg_params), ("aux", aux_params))
    arrays = {f"{kind}:{name}": x for kind, part in kinds for name, x in part.items()}
    params_file.save(path, arrays)
    logging.info('Saved checkpoint to "%s"', path)


def load_params(prefix: str, epoch: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Read the parameters of a checkpoint.

    Parameters
    ----------
    prefix, epoch
        As in `save_checkpoint`.

    Returns
    -------
    arg_params, aux_params : dict of str to array

    Raises
    ------
    MXNetError
        If there is no such file, or a name in it begins with neither 'arg:' nor 'aux:'.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> prefix = os.path.join(tempfile.mkdtemp(), "net")
    >>> mx.model.save_checkpoint(prefix, 1, None, {"w": mx.nd.ones((1,))}, {})
    >>> list(mx.model.load_params(prefix, 1)[0])
    ['w']
    """
    path = f"{prefix}-{epoch:04d}.params"
    found = params_file.load(path)
    parts: dict[str, dict[str, Tensor]] = {"arg": {}, "aux": {}}
    for key, array in (found if isinstance(found, dict) else dict(enumerate(found))).items():
        kind, colon, name = str(key).partition(":")
        if not colon or kind not in parts:
            raise MXNetError(f"{path!r}: {key!r} begins with neither 'arg:' nor 'aux:'")
        parts[kind][name] = array
    return parts["arg"], parts["aux"]


def load_checkpoint(prefix: str, epoch: int) -> tuple[Symbol, dict[str, Any], dict[str, Any]]:
    """Read a graph and its parameters.

    Parameters
    ----------
    prefix, epoch
        As in `save_checkpoint`.

    Returns
    -------
    symbol : Symbol
    arg_params, aux_params : dict of str to array

    Raises
    ------
    MXNetError
        If a file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> prefix = os.path.join(tempfile.mkdtemp(), "net")
    >>> mx.model.save_checkpoint(prefix, 1, mx.sym.var("x").exp(name="e"), {}, {})
    >>> mx.model.load_checkpoint(prefix, 1)
    (<Symbol e>, {}, {})
    """
    return load(f"{prefix}-symbol.json"), *load_params(prefix, epoch)
