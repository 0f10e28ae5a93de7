"""Where the bundle's packages come from: uv's own settings, else pip's, as one configuration file for uv.

Only what leads to an index is taken over. What else a project configures, such as its constraints, is meant for
that project's packages: with it, uv would refuse our lock.

Source: https://docs.astral.sh/uv/concepts/configuration-files/
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_connect_tools.bundling.pip_settings import read_pip_settings, user_folder
from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from client_connect_tools.bundling.pip_settings import PipSettings

# Each of these says where packages come from; with any of them, pip's settings are not asked.
_PLACES = ("index", "index-url", "extra-index-url", "find-links", "no-index")
_ACCESS = (
    *("index-strategy", "keyring-provider", "allow-insecure-host", "native-tls", "system-certs"),
    *("offline", "cache-dir", "no-cache", "http-proxy", "https-proxy", "no-proxy"),
)
# Of a project that is not trusted these are not taken over: a proxy, a host whose certificate is not verified, and a
# program that is asked for passwords.
_LEADS_ELSEWHERE = frozenset({"allow-insecure-host", "keyring-provider", "http-proxy", "https-proxy"})
_PLACE_VARIABLES = (
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    *("UV_FIND_LINKS", "UV_NO_INDEX"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageIndex:
    """Where packages come from.

    Attributes:
        settings: uv's settings, by the names that they have in ``uv.toml``.
        environment: Variables that uv reads in addition to the present ones.
        certificates: Files with certificates that pip and others are configured to trust, the first one first.
        is_configured: Whether any settings name a source of packages.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    certificates: Sequence[str] = ()
    is_configured: bool = False

    def as_toml(self) -> str:
        """Return the settings as a ``uv.toml``."""
        # The simple values first: what follows a table belongs to the table. JSON's texts and lists are TOML's.
        tables = {"index": self.settings["index"]} if "index" in self.settings else {}
        lines = [f"{name} = {_toml(value)}" for name, value in self.settings.items() if name not in tables]
        for entry in tables.get("index", ()):
            lines += ["[[index]]", *(f"{name} = {_toml(value)}" for name, value in entry.items())]
        return "\n".join(lines) + "\n"


