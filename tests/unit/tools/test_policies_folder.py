"""One folder is one set of policies: everything in it is read, is nothing of the set, or is an error."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools import InvalidPolicies, Policies, check, read_policy_tests, run_policy_tests
from client_connect_tools.cli import main

STAFF = '@id("staff") permit (principal, action, resource);\n'
NO_MACS = (
    '@id("no-macs") @message("Use Windows.")\n'
    'forbid (principal in ClientVpn::Group::"contractors", action, resource) when { context.platform == "mac" };\n'
)
TEST = (
    '[[test]]\nname = "{}"\nrequest = {{ groups = ["contractors"], platform = "mac" }}\n'
    'expect = "deny"\nby = ["no-macs"]\n'
)

no_links = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need privileges there")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of policies where all readable kinds lies in subfolders too."""
    monkeypatch.chdir(tmp_path)
    write("policies/staff.cedar", STAFF)
    write("policies/contractors/contractors.cedar", NO_MACS)
    write("policies/contractors/contractors.tests.toml", TEST.format("no macs"))
    write("policies/tests/all.tests.toml", TEST.format("none at all"))
    write("policies/networks/office.txt", "198.51.100.0/24\n")
    write("policies/contractors/networks/partner.txt", "203.0.113.0/24\n")
    return Path("policies")


