"""The policies' metadata in the template."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import ClientConnectHandler, InvalidCode, InvalidPolicies, Policies
from cdk_client_connect.handler._policy_metadata import KEY, MAX_CHARACTERS
from client_connect.networks import digest
from client_connect.settings import NETWORKS_DIGEST, NETWORKS_FILE
from client_connect_tools import Bundle
from client_connect_tools.bundling.bundle import library_version

from .conftest import NO_BUNDLING, only, template

if TYPE_CHECKING:
    from pathlib import Path

HANDLER = "client_connect.handler.handler"
PERMIT = '@id("staff") permit (principal, action, resource);'
FORBID = '@id("phones") @shadow @message("No phones.") forbid (principal, action, resource);'


def metadata(**arguments: Any) -> dict[str, str] | None:
    """Return what the alias of a handler says of its policies."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    ClientConnectHandler(stack, "Handler", **arguments)
    alias = only(template(stack).find_resources("AWS::Lambda::Alias"))
    found: dict[str, str] | None = alias.get("Metadata", {}).get(KEY)
    return found


def test_policies_are_told_by_id_and_digest() -> None:
    """Every policy has an entry, which is that of `Policies.digests`."""
    policies = Policies.from_string(f"{PERMIT}\n{FORBID}")
    found = metadata(policies=policies)
    assert found == policies.digests()
    assert {id_: text.rpartition(" ")[0] for id_, text in found.items()} == {
        "phones": "forbid, shadow",
        "staff": "permit",
    }


def test_networks_are_told_by_name_and_digest() -> None:
    """A list that changes is seen there, and the function's code is another."""
    policies = (
        f'{PERMIT} @id("x") @message("No.") forbid (principal, action, resource) '
        'when { context.networks.contains("lab") };'
    )
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    for number, network in enumerate(("198.51.100.0/24", "203.0.113.0/24", "203.0.113.0/24")):
        networks = {"lab": [network]}
        ClientConnectHandler(stack, f"H{number}", policies=Policies.from_string(policies, networks=networks))
    found = template(stack)
    first, second, same = (
        each["Metadata"][KEY] for each in found.find_resources("AWS::Lambda::Alias").values()
    )
    assert first["networks/lab"].startswith("1 networks ")
    assert first != second == same
    assert first["x"] == second["x"]
    functions = found.find_resources("AWS::Lambda::Function", {"Properties": {"Handler": HANDLER}}).values()
    one, other, again = (each["Properties"]["Code"]["S3Key"] for each in functions)
    assert one != other == again


def test_policies_beside_a_single_file_are_named(tmp_path: Path) -> None:
    """They are not deployed with it."""
    (tmp_path / "staff.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "phones.cedar").write_text(FORBID, "utf-8")
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    ClientConnectHandler(stack, "Handler", policies=Policies.from_path(tmp_path / "staff.cedar"))
    note = Match.string_like_regexp(
        r'staff\.cedar" is a separate set, without .*phones\.cedar; give the folder'
    )
    assert len(Annotations.from_stack(stack).find_info("*", note)) == 1


def test_of_prebuilt_code_nothing_is_known(tmp_path: Path) -> None:
    """The policies are in the code, so the template says nothing of them."""
    (tmp_path / "index.py").write_text("", "utf-8")
    assert metadata(code=lambda_.Code.from_asset(str(tmp_path))) is None


def bundle(folder: Path, text: str, *, version: str | None) -> Path:
    """Write what a construct reads of a bundle."""
    folder.mkdir()
    platform = {"python": "3.14", "architecture": "arm64"} | ({} if version is None else {"version": version})
    (folder / "platform.json").write_text(json.dumps(platform), "utf-8")
    (folder / "policies.cedar").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "ZIP file"])
def test_the_policies_of_prebuilt_code_are_known_and_checked(tmp_path: Path, *, zipped: bool) -> None:
    """In a folder or a ZIP file: they are shown, their mistakes are errors and their lints warnings."""

    def code(name: str, text: str) -> lambda_.Code:
        folder = bundle(tmp_path / name, text, version=library_version())
        path = shutil.make_archive(str(folder), "zip", folder) if zipped else str(folder)
        return lambda_.Code.from_asset(path)

    sound = f"{PERMIT}\n{FORBID}"
    assert metadata(code=code("sound", sound)) == Policies.from_string(sound).digests()
    with pytest.raises(InvalidPolicies, match=r"policies\.cedar.*nobody"):
        metadata(
            code=code(
                "misspelt", PERMIT + '@id("x") forbid (principal, action, resource) when { context.nobody };'
            )
        )
    with pytest.raises(InvalidPolicies, match="permit"):
        metadata(code=code("empty", "// nothing"))
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    silent = PERMIT + '@id("x") forbid (principal, action, resource) when { context.platform == "mac" };'
    handler = ClientConnectHandler(stack, "Handler", code=code("silent", silent))
    assert handler.policies is not None
    warnings = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert [each.entry.data.partition(" [ack: ")[2] for each in warnings] == [  # type: ignore[union-attr]
        "cdk-client-connect:forbid-without-message]"
    ]


