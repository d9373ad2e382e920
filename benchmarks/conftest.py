"""pytest looks for doctests in every file; these need PyTorch to be imported."""

collect_ignore = ["torch_names.py", "torch_steps.py"]
