"""What lazy sizes mean for convolutions, when the image size changes.

What you learn: which sizes of a convolutional network depend on the image and which do not. A
convolution needs the number of channels only, so it takes images of any size, before and after its
parameters exist. A dense layer behind it needs all pixels: the first image decides. A dry run on a
shape finds all sizes and computes nothing; global pooling makes the network free of the image's
size. The script trains such a network on small images of three shapes that it draws itself and
then lets it look at a large one. The picture shows where in the large image it finds which shape.

Run: python tutorials/lazy_convolutions.py [--steps 150] [--output DIR]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, np, npx
from microlazy.gluon import nn

npx.set_np()

SHAPES = ("disc", "square", "cross")
COLORS = ("#d1495b", "#30638e", "#edae49")


# ---- 1. What depends on the image's size ---------------------------------------------------------


def with_dense():
    """Return a network whose dense layer sees every pixel that the convolutions leave."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(8, kernel_size=3, padding=1, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(16, kernel_size=3, padding=1, activation="relu"),
        nn.MaxPool2D(2),
        nn.Dense(3),
    )
    net.initialize(init.Xavier())
    return net


def sizes():
    """Show what a dry run finds for images of several sizes, and what is refused afterwards."""
    for shape in ((1, 1, 16, 16), (1, 1, 32, 32), (1, 3, 20, 28)):
        net = with_dense()
        net.dry_run(shape)
        print(f"{str(shape[1:]):12}", *(net[i].weight.shape for i in (0, 2, 4)))
    print("the image's channels change the first layer, its size only the dense one")

    net = with_dense()
    net(np.zeros((1, 1, 16, 16)))
    print(f"after an image of 16 x 16: {net[4]}")
    try:
        net(np.zeros((1, 1, 32, 32)))
    except mx.base.MXNetError as error:
        print(f"an image of 32 x 32: {error}")
    # The convolutions take the larger image; only the dense layer must be made anew.
    dense = nn.Dense(3)
    dense.initialize(init.Xavier())
    dense(net[:4](np.zeros((1, 1, 32, 32))))
    print(f"behind the same convolutions, made anew: {dense}")


# ---- 2. A network for images of every size -------------------------------------------------------


class Anywhere(nn.HybridBlock):
    """Says what an image shows; `places` says it for every place of the image."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.look = nn.HybridSequential()
        for channels in (8, 16, 32):
            self.look.add(nn.Conv2D(channels, kernel_size=3, padding=1, use_bias=False))
            self.look.add(nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D(2))
        # A convolution with a window of one pixel is a dense layer for each place.
        self.scores = nn.Conv2D(len(SHAPES) + 1, kernel_size=1)  # and one for nothing

    def places(self, images):
        """Return scores for each place: (images, kinds, height / 8, width / 8)."""
        return self.scores(self.look(images))

    def forward(self, images):
        return self.places(images).mean(axis=(2, 3))


def stamp(image, kind, row, column, size):
    """Draw a shape into an image, with its corner at a place."""
    across = numpy.linspace(-1, 1, size)
    y, x = numpy.meshgrid(across, across, indexing="ij")
    inside = {
        "disc": x**2 + y**2 <= 1,
        "square": numpy.maximum(abs(x), abs(y)) <= 0.85,
        "cross": numpy.minimum(abs(x), abs(y)) <= 0.25,
    }[kind]
    image[row : row + size, column : column + size] += inside


def small_images(count, rng, size=16):
    """Return images of one shape or none each, with noise, and what they show."""
    images = rng.normal(0, 0.15, (count, 1, size, size)).astype("float32")
    kinds = rng.integers(0, len(SHAPES) + 1, count)
    for image, kind in zip(images, kinds, strict=True):
        if kind < len(SHAPES):
            span = rng.integers(9, 13)
            row, column = rng.integers(0, size - span + 1, 2)
            stamp(image[0], SHAPES[kind], row, column, span)
    return images, kinds


def large_image(rng, height=96, width=144):
    """Return one large image with a shape in each of its fields, and what stands where."""
    image = rng.normal(0, 0.15, (height, width)).astype("float32")
    fields = []
    for row in range(0, height, 24):
        for column in range(0, width, 24):
            kind = rng.integers(0, len(SHAPES) + 1)
            if kind < len(SHAPES):
                stamp(image, SHAPES[kind], row + 6, column + 6, 12)
            fields.append((row + 12, column + 12, kind))
    return image, fields


def train(net, steps, rng):
    """Train on freshly drawn images."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    with tqdm(range(steps), unit="step", leave=False) as progress:
        for _ in progress:
            images, kinds = small_images(64, rng)
            with autograd.record():
                loss = loss_of(net(np.array(images)), np.array(kinds))
            loss.backward()
            trainer.step(len(images))
            progress.set_postfix(loss=f"{loss.mean().item():.3f}", refresh=False)


def draw(image, likely, path):
    """Draw the large image, and the likeliest shape at each place as a patch of color."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for axes in (left, right):
        axes.imshow(image, cmap="gray_r", vmin=-0.3, vmax=1.2)
        axes.set(xticks=[], yticks=[])
    left.set_title("A large image; the network was trained on 16 x 16 pixels")
    for kind, color in enumerate(COLORS):
        paint = numpy.zeros((*likely.shape[1:], 4))
        paint[..., :3] = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        paint[..., 3] = 0.75 * likely[kind]
        right.imshow(paint, extent=(-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5))
        right.plot([], [], "s", color=color, label=SHAPES[kind])
    right.set_title("What it sees at each place")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Show the sizes, train the network for every size, let it look at a large image."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0, help="of the images and the network")
    parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
    args = parser.parse_args()
    if args.steps < 1:
        parser.error("--steps must be at least 1")
    args.output.mkdir(parents=True, exist_ok=True)
    rng = numpy.random.default_rng(args.seed)
    mx.random.seed(args.seed)

    sizes()
    net = Anywhere()
    net.initialize(init.Xavier())
    net.hybridize()  # a plan for each size of image
    train(net, args.steps, rng)
    images, kinds = small_images(400, rng)
    read = net(np.array(images)).argmax(axis=1).asnumpy()
    print(f"of 400 new images of 16 x 16 it reads {(read == kinds).sum()} right")

    image, fields = large_image(rng)
    scores = net.places(np.array(image[None, None]))
    print(f"an image of {image.shape} gives scores of shape {scores.shape}")
    likely = npx.softmax(scores[0], axis=0).asnumpy()
    found = [likely[:, row // 8, column // 8].argmax() for row, column, _ in fields]
    right = sum(kind == guess for (_, _, kind), guess in zip(fields, found, strict=True))
    print(f"it finds {right} of {len(fields)} fields right")
    draw(image, likely, args.output / "lazy_convolutions.png")
    print(f"saved {args.output / 'lazy_convolutions.png'}")


if __name__ == "__main__":
    main()