@pytest.mark.parametrize("version", ["0.0.1", None])
def test_warns_of_code_that_another_version_built(tmp_path: Path, version: str | None) -> None:
    """Or one so old that it did not say which."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    code = lambda_.Code.from_asset(str(bundle(tmp_path / "bundle", PERMIT, version=version)))
    ClientConnectHandler(stack, "Handler", code=code)
    (warning,) = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert f"code was built by {version or 'an earlier version'} of cdk-client-connect" in str(
        warning.entry.data
    )


def test_very_many_policies_have_one_digest() -> None:
    """So that the template does not outgrow its limit; it still changes with each of them."""
    few, many, other = (
        metadata(policies=Policies.from_string("\n".join(texts)), policy_tests=False)
        for texts in (numbered(40), numbered(1500), [*numbered(1499), FORBID])
    )
    assert few is not None
    assert len(few) == 40
    assert many is not None
    assert other is not None
    assert list(many) == list(other) == ["all 1500"]
    assert many != other
    assert len(json.dumps(many)) < MAX_CHARACTERS


def numbered(count: int) -> list[str]:
    """Return this many policies."""
    return [PERMIT.replace("staff", f"staff-{number:04}") for number in range(count)]


def test_the_version_of_the_function_is_as_without_it() -> None:
    """The policies' metadata changes no logical id: it is not in the function's own metadata."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    handler = ClientConnectHandler(stack, "Handler")
    before = stack.get_logical_id(version(handler))
    alias = handler.alias.node.default_child
    assert isinstance(alias, cdk.CfnResource)
    alias.add_metadata(KEY, {"other": "permit 000000000000"})
    assert stack.resolve(stack.get_logical_id(version(handler))) == stack.resolve(before)


def version(handler: ClientConnectHandler) -> cdk.CfnElement:
    """Return the version as it is in the template."""
    found = handler.function.current_version.node.default_child
    assert isinstance(found, cdk.CfnElement)
    return found


BY_NETWORK = (
    '@id("office") permit (principal, action, resource) when { context.networks.contains("office") };'
    '@id("guests") @message("Not here.") forbid (principal, action, resource)'
    ' when { context.networks.contains("guests") };'
)


def by_network(office: str) -> Policies:
    """Return policies that ask for two lists of networks."""
    return Policies.from_string(BY_NETWORK, networks={"office": [office], "guests": ["192.0.2.0/24"]})


def code_of(folder: Path, policies: Policies, *, zipped: bool, table: bytes | None) -> lambda_.Code:
    """Return prebuilt code with a table, which need not be that of its policies."""
    bundle(folder, "", version=library_version())
    for name, content in Bundle(policies.text, "3.14", "arm64", networks=policies.network_table).team_files():
        (folder / name).write_bytes(content)
    if table is None:
        (folder / NETWORKS_FILE).unlink(missing_ok=True)
    else:
        (folder / NETWORKS_FILE).write_bytes(table)
    return lambda_.Code.from_asset(shutil.make_archive(str(folder), "zip", folder) if zipped else str(folder))


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "ZIP file"])
def test_prebuilt_code_is_checked_with_its_networks(tmp_path: Path, *, zipped: bool) -> None:
    """A list that the policies ask for is one of those in the code, or a mistake."""
    policies = by_network("198.51.100.0/24")
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    handler = ClientConnectHandler(
        stack,
        "Handler",
        code=code_of(tmp_path / "sound", policies, zipped=zipped, table=policies.network_table),
    )
    assert handler.policies is not None
    assert handler.policies.network_table == policies.network_table
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []
    other = Policies.from_string(BY_NETWORK, networks={"office": ["198.51.100.0/24"]})
    with pytest.raises(InvalidPolicies, match="guests"):
        metadata(code=code_of(tmp_path / "other", other, zipped=zipped, table=other.network_table))


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "ZIP file"])
@pytest.mark.parametrize("damage", ["missing", "changed", "cut off", "of other policies", "not expected"])
def test_prebuilt_code_with_other_networks_is_refused(tmp_path: Path, damage: str, *, zipped: bool) -> None:
    """Deployed, it would deny every connection."""
    policies = by_network("198.51.100.0/24")
    table = policies.network_table
    assert table is not None
    tables = {
        "missing": None,
        "changed": table[:-1] + bytes([table[-1] ^ 1]),
        "cut off": table[:-6],
        "of other policies": by_network("203.0.113.0/24").network_table,
        "not expected": table,
    }
    policies = Policies.from_string(PERMIT) if damage == "not expected" else policies
    with pytest.raises(InvalidCode, match=r"networks\.bin that is not the one of its policies\.cedar"):
        metadata(code=code_of(tmp_path / "code", policies, zipped=zipped, table=tables[damage]))


def test_prebuilt_code_with_networks_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Even if the policies name just these bytes."""
    code = code_of(tmp_path / "code", by_network("198.51.100.0/24"), zipped=False, table=b"no table")
    policies = tmp_path / "code" / "policies.cedar"
    policies.write_text(f"{NETWORKS_DIGEST}{digest(b'no table')}\n{BY_NETWORK}", "utf-8")
    with pytest.raises(InvalidCode, match="networks that cannot be read"):
        metadata(code=code)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("policies.cedar", None, r"has no policies\.cedar, so every connection would be denied"),
        ("policies.cedar", b"\xff\xfe", r"policies\.cedar that is not UTF-8"),
        ("platform.json", b"{", r"a platform\.json that client-connect bundle did not write"),
        ("platform.json", b"[]", r"a platform\.json that client-connect bundle did not write"),
        (
            "platform.json",
            b'{"python": "3.14"}',
            r"a platform\.json that client-connect bundle did not write",
        ),
    ],
)
def test_a_damaged_bundle_is_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """With our message, which says what to do."""
    folder = bundle(tmp_path / "bundle", PERMIT, version=library_version())
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(InvalidCode, match=message):
        metadata(code=lambda_.Code.from_asset(str(folder)))
