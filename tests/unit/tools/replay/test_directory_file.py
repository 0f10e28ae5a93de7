"""The file of users with their groups and departments, as directories export it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.commands._directory_file import UnreadableDirectory, read_directory
from tests.support.connection_logs import PERMIT, connection, forbid, lines

if TYPE_CHECKING:
    from pathlib import Path

    from client_connect_tools.replay.people import Directory

DN = "CN=Staff,OU=Groups,DC=corp,DC=example"


def read(tmp_path: Path, content: str | bytes) -> Directory:
    """Read a file."""
    file = tmp_path / "users.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_directory(file)


@pytest.mark.parametrize(
    "content",
    [
        'user,groups,department\nBob,"staff,vpn",IT\n',
        'user;groups;department\r\nBob;"staff, vpn";IT\r\n',
        "user\tgroups\tdepartment\nBob\tstaff;vpn\tIT\n",
        "sep=;\nuser;groups;department\nBob;staff|vpn;IT\n",
        'Department,Member Of,User Name\nIT,"staff\nvpn",Bob\n',
        '\ufeffuser,groups,department\nBob,"[""staff"", ""vpn""]",IT\n',
        'user,groups,department\nBob,"""staff"", \'vpn\'",IT\n',
        "user,group,department\nBob,staff,IT\nBOB,vpn,\nbob,staff,IT\n",
        '#TYPE Selected.User\n"UserPrincipalName","MemberOf","Department","mail"\n"Bob","staff;vpn","IT","b@x"\n',
        "user,groups,department\nBob,staff;vpn,IT\n".encode("utf-16"),
        "user,groups,department\n\n Bob , staff ; vpn ; , IT \n\n",
    ],
    ids=[
        *("comma", "semicolon", "tab", "sep=", "line ends", "mark and JSON", "quotes", "a row each"),
        *("PowerShell", "UTF-16", "spaces"),
    ],
)
def test_the_forms_that_directories_and_spreadsheets_write(tmp_path: Path, content: str | bytes) -> None:
    """All mean the same."""
    found = read(tmp_path, content)
    assert (dict(found.groups), dict(found.departments)) == ({"bob": ("staff", "vpn")}, {"bob": "IT"})
    assert dict(found.names) == {"bob": "Bob"}


@pytest.mark.parametrize(
    ("cell", "groups"),
    [
        (f"{DN};CN=VPN Users,DC=corp", ("Staff", "VPN Users")),
        (DN, ("Staff",)),
        (r"CN=Sales\, Berlin,OU=Groups,DC=corp", ("Sales, Berlin",)),
        ("S-1-5-21-1", ("S-1-5-21-1",)),
        ('[""a, b""]', ("a, b",)),
        ("", ()),
        ("[]", ()),
    ],
)
def test_names_of_groups(tmp_path: Path, cell: str, groups: tuple[str, ...]) -> None:
    """A distinguished name is the group's common name; an empty cell is a user in no group."""
    assert read(tmp_path, f'user,groups\nbob,"{cell}"\n').groups["bob"] == groups


def test_a_file_without_groups_tells_of_none(tmp_path: Path) -> None:
    """No user may seem to be in no group."""
    assert read(tmp_path, "user,department\nbob,IT\n").groups == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", 'no column has the users; call it "user" (the header has nothing)'),
        ("name,groups\nbob,x\n", 'no column has the users; call it "user" (the header has "name", "groups")'),
        ("user,town\nbob,x\n", "there are neither groups nor departments; call a column"),
        ("user,User,groups\na,b,c\n", 'the header has "user" and "User"; remove one of them'),
        ("user,groups\n", "has no users; give a row for each"),
        ("user,groups\nbob,a\neve,b,c\n", "line 3: it has 3 cells; the header has 2"),
        ("user,groups\n,a\n", "line 2: there is no user; name one, or remove the row"),
        ('user,groups\nbob,"a\n', "line 2 cannot be read: "),
        ("user,groups\nbob,[a\n", 'line 2: the groups "[a" begin as a JSON list, but are none'),
        ('user,groups\nbob,"[1]"\n', "line 2: the groups "),
        (
            "user,groups\nbob,Microsoft.ActiveDirectory.Management.ADPropertyValueCollection\n",
            "the type of a list in place of the list; in PowerShell, export ($_.MemberOf -join ';')",
        ),
        ("user,groups\nbob,System.String[]\n", "the type of a list in place of the list"),
        ('user,groups\nbob,"OU=x,DC=y"\n', "has no CN; give the name that the policies have"),
        (
            "user,department\nbob,IT\neve,IT\nBOB,HR\n",
            'line 4: the department is "HR", but in line 2 the same user has "IT"; leave one of them',
        ),
        ("user,groups\nb\u00f6b,x\n".encode("cp1252"), "line 2: it is not UTF-8; save the file as CSV UTF-8"),
    ],
)
def test_fails_for_a_file_that_is_not_clear(tmp_path: Path, content: str | bytes, message: str) -> None:
    """Naming the line, and what to do."""
    with pytest.raises(UnreadableDirectory) as failure:
        read(tmp_path, content)
    assert message in str(failure.value)
    assert str(tmp_path / "users.csv") in str(failure.value)


def test_the_command_refuses_such_a_file_and_one_that_is_missing(tmp_path: Path) -> None:
    """With status 2, before anything is decided."""
    (tmp_path / "p.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "log").write_bytes(lines(connection()))
    arguments = [*map(str, ("replay", tmp_path / "log", "--policies", tmp_path / "p.cedar", "--groups"))]
    result = CliRunner().invoke(main, [*arguments, str(tmp_path / "none.csv")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "none.csv" in result.stderr
    assert "No such file" in result.stderr


def test_a_user_who_is_spelt_otherwise_in_the_file_is_told(tmp_path: Path) -> None:
    """They are not the same: another domain may have one of that name."""
    only = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
    (tmp_path / "p.cedar").write_text(only + forbid("x", 'when { context.platform == "x" }'), "utf-8")
    (tmp_path / "log").write_bytes(lines(connection(username="CORP\\bob")))
    (tmp_path / "users.csv").write_text("user,groups\nBob@corp.example,staff\n", "utf-8")
    arguments = ("replay", "log", "--policies", "p.cedar", "--groups", "users.csv")
    result = CliRunner().invoke(
        main, [str(tmp_path / each) if "." in each or each == "log" else each for each in arguments]
    )
    assert result.exit_code == 1
    assert (
        '1 user of the logs is not in the file of groups; it lacks "CORP\\bob", but has "Bob@corp.example"; '
        "names must be those of the logs" in result.stderr.replace("\\\\", "\\")
    )
