"""The documentation site has every page and public name, leads nowhere astray, and needs no other server."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from constructs import Construct

import cdk_client_connect
from client_connect_tools import advice

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PACKAGES = sorted(path.stem for path in (DOCS / "api").glob("*.md"))


class Page(HTMLParser):
    """The content and references of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one element's."""
        values = {name: value for name, value in attrs if value is not None}
        self.ids.add(values.get("id", ""))
        if tag == "a":
            self.links.append(values.get("href", ""))
        else:
            self.loaded += [values[name] for name in ("src", "href") if name in values]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """The pages of the site."""
    return {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}


def test_links_and_anchors(pages: dict[Path, Page]) -> None:
    """Every link within the site leads to a file, and to a place in it."""
    broken = []
    for path, page in pages.items():
        for link in (link for link in page.links if not re.match(r"[a-z]+:", link)):
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].ids):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    """A page loads nothing from another server, so it works offline and reports no reader to anyone."""
    loaded = {address for page in pages.values() for address in page.loaded}
    assert loaded
    assert [address for address in loaded if re.match(r"([a-z]+:)?//", address)] == []


def test_every_public_name(site: Path, pages: dict[Path, Page]) -> None:
    """The API pages have an entry for every public name, and none for a private one."""
    ids = {id_ for package in PACKAGES for id_ in pages[site / "api" / f"{package}.html"].ids}
    names = {id_.rpartition(".")[2] for id_ in ids}
    public = {name for package in PACKAGES for name in importlib.import_module(package).__all__}
    assert public - names == set()
    assert [id_ for id_ in ids if "._" in id_] == []


def test_files_of_the_repository(site: Path) -> None:
    """Files that the documentation links to are pages too, and code in tables is as a code host shows it."""
    assert "contractor-hours" in (site / "repository/examples/policies/contractors.cedar.html").read_text(
        "utf-8"
    )
    assert (site / "repository" / "CHANGELOG.html").is_file()
    assert "<code>||</code>" in (site / "errors.html").read_text("utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_every_page_is_in_the_navigation(path: Path) -> None:
    """Every page of docs/ is in the site's navigation."""
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")[1]
    assert path.relative_to(DOCS).as_posix() in re.findall(r"(\S+\.md)$", navigation, re.MULTILINE)


@pytest.mark.parametrize(
    "path", [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda path: path.name
)
def test_lists_are_written_so_that_the_site_shows_lists(path: Path) -> None:
    """A list begins after an empty line and nests by 4 spaces, or the site would show it as a paragraph."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"^(?![-*] |\d+\. |  |#).+\n(?:[-*] |\d+\. ).*", text, re.MULTILINE) == []
    assert re.findall(r"^ {1,3}(?:[-*] |\d+\. ).*", text, re.MULTILINE) == []


def test_the_overview_names_each_decision_once() -> None:
    """The overview of the decisions names each record once."""
    records = [path.name for path in sorted((DOCS / "decisions").glob("*.md")) if path.name != "index.md"]
    named = re.findall(r"\]\(([a-z-]+\.md)\)", (DOCS / "decisions" / "index.md").read_text("utf-8"))
    assert sorted(named) == records


@pytest.fixture(scope="module")
def diagrams() -> ModuleType:
    """The program that draws the diagrams."""
    spec = importlib.util.spec_from_file_location("render_diagrams", DOCS / "render_diagrams.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_those_that_the_program_draws(diagrams: ModuleType) -> None:
    """The pictures are those that `python docs/render_diagrams.py` draws."""
    for name, picture in diagrams.DIAGRAMS.items():
        assert (DOCS / "images" / f"{name}.svg").read_text("utf-8") == picture, name


def test_the_diagram_of_the_constructs(diagrams: ModuleType) -> None:
    """It has a box for every construct."""
    public = {name: getattr(cdk_client_connect, name) for name in cdk_client_connect.__all__}
    constructs = {
        name for name, each in public.items() if inspect.isclass(each) and issubclass(each, Construct)
    }
    assert {name for name in constructs if f">{name}</text>" not in diagrams.DIAGRAMS["constructs"]} == set()


def test_the_start_page_has_the_quick_start_of_readme(site: Path) -> None:
    """And not the sentence that stands for it on a code host."""
    page = (site / "index.html").read_text("utf-8")
    assert "client-connect init vpn" in re.sub(r"<[^>]+>", "", page)
    assert "On a code host" not in page


# Searches of a reader without a name from a tool, and the page or heading that answers it.
SEARCHES = {
    "quick start": "index.html#quick-start",
    "tutorial": "tutorial.html",
    "replay": "replay.html",
    "costs": "costs.html",
    "glossary": "glossary.html",
    "certificates create": "tutorial.html#2-create-certificates",
    "okta": "identity-providers.html#okta",
    "terraform": "without-the-cdk.html",
    "ClientConnectHandler": "api/cdk_client_connect.html#cdk_client_connect.ClientConnectHandler",
    "bootstrapped": "troubleshooting.html#has-the-environment-been-bootstrapped",
}


def test_search_finds_each_name_that_a_tool_prints(site: Path) -> None:
    """As the first hit, by the site's own index and program; and what else readers look for."""
    names = sorted({each.name for each in advice.every()})
    node = shutil.which("node")
    assert node is not None
    program = ROOT / "tests" / "support" / "site_search.mjs"
    result = subprocess.run(
        [node, program, site, *names, *SEARCHES], capture_output=True, text=True, check=True
    )
    first = json.loads(result.stdout)
    assert {name: first[name] for name in names if (first[name] or {}).get("title") != name} == {}
    assert {query: first[query]["location"] for query in SEARCHES} == SEARCHES


def test_cedar_is_highlighted(site: Path) -> None:
    """Keywords, annotations and strings are distinguished."""
    page = (site / "policies.html").read_text("utf-8")
    assert '<span class="nd">@id</span>' in page
    assert '<span class="k">permit</span>' in page
