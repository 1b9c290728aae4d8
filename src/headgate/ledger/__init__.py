"""What happened: runs, their steps and results, releases and alerts, failed ones too."""

from headgate.ledger.ledger import Ledger
from headgate.ledger.records import (
    DIED,
    RUN_STATUSES,
    AlertRecord,
    IncidentRecord,
    JudgedRecord,
    ReleaseRecord,
    RunRecord,
    ServedRecord,
    StepRecord,
)

__all__ = [
    "DIED",
    "RUN_STATUSES",
    "AlertRecord",
    "IncidentRecord",
    "JudgedRecord",
    "Ledger",
    "ReleaseRecord",
    "RunRecord",
    "ServedRecord",
    "StepRecord",
]
