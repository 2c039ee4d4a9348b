"""How much room a text takes on a phone network: GSM 7-bit default alphabet (3GPP TS 23.038, section 6.2.1)."""

import unicodedata

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"  # each takes an escape and itself: two septets
ALPHABET = frozenset(BASIC + EXTENSION)

SINGLE, PART = 160, 153  # septets in one text, and in each part of a longer one
UCS2_SINGLE, UCS2_PART = 70, 67

# What phones and word processors put in by themselves; one of these would make a text cost twice the money.
PLAIN = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "…": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
        "\t": " ", "`": "'", "•": "-", "×": "x", "ç": "c",
    }
)  # fmt: skip


def septets(text: str) -> int | None:
    """The septets of a text; None when a character is outside the alphabet."""
    if not ALPHABET.issuperset(text):
        return None
    return len(text) + sum(map(text.count, EXTENSION))


def segments(text: str) -> int:
    """How many texts the network makes of it: 160 septets, or parts of 153; in UCS-2 70 units, or parts of 67."""
    size = septets(text)
    if size is not None:
        return 1 if size <= SINGLE else -(-_split_size(text) // PART)
    units = len(text.encode("utf-16-be")) // 2
    return 1 if units <= UCS2_SINGLE else -(-units // UCS2_PART)


def _split_size(text: str) -> int:
    """Septets with the waste of parts that end early because an escape may not be parted from its character."""
    size = 0
    for character in text:
        width = 2 if character in EXTENSION else 1
        if width > PART - size % PART:
            size += 1
        size += width
    return size


def to_gsm7(text: str) -> str:
    """The nearest text in the alphabet: plain quotes and dashes, letters without foreign accents, `?` for the rest."""
    plain = text.translate(PLAIN)
    return plain if ALPHABET.issuperset(plain) else "".join(map(_nearest, plain))


def _nearest(character: str) -> str:
    if character in ALPHABET:
        return character
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    plain = "".join(c for c in base.translate(PLAIN) if c in ALPHABET)
    return plain or "?"
