"""Ask MXNet 1.9.1 how its initializers and parameters behave, and keep the answers.

Run with a Python that has MXNet:  python tests/oracle/record_initializer.py
The tests evaluate the same calls on microlazy and compare.
"""

import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

ANSWERS = Path(__file__).with_name("initializer.json")

# Calls whose answer is a text, a number, a list or an exception.
CALLS = [
    # dumps
    *(
        f"mx.init.{init}.dumps()"
        for init in (
            "Zero()",
            "One()",
            "Constant(3)",
            "Constant(mx.nd.array([1, 2]))",
            "Uniform()",
            "Uniform(scale=1)",
            "Normal()",
            "Normal(0.5)",
            "Orthogonal()",
            "Xavier()",
            "Xavier(factor_type='in', magnitude=2.34)",
            "MSRAPrelu()",
            "Bilinear()",
            "LSTMBias()",
        )
    ),
    # the registry
    """mx.init.create('["normal", {"sigma": 0.1}]').sigma""",
    """mx.init.create('{"initializer": "normal", "sigma": 0.1}').sigma""",
    """mx.init.create({"initializer": "normal", "sigma": 0.1}).sigma""",
    "mx.init.create('normal', 0.3).sigma",
    "mx.init.create('Normal', sigma=0.3).sigma",
    "mx.init.create(initializer='Normal', sigma=0.3).sigma",
    "type(mx.init.create('zeros')).__name__",
    "type(mx.init.create('ones')).__name__",
    "type(mx.init.create('MSRAPrelu')).__name__",
    "mx.init.create(mx.init.Zero(), 3)",
    "mx.init.create(3)",
    "mx.init.create(mx.init.Zero)",
    "mx.init.create('gaussian')",
    "mx.init.create('[nope')",
    "mx.init.register(int)",
    "registered_twice()",
    # equality
    "mx.init.Zero() == mx.init.Zero()",
    "mx.init.Zero() == mx.init.One()",
    "mx.init.Uniform() == mx.init.Uniform(0.07)",
    "mx.init.Uniform() == mx.init.Uniform(0.1)",
    "mx.init.Zero() == 'zero'",
    "mx.init.Xavier() == mx.init.MSRAPrelu()",
    "hash(mx.init.Zero())",
    # dispatch on the role
    *(
        f"fill(Five(), {name!r})"
        for name in (
            "x_weight",
            "weight",
            "x_bias",
            "x_gamma",
            "x_beta",
            "x_min",
            "x_max",
            "x_running_mean",
            "x_running_var",
            "x_moving_mean",
            "foo",
            "",
        )
    ),
    "fill(Five(), 'x_bias', {'__init__': 'ones'})",
    """fill(Five(), 'x_bias', {'__init__': '["constant", {"value": 9}]'})""",
    "fill(Five(), 'x_bias', {'__init__': 'nope'})",
    "fill(mx.init.Initializer(), 'x_weight')",
    *(
        f"plain({name!r})"
        for name in (
            "x_weight",
            "x_bias",
            "x_gamma",
            "x_beta",
            "x_min",
            "x_max",
            "x_moving_mean",
            "x_moving_var",
            "x_moving_inv_var",
            "x_moving_avg",
            "foo",
        )
    ),
    "warned(lambda: Five()('x_weight', mx.nd.zeros(2)))[0][0]",
    "Five()(3, mx.nd.zeros(2))",
    "Five()('x_weight', [1, 2])",
    # values
    "fill(mx.init.Zero(), 'x_weight')",
    "fill(mx.init.One(), 'x_weight')",
    "fill(mx.init.Constant(3), 'x_weight')",
    "fill(mx.init.Constant(mx.nd.array([1, 2])), 'x_weight', shape=(2,))",
    "fill(mx.init.LSTMBias(2.0), 'x_weight', shape=(8,))",
    "fill(mx.init.LSTMBias(2.0), 'x_bias', shape=(8,))",
    "fill(mx.init.Bilinear(), 'x_weight', shape=(1, 2, 4, 4))",
    "fill(mx.init.Bilinear(), 'x_weight', shape=(1, 1, 3, 3))",
    "fill(mx.init.Bilinear(), 'x_weight', shape=(2, 1, 3, 5))",
    "fill(mx.init.Bilinear(), 'x_weight', shape=(1, 1, 7, 2))",
    "fill(mx.init.Xavier(), 'x_weight', shape=(3,))",
    "fill(mx.init.Xavier(factor_type='x'), 'x_weight', shape=(3, 3))",
    "fill(mx.init.Xavier(rnd_type='x'), 'x_weight', shape=(3, 3))",
    # Mixed and Load
    "fill(mx.init.Mixed(['.*weight', '.*'], [mx.init.One(), Five()]), 'x_weight')",
    "fill(mx.init.Mixed(['.*weight', '.*'], [mx.init.One(), Five()]), 'x_gamma')",
    "fill(mx.init.Mixed(['.*weight'], [mx.init.One()]), 'x_bias')",
    "mx.init.Mixed(['.*'], [])",
    "fill(mx.init.Load({'arg:x': mx.nd.ones((4, 3))}), 'x')",
    "fill(mx.init.Load({'aux:x': mx.nd.ones((4, 3))}), 'x')",
    "fill(mx.init.Load({'x': mx.nd.ones((4, 2))}), 'x')",
    "fill(mx.init.Load({'y': mx.nd.ones((4, 3))}), 'x')",
    "fill(mx.init.Load({'y': mx.nd.ones((4, 3))}, mx.init.One()), 'x_bias')",
    "mx.init.Load([1])",
    # verbose
    "logged(lambda: fill(mx.init.One().set_verbosity(True), 'x_weight'))",
    "logged(lambda: fill(mx.init.One().set_verbosity(True, lambda x: 'seen'), 'x_gamma'))",
    "logged(lambda: fill(mx.init.One().set_verbosity(True), 'x', {'__init__': 'ones'}))",
    "logged(lambda: fill(mx.init.One(), 'x_weight'))",
    # Parameter
    "str(P('w'))",
    "str(P('w', shape=3))",
    "str(P('w', shape=(3, 0), dtype='float64'))",
    "np_shapes(lambda: str(P('w', shape=(3, 0), dtype='float64')))",
    "np_shapes(lambda: str(P('s', shape=())))",
    "P('w', differentiable=False).grad_req",
    "P('w', grad_req='foo')",
    "P('w', stype='foo')",
    "P('w').initialize()",
    "P('w', shape=(0, 2)).initialize()",
    "P('w', shape=(-2, 2), allow_deferred_init=True).initialize()",
    "P('w', shape=()).initialize()",
    "P('w', shape=(2,)).data()",
    "P('w', shape=(2,)).grad()",
    "P('w', shape=(2,)).list_ctx()",
    "P('w', shape=(2,)).reset_ctx(mx.cpu())",
    "P('w', shape=(2,)).set_data(mx.nd.ones(2))",
    "P('w', shape=(2,)).zero_grad()",
    "deferred().data()",
    "deferred().grad()",
    "deferred().list_data()",
    "str(deferred().list_ctx())",
    "str(live().list_ctx())",
    "live().data(mx.gpu(0))",
    "live().row_sparse_data(mx.nd.ones(2))",
    "live('null').grad()",
    "live().grad().asnumpy().tolist()",
    "live().initialize(force_reinit=True)",
    "warned(live().initialize)",
    "with_shape(live(), (2, 4))",
    "with_shape(live(), (2, 0))",
    "with_shape(live(), (2, 3))",
    "with_shape(live(), (2, 3, 1))",
    "with_shape(deferred(), (2, 4))",
    "with_shape(deferred(), (3, 4))",
    "live().set_data(mx.nd.ones((2, 4)))",
    "set_early().data()",
    "str(set_early())",
    "finished(set_early()).data().asnumpy().tolist()",
    "deferred()._finish_deferred_init()",
    "live().cast('foo')",
    "cast(live(), 'float64')",
    "P('w', shape=(2,)).initialize(init='foo')",
    "P('w', shape=(2,)).initialize(init=mx.init.Zero)",
    "P('w', shape=(2,)).initialize(init=mx.init.Xavier())",
    # a parameter's own initializer wins, and fills as a weight whatever the name
    "first(P('x_bias', shape=(2,), init='ones'), 'zeros')",
    "first(P('x_bias', shape=(2,)), 'ones')",
    "first(P('x_foo', shape=(2,)), 'ones')",
    "called()",
    # Constant
    "str(mx.gluon.Constant('c', [[1, 2], [3, 4]]))",
    "mx.gluon.Constant('c', [1]).grad_req",
    "const_grad_req()",
    "first(mx.gluon.Constant('c', [1, 2]), 'ones')",
    # ParameterDict
    "str(mx.gluon.ParameterDict())",
    "bool(mx.gluon.ParameterDict())",
    "str(some())",
    "list(some())",
    "list(some().keys())",
    "'pre_w' in some()",
    "some()['nope']",
    "list(some().get('w', shape=(0, 3)).shape)",
    "some().get('w', shape=(3, 3))",
    "some().get('w', shape=(2, 3, 1))",
    "str(some().get('w', dtype='float32').dtype)",
    "some().get('w', dtype='float64')",
    "some().get('w', init='ones').init",
    "some().get('b', init='zeros')",
    "some().get('b', init=None).init",
    "some().get('w', lr_mult=2)",
    "some().get('w', grad_req='null')",
    "some().get('new', foo=1)",
    "some().get_constant('c')",
    "some().get_constant('w', mx.nd.array([1, 2]))",
    "some().update({'pre_w': P('pre_w')})",
    "mx.gluon.ParameterDict('pre_', shared=some()).get('b').init",
    "mx.gluon.ParameterDict().list_ctx()",
    "set_all('lr_mult', 0.5)",
    "saved(strip_prefix='foo')",
    "saved()",
    "saved(strip_prefix='pre_')",
    "loaded('')",
    "loaded('pre_')",
    "loaded('pre_', restore_prefix='pre_')",
    "loaded('pre_', allow_missing=True)",
    "loaded('pre_', allow_missing=True, ignore_extra=True)",
    "loaded('', shape=(5, 5))",
    "loaded('', dtype='float64')",
    "loaded('', dtype='float64', cast_dtype=True)",
    "loaded('', dtype='float64', cast_dtype=True, dtype_source='saved')",
    "loaded('', cast_dtype=True, dtype_source='x')",
    "loaded('', restore_prefix='foo_')",
]


