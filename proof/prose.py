"""Counts phrases that make docstrings, comments, messages and pages hard to read: `python -m proof.prose [--show]`.

Most are German word order, or words that have another meaning in English. More of them than the budget is an error.
After an edit that leaves fewer, lower the budget.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET = 200
ROOT = Path(__file__).parents[1]
FOLDERS = (
    "acceptance",
    "distributions",
    "docs",
    "examples",
    "lambda_src",
    "lib",
    "local_aws",
    "proof",
    "tests",
)
PHRASES = {
    "beside: besides, next to": r"\bbeside\b",
    "so that: so": r", so that\b",
    "also: even": (
        r"\b[Aa]lso (?:when|where|ones?|after|of|in|if|what|that|with|for|an?|the|on|to|by|between|who|those|not)\b"
    ),
    "of which: whose, or a shorter sentence": r"\b(?:of|for|by|with|to|in|from|against|about|without) (?:which|whom)\b",
    "whom: the user who": r"\b[Ww]hom\b",
    "What ... at the beginning: a noun": r"^\s*(?:\"\"\"|#\s*)?What\b(?!.*\?)",
    "tell: say, show, report": r"\b(?:is|are|be|was) told\b|\btells?\b",
    "anew: again": r"\banew\b",
    "nobody, somebody: no one, a user": r"\b[Nn]obody\b|\b[Ss]omebody\b",
    "heed: honor": r"\bheed\w*",
    "is to be: must be": r"\b(?:is|are) to be\b",
    "becomes of, comes to be: happens to, is created": r"\bbec[oa]mes? of\b|\bc[oa]mes? to be\b",
    ", for it: because it": (
        r", for (?:it|they|that|he|there|nothing|what|the|[A-Z][a-z]+[A-Z]\w+)\b(?! (?:example|instance))"
    ),
    "decide by: decide with": r"\b(?:decid\w+|works?|asked|lints?|scan) by\b",
    "take for: mistake for": r"\b(?:take|takes|took|taken) (?:\w+ ){0,3}for\b",
    "of its own: its own": r"\bof (?:ours|theirs|elsewhere|the team's own|a team's own|your own|its own|others)\b",
    "nor is, there are none: a plain negation": r"\bnor (?:is|are|does|do)\b|\bthere (?:is|are) none\b",
}


def lines(path: Path) -> Iterator[str]:
    """Yield the prose of a file: a page outside of its examples, or the comments and strings of a module."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield from re.sub(r"(?ms)^\s*```.*?^\s*```$", "", text).splitlines()
        return
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            yield from (line for line in token.string.splitlines() if " " in line.strip())


def findings(path: Path) -> Iterator[str]:
    """Yield each phrase that is found in a file, with its line."""
    for line in lines(path):
        for name, phrase in PHRASES.items():
            if re.search(phrase, line):
                yield f"{path.relative_to(ROOT)}: {name}: {line.strip()}"


def files() -> list[Path]:
    """Return the modules and pages of the project, but for this one, which names the phrases."""
    found = [path for end in ("*.py", "*.md") for folder in FOLDERS for path in (ROOT / folder).rglob(end)]
    top = [*ROOT.glob("*.py"), *ROOT.glob("*.md")]
    return sorted({*found, *top} - {Path(__file__).resolve()})


def main() -> None:
    """Print how many phrases there are, and end with status 1 when they are more than the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="print each of them")
    found = [finding for path in files() for finding in findings(path)]
    if parser.parse_args().show:
        print("\n".join(found))
    print(f"{len(found)} phrases that are hard to read; at most {BUDGET} may be there")
    if len(found) > BUDGET:
        sys.exit("Write new texts without them; `python -m proof.prose --show` lists all.")


if __name__ == "__main__":
    main()
