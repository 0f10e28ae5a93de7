"""The functions that the user means: a handler by its name, its ARN or its stack, and the re-authorizer next to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client_connect_tools.deployed.aws import AwsFailed, Refused, aws_errors, client
from client_connect_tools.deployed.description import parse_description
from client_connect_tools.deployed.functions import Alias, Function

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "AWSClientVPN-"
_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):[0-9]{12}:function:(?P<name>[A-Za-z0-9_-]+)(:[A-Za-z0-9_$-]+)?"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_STACK = "aws:cloudformation:stack-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedHandler:
    """A handler as it is deployed.

    Attributes:
        function: Its function.
        alias: Where its alias points.
        region: The Region; ``None`` for that of the environment.
    """

    function: Function
    alias: Alias
    region: str | None

    def stack(self) -> str | None:
        """Return the name of its stack; ``None`` when none has defined it.

        Raises:
            AwsFailed: When that cannot be read.
        """
        with aws_errors():
            tags = self.function.client.list_tags(Resource=self.alias.function_arn)["Tags"]
        name: str | None = tags.get(_STACK)
        return name

    def functions_of_stack(self) -> list[str]:
        """Return the names of the functions of its stack.

        Raises:
            AwsFailed: When they cannot be read.
        """
        stack = self.stack()
        return [] if stack is None else list(_functions_of(stack, self.region))

    def reauthorizer(self) -> Function | None:
        """Return the re-authorizer, which says whose it is: in the handler's stack, or else in any other.

        Raises:
            AwsFailed: When the functions of the stack, or of the account and Region, cannot be read.
        """
        for name in self.functions_of_stack():
            candidate = Function(self.function.client, name)
            alias = None if name == self.function.name else candidate.alias()
            if alias is None:
                continue
            newest = next(iter(candidate.versions()), None)
            if newest is not None and newest.described.handler == self.function.name:
                return candidate
        return self._reauthorizer_elsewhere()

    def _reauthorizer_elsewhere(self) -> Function | None:
        pages: Any
        with aws_errors():
            pages = self.function.client.get_paginator("list_functions").paginate()
            for page in pages:
                for each in page["Functions"]:
                    if parse_description(each.get("Description", "")).handler == self.function.name:
                        return Function(self.function.client, each["FunctionName"])
        return None

    def stack_status(self) -> str | None:
        """Return the status of its stack.

        Raises:
            AwsFailed: When that cannot be read.
        """
        stack = self.stack()
        if stack is None:
            return None
        with aws_errors():
            (found,) = client("cloudformation", self.region).describe_stacks(StackName=stack)["Stacks"]
            status: str = found["StackStatus"]
            return status


def find_handler(given: str, *, region: str | None = None) -> DeployedHandler:
    """Return a handler.

    Args:
        given: Its name, which begins with ``AWSClientVPN-``, its ARN, or the name of its stack.
        region: Its Region, where the ARN does not say it. Default: that of the environment.

    Raises:
        Refused: When no or more than one function is found.
        AwsFailed: When AWS cannot be asked.
    """
    arn = _ARN.fullmatch(given)
    region = region if arn is None else arn["region"]
    name = given if arn is None else arn["name"]
    if arn is None and not _NAME.fullmatch(given.replace("_", "")):
        raise Refused(
            f'"{given}" is no name of a function or stack, and no ARN of a function; give one of these'
        )
    lambda_client = client("lambda", region)
    function = Function(
        lambda_client, name if name.startswith(PREFIX) or arn else _only_handler(given, region)
    )
    alias = function.alias()
    if alias is None:
        raise Refused(
            f'there is no function "{function.name}" with the alias live in {lambda_client.meta.region_name}; see '
            "whether the Region and the account are the right ones"
        )
    return DeployedHandler(function=function, alias=alias, region=region)


def _only_handler(stack: str, region: str | None) -> str:
    names = [name for name in _functions_of(stack, region) if name.startswith(PREFIX)]
    if len(names) == 1:
        return names[0]
    found = f"has {', '.join(names)}; give the name of one" if names else "has none; give its name"
    raise Refused(f'the stack "{stack}" must have one handler, but {found}')


def _functions_of(stack: str, region: str | None) -> Iterator[str]:
    pages: Any
    cloudformation = client("cloudformation", region)
    try:
        with aws_errors():
            pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for page in pages:
                for resource in page["StackResourceSummaries"]:
                    if (
                        resource["ResourceType"] == "AWS::Lambda::Function"
                        and "PhysicalResourceId" in resource
                    ):
                        yield resource["PhysicalResourceId"]
    except AwsFailed as error:
        if f"{stack} does not exist" in str(error).replace("[", "").replace("]", ""):
            raise Refused(
                f'there is no stack "{stack}" in {cloudformation.meta.region_name}; see whether the Region and the '
                "account are the right ones"
            ) from None
        raise
