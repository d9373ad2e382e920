"""pytest looks for doctests in every file; these need other frameworks to be imported."""

collect_ignore = ["jax_steps.py", "mxnet_steps.py", "torch_names.py", "torch_steps.py"]
