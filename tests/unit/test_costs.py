"""The page on costs has what the command prints, and the command counts what there is."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect.reauthorizer import records
from client_connect.record import _UNITS
from client_connect_tools.cli import main
from client_connect_tools.costs import estimate
from client_connect_tools.costs.prices import InvalidPrices, prices_text, read_prices, shipped_prices

if TYPE_CHECKING:
    from typer.testing import Result

PAGE = Path(__file__).parents[2] / "docs" / "costs.md"
EXAMPLES = re.findall(
    r"^```text\n\$ client-connect (costs.*)\n((?s:.*?))^```", PAGE.read_text("utf-8"), re.MULTILINE
)


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, arguments)


def test_there_are_examples() -> None:
    """The page has an overview and examples of options."""
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize(("command", "printed"), EXAMPLES)
def test_the_page_has_what_the_command_prints(command: str, printed: str) -> None:
    """Whoever changes a price or a quantity changes the page."""
    assert run(*shlex.split(command)).stdout == printed


def test_the_totals_of_the_page_are_those_of_the_table() -> None:
    """The numbers that the text has in words too."""
    table = json.loads(run("costs", "--json").stdout)
    text = PAGE.read_text("utf-8")
    assert f"it costs {table['total'][0]:.0f} dollars, and {table['total'][3]:.0f} with 50,000 users" in text
    assert f"about {table['costs']['environments: provisioned'][0]:.0f} US dollars a month" in text


@pytest.mark.parametrize("part", estimate.PARTS)
def test_what_is_left_out_costs_nothing(part: str) -> None:
    """And nothing else costs more without it."""
    usage, prices = estimate.Usage(users=1000), shipped_prices()
    whole = dict(estimate.lines(usage, prices))
    rest = dict(estimate.lines(replace(usage, parts=usage.parts - {part}), prices))
    assert part not in rest
    assert all(rest[name] <= whole[name] for name in rest)


def test_more_of_anything_costs_no_less() -> None:
    """Users, connections, days, hours, endpoints, memory and versions."""
    prices = shipped_prices()
    usage = estimate.Usage(users=100, ready="snap-start")
    more = {
        "users": 200,
        "connections": 3,
        "days": 23,
        "hours": 9,
        "endpoints": 2,
        "memory_gb": 1,
        "previous_versions": 6,
    }
    least = sum(dict(estimate.lines(usage, prices)).values())
    for name, value in more.items():
        assert sum(dict(estimate.lines(replace(usage, **{name: value}), prices)).values()) > least, name


def test_provisioned_environments_by_hand() -> None:
    """Two of 512 MiB on ARM, for the 730 hours of a month: 2 x 0.5 GB x 2,628,000 s x 0.0000033334."""
    assert estimate.of_readiness(estimate.Usage(users=0), shipped_prices()) == pytest.approx(8.76, abs=0.005)


def test_all_metrics_are_counted() -> None:
    """Those that every record has; the ones of failures cost nothing as long as nothing fails."""
    assert len(_UNITS) == estimate.HANDLER_METRICS
    units = vars(records)
    assert len(units["_UNITS"] | units["_UNITS_OF_SCAN"]) == estimate.REAUTHORIZER_METRICS


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--connections", "nan"], "--connections is nan"),
        (["--connections", "-1"], "--connections is -1"),
        (["--hours", "25"], "--hours is 25.0; give a number from 0 to 24"),
        (["--days", "inf"], "--days is inf"),
        (["--without", "vpn"], 'there is no construct "vpn" to leave out; there are inventory'),
        (["--without", "registry"], "a re-authorizer needs a registry"),
        (["--prices", "missing.toml"], 'cannot read or write "missing.toml"'),
        (["--users", "-1"], "'--users'"),
        (["--ready", "often"], "often"),
    ],
)
def test_fails_for_what_is_no_number_of_anything(arguments: list[str], why: str) -> None:
    """A wrong option is an error and no estimate."""
    result = run("costs", *arguments)
    assert result.exit_code == 2
    assert why in result.stderr


def test_prices_of_another_region(tmp_path: Path) -> None:
    """A copy of the file with other numbers."""
    file = tmp_path / "prices.toml"
    file.write_text(prices_text().replace('"us-east-1"', '"eu-central-1"').replace("3.00", "6"), "utf-8")
    assert "eu-central-1" in run("costs", "--prices", str(file)).stdout
    assert run("costs", "--show-prices").stdout == prices_text()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("log_gb = 0.50", "", "cloudwatch.log_gb is missing"),
        ("log_gb = 0.50", "log_gb = nan", "cloudwatch.log_gb must be a number of 0 or more"),
        ("log_gb = 0.50", "log_gb = -1", "cloudwatch.log_gb must be"),
        ("log_gb = 0.50", 'log_gb = "1"', "cloudwatch.log_gb must be"),
        ("log_gb = 0.50", "log_gb = 1.0\nlog_gib = 1.0", "cloudwatch.log_gib is not known"),
        ("arm64 = 0.0000133334, ", "", "lambda.gb_second.arm64 is missing"),
        ("[eventbridge]", "eventbridge", "is no TOML"),
        ('region = "us-east-1"', "region = 1", "region must be a text"),
    ],
)
def test_fails_for_prices_that_are_none(old: str, new: str, why: str, tmp_path: Path) -> None:
    """Each must be there and be a price."""
    file = tmp_path / "prices.toml"
    assert old in prices_text()
    file.write_text(prices_text().replace(old, new, 1), "utf-8")
    with pytest.raises(InvalidPrices, match=re.escape(why)):
        read_prices(file)


def test_each_service_names_its_source() -> None:
    """And the file its date."""
    tables = tomllib.loads(prices_text())
    assert tables["date"].year >= 2026
    sources = [each["source"] for each in tables.values() if isinstance(each, dict)]
    assert all(source.startswith("https://aws.amazon.com/") for source in sources)
