"""How releases reach others: chosen tables of a release, kept in a warehouse."""

from headgate.serve.record import Applied, Compared, Difference, Served, holding
from headgate.serve.serving import compare, held_release, is_as_served, serve

__all__ = ["Applied", "Compared", "Difference", "Served", "compare", "held_release", "holding", "is_as_served", "serve"]
