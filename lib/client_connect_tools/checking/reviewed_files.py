"""Whether the files of a set of policies are what a review shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.files.folders import read_text
from client_connect_tools.files.hidden_characters import hidden_characters
from client_connect_tools.files.source import Source
from client_connect_tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.policies import Policies


def check_characters(policies: Policies) -> list[Finding]:
    """Return the characters that disguise a text, in policies and all files next to them."""
    return [
        Finding(
            file=source.name, line=line, column=column, policy="", rule="hidden-character", message=message
        )
        for source in _sources(policies)
        for line, column, message in hidden_characters(source.text)
    ]


def _sources(policies: Policies) -> Iterator[Source]:
    yield from policies.sources
    if policies.custom_schema is not None:
        yield policies.custom_schema
    yield from (each.source for each in policies.networks)
    for file in policies.test_files:
        try:
            yield Source(file.as_posix(), read_text(file))
        except (OSError, ValueError):
            continue  # whoever runs the tests says so