def write(name: str, text: str) -> Path:
    """Write a file and the folders that it is in."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def problems(path: str | Path = "policies") -> list[str]:
    """Return why something cannot be read as one set."""
    read = Policies.from_directory if Path(path).is_dir() else Policies.from_file
    with pytest.raises(InvalidPolicies) as caught:
        read(path)
    first, *others = str(caught.value).split("\n")
    return [each.strip() for each in others] or [first]


def test_each_problem_has_a_line_of_its_own(folder: Path) -> None:
    """Whatever is in the name of a file: it begins no line."""
    (folder / "a.Cedar").write_text(STAFF, "utf-8")
    (folder / "b.json").write_text(NO_MACS, "utf-8")
    shown = CliRunner().invoke(main, ["check", "policies"]).stderr.splitlines()
    assert [line[:12] for line in shown] == ['"policies" c', '  "policies/', '  "policies/']
    assert problems()[0].startswith('"policies/a.Cedar" looks like policies')


def test_subfolders_belong_to_the_set(folder: Path) -> None:
    """With their tests and networks, sorted by path; and every command reads the same."""
    (folder / ".gitkeep").touch()
    (folder / "README.md").write_text(f"```cedar\n{NO_MACS}```", "utf-8")
    policies = Policies.from_directory(folder)
    assert [source.name for source in policies.sources] == [
        "policies/contractors/contractors.cedar",
        "policies/staff.cedar",
    ]
    assert [file.as_posix() for file in policies.test_files] == [
        "policies/contractors/contractors.tests.toml",
        "policies/tests/all.tests.toml",
    ]
    assert [each.name for each in policies.networks] == ["office", "partner"]
    assert check(policies) == []
    assert not run_policy_tests(policies, read_policy_tests(policies)).failures
    assert Policies.from_path(folder) == policies
    decided = CliRunner().invoke(
        main, ["decide", "policies", "--username", "bob", "--groups", "contractors", "--platform", "mac"]
    )
    assert decided.stdout.startswith("denied: bob")


@pytest.mark.parametrize(
    "name",
    [
        "vpn.CEDAR",
        "vpn.Cedar",
        "vpn.cedar.txt",
        "vpn.cedar~",
        "vpn.cedar.bak",
        "vpn.cedar.disabled",
        "#vpn.cedar#",
        ".vpn.cedar",
        "._vpn.cedar",
        ".hidden/vpn.cedar",
        ".history/old/vpn.tests.toml",
        "inner/.vpn.tests.toml",
        "vpn.ceder",
        "vpn.cedars",
        "inner/vpn.cedar.json",
        "vpn.tests.TOML",
        "vpn.test.toml",
        "vpn-tests.toml",
        "tests.toml",
        "vpn.tests.toml.orig",
        "inner/custom.cedarschema",
        "Custom.cedarschema",
        "custom.CedarSchema",
        "custom.cedarschema.json",
        "custom.schema",
        "networks/office.TXT",
        "networks/office.csv",
        "networks/office",
        "networks/vpn.cedar",
        "networks/inner/office.txt",
        "inner/vpn\u202e.cedar",
        "vpn\n::error::.cedar",
    ],
)
def test_fails_for_what_looks_like_a_part_but_is_not_read(folder: Path, name: str) -> None:
    """By its name or its place, whatever is in it."""
    if sys.platform == "win32" and "\n" in name:
        pytest.skip("no such name there")
    write(f"policies/{name}", "// nothing\n")
    found = problems()
    assert len(found) in (1, 2)  # a folder within networks is named too
    assert all(each.isprintable() for each in found)
    assert any(re.match(r'"policies/.*" (looks|is|lies|has)', each) for each in found)
    write("alone/vpn.cedar", STAFF)
    assert folder.is_dir()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "leavers",
            "contractors.txt",
            "contractors.policy",
            "f.cedarpolicy",
            "f\uff0ecedar",
            "f.json",
            "f.yaml",
            "f.zip",
        ),
        *(
            "checks.toml",
            "t.json",
            "Networks/office.txt",
            "network/office.list",
            "office.csv",
            "networks.txt",
            "networks",
        ),
        *("inner/leavers", "leavers.MDX", "README.txt", "package.json"),
    ],
)
@pytest.mark.parametrize(
    "content", [NO_MACS.encode(), NO_MACS.encode("utf-16-le"), b"// x\n" * 20_000, b"", b"192.0.2.0/24"]
)
def test_fails_for_everything_else(folder: Path, name: str, content: bytes) -> None:
    """Whatever is in it, in whatever encoding and at whatever place: it need not hold policies."""
    if name == "networks":
        shutil.rmtree(folder / "networks")
    write(f"policies/{name}", "").write_bytes(content)
    (found,) = problems()
    assert found.startswith(
        f'"{folder.as_posix()}/{name}" is not read: policies are read from *.cedar, tests from '
    )


@no_links
def test_a_name_of_an_editor_hides_nothing_else(folder: Path) -> None:
    """Emacs locks by a link, and Vim swaps to a file; of another kind it looks like what it is."""
    (folder / ".#leavers.cedar").write_text(NO_MACS, "utf-8")
    (folder / ".x.swp").mkdir()
    (folder / ".x.swp" / "leavers.cedar").write_text(NO_MACS, "utf-8")
    (folder / "networks" / ".office.txt").write_text("192.0.2.0/24", "utf-8")
    assert [each.partition(",")[0] for each in problems()] == [
        '"policies/.#leavers.cedar" looks like policies',
        '"policies/.x.swp/leavers.cedar" looks like policies',
        '"policies/networks/.office.txt" looks like a list of networks',
    ]
    shutil.rmtree(folder / ".x.swp")
    (folder / ".#leavers.cedar").unlink()
    (folder / "networks" / ".office.txt").unlink()
    (folder / ".#leavers.cedar").symlink_to("me@here.1:2")
    assert len(Policies.from_directory(folder).sources) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.md", "The forbid (of phones) is new.\nAsk 198.51.100.7.\n"),
        ("LICENSE", "Permission is hereby granted"),
        (".gitlab-ci.yml", "test:\n"),
        (".github/workflows/test.yml", "on: push\n"),
        ("__pycache__/risk.cpython-313.pyc", ""),
        ("vpn.cedarschema", "namespace ClientVpn { }"),
        ("pytest.toml", "[pytest]\n"),
        ("OWNERS", "42\n"),
        (".vpn.cedar.swp", "b0VIM"),
        (".git/refs/heads/vpn.cedar", "0123"),
        ("conftest.py", "permit (principal, action, resource)"),
        ("networks/README.md", "The offices."),
    ],
)
def test_what_is_nothing_of_the_set_may_lie_there(folder: Path, name: str, text: str) -> None:
    """Notes, an editor's schema and files, and what version control keeps."""
    before = Policies.from_directory(folder)
    write(f"policies/{name}", text)
    assert Policies.from_directory(folder) == before


