"""What people call the platforms that OpenVPN calls otherwise."""

from __future__ import annotations

OTHER_NAMES = {
    "windows": "win",
    "win10": "win",
    "win11": "win",
    "macos": "mac",
    "osx": "mac",
    "darwin": "mac",
    "macintosh": "mac",
    "iphone": "ios",
    "ipad": "ios",
    "ipados": "ios",
}
