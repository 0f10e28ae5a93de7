"""The effect of an upgrade on the template of an app that does not change: what the changelog says, and nothing else.

The previous version is taken from its commit: that of the last tag or, before there is one, of the first landed state.
That a wheel does as its sources do is what test_wheel.py is for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.programs import CONTEXT, OUTDIR, run_program
from tests.wheel.environment import ROOT
from tests.wheel.in_place import not_in_place

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.wheel

FIRST = "05e9dc4"
FULL_VPN = "tests/synth/__snapshots__/test_app/test_the_full_vpn_with_monitoring.json"
# Nothing is installed for the function; the hash of its code is in the template all the same.
NO_BUNDLING = json.dumps({"aws:cdk:bundling-stacks": []})
CHANGELOG = """# Changelog
## Unreleased
### Changed template
- removed `OldA1`: gone.
- changed `KeptB2`, `AlsoC3`: other.
## 0.1.0
### Changed template
- added `Earlier`: before.
"""


def git(*arguments: str) -> bytes | None:
    """Return what git prints, or nothing where it fails."""
    program = shutil.which("git")
    if program is None:
        return None
    result = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, check=False)
    return result.stdout if result.returncode == 0 else None


@pytest.fixture(scope="module")
def previous() -> str:
    """Return the tag or the commit of the previous version."""
    tag = git("describe", "--tags", "--abbrev=0", "--match=v*", "HEAD^")
    version = tag.decode().strip() if tag else FIRST
    if git("cat-file", "-e", f"{version}^{{commit}}") is None:
        pytest.skip(f"the history of this clone does not go back to {version}")
    return version


def before(sources: Path, app: str, folder: Path) -> dict[str, Any]:
    """Run an app with the sources of the previous version and with today's CDK, and return its template."""
    (folder / "app.py").write_text(app, "utf-8")
    assert (sources / "lib" / "cdk_client_connect").is_dir()  # or this one's would be taken
    environment = {
        **os.environ,
        OUTDIR: str(folder / "out"),
        CONTEXT: NO_BUNDLING,
        "PYTHONPATH": os.pathsep.join(str(sources / name) for name in ("lambda_src", "lib")),
    }
    subprocess.run([sys.executable, "app.py"], cwd=folder, env=environment, check=True, capture_output=True)
    return template(folder / "out")


def after(app: str, folder: Path) -> dict[str, Any]:
    """Run an app with these sources, and return its template."""
    variables = {OUTDIR: str(folder / "out"), CONTEXT: NO_BUNDLING}
    assert run_program(app, folder=folder, variables=variables).returncode == 0
    return template(folder / "out")


def template(assembly: Path) -> dict[str, Any]:
    """Return the only template, without what changes with every line."""
    (file,) = assembly.glob("*.template.json")
    synthesized: dict[str, Any] = json.loads(_without_hashes(file.read_text("utf-8")))
    return synthesized


def _without_hashes(template: str) -> str:
    """Leave out what changes with every line of the function's code: asset hashes, and its version's logical id."""
    template = re.sub(r"\b[0-9a-f]{64}\b", "HASH", template)
    return re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}\b", r"\1", template)


