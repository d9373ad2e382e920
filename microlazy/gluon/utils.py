"""Small tools of Gluon: splitting batches, clipping gradients, fetching files, hooks."""

from __future__ import annotations

import contextlib
import math
import numbers
import operator
import os
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as onp

from .. import ndarray as nd
from .. import numpy as np
from ..context import Context
from ..core.tensor import Tensor
from ..initializer import ArgumentError
from ..util import is_np_array

__all__ = [
    "HookHandle",
    "check_sha1",
    "clip_global_norm",
    "download",
    "replace_file",
    "split_and_load",
    "split_data",
]

_REPOSITORY = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/"


def split_data(
    data: Tensor, num_slice: int, batch_axis: int = 0, even_split: bool = True
) -> list[Tensor]:
    """Cut a batch into consecutive slices.

    Parameters
    ----------
    data : Tensor
        A batch of any dtype and at least one axis.
    num_slice : int
        How many slices, at least 1.
    batch_axis : int
        The axis to cut.
    even_split : bool
        Refuse a batch that `num_slice` does not divide.  Otherwise the first slices are longer
        by one.

    Returns
    -------
    list of Tensor
        `num_slice` slices, also when that is 1.

    Raises
    ------
    ValueError
        If the batch cannot be cut so, or `num_slice` or `batch_axis` is out of range.

    Examples
    --------
    >>> from microlazy import nd
    >>> [part.shape for part in split_data(nd.zeros((5, 2)), 2, even_split=False)]
    [(3, 2), (2, 2)]
    """
    if num_slice < 1:
        raise ValueError(f"num_slice must be at least 1, but got {num_slice}")
    if not -data.ndim <= batch_axis < data.ndim:
        raise ValueError(f"batch_axis={batch_axis} is out of range for data of shape {data.shape}")
    size = data.shape[batch_axis]
    length, extra = divmod(size, num_slice)
    if even_split and extra:
        raise ValueError(
            f"data with shape {data.shape} cannot be evenly split into {num_slice} slices along "
            f"axis {batch_axis}: use a batch size that is a multiple of {num_slice}, or "
            "even_split=False"
        )
    before = (slice(None),) * (batch_axis % data.ndim)
    slices, start = [], 0
    for i in range(num_slice):
        stop = start + length + (i < extra)
        slices.append(data[(*before, slice(start, stop))])
        start = stop
    return slices


def split_and_load(
    data: Tensor | onp.ndarray | Sequence[Any],
    ctx_list: Sequence[Context],
    batch_axis: int = 0,
    even_split: bool = True,
) -> list[Tensor]:
    """Cut a batch into one slice per context.

    Parameters
    ----------
    data : Tensor or array-like
        A batch.  What is not a Tensor becomes one of the current face (`np` or `nd`).
    ctx_list : sequence of Context
        Where each slice goes.
    batch_axis, even_split
        As in `split_data`.

    Returns
    -------
    list of Tensor
        One slice per context.

    Raises
    ------
    ValueError
        If `ctx_list` is empty or the batch cannot be cut.

    Examples
    --------
    >>> import microlazy as mx
    >>> [part.shape for part in split_and_load([[1, 2], [3, 4]], [mx.cpu(0)])]
    [(2, 2)]
    """
    if not ctx_list:
        raise ValueError("ctx_list is empty: give at least one context, such as [mx.cpu()]")
    if isinstance(data, Tensor):
        batch = data
    else:
        batch = (np if is_np_array() else nd).array(data, ctx=ctx_list[0])
    slices = split_data(batch, len(ctx_list), batch_axis, even_split)
    return [part.as_in_context(ctx) for part, ctx in zip(slices, ctx_list, strict=True)]


