"""The explanations of mutants are true: none that survives is overlooked, and none is explained that does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from proof.mutation.__main__ import main, report
from proof.mutation.explanations import FILE, Change, explained
from proof.mutation.mutants import Fate, Mutant
from proof.mutation.suites import NOT_MUTATED, PACKAGE, ROOT, SUITES, all_modules

DIFF = """# client_connect.versions.x_f__mutmut_1: survived
--- src/client_connect/versions.py
+++ src/client_connect/versions.py
@@ -4,5 +4,5 @@
     match = a
-    return match or ""
+    return match or "XXXX"
"""
WHERE = "versions: f"
CHANGE = Change(where=WHERE, lines=('- return match or ""', '+ return match or "XXXX"'))
EXPLAINED = f"""
[[mutants]]
where = "{WHERE}"
changes = ['''
- return match or ""
+ return match or "XXXX"
''']
why = "both are no number"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Mutant):
    """A mutant whose change is clear."""

    known: Change

    def change(self) -> Change:
        """Return what it changes."""
        return self.known


def mutant(fate: Fate, change: Change = CHANGE) -> Known:
    """Return a mutant."""
    return Known(folder=Path(), name="client_connect.versions.x_f__mutmut_1", fate=fate, known=change)


def test_an_explanation_is_of_the_change_that_a_diff_shows() -> None:
    """Wherever the lines are: what is before and after them may change."""
    assert Change.of(WHERE, DIFF) == CHANGE
    assert explained(EXPLAINED) == {CHANGE: "both are no number"}
    assert str(CHANGE) == 'versions: f\n    - return match or ""\n    + return match or "XXXX"'


@pytest.mark.parametrize("text", [EXPLAINED * 2, EXPLAINED.replace("both are no number", "")])
def test_fails_for_an_explanation_that_comes_twice_or_says_nothing(text: str) -> None:
    """One of the two would never be read."""
    with pytest.raises(ValueError, match=r"^this is explained twice, or without a reason: versions: f"):
        explained(text)


OTHER = Change(where=WHERE, lines=("- a", "+ b"))


@pytest.mark.parametrize(
    ("found", "reasons", "status", "says"),
    [
        ([mutant("killed")] * 10, {}, 0, "100.0% killed"),
        ([mutant("killed")] * 9 + [mutant("survived")], {CHANGE: "why"}, 0, "90.0% killed"),
        ([mutant("killed")] * 8 + [mutant("survived")], {CHANGE: "why"}, 1, "88.9% killed"),
        ([mutant("killed")] * 9 + [mutant("survived")], {}, 1, f"no explanation says why: {CHANGE}"),
        ([mutant("killed")] * 9 + [mutant("unclear")], {}, 1, f"no explanation says why: {CHANGE}"),
        ([mutant("stopped")], {CHANGE: "why"}, 0, "100.0% killed"),
        ([mutant("killed")], {OTHER: "why"}, 1, f"no such mutant survives: {OTHER}"),
    ],
    ids=["all killed", "explained", "too few killed", "unexplained", "unclear", "only slower", "outdated"],
)
def test_a_report_tells_what_is_to_be_done(
    capsys: pytest.CaptureFixture[str],
    found: list[Mutant],
    reasons: dict[Change, str],
    status: int,
    says: str,
) -> None:
    """Its status is 0 only when at least 90 % are killed, and each other one is explained."""
    assert report(found, reasons) == status
    assert says in capsys.readouterr().out


def test_every_explanation_is_of_code_that_is_there() -> None:
    """The lines are in the module that is named: this shows early of one that is outdated."""
    for change in explained(FILE.read_text("utf-8")):
        lines = (
            (ROOT / "lambda_src" / PACKAGE / f"{change.module.replace('.', '/')}.py")
            .read_text("utf-8")
            .splitlines()
        )
        code = {line.partition("  #")[0].strip() for line in lines}
        gone = [line[2:] for line in change.lines if line.startswith("- ")]
        assert [line for line in gone if line.partition("  #")[0] not in code] == [], change


def test_every_module_is_mutated_or_named_as_one_that_is_not() -> None:
    """A new module is in a suite by itself."""
    named = [*NOT_MUTATED, *(module for suite in SUITES for module in suite.modules)]
    assert sorted(named) == sorted(all_modules())


def test_fails_for_a_module_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names it, before anything runs."""
    with pytest.raises(SystemExit):
        main(["engine.authorizer", "engine.authoriser"])
    assert "no such modules: engine.authoriser; not mutated are" in capsys.readouterr().err
