"""Graphs whose dtypes are inferred: what MXNet 1.9.1 says of them is in `symbol_types.json`.

`python tests/oracle/symbol_types.py`, with an interpreter that has MXNet, writes that file.
"""

import json
from pathlib import Path

import numpy

# An expression of `S`, which is sym, and of the variables x, y and w; and dtypes that are known.
CASES = {
    "Cast": ("S.Cast(x,dtype='int32')", dict(x="float64")),
    "chain": ("S.Cast(S.Cast(x,dtype='int32')+1,dtype='float16')*2", dict(x="float64")),
    "argmax": ("S.argmax(x,axis=0)", dict(x="float64")),
    "argsort": ("S.argsort(x)", dict(x="float64")),
    "argsort32": ("S.argsort(x,dtype='int32')", dict(x="float64")),
    "topk": ("S.topk(x,k=1)", dict(x="float64")),
    "topkboth": ("S.topk(x,k=1,ret_typ='both',dtype='int64')", dict(x="float16")),
    "Embedding": ("S.Embedding(x,w,input_dim=3,output_dim=2,dtype='float16')", dict(x="int32")),
    "Embedding2": ("S.Embedding(x,w,input_dim=3,output_dim=2)", dict(x="float64")),
    "one_hot": ("S.one_hot(x,depth=3)", dict(x="int32")),
    "one_hot8": ("S.one_hot(x,depth=3,dtype='uint8')", dict(x="int32")),
    "equal": ("x==y", dict(x="float64")),
    "greater_s": ("x>1", dict(x="int32")),
    "FC": ("S.FullyConnected(x,num_hidden=3)", dict(x="float64")),
    "FCw": ("S.FullyConnected(x,w,num_hidden=3)", dict(w="float16")),
    "BN": ("S.BatchNorm(x)", dict(x="float16")),
    "BN64": ("S.BatchNorm(x)", dict(x="float64")),
    "none": ("S.FullyConnected(x,num_hidden=3)", {}),
    "plus": ("x+y", dict(y="int32")),
    "take": ("S.take(x,y)", dict(x="float64", y="int32")),
    "takeu": ("S.take(x,y)", dict(x="float64")),
    "softmaxout": ("S.SoftmaxOutput(x,name='s')", dict(x="float64")),
    "where": ("S.where(x,y,w)", dict(x="int32", y="float64")),
    "shape_array": ("S.shape_array(x)", dict(x="float64")),
    "zeros": ("S.zeros((2,),dtype='int8')+S.Cast(x,dtype='int8')", {}),
    "zeros64": ("S.zeros((2,),dtype='float64')+x", {}),
    "dot": ("S.dot(x,y)", dict(x="float64")),
    "concat": ("S.concat(x,y)", dict(y="float64")),
    "conv_cast": (
        "S.Convolution(S.Cast(x,dtype='float16'),num_filter=2,kernel=(1,1))",
        dict(x="uint8"),
    ),
    "amp": ("S.amp_cast(x,dtype='float16')", dict(x="float32")),
    "softmax_d": ("S.softmax(x,dtype='float64')", dict(x="float32")),
    "sum": ("S.sum(x)", dict(x="int32")),
    "pick": ("S.pick(x,y)", dict(x="float64")),
    "uniform": ("S.random.uniform(0,1,(2,),dtype='float64')", {}),
    "batch_dot": ("S.batch_dot(x,y)", dict(y="float16")),
    "lstm": ("S.RNN(x,w,y,S.var('c'),state_size=2,num_layers=1,mode='lstm')", dict(x="float64")),
    "gather": ("S.gather_nd(x,y)", dict(x="float64", y="int64")),
    "like": ("S.zeros_like(x)", dict(x="int8")),
    "reshape": ("S.reshape(x,shape=(-1,))", dict(x="uint8")),
    "LN": ("S.LayerNorm(x)", dict(x="float64")),
    "back": ("S.Cast(x+y,dtype='int32')", dict(y="float64")),
    "typed_var": ("S.var('v',dtype='float64')*x", {}),
}


def inferred(mx, case):
    """The dtypes of arguments, outputs and auxiliary states, by name."""
    text, known = CASES[case]
    scope = {"S": mx.sym, **{name: mx.sym.var(name) for name in "xyw"}}
    found = eval(text, scope).infer_type(**known)
    return [None if part is None else [numpy.dtype(t).name for t in part] for part in found]


if __name__ == "__main__":
    import mxnet

    found = {}
    for case in CASES:
        try:
            found[case] = inferred(mxnet, case)
        except mxnet.MXNetError as error:
            found[case] = str(error).strip().splitlines()[-1]
    rows = ",\n".join(f"{json.dumps(case)}: {json.dumps(types)}" for case, types in found.items())
    path = Path(__file__).parent / "symbol_types.json"
    path.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    print(f"{len(found)} graphs in {path.name}")