@no_links
def test_links_that_leave_the_folder_are_refused(folder: Path) -> None:
    """Whatever they are called and lead to; one to a file within the folder is what it points to."""
    Path("dev").mkdir()
    write("dev/scratch.txt", '@id("backdoor") permit (principal, action, resource);')
    (folder / "z.cedar").symlink_to("../dev/scratch.txt")
    (folder / "environment").symlink_to("/proc/self/environ")
    (folder / "more").symlink_to("../dev")
    (folder / "again").symlink_to("contractors")
    (folder / "lost").symlink_to("nowhere")
    assert [each.split(";")[0] for each in problems()] == [
        '"policies/again" is a link to a folder or device',
        '"policies/environment" is a link that leaves the folder',
        '"policies/lost" is a link to nothing',
        '"policies/more" is a link that leaves the folder',
        '"policies/z.cedar" is a link that leaves the folder',
    ]
    for name in ("z.cedar", "environment", "more", "again", "lost"):
        (folder / name).unlink()
    (folder / "z.cedar").symlink_to("contractors/contractors.cedar")
    assert [source.text for source in Policies.from_directory(folder).sources] == [NO_MACS, STAFF, NO_MACS]
    Path("link").symlink_to(folder)
    assert Policies.from_directory("link").text == Policies.from_directory(folder).text


@no_links
@pytest.mark.parametrize("name", ["pipe.cedar", "vpn.tests.toml", "anything", "networks/office2.txt"])
def test_pipes_are_refused(folder: Path, name: str) -> None:
    """Reading one would wait for ever, whatever it is called."""
    os.mkfifo(folder / name)
    (found,) = problems()
    assert found == f'"policies/{name}" is neither a file nor a folder, so it is not read; remove it'


@no_links
def test_a_single_pipe_or_device_is_refused(tmp_path: Path) -> None:
    """One that was named, too."""
    os.mkfifo(tmp_path / "vpn.cedar")
    for path in (tmp_path / "vpn.cedar", Path("/dev/zero")):
        with pytest.raises(InvalidPolicies, match="it is a folder, pipe or device, not a file"):
            Policies.from_file(path)


