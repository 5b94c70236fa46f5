"""The colours of the page: text has 4.5:1 against what it stands on, marks 3:1 (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

STYLE = (Path(__file__).parents[3] / "recorder" / "views" / "page" / "src" / "page.css").read_text("utf-8")
TEXT, MARK = 4.5, 3.0
GROUNDS = ["ground", "panel", "lane", "group", "chosen", "fold"]
WORDS = ["text", "muted", "accent", "event", "unsure", "error", "warning"]
STATES = ["complete", "acked", "failed", "unacked", "aborted"]
MARKS = ["faint", "busy", "ink"]
_LIGHT, _DARK = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
_VARIABLE = re.compile(r"--([\w-]+): ([^;]+);")
THEMES = {"light": dict(_VARIABLE.findall(_LIGHT)), "dark": dict(_VARIABLE.findall(_LIGHT) + _VARIABLE.findall(_DARK))}


def of_hex(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """The ratio that WCAG 2 defines, of sRGB colours."""

    def luminance(colour: tuple[float, float, float]) -> float:
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def weak(theme: str, names: list[str], least: float) -> dict[str, float]:
    """The pairs of a colour and a ground that have less."""
    colours = THEMES[theme]
    pairs = [(name, ground) for name in names for ground in GROUNDS]
    found = {f"{a} on {b}": contrast(of_hex(colours[a]), of_hex(colours[b])) for a, b in pairs}
    return {pair: ratio for pair, ratio in found.items() if ratio < least}


def test_black_on_white_has_the_contrast_of_the_standard() -> None:
    assert round(contrast((0, 0, 0), (1, 1, 1)), 2) == 21


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_states_can_be_read_on_every_ground(theme: str) -> None:
    assert weak(theme, WORDS + STATES, TEXT) == {}


@pytest.mark.parametrize("theme", THEMES)
def test_marks_stand_out_from_every_ground(theme: str) -> None:
    assert weak(theme, MARKS, MARK) == {}


@pytest.mark.parametrize("theme", THEMES)
def test_an_id_can_be_read_in_any_hue(theme: str) -> None:
    ground, text = (int(THEMES[theme][name].rstrip("%")) / 100 for name in ("chip-light", "chip-text"))
    saturations = re.search(r"hsl\(var\(--hue, \d+\) (\d+)% .*?hsl\(var\(--hue, \d+\) (\d+)%", STYLE)
    assert saturations is not None
    below, above = (int(part) / 100 for part in saturations.groups())

    ratios = [
        contrast(colorsys.hls_to_rgb(hue / 360, text, above), colorsys.hls_to_rgb(hue / 360, ground, below))
        for hue in range(360)
    ]

    assert min(ratios) >= TEXT
