"""The table of operators: what each function computes, by an example that is run.

`elementwise` makes the elementwise functions of nd, np and npx from its rows. The other files hold
one row for each public function: the tests run its examples, `python -m microlazy.op_table` writes
docs/arrays.md from what it finds when it runs them.
"""

from microlazy.op_table.elementwise import BINARY, UNARY, functions_of
