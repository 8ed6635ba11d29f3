"""The report's colours: enough contrast, in both schemes and on paper (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest

from loadtest.report.page import STYLE

TEXT, DRAWING = 4.5, 3.0
ON_GROUND = ("ink", "muted", "brand")
ON_SURFACE = (*ON_GROUND, "good", "bad")
LINES = (*(f"line{number}" for number in range(8)), "earlier")


def schemes() -> dict[str, dict[str, str]]:
    """Colours by name; what a scheme does not say it has from the light one."""
    light, dark, paper = [
        dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]{3,6})\b", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    ]
    return {"light": light, "dark": light | dark, "paper": light | paper}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "paper"])
def test_texts_and_lines_stand_out_from_what_is_behind_them(scheme: str) -> None:
    colours = schemes()[scheme]
    pairs = [
        *((name, "surface", TEXT) for name in ON_SURFACE),
        *((name, "ground", TEXT) for name in ON_GROUND),
        *((name, f"{name}-ground", TEXT) for name in ("good", "bad", "warn")),
        *(("ink", ground, TEXT) for ground in ("good-ground", "bad-ground")),
        *((line, ground, DRAWING) for line in LINES for ground in ("surface", "band")),
    ]
    pale = {
        (text, ground): round(contrast(colours[text], colours[ground]), 2)
        for text, ground, least in pairs
        if contrast(colours[text], colours[ground]) < least
    }
    assert pale == {}


def test_on_paper_it_is_light_whatever_the_screen_is() -> None:
    paper = STYLE.partition("@media print")[2]
    assert "color-scheme: light;" in paper
    assert set(schemes()["light"]) == set(re.findall(r"--(\w[\w-]*): #", paper))


def test_each_line_has_dashes_of_its_own_or_a_colour_far_from_the_others() -> None:
    dashes = re.findall(r"\.line\d \{ stroke: var\(--line\d\);(?: stroke-dasharray: ([\d ]+);)? \}", STYLE)
    assert len(dashes) == 8
    assert len(set(dashes)) == 7, "two are solid: the first, and the sixth"
