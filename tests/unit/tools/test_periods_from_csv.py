"""Periods in a CSV file, as change management writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import ConnectionRequest, Facts
from client_connect_tools import InvalidRules, Period, Policies, Rules, Scope, check, lint, periods_from_csv

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str | bytes, **options: Any) -> list[Period]:
    """Read periods from a file with this content."""
    file = folder / "windows.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return periods_from_csv(file, **{"time_zone": "Europe/Berlin", **options})


def shown(periods: list[Period]) -> list[str]:
    """Return periods in UTC."""
    return [str(period) for period in periods]


WINTER = ["2027-01-15 21:00 to 2027-01-16 01:00 UTC"]


@pytest.mark.parametrize(
    "text",
    [
        "start,end\n2027-01-15 22:00,2027-01-16 02:00\n",
        "start,end\n2027-01-15T22:00:00,2027-01-16T02:00\n",
        "start;end\r\n15.01.2027 22:00;16.01.2027 02:00\r\n",
        "start;end\r\n15.1.2027 22:00;16.1.2027, 2:00\r\n",
        "\ufeffTicket;START; End \r\n;;\r\n\r\nC1;15.01.2027 22:00;16.01.2027 02:00\r\n;;\r\n",
        "\n;;\nstart;end\n15.01.2027 22:00;16.01.2027 02:00;;\n",
        "sep=;\nstart;end\n15.01.2027 22:00;16.01.2027 02:00\n",
        "start\tend\tnote\n2027-01-15 22:00\t2027-01-16 02:00\n",
        "start|end\n2027-01-15T21:00:00Z|2027-01-15T20:00-05:00\n",
        '"start","end","note"\n"2027-01-15 22:00","2027-01-16 02:00","two\nlines, quoted"\n',
        "start,end\n2027-01-15 22:00,2027-01-16 02:00".encode("utf-16"),
    ],
)
def test_files_are_read_as_they_come(tmp_path: Path, text: str | bytes) -> None:
    """With a byte order mark, any separator, empty lines, other columns, local dates, and offsets."""
    assert shown(read(tmp_path, text)) == WINTER


def test_local_times_follow_summer_time(tmp_path: Path) -> None:
    """Windows over midnight, over both changes of the clock, overlapping, and to the end of a day."""
    periods = read(
        tmp_path,
        "start,end\n2027-03-27 22:00,2027-03-28 04:00\n2027-10-30 22:00,2027-10-31 04:00\n"
        "2027-10-30 23:00,2027-10-31T02:30:00+01:00\n2027-07-01 20:00,2027-07-01 24:00\n",
    )
    assert shown(periods) == [
        "2027-03-27 21:00 to 2027-03-28 02:00 UTC",
        "2027-10-30 20:00 to 2027-10-31 03:00 UTC",
        "2027-10-30 21:00 to 2027-10-31 01:30 UTC",
        "2027-07-01 18:00 to 2027-07-01 22:00 UTC",
    ]


def test_columns_dates_and_rows_are_named(tmp_path: Path) -> None:
    """For files of other programs; rows that do not count are left out when that is said."""
    text = "From,Until,Status\n01/15/2027 10:00 PM,01/16/2027 02:00 AM,Approved\n,,rejected\n"
    options = {"start": "from", "end": "until", "dates": "%m/%d/%Y %I:%M %p", "where": {"status": "approved"}}
    assert shown(read(tmp_path, text, **options)) == WINTER


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "2027-01-05 10:00,2027-01-05 10:00",
            'line 2: it ends at "2027-01-05 10:00", which is not later than',
        ),
        ("2027-01-06 22:00,2027-01-06 02:00", "line 2: it ends at"),
        ("2027-10-31T02:30:00+01:00,2027-10-31T02:50:00+02:00", "line 2: it ends at"),
        ("2027-03-28 02:30,2027-03-28 04:00", "line 2: start is"),
        ("2027-03-28 02:30,2027-03-28 04:00", "does not exist in Europe/Berlin"),
        ("2027-10-31 01:30,2027-10-31 02:30", "line 2: end is"),
        ("2027-10-31 01:30,2027-10-31 02:30", "exists twice in Europe/Berlin"),
        ("2027-01-01,2027-01-02", "has no time of day; give both"),
        ("1.1.2027,2027-01-02", "has no time of day; give both"),
        (
            "01/02/2027 10:00,01/02/2027 11:00",
            'may be the first number or the second; say which, as in dates="%d',
        ),
        ("2027-01-07 22:00,02:00", 'end is "02:00", which is not a date and a time'),
        ("2027-02-30 10:00,2027-03-01 10:00", "is not a date and a time"),
        ("2027-01-07 24:01,2027-01-08 10:00", "is not a date and a time"),
        ("0027-01-07 22:00,2027-01-08 10:00", "is in the year 27"),
        (",2027-01-08 10:00", "line 2: start is empty; give a date and a time"),
        ("# a comment", "line 2: start is"),
        ("2027-01-07 22:00,2027-01-08 10:00,C1", "line 2: has 3 cells, but the header has 2; quote"),
        ('"2027-01-07 22:00,2027-01-08 10:00', "cannot read line 2"),
    ],
)
def test_fails_for_a_row_that_is_no_period(tmp_path: Path, row: str, problem: str) -> None:
    """With its line, and what to do."""
    with pytest.raises(InvalidRules) as caught:
        read(tmp_path, f"start,end\n{row}\n")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("", {}, 'has no column "start" in its header ()'),
        ("begin,end\n", {}, 'has no column "start" in its header (begin, end); name another one'),
        ("star,end\n", {}, 'do you mean "star"?'),
        ("start,start,end\n", {}, 'has 2 columns "start"'),
        ("start,end\n", {}, "has no period; give at least one row"),
        ("start,end,status\n", {}, 'has the column "status", which may say that a row is no period'),
        (
            "start,end,status\n2027-01-01 1:00,2027-01-01 2:00,no\n",
            {"where": {"status": "yes"}},
            "has no period with",
        ),
        ("start,end\n", {"where": {"state": "approved"}}, 'has no column "state"'),
        ("start,end\n", {"where": "approved"}, "where is 'approved'; give a mapping"),
        ("start,end\n", {"time_zone": "Berlin"}, 'time zone "Berlin" is not known; write "Europe/Berlin"'),
        ("start,end\n", {"time_zone": None}, 'time zone "None" is not known'),
        (b"start,end\nM\xfcnchen,b\n", {}, 'it is neither UTF-8 nor UTF-16; save it as "CSV UTF-8"'),
        ("start,end\n1 2 3,4\n", {"dates": "%d/%m/%Y"}, "is not like dates='%d/%m/%Y'"),
        ("start,end\n" + "x,y\n" * 30, {}, "and 10 more lines"),
    ],
)
def test_fails_for_a_file_that_has_no_periods(
    tmp_path: Path, text: str | bytes, options: dict[str, Any], problem: str
) -> None:
    """Or not those that are asked for."""
    with pytest.raises(InvalidRules) as caught:
        read(tmp_path, text, **options)
    assert problem in str(caught.value)


def test_fails_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(InvalidRules, match=r'cannot read the periods ".*none.csv": No such file'):
        periods_from_csv(tmp_path / "none.csv", time_zone="UTC")


def test_rules_are_open_in_these_periods_only(tmp_path: Path) -> None:
    """For the right users; thousands of periods are no problem."""
    rows = "".join(
        f"{day:%Y-%m-%d} 22:00,{day + timedelta(days=1):%Y-%m-%d} 02:00\n"
        for day in (datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=7 * week) for week in range(2000))
    )
    periods = read(tmp_path, f"start,end\n{rows}", time_zone="Asia/Seoul")
    policies = Policies.from_rules(Rules(open_during=periods, scope=Scope("vendors", users=["acme-*"])))
    assert [*check(policies), *lint(policies)] == []
    authorizer = policies.authorizer()
    start, end = (each.astimezone(UTC) for each in (periods[7].start, periods[7].end))
    moment = timedelta(milliseconds=1)
    for user, now, by in (
        ("ACME-Bob", start - moment, ("vendors-open-during",)),
        ("ACME-Bob", start, ("authenticated",)),
        ("acme-bob", end - moment, ("authenticated",)),
        ("acme-bob", end, ("vendors-open-during",)),
        ("bob", end, ("authenticated",)),
    ):
        request = ConnectionRequest(
            connection_id="c",
            endpoint_id="cvpn-endpoint-0123456789abcdef0",
            username=user,
            platform="win",
            public_ip=IPv4Address("198.51.100.7"),
        )
        assert authorizer.decide(Facts(request, now=now)).determining == by
