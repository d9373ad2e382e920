"""Saving the values of a network's parameters to files, and loading them."""

from __future__ import annotations

import warnings
from os import PathLike, fspath

from ...context import Context
from ...initializer import ArgumentError
from ..parameter import load_arrays
from .tree import Tree


class Saving(Tree):
    """Files of a network's values, in MXNet's format."""

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
            from ..utils import _brief_print_list  # seldom needed

            warnings.warn(
                f"{filename} is saved without the parameters that have no values yet: "
                f"{_brief_print_list(found.keys() - live.keys())}. Pass one batch of data through "
                "the network first, or use dry_run().",
                stacklevel=2,
            )
        from ... import params_file  # a program may never save

        params_file.save(filename, {path: p.reduced() for path, p in live.items()})

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
        from ... import params_file

        loaded = params_file.load(filename) or {}
        if not isinstance(loaded, dict):
            raise ArgumentError(f"{filename} holds arrays without names, so they fit no parameter")
        options = (ctx, allow_missing, ignore_extra)
        found = self._collect_params_with_prefix()
        if any("." in name for name in loaded) or loaded.keys() & found.keys():
            load_arrays(found, loaded, f"file: {filename}", *options, cast_dtype, dtype_source)
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
