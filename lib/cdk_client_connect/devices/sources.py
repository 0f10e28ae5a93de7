"""The device managers, one class each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_client_connect.devices.device_source import DeviceSource

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Intune(DeviceSource):
    """Microsoft Intune. The common name is the Entra device id (``azureADDeviceId``) in lower case by default.

    The secret: ``{"clientId": "...", "clientSecret": "..."}`` of an app registration with the application permission
    ``DeviceManagementManagedDevices.Read.All``.

    Attributes:
        tenant: The directory (tenant) id, or a domain of the tenant.
        cloud: ``global``, ``us_government``, ``us_government_dod`` or ``china``. Default: ``global``.
        in_grace_period_is_compliant: Whether devices in a grace period of Intune's policies, which Intune still lets
            in, are compliant. Default: ``False``.
    """

    tenant: str
    cloud: str = "global"
    in_grace_period_is_compliant: bool = False

    @property
    def kind(self) -> str:
        """Intune."""
        return "intune"


@dataclass(frozen=True, kw_only=True)
class JamfPro(DeviceSource):
    """Jamf Pro, computers. The common name is the serial number (``hardware.serialNumber``) by default.

    The secret: ``{"clientId": "...", "clientSecret": "..."}`` of an API client with the privilege Read Computers.

    Attributes:
        url: The address of the server, such as ``https://example.jamfcloud.com``.
        compliant_group: The name or the id of the smart computer group whose members are compliant. Only without
            ``judges_compliance`` it may be left out.
    """

    url: str
    compliant_group: str | None = None

    @property
    def kind(self) -> str:
        """Jamf Pro."""
        return "jamf_pro"


@dataclass(frozen=True, kw_only=True)
class Fleet(DeviceSource):
    """Fleet. The common name is the serial number (``hardware_serial``) by default.

    The secret: ``{"token": "..."}`` of an API-only user with the role Observer.

    Attributes:
        url: The address of the server, such as ``https://fleet.example.com``.
        required_policies: The ids of the policies that a compliant host passes. Default: it fails none.
    """

    url: str
    required_policies: Sequence[str] | None = None

    @property
    def kind(self) -> str:
        """Fleet."""
        return "fleet"


@dataclass(frozen=True, kw_only=True)
class Iru(DeviceSource):
    """Iru Endpoint, formerly Kandji. The common name is the serial number (``serial_number``) by default.

    A device is compliant with the agent installed, MDM enabled, not missing, and a recent check-in. The secret:
    ``{"token": "..."}`` of an API token with the permission Device list.

    Attributes:
        subdomain: The tenant's subdomain.
        region: ``us`` or ``eu``. Default: ``us``.
        checked_in_within_days: How recent the check-in of a compliant device must be: 1 to 365. Default: 7.
    """

    subdomain: str
    region: str = "us"
    checked_in_within_days: int = 7

    @property
    def kind(self) -> str:
        """Iru."""
        return "iru"


@dataclass(frozen=True, kw_only=True)
class CrowdStrike(DeviceSource):
    """CrowdStrike Falcon. The common name is the serial number (``serial_number``) by default.

    A device is compliant if its sensor is neither contained nor in reduced functionality mode. The secret:
    ``{"clientId": "...", "clientSecret": "..."}`` of an API client with the scope Hosts: Read.

    Attributes:
        cloud: ``us-1``, ``us-2``, ``eu-1`` or ``us-gov-1``.
    """

    cloud: str

    @property
    def kind(self) -> str:
        """CrowdStrike."""
        return "crowdstrike"


@dataclass(frozen=True, kw_only=True)
class JumpCloud(DeviceSource):
    """JumpCloud. The common name is the serial number (``serialNumber``) by default.

    A device is compliant if its disk is encrypted, which is all that a system reports of itself. The secret:
    ``{"clientId": "...", "clientSecret": "..."}`` of a service account with a read-only role, or ``{"apiKey": "..."}``.

    Attributes:
        authentication: ``service_account`` or ``api_key``. Default: ``service_account``.
        organization: The id of the organization, for an API key of an administrator of several. Default: none.
    """

    authentication: str = "service_account"
    organization: str | None = None

    @property
    def kind(self) -> str:
        """JumpCloud."""
        return "jumpcloud"


@dataclass(frozen=True, kw_only=True)
class JsonSource(DeviceSource):
    """Any list of devices that is JSON over HTTPS. Fields are named by their paths, such as ``user.email``.

    The secret: ``{"token": "..."}``, or with ``token_url`` ``{"clientId": "...", "clientSecret": "..."}``.

    Attributes:
        url: The address of the list, which may have a query.
        id: The field of a device's id.
        items: The path of the array of devices in an answer. Default: the answer is the array.
        paging: ``none``, ``link``, ``cursor``, ``page`` or ``offset``. Default: ``none``.
        next: The path of the link or the cursor of the next page in an answer.
        total: The path of the total in an answer. A list with fewer devices is an error. Default: none.
        page_parameter: The query parameter of the page's number, of the offset or of the cursor.
        size_parameter: The query parameter of ``page_size``. Default: it cannot be set.
        first_page: The number of the first page: 0 or 1. Default: 1.
        last_seen: The field of the last check-in. Default: not known.
        os: The field of the operating system's version. Default: not known.
        compliant: The field that says whether a device is compliant.
        compliant_values: The values of it that are a pass, in any case of the letters. Default: ``true``.
        noncompliant_values: The values of it that are a failure. Default: ``false``. Other values are unknown.
        removed: The field that says that a device is no longer managed. Default: none does.
        removed_values: The values of it that say so. Default: ``true``.
        time_zone: The offset of times that have none, such as ``UTC`` or ``+01:00``. Default: such times are not known.
        header: The header with the token. Default: ``Authorization``.
        header_prefix: What stands before the token. Default: ``Bearer`` and a space.
        token_url: The address of an OAuth 2.0 token endpoint for client credentials. Default: a fixed token.
        scope: The scopes to ask for there. Default: none.
    """

    url: str
    id: str
    items: str | None = None
    paging: str = "none"
    next: str | None = None
    total: str | None = None
    page_parameter: str | None = None
    size_parameter: str | None = None
    first_page: int | None = None
    last_seen: str | None = None
    os: str | None = None
    compliant: str | None = None
    compliant_values: Sequence[str] | None = None
    noncompliant_values: Sequence[str] | None = None
    removed: str | None = None
    removed_values: Sequence[str] | None = None
    time_zone: str | None = None
    header: str | None = None
    header_prefix: str | None = None
    token_url: str | None = None
    scope: str | None = None

    @property
    def kind(self) -> str:
        """A JSON API."""
        return "json"
