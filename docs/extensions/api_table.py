"""The pages of the API: their modules, their order, and where their differences are told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page: its file's name, title, module, and the files of the module that are its sections."""

    group: str
    name: str
    title: str
    module: str
    parts: tuple[str, ...] = ()
    rest: bool = True  # names that no part has stand here too
    see: str = ""


ARRAYS = "Arrays"
NETWORKS = "Networks"
TRAINING = "Training"
DATA = "Data"
GRAPHS = "Graphs and MXNet's older interfaces"
AROUND = "Around"
DIALECTS = "Dialects"

NUMPY = (
    "How arrays differ from NumPy's: [coming from NumPy](../coming_from_numpy.md). "
    "How each function runs: [arrays](../arrays.md)."
)
ND = (
    "How `nd` and `np` differ: [two kinds of arrays](../coming_from_mxnet.md#two-kinds-of-arrays). "
    "How each function runs: [arrays](../arrays.md)."
)
LAYERS = (
    "What differs from MXNet: [networks and the training loop]"
    "(../coming_from_mxnet.md#networks-and-the-training-loop)."
)
IMAGES = "What differs from MXNet: [data and images](../coming_from_mxnet.md#data-and-images)."
MODELS = "What differs from MXNet: [models in files](../coming_from_mxnet.md#models-in-files)."
TOOLS = "What differs from MXNet: [around Gluon](../coming_from_mxnet.md#around-gluon)."
TORCH = "Where it differs from PyTorch: [dialects](../dialects.md#pytorch)."
KERAS = "Where it differs from Keras: [dialects](../dialects.md#keras)."
FLAX = "Where it differs from Flax: [dialects](../dialects.md#flax)."


def _np(name: str, title: str, *parts: str) -> Page:
    return Page(ARRAYS, name, title, "microlazy.numpy", parts, rest=False, see=NUMPY)


def _nd(name: str, title: str, *parts: str, rest: bool = False) -> Page:
    return Page(ARRAYS, name, title, "microlazy.ndarray", parts, rest=rest, see=ND)


def _page(group: str, module: str, see: str = "", title: str = "") -> Page:
    return Page(group, module, f"`{title or module}`", f"microlazy.{module}", see=see)


