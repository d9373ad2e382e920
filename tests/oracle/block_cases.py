"""Snippets whose printed answer MXNet 1.9.1 and microlazy share.

Each runs in a new thread, so that automatic names start at 0, with `mx`, `nn`, `gluon`,
`autograd`, `F` (nd or np), `npx` and `os` in scope, in an empty working directory.
"""

import contextlib
import io
import os
import tempfile
import threading
import warnings

BOTH = {
    "names_under_a_manager": """
with mx.name.Prefix('mine_'):
    print(nn.Dense(3).name, list(nn.Dense(3).collect_params()))
    net = nn.Sequential()
    with net.name_scope():
        print(nn.Dense(2).name)
with mx.name.NameManager():
    print(nn.Dense(3).name, nn.Sequential().name)
print(nn.Dense(3).name, nn.Sequential(prefix='a_').name)
""",
    "repr_layers": """
for layer in [nn.Dense(256, activation='relu'), nn.Dense(3, use_bias=False),
              nn.Dense(3, in_units=4), nn.Dropout(0.5), nn.Dropout(0.1, axes=(1,)), nn.Flatten(),
              nn.Activation('tanh'), nn.LeakyReLU(0.1), nn.PReLU(), nn.ELU(), nn.SELU(), nn.GELU(),
              nn.Swish(), nn.Lambda(lambda x: x), nn.HybridLambda(lambda F, x: x)]:
    print(layer, layer.name, layer.prefix, list(layer.collect_params()))
""",
    "repr_stack": """
net = nn.Sequential()
net.add(nn.Dense(4, activation='relu'), nn.HybridSequential(), nn.Flatten())
net[1].add(nn.Dropout(0.5), nn.Dense(2))
print(net)
print(nn.HybridSequential())
""",
    "lesson_lazy": """
net = nn.Sequential()
net.add(nn.Dense(256, activation='relu'))
net.add(nn.Dense(10))
print(net.collect_params)
print(net.collect_params())
net.initialize()
print(net.collect_params())
print(net(F.ones((2, 20))).shape)
print(net.collect_params())
""",
    "names_in_scope": """
net = nn.Sequential()
with net.name_scope():
    net.add(nn.Dense(2, activation='relu'), nn.Dense(3))
print(net.name, net.prefix, list(net.collect_params()), net[0].act.name)
print(list(net._collect_params_with_prefix()))
""",
    "names_without_scope": """
a, b = nn.Sequential(), nn.Sequential()
a.add(nn.Dense(2)); b.add(nn.Dense(2))
print(a.name, b.name, list(a.collect_params()), list(b.collect_params()))
""",
    "names_nested_scopes": """
class Net(gluon.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.body = nn.Sequential()
            with self.body.name_scope():
                self.body.add(nn.Dense(4), nn.Dense(4))
            self.head = nn.Dense(2)
        self.scale = self.params.get('scale', shape=(2,))
net = Net()
print(list(net.collect_params()))
print(list(net._collect_params_with_prefix()))
print(list(Net(prefix='model_').collect_params()))
print(list(Net().collect_params()))
print(list(net.params), net.params.prefix)
print(net)
""",
    "names_empty_prefix": """
net = nn.Sequential(prefix='')
with net.name_scope():
    net.add(nn.Dense(2))
outer = nn.Sequential(prefix='outer_')
with outer.name_scope():
    inner = nn.Sequential(prefix='')
    with inner.name_scope():
        inner.add(nn.Dense(3))
    outer.add(inner, nn.Dense(1))
print(repr(net.name), list(net.collect_params()))
print(repr(inner.prefix), list(outer.collect_params()))
""",
    "names_reentered_scope": """
net = nn.Sequential(prefix='net_')
with net.name_scope():
    print(nn.Dense(1).name)
with net.name_scope():
    print(nn.Dense(1).name)
print(nn.Dense(1).name, nn.Dense(1, prefix='my_').name, nn.Dense(1, prefix='my').name)
""",
    "names_shared": """
class Net(gluon.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.a = nn.Dense(3, in_units=3)
            self.b = nn.Dense(3, in_units=3)
    def forward(self, x):
        return self.b(self.a(x))
first = Net(prefix='first_')
second = Net(prefix='second_', params=first.collect_params())
print(list(second.collect_params()), second.b.weight is first.b.weight)
print(second.a.name, second.a.params.prefix)
tied = nn.Dense(3, params=first.a.params)
print(tied.name, list(tied.collect_params()), tied.weight is first.a.weight, tied)
""",
    "select": """
net = nn.Sequential(prefix='net_')
with net.name_scope():
    net.add(nn.Dense(2), nn.Dense(3))
for pattern in ['.*bias', 'net_dense0_weight|net_dense1_bias', 'dense0', None, '.*dense1.*']:
    print(list(net.collect_params(pattern)))
""",
    "slices": """
net = nn.Sequential()
with net.name_scope():
    net.add(nn.Dense(1), nn.Dense(2), nn.Dense(3))
part = net[1:]
print(type(part).__name__, part.prefix, part, len(part), part[0] is net[1])
print(net[-1], [layer.name for layer in net], len(net))
net[5]
""",
    "set_other_type": """
net = gluon.Block()
net.a = nn.Dense(3)
net.a = nn.Dense(4)
print(net, list(net._collect_params_with_prefix()))
net.a = nn.Dropout(0.1)
""",
    "set_number": "net = gluon.Block(); net.a = nn.Dense(3); net.a = 3",
    "set_none": "net = gluon.Block(); net.a = nn.Dense(3); net.a = None",
    "set_over_none": "net = gluon.Block(); net.a = None; net.a = nn.Dense(3); print(net)",
    "set_parameter_twice": """
net = gluon.Block()
net.w = gluon.Parameter('w', shape=(2,))
net.w = gluon.Parameter('w', shape=(2,))
""",
    "set_parameter_none": "net = nn.Dense(2); net.weight = None",
    "hidden_container": """
net = gluon.Block()
net.layers = [nn.Dense(1)]
net.table = {'a': (nn.Dense(2),)}
net.fine = [1, 'two']
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always')
    print(list(net.collect_params()))
print(len(seen), [w.category.__name__ for w in seen], [str(w.message)[:13] for w in seen])
""",
    "child_not_hybrid": "net = nn.HybridSequential(); net.add(nn.Lambda(lambda x: x))",
    "attribute_not_hybrid": "net = gluon.HybridBlock(); net.a = nn.Sequential()",
    "no_forward": "gluon.Block()(F.ones((1,)))",
    "no_hybrid_forward": "gluon.HybridBlock()(F.ones((1,)))",
    "no_array": "layer = nn.Dense(3); layer.initialize(); layer(5)",
    "keyword": "nn.Dense(3)(x=F.ones((1, 2)))",
    "not_initialized": """
try:
    nn.Dense(3)(F.ones((2, 4)))
except RuntimeError as error:
    print('has not been initialized' in str(error), 'dense0_weight' in str(error))
""",
    "wrong_size": """
layer = nn.Dense(3, in_units=4)
layer.initialize()
try:
    layer(F.ones((2, 5))).asnumpy()
except mx.base.MXNetError:
    print('refused')
print(layer(F.ones((7, 4))).shape, layer(F.ones((2, 2, 2))).shape)
""",
    "first_shapes": """
for shape in [(2, 3), (2, 3, 4), (5,)]:
    layer = nn.Dense(2); layer.initialize(); print(layer(F.ones(shape)).shape, layer.weight.shape)
layer = nn.Dense(2, flatten=False); layer.initialize()
print(layer(F.ones((2, 3, 4))).shape, layer.weight.shape, layer(F.ones((4,))).shape)
""",
    "initializer_order": """
class PrintInit(mx.init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
class Backwards(gluon.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.a = nn.Dense(3)
            self.b = nn.Dense(2)
    def forward(self, x):
        return self.a(self.b(x))
net = Backwards()
net.initialize(PrintInit())
print('forward')
print(net(F.ones((1, 5))).shape)
net(F.ones((1, 5)))
net.initialize(PrintInit(), force_reinit=True)
net = nn.HybridSequential()
net.add(nn.Dense(4, in_units=3), nn.Dense(2))
net.initialize(PrintInit())
net.hybridize()
print('forward')
print(net(F.ones((2, 3))).shape)
""",
    "initialize_again": """
layer = nn.Dense(3, in_units=2)
layer.initialize()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always')
    layer.initialize()
print([str(w.message) for w in seen])
""",
    "hooks": """
layer = nn.Dense(3)
layer.initialize()
log = []
after = layer.register_forward_hook(lambda b, i, o: log.append((b.name, type(i).__name__, o.shape)))
before = layer.register_forward_pre_hook(lambda b, i: log.append((b.name, len(i))))
layer(F.ones((2, 5)))
print(log)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always')
    layer.hybridize()
print(len(seen), str(seen[0].message).split(' is being')[0])
layer(F.ones((2, 5)))
print(len(log))
after.detach(); after.detach(); before.detach()
layer(F.ones((2, 5)))
print(len(log))
with layer.register_forward_hook(lambda b, i, o: log.append('in')):
    layer(F.ones((2, 5)))
layer(F.ones((2, 5)))
print(len(log))
twice = lambda b, i: log.append('twice')
first = layer.register_forward_pre_hook(twice); second = layer.register_forward_pre_hook(twice)
layer(F.ones((2, 5)))
print(len(log))
first.detach()
layer(F.ones((2, 5)))
print(len(log))
""",
    "apply": """
net = nn.Sequential()
net.add(nn.Dense(2, activation='relu'), nn.Dropout(0.5))
print(net.apply(lambda block: print(type(block).__name__)) is net)
""",
    "hybridize_sequential": """
net = nn.Sequential()
net.add(nn.Dense(2))
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always')
    net.hybridize()
print([str(w.message) for w in seen])
net.add(nn.Lambda(lambda x: x))
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always')
    net.hybridize()
print(len(seen))
""",
    "cast": """
layer = nn.Dense(2, in_units=3)
layer.initialize()
layer.cast('float64')
print(layer.weight.data().dtype, layer(F.ones((1, 3), dtype='float64')).asnumpy().dtype)
print(layer.weight)
layer.cast('foo')
""",
    "summary": """
class Two(gluon.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.a = nn.Dense(3)
            self.b = nn.Dense(3, params=self.a.params, in_units=3)
    def forward(self, x, y=None):
        h = self.a(x)
        return self.b(h), [h, h]
net = Two()
net.initialize()
net.summary(F.ones((2, 3)), None)
net.a.weight.grad_req = 'null'
net.summary(F.ones((2, 3)), F.ones((1,)))
net = nn.HybridSequential()
net.add(nn.Dense(256, activation='relu', in_units=20), nn.Dropout(0.5), nn.Dense(10, in_units=256))
net.initialize()
net(F.ones((2, 20)))
net.summary(F.ones((2, 20)))
""",
    "summary_not_initialized": """
try:
    nn.Dense(3).summary(F.ones((2, 3)))
except RuntimeError:
    print('refused')
""",
    "save_load": """
class Two(gluon.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.a = nn.Dense(3)
            self.b = nn.Dense(3, params=self.a.params)
    def forward(self, x):
        return self.b(self.a(x))
net = Two()
net.initialize()
net(F.ones((2, 3)))
load = npx.load if F is mx.np else mx.nd.load
net.save_parameters('two'); print(list(load('two')))
net.save_parameters('one', deduplicate=True); print(list(load('one')))
other = Two()
other.load_parameters('one')
print((other.b.weight.data().asnumpy() == net.a.weight.data().asnumpy()).all())
print(other)
net = nn.Sequential()
net.add(nn.Dense(2, in_units=3), nn.Dense(2, in_units=2))
net.initialize()
net.save_parameters('three'); print(list(load('three')))
""",
    "load_missing": """
layer = nn.Dense(2, in_units=3); layer.initialize(); layer.save_parameters('a')
net = nn.Sequential(); net.add(nn.Dense(2)); net.load_parameters('a')
""",
    "load_extra": """
net = nn.Sequential(); net.add(nn.Dense(2, in_units=3), nn.Dense(2, in_units=2)); net.initialize()
net.save_parameters('a')
part = nn.Sequential(); part.add(nn.Dense(2))
part.load_parameters('a', ignore_extra=True); print(part)
part.load_parameters('a')
""",
    "load_other_shape": """
net = nn.Sequential(); net.add(nn.Dense(2, in_units=3)); net.initialize(); net.save_parameters('a')
net = nn.Sequential(); net.add(nn.Dense(2, in_units=4)); net.load_parameters('a')
""",
    "load_dtype": """
net = nn.Sequential(); net.add(nn.Dense(2, in_units=3)); net.initialize(); net.save_parameters('a')
for source in ['current', 'saved']:
    net = nn.Sequential(); net.add(nn.Dense(2, dtype='float64'))
    net.load_parameters('a', cast_dtype=True, dtype_source=source)
    print(net[0].weight.data().asnumpy().dtype)
net = nn.Sequential(); net.add(nn.Dense(2, dtype='float64')); net.load_parameters('a')
""",
    "empty_net": """
nn.Sequential().save_parameters('e'); nn.Sequential().load_parameters('e'); print('fine')
""",
    "no_file": """
try:
    nn.Dense(2).load_parameters('nothing')
except (RuntimeError, ValueError, OSError):
    print('refused')
""",
    "own_deferred": """
class Mine(gluon.HybridBlock):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.weight = self.params.get('weight', shape=(4, 0), allow_deferred_init=True)
        self.scale = self.params.get('scale', shape=(1,), init='ones')
    def hybrid_forward(self, F, x, weight, scale):
        fc = F.npx.fully_connected if npx.is_np_array() else F.FullyConnected
        out = fc(x, weight, None, no_bias=True, num_hidden=4)
        return out * scale if npx.is_np_array() else F.broadcast_mul(out, scale.reshape((1, 1)))
net = Mine()
net.initialize()
print(net(F.ones((2, 3))).shape, net.weight.shape)
""",
    "own_deferred_in_block": """
class Mine(gluon.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.weight = self.params.get('weight', shape=(4, 0), allow_deferred_init=True)
    def forward(self, x):
        return x + self.weight.data()
net = Mine()
net.initialize()
net(F.ones((2, 3)))
""",
    "activations": """
x = F.array([[-2, -0.5, 0, 0.5, 2]])
names = ['relu', 'sigmoid', 'softrelu', 'softsign', 'tanh']
for layer in [nn.LeakyReLU(0.1), nn.PReLU(), nn.ELU(), nn.ELU(0.5), nn.SELU(), nn.GELU(),
              nn.Swish(), nn.Swish(2), nn.PReLU(in_channels=5)] + list(map(nn.Activation, names)):
    layer.initialize()
    print(['%.4f' % v for v in layer(x).asnumpy()[0]])
""",
    "activation_unknown": """
try:
    nn.Activation('foo')(F.ones((1,))).asnumpy()
except mx.base.MXNetError:
    print('refused')
""",
    "leaky_negative": "nn.LeakyReLU(-1)",
    "lambda_unknown": "nn.Lambda('nosuch')",
    "lambda_number": "nn.Lambda(3)",
    "hybrid_lambda_number": "nn.HybridLambda(3)",
    "flatten": """
print([nn.Flatten()(F.ones(shape)).shape for shape in [(2, 3, 4), (2,), (2, 3)]])
""",
    "dropout_identity": """
print(nn.Dropout(0.5)(F.ones((2,))).asnumpy(), nn.Dropout(0)(F.ones((2,))).asnumpy())
""",
    "split_data": """
split = gluon.utils.split_data
print([p.shape for p in split(F.arange(10).reshape((5, 2)), 2, even_split=False)])
print([p.shape for p in split(F.arange(12).reshape((3, 4)), 2, batch_axis=1)])
print([p.asnumpy().tolist() for p in split(F.arange(4), 2)])
split(F.arange(10).reshape((5, 2)), 2)
""",
    "split_and_load": """
for p in gluon.utils.split_and_load([[1, 2], [3, 4]], [mx.cpu(0)]):
    print(p.asnumpy(), type(p).__name__)
print([p.shape for p in gluon.utils.split_and_load(F.ones((4, 2)), [mx.cpu(0), mx.cpu(0)])])
""",
    "direct_children": """
class MySequential(nn.Block):
    def add(self, block):
        self._children[block.name] = block
    def forward(self, x):
        for block in self._children.values():
            x = block(x)
        return x
net = MySequential()
net.add(nn.Dense(4, activation='relu'))
net.add(nn.Dense(2))
net.initialize()
print(net(F.ones((2, 3))).shape, list(net.collect_params()))
print(list(net._collect_params_with_prefix()))
""",
    "subclass_dense": """
class Doubled(nn.Dense):
    def hybrid_forward(self, F, x, weight, bias=None):
        return super().hybrid_forward(F, x, weight, bias) * 2
layer = Doubled(2)
layer.initialize(mx.init.One())
print(layer(F.ones((1, 3))).asnumpy().tolist(), layer, layer.name)
""",
    "subclass_stack": """
class Twice(nn.HybridSequential):
    def hybrid_forward(self, F, x):
        return super().hybrid_forward(F, x) * 2
net = Twice()
net.add(nn.Dense(2))
net.initialize(mx.init.One())
print(net(F.ones((1, 3))).asnumpy().tolist(), net)
""",
}

