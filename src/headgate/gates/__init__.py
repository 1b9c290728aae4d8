"""What data must satisfy: expectations, and the engine that proves, remembers or scans them.

``compile_gate`` checks what was declared without touching data, ``evaluate`` judges it on a lake.
"""

from headgate.gates.compilation import Check, Gate, compile_gate, compile_gates
from headgate.gates.evaluation import evaluate
from headgate.gates.memory import Forgetful, LakeMemory
from headgate.gates.offending import masked_rows, numbers_of_bad_rows, unexpected_rows_sql
from headgate.gates.result import ExpectationResult, GateResult

__all__ = [
    "Check",
    "ExpectationResult",
    "Forgetful",
    "Gate",
    "GateResult",
    "LakeMemory",
    "compile_gate",
    "compile_gates",
    "evaluate",
    "masked_rows",
    "numbers_of_bad_rows",
    "unexpected_rows_sql",
]
