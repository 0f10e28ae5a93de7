"""The pytest plugin: policy tests are collected, run and reported like any other test."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

POLICIES = """
@id("all")
permit (principal, action, resource);

@id("night")
@message("Sleep well.")
forbid (principal, action, resource)
unless { context.time.minuteOfDay >= 420 };
"""
PASSING = '[[test]]\nname = "by day"\nexpect = "allow"\n\n'
FAILING = '[[test]]\nname = "at night"\nat = 2026-01-05T02:00:00Z\nexpect = "allow"\n'
OTHERS = [f"-pno:{name}" for name in ("cacheprovider", "hypothesispytest", "syrupy", "timeout", "typeguard")]
FAILURE = [
    "*vpn.tests.toml:5: at night",
    '  expect: expected "allow"',
    '               got "deny"',
    '  decision: deny, determined by "night"',
    '  request: username = "user", platform = "win", public-ip = "192.0.2.1"',
    "  at: 2026-01-05T02:00:00Z, Monday 02:00 in UTC",
]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a project with policies, a passing and a failing test of them, and one in Python."""
    pytester.makefile(".ini", pytest="[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile("def test_python(): pass")
    pytester.makefile(".cedar", **{"policies/vpn": POLICIES})
    pytester.makefile(".tests.toml", **{"policies/vpn": PASSING + FAILING})
    return pytester


@pytest.fixture(autouse=True)
def folder(pytester: pytest.Pytester) -> None:
    """Make the folder of the policies."""
    pytester.mkdir("policies")


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in this process, without the plugins that are none of the project's."""
    return project.runpytest_inprocess(*OTHERS, *arguments)


def run_alone(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run it in its own process, as a user does."""
    return project.runpytest_subprocess(*OTHERS, *arguments)


def test_policy_tests_are_collected_like_any_other(project: pytest.Pytester) -> None:
    """They are counted with the others, and a failure is the text that says what differs, without a traceback."""
    result = run_alone(project)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(FAILURE, consecutive=True)
    result.stdout.fnmatch_lines(["FAILED policies/vpn.tests.toml::at night*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin*")


def test_custom_facts_are_known(project: pytest.Pytester) -> None:
    """A schema next to the policies declares their type."""
    project.makefile(".cedarschema", **{"policies/custom": "{ riskScore: Long }"})
    project.makefile(
        ".tests.toml",
        **{"policies/vpn": '[[test]]\nname = "it"\ncustom = { riskScore = 1 }\nexpect = "allow"'},
    )
    run(project).assert_outcomes(passed=2)


def test_one_can_be_chosen(project: pytest.Pytester) -> None:
    """By its node id, or by a part of its name."""
    run(project, "policies/vpn.tests.toml::by day").assert_outcomes(passed=1)
    run(project, "-k", "night").assert_outcomes(failed=1, deselected=2)


@pytest.mark.parametrize("name", ["##vso[task.setvariable variable=PATH]/tmp", "##[error]ok"])
def test_a_name_is_no_command_to_a_pipeline(pytester: pytest.Pytester, name: str) -> None:
    """Neither where tests are listed and counted nor in a report."""
    pytester.makefile(".cedar", **{"policies/vpn": POLICIES})
    pytester.makefile(".tests.toml", **{"policies/vpn": FAILING.replace("at night", name)})
    listed = run(pytester, "--collect-only", "-q").outlines
    result = run(pytester, "-v", "--junitxml=report.xml")
    result.assert_outcomes(failed=1)
    printed = [*listed, *result.outlines, *result.errlines, pytester.path.joinpath("report.xml").read_text()]
    shown = name.replace("[", "\\u005b")
    assert sum(shown in line for line in printed) >= 5
    assert name not in "\n".join(printed)


def test_reports_name_the_place(project: pytest.Pytester) -> None:
    """The report for build servers has each test with its file, and the failure's text."""
    run(project, "--junitxml=report.xml", "-o", "junit_family=xunit1")
    cases = {case.get("name"): case for case in ET.parse("report.xml").iter("testcase")}  # noqa: S314 - our own
    assert set(cases) == {"test_python", "by day", "at night"}
    assert (cases["at night"].get("file"), cases["at night"].get("line")) == ("policies/vpn.tests.toml", "4")
    failure = cases["at night"].find("failure")
    assert failure is not None
    assert 'decision: deny, determined by "night"' in (failure.text or "")


def test_processes_agree_on_the_tests(project: pytest.Pytester) -> None:
    """Distributed over processes, each test runs once."""
    run_alone(project, "-n", "2").assert_outcomes(passed=2, failed=1)


def test_it_can_be_switched_off(project: pytest.Pytester) -> None:
    """Like every plugin, by its name."""
    run(project, "-p", "no:client-connect").assert_outcomes(passed=1)
    (entry,) = (each for each in entry_points(group="pytest11") if each.name == "client-connect")
    assert entry.value == "client_connect_pytest"


def test_nothing_is_collected_without_policies(pytester: pytest.Pytester) -> None:
    """Files of that name in a project that has no Cedar files belong to another tool."""
    pytester.makefile(".tests.toml", other="not = [even TOML")
    pytester.makefile(".toml", **{"policies/tests": "not = [even TOML"})
    pytester.makefile(".cedar", **{"policies/vpn": POLICIES})
    assert run(pytester).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_nothing_is_imported_without_policy_tests(pytester: pytest.Pytester) -> None:
    """Projects without such files pay for nothing: neither the library nor the engine is imported."""
    pytester.makefile(".cedar", **{"policies/vpn": POLICIES})
    pytester.makepyfile("""
        import sys

        def test_modules():
            heavy = {"cedarpy", "client_connect", "client_connect_tools", "aws_cdk", "jsii", "tomllib"}
            assert not heavy & set(sys.modules)
            assert "client_connect_pytest" in sys.modules
    """)
    run_alone(pytester).assert_outcomes(passed=1)


def test_the_cdk_is_never_imported(project: pytest.Pytester) -> None:
    """Nor when there are policy tests: it would cost seconds."""
    project.makeconftest("""
        import sys

        def pytest_sessionfinish():
            assert "cedarpy" in sys.modules
            assert not {"aws_cdk", "jsii", "cdk_client_connect"} & set(sys.modules)
    """)
    result = run_alone(project, "-k", "day")
    result.assert_outcomes(passed=1, deselected=2)
    assert result.ret == 0


@pytest.mark.parametrize(
    ("policies", "tests", "message"),
    [
        (
            POLICIES,
            '[[test]]\nname = "x"\nexpects = 1',
            '*vpn.tests.toml:1: test "x": "expects" is not known; *',
        ),
        (POLICIES, "", '*vpn.tests.toml: there is no "test"; *'),
        ("permit (principal, action, resource);", PASSING, "*vpn.cedar:1:1: the permit has no @id; *"),
        ("nonsense", PASSING, "*vpn.cedar:1:1: Cedar cannot parse *"),
    ],
)
def test_fails_for_files_that_are_wrong(
    project: pytest.Pytester, policies: str, tests: str, message: str
) -> None:
    """Errors in the tests or the policies are an error of the collection, again without a traceback."""
    project.makefile(".cedar", **{"policies/vpn": policies})
    project.makefile(".tests.toml", **{"policies/vpn": tests})
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting policies/vpn.tests.toml*", message])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_all_policies_of_the_folder_decide(project: pytest.Pytester) -> None:
    """As for `Policies.from_directory`: what another file forbids counts."""
    project.makefile(".cedar", **{"policies/lock": '@id("lock") forbid (principal, action, resource);'})
    result = run(project, "policies")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(['  decision: deny, determined by "lock"'])


def test_subfolders_are_of_the_set(project: pytest.Pytester) -> None:
    """As they are deployed: a test in a subfolder is decided with all, and so is one at the top."""
    lock = '@id("lock") forbid (principal, action, resource);'
    case = '[[test]]\nname = "locked"\nexpect = "deny"\nby = ["lock"]\n'
    for folder in ("policies/inner", "policies/inner/tests"):
        project.mkdir(folder)
    project.makefile(".cedar", **{"policies/inner/lock": lock})
    project.makefile(".tests.toml", **{"policies/inner/tests/lock": case, "policies/vpn": case})
    run(project, "policies").assert_outcomes(passed=2)
    project.makefile(".tests.toml", **{"policies/vpn": PASSING})
    result = run(project, "policies/inner", "policies/vpn.tests.toml")
    result.assert_outcomes(passed=1, failed=1)
    project.makefile(".CEDAR", **{"policies/other": POLICIES})
    result = run(project, "policies")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(['*other.CEDAR" looks like policies, but is not read: *'])


def test_folders_side_by_side_are_not_guessed_to_be_two_sets(project: pytest.Pytester) -> None:
    """Only the team knows which of them are deployed together; the configuration says it in a line."""
    project.makefile(".cedar", **{"policies/vpn": POLICIES})
    for name in ("sets/one", "sets/two"):
        project.makepyfile(**{f"{name}/__init__": ""})
        project.makefile(".cedar", **{f"{name}/vpn": POLICIES})
        project.makefile(".tests.toml", **{f"{name}/vpn": PASSING})
    result = run(project, "sets")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "sets/one and sets/two may be one set of policies or two; say which *: client_connect_policies = sets, or *"
        ]
    )
    project.makefile(".ini", pytest="[pytest]\nclient_connect_policies = sets/one sets/two\n")
    run(project, "sets").assert_outcomes(passed=2)
    run(project).assert_outcomes(passed=3)  # those in Python too, and nothing of policies/


