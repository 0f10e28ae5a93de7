"""Where the bundle's packages come from: behind a proxy, with a private index, and without a network."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_connect_tools import BundleError
from client_connect_tools.bundling import bundle, installing
from client_connect_tools.bundling.package_index import find_package_index
from client_connect_tools.bundling.uv_cache import usable_cache

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON, ARCHITECTURE = "3.14", "arm64"
# Whatever this machine says about indexes and certificates is none of the tests' business.
OWN = re.compile(r"(UV|PIP|SSL|XDG)_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|.*_proxy", re.IGNORECASE)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home folder of a machine without any settings; its working directory is a project next to it."""
    for name in [name for name in os.environ if OWN.fullmatch(name)]:
        monkeypatch.delenv(name)
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
    monkeypatch.setattr("client_connect_tools.bundling.pip_settings._MACHINE", tmp_path / "etc")
    monkeypatch.chdir(project)
    return home


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Download the locked wheels for one platform, as for a machine without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--requirement", str(bundle.LOCK)),
            *("--python-version", PYTHON, "--platform", "manylinux2014_aarch64", "--dest", str(folder)),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def simple(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a package index."""
    folder = tmp_path_factory.mktemp("index")
    for wheel in wheels.iterdir():
        package = folder / "simple" / wheel.name.split("-")[0]
        package.mkdir(parents=True)
        shutil.copy(wheel, package)
        (package / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>', "utf-8")
    return folder


@contextmanager
def serving(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """Serve a folder on a loopback port; yield the URL."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}/simple"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def install(tmp_path: Path) -> list[str]:
    """Install the packages, and return what is there."""
    folder = tmp_path / "out"
    installing.install(folder, bundle.LOCK, PYTHON, ARCHITECTURE)
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".dist-info")


def settings() -> dict[str, object]:
    """Return the arguments of uv."""
    return tomllib.loads(find_package_index().as_toml())


