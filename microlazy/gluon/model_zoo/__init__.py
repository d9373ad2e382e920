"""Networks of the literature, and where their trained weights are kept."""

from . import model_store, vision

__all__ = ["model_store", "vision"]