def test_other_projects_are_left_alone(project: pytest.Pytester) -> None:
    """Installed packages are not examined, and an error in a foreign file says how to exclude it."""
    project.makefile(".cedar", **{"policies/vpn": POLICIES})
    for folder in ("node_modules/photos", "photos"):
        project.makepyfile(**{f"{folder}/__init__": ""})
        project.makefile(
            ".cedar", **{f"{folder}/photos": 'permit (principal in Album::"a", action, resource);'}
        )
        project.makefile(".tests.toml", **{f"{folder}/photos": "[photo]"})
    result = run(project, "--continue-on-collection-errors")
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "if */photos holds no policies of a client connect handler, list the folders that do *: client_connect_*"
        ]
    )
    project.makefile(".ini", pytest="[pytest]\nclient_connect_policies = policies\n")
    run(project).assert_outcomes(passed=2, failed=1)
    project.makefile(".ini", pytest="[pytest]\nclient_connect_policies = polices\n")
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*client_connect_policies: there is no folder *polices*"])


def test_in_a_folder_of_separate_files_each_file_is_tested_alone(project: pytest.Pytester) -> None:
    """In the folders that the configuration lists, x.tests.toml tests x.cedar alone, which must exist."""
    project.makefile(".ini", pytest="[pytest]\nclient_connect_separate_files = other policies\n")
    project.makefile(".cedar", **{"policies/lock": POLICIES})
    run(project, "policies").assert_outcomes(passed=1, failed=1)
    project.makefile(".tests.toml", **{"policies/lost": PASSING})
    result = run(project, "policies/lost.tests.toml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['cannot read the policies "*lost.cedar"*'])


def test_the_configuration_names_the_zone_of_tests_without_one(project: pytest.Pytester) -> None:
    """The configuration names the zone of the tests that name none."""
    zone = "client_connect_time_zone = Asia/Tokyo"
    project.makefile(".ini", pytest=f"[pytest]\n{zone}\n")
    run(project).assert_outcomes(passed=3)
    project.makefile(".ini", pytest=f"[pytest]\n{zone}x\n")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['time zone "Asia/Tokyox" is not known; write "Asia/Tokyo"*'])


