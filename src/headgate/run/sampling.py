"""Whether a target's sample chooses anything: a column that no table has would let all of the data in."""

from __future__ import annotations

from headgate.errors import did_you_mean
from headgate.plan import LOG
from headgate.run.workshop import Workshop
from headgate.sources.change_log import OWN_COLUMNS


def require_sample(shop: Workshop) -> None:
    """Make sure that a table of raw has the column by which the sample is chosen.

    Raises:
        ConfigError: none has.
    """
    sample = shop.project.sample
    if sample is None:
        return
    logs = (table for table in shop.contents.tables.values() if table.schema == LOG)
    names = sorted({column.name for log in logs for column in log.columns} - OWN_COLUMNS.keys())
    if sample.by.lower() not in map(str.lower, names):
        what = f"no table has the column {sample.by!r}, so that all of the data would be in the sample"
        raise sample.error(what, "by", hint=did_you_mean(sample.by, names))
