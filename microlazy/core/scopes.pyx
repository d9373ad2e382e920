"""Scopes that say what a thread does: whether it records for gradients, and whether it trains."""

cimport cython
from microlazy.core.tape cimport State, set_mode, state

import functools


@cython.final
@cython.freelist(8)
cdef class Scope:
    """Sets what this thread does (recording, training) inside a `with`, and puts it back after."""
    cdef int recording, training            # -1: leave as it is
    cdef State before

    def __enter__(self):
        cdef State* s = state()
        self.before = s[0]
        if self.recording >= 0:
            set_mode(s, self.recording, s.tracing)
        if self.training >= 0:
            s.training = self.training
        return None

    def __exit__(self, *exc):
        cdef State* s = state()
        set_mode(s, self.before.recording, s.tracing)
        s.training = self.before.training

    def __call__(self, function):
        """Use the scope as a decorator."""
        @functools.wraps(function)
        def inside(*args, **kwargs):
            with new_scope(self.recording, self.training):
                return function(*args, **kwargs)
        return inside


cdef Scope new_scope(int recording, int training):
    cdef Scope scope = Scope.__new__(Scope)
    scope.recording = recording
    scope.training = training
    return scope


@cython.final
cdef class ScopeMaker:
    """A function that makes scopes, and says so where a `with` forgot to call it."""
    cdef object function
    cdef int recording, training          # of the scope that it makes when it is given nothing
    cdef dict __dict__

    def __call__(self, *args, **kwargs):
        if not args and not kwargs:
            return new_scope(self.recording, self.training)
        return self.function(*args, **kwargs)

    def __enter__(self):
        raise TypeError(f"with autograd.{self.__name__}: the scope is made by a call: "
                        f"with autograd.{self.__name__}():")

    def __exit__(self, *exc):
        return None

    def __reduce__(self):
        return self.__name__          # as a function: the one of this name in this module

    def __repr__(self):
        return f"<function {self.__name__}>"


def _makes_scopes(function):
    """Return the function as a ScopeMaker."""
    cdef ScopeMaker maker = ScopeMaker.__new__(ScopeMaker)
    cdef Scope scope = function()
    maker.function = function
    maker.recording, maker.training = scope.recording, scope.training
    functools.update_wrapper(maker, function)
    return maker


@_makes_scopes
def record(bint train_mode=True) -> Scope:
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
    return new_scope(1, train_mode)


@_makes_scopes
def pause(bint train_mode=False) -> Scope:
    """Return a scope in which nothing is recorded.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.record(), autograd.pause():
    ...     autograd.is_recording()
    False
    """
    return new_scope(0, train_mode)


@_makes_scopes
def train_mode() -> Scope:
    """Return a scope in which layers behave as in training; recording stays as it is.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.train_mode():
    ...     autograd.is_recording(), autograd.is_training()
    (False, True)
    """
    return new_scope(-1, 1)


@_makes_scopes
def predict_mode() -> Scope:
    """Return a scope in which layers behave as in prediction; recording stays as it is.

    Examples
    --------
    >>> from microlazy import autograd
    >>> with autograd.record(), autograd.predict_mode():
    ...     autograd.is_recording(), autograd.is_training()
    (True, False)
    """
    return new_scope(-1, 0)


def is_recording() -> bool:
    """Whether this thread records for autograd."""
    return bool(state().recording)


def is_training() -> bool:
    """Whether this thread is in training mode (dropout drops)."""
    return bool(state().training)


def set_recording(bint recording) -> bool:
    """Turn recording on or off for this thread; returns what it was."""
    before = bool(state().recording)
    set_mode(state(), recording, state().tracing)
    return before


def set_training(bint training) -> bool:
    """Turn training mode on or off for this thread; returns what it was."""
    before = bool(state().training)
    state().training = training
    return before
