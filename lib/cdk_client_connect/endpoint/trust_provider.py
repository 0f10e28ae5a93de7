"""The device managers that Client VPN takes a device's state from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Token

from cdk_client_connect.errors import InvalidTrustProvider
from client_connect_tools import native

if TYPE_CHECKING:
    from client_connect_tools.native import TrustProviderType


# "This field is not required when the trust provider type is jamf."
_KEYS_KNOWN_TO_AWS = ("jamf",)
_EXAMPLES = {"crowdstrike": ", such as https://assets-public.falcon.crowdstrike.com/zta/jwk.json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustProvider:
    """A device manager whose data a native authorization policy reads; made by one of the factories.

    Attributes:
        type: Its name, as in ``context.crowdstrike``.
        tenant_id: The id of your tenant there.
        public_signing_key_url: Where the keys are that verify its data; ``None`` where none was given.
    """

    type: TrustProviderType
    tenant_id: str
    public_signing_key_url: str | None

    def __post_init__(self) -> None:
        """Check the tenant and the address."""
        if self.type not in native.PROVIDERS:
            known = ", ".join(native.PROVIDERS)
            raise InvalidTrustProvider(f"there is no trust provider {self.type!r}; there are {known}")
        if not (isinstance(self.tenant_id, str) and self.tenant_id.strip()):
            raise InvalidTrustProvider(
                f"tenant_id={self.tenant_id!r} of {self.type} must be the id of your tenant there"
            )
        _check_url(self.type, self.public_signing_key_url)

    @staticmethod
    def crowdstrike(*, tenant_id: str, public_signing_key_url: str) -> TrustProvider:
        """CrowdStrike, whose data is ``context.crowdstrike``.

        Args:
            tenant_id: The id of your tenant at CrowdStrike.
            public_signing_key_url: Where its public signing keys are, such as
                ``https://assets-public.falcon.crowdstrike.com/zta/jwk.json``.

        Raises:
            InvalidTrustProvider: When the id is empty, or the address is missing or begins otherwise.
        """
        return TrustProvider(
            type="crowdstrike", tenant_id=tenant_id, public_signing_key_url=public_signing_key_url
        )

    @staticmethod
    def jamf(*, tenant_id: str, public_signing_key_url: str | None = None) -> TrustProvider:
        """Jamf, whose data is ``context.jamf``.

        Args:
            tenant_id: The id of your tenant at Jamf.
            public_signing_key_url: Where its public signing keys are; begins with ``https://``. Default:
                none, because Client VPN needs no address for Jamf.

        Raises:
            InvalidTrustProvider: When the id is empty, or the address begins otherwise.
        """
        return TrustProvider(type="jamf", tenant_id=tenant_id, public_signing_key_url=public_signing_key_url)

    @staticmethod
    def jumpcloud(*, tenant_id: str, public_signing_key_url: str) -> TrustProvider:
        """JumpCloud, whose data is ``context.jumpcloud``.

        Args:
            tenant_id: The id of your tenant at JumpCloud.
            public_signing_key_url: Where its public signing keys are; begins with ``https://``.

        Raises:
            InvalidTrustProvider: When the id is empty, or the address is missing or begins otherwise.
        """
        return TrustProvider(
            type="jumpcloud", tenant_id=tenant_id, public_signing_key_url=public_signing_key_url
        )


def _check_url(kind: TrustProviderType, url: str | None) -> None:
    if url is None:
        if kind not in _KEYS_KNOWN_TO_AWS:
            raise InvalidTrustProvider(
                f"public_signing_key_url of {kind} is missing, and Client VPN needs it to verify the data of {kind}; "
                f"give the address of its public signing keys{_EXAMPLES.get(kind, '')}"
            )
    elif not isinstance(url, str):
        raise InvalidTrustProvider(f"public_signing_key_url={url!r} of {kind} must be a string")
    elif not Token.is_unresolved(url) and not re.match(r"https://[^/\s]", url):
        raise InvalidTrustProvider(
            f'public_signing_key_url "{url}" of {kind} must begin with "https://" and a host, or another host on the '
            "network could replace the keys that verify devices"
        )
