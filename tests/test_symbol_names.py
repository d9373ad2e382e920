"""Names of symbols, modules and cells and their parameters, as MXNet 1.9.1 has them; and dtypes."""

import inspect
import json
from pathlib import Path

import pytest
from oracle import symbol_types

import microlazy as mx

ORACLE = Path(__file__).parent / "oracle"
NAMES = json.loads((ORACLE / "symbol_names.json").read_text(encoding="utf-8"))
TYPES = json.loads((ORACLE / "symbol_types.json").read_text(encoding="utf-8"))

# What a module of MXNet has because it imports it for its own use.
IMPORTED_TEXT = """
AttrScope BASE_ESTIMATOR Context DataBatch DataDesc DataIter ExecutorHandle Symbol SymbolHandle
SKLEARN_INSTALLED Uniform check_call cpu current_context get_updater load_checkpoint mx_real_t
numeric_types save_checkpoint string_types
"""
IMPORTED = frozenset(IMPORTED_TEXT.split())
# By places: names that are not here, and why.
MISSING = {
    "sym": {
        "BatchNorm_v1 Convolution_v1 Pooling_v1": "of files alone, which give them their new names",
        "IdentityAttachKLSparseReg": "its running mean has no function in nd that works",
    },
    "sym.contrib": {
        "adamw_update mp_adamw_update": "the rate is an array, and the optimizer a step of its own",
        "backward_gradientmultiplier backward_hawkesll backward_index_copy backward_quadratic": (
            "gradients are no operators here"
        ),
        "dgl_adjacency dgl_csr_neighbor_non_uniform_sample dgl_csr_neighbor_uniform_sample "
        "dgl_graph_compact dgl_subgraph edge_id getnnz": "of sparse arrays",
        "dequantize quantize quantize_asym quantize_v2 quantized_act quantized_batch_norm "
        "quantized_concat quantized_conv quantized_elemwise_add quantized_elemwise_mul "
        "quantized_embedding quantized_flatten quantized_fully_connected quantized_pooling "
        "quantized_rnn requantize calibrate_entropy": "of quantized networks",
        "count_sketch fft ifft group_adagrad_update": "MXNet has them on GPUs, or sparse",
        "hawkesll": "too special",
        "rand_zipfian": "a function of arrays",
        "uniform": "sym.random.uniform",
        "DeformablePSROIPooling RROIAlign": "layers of detectors that few files hold",
    },
    "sym.np": {
        "may_share_memory shares_memory": "a graph's arrays have no memory to ask about",
        "resize unravel_index": "MXNet calls NumPy from them, so no file holds them",
    },
    "sym.np.random": {"multivariate_normal": "MXNet calls NumPy from it, so no file holds it"},
    "sym.npx": {"constraint_check": "npx has none"},
    "model": {
        "DataParallelExecutorManager LogValidationMetricsCallback": "there is one device; "
        "mx.callback has the other",
    },
    "rnn": {
        "BaseConvRNNCell ConvGRUCell ConvLSTMCell ConvRNNCell": "gluon.contrib.rnn has them, and "
        "unrolls them on symbols",
    },
    "sym.Symbol": {
        "as_in_context copy gradient": "MXNet's refuse too",
        "handle": "of a library in C",
    },
    "executor.Executor": {
        "arg_dict aux_dict grad_dict": "attributes of executors, not of the class",
        "get_optimized_symbol": "a graph runs as a plan, not as another graph",
    },
    **dict.fromkeys(
        ("mod.BaseModule", "mod.Module", "mod.SequentialModule", "mod.PythonModule")
        + ("mod.PythonLossModule",),
        {"symbol": "an attribute of modules, not of the class"},
    ),
}
# Parameters of MXNet's that nothing here has.
WITHOUT = {
    "sym": {"Group": {"create_fn"}},
    "sym.np": {"diff": {"prepend", "append"}},  # MXNet's raises if they are given
    "sym.Symbol": {name: {"inplace"} for name in ("expand_dims", "flatten", "squeeze")},
}
OF_NO_EFFECT = {"out", "kwargs", "args", "name", "attr", "ctx", "order", "subok", "where"}


def at(path):
    found = mx
    for part in path.split("."):
        found = getattr(found, part)
    return mx.sym.var("x") if path == "sym.Symbol" else found


def missing(path):
    return {name for names in MISSING.get(path, {}) for name in names.split()}


@pytest.mark.parametrize("path", NAMES)
def test_names(path):
    absent = {name for name in NAMES[path] if not hasattr(at(path), name)}
    assert absent - IMPORTED == missing(path)


@pytest.mark.parametrize("path", [path for path in NAMES if "Executor" not in path])
def test_parameters(path):
    lacking = {}
    for name, parameters in NAMES[path].items():
        if parameters is None or name in (*IMPORTED, *missing(path)):
            continue
        found = inspect.signature(getattr(at(path), name)).parameters
        kinds = {parameter.kind for parameter in found.values()}
        if inspect.Parameter.VAR_KEYWORD in kinds or (path, name) == ("sym.Symbol", "__init__"):
            continue
        lack = set(parameters) - set(found) - OF_NO_EFFECT
        if lack:
            lacking[name] = lack
    assert lacking == WITHOUT.get(path, {})


# MXNet says nothing, or refuses, where nothing says a dtype: here it is float32.
FLOAT32 = {"none", "takeu", "zeros", "pick"}


@pytest.mark.parametrize("case", TYPES)
def test_dtypes(case):
    found = symbol_types.inferred(mx, case)
    if case in FLOAT32:
        assert "float32" in found[0]
    else:
        assert found == TYPES[case]


def test_missing_cells_say_what_to_take():
    with pytest.raises(AttributeError, match=r"Conv2DLSTMCell .* of gluon\.contrib\.rnn"):
        mx.rnn.ConvLSTMCell  # noqa: B018
