"""Policies, from wherever they are kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from client_connect_tools import (
    InvalidPolicies,
    Policies,
    Rules,
    Source,
)

if TYPE_CHECKING:
    from pathlib import Path

FIRST = '// Everybody.\n@id("first")\npermit (principal, action, resource);\n'
SECOND = '@id("second")\nforbid (principal, action, resource)\nwhen { context.platform == "ünï" };\n'


def test_a_directory_is_read_in_the_order_of_the_names(tmp_path: Path) -> None:
    """Subfolders belong to the set, and the paths order its files, whatever the file system says."""
    for name in ("b.cedar", "a.cedar", "B.cedar", "a-1.cedar", "10.cedar", "9.cedar"):
        (tmp_path / name).write_text(f"// {name}", "utf-8")
    (tmp_path / "README.md").write_text("not a policy", "utf-8")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "c.cedar").write_text("// inner/c.cedar", "utf-8")
    policies = Policies.from_directory(tmp_path)
    assert policies.text.split("\n") == [
        "// 10.cedar", "", "// 9.cedar", "", "// B.cedar", "", "// a-1.cedar", "", "// a.cedar", "", "// b.cedar", "",
        "// inner/c.cedar", "",
    ]  # fmt: skip
    assert policies.sources[0] == Source((tmp_path / "10.cedar").as_posix(), "// 10.cedar")


def test_every_factory_gives_the_same_text(tmp_path: Path) -> None:
    """A file, its directory and its content are the same policies, whether the path is a text or not."""
    file = tmp_path / "who.cedar"
    file.write_text(FIRST, "utf-8")
    made = [
        *(Policies.from_directory(tmp_path), Policies.from_directory(str(tmp_path))),
        *(Policies.from_file(file), Policies.from_file(str(file))),
        Policies.from_string(FIRST),
    ]
    assert [policies.text for policies in made] == [FIRST] * 5
    assert Policies.from_rules(Rules()).text == Rules().to_cedar()


@pytest.mark.parametrize(
    "encoded",
    [
        (FIRST + SECOND).replace("\n", "\r\n").encode(),
        (FIRST + SECOND).encode("utf-8-sig"),
        ("\n\n" + FIRST + SECOND + "\n \n").encode(),
        (FIRST + SECOND).rstrip().encode(),
    ],
    ids=["CRLF", "BOM", "blank lines", "no last line end"],
)
def test_the_text_does_not_depend_on_who_saved_it(tmp_path: Path, encoded: bytes) -> None:
    """Line ends, a byte order mark and blank lines around are not part of the policies."""
    file = tmp_path / "who.cedar"
    file.write_bytes(encoded)
    assert Policies.from_file(file).text == FIRST + SECOND
    assert Policies.from_string(encoded.decode()).text == FIRST + SECOND


def test_the_text_does_not_depend_on_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings name the path as it was given; what is bundled does not contain it."""
    (tmp_path / "who.cedar").write_text(FIRST, "utf-8")
    monkeypatch.chdir(tmp_path)
    here, there = Policies.from_directory("."), Policies.from_directory(tmp_path)
    assert (here.sources[0].name, there.sources[0].name) == ("who.cedar", f"{tmp_path.as_posix()}/who.cedar")
    assert here.text == there.text


def test_merging_keeps_the_order_and_the_names() -> None:
    """Merged policies are those of each part, one after the other."""
    one, two = Policies.from_string(FIRST, name="one"), Policies.from_string(SECOND.rstrip())
    merged = Policies.merge(one, Policies.merge(two, one))
    assert [source.name for source in merged.sources] == ["one", "<string>", "one"]
    assert merged.text == f"{FIRST}\n{SECOND}\n{FIRST}"
    assert one.merge(two).merge(one) == merged
    assert one.merge() == one


def test_digests_say_what_a_policy_is() -> None:
    """Its effect, whether it is in shadow mode, and 12 digits; in alphabetical order."""
    digests = Policies.from_string(
        f'{SECOND}@id("a \\"b\\"") @shadow {FIRST[FIRST.index("permit") :]}'
    ).digests()
    assert list(digests) == ['a "b"', "second"]
    assert re.fullmatch(r"permit, shadow [0-9a-f]{12}", digests['a "b"'])
    assert re.fullmatch(r"forbid [0-9a-f]{12}", digests["second"])


