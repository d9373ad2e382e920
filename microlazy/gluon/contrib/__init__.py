"""Gluon's experimental layers and cells, and its training loop, named as in MXNet 1.9."""

from . import cnn, estimator, nn, rnn

__all__ = ["cnn", "estimator", "nn", "rnn"]