def clip_global_norm(
    arrays: Sequence[Tensor], max_norm: float, check_isfinite: bool = True
) -> float | Tensor:
    """Scale arrays in place so that the 2-norm of all of them together is at most `max_norm`.

    Every array is multiplied by ``min(1, max_norm / (norm + 1e-8))`` (Pascanu et al., "On the
    difficulty of training recurrent neural networks", 2013, algorithm 1).

    Parameters
    ----------
    arrays : sequence of Tensor
        Floating-point arrays of any shapes, gradients as a rule.
    max_norm : float
        The largest norm allowed.
    check_isfinite : bool
        Warn when the norm is not finite, and return a float.

    Returns
    -------
    float or Tensor
        The norm before clipping; an array of shape (1,) when `check_isfinite` is False.

    Raises
    ------
    ValueError
        If there are no arrays.

    Examples
    --------
    >>> from microlazy import nd
    >>> gradient = nd.array([3.0, 4.0])
    >>> clip_global_norm([gradient], 1.0)
    5.0
    >>> print(gradient.asnumpy())
    [0.6 0.8]
    """
    if not arrays:
        raise ValueError("clip_global_norm needs at least one array")
    views = [array.asnumpy() for array in arrays]
    norm = math.sqrt(sum(float(onp.vdot(view, view)) for view in views))
    if check_isfinite and not math.isfinite(norm):
        warnings.warn("nan or inf is detected. Clipping results will be undefined.", stacklevel=2)
    scale = min(1.0, max_norm / (norm + 1e-8))
    for array in arrays:
        array *= scale
    return norm if check_isfinite else nd.array([norm])


