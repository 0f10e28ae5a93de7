"""The role that Client VPN invokes functions with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.claims import Claim, Observation
from acceptance.sandbox import has_role

if TYPE_CHECKING:
    from acceptance.sandbox import Sandbox

_SERVICE = "clientvpn-connections.amazonaws.com"
# AWS answers the first, and the emulator the second.
_TAKEN = ("InvalidInput", "EntityAlreadyExists")


def _observe(sandbox: Sandbox) -> dict[str, Any]:
    return {"before": sandbox.had_role, "after": has_role(sandbox.place), "again": _create_again(sandbox)}


def _create_again(sandbox: Sandbox) -> str:
    """Return the code of the error that a second creation ends with; an empty text when it succeeds."""
    if not has_role(sandbox.place):
        return ""
    try:
        sandbox.place.client("iam").create_service_linked_role(AWSServiceName=_SERVICE)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def _created(role: dict[str, Any]) -> str | None:
    return None if role["after"] else "the account has no such role after the deployment"


def _fails_again(role: dict[str, Any]) -> str | None:
    if role["again"] in _TAKEN:
        return None
    said = f"the error {role['again']}" if role["again"] else "no error"
    return f"creating the role again ended with {said}, and the construct expects {' or '.join(_TAKEN)}"


def _stays(after: bool) -> str | None:  # noqa: FBT001 - what was observed
    return None if after is True else "the role is gone"


OBSERVATIONS = (
    Observation(name="role", title="Looking for the service-linked role", observe=_observe),
    Observation(
        name="roleAfterwards",
        title="Looking for the service-linked role again",
        observe=lambda sandbox: has_role(sandbox.place),
        after_removal=True,
    ),
)
CLAIMS = (
    Claim(
        name="role-created",
        page="docs/why.md",
        sentence="created if it is missing",
        proof="the account has the role after the deployment, whether it had it before or not",
        reads=("role",),
        problem=_created,
    ),
    Claim(
        name="role-found",
        page="docs/why.md",
        sentence="Creating one that exists fails a stack.",
        proof="IAM refuses to create the role again, with the error that the construct handles as success",
        reads=("role",),
        problem=_fails_again,
    ),
    Claim(
        name="role-stays",
        page="docs/deployments.md",
        sentence="nothing ever deletes the service-linked role, because other endpoints of the account may use it.",
        proof="the account has the role after everything has been removed",
        reads=("roleAfterwards",),
        problem=_stays,
    ),
)
