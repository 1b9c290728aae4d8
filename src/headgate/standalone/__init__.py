"""Gates for data that belongs to no project: ``headgate gate SUITE DATA``, and ``gate`` for programs."""

from headgate.standalone.judged import Judged
from headgate.standalone.judging import gate

__all__ = ["Judged", "gate"]
