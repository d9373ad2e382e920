"""The model zoo: MXNet's names, shapes and scores; where trained weights are looked for."""

import hashlib
import json
from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, init, nd, np, npx
from microlazy.base import MXNetError
from microlazy.gluon.model_zoo import model_store, vision
from tests.oracle.zoo_cases import COMPUTED, fill, image, outline, side_of

ANSWERS = json.loads(Path(__file__).with_name("oracle").joinpath("zoo.json").read_text())


@pytest.mark.parametrize("name", ANSWERS)
def test_parameters_are_those_of_mxnet(name):
    net = vision.get_model(name)
    net.initialize(init.Zero())
    side = side_of(name)
    assert net.dry_run((2, 3, side, side)) == (2, 1000)
    assert outline(net) == ANSWERS[name]["outline"]


@pytest.mark.parametrize("name", COMPUTED)
def test_scores_are_those_of_mxnet(name, tmp_path):
    net, loaded = (vision.get_model(name, classes=10) for _ in range(2))
    net.initialize(init.Zero())
    net.dry_run(image(name).shape)
    fill(net, nd.array)
    path = tmp_path / "net.params"
    net.save_parameters(path)
    loaded.load_parameters(path)
    path.unlink()
    loaded.hybridize()
    scores = loaded(nd.array(image(name))).asnumpy()[0]
    expected = numpy.array(ANSWERS[name]["scores"])
    numpy.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5 * abs(expected).max())


def test_there_are_the_models_of_mxnet():
    with pytest.raises(ValueError, match="^Model lenet is not supported") as caught:
        vision.get_model("LeNet")
    assert str(caught.value).split("\n\t")[1:] == sorted(ANSWERS)
    net = vision.get_model("ResNet18_V1", classes=5, prefix="net_")
    assert type(net) is vision.ResNetV1 and net.prefix == "net_"


def test_functions_say_what_they_make():
    assert vision.vgg11_bn.__name__ == "vgg11_bn"
    assert "get_vgg(11, batch_norm=True, ...)" in vision.vgg11_bn.__doc__
    with pytest.raises(TypeError, match="hidden"):
        vision.vgg11_bn(hidden=3)


@pytest.mark.parametrize("make", [vision.resnet18_v1, vision.resnet18_v2, vision.mobilenet_v2_0_25])
def test_networks_train_in_np_mode(make):
    npx.set_np()
    x = np.array(numpy.random.default_rng(0).uniform(-1, 1, (4, 3, 64, 64)).astype("float32"))
    net = make(classes=3)
    net.initialize()
    net.hybridize()
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.005})
    losses = []
    for _ in range(4):
        with autograd.record():
            loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(net(x), np.array([0, 2, 1, 0]))
        loss.backward()
        trainer.step(4)
        losses.append(loss.mean().item())
    assert type(loss) is np.ndarray and losses[-1] < losses[0]


def test_dropout_of_densenet_drops_in_training_only():
    net = vision.DenseNet(4, 4, [2], classes=2, dropout=0.5)
    net.initialize()
    x = nd.ones((1, 3, 32, 32))
    assert (net(x).asnumpy() == net(x).asnumpy()).all()
    with autograd.train_mode():
        assert (net(x).asnumpy() != net(x).asnumpy()).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vision.get_resnet(1, 19), "no 19; there are 18, 34, 50, 101, 152"),
        (lambda: vision.get_resnet(3, 18), "no 3; there are 1, 2"),
        (lambda: vision.get_vgg(12), "no 12"),
        (lambda: vision.SqueezeNet("2.0"), "'1.0', '1.1'"),
        (lambda: vision.VGG([1], [2, 3]), r"layers=\[1\]"),
        (lambda: vision.ResNetV1(vision.BasicBlockV1, [1], [2]), r"channels=\[2\]"),
    ],
)
def test_what_is_not_there_is_refused(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert isinstance(caught.value, AssertionError)  # as in MXNet


def test_an_image_that_is_too_small_is_refused_by_the_layer():
    net = vision.densenet121(classes=2)
    net.initialize()
    with pytest.raises(MXNetError, match="pool"):
        net(nd.ones((1, 3, 64, 64)))


def test_pretrained_looks_in_a_folder(tmp_path, monkeypatch):
    name = "squeezenet1.1-33ba0f93.params"
    with pytest.raises(FileNotFoundError, match=f"{name} is not in {tmp_path}: put it there"):
        vision.squeezenet1_1(pretrained=True, root=tmp_path)
    monkeypatch.setenv("MXNET_HOME", str(tmp_path / "home"))
    with pytest.raises(FileNotFoundError) as caught:
        vision.get_model("inceptionv3", pretrained=True)
    assert str(tmp_path / "home" / "models") in str(caught.value)

    net = vision.squeezenet1_1(classes=3)
    net.initialize()
    net.dry_run((1, 3, 224, 224))
    path = tmp_path / name
    net.save_parameters(path)
    with pytest.raises(MXNetError, match="is damaged or another file"):
        vision.squeezenet1_1(classes=3, pretrained=True, root=tmp_path)
    digest = hashlib.sha1(path.read_bytes()).hexdigest()
    monkeypatch.setitem(model_store._model_sha1, "squeezenet1.1", digest)
    path.rename(tmp_path / f"squeezenet1.1-{digest[:8]}.params")
    loaded = vision.squeezenet1_1(classes=3, pretrained=True, root=tmp_path)
    x = nd.ones((1, 3, 224, 224))
    assert (loaded(x).asnumpy() == net(x).asnumpy()).all()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda **k: vision.get_mobilenet(1, **k), "mobilenet1.0-6b8c5106"),
        (vision.mobilenet0_75, "mobilenet0.75-529b2c7f"),
        (vision.mobilenet_v2_0_5, "mobilenetv2_0.5-aabd26cd"),
        (vision.resnet152_v2, "resnet152_v2-f2695542"),
        (vision.vgg16_bn, "vgg16_bn-7f01cf05"),
        (vision.densenet201, "densenet201-1cdbc116"),
    ],
)
def test_each_network_has_a_file(make, name, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"^{name}.params is not in"):
        make(pretrained=True, root=tmp_path)


def test_a_model_without_weights_is_named(tmp_path):
    with pytest.raises(ValueError, match="^Pretrained model for mobilenet0.30 is not available.$"):
        vision.get_mobilenet(0.3, pretrained=True, root=tmp_path)


def test_purge_removes_weights_only(tmp_path):
    for name in ("a.params", "b.txt"):
        (tmp_path / name).touch()
    model_store.purge(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
    model_store.purge(tmp_path / "none")
