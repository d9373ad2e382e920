"""Build networks of your own: blocks, layers, parameters, sharing, saving.

What you learn: a block is a Python class that holds other blocks and says how a value goes through
them; a layer is a block with parameters of its own. Both may leave every input size open. Then: how
to reach, read, fill and share parameters, and how to keep them in a file. All of it is used on 178
wines, of which 13 chemical measures are known (they come with scikit-learn). A network whose two
halves share their weights puts each wine into the plane, and a picture shows that the three growers
can be told apart there, though the network was never told who grew what.

Run: python tutorials/builders_guide.py [--output DIR]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy
from sklearn.datasets import load_wine
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, np, npx
from microlazy.gluon import nn

npx.set_np()
mx.random.seed(3)

wine = load_wine()
measures = (wine.data - wine.data.mean(axis=0)) / wine.data.std(axis=0)
x, growers = np.array(measures, dtype="float32"), wine.target


# ---- 1. A block of your own ----------------------------------------------------------------------


class Residual(nn.HybridBlock):
    """What a block does, added to what came in (He et al. 2016)."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        # An attribute that is a block becomes a child: its parameters are found through it.
        self.body = nn.HybridSequential()
        self.body.add(nn.Dense(width, activation="relu"), nn.Dense(width))

    def forward(self, x):
        return x + self.body(x)


class Deep(nn.HybridBlock):
    """As many residual blocks as you like; any Python that builds them will do."""

    def __init__(self, width, depth, **kwargs):
        super().__init__(**kwargs)
        self.enter = nn.Dense(width)
        self.blocks = nn.HybridSequential()
        for _ in range(depth):
            self.blocks.add(Residual(width))
        self.leave = nn.Dense(3)

    def forward(self, x):
        return self.leave(self.blocks(self.enter(x)))


net = Deep(width=16, depth=2)
net.initialize(init.Xavier())
print("1. a block of blocks, before and after the first batch")
print(f"   {net.enter}")
net(x)
print(f"   {net.enter}")


# ---- 2. A layer with parameters of its own -------------------------------------------------------


