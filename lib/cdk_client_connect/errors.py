"""The errors of the constructs.

All are raised before anything reaches the CDK's own engine, so the traceback points at the line that
passed the wrong argument.

ClientConnectError (a ValueError)
└── InvalidConstructArgument
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


class InvalidConstructArgument(ClientConnectError):
    """An argument of a construct is wrong."""


class InvalidArgument(InvalidConstructArgument):
    """An argument is of a wrong type, out of its range, or does not fit the others."""


class InvalidFunctionName(InvalidConstructArgument):
    """Client VPN would not invoke a function of this name."""


class InvalidTimeout(InvalidConstructArgument):
    """The timeout is longer than Client VPN waits, or not a number of whole seconds."""


class InvalidConcurrency(InvalidConstructArgument):
    """Lambda does not accept this number of execution environments."""


class InvalidRuntime(InvalidConstructArgument):
    """The handler does not run on this runtime or architecture."""


class InvalidMessage(InvalidConstructArgument):
    """Client VPN does not accept this message."""


class InvalidTimeZone(InvalidConstructArgument):
    """There is no such time zone."""


class InvalidCode(InvalidConstructArgument):
    """Prebuilt code was given together with other policies, or is for another runtime or architecture."""


class InvalidAuthorizationPolicy(InvalidConstructArgument):
    """The endpoint cannot be given this native authorization policy, or not in this way."""


class InvalidTrustProvider(InvalidConstructArgument):
    """A trust provider has no tenant, is given twice, or has keys at an address that is not safe."""
