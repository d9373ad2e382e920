"""Operators composed of others or computed through NumPy; `np`, `npx` and `nd` name them."""