class Radial(nn.HybridBlock):
    """How near an input is to each of some centers: exp(-|x - center|^2 / (2 width^2)).

    Broomhead and Lowe 1988. The centers have as many coordinates as the input, which is not known
    yet: that size is left open.
    """

    def __init__(self, centers, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.centers = self.params.get(
                "centers", shape=(centers, 0), init=init.Normal(1), allow_deferred_init=True
            )
            self.widths = self.params.get("widths", shape=(centers,), init=init.Constant(3))

    def infer_shape(self, x, *_):
        # Called once, at the first input, for the sizes that are still open.
        self.centers.shape = (self.centers.shape[0], x.shape[1])

    def hybrid_forward(self, F, x, centers, widths):
        distances = ((np.expand_dims(x, 1) - centers) ** 2).sum(axis=2)
        return np.exp(-distances / (2 * widths**2))


radial = Radial(5)
radial.initialize()
print("2. a layer of your own finds its size as those of the package do")
print(f"   {radial.centers}")
print(f"   its output for one wine: {radial(x[:1]).round(3)}")
print(f"   {radial.centers}")


# ---- 3. Reaching parameters ----------------------------------------------------------------------

print("3. parameters by path, by name and by pattern")
weight = net.blocks[0].body[1].weight
print(f"   {weight.name} has shape {weight.shape}")
biases = net.collect_params(".*bias")
print(f"   {len(net.collect_params().keys())} parameters, {len(biases.keys())} of them biases")

weight.set_data(np.zeros_like(weight.data()))  # fill one
biases.setattr("lr_mult", 2.0)  # all biases learn twice as fast
before = weight.data().copy()
loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
with autograd.record():
    loss = loss_of(net(x), np.array(growers))
loss.backward()
print(f"   the loss is {loss.mean().item():.3f}, the weight's gradient {weight.grad().shape}")
trainer.step(len(x))
print(f"   a step moved the weight by at most {abs(weight.data() - before).max().item():.4f}")

net.blocks.initialize(init.Xavier(), force_reinit=True)  # a part of the network anew
print("   and a part of the network was initialized again")


# ---- 4. Sharing parameters -----------------------------------------------------------------------


class Autoencoder(nn.HybridBlock):
    """Wines to the plane and back, with one set of weights for both ways.

    The way back uses the weights of the way there, the other way round. Each is used twice, so
    its gradient is the sum of both uses; nothing has to be said for that.
    """

    def __init__(self, hidden, **kwargs):
        super().__init__(**kwargs)
        self.hidden = nn.Dense(hidden, activation="tanh")
        self.plane = nn.Dense(2)
        with self.name_scope():
            self.bias = self.params.get("bias", shape=(0,), init="zeros", allow_deferred_init=True)

    def infer_shape(self, x, *_):
        self.bias.shape = (x.shape[1],)

    def code(self, x):
        """Return the two coordinates of each wine."""
        return self.plane(self.hidden(x))

    def hybrid_forward(self, F, x, bias):
        back = np.tanh(np.dot(self.code(x), self.plane.weight.data()))
        return np.dot(back, self.hidden.weight.data()) + bias


print("4. one layer used twice, and two layers with the same parameters")
first = nn.Dense(4, in_units=4)
second = nn.Dense(4, params=first.params)  # another layer, the same parameters
first.initialize()
print(f"   the same weight: {first.weight is second.weight}")

tied = Autoencoder(16)
tied.initialize(init.Xavier())
print(f"   the way to the plane and back has {len(tied.collect_params().keys())} parameters")
distance = gluon.loss.L2Loss()
trainer = gluon.Trainer(tied.collect_params(), "adam", {"learning_rate": 0.01})
losses = []
with tqdm(range(600), unit="step", leave=False) as steps:
    for _ in steps:
        with autograd.record():
            loss = distance(tied(x), x)
        loss.backward()
        trainer.step(len(x))
        losses.append(loss.mean().item())
        steps.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
# Half of the mean square: of standardized measures it is 0.5 when nothing is known.
print(f"   what is lost on the way falls from {losses[0]:.3f} to {losses[-1]:.3f}")


# ---- 5. Saving -----------------------------------------------------------------------------------

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--output", type=Path, default=Path("."), help="for picture and parameters")
output = parser.parse_args().output
output.mkdir(parents=True, exist_ok=True)
picture, parameters = output / "wines.png", output / "wines.params"

print("5. parameters in a file, and back into a network that has seen no batch")
tied.save_parameters(str(parameters))
print(f"   in the file: {', '.join(mx.npx.load(str(parameters)))}")
fresh = Autoencoder(16)
fresh.load_parameters(str(parameters))
print(f"   {fresh.hidden}")
print(f"   the same code for every wine: {(fresh.code(x) == tied.code(x)).all().item()}")


# ---- The picture ---------------------------------------------------------------------------------

codes = fresh.code(x).asnumpy()
figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.8), width_ratios=(1, 1.4), layout="constrained"
)
left.plot(losses, color="#30638e")
left.set(xlabel="step", ylabel="loss", title="What is lost on the way to the plane and back")
for grower, color in enumerate(("#d1495b", "#30638e", "#edae49")):
    theirs = codes[growers == grower]
    right.scatter(*theirs.T, s=22, color=color, label=f"grower {grower + 1}", alpha=0.8)
right.set(title="178 wines in the plane: the network never saw who grew them", xticks=[], yticks=[])
right.legend(frameon=False)
left.grid(alpha=0.25)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
figure.savefig(picture, dpi=120)
plt.close(figure)

# How many wines have a nearest other wine of the same grower, there in the plane?
distances = numpy.linalg.norm(codes[:, None] - codes, axis=2)
numpy.fill_diagonal(distances, numpy.inf)
alike = (growers[distances.argmin(axis=1)] == growers).mean()
print(f"   the nearest wine in the plane is the same grower's for {100 * alike:.0f} % of the wines")
print(f"saved {picture} and {parameters}")
