"""Gluon's experimental layers and cells, under the names that MXNet 1.9 gave them."""

from . import cnn, nn, rnn

__all__ = ["cnn", "nn", "rnn"]
