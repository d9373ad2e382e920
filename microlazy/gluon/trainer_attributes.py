"""Attributes of MXNet's Trainer that begin with an underscore, and that programs read."""

from __future__ import annotations

from typing import Any

from ..optimizer import Updater


class TrainerAttributes:
    """What `Trainer` does otherwise or need not do, under the names that it has in MXNet.

    Sockeye writes the optimizer's states itself by them.
    """

    _updater: Updater
    _kv_initialized = True
    _update_on_kvstore = False

    @property
    def _updaters(self) -> list[Updater]:
        """One for all contexts: copies are updated together."""
        return [self._updater]

    @property
    def _params_to_init(self) -> list[Any]:
        """Nothing waits: a store learns of a parameter when the parameter has its values."""
        return []

    def _init_kvstore(self) -> None: ...

    def _init_params(self) -> None: ...
