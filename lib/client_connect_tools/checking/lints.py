"""Code that is allowed in a policy but seldom meant; each lint has a name to switch it off."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from unicodedata import name as name_of_character

from cedarpy import pst

from client_connect.engine.policy_reads import reads
from client_connect.names import lower_case
from client_connect.record import ENDPOINT_ID
from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.comparisons import comparison, members
from client_connect_tools.cedar.parsing import in_order, parse, schema
from client_connect_tools.cedar.places import named
from client_connect_tools.cedar.polarity import conditions
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.checking import less_than_meant, precedence
from client_connect_tools.checking.all_policies import (
    AllPolicies,
    groups,
    is_for_all_of,
    is_shadow,
    is_unconditional,
)
from client_connect_tools.checking.annotations import ignored
from client_connect_tools.checking.closed_values import impossible_comparisons
from client_connect_tools.checking.custom_schema import check_custom_schema
from client_connect_tools.checking.last_seen import admits_future, bounds_age, denies_future
from client_connect_tools.checking.mistaken_numbers import mistaken_numbers
from client_connect_tools.checking.network_names import unread
from client_connect_tools.checking.outages import CUSTOM_FACTS, INVENTORY
from client_connect_tools.checking.truth import contradictions
from client_connect_tools.checking.version_order import keeps_out_later
from client_connect_tools.finding import Finding
from client_connect_tools.inputs import messages
from client_connect_tools.inputs.client_spellings import OTHER_NAMES
from client_connect_tools.inputs.invisible import (
    has_invisible_ends,
    letter_of_another_script,
    usual_spelling,
)
from client_connect_tools.nearest import nearest
from client_connect_tools.policies import RENDERED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import cedarpy

    from client_connect_tools.checking.outages import Source
    from client_connect_tools.files.networks import NetworkList
    from client_connect_tools.policies import Policies

    Lint = Callable[[pst.Template, AllPolicies], Iterator[str]]

_PRINCIPAL = pst.Var("principal")
_USER, _DEVICE, _ENDPOINT = (f"ClientVpn::{name}" for name in ("User", "Device", "Endpoint"))
_AWS_CLIENT = "awsClient"
_LOWER_CASE = ("username", "platform")
_EQUALITIES = ("eq", "not_eq", "contains", "contains_any", "contains_all")
_CLOCKS = {
    "to_date": ("toDate", 'context.time.date == "2026-12-25", or .month and .day'),
    "to_time": ("toTime", "context.time.minuteOfDay"),
}
# So many cost a decision about 0.2 ms more, and a cold start 20 ms; those of a list, however many, cost none.
MOST_INLINE_NETWORKS = 200
EXACT = (
    "cannot-apply",
    "admits-everybody",
    "always-denied",
    "covered",
    "can-err",
    "contradictory-shadow",
    "not-decided",
)
"""The lints that ``proving`` finds, and not ``lint``."""
# Names of permits that should let a user in whatever else is the case.
_MEANT_TO_WIN = re.compile(
    r"break[-_ ]?(?:the[-_ ]?)?glass|emergenc|always|override|bypass|exempt|exception", re.IGNORECASE
)
# Generated text is not mistyped: Rules turn times into minutes themselves.
_OF_TYPING = ("mistaken-number",)


def lint(policies: Policies, *, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what is doubtful in policies, as warnings.

    Args:
        policies: Policies without errors; those with errors are passed over, and with an error in
            ``custom.cedarschema`` all of them.
        ignore: Names of lints that are switched off.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    if check_custom_schema(policies):
        return []
    # The ids, including those of policies that cannot be parsed.
    ids = {each.id: None for each in parse(policies.sources)}
    of_these = {
        "never-applies": partial(_never_applies, types=schema(policies.custom)),
        "unknown-waiver": partial(_unknown_waiver, ids=ids),
    }
    unused = () if "unused-network" in ignore else unread(policies)
    return [
        *in_order(policies.sources, [*find(policies, LINTS | of_these, ignore), *_unclear(policies, ignore)]),
        *map(_unused_network, unused),
    ]


def _unclear(policies: Policies, ignore: Collection[str]) -> Iterator[Finding]:
    """Yield what the nodes of a policy no longer show: parentheses."""
    name = "unclear-precedence"
    for each in parse(policies.sources) if name not in ignore else ():
        if each.template is None or name in ignored(each.template):
            continue
        for place, text in precedence.unclear(each.statement.text):
            message = (
                f"&& binds closer than ||, so {text:.300} stands together; put it, or what is meant, into ()"
            )
            yield each.finding(name, message, "warning", place=place)


def find(policies: Policies, lints: Mapping[str, Lint], ignore: Collection[str]) -> list[Finding]:
    """Return what some lints find in policies.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    if unknown := sorted(set(ignore) - lints.keys()):
        raise ValueError(f'there is no lint "{unknown[0]}"; there are {", ".join(lints)}')
    parsed = [(each, each.template) for each in parse(policies.sources) if each.template is not None]
    templates = AllPolicies(template for _, template in parsed)
    findings = [
        each.finding(name, message, "warning", place=named(each.statement.text, message))
        for name, find_in in lints.items()
        if name not in ignore
        for each, template in parsed
        if name not in ignored(template) and (name not in _OF_TYPING or each.file != RENDERED)
        for message in find_in(template, templates)
    ]
    return in_order(policies.sources, findings)


