"""The demo's bundles are for the machine that runs it; what goes to Lambda is not touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from client_connect_tools import Bundle
from local_aws.demo_app import MACHINES, ExchangeFailed, exchange_packages

ROOT = Path(__file__).parents[3]
# How a compiled file begins, and which architecture it names.
_COMPILED = {
    "aarch64-apple-darwin": (b"\xcf\xfa\xed\xfe", slice(4, 8), 0x0100000C),
    "x86_64-apple-darwin": (b"\xcf\xfa\xed\xfe", slice(4, 8), 0x01000007),
    "aarch64-manylinux_2_28": (b"\x7fELF", slice(18, 20), 0xB7),
    "x86_64-manylinux_2_28": (b"\x7fELF", slice(18, 20), 0x3E),
    "x86_64-pc-windows-msvc": (b"MZ", slice(0, 2), 0x5A4D),
}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cloud assembly with one bundle, for Lambda on arm64."""
    folder = tmp_path_factory.mktemp("cdk.out")
    Bundle("permit (principal, action, resource);", "3.14", "arm64").build(folder / "asset.1")
    return folder


@pytest.mark.parametrize("machine", _COMPILED)
def test_the_bundle_gets_the_packages_of_the_machine(assembly: Path, machine: str) -> None:
    """The compiled package is that of the machine, the only one, and the rest of the bundle stays."""
    exchange_packages(assembly, machine)
    bundle = assembly / "asset.1"
    (compiled,) = [file for file in bundle.rglob("*") if file.suffix in {".so", ".pyd", ".dylib"}]
    magic, place, architecture = _COMPILED[machine]
    content = compiled.read_bytes()
    assert content.startswith(magic)
    assert int.from_bytes(content[place], "little") == architecture
    assert (bundle / "policies.cedar").is_file()
    assert (bundle / "client_connect" / "handler.py").is_file()
    assert (bundle / "tzdata" / "zoneinfo" / "Europe" / "Berlin").is_file()


def test_each_machine_of_the_demo_is_tried() -> None:
    """Each machine on which the demo runs is among those tried."""
    assert set(MACHINES.values()) <= set(_COMPILED)


def test_fails_where_there_is_no_package_for_the_machine(assembly: Path) -> None:
    """A machine without published packages is named in the error."""
    with pytest.raises(
        ExchangeFailed, match=r"(?s)no packages for aarch64-pc-windows-msvc, Python 3\.14: .*cedarpy"
    ):
        exchange_packages(assembly, "aarch64-pc-windows-msvc")


def test_fails_without_a_bundle(tmp_path: Path) -> None:
    """An assembly without a bundle is no success."""
    with pytest.raises(ExchangeFailed, match="there is no bundle in"):
        exchange_packages(tmp_path, "x86_64-apple-darwin")


def test_help_says_what_each_target_needs_and_how_long_it_takes() -> None:
    """Each target that `make help` lists ends with its requirements, and how long it takes."""
    listed = re.findall(r"^[a-z-]+:.*  ## (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert listed
    assert [text for text in listed if not re.search(r" \([^()]+\)$", text)] == []