@pytest.mark.parametrize("name", ["huge.cedar", "networks/huge.txt"])
def test_files_that_are_too_large_are_refused(folder: Path, name: str) -> None:
    """Nothing that people read is that large."""
    with (folder / name).open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InvalidPolicies, match=r'huge\..*": it has more than 33,554,432 bytes'):
        Policies.from_directory(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_fails_for_a_folder_that_cannot_be_read(folder: Path) -> None:
    """Its content is unknown."""
    (folder / "contractors").chmod(0)
    assert "Permission denied" in problems()[0]
    (folder / "contractors").chmod(0o700)


def test_a_single_file_is_a_set_of_its_own_and_says_what_is_not_in_it(folder: Path) -> None:
    """Other policies next to it are named; its own tests, schema or networks are read, or an error."""
    for name in ("a", "b", "c", "d"):
        write(f"policies/{name}.cedar", STAFF)
    write("policies/staff.tests.toml", '[[test]]\nname = "x"\nexpect = "allow"\n')
    policies = Policies.from_file(folder / "staff.cedar")
    assert [source.name for source in policies.sources] == ["policies/staff.cedar"]
    assert [file.name for file in policies.test_files] == ["staff.tests.toml"]
    assert [each.name for each in policies.networks] == ["office"]
    note = (
        'note: "policies/staff.cedar" is a separate set, without policies/a.cedar, policies/b.cedar, '
        "policies/c.cedar and 1 more; give the folder to have all of them\n"
    )
    assert CliRunner().invoke(main, ["check", "policies/staff.cedar"]).stderr == note
    for name, meant in [
        ("staff.test.toml", "staff.tests.toml"),
        ("staff.tests.TOML", "staff.tests.toml"),
        ("tests.toml", "staff.tests.toml"),
        ("Custom.cedarschema", "custom.cedarschema"),
    ]:
        path = write(f"policies/{name}", "")
        assert problems(folder / "staff.cedar") == [
            f'"policies/{name}" is not read; rename it to {meant}, or remove it'
        ]
        path.unlink()
    write("policies/networks/office.csv", "")
    assert "where only lists of networks are read" in problems(folder / "staff.cedar")[0]


def test_merging_keeps_everything_of_each(folder: Path) -> None:
    """Called on one set or on the class: policies, tests, schema and networks of all."""
    (folder / "custom.cedarschema").write_text("{ risk: Long }", "utf-8")
    team = Policies.from_directory(folder)
    base = Policies.from_string(
        '@id("no-mallory") forbid (principal == ClientVpn::User::"mallory", action, resource);',
        networks={"office": ["198.51.100.0/24"], "lab": ["2001:db8::/32"]},
    )
    both = base.merge(team)
    assert both == Policies.merge(base, team)
    assert set(both.digests()) == {
        *("no-mallory", "no-macs", "staff", "networks/lab", "networks/office", "networks/partner"),
    }
    assert both.custom == "{ risk: Long }\n"
    assert both.test_files == team.test_files
    with pytest.raises(InvalidPolicies, match="there are no policies to merge"):
        Policies.merge()
    with pytest.raises(
        InvalidPolicies, match="list cannot be merged; give Policies, each as its own argument"
    ):
        Policies.merge([base, team])  # type: ignore[arg-type]
    other = Policies.from_string("", networks={"OFFICE": ["192.0.2.0/24"]})
    with pytest.raises(InvalidPolicies, match="are different lists of networks with the name"):
        both.merge(other)


@pytest.mark.parametrize(
    "character",
    [
        *"\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u200b\u2060\ufeff\xad\x1b\x08\x0b\r\x85\u2028\U000e0041",
        *"\u180b\u180f\U0001bca0\U0001d173\U0001d17a\U00013430\U00016fe4\ufff0\ufffc\U000e0080\U000e01f0\U000e0fff",
        *"\xa0\u1680\u2000\u2009\u200a\u202f\u205f\u2800\u3000",
    ],
)
def test_characters_that_disguise_a_text_are_errors_everywhere(folder: Path, character: str) -> None:
    """In comments and texts of policies, in tests, networks and the schema: with file, line and column."""
    line = f"# {character}x\n".encode()
    for name, comment in [
        ("staff.cedar", b"//" + line[1:]),
        ("custom.cedarschema", b"{ risk: Long } //" + line[1:]),
        ("networks/office.txt", b"198.51.100.0/24" + line),
        ("contractors/contractors.tests.toml", line),
    ]:
        path = folder / name
        before = path.read_bytes() if path.exists() else None
        path.write_bytes((before or b"") + comment)
        (found,) = (
            each for each in check(Policies.from_directory(folder)) if each.rule == "hidden-character"
        )
        assert found.file == path.as_posix()
        assert f"U+{ord(character):04X} " in found.message
        assert path.read_bytes().decode().split("\n")[found.line - 1][found.column - 1] == character
        path.unlink() if before is None else path.write_bytes(before)


@pytest.mark.parametrize("hidden", ["\u200d", "\u200c", "\ufe0f", "\U000e0100"])
@pytest.mark.parametrize("letter", ["l", "\xf6", "\u0301", "\u03b1", "\u0430", "1"])
def test_what_only_other_scripts_and_emoji_need_is_hidden_in_a_european_name(
    folder: Path, letter: str, hidden: str
) -> None:
    """The forbid would be shown as one on a user, and keep no one out."""
    write(
        "policies/names.cedar",
        f'@id("no") forbid (principal == ClientVpn::User::"ma{letter}{hidden}lory", action, resource);\n',
    )
    found = [each for each in check(Policies.from_directory(folder)) if each.rule == "hidden-character"]
    assert [(each.line, each.column) for each in found] == [(1, 53)]
    assert f"U+{ord(hidden):04X}" in found[0].message


@pytest.mark.parametrize(
    "text", ["\u0645\u200c", "\u0645\u200cx", "\U0001f468\u200dx", "\u2764\ufe00", "\u4e00\u200d"]
)
def test_a_joiner_joins_two_characters_that_need_it(folder: Path, text: str) -> None:
    """At the end of a word it is shown as nothing."""
    write("policies/names.cedar", STAFF.replace("staff", text))
    assert "hidden-character" in [each.rule for each in check(Policies.from_directory(folder))]


def test_texts_of_any_language_are_fine(folder: Path) -> None:
    """Joiners and emoji, umlauts and scripts that are written from right to left."""
    comment = "\u0645\u06cc\u200c\u062e \u05e9\u05dc\u05d5\u05dd \U0001f468\u200d\U0001f4bb"
    comment += " \u0915\u094d\u200d\u0937 \u2764\ufe0f\u200d\U0001f525"
    comment += " \u845b\U000e0100 \u1820\u180b \U0001f468\U0001f3fd\u200d\U0001f4bb"
    write(
        "policies/words.cedar",
        f"// {comment}\n" + STAFF.replace("staff", "f\u00fcr-alle-\u2764\ufe0f-1\ufe0f\u20e3"),
    )
    assert check(Policies.from_directory(folder)) == []