def attributes_read(policies: Policies) -> frozenset[str]:
    """Return what policies read of a connection, those in shadow mode too, as ``policy_reads`` names it."""
    templates = (each.template for each in parse(policies.sources) if each.template is not None)
    return frozenset[str]().union(*map(reads, templates))


def _forbid_without_message(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if template.effect == "forbid" and not template.annotations.get("message"):
        status = (
            "; its @status is not reported in shadow mode: to report one of a connection that is allowed, write a "
            "permit with @status"
        )
        yield 'the forbid has no @message, so the user is not told what to do; add @message("...")' + (
            status if is_shadow(template) and "status" in template.annotations else ""
        )


def _permit_without_conditions(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    if template.effect != "permit" or is_shadow(template) or not is_unconditional(template):
        return
    # One with a status changes what is reported.
    others_change = everything.permits_with_status > ("status" in template.annotations)
    if len(everything.permits) > 1 and not others_change:
        yield (
            "the permit has no conditions, so the other permits change nothing; give it some, or remove "
            "the others"
        )


def _trusts_aws_client(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if template.effect == "permit" and _AWS_CLIENT in reads(template):
        yield (
            "the permit trusts context.awsClient, which the device's user can forge; permit by what cannot be "
            "forged (user, groups, common name), and use the client's version in forbids only"
        )


def _never_applies(
    template: pst.Template, _all: list[pst.Template], *, types: cedarpy.Schema | None = None
) -> Iterator[str]:
    if nodes.never_applies(template, types or schema()):
        yield "the policy can never apply, as the types in the schema show; look for a condition that excludes another"


def _exact_user_name(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for uid, form in sorted(set(_denied(template)), key=str):
        if str(uid.type) == _USER:
            instead = form % f'context has username && context.username == "{lower_case(uid.id)}"'
            yield (
                f"the {template.effect} keeps out {uid} by this exact name, but Active Directory takes other cases of "
                f"the letters for the same user; write {instead}"
            )


def _device_principal(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    why = "once users authenticate, the principal is the user, and not the device"
    for uid, form in sorted(set(_denied(template)), key=str):
        if str(uid.type) == _DEVICE:
            instead = form % f'context has commonName && context.commonName == "{uid.id}"'
            yield f"the {template.effect} keeps out {uid} as principal, but {why}; write {instead}"
    nodes_read = list(nodes.walk(template))
    if (
        template.effect == "forbid"
        and any(map(nodes.device_fact, nodes_read))
        and not any((nodes.path(node) or ("",))[0] == "device" for node in nodes_read)
    ):
        yield f"the forbid reads what the principal has as a device, but {why}; read it from context.device"
    elif template.effect == "forbid" and _only_devices(template) and any(map(_names_device, nodes_read)):
        yield f"the forbid is about devices as principals, but {why}; leave out that the principal is one"


def _only_devices(template: pst.Template) -> bool:
    """Tell whether a policy is for devices as principals, in its scope or in a part that all of it depends on."""
    scope = template.principal
    parts = [
        part for clause in template.clauses if isinstance(clause, pst.When) for part in _parts(clause.expr)
    ]
    return any(
        isinstance(each, pst.ScopeIs | pst.Is) and str(each.entity_type) == _DEVICE
        for each in (scope, *parts)
    )


def _parts(node: pst.Expr) -> Iterator[pst.Expr]:
    if isinstance(node, pst.BinaryOp) and node.op == "and":
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


def _names_device(node: object) -> bool:
    return (nodes.path(node) or ("",))[0] in ("commonName", "device", "inventory")


def _unknown_endpoint(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for node in nodes.walk(template):
        if (
            isinstance(node, pst.EntityUid)
            and str(node.type) == _ENDPOINT
            and not ENDPOINT_ID.fullmatch(node.id)
        ):
            yield (
                f'no endpoint has the id "{node.id}"; AWS makes ids such as "cvpn-endpoint-0123456789abcdef0", which '
                "are not names"
            )


def _similar_name(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    for name in dict.fromkeys(groups(template)):
        if near := everything.similar_groups.get(name):
            yield f'the group "{name}" is not "{near}", which the policies name too; is one of them misspelt?'


def _literal_asterisk(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for text in dict.fromkeys(_names(template)):
        if "*" in text:
            yield (
                f'{text!a:.100} is compared with its asterisk, which stands for nothing else here; write like "..." to '
                "compare with a pattern, such as context has username && context.username like"
            )
    yield from dict.fromkeys(_beginning(template))


def _beginning(template: pst.Template) -> Iterator[str]:
    """Yield what is wrong with the beginning of a name that is compared as all of it."""
    for compared in filter(None, map(comparison, nodes.walk(template))):
        if nodes.path(compared.read) in (("username",), ("commonName",)):
            yield from (
                f"{text!a:.100} is compared as it is, and looks like the beginning of names; for all of them, write "
                f'like "{text:.100}*", or "{text:.100}*" in Rules'
                for text in compared.literals
                if isinstance(text, str) and text.endswith(("-", "@"))
            )


def _contradiction(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from dict.fromkeys(contradictions(template))


def _either_meant(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from less_than_meant.either_meant(template)


def _double_negation(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from less_than_meant.double_negation(template)


def _mistaken_number(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from dict.fromkeys((*mistaken_numbers(template), *less_than_meant.miscounted(template)))


def _later_version(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from keeps_out_later(template)
    yield from less_than_meant.later_texts(template)


def _upper_case(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for attribute, text in _compared(template):
        if (lower := lower_case(text)) != text:
            name = OTHER_NAMES.get(lower, lower) if attribute == "platform" else lower
            yield f'context.{attribute} is in lower case and never equals "{text}"; write "{name}"'


def _impossible_value(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from dict.fromkeys((*impossible_comparisons(template), *less_than_meant.tags_by_user(template)))


def _invisible_character(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for text in dict.fromkeys(_names(template)):
        if has_invisible_ends(text):
            yield (
                f"{text!a:.100} begins or ends with what cannot be seen, and equals no name that looks like it; leave "
                "it out"
            )


def _utc_clock(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    clocks = [
        node.op
        for node in nodes.walk(template)
        if isinstance(node, pst.UnaryOp) and node.op in _CLOCKS and nodes.path(node.arg) == ("time", "now")
    ]
    for op in dict.fromkeys(clocks):
        method, instead = _CLOCKS[op]
        yield f"context.time.now.{method}() is in UTC, whatever the handler's time zone; use {instead}"


def _different_case(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for node in nodes.walk(template):
        if isinstance(node, pst.BinaryOp) and node.op in _EQUALITIES:
            sides = [*members(node.left), *members(node.right)]
            for name in _LOWER_CASE:
                if any(nodes.path(side) == (name,) for side in sides):
                    yield from dict.fromkeys(_raw(side, name) for side in sides if _is_raw(side))


def _client_command(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if problem := messages.command(template.annotations.get("message", "")):
        yield f"@message {problem}"


def _mixed_scripts(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for text in dict.fromkeys(_names(template)):
        if foreign := letter_of_another_script(text):
            yield (
                f"{text!a:.100} has {foreign!a} ({name_of_character(foreign, '')}) among other letters, and equals no "
                "name that looks like it; write the letter that is meant"
            )


def _unusual_spelling(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for text in dict.fromkeys(_names(template)):
        if (usual := usual_spelling(text)) != text:
            yield (
                f"{text!a:.100} looks like {usual!a:.100}, but does not equal it; write the latter, unless the name "
                "really has these characters"
            )


def _inline_networks(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    count = sum(isinstance(node, pst.BinaryOp) and node.op == "is_in_range" for node in nodes.walk(template))
    if count > MOST_INLINE_NETWORKS:
        yield (
            f"the policy has {count:,} networks in it, each of which is looked at for every connection; list them in "
            'networks/NAME.txt next to the policies, and write context.networks.contains("NAME")'
        )


def _beaten_permit(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    own = set(groups(template))
    texts = (template.annotations.get(name, "") for name in ("id", "status", "note", "title", "description"))
    if template.effect != "permit" or is_shadow(template) or not any(map(_MEANT_TO_WIN.search, texts)):
        return
    beating = [
        each.annotations.get("id", "")
        for each in everything.enforced
        if each.effect == "forbid" and not own & set(groups(each))
    ]
    if beating:
        shown = ", ".join(beating[:3]) + (f" and {len(beating) - 3} more" if len(beating) > 3 else "")  # noqa: PLR2004
        excepted = f'principal in ClientVpn::Group::"{min(own)}"' if own else "..."
        yield (
            f"a forbid beats every permit, so this one lets in no one whom {shown} keeps out; add unless "
            f"{{ {excepted} }} to those that it is to override"
        )


def _unknown_waiver(
    template: pst.Template, everything: list[pst.Template], *, ids: Mapping[str, None] | None = None
) -> Iterator[str]:
    known = ids or {each.annotations.get("id", ""): None for each in everything}
    for compared in filter(None, map(comparison, nodes.walk(template))):
        if nodes.path(compared.read) != ("waivers",):
            continue
        for id_ in compared.literals:
            if id_ not in known:
                near = nearest(str(id_), known)
                instead = f'"{near}"' if near else "the @id of the policy that is waived"
                yield f'context.waivers has ids of policies, and no policy has the id "{id_}"; write {instead}'


def _other_waiver(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    own = template.annotations.get("id", "")
    for compared in filter(None, map(comparison, nodes.walk(template))):
        found = [each for each in compared.literals if each != own and each in everything.ids]
        if nodes.path(compared.read) == ("waivers",) and found:
            yield (
                f'the policy honors the waiver of "{found[0]}", so who is excused from that one is excused from this '
                f'one too; write context.waivers.contains("{own}")'
            )


def _future_last_seen(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    if (
        not is_shadow(template)
        and admits_future(template)
        and not everything.has_one_for_all_of(template, denies_future)
    ):
        yield (
            "a device that was last seen in the future, which some exports write for never, passes for ever; also ask "
            'for context.time.now.durationSince(context.device.lastSeen) >= duration("-1d")'
        )


def _reversed_age(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    if (
        less_than_meant.reversed_age(template)
        and not bounds_age(template)
        and not everything.has_one_for_all_of(template, bounds_age)
    ):
        yield (
            "context.device.lastSeen.durationSince(context.time.now) is negative for what was seen before now, so "
            "it is never long; write context.time.now.durationSince(context.device.lastSeen)"
        )


def _custom_facts_outage(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    yield from _overlooks_outage(template, everything, CUSTOM_FACTS)


def _inventory_outage(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    yield from _overlooks_outage(template, everything, INVENTORY)


def _unknown_device(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    if (
        template.effect == "forbid"
        and not is_shadow(template)
        and any(isinstance(each, pst.GetAttr) and each.attr == "compliant" for each in nodes.walk(template))
        and everything.unknown_devices.overlooked_by(template, covers=is_for_all_of)
    ):
        yield (
            "a device that the inventory does not know has no compliance, so the policy lets it in, and no policy "
            'keeps it out; add a forbid when { context.inventory == "unknown" }'
        )


def _outage_denies(template: pst.Template, everything: AllPolicies) -> Iterator[str]:
    if template.effect != "permit" or is_shadow(template) or not everything.leaves_outages_open:
        return
    if everything.outages(INVENTORY).admits(template, covers=is_for_all_of):
        yield (
            "while the device inventory is unavailable, the permit lets in no one: no policy reads context.inventory, "
            "so that nothing says what an outage means, and no one knows who is blocked; to let someone in, write "
            'context.inventory == "known" && context has device, and to let in no one, add a forbid when '
            '{ context.inventory == "unavailable" }'
        )


def _unused_network(unused: NetworkList) -> Finding:
    message = f'no policy reads "{unused.name}"; write context.networks.contains("{unused.name}"), or remove the list'
    return Finding(
        file=unused.source.name,
        line=1,
        column=1,
        policy="",
        rule="unused-network",
        severity="warning",
        message=message,
    )


def _of_the_set(_template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    """Find nothing in a policy: what is doubtful is in the set."""
    yield from ()


LINTS: dict[str, Lint] = {
    "forbid-without-message": _forbid_without_message,
    "permit-without-conditions": _permit_without_conditions,
    "trusts-aws-client": _trusts_aws_client,
    "never-applies": _never_applies,
    "exact-user-name": _exact_user_name,
    "device-principal": _device_principal,
    "unknown-endpoint": _unknown_endpoint,
    "similar-name": _similar_name,
    "literal-asterisk": _literal_asterisk,
    "contradiction": _contradiction,
    "either-meant": _either_meant,
    "double-negation": _double_negation,
    "unclear-precedence": _of_the_set,
    "mistaken-number": _mistaken_number,
    "later-version": _later_version,
    "upper-case": _upper_case,
    "impossible-value": _impossible_value,
    "invisible-character": _invisible_character,
    "utc-clock": _utc_clock,
    "different-case": _different_case,
    "client-command": _client_command,
    "mixed-scripts": _mixed_scripts,
    "unusual-spelling": _unusual_spelling,
    "inline-networks": _inline_networks,
    "expired": _of_the_set,
    "unknown-group": _of_the_set,
    "unused-network": _of_the_set,
    "beaten-permit": _beaten_permit,
    "unknown-waiver": _unknown_waiver,
    "other-waiver": _other_waiver,
    "future-last-seen": _future_last_seen,
    "reversed-duration": _reversed_age,
    "custom-facts-outage": _custom_facts_outage,
    "inventory-outage": _inventory_outage,
    "outage-denies": _outage_denies,
    "unknown-device": _unknown_device,
    **dict.fromkeys(EXACT, _of_the_set),
}
"""The lints, by the name that switches each of them off."""


def _is_raw(node: pst.Expr) -> bool:
    """Return whether an expression is text whose case was not changed: a common name or a tag."""
    return nodes.path(node) == ("commonName",) or (isinstance(node, pst.BinaryOp) and node.op == "get_tag")


def _raw(node: pst.Expr, name: str) -> str:
    """Return what to write instead of a comparison with such text."""
    text = expression_text(node)
    if name != "username":
        instead = "write it in lower case at its source, and leave this lint out"
    elif nodes.path(node) == ("commonName",):
        instead = "use context.ownCertificate, which ignores case"
    else:
        tag = (
            node.right.value
            if isinstance(node, pst.BinaryOp) and isinstance(node.right, pst.StringLit)
            else "..."
        )
        instead = f'use context.ownerTags.contains("{tag}"), which ignores case'
    why = f"context.{name} is in lower case, but {text} is as it was sent, so a capital letter makes them differ"
    return f"{why}; {instead}"


def _compared(template: pst.Template) -> Iterator[tuple[str, str]]:
    """Yield each text that an attribute in lower case is compared with."""
    for node in nodes.walk(template):
        if isinstance(node, pst.Like):
            read, texts = (
                node.base,
                ["".join(each.value for each in node.pattern if isinstance(each, pst.Char))],
            )
        elif compared := comparison(node):
            read, texts = compared.read, [each for each in compared.literals if isinstance(each, str)]
        else:
            continue
        for name in _LOWER_CASE:
            if nodes.path(read) == (name,):
                yield from ((name, text) for text in texts)


def _names(template: pst.Template) -> Iterator[str]:
    """Yield each text that something is compared with, and the id of each entity."""
    for node in nodes.walk(template):
        match node:
            case pst.StringLit(text) | pst.EntityUid(_, text):
                yield text


def _overlooks_outage(template: pst.Template, everything: AllPolicies, source: Source) -> Iterator[str]:
    if is_shadow(template) or everything.only_adds_a_status(template):
        return
    if everything.outages(source).overlooked_by(template, covers=is_for_all_of):
        yield (
            f"while {source.name} is unavailable, the policy lets in whom it would keep out, and no policy says "
            "otherwise for all of them; add a forbid when "
            f'{{ context.{source.state} == "unavailable" }}'
        )


def _denied(template: pst.Template) -> Iterator[tuple[pst.EntityUid, str]]:
    """Yield the users and devices that a policy denies by their exact names, each with what to write instead."""
    if template.effect == "forbid":
        yield from ((uid, "when { %s }") for uid in pst.entity_uids(template.principal))
    for condition, denies in conditions(template):
        match condition:
            case pst.BinaryOp("not_eq", left, right) if not denies:
                yield from ((uid, "!(%s)") for uid in _named(left, right))
            case pst.BinaryOp("eq" | "in" | "contains" | "contains_any", left, right) if denies:
                yield from ((uid, "%s") for uid in _named(left, right))
            case pst.Is(_, _, pst.EntityLit(uid)) if denies:
                yield uid, "%s"


def _named(left: pst.Expr, right: pst.Expr) -> Iterator[pst.EntityUid]:
    """Yield the entities that the principal is compared with."""
    for one, other in ((left, right), (right, left)):
        if members(one) == (_PRINCIPAL,):
            yield from (each.value for each in members(other) if isinstance(each, pst.EntityLit))
