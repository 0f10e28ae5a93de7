"""Under which name and version this library is installed: with the constructs, or the tools alone."""

from __future__ import annotations

from importlib import metadata

NAMES = ("cdk-client-connect", "client-connect-tools")
"""The distributions that have these packages; one of them is installed."""


def name() -> str:
    """Return the name of the distribution that is installed, for instructions to install more of it.

    Raises:
        RuntimeError: As of ``version``.
    """
    return next(iter(_installed()))


def version() -> str:
    """Return the version of this library.

    Raises:
        RuntimeError: When both distributions are installed in different versions, which mixes their files.
        importlib.metadata.PackageNotFoundError: When neither is installed.
    """
    return next(iter(_installed().values()))


def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    for each in NAMES:
        try:
            found[each] = metadata.version(each)
        except metadata.PackageNotFoundError:
            continue
    if not found:
        raise metadata.PackageNotFoundError(NAMES[0])
    if len(set(found.values())) > 1:
        both = " and ".join(f"{each} {version}" for each, version in found.items())
        raise RuntimeError(
            f"{both} are both installed, and have the same packages, of which the files are now mixed; uninstall both, "
            "and install the one that you need"
        )
    return found
