"""Lists of networks with a name, as ``networks/NAME.txt`` has them: one network a line, with comments."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect.networks import INDEX_BYTES, MAGIC, Networks
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.folders import contents, shown
from client_connect_tools.files.policies_folder import NETWORKS_FOLDER, NETWORKS_SUFFIX
from client_connect_tools.files.source import Source, read_source
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Network = IPv4Network | IPv6Network
    Lists = Mapping[str, Iterable[str]] | str | os.PathLike[str]

# No name is an address or a network, which have dots, colons or digits alone.
NAME = re.compile(r"(?=[0-9_-]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_WIDTHS = {4: 4, 6: 16}
# So many lists a message names.
_MOST_OFFERED = 20
_MOST_SETS = 2 ** (8 * INDEX_BYTES)
_PREFIX = re.compile(r"[^/]+(?:/[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class NetworkList:
    """Networks with a name, for policies: ``context.networks.contains("NAME")``.

    Attributes:
        name: The name.
        source: The text, and the name of the file that it is in.
    """

    name: str
    source: Source

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks, as they are written; without the lines that are none."""
        return _parsed(self.source.text)[0]

    @property
    def problems(self) -> tuple[tuple[int, str], ...]:
        """The error in it: the line, and what to do."""
        problems = _parsed(self.source.text)[1]
        if not NAME.fullmatch(self.name):
            what = "letters, digits, - and _, at most 64, with a letter among them and no - or _ first"
            return ((1, f'the name "{shown(Path(self.name))}" must be of {what}; rename it'), *problems)
        return problems


def lists_of_files(files: Iterable[Path]) -> tuple[NetworkList, ...]:
    """Read lists from their files.

    Raises:
        InvalidPolicies: When one cannot be read, or two have the same name.
    """
    return require_unique(NetworkList(file.stem, read_source(file, "networks")) for file in files)


def lists_given(given: Lists | None) -> tuple[NetworkList, ...]:
    """Take lists from a mapping of names to networks, or from a folder of ``NAME.txt`` files.

    Raises:
        InvalidPolicies: When it is neither, or a file cannot be read.
    """
    if given is None:
        return ()
    if hasattr(given, "items"):
        return require_unique(_of_mapping(name, networks) for name, networks in given.items())
    folder = Path(given)
    try:
        found = contents(folder, recursive=False)
    except OSError as error:
        raise InvalidPolicies(f'cannot read the networks "{shown(folder)}": {error}') from None
    problems = found.problems + [
        f'"{shown(path)}" is no list of networks, NAME{NETWORKS_SUFFIX}; rename or move it'
        for path in (*found.files, *found.folders)
        if path.suffix not in (NETWORKS_SUFFIX, ".md") and not path.name.startswith(".")
    ]
    named = f'the folder of networks "{shown(folder)}" has'
    if problems:
        raise InvalidPolicies(f"{named}:", problems=problems)
    if not found.files:
        raise InvalidPolicies(f"{named} no NAME{NETWORKS_SUFFIX} file")
    return lists_of_files(file for file in found.files if file.suffix == NETWORKS_SUFFIX)


def require_unique(lists: Iterable[NetworkList]) -> tuple[NetworkList, ...]:
    """Return lists in the order of their names; the same list twice is one.

    Raises:
        InvalidPolicies: When two that differ have the same name, whatever the case of the letters.
    """
    by_name: dict[str, NetworkList] = {}
    for each in lists:
        other = by_name.setdefault(each.name.lower(), each)
        if other is not each and (other.name, set(other.networks)) != (each.name, set(each.networks)):
            raise InvalidPolicies(
                f'"{shown(Path(other.source.name))}" and "{shown(Path(each.source.name))}" are different lists of '
                f'networks with the name "{each.name}"; rename one of them'
            )
    return tuple(sorted(by_name.values(), key=lambda each: each.name))


def packed(lists: Sequence[NetworkList]) -> bytes | None:
    """Return the table that the handler looks addresses up in; ``None`` without lists.

    Raises:
        InvalidPolicies: When there are so many ways that lists overlap that they have no place in it.
    """
    if not lists:
        return None
    sets: dict[int, int] = {0: 0}
    parts, counts = [], {}
    for version, width in _WIDTHS.items():
        intervals = list(_intervals(lists, version))
        counts[f"v{version}"] = len(intervals)
        parts.append(b"".join(begin.to_bytes(width, "big") for begin, _ in intervals))
        indexes = [sets.setdefault(members, len(sets)) for _, members in intervals]
        if len(sets) > _MOST_SETS:
            raise InvalidPolicies(
                f"the lists of networks overlap in more than {_MOST_SETS:,} ways; use fewer lists"
            )
        parts.append(b"".join(index.to_bytes(INDEX_BYTES, "big") for index in indexes))
    members_of = [[number for number in range(len(lists)) if members >> number & 1] for members in sets]
    header = {"names": [each.name for each in lists], "sets": members_of, **counts}
    return MAGIC + json.dumps(header, separators=(",", ":")).encode() + b"\n" + b"".join(parts)


