"""The sources by their kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_connect_devices.errors import InvalidSettings
from client_connect_devices.managers.crowdstrike import CrowdStrike
from client_connect_devices.managers.fleet import Fleet
from client_connect_devices.managers.intune import Intune
from client_connect_devices.managers.iru import Iru
from client_connect_devices.managers.jamf_pro import JamfPro
from client_connect_devices.managers.json_source import JsonSource
from client_connect_devices.managers.jumpcloud import JumpCloud
from client_connect_devices.settings import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client_connect_devices.source import Source

_KINDS: Mapping[str, Callable[[Reader], Source]] = {
    "crowdstrike": CrowdStrike.read,
    "fleet": Fleet.read,
    "intune": Intune.read,
    "iru": Iru.read,
    "jamf_pro": JamfPro.read,
    "json": JsonSource.read,
    "jumpcloud": JumpCloud.read,
}
KINDS = tuple(_KINDS)


def source_of(
    settings: Mapping[str, Any],
    *,
    is_token: Callable[[object], bool] = lambda _: False,
    texts: bool = False,
) -> Source:
    """Return the source for settings; ``kind`` names the device manager.

    Args:
        settings: The settings by name.
        is_token: Tells which values cannot be checked yet.
        texts: Whether numbers, flags and lists come as texts.

    Raises:
        InvalidSettings: With everything that is wrong.
    """
    given = dict(settings)
    kind = given.pop("kind", None)
    if kind not in _KINDS:
        raise InvalidSettings(f"kind={kind!r} must be one of {', '.join(_KINDS)}")
    reader = Reader(given, is_token=is_token, texts=texts)
    source = _KINDS[kind](reader)
    reader.finish()
    return source
