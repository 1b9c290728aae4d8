"""What the user declares: headgate.yml and the gate files, read and checked."""

from headgate.project.declaration import Bound, Declared, GateFile, Place
from headgate.project.fingerprint import fingerprint
from headgate.project.gate_file import read_gate, read_gates, read_tagged_gate, with_tags
from headgate.project.loading import Project, load, parse_variables
from headgate.project.pii import Pii

__all__ = [
    "Bound",
    "Declared",
    "GateFile",
    "Pii",
    "Place",
    "Project",
    "fingerprint",
    "load",
    "parse_variables",
    "read_gate",
    "read_gates",
    "read_tagged_gate",
    "with_tags",
]