def namespace(mx):
    """What the calls may use."""
    parameter, parameter_dict = mx.gluon.Parameter, mx.gluon.ParameterDict

    class Five(mx.init.Initializer):
        def _init_weight(self, name, arr):
            arr[:] = 5

    def fill(init, name, attrs=None, shape=(4, 3)):
        arr = mx.nd.ones(shape) * 7
        init(mx.init.InitDesc(name, attrs), arr)
        return arr.asnumpy().tolist()

    def plain(name):
        arr = mx.nd.ones((2,)) * 7
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Five()(name, arr)
        return arr.asnumpy().tolist()

    def warned(call):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            call()
        return [[warning.category.__name__, str(warning.message)] for warning in seen]

    def logged(call):
        lines = []
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            call()
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        return lines

    def registered_twice():
        class Twice(mx.init.Initializer):
            pass

        mx.init.register(Twice)
        return [category for category, _ in warned(lambda: mx.init.register(Twice))]

    def np_shapes(call):
        mx.npx.set_np()
        try:
            return call()
        finally:
            mx.npx.reset_np()

    def live(grad_req="write"):
        param = parameter("w", shape=(2, 3), init="ones", grad_req=grad_req)
        param.initialize()
        return param

    def deferred():
        param = parameter("w", shape=(2, 0), allow_deferred_init=True)
        param.initialize()
        return param

    def set_early():
        param = deferred()
        param.set_data(mx.nd.ones((2, 3)))
        return param

    def finished(param):
        param._finish_deferred_init()
        return param

    def with_shape(param, shape):
        param.shape = shape
        return list(param.shape)

    def cast(param, dtype):
        param.cast(dtype)
        return [str(param), param.data().dtype.__name__, param.grad().dtype.__name__]

    def first(param, init):
        param.initialize(default_init=init)
        return param.data().asnumpy().tolist()

    def called():
        calls = []

        class Spy(mx.init.Initializer):
            def _init_weight(self, name, arr):
                calls.append(["weight", name])

            def _init_bias(self, name, arr):
                calls.append(["bias", name])

        parameter("x_bias", shape=(2,)).initialize(default_init=Spy())
        parameter("x_bias", shape=(2,)).initialize(Spy())
        return calls

    def const_grad_req():
        const = mx.gluon.Constant("c", mx.nd.array([1]))
        return warned(lambda: setattr(const, "grad_req", "write"))

    def some():
        params = parameter_dict("pre_")
        params.get("w", shape=(2, 3))
        params.get("b", shape=(2,), init="ones")
        return params

    def set_all(name, value):
        params = some()
        params.setattr(name, value)
        return [getattr(param, name) for param in params.values()]

    def saved(**options):
        params = some()
        params.initialize()
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/x.params"
            params.save(path, **options)
            return sorted(mx.nd.load(path))

    def loaded(stripped, shape=(2, 0), dtype="float32", **options):
        """Save two parameters and load them; what was loaded, then the printed parameters."""
        source, target = some(), parameter_dict("pre_")
        source.initialize()
        target.get("w", shape=shape, dtype=dtype, init="zeros")
        target.get("b", shape=(0,), init="zeros")
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/x.params"
            source.save(path, strip_prefix=stripped)
            target.load(path, **options)
        shown = str(target)
        return [shown, target["pre_b"].data().asnumpy().tolist() if "(2,)" in shown else None]

    return {"mx": mx, "P": parameter} | {
        name: value for name, value in locals().items() if callable(value)
    }


def answer(mx, call):
    """The call's value, or the names of the classes of the exception it raises."""
    try:
        return {"value": eval(call, namespace(mx))}
    except Exception as error:
        return {"raises": [cls.__name__ for cls in type(error).__mro__ if cls is not object]}


def main():
    import mxnet

    answers = {call: answer(mxnet, call) for call in CALLS}
    for found in answers.values():
        if "raises" in found:
            found["raises"] = found["raises"][0]
    rows = ",\n".join(json.dumps(row) for row in answers.items())
    ANSWERS.write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    sys.exit(main())