@pytest.mark.parametrize(
    "same",
    [
        SECOND + FIRST,
        FIRST + SECOND.replace("\n", "\r\n") + "// The end.",
        FIRST
        + SECOND.replace("(principal, action, resource)", "( principal , action ,\tresource /" + "/ all\n)"),
        FIRST + SECOND.replace('@id("second")', '@id("second")   '),
        FIRST + SECOND.replace('context.platform == "ünï"', '((context["platform"]) == "\\u{fc}nï")'),
    ],
    ids=["order", "line ends", "layout", "spaces", "other spellings"],
)
def test_digests_are_of_what_is_meant(same: str) -> None:
    """Order, comments, layout and ways to write the same thing change none."""
    assert Policies.from_string(same).digests() == Policies.from_string(FIRST + SECOND).digests()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ünï", "uni"),
        ("==", "!="),
        ("when", "unless"),
        ("forbid", "permit"),
        ('@id("second")', '@id("second") @message("No.")'),
        ('@id("second")', '@id("second") @shadow'),
    ],
)
def test_a_digest_changes_with_its_policy_alone(old: str, new: str) -> None:
    """Whatever of a policy changes, its own entry does, and the other does not."""
    before = Policies.from_string(FIRST + SECOND).digests()
    after = Policies.from_string(FIRST + SECOND.replace(old, new)).digests()
    assert after["second"] != before["second"]
    assert after["first"] == before["first"]


@pytest.mark.parametrize("text", ["permit (principal, action, resource);", "permit", FIRST + FIRST])
def test_fails_for_policies_that_cannot_be_told_apart(text: str) -> None:
    """Without an `@id`, with one twice, or when it is no policy at all."""
    with pytest.raises(InvalidPolicies, match="cannot tell the policies apart: "):
        Policies.from_string(text).digests()


def test_fails_for_what_is_no_directory(tmp_path: Path) -> None:
    """A missing directory, a file and a directory without policies are distinguished."""
    file = tmp_path / "README.md"
    file.write_text(FIRST, "utf-8")
    for path, problem in [
        (tmp_path / "missing", 'missing" is not a directory; give one that holds'),
        (file, 'README.md" is not a directory'),
        (
            tmp_path / ("x" * 300),
            '(cannot read the directory ".*x": .*File name too long|x" is not a directory)',
        ),
        (tmp_path, "holds no \\*.cedar file; add one"),
    ]:
        with pytest.raises(InvalidPolicies, match=problem):
            Policies.from_directory(path)


@pytest.mark.parametrize("kind", ["folder", "link to nowhere"])
def test_fails_for_what_is_beside_policies_and_no_file(tmp_path: Path, kind: str) -> None:
    """Tests that are left out, and undeclared facts, are mistakes."""
    file = tmp_path / "who.cedar"
    file.write_text(FIRST, "utf-8")
    tests, schema = tmp_path / "who.tests.toml", tmp_path / "custom.cedarschema"
    make(tests, kind)
    make(schema, kind)
    why = "is a link to nothing" if kind == "link to nowhere" else "is .*a folder"
    for read, path in ((Policies.from_file, file), (Policies.from_directory, tmp_path)):
        with pytest.raises(InvalidPolicies) as caught:
            read(path)
        first, second = str(caught.value).split("\n")[1:]
        assert re.search(rf'custom\.cedarschema" {why}', first)
        assert re.search(rf'who\.tests\.toml" {why}', second)


def make(path: Path, kind: str) -> None:
    """Make what is no file."""
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("missing")


def test_fails_for_what_cannot_be_read(tmp_path: Path) -> None:
    """The message names the file and the reason: missing, a directory, or not UTF-8."""
    (tmp_path / "folder.cedar").mkdir()
    (tmp_path / "latin.cedar").write_bytes(FIRST.encode() + "// für alle".encode("latin-1"))
    for name, reason in [
        ("missing.cedar", "No such file"),
        ("folder.cedar", "it is a folder"),
        ("latin.cedar", "'utf-8' codec can't decode"),
    ]:
        with pytest.raises(InvalidPolicies, match=f'cannot read the policies ".*{name}": .*{reason}'):
            Policies.from_file(tmp_path / name)
    with pytest.raises(InvalidPolicies, match=r"folder\.cedar"):
        Policies.from_directory(tmp_path)
