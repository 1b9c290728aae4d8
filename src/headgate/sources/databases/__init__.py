"""Databases as sources: one dialect a kind, everything else is the same for all of them."""
