"""Deferred initialization: what can be asked of a parameter before the first batch, and after.

What you learn: a parameter goes through three states. Declared: some axes are unknown. Deferred:
`initialize` was called and is remembered. Live: a batch has come by, and there are values. Asking
for values too early is an error that says which state the parameter is in.
"""

from microlazy import np, npx
from microlazy.gluon import nn

npx.set_np()


def get_net():
    """Return a network of two layers that does not know the width of its input."""
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"))
    net.add(nn.Dense(10))
    return net


net = get_net()

# 1. Declared: the parameters are there, their shapes are not complete.
print(net.collect_params)
print(net.collect_params())

# No values yet, for nobody has asked for any.
try:
    net[0].weight.data()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# 2. Deferred: initialize() is remembered, and nothing else has changed.
net.initialize()
print(net.collect_params())

# Still no values, now for another reason.
try:
    net[0].weight.data()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# 3. Live: the first batch goes through the layers in their order, each finds its size from what
# reaches it, and is initialized.
X = np.random.uniform(size=(2, 20))
net(X)
print(net.collect_params())

# By default weights are drawn evenly from -0.07 to 0.07, and biases are 0.
print(np.abs(net[0].weight.data()).max() <= 0.07)
print(net[1].bias.data())

# 4. TensorFlow's tab of this lesson lists the weights of each layer: empty lists, then shapes.
# Here a layer's own parameters are in `params`.
print([[parameter.shape for parameter in layer.params.values()] for layer in net])
