"""How data comes in: one module a kind of source, behind one small protocol, into a change log."""

from headgate.sources.counts import Counts
from headgate.sources.source import Extracted, Extraction, Source, State, TableChange, Totals, open_source

__all__ = ["Counts", "Extracted", "Extraction", "Source", "State", "TableChange", "Totals", "open_source"]
