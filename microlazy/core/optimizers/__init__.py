"""Optimizers' updates: a rule makes a step of all parameters in one call, in place."""

from .arrays import convert, mark_used, stale, versions
from .program import RULES, BoundProgram, Program
from .steps import RuleSteps

__all__ = [
    "RULES",
    "BoundProgram",
    "Program",
    "RuleSteps",
    "convert",
    "mark_used",
    "stale",
    "versions",
]
