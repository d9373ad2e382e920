"""`gluon.data`: data sets, in which order their samples come, and loaders that make batches."""

from typing import TYPE_CHECKING, Any

from . import batchify, dataloader, dataset, sampler, vision
from .dataloader import *  # noqa: F403
from .dataset import *  # noqa: F403
from .sampler import *  # noqa: F403

__all__ = ["batchify", *dataloader.__all__, *dataset.__all__, *sampler.__all__, "vision"]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ...foreign import missing

        raise missing(__name__, name, __all__)
