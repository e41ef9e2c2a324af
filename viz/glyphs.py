"""Text as a picture needs it: cleaned, measured by a table of glyph widths, cut to a width, subscripted.

Whoever reads the picture chooses the font, so the table holds the widest of the common sans-serif fonts
in their bold cut: a text is then never wider than measured, and fits the box that was made for it.
"""

from __future__ import annotations

import re
import unicodedata

# upper bounds of the width in em, in bold
_WIDTHS = {
    character: width
    for width, characters in {
        0.38: " ',./I\\ijl|·",
        0.44: "-:;f₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹ʸᵀ",
        0.5: "!()[]rt",
        0.56: '"*J`‖∂',
        0.62: "?_csz⁻εζ",
        0.68: "Laekvxy√λτ",
        0.72: "$0123456789EFTbdghnopqu{}∇Σαβγδηθρ",
        0.76: "PSYZµμ",
        0.81: "ABCKRVXσπφψ",
        0.86: "DGHNOQU",
        0.92: "#&+<=>^~×−÷ω≤≥≠",
        1.08: "%@Mmw→—…∈",
        1.11: "W",
        1.33: "жфшщыюљњЖФШЩЫЮЉЊ",
    }.items()
    for character in characters
}
_LETTER = 0.92
_OTHER = 1.35
_REGULAR = 0.94  # a regular cut is narrower

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_INDEXED = re.compile(r"([^\W\d_]{1,2})_?(\d{1,3})")


def clean(text: str) -> str:
    """The text without what XML forbids or what would disturb its neighbours.

    Control characters, lone surrogates, non-characters and marks that turn the writing direction are
    dropped; line breaks and tabs become spaces.
    """
    spaced = re.sub(r"\s+", " ", text)
    return "".join(
        c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs", "Cf") and ord(c) & 0xFFFE != 0xFFFE
    )


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """An upper bound of the width of a text in pixels at a font size."""
    return size * (1.0 if bold else _REGULAR) * sum(_glyph_width(character) for character in text)


def _glyph_width(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.combining(character):
        return 0.0
    base = unicodedata.normalize("NFD", character)[0]
    if base in _WIDTHS:
        return _WIDTHS[base] + 0.02
    # small letters of Greek and Cyrillic; all else may be wider than it is high
    return _LETTER if 0x370 <= ord(character) < 0x530 and character.islower() else _OTHER


def fit(text: str, size: float, limit: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than a limit in pixels."""
    if text_width(text, size, bold=bold) <= limit:
        return text
    room = limit - text_width("…", size, bold=bold)
    kept = 0
    for character in text:
        room -= text_width(character, size, bold=bold)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def subscripted(name: str) -> str:
    """A mathematician's spelling of a short indexed name: w0 and w_0 become w₀; others stay."""
    match = _INDEXED.fullmatch(name)
    return match[1] + match[2].translate(_SUBSCRIPTS) if match else name


def superscripted(exponent: str) -> str | None:
    """An exponent in superior figures, or None where it is more than a whole number."""
    return exponent.translate(_SUPERSCRIPTS) if re.fullmatch(r"−?\d{1,3}", exponent) else None
