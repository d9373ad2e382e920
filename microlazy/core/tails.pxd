"""Elementwise nodes of a plan that run as a convolution stores its results."""

# The nodes, such ones put into the convolutions before them; `readers` has the numbers of the nodes
# that read each array, or are handed it outside.
cdef list with_tails(list nodes, dict readers)
