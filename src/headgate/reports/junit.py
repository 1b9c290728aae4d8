"""JUnit XML, as CI systems read it: a test case for each expectation.

Source: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from headgate.errors import printable
from headgate.reports import words

if TYPE_CHECKING:
    from headgate.reports.rendering import Reported


def testsuites(reported: Reported) -> str:
    """The document. What only warns is skipped, with its reason; what could not be checked is an error."""
    results, data = reported.results, printable(reported.data)
    failed = [each for each in results if words.outcome(each) == "failed"]
    counts = {
        "tests": str(len(results)),
        "failures": str(sum(each.error is None for each in failed)),
        "errors": str(sum(each.error is not None for each in failed)),
        "skipped": str(sum(words.outcome(each) == "warned" for each in results)),
        "time": f"{reported.seconds:.6f}",
    }
    root = ElementTree.Element("testsuites", {"name": "headgate", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": data, **counts})
    for result in results:
        name = f"{result.type}({words.arguments(result)})"
        attributes = {"classname": data, "name": name, "time": f"{result.seconds:.6f}"}
        case = ElementTree.SubElement(suite, "testcase", attributes)
        if result.success:
            continue
        kind = "skipped" if result.severity == "warn" else "failure" if result.error is None else "error"
        found = ElementTree.SubElement(case, kind, {"message": words.finding(result)})
        found.text = "\n".join(map(words.value, result.partial_unexpected_list))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
