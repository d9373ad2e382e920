"""pytest looks for doctests in every file; this one needs PyTorch to be imported."""

collect_ignore = ["torch_steps.py"]