def test_pips_index_is_asked_where_uv_has_none(
    simple: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library came from there."""
    with serving(simple) as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        assert install(tmp_path) == ["cedarpy", "tzdata"]


def test_pips_files_are_read(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the user and of the environment, the variables above them, and `install` above `global`."""
    user = machine / ".config" / "pip" / "pip.conf"
    user.parent.mkdir(parents=True)
    user.write_text(
        "[global]\nindex-url = https://global.example/simple\nextra_index_url =\n    https://one.example/simple\n"
        "    https://two.example/simple\ntrusted-host = one.example\n[install]\nindex-url = https://i.example/simple\n"
        "[list]\nindex-url = https://list.example/simple\n",
        "utf-8",
    )
    assert settings() == {
        "index-url": "https://i.example/simple",
        "extra-index-url": ["https://one.example/simple", "https://two.example/simple"],
        "allow-insecure-host": ["one.example"],
        "index-strategy": "unsafe-best-match",
    }
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.example/simple")
    assert settings()["index-url"] == "https://env.example/simple"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert settings() == {"index-url": "https://env.example/simple"}


UV_FILES = {
    "project/pyproject.toml": '[tool.uv]\nconstraint-dependencies = ["urllib3<2"]\nindex-url = "https://uv.example/simple"\n',
    "project/uv.toml": 'index-url = "https://uv.example/simple"\nexclude-newer = "2020-01-01"\n',
    "uv.toml": '[pip]\nindex-url = "https://uv.example/simple"\nno-binary = ["cedarpy"]\n',
    "home/.config/uv/uv.toml": 'index-url = "https://uv.example/simple"\n',
    "etc/uv/uv.toml": 'index-url = "https://uv.example/simple"\n',
}


@pytest.mark.parametrize("name", UV_FILES)
def test_uvs_own_index_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From each of its files; what else they say is for the project's packages, and would make uv refuse our lock."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(UV_FILES[name], "utf-8")
    assert settings() == {"index-url": "https://uv.example/simple"}


def test_an_explicit_index_of_a_project_is_not_for_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for the packages that the project names, so pip's settings still count."""
    (tmp_path / "project" / "uv.toml").write_text(
        '[[index]]\nname = "torch"\nurl = "https://torch.example/whl"\nexplicit = true\n', "utf-8"
    )
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    assert settings() == {"index-url": "https://pip.example/simple"}


def test_paths_are_those_of_the_file(tmp_path: Path) -> None:
    """The configuration that uv gets is in another folder."""
    (tmp_path / "uv.toml").write_text(
        'find-links = ["./wheels", "https://links.example"]\n[[index]]\nurl = "mirror"\ndefault = true\n'
        'cache-control = { api = "max-age=600" }\n',
        "utf-8",
    )
    assert settings() == {
        "find-links": [str(tmp_path / "wheels"), "https://links.example"],
        "index": [
            {"url": str(tmp_path / "mirror"), "default": True, "cache-control": {"api": "max-age=600"}}
        ],
    }


@pytest.mark.parametrize("name", ["project/uv.toml", "home/.config/uv/uv.toml", "home/.config/pip/pip.conf"])
def test_fails_when_settings_cannot_be_read(tmp_path: Path, name: str) -> None:
    """They could name an index; without them, the public one would be asked."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("index-url\n= [", "utf-8")
    with pytest.raises(BundleError, match=rf'(?s)settings in ".*{Path(name).name}".*correct the file'):
        install(tmp_path)


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_no_other_index_answers_for_one_that_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Not even the public one; and what the index was sent as a password is in no message."""
    (tmp_path / "empty" / "simple").mkdir(parents=True)
    with serving(tmp_path / "empty") as url:
        monkeypatch.setenv(variable, url.replace("//", "//user:secret-word@"))
        with pytest.raises(
            BundleError, match="No other index is asked than the one that is configured"
        ) as failure:
            install(tmp_path)
    assert "secret-word" not in str(failure.value)
    assert list((tmp_path / "out").iterdir() if (tmp_path / "out").exists() else ()) == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for 127.0.0.1 with its key: that of a proxy that re-signs."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("authority")
    subprocess.run(
        [
            *(
                openssl,
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"),
            *("-keyout", "key.pem", "-out", "certificate.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text(), "utf-8")
    return folder


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_certificates_that_pip_trusts_are_trusted(
    simple: Path, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """As behind a proxy that re-signs: uv by itself trusts those that it brings."""
    monkeypatch.setenv(variable, str(authority / "certificate.pem"))
    with serving(simple, authority / "both.pem") as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        assert install(tmp_path) == ["cedarpy", "tzdata"]


def test_fails_when_nobody_trusts_the_certificate(
    simple: Path, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the system's certificates too; the message names the variable that helps."""
    asked: list[dict[str, str]] = []
    run_uv = installing.run_uv
    monkeypatch.setattr(
        installing,
        "run_uv",
        lambda arguments, environment: (asked.append(dict(environment)), run_uv(arguments, environment))[1],
    )
    with serving(simple, authority / "both.pem") as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        with pytest.raises(
            BundleError, match="set SSL_CERT_FILE to a file with the proxy's certificate authority"
        ):
            install(tmp_path)
    assert asked == [{}, {}, {"UV_NATIVE_TLS": "1"}]


@contextmanager
def black_hole() -> Iterator[str]:
    """Yield the URL of an index whose packets are dropped: the queue of connections is full."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)  # noqa: FBT003 - its signature
            each.connect_ex(listening.getsockname())
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/simple"
        finally:
            for each in waiting:
                each.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse when the queue is full")
def test_gives_up_where_packets_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tries twice; the message says so, and has no escapes of another program in it."""
    monkeypatch.setenv("UV_HTTP_CONNECT_TIMEOUT", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with black_hole() as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        with pytest.raises(
            BundleError, match=r"(?s)could not install.*UV_FIND_LINKS, with UV_OFFLINE=1"
        ) as failure:
            install(tmp_path)
    assert "after 1 retr" in str(failure.value)
    assert "\x1b" not in str(failure.value)


def test_a_folder_of_wheels_is_enough(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, an index or a cache; and a wheel with another hash is refused there too."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    folder = Path(shutil.copytree(wheels, tmp_path / "links"))
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    assert install(tmp_path) == ["cedarpy", "tzdata"]
    (wheel,) = folder.glob("tzdata-*")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    shutil.rmtree(tmp_path / "out")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another cache"))
    with pytest.raises(BundleError, match=r"(?i)hash mismatch for `tzdata=="):
        install(tmp_path)


@pytest.mark.parametrize("home", ["/proc/missing", "", None])
@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no folders, not even of root")
def test_no_home_folder_is_needed(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    """As in containers: a cache that cannot be written to is replaced by a temporary one, and none is left behind."""
    monkeypatch.delenv("UV_CACHE_DIR")
    monkeypatch.setenv("HOME", home or "")
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setenv("XDG_CACHE_HOME", "/proc/missing")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    assert install(tmp_path) == ["cedarpy", "tzdata"]
    assert list((tmp_path / "project").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_is_read_only_is_enough(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packages are copied."""
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    install(tmp_path)
    monkeypatch.setenv("UV_FIND_LINKS", "")
    monkeypatch.setenv("UV_OFFLINE", "1")
    shutil.rmtree(tmp_path / "out")
    folders = [tmp_path / "cache", *(path for path in (tmp_path / "cache").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert install(tmp_path) == ["cedarpy", "tzdata"]
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_cache_that_can_be_written_to_is_used(tmp_path: Path) -> None:
    """So the next bundle needs no network."""
    settings_file = tmp_path / "uv.toml"
    settings_file.write_text("", "utf-8")
    assert usable_cache(settings_file, tmp_path / "temporary", ["cedarpy"]) == tmp_path / "cache"
    assert not (tmp_path / "temporary").exists()


UNTRUSTED = """
https-proxy = "http://evil.example"
allow-insecure-host = ["corp.example"]
keyring-provider = "subprocess"
[pip]
http-proxy = "http://evil.example"
index-url = "https://other.example/simple"
[[index]]
name = "corp-eu.1"
url = "https://evil.example/simple"
"""


def test_a_project_that_is_not_trusted_names_an_index_and_no_more() -> None:
    """Neither a proxy nor a program that is asked for passwords; whoever runs its code anyway has all of it."""
    Path("uv.toml").write_text(UNTRUSTED, "utf-8")
    index = [{"name": "corp-eu.1", "url": "https://evil.example/simple"}]
    found = tomllib.loads(find_package_index(trusts_project=False).as_toml())
    assert found == {"index-url": "https://other.example/simple", "index": index}
    assert settings().keys() == found.keys() | {
        "https-proxy",
        "http-proxy",
        "allow-insecure-host",
        "keyring-provider",
    }


@pytest.mark.parametrize("part", ["USERNAME", "PASSWORD"])
def test_fails_when_a_project_that_is_not_trusted_would_get_credentials(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """By an index of the name that the environment has them for; the environment may say itself where it is."""
    Path("uv.toml").write_text(UNTRUSTED, "utf-8")
    monkeypatch.setenv(f"UV_INDEX_CORP_EU_1_{part}", "secret")
    with pytest.raises(BundleError, match=f"UV_INDEX_CORP_EU_1_{part} has credentials .* name the index by"):
        find_package_index(trusts_project=False)
    monkeypatch.setenv("UV_INDEX", "corp-eu.1=https://corp.example/simple")
    assert (
        "index" not in find_package_index(trusts_project=False).settings
        or not (find_package_index(trusts_project=False).settings["index"])
    )
    assert settings()["index"]
