"""The table of docs/acceptance.md: every claim, and how it is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.checks import CLAIMS

if TYPE_CHECKING:
    from acceptance.claims import Claim


def rendered() -> str:
    """Return the tables, one for each page of the documentation."""
    pages = dict.fromkeys(claim.page for claim in CLAIMS)
    return "\n".join(_section(page) for page in pages)


def _section(page: str) -> str:
    rows = [_row(claim) for claim in CLAIMS if claim.page == page]
    link = f"[{page}]({page.removeprefix('docs/') if page.startswith('docs/') else f'../{page}'})"
    return "\n".join(
        (f"### {link}\n", "| check | the sentence | the proof | here |", "|---|---|---|---|", *rows, "")
    )


def _row(claim: Claim) -> str:
    sentence = claim.sentence.replace("|", "\\|").strip()
    return (
        f"| `{claim.name}` | {_unlinked(sentence)} | {claim.proof} | {'no' if claim.needs_aws else 'yes'} |"
    )


def _unlinked(sentence: str) -> str:
    """Return a sentence without its links, which lead elsewhere from another folder."""
    while (begin := sentence.find("](")) >= 0:
        start, end = sentence.rfind("[", 0, begin), sentence.find(")", begin)
        sentence = sentence[:start] + sentence[start + 1 : begin] + sentence[end + 1 :]
    return sentence
