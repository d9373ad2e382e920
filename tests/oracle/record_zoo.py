"""Record the parameters and some outputs of MXNet 1.9.1's model zoo.

Run with an interpreter that has MXNet 1.9.1: ``python tests/oracle/record_zoo.py``. Writes
tests/oracle/zoo.json.
"""

import json
from pathlib import Path

import mxnet as mx
from mxnet.gluon.model_zoo import vision
from zoo_cases import COMPUTED, fill, image, outline

if __name__ == "__main__":
    try:
        vision.get_model("")
    except ValueError as error:
        names = str(error).split("\n\t")[1:]
    answers = {}
    for name in names:
        net = vision.get_model(name)
        net.initialize()
        net.infer_shape(mx.nd.array(image(name)))
        answers[name] = {"outline": outline(net)}
        if name in COMPUTED:
            net = vision.get_model(name, classes=10)
            net.initialize()
            x = mx.nd.array(image(name))
            net(x)
            fill(net, mx.nd.array)
            scores = net(x).asnumpy()[0].astype(float)
            answers[name]["scores"] = [float(f"{score:.7g}") for score in scores]
        print(name, answers[name], flush=True)
    text = json.dumps(answers, indent=1).replace("\n   ", "").replace("\n  ]", "]")
    Path(__file__).with_name("zoo.json").write_text(text + "\n")
