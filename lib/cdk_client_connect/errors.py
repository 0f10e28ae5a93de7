"""The errors of the constructs.

All are raised before anything reaches the CDK's own engine, so that the traceback points at the line that
passed the wrong argument.

ClientConnectError (a ValueError)
└── InvalidHandler
    ├── InvalidArgument       an argument of a wrong type, or one that does not fit the others
    ├── InvalidFunctionName   not a name that Client VPN invokes
    ├── InvalidTimeout        longer than Client VPN waits, or not whole seconds
    ├── InvalidConcurrency    a number of environments that Lambda does not accept
    ├── InvalidRuntime        not a Python or an architecture that the handler runs on
    ├── InvalidMessage        a default message that Client VPN does not accept
    ├── InvalidTimeZone       not an IANA time zone
    ├── InvalidCode           code given with other policies, for another platform, or changed in cdk.out
    ├── InvalidAuthorizationPolicy   a native policy that cannot be set, or enforced, like this
    └── InvalidTrustProvider  a trust provider without a tenant, given twice, or with unsafe keys
"""

from __future__ import annotations

from client_connect_tools import ClientConnectError


class InvalidHandler(ClientConnectError):
    """An argument of a construct is wrong."""


class InvalidArgument(InvalidHandler):
    """An argument is of a wrong type, out of its range, or does not fit the others."""


class InvalidFunctionName(InvalidHandler):
    """Client VPN would not invoke a function of this name."""


class InvalidTimeout(InvalidHandler):
    """The timeout is longer than Client VPN waits, or not a number of whole seconds."""


class InvalidConcurrency(InvalidHandler):
    """Lambda does not accept this number of execution environments."""


class InvalidRuntime(InvalidHandler):
    """The handler does not run on this runtime or architecture."""


class InvalidMessage(InvalidHandler):
    """Client VPN does not accept this message."""


class InvalidTimeZone(InvalidHandler):
    """There is no such time zone."""


class InvalidCode(InvalidHandler):
    """Prebuilt code was given beside other policies, or is for another runtime or architecture."""


class InvalidAuthorizationPolicy(InvalidHandler):
    """The endpoint cannot be given this native authorization policy, or not in this way."""


class InvalidTrustProvider(InvalidHandler):
    """A trust provider has no tenant, is given twice, or has keys at an address that is not safe."""
