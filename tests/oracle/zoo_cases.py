"""The networks of the model zoo, with values and images that MXNet and microlazy both compute."""

import hashlib
import math
import zlib

import numpy

# The least side of a square image that each family takes; small where there is a choice.
SIDES = {
    "alexnet": 64,
    "densenet": 224,
    "inception": 299,
    "mobilenet": 32,
    "resnet": 32,
    "squeezenet": 224,
    "vgg": 32,
}

# What is computed too: each family's smallest, and what the others have besides.
COMPUTED = (
    *("alexnet", "densenet121", "inceptionv3", "mobilenet0.25", "mobilenetv2_0.5"),
    *("resnet18_v1", "resnet50_v1", "resnet18_v2", "resnet50_v2"),
    *("squeezenet1.0", "squeezenet1.1", "vgg11", "vgg11_bn"),
)


def side_of(name):
    """The side of the images that a network is given."""
    return next(side for family, side in SIDES.items() if name.startswith(family))


def image(name):
    """An image of shape (1, 3, side, side)."""
    side = side_of(name)
    return pattern("image", (1, 3, side, side)).astype("float32")


def pattern(name, shape):
    """Numbers from -1 to 1 that look random and depend on a name and a shape alone."""
    start = zlib.crc32(name.encode()) % 10007
    count = numpy.arange(math.prod(shape), dtype="float64") + start
    return (numpy.modf(count * 0.6180339887498949)[0] * 2 - 1).reshape(shape)


def values(path, shape):
    """First values for the parameter at a path, such that layers keep the size of what they see."""
    numbers = pattern(path, shape)
    role = path.rpartition(".")[2]
    if role in ("gamma", "running_var"):
        return 1 + 0.25 * numbers
    if role in ("bias", "beta", "running_mean"):
        return 0.25 * numbers
    return numbers * math.sqrt(6 / math.prod(shape[1:]))


def fill(net, array):
    """Give all parameters their values; `array` makes an array of the library's."""
    for path, parameter in net._collect_params_with_prefix().items():
        parameter.set_data(array(values(path, parameter.shape)))


def outline(net):
    """How many parameters a network has, and hashes of their paths, names and shapes."""
    paths = [f"{path} {p.shape}" for path, p in net._collect_params_with_prefix().items()]
    names = [
        f"{name.removeprefix(net.prefix)} {p.shape}" for name, p in net.collect_params().items()
    ]
    hashes = [
        hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] for lines in (paths, names)
    ]
    return [len(paths), *hashes, net.prefix.rstrip("0123456789_")]
