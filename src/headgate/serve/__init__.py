"""How releases reach others: chosen tables of a release, kept in a warehouse."""

from headgate.serve.record import Applied, Difference, Served
from headgate.serve.serving import compare, serve

__all__ = ["Applied", "Difference", "Served", "compare", "serve"]
