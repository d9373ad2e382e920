"""Pictures and tables of networks and of their training."""

from .charts import plot_confusion, plot_histograms, plot_training
from .memory import plot_plan
from .network import Digraph, plot_network, print_summary

__all__ = [
    "Digraph",
    "plot_confusion",
    "plot_histograms",
    "plot_network",
    "plot_plan",
    "plot_training",
    "print_summary",
]
