"""Running a pipeline: the plan performed, and what belongs to it."""

from headgate.run.story import explain, perform, perform_step
from headgate.run.verdict import Verdict
from headgate.run.workshop import Options

__all__ = ["Options", "Verdict", "explain", "perform", "perform_step"]
