"""Check that a function is deployed as its construct defines it.

Changes that would deny clients, or leave decisions unrecorded, are errors. Those that may be meant,
such as the wrapper of an observability tool, is a warning that can be acknowledged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.final_templates._templates import Deviation, check_templates, normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cdk_client_connect.final_templates._templates import Templates

OURS = "CLIENT_CONNECT_"

# Variables that make Lambda or Python run other code before ours.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
_WRAPPERS = {"AWS_LAMBDA_EXEC_WRAPPER", "LD_PRELOAD", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP"}

# Another value of these may be as good as ours.
_WARNED = ("Handler", "MemorySize", "Role", "VpcConfig", "KmsKeyArn", "Layers", "SnapStart")

# These change neither decisions nor records.
_HARMLESS = {
    "CodeSigningConfigArn",
    "DeadLetterConfig",
    "Description",
    "EphemeralStorage",
    "RecursiveLoop",
    "RuntimeManagementConfig",
    "Tags",
    "TracingConfig",
}
_CHECKED = {
    *_WARNED,
    "Architectures",
    "Code",
    "Environment",
    "FunctionName",
    "LoggingConfig",
    "PackageType",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Timeout",
}
# In MB. Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
_LARGEST_STORAGE_WITH_SNAPSHOTS = 512
_LEVELS_WITH_RECORDS = (None, "TRACE", "DEBUG", "INFO")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCheck:
    """Compares a function in the template with what was defined.

    Attributes:
        owner: What to call its construct in a message, such as ``client connect handler Stack/Handler``.
        function: The function.
        variables: The environment variables that its construct defines.
        least_reserved: The fewest reserved environments that it works with.
        defined: Its properties when it was defined.
        defined_variables: The names of its environment variables then, such as those of a layer that was asked for.
    """

    owner: str
    function: lambda_.Function
    variables: Mapping[str, str]
    least_reserved: int = 1
    defined: Mapping[str, Any] = field(init=False)
    defined_variables: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Keep what is defined now, before Aspects change it."""
        object.__setattr__(self, "defined", _defined(self._resource))
        resolved = Stack.of(self.function).resolve(self._resource.environment) or {}
        object.__setattr__(self, "defined_variables", frozenset(resolved.get("variables") or {}))

    @property
    def _resource(self) -> lambda_.CfnFunction:
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - the CDK's Function has one
        return resource

    def __call__(self, templates: Templates) -> Iterator[Deviation]:
        """Return how the template deviates."""
        properties = templates.properties(self._resource)
        if properties is None:
            yield self._error("", "is not in the template", "do not remove its function")
            return
        wanted: dict[str, Any] = Stack.of(self.function).resolve(dict(self.defined))
        wanted = {name: _capitalized(value) for name, value in wanted.items()}
        for name in ("FunctionName", "Runtime", "Architectures", "Timeout"):
            yield from self._exact(name, wanted, properties)
        yield from self._code(wanted.get("Code", {}), properties)
        yield from self._environment(properties.get("Environment", {}))
        yield from self._logging(wanted.get("LoggingConfig") or {}, properties.get("LoggingConfig", {}))
        yield from self._reserved(wanted, properties)
        for name in _WARNED:
            yield from self._warned(name, wanted, properties)
        yield from self._with_snapshots(properties)
        for name in sorted(set(properties) - _CHECKED - _HARMLESS - set(wanted)):
            yield self._warning(name, f"has {name}, which it was not tested with")

    def _exact(
        self, name: str, wanted: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> Iterator[Deviation]:
        ours, found = normalized(wanted.get(name)), normalized(properties.get(name))
        if ours != found:
            yield self._error(
                name,
                f"has {name} {_shown(found)} in the template, but {_shown(ours)} was defined",
                _FIXES.get(name, "set it on the construct instead"),
            )

    def _code(self, ours: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[Deviation]:
        found = properties.get("Code", {})
        # A copy elsewhere is the same code when it has the same name, which ends with a hash of the contents.
        same = all(
            normalized(found.get(name)) == normalized(ours.get(name))
            for name in ("S3Key", "S3ObjectVersion", "ZipFile", "ImageUri")
        )
        if not same or properties.get("PackageType", "Zip") != "Zip":
            yield self._error(
                "Code",
                "has other code in the template than was checked at synthesis",
                "exclude the function from what replaces code, or pass the code as code=",
            )

    def _environment(self, environment: Any) -> Iterator[Deviation]:  # noqa: ANN401 - may be an intrinsic function
        found = environment.get("Variables", {}) if isinstance(environment, dict) else environment
        ours = normalized(Stack.of(self.function).resolve(dict(self.variables)))
        if not isinstance(found, dict):
            yield self._error(
                "Environment", "has an Environment that is known at deployment only", _VARIABLES
            )
            return
        found = normalized(found)
        for name in sorted({*ours, *(each for each in found if each.startswith(OURS))}):
            if ours.get(name) == found.get(name):
                continue
            what = (
                f"has the environment variable {name} {_shown(found.get(name))} in the template, but "
                f"{_shown(ours.get(name))} was defined"
            )
            if name.startswith(OURS):
                yield self._error("Environment", what, _VARIABLES)
            else:
                yield self._warning("Environment", what)
        for name in sorted(_WRAPPERS & (set(found) - set(ours) - self.defined_variables)):
            yield self._warning("Handler", f"runs other code first, by the environment variable {name}")

    def _logging(self, ours: Mapping[str, Any], found: Any) -> Iterator[Deviation]:  # noqa: ANN401 - see above
        found = found if isinstance(found, dict) else {}
        if found.get("LogFormat") != "JSON" or found.get("ApplicationLogLevel") not in _LEVELS_WITH_RECORDS:
            yield self._error(
                "LoggingConfig",
                "does not log in JSON at level INFO in the template, so decisions would not be recorded and alarms "
                "would see nothing",
                "set log retention and destinations on the log group instead",
            )
        elif normalized(found.get("LogGroup")) != normalized(ours.get("LogGroup")):
            yield self._warning(
                "LoggingConfig", "logs to another log group than its role, queries and alarms know"
            )

    def _reserved(self, wanted: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[Deviation]:
        name = "ReservedConcurrentExecutions"
        ours, found = normalized(wanted.get(name)), normalized(properties.get(name))
        if ours == found or found is None:
            return
        if isinstance(found, str) and found.isdecimal() and int(found) >= self.least_reserved:
            yield self._warning(name, f"may run at most {found} times at once; {_shown(ours)} was defined")
        else:
            yield self._error(
                name,
                f"has {name} {_shown(found)} in the template, but needs {self.least_reserved} or more; with fewer, "
                "Lambda throttles connections, which are then denied",
                "set reserved_concurrent_executions on the construct instead",
            )

    def _with_snapshots(self, properties: Mapping[str, Any]) -> Iterator[Deviation]:
        """Yield the settings that Lambda refuses together with SnapStart: the deployment would fail."""
        if (properties.get("SnapStart") or {}).get("ApplyOn") != "PublishedVersions":
            return
        size = (properties.get("EphemeralStorage") or {}).get("Size", 0)
        for name, is_there in (
            ("EphemeralStorage", isinstance(size, int) and size > _LARGEST_STORAGE_WITH_SNAPSHOTS),
            ("FileSystemConfigs", bool(properties.get("FileSystemConfigs"))),
        ):
            if is_there:
                yield self._error(
                    name,
                    f"has {name} {_shown(properties[name])} and SnapStart in the template, which Lambda does not offer "
                    "together",
                    "leave out one of them",
                )

    def _warned(
        self, name: str, wanted: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> Iterator[Deviation]:
        ours, found = normalized(wanted.get(name)), normalized(properties.get(name))
        if (ours or None) != (found or None):
            yield self._warning(
                name, f"has {name} {_shown(found)} in the template, but {_shown(ours)} was defined"
            )

    def _error(self, name: str, found: str, fix: str) -> Deviation:
        return self._deviation("changedFunction", name, found, fix, is_error=True)

    def _warning(self, name: str, found: str) -> Deviation:
        fix = "set it on the construct instead, if it has an argument for it; or acknowledge this, if it is meant"
        return self._deviation(f"changed{name}", name, found, fix, is_error=False)

    def _deviation(self, rule: str, name: str, found: str, fix: str, *, is_error: bool) -> Deviation:
        return Deviation(
            rule=rule,
            resource=self._resource,
            location=f"Properties.{name}" if name else "",
            found=f"{self.owner} {found}; an Aspect or an override did this",
            fix=fix,
            is_error=is_error,
        )


_VARIABLES = "set the construct's arguments instead, such as shadow_mode, time_zone or environment"
_FIXES = {
    "FunctionName": 'set function_name, which begins with "AWSClientVPN-", or exclude the function from the Aspect',
    "Runtime": "set runtime on the ClientConnectHandler, which also decides what is bundled",
    "Architectures": "set architecture on the ClientConnectHandler, which also decides what is bundled",
    "Timeout": "set timeout on the construct; Client VPN waits 30 s for a handler",
}


def check_function(
    owner: str, function: lambda_.Function, *, variables: Mapping[str, str], least_reserved: int = 1
) -> None:
    """Have a function checked in the final template; call this when it is defined."""
    check_templates(
        function,
        FunctionCheck(owner=owner, function=function, variables=variables, least_reserved=least_reserved),
    )


def _defined(resource: lambda_.CfnFunction) -> dict[str, Any]:
    """Return the properties of a function that are compared, with tokens in them."""
    readers: dict[str, Callable[[], Any]] = {
        "FunctionName": lambda: resource.function_name,
        "Runtime": lambda: resource.runtime,
        "Architectures": lambda: resource.architectures,
        "Timeout": lambda: resource.timeout,
        "Code": lambda: resource.code,
        "LoggingConfig": lambda: resource.logging_config,
        "ReservedConcurrentExecutions": lambda: resource.reserved_concurrent_executions,
        "Handler": lambda: resource.handler,
        "MemorySize": lambda: resource.memory_size,
        "Role": lambda: resource.role,
        "VpcConfig": lambda: resource.vpc_config,
        "KmsKeyArn": lambda: resource.kms_key_arn,
        "SnapStart": lambda: resource.snap_start,
        "Layers": lambda: resource.layers,
        "FileSystemConfigs": lambda: resource.file_system_configs,
    }
    return {name: value for name, read in readers.items() if (value := read()) is not None}


def _capitalized(value: Any) -> Any:  # noqa: ANN401 - whatever the CDK resolves
    """Return a property with its names as CloudFormation writes them."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: each for name, each in value.items()}
    return value


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value)
