"""Optimizers' updates: a rule makes a step of all parameters in one call, in place."""

from .arrays import convert, mark_used, stale, versions
from .program import RULES, BoundProgram, Program

__all__ = ["RULES", "BoundProgram", "Program", "convert", "mark_used", "stale", "versions"]
