"""docs/operations.md says what is defined: its alarms, queries, events and picture are the real ones."""

from __future__ import annotations

import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events

from cdk_client_connect import ClientConnectHandler, Policies
from cdk_client_connect.monitoring._alarm_definitions import DEFINITIONS, Definition
from cdk_client_connect.monitoring._queries import SAVED
from client_connect_notifications import forwarder
from client_connect_tools import advice
from tests.support.events import connect_handler, event
from tests.support.log_lines import captured
from tests.support.programs import CONTEXT, OUTDIR, run_program

from .conftest import NO_BUNDLING, ROOT, template

if TYPE_CHECKING:
    from types import ModuleType

DOCS = (ROOT / "docs" / "operations.md").read_text("utf-8")
PICTURE = ROOT / "docs" / "images" / "dashboard.svg"


def section(title: str) -> str:
    """Return what stands under a heading, to the next one of its level."""
    level = title.partition(" ")[0]
    _, _, rest = DOCS.partition(f"\n{title}\n")
    return re.split(rf"\n{level} ", rest)[0]


def plain(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


def test_every_alarm_has_its_heading() -> None:
    """The headings are the alarms, in the order of the table."""
    assert re.findall(r"^### (\w+)$", section("## Alarms"), re.MULTILINE) == [
        each.name for each in DEFINITIONS
    ]


# As long as names are when they come from a stack and an id of some length.
NAMES = {
    name: f"{name.lower():x<60}"
    for name in (
        *("FUNCTION", "LOG_GROUP", "ENDPOINT", "DEVICES_TABLE", "WAIVERS_TABLE", "CONNECTIONS_TABLE"),
        *("REAUTHORIZER", "REAUTHORIZER_LOG", "REAUTHORIZER_RULE", "SYNC", "SYNC_LOG", "SYNC_RULE"),
        *("FORWARDER", "FORWARDER_LOG"),
    )
}


def filled(text: str) -> str:
    """Return a text with the names of resources."""
    return re.sub(r"\b[A-Z]+(?:_[A-Z]+)*\b", lambda found: NAMES.get(found[0], found[0]), text)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)
def test_the_documentation_explains_each_alarm_as_its_description_does(definition: Definition) -> None:
    """The documentation has the cause and the steps of the alarm's description, its field and its threshold."""
    text = section(f"### {definition.name}")
    explained = advice.find_one(definition.name, "alarm")
    description = definition.description(NAMES)
    for said in (explained.first, explained.cause, *explained.fix):
        assert said in text
        assert filled(advice.plain(said)) in description
    assert description.startswith(f"First: {filled(explained.first)}\n")
    assert len(description) <= advice.MAX_DESCRIPTION_LENGTH
    rest = text.partition(f"\n`{definition.field}`: ")[2]
    assert rest
    threshold = 80 if definition.threshold_of else definition.threshold
    assert str(threshold) in re.findall(r"\d+", rest)
    in_a_row = "four times in a row" if definition.periods == 4 else f"for {5 * definition.periods} minutes"
    of_several = f"in {definition.datapoints} of the last {definition.periods} periods"
    assert definition.periods == 1 or (of_several if definition.datapoints else in_a_row) in rest


def rows(text: str) -> list[str]:
    """Return the first cells of a table."""
    return re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE)[1:]


def test_every_query_has_its_row() -> None:
    """The table has the saved queries, and no other."""
    assert sorted(rows(section("## Saved queries"))) == sorted(query.name for query in SAVED)


def shape(value: object) -> object:
    """Return the keys of a value, all the way down."""
    return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value)


def test_the_event_is_of_this_form() -> None:
    """The example has the keys, in their order, of what the forwarder makes of a real record."""
    example, allowed = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL))
    assert (example["source"], example["detail-type"]) == (forwarder.SOURCE, forwarder.DETAIL_TYPE)
    assert f"`{forwarder.ALLOWED_DETAIL_TYPE}`" in DOCS
    for documented, effect in ((example["detail"], "forbid"), (allowed, "permit")):
        with captured() as log:
            connect_handler(
                f'@id("no") @message("No.") @status("s") {effect} (principal, action, resource);'
            )(event())
            record = {**log.record(), "requestId": "1"}
        detail = json.loads(forwarder.notification({"id": "1", "message": json.dumps(record)}) or "")
        assert shape(documented) == shape(detail)
        assert list(documented) == list(detail)
        assert list(documented["decision"]) == list(detail["decision"])
        assert documented["version"] == forwarder.VERSION


def test_the_limits_are_these() -> None:
    """The numbers in the text are the forwarder's."""
    text = plain(section("## Denials as events"))
    assert f"more than {forwarder.MAX_TEXT_LENGTH} characters" in text
    assert f"more than {forwarder.MAX_ITEMS} items" in text