ND = {
    "sizes_found_in_user_blocks": """
def show(declared, function, *shapes):
    class Own(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            for name, shape in declared.items():
                setattr(self, name, self.params.get(name, shape=shape, allow_deferred_init=True))
        def hybrid_forward(self, F, *inputs, **parameters):
            return function(F, *inputs, **parameters)
    net = Own()
    net.initialize()
    out = net(*[F.ones(shape) for shape in shapes])
    print([getattr(net, name).shape for name in declared], out.shape)
image, rows = (2, 4, 5, 6), (2, 4, 5)
norm = {'g': (0,), 'b': (0,)}
show({'w': (3, 0, 3, 3), 'b': (0,)},
     lambda F, x, w, b: F.Convolution(x, w, b, kernel=(3, 3), num_filter=3), image)
show({'w': (4, 0, 3, 3)}, lambda F, x, w: F.Convolution(
    data=x, weight=w, no_bias=True, kernel=(3, 3), num_filter=4, num_group=2), image)
show({'w': (4, 0, 3)},
     lambda F, x, w: F.Convolution(x, w, no_bias=True, kernel=(3,), num_filter=4), rows)
show({'w': (0, 3, 3, 3)},
     lambda F, x, w: F.Deconvolution(x, w, kernel=(3, 3), num_filter=3), image)
show({**norm, 'm': (0,), 'v': (0,)}, lambda F, x, g, b, m, v: F.BatchNorm(x, g, b, m, v), image)
show({**norm, 'm': (0,), 'v': (0,)},
     lambda F, x, g, b, m, v: F.BatchNorm(x, g, b, m, v, axis=-1), image)
show(norm, lambda F, x, g, b: F.LayerNorm(x, g, b), rows)
show(norm, lambda F, x, g, b: F.LayerNorm(x, gamma=g, beta=b, axis=1), rows)
show(norm, lambda F, x, g, b: F.InstanceNorm(x, g, b), rows)
show(norm, lambda F, x, g, b: F.GroupNorm(x, g, b, num_groups=2), rows)
show({'w': (3, 0), 'b': (0,)},
     lambda F, x, w, b: F.FullyConnected(data=x, weight=w * 2, bias=b, num_hidden=3), rows)
show({'w': (0, 0)}, lambda F, x, w: F.elemwise_add(x, w), rows[1:])
for function in (lambda F, x, w: x * w, lambda F, x, w: w - x, lambda F, x, w: 1 / w / x):
    show({'w': (0, 5)}, function, rows[1:])
show({'w': (0, 0)}, lambda F, x, w: F.Embedding(x, w, input_dim=5, output_dim=3), (2, 4))
show({'p': (0,)}, lambda F, x, h, p: F.RNN(
    x, p, h, mode='gru', state_size=3, num_layers=2, bidirectional=True), (4, 2, 5), (4, 2, 3))
show({'w': (3, 0, 3, 3), **norm, 'm': (0,), 'v': (0,)}, lambda F, x, w, g, b, m, v: F.BatchNorm(
    F.Convolution(x, w, no_bias=True, kernel=(3, 3), num_filter=3), g, b, m, v), image)
""",
    "hybrid_forward_of_a_base_class": """
class Doubled(gluon.rnn.LSTMCell):
    def hybrid_forward(self, F, inputs, states, i2h_weight, h2h_weight, i2h_bias, h2h_bias):
        return super().hybrid_forward(
            F, inputs, states, i2h_weight * 2, h2h_bias=h2h_bias, i2h_bias=i2h_bias,
            h2h_weight=h2h_weight)
cell = Doubled(2)
cell.initialize(mx.init.Constant(0.25))
output, states = cell(F.ones((1, 3)), cell.begin_state(1, func=F.ones))
print(output.asnumpy().round(4), states[1].asnumpy().round(4))
class Masked(gluon.loss.SoftmaxCrossEntropyLoss):
    def hybrid_forward(self, F, pred, label, counts):
        weight = F.expand_dims(F.SequenceMask(
            F.ones_like(label), sequence_length=counts, use_sequence_length=True, axis=1), 2)
        return super().hybrid_forward(F, pred, label, sample_weight=weight)
pred = F.array([[[1, 2], [3, 5]], [[1, 0], [0, 4]]])
print(Masked()(pred, F.zeros((2, 2)), F.array([1, 2])).asnumpy().round(4))
""",
    "lambda_name": "print(nn.Lambda('relu'), nn.HybridLambda('relu')(F.array([-1, 1])).asnumpy())",
    "hybrid_lambda_unknown": "nn.HybridLambda('nosuch')",
    "old_files": """
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always')
    net = nn.Sequential()
    with net.name_scope():
        net.add(nn.Dense(2, in_units=3))
    net.initialize()
    net.save_params('old')
    print(list(mx.nd.load('old')))
    other = nn.Sequential()
    with other.name_scope():
        other.add(nn.Dense(2))
    other.load_parameters('old')
    print(other, (other[0].weight.data() == net[0].weight.data()).asnumpy().all())
    other.load_params('old')
print([w.category.__name__ for w in seen])
""",
    "clip_global_norm": """
arrays = [F.ones((2, 2)), F.ones((3,)) * 2]
print(gluon.utils.clip_global_norm(arrays, 1.0), [a.asnumpy().round(4).tolist() for a in arrays])
print(gluon.utils.clip_global_norm([F.ones((2,))], 1.0, check_isfinite=False).shape)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter('always', UserWarning)
    print(gluon.utils.clip_global_norm([F.array([float('nan')])], 1.0))
print(any('Clipping results will be undefined' in str(w.message) for w in seen))
""",
}

CASES = {("nd", name): code for name, code in {**BOTH, **ND}.items()}
CASES |= {("np", name): code for name, code in BOTH.items()}


def run(mx, face, code):
    """What a snippet prints, and the built-in types of what it raises, most special first."""
    out, raised = io.StringIO(), []
    names = {"mx": mx, "gluon": mx.gluon, "nn": mx.gluon.nn, "autograd": mx.autograd}
    names |= {"npx": mx.npx, "F": getattr(mx, face), "os": os, "warnings": warnings}

    def work():
        if face == "np":
            mx.npx.set_np()
        try:
            exec(compile(code, "<snippet>", "exec"), names)
        except Exception as error:
            raised.extend(t.__name__ for t in type(error).__mro__ if t.__module__ == "builtins")
        finally:
            mx.npx.reset_np()

    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
        os.chdir(folder)
        try:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        finally:
            os.chdir(home)
    return out.getvalue(), raised
