"""axe-core, injected into a page under test, held against WCAG 2.0, 2.1 and 2.2 at A and AA.

    await assert_accessible(page, "the waiting room")

It is run through the debugger's protocol, so that the page keeps its content security policy. What a program
cannot judge (whether a text says what its field is for) it does not judge; `test_accessibility.py` has more
that it can.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

AXE = Path(__file__).resolve().parents[2] / "build/web/node_modules/axe-core/axe.min.js"
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")

_RUN = """async ([tags, rules]) => {
  // What moves or fades in is measured once it stands still.
  const endless = (animation) => animation.effect.getComputedTiming().iterations === Infinity;
  const passing = document.getAnimations().filter((animation) => !endless(animation));
  await Promise.allSettled(passing.map(({ finished }) => finished));
  const runOnly = rules ? { type: "rule", values: rules } : { type: "tag", values: tags };
  const options = { runOnly, resultTypes: ["violations"] };
  const { violations } = await axe.run(document, options);
  const told = ({ target, failureSummary }) => `${target}: ${failureSummary}`;
  return violations.map(({ id, nodes }) => [id, nodes.map(told)]);
}"""


@cache
def _source() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `make build/web/.installed`")
    return AXE.read_text("utf-8")


async def violations(page: Page, rules: Sequence[str] | None = None) -> list[Any]:
    """[rule, [element and what is wrong with it, …]], …; empty when there is none. `rules`: only these of
    axe's, for a page that was held against all of them before and now has other colours only.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_source())
    found: list[Any] = await page.evaluate(_RUN, [list(STANDARDS), rules])
    return found


async def assert_accessible(page: Page, place: str, rules: Sequence[str] | None = None) -> None:
    assert (place, await violations(page, rules)) == (place, [])