PAGES = [
    _np("np.creation", "`np`: arrays made", "creation", "ranges", "index_tricks"),
    _np("np.elementwise", "`np`: functions of each element", "elementwise"),
    _np("np.shapes", "`np`: shapes, joining, padding", "manipulation", "joining", "padding"),
    _np("np.elements", "`np`: indexing, sorting, sets", "indexing", "puts", "sorting", "sets"),
    _np(
        "np.statistics",
        "`np`: sums, statistics, histograms",
        *("statistics", "nan_statistics", "quantiles", "histograms"),
    ),
    _np(
        "np.products",
        "`np`: products, differences, polynomials",
        *("products", "differences", "polynomials", "functional"),
    ),
    Page(
        ARRAYS,
        "np",
        "`np`: the array, dtypes, files, printing",
        "microlazy.numpy",
        ("dtypes", "files", "memory", "printing"),
        see=NUMPY,
    ),
    _page(ARRAYS, "numpy.linalg", NUMPY, "np.linalg"),
    _page(ARRAYS, "numpy.fft", NUMPY, "np.fft"),
    _page(ARRAYS, "numpy.random", NUMPY, "np.random"),
    _page(ARRAYS, "numpy_extension", NUMPY, "npx"),
    _page(ARRAYS, "numpy_extension.random", NUMPY, "npx.random"),
    _page(ARRAYS, "numpy_extension.image", IMAGES, "npx.image"),
    _nd("nd.creation", "`nd`: arrays made, shapes, parts", "creation", "manipulation", "indexing"),
    _nd("nd.elementwise", "`nd`: functions of each element", "elementwise"),
    _nd("nd.reductions", "`nd`: sums, products, order", "reductions", "products", "sorting"),
    _nd("nd.layers", "`nd`: layers", "layers", "output_layers"),
    _nd("nd.updates", "`nd`: steps of optimizers", "updates"),
    _nd(
        "nd",
        "`nd`: the array, files, older names",
        *("random_aliases", "densities"),
        rest=True,
    ),
    _page(ARRAYS, "ndarray.linalg", ND, "nd.linalg"),
    _page(ARRAYS, "ndarray.random", ND, "nd.random"),
    _page(ARRAYS, "ndarray.contrib", ND, "nd.contrib"),
    _page(ARRAYS, "ndarray.image", IMAGES, "nd.image"),
    _page(ARRAYS, "random"),
    _page(
        ARRAYS,
        "autograd",
        "What differs from MXNet: [what is better here]"
        "(../coming_from_mxnet.md#what-is-better-here).",
    ),
    _page(
        ARRAYS,
        "context",
        "Several contexts on one CPU: [coming from MXNet]"
        "(../coming_from_mxnet.md#several-contexts).",
    ),
    _page(ARRAYS, "util"),
    _page(NETWORKS, "gluon", LAYERS),
    _page(NETWORKS, "gluon.nn", LAYERS),
    _page(NETWORKS, "gluon.rnn", LAYERS),
    _page(NETWORKS, "gluon.loss", LAYERS),
    _page(NETWORKS, "gluon.utils", LAYERS),
    _page(NETWORKS, "gluon.model_zoo.vision", LAYERS),
    _page(NETWORKS, "gluon.model_zoo.model_store", LAYERS),
    _page(NETWORKS, "gluon.contrib.nn", LAYERS),
    _page(NETWORKS, "gluon.contrib.rnn", LAYERS),
    _page(NETWORKS, "gluon.contrib.cnn", LAYERS),
    _page(NETWORKS, "initializer", LAYERS, "init"),
    _page(TRAINING, "optimizer", LAYERS),
    _page(TRAINING, "lr_scheduler", LAYERS),
    _page(TRAINING, "metric", LAYERS),
    _page(TRAINING, "kvstore", LAYERS),
    _page(TRAINING, "gluon.contrib.estimator", LAYERS),
    _page(
        TRAINING,
        "contrib.amp",
        "What differs from MXNet: [mixed precision](../coming_from_mxnet.md#mixed-precision).",
    ),
    _page(TRAINING, "sklearn"),
    _page(TRAINING, "viz"),
    _page(DATA, "gluon.data", IMAGES),
    _page(DATA, "gluon.data.batchify", IMAGES),
    _page(DATA, "gluon.data.vision", IMAGES),
    _page(DATA, "gluon.data.vision.transforms", IMAGES),
    _page(DATA, "image", IMAGES),
    _page(DATA, "io", IMAGES),
    _page(DATA, "recordio", IMAGES),
    _page(DATA, "contrib.text.vocab", TOOLS),
    _page(DATA, "contrib.text.embedding", TOOLS),
    _page(DATA, "contrib.text.utils", TOOLS),
    _page(GRAPHS, "symbol", MODELS, "sym"),
    _page(GRAPHS, "executor", MODELS),
    _page(GRAPHS, "module", MODELS),
    _page(GRAPHS, "rnn", MODELS),
    _page(GRAPHS, "onnx", "What can be written and read: [ONNX](../onnx.md)."),
    _page(GRAPHS, "model", MODELS),
    _page(AROUND, "base", TOOLS),
    _page(AROUND, "callback", TOOLS),
    _page(AROUND, "monitor", TOOLS),
    _page(AROUND, "profiler", TOOLS),
    _page(AROUND, "operator", TOOLS),
    _page(AROUND, "name", TOOLS),
    _page(AROUND, "attribute", TOOLS),
    _page(AROUND, "registry", TOOLS),
    _page(AROUND, "runtime", TOOLS),
    _page(AROUND, "engine", TOOLS),
    _page(AROUND, "test_utils", TOOLS),
    _page(AROUND, "einops", TOOLS),
    _page(DIALECTS, "dialects"),
    _page(DIALECTS, "dialects.torch", TORCH),
    _page(DIALECTS, "dialects.torch.nn", TORCH),
    _page(DIALECTS, "dialects.torch.nn.functional", TORCH),
    _page(DIALECTS, "dialects.torch.nn.init", TORCH),
    _page(DIALECTS, "dialects.torch.nn.utils", TORCH),
    _page(DIALECTS, "dialects.torch.autograd", TORCH),
    _page(DIALECTS, "dialects.torch.optim", TORCH),
    _page(DIALECTS, "dialects.torch.utils.data", TORCH),
    _page(DIALECTS, "dialects.torch.cuda", TORCH),
    _page(DIALECTS, "dialects.torch.d2l", TORCH),
    _page(DIALECTS, "dialects.keras", KERAS),
    _page(DIALECTS, "dialects.keras.layers", KERAS),
    _page(DIALECTS, "dialects.keras.activations", KERAS),
    _page(DIALECTS, "dialects.keras.initializers", KERAS),
    _page(DIALECTS, "dialects.keras.losses", KERAS),
    _page(DIALECTS, "dialects.keras.metrics", KERAS),
    _page(DIALECTS, "dialects.keras.optimizers", KERAS),
    _page(DIALECTS, "dialects.keras.callbacks", KERAS),
    _page(DIALECTS, "dialects.keras.utils", KERAS),
    _page(DIALECTS, "dialects.keras.tf", KERAS),
    _page(DIALECTS, "dialects.keras.tf.nn", KERAS),
    _page(DIALECTS, "dialects.keras.tf.random", KERAS),
    _page(DIALECTS, "dialects.flax.linen", FLAX),
    _page(DIALECTS, "dialects.flax.jax", FLAX),
    _page(DIALECTS, "dialects.flax.jax.nn", FLAX),
    _page(DIALECTS, "dialects.flax.jax.nn.initializers", FLAX),
    _page(DIALECTS, "dialects.flax.jax.random", FLAX),
    _page(DIALECTS, "dialects.flax.jax.tree_util", FLAX),
    _page(DIALECTS, "dialects.flax.bridge", FLAX),
    _page(DIALECTS, "dialects.flax.errors", FLAX),
    _page(DIALECTS, "dialects.flax.d2l", FLAX),
]
