"""`mx.npx.random`: the seed."""

from microlazy.core.generator import seed

__all__ = ["seed"]