def find_package_index(*, trusts_project: bool = True) -> PackageIndex:
    """Return where packages come from, for a process in this folder with this environment.

    Args:
        trusts_project: Whether this process runs code of the folder anyway. Else its files may name an index, but
            cannot have this environment's credentials sent to it.

    Raises:
        BundleError: When a file cannot be read, or names an index that this environment has credentials for.
    """
    settings = _uv_settings(trusts_project=trusts_project)
    own = any(settings.get(name) for name in _PLACES) or any(
        os.environ.get(name) for name in _PLACE_VARIABLES
    )
    pip = read_pip_settings()
    if not own:
        settings |= _of_pip(pip)
    named = (pip.certificate, *map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")))
    return PackageIndex(
        settings=settings,
        environment={} if own else _environment_of_pip(pip),
        certificates=[file for file in dict.fromkeys(named) if file and Path(file).is_file()],
        is_configured=own or any(settings.get(name) for name in _PLACES),
    )


def _uv_settings(*, trusts_project: bool) -> dict[str, Any]:
    """Merge uv's configuration files: of two values the nearer one counts, and lists are joined."""
    merged: dict[str, Any] = {}
    for folder, document in _uv_documents(trusts_project=trusts_project):
        for table in (document.get("pip", {}), document):
            for name in (*_PLACES, *_ACCESS):
                if name in table:
                    value = _with_whole_paths(name, table[name], folder)
                    if isinstance(value, list):
                        merged.setdefault(name, []).extend(value)
                    else:
                        merged.setdefault(name, value)
    return merged


def _uv_documents(*, trusts_project: bool) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield uv's configuration files with their folders, the nearest first."""
    if os.environ.get("UV_NO_CONFIG"):
        return
    if named := os.environ.get("UV_CONFIG_FILE"):
        yield from _document(Path(named))
        return
    for folder, document in _project_document():
        yield folder, document if trusts_project else _without_secrets(document, folder)
    windows = sys.platform == "win32"
    user = os.environ.get("APPDATA" if windows else "XDG_CONFIG_HOME")
    yield from _document(Path(user or user_folder() / ".config", "uv", "uv.toml"))
    system = (
        [os.environ.get("PROGRAMDATA", r"C:\ProgramData")]
        if windows
        else [*os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"), "/etc"]
    )
    found = (each for folder in system for each in _document(Path(folder, "uv", "uv.toml")))
    yield from itertools.islice(found, 1)


def _project_document() -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the file of the nearest folder that configures uv."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        own = list(_document(folder / "uv.toml")) or [
            (folder, document["tool"]["uv"])
            for _, document in _document(folder / "pyproject.toml")
            if "uv" in document.get("tool", {})
        ]
        if own:
            yield from own
            return


def _without_secrets(document: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Leave out of a project's settings what could have credentials of this environment sent elsewhere.

    Raises:
        BundleError: When no other index is left than one that the environment has credentials for.
    """
    return {
        name: _without_secrets(value, folder) if name == "pip" else _without_credentials(name, value, folder)
        for name, value in document.items()
        if name not in _LEADS_ELSEWHERE
    }


def _without_credentials(name: str, value: Any, folder: Path) -> Any:  # noqa: ANN401 - as TOML has it
    """Leave out the indexes that the environment has credentials for: it has to say itself where these are sent."""
    if name != "index":
        return value
    for variable in filter(None, map(_credentials, value)):
        if not any(map(os.environ.get, _PLACE_VARIABLES)):
            raise BundleError(
                f'{variable} has credentials for an index that the project in "{folder}" names, so whoever changes '
                "the project's files would get them; name the index by the environment too "
                "(UV_DEFAULT_INDEX=NAME=URL, or UV_INDEX=NAME=URL)"
            )
    return [entry for entry in value if not _credentials(entry)]


def _credentials(entry: Mapping[str, Any]) -> str | None:
    """Return the variable of this environment with credentials for an index, if there is one."""
    name = re.sub("[^A-Z0-9]", "_", str(entry.get("name", "")).upper())
    variables = (f"UV_INDEX_{name}_PASSWORD", f"UV_INDEX_{name}_USERNAME") if name else ()
    return next((variable for variable in variables if os.environ.get(variable)), None)


def _document(file: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield a file with its folder; nothing if the user has no such file, or may not read it."""
    try:
        yield file.absolute().parent, tomllib.loads(file.read_text("utf-8"))
    except OSError:
        return
    except ValueError as error:  # it could name an index
        raise BundleError(f'cannot read uv\'s settings in "{file}": {error}; correct the file') from None


def _with_whole_paths(name: str, value: Any, folder: Path) -> Any:  # noqa: ANN401 - as TOML has it
    """Return a setting with its paths from the root: the file that uv gets is in another folder."""
    if name == "index":
        # An explicit index is asked for the packages that a project names, which ours are not.
        entries = (entry for entry in value if not entry.get("explicit"))
        return [{**entry, "url": _path_or_url(entry.get("url", ""), folder)} for entry in entries]
    if name in {"extra-index-url", "find-links"}:
        return [_path_or_url(each, folder) for each in value]
    return _path_or_url(value, folder) if name in {"index-url", "cache-dir"} else value


def _path_or_url(value: str, folder: Path) -> str:
    return value if "://" in value else str(folder / Path(value).expanduser())


def _of_pip(pip: PipSettings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "index-url": pip.index_url,
        "extra-index-url": list(pip.extra_index_urls),
        # pip passes over those that do not exist
        "find-links": [each for each in pip.find_links if "://" in each or Path(each).is_dir()],
        "no-index": pip.no_index,
        "allow-insecure-host": list(pip.trusted_hosts),
        "keyring-provider": "subprocess" if pip.keyring else None,
    }
    settings = {name: value for name, value in found.items() if value}
    if pip.extra_index_urls:
        # As pip does; the hashes of the lock keep out what is not ours.
        settings["index-strategy"] = "unsafe-best-match"
    return settings


def _environment_of_pip(pip: PipSettings) -> dict[str, str]:
    named = {
        "SSL_CLIENT_CERT": pip.client_certificate,
        "HTTPS_PROXY": pip.proxy,
        "HTTP_PROXY": pip.proxy,
    }
    return {name: value for name, value in named.items() if value and name not in os.environ}


def _toml(value: Any) -> str:  # noqa: ANN401 - as TOML has it
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
