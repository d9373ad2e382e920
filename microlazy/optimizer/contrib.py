"""MXNet's path to `GroupAdaGrad`."""

from .adaptive import GroupAdaGrad

__all__ = ["GroupAdaGrad"]
