"""Whoever is on call pastes commands: those of the AWS CLI in texts of alarms and in the documentation exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jmespath
import pytest

from tests.support.aws_cli import WrongCommand, read

ROOT = Path(__file__).parents[2]
ALARMS = tomllib.loads((ROOT / "lib" / "client_connect_tools" / "advice" / "alarms.toml").read_text("utf-8"))


def commands() -> list[str]:
    """Return each command that has options, of shell examples and of inline code."""
    texts = [page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md"))]
    shown = [
        line.strip()
        for text in texts
        for example in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
        for line in example.replace("\\\n", " ").splitlines()
        if line.strip().startswith("aws ")
    ]
    inline = [found for text in texts for found in re.findall(r"`(aws [a-z0-9-]+ [a-z-]+ [^`]+)`", text)]
    texts_of_alarms = [text for each in ALARMS.values() for text in (f"`{each['first']}`", *each["fix"])]
    alarms = [
        found for text in texts_of_alarms for found in re.findall(r"`(aws [a-z0-9-]+ [a-z-]+ [^`]+)`", text)
    ]
    return sorted({*shown, *inline, *alarms})


@pytest.mark.parametrize("command", commands())
def test_the_aws_cli_has_this_command(command: str) -> None:
    """With these options, and with all that it requires."""
    call = read(command)
    if call.query:
        jmespath.compile(call.query)


def test_there_are_many() -> None:
    """The pattern finds them."""
    assert len(commands()) > 40


@pytest.mark.parametrize(
    "command",
    [
        "aws lambdas get-alias --name live",
        "aws lambda get-aliases --name live",
        "aws lambda get-alias --function-name f",
        "aws lambda get-alias --function-name f --name live --nonsense x",
        "aws logs tail G --sinc 15m",
        "aws dynamodb update-table --table-name t --on-demand-throughput MaxReads=1",
    ],
)
def test_a_wrong_command_is_found(command: str) -> None:
    """A service, an operation, an option that does not exist, or one that is missing."""
    with pytest.raises(WrongCommand):
        read(command)
