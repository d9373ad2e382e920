"""The table of operators: what each public function computes, by an example that is run.

A file holds one row for each function of a part of `np`, `npx` and `nd`. The tests run the
examples; `python -m tests.op_table` writes docs/arrays.md from what it finds when it runs them, and
the stubs of the functions that the package makes from tables.
"""