def unpacked(table: bytes) -> dict[str, list[str]]:
    """Return the lists of a table that ``packed`` made, by their names, each as few networks as there can be.

    Raises:
        InvalidNetworks: When it is no such table, or is cut off.
    """
    found = Networks(table)
    lists: dict[str, list[str]] = {name: [] for name in found.names}
    for first, last, names in found.intervals():
        for network in summarize_address_range(first, last) if names else ():
            for name in names:
                lists[name].append(str(network))
    return lists


def address_in_just(lists: Sequence[NetworkList], names: Iterable[str], *, preferred: str) -> str | None:
    """Return an address that is in the lists of these names and in no other, if there is one.

    Args:
        lists: Sound lists.
        names: The names, each of a list.
        preferred: An address to return if it is one.
    """
    wanted = sum(1 << number for number, each in enumerate(lists) if each.name in set(names))
    chosen = ip_address(preferred)
    found = {version: [(0, 0), *_intervals(lists, version)] for version in _WIDTHS}
    if next(members for begin, members in reversed(found[chosen.version]) if begin <= int(chosen)) == wanted:
        return preferred
    for version, kind in ((4, IPv4Address), (6, IPv6Address)):
        for begin, members in found[version]:
            if members == wanted and wanted:
                return str(kind(begin))
    return None


def unknown_network(name: str, known: Sequence[str]) -> str:
    """Return what is wrong with a name that no list of networks has."""
    if not known:
        return (
            f"there are no named networks; list them in {NETWORKS_FOLDER}/{name}{NETWORKS_SUFFIX} with the policies, "
            "or give networks= to Policies.from_rules or .from_string"
        )
    near = nearest(name, known)
    more = f" and {len(known) - _MOST_OFFERED} more" if len(known) > _MOST_OFFERED else ""
    what = f'write "{near}"' if near else f"there are {', '.join(known[:_MOST_OFFERED])}{more}"
    return f"no list of networks has this name; {what}"


def _intervals(lists: Sequence[NetworkList], version: int) -> Iterator[tuple[int, int]]:
    """Yield where the lists that have an address change, with these lists as bits; in order."""
    changes: dict[int, int] = {}
    for number, each in enumerate(lists):
        for network in collapse_addresses([one for one in each.networks if one.version == version]):  # type: ignore[type-var]
            begin = int(network.network_address)
            for place in (begin, begin + network.num_addresses):
                changes[place] = changes.get(place, 0) ^ (1 << number)
    members = 0
    for place in sorted(changes):
        if changes[place] and place < 1 << (8 * _WIDTHS[version]):
            members ^= changes[place]
            yield place, members


def _of_mapping(name: str, networks: Iterable[str]) -> NetworkList:
    if isinstance(networks, str):
        raise InvalidPolicies(
            f'the networks of "{name}" are the string "{networks}"; give a list, such as ["{networks}"]'
        )
    return NetworkList(str(name), Source(f"<networks {name}>", "\n".join(map(str, networks))))


@cache
def _parsed(text: str) -> tuple[tuple[Network, ...], tuple[tuple[int, str], ...]]:
    found: dict[Network, int] = {}
    problems = []
    for line, content in enumerate(text.split("\n"), 1):
        entry = content.partition("#")[0].strip(" \t")
        if not entry:
            continue
        try:
            network = parse_network(entry)
        except ValueError as error:
            problems.append((line, f"{error}"))
            continue
        if (first := found.setdefault(network, line)) != line:
            problems.append((line, f"{network} is on line {first} already; remove one of them"))
    if not found and not problems:
        problems.append(
            (1, "the list has no networks, so nothing is ever in it; add some, or remove the list")
        )
    return tuple(found), tuple(problems)


def parse_network(entry: str) -> Network:
    """Read a network, or an address as the network that has it alone.

    Raises:
        ValueError: When it is none, has host bits set, is IPv4 mapped into IPv6 or names a zone.
    """
    what = f"{entry[:100]!a}"
    try:
        network = ip_network(entry)
    except ValueError:
        network = None
    if network is None or not _PREFIX.fullmatch(entry):
        raise ValueError(f"{what} {_why_no_network(entry)}")
    address = network.network_address
    if isinstance(address, IPv6Address) and address.scope_id:
        raise ValueError(f"{what} names a zone of one machine; leave out the zone")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ValueError(f"{what} maps IPv4 into IPv6; write the IPv4 network")
    return network


def _why_no_network(entry: str) -> str:
    if _PREFIX.fullmatch(entry):
        with suppress(ValueError):
            return f"has bits set behind its prefix; write {ip_network(entry, strict=False)}"
    return 'is not a network; write one such as "203.0.113.0/24" or "2001:db8::/32"'
