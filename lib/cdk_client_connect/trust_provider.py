"""Where Client VPN learns what state a device is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Token

from cdk_client_connect.errors import InvalidTrustProvider

if TYPE_CHECKING:
    from client_connect_tools.native import TrustProviderType


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustProvider:
    """A device manager whose data a native authorization policy reads; made by one of the factories.

    Attributes:
        type: Its name, as in ``context.crowdstrike``.
        tenant_id: The id of your tenant there.
        public_signing_key_url: Where the keys are by which its data is verified; ``None`` where none was given.
    """

    type: TrustProviderType
    tenant_id: str
    public_signing_key_url: str | None

    @staticmethod
    def crowdstrike(*, tenant_id: str, public_signing_key_url: str | None = None) -> TrustProvider:
        """CrowdStrike, whose data is ``context.crowdstrike``.

        Args:
            tenant_id: The id of your tenant at CrowdStrike.
            public_signing_key_url: Where its signing keys are; begins with ``https://``. Default: none is given.

        Raises:
            InvalidTrustProvider: When the id is empty, or the address begins otherwise.
        """
        return _trust_provider("crowdstrike", tenant_id, public_signing_key_url)

    @staticmethod
    def jamf(*, tenant_id: str, public_signing_key_url: str | None = None) -> TrustProvider:
        """Jamf, whose data is ``context.jamf``.

        Args:
            tenant_id: The id of your tenant at Jamf.
            public_signing_key_url: Where its signing keys are; begins with ``https://``. Default: none is given.

        Raises:
            InvalidTrustProvider: When the id is empty, or the address begins otherwise.
        """
        return _trust_provider("jamf", tenant_id, public_signing_key_url)

    @staticmethod
    def jumpcloud(*, tenant_id: str, public_signing_key_url: str | None = None) -> TrustProvider:
        """JumpCloud, whose data is ``context.jumpcloud``.

        Args:
            tenant_id: The id of your tenant at JumpCloud.
            public_signing_key_url: Where its signing keys are; begins with ``https://``. Default: none is given.

        Raises:
            InvalidTrustProvider: When the id is empty, or the address begins otherwise.
        """
        return _trust_provider("jumpcloud", tenant_id, public_signing_key_url)


def _trust_provider(kind: TrustProviderType, tenant_id: str, url: str | None) -> TrustProvider:
    if not (isinstance(tenant_id, str) and tenant_id.strip()):
        raise InvalidTrustProvider(f"tenant_id={tenant_id!r} of {kind} must be the id of your tenant there")
    if url is not None and not Token.is_unresolved(url) and not url.startswith("https://"):
        raise InvalidTrustProvider(
            f'public_signing_key_url "{url}" of {kind} must begin with "https://", or somebody on the way could '
            "replace the keys by which devices are trusted"
        )
    return TrustProvider(type=kind, tenant_id=tenant_id, public_signing_key_url=url)
