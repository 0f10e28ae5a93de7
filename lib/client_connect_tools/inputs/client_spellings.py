"""How clients and OpenVPN servers spell platforms and versions, and what policies see of it: the only such table.

Sources: OpenVPN 2 ``src/openvpn/win32.c`` (``win32_version_string``), ``src/openvpn/ssl.c`` (peer info) and
``src/openvpn/misc.c`` (``validate_peer_info_line``: a server replaces white space, ``(``, ``$``, backquotes and what
cannot be printed by ``_``); OpenVPN 3 ``openvpn/common/platform_name.hpp``. A user can set any of these values.
"""

from __future__ import annotations

from dataclasses import dataclass

PLATFORMS = {
    "win": "Windows",
    "uwp": "Windows (store app)",
    "mac": "macOS",
    "linux": "Linux",
    "android": "Android",
    "ios": "iOS",
    "tvos": "tvOS",
    "freebsd": "FreeBSD",
    "openbsd": "OpenBSD",
    "netbsd": "NetBSD",
    "solaris": "Solaris",
}
"""The values of ``context.platform``, with the name that people know."""

OTHER_NAMES = {
    **dict.fromkeys(("windows", "windows 10", "windows 11", "win10", "win11", "win32", "win64"), "win"),
    **dict.fromkeys(("macos", "mac os", "mac os x", "os x", "osx", "darwin", "macintosh"), "mac"),
    **dict.fromkeys(("iphone", "ipad", "ipados"), "ios"),
}
"""Common names of platforms that clients call something else."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """A version as a request has it.

    Attributes:
        text: ``platform-version``, or ``client-openvpn-version``.
        version: The numbers that policies see; ``None`` if the version is absent.
        source: Who sends it; empty if no client does.
    """

    text: str
    version: str | None
    source: str = ""


WINDOWS_VERSIONS = (
    Spelling("6.1 64bit", "6.1", "OpenVPN 2.3 to 2.5 on Windows 7"),
    Spelling("6.1_64bit", "6.1", "the same, as an OpenVPN server passes it on"),
    Spelling(
        "6.2 64bit", "6.2", "OpenVPN 2.5 on Windows 8; OpenVPN 2.4 and earlier on Windows 8 **or later**"
    ),
    Spelling("6.2_64bit", "6.2", "the same, by a server"),
    Spelling("6.3_32bit", "6.3", "OpenVPN 2.5 on Windows 8.1, by a server"),
    Spelling("10.0 64bit", "10.0", "OpenVPN 2.5 on Windows 10 or later"),
    Spelling("10.0_64bit", "10.0", "the same, by a server"),
    Spelling("10.0, amd64 executable", "10.0", "OpenVPN 2.6"),
    Spelling("10.0,_amd64_executable", "10.0", "the same, by a server"),
    Spelling(
        "6.1, x86 executable running on amd64 host", "6.1", "OpenVPN 2.6 for 32 bits on Windows 7 for 64 bits"
    ),
    Spelling("6.1,_x86_executable_running_on_amd64_host", "6.1", "the same, by a server"),
    Spelling("6.1,_i386_executable_running_on_amd64_host", "6.1", "the same from other builds"),
    Spelling("10.0, (unknown) executable", "10.0", "OpenVPN 2.6 on a processor that it does not know"),
    Spelling("10.0,__unknown)_executable", "10.0", "the same, by a server"),
    Spelling("10.0.22631,amd64", "10.0.22631", "OpenVPN 2.7 and later"),
    Spelling("10.0.22631,x86 running on arm64 host", "10.0.22631", "OpenVPN 2.7 for another processor"),
    Spelling("10.0.22631,x86_running_on_arm64_host", "10.0.22631", "the same, by a server"),
    Spelling(
        "10.0.22631,_unknown)", "10.0.22631", "OpenVPN 2.7 on a processor that it does not know, by a server"
    ),
    Spelling("10.0", "10.0", "clients that send the version alone"),
    Spelling("10.0.19045", "10.0.19045", "the same with a build"),
    Spelling("10.0.19045.3803", "10.0.19045", "the same with a revision, which is not kept"),
    Spelling("Microsoft Windows NT 6.1.7601 Service Pack 1", "6.1.7601", "clients that are .NET programs"),
    Spelling("Microsoft_Windows_NT_10.0.19045.0", "10.0.19045", "the same, by a server"),
    Spelling("0.0 64bit", None, "OpenVPN 2.3 to 2.5, when it does not know"),
    Spelling("0.0_64bit", None, "the same, by a server"),
    Spelling("0.0,_amd64_executable", None, "OpenVPN 2.6, when it does not know, by a server"),
    Spelling("N/A", None, "OpenVPN 2.7, when it does not know"),
    Spelling("Windows 7", None),
    Spelling("Windows_10", None),
    Spelling("10", None),
    Spelling("10.x", None),
    Spelling("10.0.x", None),
    Spelling("11.0", None),
    Spelling("22.6.0", None),
)
"""``platform-version`` where the platform is ``win``. Windows 11 is 10.0.22000 and later, not 11.0."""

CLIENT_VERSIONS = (
    Spelling("2.6.12", "2.6.12", "releases"),
    Spelling("2.6_rc2", "2.6.0", "OpenVPN before a release"),
    Spelling("2.7_git", "2.7.0", "builds from OpenVPN's repository"),
    Spelling("3.12_git:master", "3.12.0", "the same of OpenVPN 3"),
    Spelling("2.4.9-beta", "2.4.9", "builds of others"),
    Spelling("5.2.1.9", "5.2.1", "clients with a fourth number, which is not kept"),
    Spelling("3", "3.0.0", "clients with one number"),
    Spelling("3.git::3e56f9a6", None, "OpenVPN 3, as released in apps"),
    Spelling("3.git:released:3e56f9a6:Release", None, "the same"),
    Spelling("2.x", None),
    Spelling("2.6.x", None),
    Spelling("2.6.12x", None),
    Spelling("3.", None),
    Spelling("v2.6", None),
    Spelling("OpenVPN 2.6.12", None),
    Spelling("2.6.1234567890", None),
)
"""``client-openvpn-version`` and ``aws-client-version``."""


def is_unknown_windows(windows_version: str) -> bool:
    """Return whether OpenVPN sends this text when it does not know the version of Windows."""
    return windows_version == "N/A" or windows_version.startswith("0.0")
