"""Data sets for `test_data`, in a file that a spawned worker imports quickly."""

import os
import random
import signal

import numpy

import microlazy as mx
from microlazy.gluon.data import Dataset


class Numbers(Dataset):
    """Sample i is its number, an array, and what a function makes of the number."""

    def __init__(self, length, fn=None):
        self.length, self.fn = length, fn

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        return i, numpy.full((2, 3), i, "float32"), self.fn(i) if self.fn else 0


def noise(i):
    return random.random() + numpy.random.rand() + mx.nd.random.uniform().asscalar()


def refuse_seven(i):
    if i == 7:
        raise KeyError("seven")
    return i


class Odd(Exception):
    def __init__(self, one, two):  # cannot be made again from its arguments
        super().__init__(f"{one} and {two}")


def refuse_oddly(i):
    raise Odd(1, 2)


def die(i):
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_ever(i):
    signal.pause()


def late(i):
    raise TimeoutError("the server is slow")


def unpicklable(i):
    return lambda: i


def end(i):
    """Raise what ends a loop."""
    if i == 3:
        raise StopIteration
    return float(i)
