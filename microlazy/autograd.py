"""Automatic differentiation: what is recorded, and how gradients are computed."""


from microlazy.core.tape import (
    Scope,
    backward,
    grad,
    is_recording,
    is_training,
    mark_variables,
    set_recording,
    set_training,
)

__all__ = [
    "backward",
    "grad",
    "is_recording",
    "is_training",
    "mark_variables",
    "pause",
    "predict_mode",
    "record",
    "set_recording",
    "set_training",
    "train_mode",
]


def record(train_mode: bool = True) -> Scope:
    """Return a scope in which operations are recorded for gradients.

    Parameters
    ----------
    train_mode : bool
        Whether layers such as Dropout behave as in training.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.record():
    ...     autograd.is_recording(), autograd.is_training()
    (True, True)
    """
    return Scope(1, train_mode)


def pause(train_mode: bool = False) -> Scope:
    """Return a scope in which nothing is recorded.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.record(), autograd.pause():
    ...     autograd.is_recording()
    False
    """
    return Scope(0, train_mode)


def train_mode() -> Scope:
    """Return a scope in which layers behave as in training; recording stays as it is.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.train_mode():
    ...     autograd.is_recording(), autograd.is_training()
    (False, True)
    """
    return Scope(-1, 1)


def predict_mode() -> Scope:
    """Return a scope in which layers behave as in prediction; recording stays as it is.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.record(), autograd.predict_mode():
    ...     autograd.is_recording(), autograd.is_training()
    (True, False)
    """
    return Scope(-1, 0)
