"""What MXNet has and microlazy has not, and the message that says so."""

_REASONS = {
    "sparse arrays are not part of microlazy; only dense arrays are": """
        sparse CSRNDArray RowSparseNDArray cast_storage getnnz SparseEmbedding
        IdentityAttachKLSparseReg edge_id dgl_adjacency dgl_csr_neighbor_non_uniform_sample
        dgl_csr_neighbor_uniform_sample dgl_graph_compact dgl_subgraph group_adagrad_update""",
    "operators are not cached one by one; write Gluon blocks and call hybridize()": """
        CachedOp""",
    "quantization is not part of microlazy": """
        quantization calibrate_entropy dequantize quantize quantize_asym quantize_v2 requantize
        quantized_act quantized_batch_norm quantized_concat quantized_conv quantized_elemwise_add
        quantized_elemwise_mul quantized_embedding quantized_flatten quantized_fully_connected
        quantized_pooling quantized_rnn""",
    "these layers for detecting objects are not part of microlazy": """
        DeformablePSROIPooling RROIAlign""",
    "microlazy computes on the CPU": """
        gpu_memory_info get_cuda_compute_capability CuDNNBatchNorm""",
    "it belongs to gluon.probability, which is not part of microlazy": "constraint_check",
    "it was obsolete in MXNet 1.9 already; use the name without _v1": """
        BatchNorm_v1 Convolution_v1 Pooling_v1 ImageRecordIter_v1 ImageRecordUInt8Iter_v1""",
    "MXNet has it for GPUs only; use numpy.fft": "fft ifft",
    "it is too special for microlazy": "count_sketch hawkesll",
    "images are decoded by mx.image.imdecode": "imdecode",
}
OUTSIDE = {name: reason for reason, names in _REASONS.items() for name in names.split()}

# Modules of MXNet's top level, where other modules may have the name.
MODULES = {
    "contrib": "layers are in gluon.contrib and functions in nd.contrib; the rest of mx.contrib is "
    "not part of microlazy",
    "executor_manager": "there is one device; use mx.mod.Module",
    "libinfo": "there is no shared library to find; microlazy.config() tells what computes",
    "library": "libraries of compiled operators cannot be loaded; see mx.operator",
    "log": "use Python's logging",
    "notebook": "drawing in notebooks is not part of microlazy",
    "rtc": "microlazy computes on the CPU",
    "th": "Torch 7 is not part of microlazy",
    "torch": "Torch 7 is not part of microlazy; arrays go to PyTorch by torch.from_dlpack(x)",
    "tvmop": "TVM is not part of microlazy",
}

# What else packages of MXNet have, where the name says something in that package only.
MEMBERS = {
    "microlazy": MODULES,
    "microlazy.contrib": {
        "autograd": "use mx.autograd",
        "io": "iterators are in mx.io; a loop over a DataLoader needs none",
        "svrg_optimization": "SVRG is not part of microlazy; use mx.mod.Module or gluon.Trainer",
        "tensorboard": "gluon.contrib.estimator.TensorBoardHandler writes TensorBoard's files",
    },
    "microlazy.gluon.contrib.data": {
        "text": "data sets of texts are not part of microlazy; mx.contrib.text has vocabularies "
        "and vectors of words, and gluon.data.ArrayDataset takes arrays",
    },
    "microlazy.np": {
        "ma": "there are no masked arrays; write np.where(mask, x, value)",
        "matrix": "arrays of two axes are matrices, and @ is their product",
        "nditer": "loop over x.reshape(-1), or over np.ndindex(x.shape)",
        "testing": "NumPy's own numpy.testing takes these arrays",
    },
    "microlazy.np.random": dict.fromkeys(
        ("default_rng", "Generator", "RandomState"),
        "there are no generator objects; np.random.seed(n) seeds the samplers of np.random",
    )
    | {"integers": "randint(low, high, size) draws integers"},
    "microlazy.rnn": dict.fromkeys(
        ("BaseConvRNNCell", "ConvGRUCell", "ConvLSTMCell", "ConvRNNCell"),
        "take Conv2DLSTMCell and its kin of gluon.contrib.rnn, which unroll on symbols too",
    ),
}


def explain(module: str, name: str) -> str:
    """Return the message for a name that a module does not have.

    Examples
    --------
    >>> from microlazy.outside import explain
    >>> explain("microlazy.nd", "foo")
    "module 'microlazy.nd' has no attribute 'foo'"
    """
    reason = MEMBERS.get(module, {}).get(name) or OUTSIDE.get(name)
    return f"module {module!r} has no attribute {name!r}" + (f": {reason}" if reason else "")
