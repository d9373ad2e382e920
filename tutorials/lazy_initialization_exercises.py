"""The exercises of the lesson on lazy initialization, answered by running them.

What you learn: what is initialized at once when only some sizes are given, what happens when sizes
do not fit, how one network takes inputs of several widths, what tied parameters do to gradients,
and two ways to choose your own values.
"""

import microlazy as mx
from microlazy import autograd, init, np, npx
from microlazy.gluon import nn

npx.set_np()


def shapes(net):
    """Return the shape of every parameter by its name."""
    return {name: parameter.shape for name, parameter in net.collect_params().items()}


# 1. A lazy network, looked at layer by layer before any data.
net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize()
print(net)
print(shapes(net))

# Exercise 1: what if only the first layer knows its input size? Is it initialized at once?
# Way one: run only the first layer. It comes to life, the second one still waits.
X = np.random.uniform(size=(2, 20))
print(net[0](X).shape)
print(net)

# The whole network finishes the rest.
print(net(X).shape)
print(net)

# Way two: write the first size. That layer's parameters are live right after initialize(), without
# any data; the second layer's weight is not. So the answer: at once, where the sizes are known.
net = nn.Sequential()
net.add(nn.Dense(256, in_units=784, activation="relu"), nn.Dense(10))
net.initialize()
print(net)
print(net[0].weight.data().shape)
try:
    net[1].weight.data()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# Exercise 2: what if sizes do not fit? Written sizes are believed until data comes: the network
# can be built and initialized, and the first batch is refused.
net = nn.Sequential()
net.add(nn.Dense(256, in_units=784, activation="relu"), nn.Dense(10, in_units=64))
net.initialize()
X = np.random.uniform(size=(2, 784))
try:
    net(X)
except mx.base.MXNetError as error:
    print(f"{type(error).__name__}: {error}")

# Exercise 3: what about inputs whose size changes? Another batch size is no matter. Another number
# of columns is: the weight that was made for the first number stays.
net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize()
print(net(np.ones((2, 20))).shape, net(np.ones((5, 20))).shape)
try:
    net(np.ones((2, 30)))
except mx.base.MXNetError as error:
    print(f"{type(error).__name__}: {error}")

# The way out is to tie: a first layer for each width, and for all of them the same rest.
rest = nn.Dense(10, in_units=256)
rest.initialize()
nets = {}
for width in (20, 30):
    nets[width] = nn.Sequential()
    nets[width].add(nn.Dense(256, activation="relu"))
    nets[width].add(nn.Dense(10, in_units=256, params=rest.params))
    nets[width][0].initialize()
    print(width, nets[width](np.ones((2, width))).shape, shapes(nets[width]))
print(nets[20][1].weight is nets[30][1].weight)

# Going on: tied layers and gradients. y = w * (w * x), so dy/dw = 2 * w * x: both uses of w add
# their part to the one gradient.
first = nn.Dense(1, in_units=1, use_bias=False)
net = nn.Sequential()
net.add(first, nn.Dense(1, in_units=1, use_bias=False, params=first.params))
net.initialize(init.Constant(3))
with autograd.record():
    y = net(np.array([[2]]))
y.backward()
print(y.item(), first.weight.grad().item())

# Going on: gradients over several batches. By default a backward pass replaces the gradient; with
# "add" it adds to it, until somebody writes zeros.
first.weight.grad_req = "add"
for _ in range(3):
    with autograd.record():
        y = net(np.array([[2]]))
    y.backward()
print(first.weight.grad().item())
first.weight.grad()[:] = 0
print(first.weight.grad().item())


# Going on: values of your own. A distribution is a class with one method ...
class TwoSided(init.Initializer):
    """Draw 0 half of the time, and else from U(5, 10) or U(-10, -5)."""

    def _init_weight(self, name, data):
        data[:] = np.random.uniform(-10, 10, data.shape)
        data *= np.abs(data) >= 5


net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize(TwoSided())
net(np.ones((2, 20)))
size = np.abs(net[0].weight.data())
print(((size == 0) + (size >= 5) * (size <= 10)).min())

# ... and single values are written to the array itself, or given as a whole.
net[0].weight.data()[:] += 1
net[0].weight.data()[0, 0] = 42
print(net[0].weight.data()[0, 0])
net[1].bias.set_data(np.arange(10))
print(net[1].bias.data())

# ---- Beyond MXNet ----------------------------------------------------------------------------

# Exercise 1 without data: explain() tells which parameters wait, and for what. A dry run gives
# them their sizes from a shape alone.
net = nn.Sequential()
net.add(nn.Dense(256, in_units=784, activation="relu"), nn.Dense(10))
net.initialize()
print(net.explain())
print(net.dry_run((2, 784)))
print(shapes(net))
