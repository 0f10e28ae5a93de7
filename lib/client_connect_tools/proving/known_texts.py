"""The texts of policies, and those that stand for all others that a connection can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from cedarpy import pst

from client_connect.names import lower_case
from client_connect.states import CustomFactsState, Inventory
from client_connect_tools.cedar.nodes import path, walk
from client_connect_tools.inputs.default_event import DEFAULT_EVENT
from client_connect_tools.proving.custom_types import RecordType, SetType
from client_connect_tools.proving.texts import Kind, Texts, pattern, samples, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect_tools.proving.custom_types import CustomType
    from client_connect_tools.proving.texts import Pattern

USUAL_NAMES = {"pid": "user", "commonName": "device"}
PLATFORMS = ("win", "mac", "linux", "ios", "android")
_COMPARED = frozenset(("connectionId", "platform", "platformVersion", "username", "commonName"))
_SETS = frozenset(("waivers", "networks", "ownerTags"))
# The names that are read in any case of the letters, though texts are compared exactly elsewhere.
_IN_ANY_CASE = frozenset(("ownCertificate", "ownerTags"))
LOWER = Kind(lower=True)


@dataclass(frozen=True, slots=True)
class Named:
    """The texts that policies name.

    Attributes:
        texts: All texts, ids among them.
        patterns: The patterns of ``like``.
        keys: The names of tags.
        groups: The groups.
        users: The users.
        compared: How many texts and sets of the context are compared with each other; 0 when none are.
        any_case: Whether they are compared in any case.
    """

    texts: frozenset[str]
    patterns: tuple[Pattern, ...]
    keys: frozenset[str]
    groups: frozenset[str]
    users: frozenset[str]
    compared: int
    any_case: bool

    @classmethod
    def of(cls, roots: Iterable[object]) -> Named:
        """Return what policies, or other syntax nodes, name."""
        texts: set[str] = set()
        patterns: dict[Pattern, None] = {}
        keys: set[str] = set()
        entities: dict[str, set[str]] = {}
        read: set[str] = set()
        compares = any_case = False
        for node in (node for root in roots for node in walk(root)):
            match node:
                case pst.StringLit(text):
                    texts.add(text)
                case pst.EntityUid(kind, id_):
                    texts.add(id_)
                    entities.setdefault(kind.basename, set()).add(id_)
                case pst.Like(base) if path(base) != ("time", "date"):
                    wanted = pattern(node)
                    patterns[wanted] = None
                    if None not in wanted:
                        texts.add("".join(filter(None, wanted)))
                case pst.BinaryOp("get_tag" | "has_tag", _, pst.StringLit(key)):
                    keys.add(key)
                case pst.BinaryOp(
                    "eq" | "not_eq" | "contains" | "contains_any" | "contains_all", left, right
                ):
                    compares = compares or not (_is_written(left) or _is_written(right))
                case pst.BinaryOp("get_tag" | "has_tag"):
                    compares = True
                case pst.GetAttr(_, attribute):
                    read.add(attribute)
                    any_case = any_case or attribute in _IN_ANY_CASE
        groups, users = (frozenset(entities.get(kind, ())) for kind in ("Group", "User"))
        compared = len(read & _COMPARED) + 2 * len(read & _SETS) if compares else 0
        return cls(frozenset(texts), tuple(patterns), frozenset(keys), groups, users, compared, any_case)


def _is_written(node: pst.Expr) -> bool:
    match node:
        case pst.Set(elements):
            return all(map(_is_written, elements))
        case pst.StringLit() | pst.LongLit() | pst.BoolLit() | pst.EntityLit() | pst.UnaryOp():
            return True
    return False


def known_texts(named: Named, custom: RecordType, *, as_sent: bool) -> Texts:
    """Return the texts: those that are written, and for each way that others can be alike, some of them."""
    texts = Texts()
    always = ("", *PLATFORMS, *get_args(Inventory), *get_args(CustomFactsState), *USUAL_NAMES.values())
    defaults = (str(DEFAULT_EVENT[key]) for key in ("connection-id", "endpoint-id"))
    written = sorted(named.texts)
    for text in (*always, *defaults, *written, *map(lower_case, written), _endpoint(named.texts)):
        texts.add(text)
    most = 1
    if named.any_case:
        most = 3  # the user's name, in lower case and not, and another one
    if named.compared:
        most += named.compared + len(named.keys) + 2 * _text_count(custom)  # all may differ from each other
    kinds = [Kind(), Kind(lower=True)]
    if as_sent:
        kinds += [Kind(tidy=True), Kind(tidy=True, lower=True)]
    taken = frozenset(texts.texts)
    patterns = [each for each in named.patterns if None in each]
    for kind in kinds:
        for text in samples(patterns, taken=taken, kind=kind, count=most, any_case=named.any_case):
            texts.add(text)
            texts.add(lower_case(text))
    for text in _other_spellings(tuple(filter(LOWER.has, texts.texts)), named, taken, most):
        texts.add(text)
    return texts


def _other_spellings(lower: Iterable[str], named: Named, taken: frozenset[str], most: int) -> Iterator[str]:
    """Yield the users that no policy names, though one in lower case; where they are compared so, all such texts."""
    patterns = [each for each in named.patterns if None in each]
    for text in lower:
        yield from spellings(text, (), taken=named.users, count=1)
        if named.any_case and text in taken:
            yield from spellings(text, patterns, taken=taken, count=most)


def _text_count(of: CustomType) -> int:
    if isinstance(of, RecordType):
        return sum(_text_count(inner) for inner, _ in of.attributes.values())
    return int(of in ("String", SetType("String")))


def _endpoint(taken: frozenset[str]) -> str:
    """Return the id of an endpoint that no policy names."""
    number = 0
    while (found := f"cvpn-endpoint-{number:017x}") in taken:
        number += 1
    return found
