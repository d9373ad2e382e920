"""What MXNet has and microlazy has not, and the message that says so."""

OUTSIDE = {
    "sparse": "sparse arrays are not part of microlazy; only dense arrays are",
    "CSRNDArray": "sparse arrays are not part of microlazy; only dense arrays are",
    "RowSparseNDArray": "sparse arrays are not part of microlazy; only dense arrays are",
    "sym": "symbols are not part of microlazy; write Gluon blocks and call hybridize()",
    "symbol": "symbols are not part of microlazy; write Gluon blocks and call hybridize()",
    "mod": "the Module API is not part of microlazy; use gluon.Trainer",
    "module": "the Module API is not part of microlazy; use gluon.Trainer",
    "kvstore": "key-value stores are not part of microlazy; gluon.Trainer updates in this process",
    "kv": "key-value stores are not part of microlazy; gluon.Trainer updates in this process",
    "onnx": "ONNX is not part of microlazy",
}


def explain(module: str, name: str) -> str:
    """Return the message for a name that a module does not have.

    Examples
    --------
    >>> from microlazy.outside import explain
    >>> explain("microlazy.nd", "foo")
    "module 'microlazy.nd' has no attribute 'foo'"
    """
    reason = OUTSIDE.get(name)
    return f"module {module!r} has no attribute {name!r}" + (f": {reason}" if reason else "")
