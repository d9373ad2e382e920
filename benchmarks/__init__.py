"""How long the work takes: a pytest-benchmark suite, and a comparison with PyTorch."""
