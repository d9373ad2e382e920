"""Lazy initialization: a network that is written without saying how wide its input is.

What you learn: what a parameter knows before the first batch, what `initialize` does and what it
puts off, and how one batch gives every layer its size. The same lesson is often told in other
frameworks; the last parts show their steps in microlazy's terms.
"""

from microlazy import init, np, npx
from microlazy.gluon import nn

npx.set_np()

# 1. A perceptron with one hidden layer. Each layer says how many outputs it has; nobody says how
# many inputs.
net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"))
net.add(nn.Dense(10))

# The method, printed, shows the layers; its result shows the parameters. -1 is a size that is not
# known yet. A bias is as long as its layer's output, so its shape is known already.
print(net.collect_params)
print(net.collect_params())

# 2. `initialize` notes down that we want values, and how to draw them. It cannot draw them: the
# shapes are as unknown as before.
net.initialize()
print(net.collect_params())

# 3. The first batch has 20 columns. So the first weight is 256 x 20; then the second layer sees
# 256 columns, and so on. Each weight is drawn as soon as its shape is known.
X = np.random.uniform(size=(2, 20))
net(X)
print(net.collect_params())

# 4. PyTorch has lazy layers of their own name (nn.LazyLinear), whose weight prints as an
# uninitialized parameter until the first batch. Here every layer is lazy, and its weight prints
# what is known.
layer = nn.Dense(256)
layer.initialize()
print(layer.weight)
layer(X)
print(layer.weight.shape)

# 5. TensorFlow's get_weights lists the values that exist: none, then all (it stores a weight as
# inputs x outputs, we as outputs x inputs).
net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize()


def live_shapes(net):
    """Return the shapes of the parameters whose every axis is known."""
    shapes = [parameter.shape for parameter in net.collect_params().values()]
    return [shape for shape in shapes if -1 not in shape]


print(live_shapes(net))
net(X)
print(live_shapes(net))

# 6. JAX keeps parameters outside of the network, in a tree that `init` returns; its shapes are
# read by mapping over the tree. Here the parameters stay inside and have names.
print({name: parameter.shape for name, parameter in net.collect_params().items()})

# 7. Other values than the default ones: d2l's `apply_init` runs a batch for its sizes only, then
# initializes again, now at once.
net.initialize(init.Constant(0.01), force_reinit=True)
print(net[1].weight.data()[0, :3])

# ---- Beyond MXNet ----------------------------------------------------------------------------

# 8. The batch of step 7 need not exist. A dry run takes a shape, finds every size and draws every
# weight, and computes nothing; it returns the shape of the output.
net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize(init.Constant(0.01))
print(net.dry_run((2, 20)))
print({name: parameter.shape for name, parameter in net.collect_params().items()})

# 9. And at any time the network explains what it knows about its parameters, and why.
print(net.explain())
