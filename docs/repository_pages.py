"""Makes pages of the repository's files that the documentation links to, for the site that MkDocs builds.

The pages in docs/ are also read on a code host, where README.md, CHANGELOG.md, examples and sources are a link away.
In the site each such file is a page below repository/, and the links lead there. A hook of mkdocs.yml.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Callable

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ALWAYS = ("README.md", "CHANGELOG.md", "SECURITY.md")  # in the navigation, linked or not
FOLDER = "repository"

_FENCED = re.compile(r"(^(?:`{3,})[^`]*\n.*?^`{3,}$)", re.DOTALL | re.MULTILINE)
# The pages with a heading for each name that a tool or an alarm prints.
_NAMES = {"errors.md": 4.0, "operations.md": 1.3}

# A line of a page that stands for a section of README, and what the page says where it is not replaced.
_SECTION_OF_README = re.compile(r"<!-- README: (.+) -->\n\n.*")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)[^)#\s]+")
_BLOCK = re.compile(r'(?<=<div class=)"language-(?:text|console) highlight">.*?</div>', re.DOTALL)
_LINES_OF_A_TABLE = 3
_COLUMNS = re.compile(r"^\S.*\S {3,}\S.*\S {3,}\S", re.MULTILINE)
_CODE_IN_ROW = re.compile(r"(?<=`)[^`\n]*\\\|[^`\n]*(?=`)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each file and folder outside docs/ that is linked to, and for those that they link to."""
    waiting = list(ALWAYS)
    for page in files.documentation_pages():
        waiting += _links(page.content_string, _path(page.src_uri))
    for path in waiting:
        if (ROOT / path).exists() and files.get_file_from_path(_uri(path)) is None:
            content = _content(path)
            waiting += _links(content, path)
            files.append(File.generated(config, _uri(path), content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make a page's links lead to where the files are in the site, and its tables as a code host shows them."""
    del config, files
    uri = page.file.src_uri
    page.meta["search"] = {"boost": _boost(uri)}
    markdown = _SECTION_OF_README.sub(lambda found: _section_of_readme(found[1]), markdown)

    def moved(link: re.Match[str]) -> str:
        return posixpath.relpath(_uri(_target(link[0], _path(uri))), posixpath.dirname(uri) or ".")

    return _outside_fences(lambda text: _CODE_IN_ROW.sub(_without_escapes, _LINK.sub(moved, text)), markdown)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Mark output in columns, which the site's style must not wrap."""
    del page, config, files
    return _BLOCK.sub(
        lambda block: block[0].replace('"', '"columns ', 1) if _in_columns(block[0]) else block[0], html
    )


def _in_columns(block: str) -> bool:
    """Whether a block has a rule below headings, or several lines with columns."""
    return "────" in block or len(_COLUMNS.findall(block)) >= _LINES_OF_A_TABLE


def _boost(uri: str) -> float:
    """Return how far up a page is among what a search finds: first the names that tools print, last files."""
    return 0.2 if uri.startswith(f"{FOLDER}/") else _NAMES.get(uri, 1.0)


def _section_of_readme(title: str) -> str:
    """Return a section of README without its heading, with links as a page of docs/ has them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0].strip()
    return _outside_fences(
        lambda text: _LINK.sub(lambda link: posixpath.relpath(link[0], "docs"), text), section
    )


def _outside_fences(change: Callable[[str], str], markdown: str) -> str:
    parts = _FENCED.split(markdown)
    parts[::2] = map(change, parts[::2])
    return "".join(parts)


def _without_escapes(code: re.Match[str]) -> str:
    """Return code in a table without the backslashes before its bars, which Python-Markdown would show."""
    return code[0].replace("\\|", "|")


def _links(markdown: str, path: str) -> list[str]:
    """Return what a file in the repository links to, as paths in the repository."""
    return [_target(link, path) for link in _LINK.findall(_FENCED.sub("", markdown))]


def _target(link: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def _path(uri: str) -> str:
    """Return where in the repository a page of the site comes from."""
    if not uri.startswith(f"{FOLDER}/"):
        return f"docs/{uri}"
    path = uri.removeprefix(f"{FOLDER}/")
    return path if (ROOT / path).exists() else path.removesuffix(".md")


def _uri(path: str) -> str:
    """Return where in the site a file of the repository is."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{FOLDER}/{path}" if path.endswith(".md") else f"{FOLDER}/{path}.md"


def _content(path: str) -> str:
    """Return a file of the repository as Markdown, and a folder as links to what is in it."""
    if (ROOT / path).is_dir():
        names = sorted(each.name for each in (ROOT / path).iterdir() if each.name[0] not in "._")
        links = [f"- [{name}]({posixpath.basename(path)}/{name})" for name in names]
        return "\n".join([f"# {path}", "", *links])
    text = (ROOT / path).read_text("utf-8")
    if path.endswith(".md"):
        return text
    return f"# {path}\n\n````{posixpath.splitext(path)[1].removeprefix('.') or 'text'}\n{text}````\n"
