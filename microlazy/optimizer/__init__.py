"""Optimizers: how a gradient changes a weight."""

from .optimizer import SGD, Adam, Optimizer, create, register
from .updater import Updater, get_updater

__all__ = ["SGD", "Adam", "Optimizer", "Updater", "create", "get_updater", "register"]