def test_the_example_rule_finds_what_is_sent(stack: cdk.Stack) -> None:
    """It asks for the source and the type that the forwarder gives its events."""
    (example,) = re.findall(r"```python\n(.*?)```", section("### An example rule"), re.DOTALL)
    exec(example, {"stack": stack})  # noqa: S102 - the documentation's own example
    assert any(isinstance(each, events.Rule) for each in stack.node.find_all())
    (rule,) = template(stack).find_resources("AWS::Events::Rule").values()
    pattern = rule["Properties"]["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == ([forwarder.SOURCE], [forwarder.DETAIL_TYPE])


CHANGES = [
    ("aws.lambda", "UpdateFunctionCode20150331v2", True),
    ("aws.lambda", "UpdateFunctionConfiguration20150331v2", True),
    ("aws.lambda", "UpdateAlias20150331", True),
    ("aws.lambda", "PutFunctionConcurrency20171031", True),
    ("aws.events", "DisableRule", True),
    ("aws.ec2", "ModifyClientVpnEndpoint", True),
    ("aws.logs", "DeleteLogGroup", True),
    ("aws.lambda", "ListTags20170331", False),
    ("aws.ec2", "DescribeClientVpnEndpoints", False),
]


def test_the_example_rule_finds_changes_by_hand(stack: cdk.Stack) -> None:
    """It asks for the names that CloudTrail gives the calls, with the date of the API or without."""
    *_, example = re.findall(r"```python\n(.*?)```", section("## Drift"), re.DOTALL)
    exec(example, {"stack": stack})  # noqa: S102 - the documentation's own example
    (rule,) = template(stack).find_resources("AWS::Events::Rule").values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["detail-type"] == ["AWS API Call via CloudTrail"]
    prefixes = tuple(each["prefix"] for each in pattern["detail"]["eventName"])
    for source, name, found in CHANGES:
        assert (source in pattern["source"] and name.startswith(prefixes)) is found


def test_the_example_alarm_counts_what_records_hold(stack: cdk.Stack) -> None:
    """Its rule reads the handler's log by keys that a denial has, and CloudFormation makes the rule first."""
    (example,) = re.findall(r"```python\n(.*?)```", section("## Users instead of attempts"), re.DOTALL)
    handler = ClientConnectHandler(
        stack, "Handler", policies=Policies.from_string('@id("p") permit (principal, action, resource);')
    )
    exec(example, {"stack": stack, "handler": handler})  # noqa: S102 - the documentation's own example
    found = template(stack)
    ((id_, rule),) = found.find_resources("AWS::CloudWatch::InsightRule").items()
    body = stack.resolve(rule["Properties"]["RuleBody"])["Fn::Join"][1]
    with captured() as log:
        connect_handler('@id("no") @message("No.") forbid (principal, action, resource);')(event())
        record = log.record()
    assert body[1] == stack.resolve(handler.log_group.log_group_name)
    contribution = json.loads(f"{body[0]}x{body[2]}")["Contribution"]
    assert contribution["Keys"] == ["$.request.username"]
    assert record["request"]["username"]
    assert contribution["Filters"] == [{"Match": "$.Denied", "EqualTo": record["Denied"]}]
    (alarm,) = found.find_resources("AWS::CloudWatch::Alarm").values()
    assert {"Fn::GetAtt": [id_, "RuleName"]} in alarm["Properties"]["Metrics"][0]["Expression"]["Fn::Join"][1]


@pytest.fixture(scope="module")
def renderer() -> ModuleType:
    """The program that draws the dashboard."""
    spec = importlib.util.spec_from_file_location("render_dashboard", ROOT / "docs" / "render_dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def widgets(renderer: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The widgets of the example, which runs."""
    folder = tmp_path_factory.mktemp("dashboard")
    variables = {OUTDIR: str(folder), CONTEXT: json.dumps(NO_BUNDLING)}
    assert run_program(renderer.example(), folder=folder, variables=variables).returncode == 0
    resources = json.loads((folder / "Vpn.template.json").read_text("utf-8"))["Resources"]
    (dashboard,) = (each for each in resources.values() if each["Type"] == "AWS::CloudWatch::Dashboard")
    found: list[dict[str, Any]] = renderer.widgets_of(dashboard["Properties"]["DashboardBody"])
    return found


def test_the_picture_is_of_the_example(renderer: Any, widgets: list[dict[str, Any]]) -> None:
    """Where it is not, `python docs/render_dashboard.py` draws it again."""
    assert renderer.picture(widgets) == PICTURE.read_text("utf-8")


def test_the_picture_shows_every_widget(widgets: list[dict[str, Any]]) -> None:
    """Each title is in it."""
    drawn = PICTURE.read_text("utf-8")
    titles = [widget["properties"].get("title", "In shadow mode") for widget in widgets]
    assert all(f">{title}</text>" in drawn for title in titles)
    assert "windows-10 (forbid)" in drawn