def differences(before: dict[str, Any], after: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the changes by logical id."""
    assert {**before, "Resources": None} == {**after, "Resources": None}
    old, new = before["Resources"], after["Resources"]
    return {
        *(("added", name) for name in new.keys() - old.keys()),
        *(("removed", name) for name in old.keys() - new.keys()),
        *(("changed", name) for name in old.keys() & new.keys() if old[name] != new[name]),
    }


def explained(changelog: str, previous: str) -> set[tuple[str, str]]:
    """Return what the changelog lists under "Changed template" since the previous version."""
    since = re.split(rf"^## \[?{re.escape(previous.removeprefix('v'))}\b", changelog, flags=re.MULTILINE)[0]
    newest = re.split(r"^## ", since, flags=re.MULTILINE)[1:2]
    sections = [part for text in newest for part in re.split(r"^### ", text, flags=re.MULTILINE)]
    (section,) = [part for part in sections if part.startswith("Changed template\n")] or [""]
    return {
        (verb, name)
        for verb, names in re.findall(r"^- (added|removed|changed) (.*?):", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }


def test_an_upgrade_changes_what_the_changelog_says(previous: str, tmp_path: Path) -> None:
    """README's app of the previous version has the template it had, but for what is explained."""
    archive = git("archive", "--format=zip", previous)
    assert archive is not None
    sources = tmp_path / "sources"
    with zipfile.ZipFile(BytesIO(archive)) as file:
        file.extractall(sources)
    readme = (sources / "README.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    app = next(example for example in examples if "ClientConnectHandler" in example)
    folders = [tmp_path / name for name in ("before", "after")]
    for folder in folders:
        folder.mkdir()
    templates = before(sources, app, folders[0]), after(app, folders[1])
    assert differences(*templates) == explained((ROOT / "CHANGELOG.md").read_text("utf-8"), previous)


def test_every_difference_counts() -> None:
    """A resource that comes, goes or changes is a difference; asset hashes and version ids are none."""
    before = {"Resources": {"OldA1": {}, "KeptB2": {"Code": 1}, "Same": {}}}
    after = {"Resources": {"NewA1": {}, "KeptB2": {"Code": 2}, "Same": {}}}
    assert differences(before, after) == {("removed", "OldA1"), ("added", "NewA1"), ("changed", "KeptB2")}
    hashes = [f'{{"XCurrentVersion0123ABCD{digit * 32}": "{digit * 64}.zip"}}' for digit in "ab"]
    assert (
        _without_hashes(hashes[0]) == _without_hashes(hashes[1]) == '{"XCurrentVersion0123ABCD": "HASH.zip"}'
    )


def test_what_the_changelog_explains() -> None:
    """That of the newest section, unless that is the previous version's own."""
    assert explained(CHANGELOG, "v0.1.0") == {
        ("removed", "OldA1"),
        ("changed", "KeptB2"),
        ("changed", "AlsoC3"),
    }
    released = CHANGELOG.replace("## Unreleased", "## 0.2.0 - 2026-12-01")
    assert explained(released, "v0.1.0") == explained(CHANGELOG, FIRST) == explained(CHANGELOG, "v0.1.0")
    assert explained(released, "v0.2.0") == set()


@pytest.fixture(scope="module")
def landed() -> str:
    """Return the commit that landed last before this state."""
    for main in ("origin/main", "main", "HEAD^"):
        base = git("merge-base", "HEAD", main)
        head = git("rev-parse", "HEAD")
        if base and base != head:
            return base.decode().strip()
    pytest.skip("the history of this clone has no state that landed before")


def test_the_full_vpn_is_updated_in_place(landed: str) -> None:
    """Nothing is lost or replaced, and nothing is changed that CloudFormation refuses to change.

    The snapshots are the templates: tests/synth/test_app.py compares them.
    """
    before = git("show", f"{landed}:{FULL_VPN}")
    if before is None:
        pytest.skip(f"{landed} has no template of the full VPN")
    after = json.loads((ROOT / FULL_VPN).read_text("utf-8"))
    old, new = json.loads(_without_hashes(before.decode())), json.loads(_without_hashes(json.dumps(after)))
    assert set(old) == set(new)
    assert [each for name in old for each in not_in_place(old[name], new[name])] == []


def changed(path: str, value: Any) -> list[str]:
    """Return what the check finds when one value of the full VPN changes, or a resource is removed."""
    stacks = json.loads((ROOT / FULL_VPN).read_text("utf-8")).values()
    before = {"Resources": {name: each for stack in stacks for name, each in stack["Resources"].items()}}
    after = json.loads(json.dumps(before))
    first, *names, last = path.split("/")
    name = next(each for each in after["Resources"] if re.fullmatch(f"{first}[0-9A-F]{{8}}", each))
    if not last:
        del after["Resources"][name]
        return not_in_place(before, after)
    node = after["Resources"][name]
    for part in names:
        node = node[int(part) if part.isdecimal() else part]
    node[last] = value
    return not_in_place(before, after)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "RegistryConnections/Properties/GlobalSecondaryIndexes/0/Projection",
            {"ProjectionType": "ALL"},
            "keeps its Projection",
        ),
        (
            "RegistryConnections/Properties/GlobalSecondaryIndexes/0/KeySchema",
            [{"AttributeName": "other", "KeyType": "HASH"}],
            "keeps its KeySchema",
        ),
        ("RegistryConnections/Properties/GlobalSecondaryIndexes", [], None),
        ("RegistryConnections/Properties/KeySchema", [], "another KeySchema replaces it"),
        ("InventoryDevices/Properties/TableName", "devices", "another TableName replaces it"),
        ("InventoryDevices/Properties/LocalSecondaryIndexes", [{}], "local indexes"),
        ("HandlerFunction/Properties/FunctionName", "AWSClientVPN-x", "another FunctionName replaces it"),
        ("HandlerFunction/Properties/MemorySize", 1024, None),
        ("HandlerLogGroup/Properties/LogGroupName", "log", "another LogGroupName replaces it"),
        ("InventoryWaivers/", None, "is removed, with what it holds"),
        ("Endpoint/Properties/ClientCidrBlock", "10.0.0.0/12", "another ClientCidrBlock replaces it"),
        ("HandlerAlias/Type", "AWS::Lambda::Version", "changes no types"),
    ],
)
def test_what_cannot_be_done_in_place(path: str, value: Any, message: str | None) -> None:
    """Another projection of an index that exists, another name, another key; a setting is no such thing."""
    found = changed(path, value)
    assert found if message else found == []
    assert message is None or any(message in each for each in found)
