"""Initialization in Gluon, from deferred to custom, and parameters that layers share.

What you learn: when initialization really happens (with an initializer that tells), how to force
it, how to choose a distribution for a network, a layer or one parameter, how to write your own,
how to write values by hand, and how two layers share one weight. This is the notebook's whole way
in the older `nd` arrays.
"""

from microlazy import init, nd
from microlazy.gluon import nn


def getnet():
    """Return a network of two layers that does not know the width of its input."""
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"))
    net.add(nn.Dense(10))
    return net


# 1. Unknown sizes: under `nd` they print as 0, and as None in the layers.
net = getnet()
print(net.collect_params())
print(net)

# 2. Asking for values changes no shape.
net.initialize()
print(net.collect_params())

# 3. Data does.
x = nd.random.uniform(shape=(2, 20))
net(x)
print(net.collect_params())


# 4. When exactly? This initializer fills nothing, it only tells when it is called. Biases are not
# its business, so they are not told.
class PrintInit(init.Initializer):
    """Print the name and shape of every weight, and leave its values alone."""

    def _init_weight(self, name, data):
        print("Init", name, data.shape)


net = getnet()
net.initialize(init=PrintInit())
print("initialize() is done")
x = nd.random.uniform(shape=(2, 20))
y = net(x)
print("the first batch is done")
y = net(x)
print("the second batch is done")

# 5. At once, because the shapes are known: a network that has seen data, initialized again ...
net.initialize(init=PrintInit(), force_reinit=True)

# ... and one that was told its input sizes.
net = nn.Sequential()
net.add(nn.Dense(256, in_units=20, activation="relu"))
net.add(nn.Dense(10, in_units=256))
net.initialize(init=PrintInit())

# 6. Ready-made distributions: a narrow bell ...
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
print(net[0].weight.data()[0])

# ... a constant ...
net.initialize(init=init.Constant(1), force_reinit=True)
print(net[0].weight.data()[0])

# ... and different ones: Xavier's for the first weight, 42 for the second layer. Biases start at 0
# whatever the network's initializer is.
net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
net[1].initialize(init=init.Constant(42), force_reinit=True)
print(net[0].weight.data()[0])
print(net[0].bias.data()[0])
print(net[1].weight.data()[0, 0])
print(net[1].bias.data()[0])


# 7. Your own: half of the weights 0, the others between 5 and 10 in size, of either sign.
class MyInit(init.Initializer):
    """Draw from U(-10, 10) and set to 0 what is smaller than 5."""

    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        data[:] = nd.random.uniform(low=-10, high=10, shape=data.shape)
        data *= data.abs() >= 5


net.initialize(MyInit(), force_reinit=True)
print(net[0].weight.data()[0])

# 8. By hand: data() is the parameter's own array, so writing to it writes to the network.
net[0].weight.data()[:] += 1
net[0].weight.data()[0, 0] = 42
print(net[0].weight.data()[0])

# 9. Tied parameters: the third layer is made with the parameters of the second.
net = nn.Sequential()
shared = nn.Dense(8, activation="relu")
net.add(
    nn.Dense(8, activation="relu"),
    shared,
    nn.Dense(8, activation="relu", params=shared.params),
    nn.Dense(10),
)
net.initialize()
x = nd.random.uniform(shape=(2, 20))
net(x)

# The same values, and after a change of one still the same: it is one object, not two equal ones.
print(net[1].weight.data()[0] == net[2].weight.data()[0])
net[1].weight.data()[0, 0] = 100
print(net[1].weight.data()[0] == net[2].weight.data()[0])
print(net[1].weight is net[2].weight)