def test_importing_the_hooks_is_cheap(pytester: pytest.Pytester) -> None:
    """The module that every run of pytest loads imports nothing that is not there already."""
    program = (
        "import sys, pytest; before = set(sys.modules); import client_connect_pytest; "
        "print(set(sys.modules) - before)"
    )
    result = pytester.run(sys.executable, "-c", program)
    result.stdout.fnmatch_lines(["{'client_connect_pytest'}"])


def test_native_policies_are_named_by_their_folder(project: pytest.Pytester) -> None:
    """In the folders of the option, tests are of native authorization policies."""
    policy = "permit (principal, action, resource) when { context has jamf };"
    case = '[[test]]\nname = "{}"\nexpect = "{}"\njamf = {{}}\n'
    project.mkdir("native")
    project.makefile(".cedar", **{"native/vpn": policy})
    project.makefile(
        ".tests.toml", **{"native/vpn": case.format("good", "allow") + case.format("bad", "deny")}
    )
    project.makefile(".ini", pytest="[pytest]\nclient_connect_native_files = native\n")
    result = run(project, "native")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ['  decision: allow, determined by "*native/vpn.cedar:1"', "  jamf: {}"], consecutive=True
    )
    project.makefile(".ini", pytest="[pytest]\n")
    run(project, "native").assert_outcomes(errors=1)
