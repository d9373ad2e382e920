"""`gluon.contrib.data`: the sampler that has a place in `gluon.data` too."""

from typing import TYPE_CHECKING, Any

from ..data import IntervalSampler

__all__ = ["IntervalSampler"]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ...foreign import missing

        raise missing(__name__, name, __all__)