def check_sha1(filename: str | os.PathLike[str], sha1_hash: str) -> bool:
    """Whether a file has the given SHA-1 hash.

    Parameters
    ----------
    filename : path
        The file to read.
    sha1_hash : str
        The expected hash in hexadecimal digits.

    Returns
    -------
    bool
        True when they agree.

    Raises
    ------
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import os
    >>> check_sha1(os.devnull, "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    True
    """
    import hashlib  # slow to import, seldom needed

    with open(filename, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest() == sha1_hash


def download(
    url: str,
    path: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    sha1_hash: str | None = None,
    retries: int = 5,
    verify_ssl: bool = True,
) -> str:
    """Fetch a file by its URL, unless it is there already.

    The file appears whole or not at all: it is written beside its place and then moved there.
    Nothing in microlazy calls this by itself.

    Parameters
    ----------
    url : str
        http, https, ftp or file.
    path : path, optional
        Where it goes: a file, or a folder that exists; by default the URL's last part, here.
    overwrite : bool
        Fetch it even if it is there.
    sha1_hash : str, optional
        What it must be: a file that is there but has another hash is fetched again.
    retries : int
        How often to try again after an error.
    verify_ssl : bool
        Check the server's certificate.

    Returns
    -------
    str
        The file's path.

    Raises
    ------
    ValueError
        If the URL is none or names no file and `path` does not either, or `retries` is negative.
    OSError
        If it cannot be fetched or written, or has another hash, the last time too.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> size = (folder / "a.txt").write_text("hello")
    >>> copy = download((folder / "a.txt").as_uri(), folder / "b.txt")
    >>> open(copy).read()
    'hello'
    """
    from urllib.parse import unquote, urlsplit  # slow to import, seldom needed

    if retries < 0:
        raise ValueError(f"retries must be 0 or more, but it is {retries}")
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    target = os.path.expanduser(os.fspath(path)) if path is not None else name
    if os.path.isdir(target):
        target = os.path.join(target, name) if name else ""
    if not target:
        raise ValueError(f"the URL {url!r} names no file: give path, the file to write")
    if not overwrite and os.path.exists(target) and (
        not sha1_hash or check_sha1(target, sha1_hash)
    ):  # fmt: skip
        return target
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    if not verify_ssl:
        warnings.warn(f"the certificate of {url} is not checked", stacklevel=2)
    for left in range(retries, -1, -1):
        try:
            _fetch(url, target, sha1_hash, verify_ssl)
            return target
        except OSError as error:
            if not left:
                raise
            tries = "1 try is" if left == 1 else f"{left} tries are"
            warnings.warn(f"{url}: {error}; {tries} left", stacklevel=2)
    raise AssertionError


def replace_file(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> None:
    """Move a file to a place where another may be, which then is gone; at once, or not at all.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> size = (folder / "new").write_text("b"), (folder / "old").write_text("a")
    >>> replace_file(folder / "new", folder / "old")
    >>> (folder / "old").read_text()
    'b'
    """
    os.replace(src, dst)


def _get_repo_url() -> str:
    """Where MXNet's files were published, or the mirror that MXNET_GLUON_REPO names."""
    url = os.environ.get("MXNET_GLUON_REPO", _REPOSITORY)
    return url if url.endswith("/") else url + "/"


def _get_repo_file_url(namespace: str, filename: str) -> str:
    return f"{_get_repo_url()}{namespace}/{filename}"


def _fetch(url: str, target: str, sha1_hash: str | None, verify_ssl: bool) -> None:
    import ssl  # slow to import, seldom needed
    import tempfile
    import urllib.request

    context = None if verify_ssl else ssl._create_unverified_context()
    folder, name = os.path.split(os.path.abspath(target))
    handle, beside = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(handle, "wb") as file, urllib.request.urlopen(url, context=context) as source:
            size = 0
            while block := source.read(1 << 20):
                size += file.write(block)
            expected = source.headers.get("Content-Length")
            if expected is not None and size < int(expected):
                raise OSError(f"{url}: it ended after {size} of {expected} bytes")
        if sha1_hash and not check_sha1(beside, sha1_hash):
            raise OSError(
                f"{url}: its SHA-1 hash is not {sha1_hash}: it has changed, or is damaged"
            )
        mode = os.umask(0)
        os.umask(mode)
        os.chmod(beside, 0o666 & ~mode)  # as open() would have made it
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(beside)
        raise


class HookHandle:
    """What registering a hook returns: `detach()` removes the hook again.

    Used as a context manager, the hook is removed at the end of the block.

    Parameters
    ----------
    hooks : dict
        The hooks of one block, by identity.
    hook : callable
        The hook to add.
    changed : callable
        Called after the hooks changed.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> layer = gluon.nn.Flatten()
    >>> with layer.register_forward_pre_hook(lambda block, inputs: print(inputs[0].shape)):
    ...     _ = layer(nd.ones((2, 3)))
    (2, 3)
    """

    def __init__(
        self, hooks: dict[int, Callable[..., None]], hook: Callable[..., None], changed: Callable
    ) -> None:
        self._hooks = hooks
        self._key = id(hook)
        self._changed = weakref.WeakMethod(changed)
        hooks[self._key] = hook
        changed()

    def detach(self) -> None:
        """Remove the hook; a second call changes nothing.

        Examples
        --------
        >>> from microlazy import gluon
        >>> handle = gluon.nn.Flatten().register_forward_hook(print)
        >>> handle.detach()
        """
        changed = self._changed()
        if self._hooks.pop(self._key, None) is not None and changed is not None:
            changed()

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.detach()


def _text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text, each column as wide as its longest cell."""
    table = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _html_table(caption: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as notebooks show it."""
    from html import escape  # seldom needed

    def row(tag: str, cells: Iterable[object]) -> str:
        inner = "".join(
            f'<{tag} style="text-align: left">{escape(str(cell))}</{tag}>' for cell in cells
        )
        return f"<tr>{inner}</tr>"

    body = "\n".join([row("th", head), *(row("td", cells) for cells in rows)])
    return f"<table>\n<caption>{escape(caption)}</caption>\n{body}\n</table>"


def _indent(text: str, spaces: int) -> str:
    """Indent every line but the first."""
    return text.replace("\n", "\n" + " " * spaces)


def _brief_print_list(names: Iterable[str], limit: int = 7) -> str:
    """Quote names, the middle ones left out when there are more than `limit`."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) > limit:
        quoted = [*quoted[: limit // 2], "...", *quoted[-(limit // 2) :]]
    return ", ".join(quoted)


def axis_of(owner: str, name: str, given: Any) -> int:
    """The number of an axis; refuse what is none."""
    try:
        return operator.index(given)
    except TypeError:
        raise ArgumentError(f"{owner}: {name} must be an integer, but got {given!r}") from None


def number_of(owner: str, name: str, given: Any) -> float:
    """A number; refuse what is none."""
    if not isinstance(given, numbers.Real):
        raise ArgumentError(f"{owner}: {name} must be a number, but got {given!r}")
    return given  # type: ignore[return-value]
