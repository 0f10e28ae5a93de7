"""Where pip installs from on this machine: from its configuration files and its environment variables.

This library was most likely installed by pip, so pip's settings are known to work.

Source: https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import configparser
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The sections that `pip install` reads, the later one above the earlier one.
_SECTIONS = ("global", "install")
_MACHINE = Path("/etc")
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """The settings that decide where pip installs from.

    Attributes:
        index_url: The index. Default: the public one.
        extra_index_urls: Further ones.
        find_links: Folders and pages with packages.
        no_index: Whether no index is asked.
        trusted_hosts: Whose certificates are not verified.
        certificate: A file with the certificates to trust.
        client_certificate: A file with the client's own certificate and key.
        proxy: The URL of a proxy.
        keyring: Whether pip asks the program ``keyring`` for passwords.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    trusted_hosts: tuple[str, ...] = ()
    certificate: str | None = None
    client_certificate: str | None = None
    proxy: str | None = None
    keyring: bool = False


def read_pip_settings() -> PipSettings:
    """Return pip's settings.

    Raises:
        BundleError: When a file of them is malformed.
    """
    options = dict(_options())
    return PipSettings(
        index_url=options.get("index-url"),
        extra_index_urls=tuple(options.get("extra-index-url", "").split()),
        find_links=tuple(options.get("find-links", "").split()),
        no_index=options.get("no-index", "").lower() in _TRUE,
        trusted_hosts=tuple(options.get("trusted-host", "").split()),
        certificate=options.get("cert"),
        client_certificate=options.get("client-cert"),
        proxy=options.get("proxy"),
        keyring=options.get("keyring-provider") in {"subprocess", "import"},
    )


def _options() -> Iterator[tuple[str, str]]:
    """Yield names and values, the later ones above the earlier ones."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named != os.devnull:
        sections = [_sections(file) for file in (*([Path(named)] if named else []), *_files())]
        for name in _SECTIONS:
            for each in sections:
                yield from each.get(name, {}).items()
    for variable, value in os.environ.items():
        if variable.startswith("PIP_") and value:
            yield variable.removeprefix("PIP_").lower().replace("_", "-"), value


def _sections(file: Path) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
    except OSError:
        return {}
    except (UnicodeDecodeError, configparser.Error) as error:  # it could name an index
        raise BundleError(f'cannot read pip\'s settings in "{file}": {error}; correct the file') from None
    return {
        section: {name.replace("_", "-"): value for name, value in parser.items(section) if value}
        for section in parser.sections()
    }


def _files() -> Iterator[Path]:
    """Yield the files of the machine, the user and the environment."""
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    home = user_folder()
    if sys.platform == "win32":
        yield Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "pip", name)
        yield home / "pip" / name
        yield Path(os.environ.get("APPDATA", home), "pip", name)
    elif sys.platform == "darwin":
        yield Path("/Library/Application Support/pip", name)
        yield home / ".pip" / name
        own = home / "Library" / "Application Support" / "pip"
        yield (own if own.is_dir() else home / ".config" / "pip") / name
    else:
        for folder in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")):
            yield Path(folder, "pip", name)
        yield _MACHINE / name
        yield home / ".pip" / name
        yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", name)
    yield Path(sys.prefix, name)


def user_folder() -> Path:
    """Return the user's folder; one that does not exist where there is no such user, as in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)
