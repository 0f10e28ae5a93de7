"""The common part of all device managers as sources of the inventory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration, Token

from cdk_client_connect.errors import InvalidArgument
from client_connect_devices.errors import InvalidSettings
from client_connect_devices.managers.registry import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_secretsmanager as secretsmanager

_NOT_SETTINGS = ("secret", "grace_period")


@dataclass(frozen=True, kw_only=True)
class DeviceSource(ABC):
    """A device manager; use one of its subclasses, such as ``Intune``.

    Attributes:
        secret: The credentials: a secret of Secrets Manager that holds a JSON object, as docs/device-managers.md shows
            for each manager.
        name: What names the source in the inventory, in metrics and in tags: up to 32 lower-case letters, digits and
            hyphens. Each source of an inventory needs its own. Default: the manager's.
        common_name: The field of a device that is in the common name of its certificate. Default: the manager's.
        common_name_prefix: What stands before it in the certificate. Default: nothing.
        common_name_suffix: What stands after it. Default: nothing.
        common_name_case: How its letters are in the certificate: ``as-is``, ``lower`` or ``upper``. Default: ``as-is``,
            for the ids of Intune ``lower``.
        judges_compliance: Whether the source says which devices are compliant; without, it adds tags alone. A device
            with several such sources is compliant when all say so. Default: ``True``.
        grace_period: How long a device that fails still counts as compliant. Default: not at all.
        duplicates: Of several managed devices with one common name, ``newest`` trusts the one that checked in last, and
            ``no-verdict`` none. Default: ``newest``.
        tags: The fields to copy, by the tags' names, such as ``{"owner": "userPrincipalName"}``. Default: none.
        page_size: How many devices to ask for at once. Default: the manager's.

    Raises:
        InvalidArgument: With everything that is wrong.
    """

    secret: secretsmanager.ISecret
    name: str | None = None
    common_name: str | None = None
    common_name_prefix: str | None = None
    common_name_suffix: str | None = None
    common_name_case: str | None = None
    judges_compliance: bool = True
    grace_period: Duration | None = None
    duplicates: str | None = None
    tags: Mapping[str, str] | None = None
    page_size: int | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        problems = []
        if not hasattr(self.secret, "secret_arn"):
            problems.append(
                f"secret={_shown_secret(self.secret)} must be a secretsmanager.Secret, not its content"
            )
        if not _is_duration(self.grace_period):
            problems.append(
                f"grace_period={self.grace_period!r} must be a Duration of whole seconds, or None"
            )
        if Token.is_unresolved(self.name):
            problems.append("name must be known at synthesis, because it is a key in the inventory")
        try:
            source_of(self.settings, is_token=_is_token)
        except InvalidSettings as error:
            problems.append(str(error))
        if problems:
            raise InvalidArgument("\n".join(problems)) from None

    @property
    @abstractmethod
    def kind(self) -> str:
        """The device manager, as the function and ``client-connect devices sync`` name it."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as the function reads them."""
        given = {
            each.name: getattr(self, each.name) for each in fields(self) if each.name not in _NOT_SETTINGS
        }
        if isinstance(self.grace_period, Duration) and _is_duration(self.grace_period):
            given["grace_period_seconds"] = int(self.grace_period.to_seconds())
        plain = {name: _plain(value) for name, value in given.items() if value is not None}
        return {"kind": self.kind, **plain}

    @property
    def source_name(self) -> str:
        """The name of the source in the inventory."""
        return source_of(self.settings, is_token=_is_token).common.name


def _is_duration(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, Duration) and not value.is_unresolved() and value.to_milliseconds() % 1000 == 0


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever an argument is
    """Return a value as JSON has it."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if hasattr(value, "items") else value


def _is_token(value: object) -> bool:
    return isinstance(value, str) and Token.is_unresolved(value)


def _shown_secret(value: object) -> str:
    """Return the type alone: it may be a password."""
    return f"<{type(value).__name__}>"
