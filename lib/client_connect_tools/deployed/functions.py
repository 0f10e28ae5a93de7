"""A deployed function: its versions, its alias, and what moves that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client_connect.request import PROBE
from client_connect.settings import SHADOW_MODE
from client_connect_tools.deployed.aws import AwsFailed, Refused, aws_errors, is_missing
from client_connect_tools.deployed.description import ALIAS_NAME, Described, parse_description

if TYPE_CHECKING:
    from collections.abc import Mapping

LATEST = "$LATEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A published version.

    Attributes:
        number: Its number.
        modified: When it was published, as Lambda says it.
        described: What it says of itself.
        environment: Its variables; ``None`` where they cannot be read, as without their key.
        memory_mib: Its memory.
        runtime: Its runtime.
    """

    number: int
    modified: str
    described: Described
    environment: Mapping[str, str] | None
    memory_mib: int
    runtime: str

    @property
    def is_shadow(self) -> bool:
        """Whether it denies only who is blocked."""
        return (self.environment or {}).get(SHADOW_MODE) == "true"

    @staticmethod
    def of_answer(answer: Mapping[str, Any]) -> Version:
        """Return what Lambda says of a version."""
        environment = answer.get("Environment", {})
        return Version(
            number=int(answer["Version"]),
            modified=answer["LastModified"],
            described=parse_description(answer.get("Description", "")),
            environment=None if "Error" in environment else environment.get("Variables", {}),
            memory_mib=answer.get("MemorySize", 0),
            runtime=answer.get("Runtime", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Where an alias points.

    Attributes:
        arn: Its ARN.
        version: The version that answers.
        weights: The share of requests that other versions answer, by their numbers.
        revision: What changes with it.
    """

    arn: str
    version: int
    weights: Mapping[int, float]
    revision: str | None

    @property
    def function_arn(self) -> str:
        """The ARN of its function."""
        return self.arn.rpartition(":")[0]

    def share(self, version: int) -> float:
        """Return the share of requests that a version answers."""
        rest = 1 - sum(self.weights.values())
        return rest if version == self.version else self.weights.get(version, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """How a version answered a probe.

    Attributes:
        version: The version that answered.
        policies: The digest of its policies.
        text: Their text.
        allow: Whether it allows the request; ``None`` of a re-authorizer, which was not asked.
        determining: The policies that decided.
        message: The message that a denied client would get.
        errors: Why policies could not be evaluated.
        unavailable: Why a source of facts could not be asked, by its name.
    """

    version: str
    policies: str
    text: str
    allow: bool | None = None
    determining: tuple[str, ...] = ()
    message: str = ""
    errors: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A function with versions and the alias ``live``.

    Attributes:
        client: Lambda.
        name: The function's name.
    """

    client: Any
    name: str

    def environment(self) -> dict[str, str]:
        """Return the variables of the version that its alias points to.

        Raises:
            Refused: When they cannot be read without their key.
            AwsFailed: When they cannot be read.
        """
        with aws_errors():
            found = self.client.get_function_configuration(FunctionName=self.name, Qualifier=ALIAS_NAME)
        environment = found.get("Environment", {})
        if "Error" in environment:
            raise Refused(
                f"the variables of {self.name} cannot be read without the permission to decrypt with their key; "
                "ask for it, or give the tables and endpoints as options"
            )
        variables: dict[str, str] = environment.get("Variables", {})
        return variables

    def versions(self) -> list[Version]:
        """Return its published versions, the newest first.

        Raises:
            AwsFailed: When they cannot be read.
        """
        with aws_errors():
            pages = self.client.get_paginator("list_versions_by_function").paginate(FunctionName=self.name)
            found = [each for page in pages for each in page["Versions"] if each["Version"] != LATEST]
        return sorted(map(Version.of_answer, found), key=lambda version: -version.number)

    def alias(self) -> Alias | None:
        """Return its alias; ``None`` when it has none, or does not exist.

        Raises:
            AwsFailed: When it cannot be read.
        """
        try:
            with aws_errors():
                found = self.client.get_alias(FunctionName=self.name, Name=ALIAS_NAME)
        except AwsFailed as error:
            if is_missing(error):
                return None
            raise
        if found["FunctionVersion"] == LATEST:
            raise Refused(f"the alias {ALIAS_NAME} of {self.name} points to {LATEST}; deploy the stack again")
        weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        return Alias(
            arn=found["AliasArn"],
            version=int(found["FunctionVersion"]),
            weights={int(version): weight for version, weight in weights.items()},
            revision=found.get("RevisionId"),
        )

    def provisioned(self) -> int:
        """Return how many environments are provisioned for the alias.

        Raises:
            AwsFailed: When that cannot be read.
        """
        try:
            with aws_errors():
                found = self.client.get_provisioned_concurrency_config(
                    FunctionName=self.name, Qualifier=ALIAS_NAME
                )
        except AwsFailed as error:
            if is_missing(error):
                return 0
            raise
        number: int = found["RequestedProvisionedConcurrentExecutions"]
        return number

    def probe(self, qualifier: str, request: Mapping[str, Any]) -> Probed:
        """Ask a version for a decision that is not recorded.

        Raises:
            Refused: When it does not answer soundly.
            AwsFailed: When it cannot be invoked.
        """
        with aws_errors():
            response = self.client.invoke(
                FunctionName=self.name, Qualifier=qualifier, Payload=json.dumps({PROBE: request})
            )
            payload = json.loads(response["Payload"].read())
        which = f"{self.name}:{qualifier}"
        if response.get("FunctionError"):
            raise Refused(f"{which} fails: {payload.get('errorType')}: {payload.get('errorMessage')}")
        answer = payload.get(PROBE) if isinstance(payload, dict) else None
        if not isinstance(answer, dict):
            raise Refused(f"{which} does not know probes, so it is unknown whether it works")
        if "error" in answer:
            raise Refused(
                f"{which} cannot decide: {answer['error'].get('type')}: {answer['error'].get('detail')}"
            )
        decision = answer.get("decision", {})
        return Probed(
            version=response["ExecutedVersion"],
            policies=answer["policies"],
            text=answer["text"],
            allow=answer.get("allow"),
            determining=tuple(decision.get("determining", ())),
            message=decision.get("message", ""),
            errors=tuple(decision.get("errors", ())),
            unavailable=answer.get("unavailable", {}),
        )

    def move(self, alias: Alias, version: int) -> None:
        """Point the alias to a version, with all requests.

        Raises:
            AwsFailed: When that is refused, as when another user has moved it since it was read.
        """
        with aws_errors():
            self.client.update_alias(
                FunctionName=self.name,
                Name=ALIAS_NAME,
                FunctionVersion=str(version),
                RoutingConfig={"AdditionalVersionWeights": {}},
                **({} if alias.revision is None else {"RevisionId": alias.revision}),
            )

    def unprovision(self) -> None:
        """Take the provisioned environments off the alias.

        Raises:
            AwsFailed: When that is refused.
        """
        with aws_errors():
            self.client.delete_provisioned_concurrency_config(FunctionName=self.name, Qualifier=ALIAS_NAME)

    def provision(self, number: int) -> None:
        """Have so many environments provisioned for the alias.

        Raises:
            AwsFailed: When that is refused.
        """
        with aws_errors():
            self.client.put_provisioned_concurrency_config(
                FunctionName=self.name, Qualifier=ALIAS_NAME, ProvisionedConcurrentExecutions=number
            )
