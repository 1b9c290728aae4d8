"""The reference describes every rule that the code can name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "headgate" / "sources"
#: Which argument of the small functions that make errors is the rule.
MAKERS = {"_wrong": (1, 2), "_unreadable": (3,)}


def rules_in(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "rule" and isinstance(node.value, ast.Constant):
            found.add(node.value.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            arguments = [node.args[i] for i in MAKERS.get(name, ()) if i < len(node.args)]
            found |= {a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)}
        if isinstance(node, ast.Tuple) and all(isinstance(each, ast.Constant) for each in node.elts):
            first = node.elts[0] if node.elts else None
            if isinstance(first, ast.Constant) and first.value in ("ragged_row", "quote", "encoding", "row_too_long"):
                found.add(first.value)
    return {rule for rule in found if isinstance(rule, str) and re.fullmatch(r"[a-z]+(_[a-z]+)*", rule)}


def test_every_rule_is_described_and_every_description_is_of_a_rule() -> None:
    used = set().union(*(rules_in(path) for path in SOURCES.rglob("*.py")))
    text = (ROOT / "docs" / "reference" / "sources.md").read_text().partition("\n## Errors")[2]
    described = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    computed = {"type", "non_finite", "csv", "missing_column", "dropped_column", "renamed_column", "narrowed_type"}
    assert described == used | computed
