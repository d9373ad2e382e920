"""Rows of the functions that write and read files."""

from .rows import Function

ROWS = tuple(
    Function(names, example, gradient=False, dynamic=True, like=like)
    for names, example, like in (
        ("np.save", "(np.save(path, x), np.load(path + '.npy'))[1]", ""),
        ("np.savez npx.savez", "(np.savez(path, x, b=i), np.load(path + '.npz')['b'])[1]", ""),
        ("np.savez_compressed", "(np.savez_compressed(path, x=x), np.load(path + '.npz')['x'])[1]",
         ""),
        ("np.load", "(np.save(path + '.npy', x.T), np.load(path + '.npy'))[1]", ""),
        ("np.savetxt", "(np.savetxt(path, x), np.loadtxt(path))[1]", ""),
        ("nd.save npx.save", "(nd.save(path, {'x': x, 'i': i}), nd.load(path))[1]", None),
        ("nd.load npx.load", "(nd.save(path, [x, i]), nd.load(path))[1]", None),
    )
) + (
    Function("np.loadtxt", "np.loadtxt(['1 2', '3 4'])", gradient=False),
    Function("np.genfromtxt", "np.genfromtxt(['1,2', '3,'], delimiter=',')", gradient=False),
    Function("nd.load_frombuffer", "nd.load_frombuffer(b'\\x12\\x01' + bytes(30))", gradient=False,
             like=None),
)  # fmt: skip
