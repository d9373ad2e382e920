"""Deferred initialization seen from both sides: when it happens, and the two ways around it.

What you learn: with an initializer that prints, you see that `initialize` alone runs nothing, that
the first batch runs it once, that a network with known shapes is initialized at once, and what a
batch of another shape does then.
"""

import microlazy as mx
from microlazy import init, nd
from microlazy.gluon import nn


class MyInit(init.Initializer):
    """Print the name and shape of every weight; fill it with ones."""

    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        data[:] = 1


# 1. No line from MyInit here: the input size of the first layer is not known.
net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize(init=MyInit())
print("waiting:", net[0].weight.shape, net[1].weight.shape)

# 2. The first batch brings it, and both weights are initialized, in the order of the layers.
X = nd.random.uniform(shape=(2, 20))
Y = net(X)

# 3. Once and for all: the second batch initializes nothing.
Y = net(X)
print("ready:", net[0].weight.shape, net[1].weight.shape)

# 4. Around it, way one: the shapes are known from before.
net.initialize(init=MyInit(), force_reinit=True)

# 5. Way two: say every input size yourself.
net = nn.Sequential()
net.add(nn.Dense(256, in_units=20, activation="relu"))
net.add(nn.Dense(10, in_units=256))
net.initialize(init=MyInit())

# 6. The exercise: change the shape of X before the next batch. The number of rows is free ...
print(net(nd.random.uniform(shape=(7, 20))).shape)

# ... the number of columns is part of the weight, and nothing is initialized again for it.
try:
    net(nd.random.uniform(shape=(2, 30)))
except mx.base.MXNetError as error:
    print(f"{type(error).__name__}: {error}")
