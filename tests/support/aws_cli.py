"""Commands of the AWS CLI 2, as documentation and alarms have them, read by the models that the CLI has them from."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.model import OperationModel, Shape

# The CLI's own options, besides those of the operation; and whether a value follows.
_GENERAL = {"query": True, "output": True, "region": True, "cli-binary-format": True, "no-cli-pager": False}
# Written in Python in the CLI, and not made from a model.
_SERVICES = {"deploy": "codedeploy"}
_TAIL = ("since", "filter-pattern", "format", "log-stream-name-prefix")


class WrongCommand(ValueError):
    """The CLI would refuse it; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The request of a command.

    Attributes:
        service: The service.
        operation: The name of the method of its client.
        arguments: Its arguments.
        query: What of the answer is printed.
    """

    service: str
    operation: str
    arguments: dict[str, Any]
    query: str


def expanded(line: str, variables: Mapping[str, str]) -> list[str]:
    """Return the words of a line as a shell makes them of it, with nothing but these variables."""
    program = f"set -- {line}\nfor word; do printf '%s\\0' \"$word\"; done"
    finished = subprocess.run(
        ["/bin/sh", "-eu", "-c", program], env=dict(variables), capture_output=True, text=True, check=True
    )
    return finished.stdout.split("\0")[:-1]


def read(command: str) -> Call:
    """Read a command as it is documented; the rest is as of :func:`understood`."""
    words = shlex.split(command, comments=True)
    ends = [index for index, word in enumerate(words) if word in ("|", ">", "&&")]
    return understood(words[: min(ends, default=None)])


def understood(command: Sequence[str]) -> Call:
    """Read the words of a command, with the checks that the CLI makes before it sends anything.

    Raises:
        WrongCommand: When there is no such service, operation or option, or an argument is missing or of a wrong type.
    """
    program, service, operation, *words = command
    service = _SERVICES.get(service, service)
    if program != "aws":
        raise WrongCommand(f"it begins with {program}")
    if (service, operation) == ("logs", "tail"):
        return _tail(words)
    model = _operation(service, operation)
    options = _options(words, {xform_name(name, "-"): name for name in model.input_shape.members}, model)
    query = options.pop("--query", "")
    report = ParamValidator().validate(options, model.input_shape).generate_report()
    # A placeholder such as ARN, or what file:// stands for, need not be as long as the value.
    if problems := [line for line in report.splitlines() if not line.startswith("Invalid length")]:
        raise WrongCommand("; ".join(problems))
    return Call(service=service, operation=xform_name(model.name), arguments=options, query=query)


def _tail(words: list[str]) -> Call:
    group, *rest = words
    found = dict(zip(rest[::2], rest[1::2], strict=True))
    if unknown := [each for each in found if each.removeprefix("--") not in _TAIL]:
        raise WrongCommand(f"aws logs tail has no option {unknown[0]}")
    if not re.fullmatch(r"\d+[smhdw]", found.get("--since", "10m")):
        raise WrongCommand("--since is no duration")
    pattern = {"filterPattern": found["--filter-pattern"]} if "--filter-pattern" in found else {}
    return Call(
        service="logs",
        operation="filter_log_events",
        arguments={"logGroupName": group, **pattern},
        query="",
    )


@cache
def _session() -> Any:
    return botocore.session.get_session()


def _operation(service: str, operation: str) -> OperationModel:
    if service not in _session().get_available_services():
        raise WrongCommand(f"there is no service {service}")
    model = _session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        raise WrongCommand(f"{service} has no operation {operation}")
    found: OperationModel = model.operation_model(names[operation])
    return found


def _options(words: list[str], members: dict[str, str], model: OperationModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    words = list(words)
    while words:
        option = words.pop(0)
        if not option.startswith("--"):
            if model.has_streaming_output and not words:
                break  # the file that the body is written to
            raise WrongCommand(f"{option} belongs to no option")
        name = option.removeprefix("--")
        if name in _GENERAL:
            value = words.pop(0) if _GENERAL[name] else ""
            found |= {option: value} if name == "query" else {}
        elif name in members:
            shape = model.input_shape.members[members[name]]
            found[members[name]] = _value(shape, words)
        elif name.startswith("no-") and name[3:] in members:
            found[members[name[3:]]] = False
        else:
            raise WrongCommand(f"{model.service_model.service_name} {model.name} has no option {option}")
    return found


def _value(shape: Shape, words: list[str]) -> Any:
    if shape.type_name == "boolean":
        return True
    if shape.type_name == "list":
        many = []
        while words and not words[0].startswith("--"):
            many.append(_one(shape.member, words.pop(0)))  # type: ignore[attr-defined]
        return many
    return _one(shape, words.pop(0))


def _one(shape: Shape, word: str) -> Any:
    if shape.type_name in ("integer", "long"):
        return int(word) if word.lstrip("-").isdecimal() else 1  # a placeholder such as NUMBER
    if shape.type_name == "structure":
        if word.startswith("{"):
            return json.loads(word)
        pairs = dict(each.split("=", 1) for each in word.split(","))
        members = shape.members  # type: ignore[attr-defined]
        if unknown := pairs.keys() - members.keys():
            raise WrongCommand(f"{shape.name} has no {min(unknown)}")
        return {name: _one(members[name], value) for name, value in pairs.items()}
    if shape.type_name == "boolean":
        return word == "true"
    return word
