"""Gluon's experimental layers and cells, and its training loop, named as in MXNet 1.9."""

from typing import TYPE_CHECKING, Any

from . import cnn, data, estimator, nn, rnn

__all__ = ["cnn", "data", "estimator", "nn", "rnn"]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ...foreign import missing

        raise missing(__name__, name, __all__)
