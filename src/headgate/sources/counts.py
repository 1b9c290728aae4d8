"""What became of the rows that a source was read for, and the law that they obey."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from headgate.errors import CouldNotRunError


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows that were read.

    ``superseded`` rows had a later version of their key in the same reading; ``deleted`` keys were gone
    from a snapshot (they were not read, so the law does not count them).
    """

    read: int = 0
    appended: int = 0
    unchanged: int = 0
    superseded: int = 0
    quarantined: int = 0
    sampled_out: int = 0
    deleted: int = 0

    def conserve(self, table: str) -> None:
        """Nothing lost, nothing twice; raises CouldNotRunError if the rows do not add up.

        >>> Counts(read=3, appended=2, unchanged=1, deleted=7).conserve("train")
        """
        kept = self.appended + self.unchanged + self.superseded + self.quarantined + self.sampled_out
        if self.read != kept:
            raise CouldNotRunError(
                f"rows do not add up: {self.to_dict()}",
                where=f"raw_log.{table}",
                hint="this is a defect of Headgate, please report it; nothing was published",
            )

    def to_dict(self) -> dict[str, int]:
        """As plain JSON."""
        return asdict(self)
