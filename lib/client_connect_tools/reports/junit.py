"""Checked items and failures as JUnit XML, as most build servers read it.

It is valid by the schema of Jenkins, which has no attributes for a file and a line: a class is the file, and what fails
names the line in its text.

Source: https://github.com/jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from client_connect.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Case(NamedTuple):
    """One thing that was looked at.

    Attributes:
        file: Where it is.
        name: What it is called.
        failure: Why it fails; empty when it does not.
        details: The same at length.
    """

    file: str
    name: str
    failure: str = ""
    details: str = ""


def report(cases: Sequence[Case], suite: str) -> str:
    """Return the report.

    Args:
        cases: What was looked at.
        suite: What all of it is called.
    """
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(bool(each.failure) for each in cases)),
        "errors": "0",
    }
    root = ET.Element("testsuites", {"name": suite, **counts})
    below = ET.SubElement(root, "testsuite", {"name": suite, **counts})
    for case in cases:
        name = {"classname": _xml(case.file), "name": _xml(case.name), "time": "0"}
        element = ET.SubElement(below, "testcase", name)
        if case.failure:
            failure = ET.SubElement(element, "failure", {"message": _xml(case.failure)})
            failure.text = "\n".join(map(_xml, (case.details or case.failure).split("\n")))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _xml(text: str) -> str:
    """Return a text with nothing in it that XML cannot have."""
    return printable(text)
