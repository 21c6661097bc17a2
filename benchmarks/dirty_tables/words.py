"""Words and names that the clean tables are made of; all of them made up or common."""

from __future__ import annotations

import numpy as np

_ONSETS = ["b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v", "w"]  # fmt: skip  # noqa: E501
_VOWELS = ["a", "e", "i", "o", "u", "ea", "ai", "ou", "ie"]
_CODAS = ["", "n", "r", "l", "s", "t", "m", "nd", "rt", "ck", "ll", "th"]
_TOWN_ENDS = ["ville", "ton", "field", "burg", "ford", "port", "wood", "dale", " springs", " city", "haven", "mouth"]
STATES = ["AL", "AK", "AZ", "AR", "CA", "CO", "CT", "FL", "GA", "IL", "IN", "KS", "KY", "MA", "MI", "MN", "MO", "NY", "OH", "TX"]  # fmt: skip  # noqa: E501
FIRST = ["James", "Maria", "Robert", "Linda", "Michael", "Susan", "David", "Karen", "Thomas", "Nancy", "Carlos", "Fatima", "Wei", "Anna", "Peter", "Julia", "Stefan", "Ingrid", "Pierre", "Camille", "Giulia", "Marco", "Elena", "Viktor", "Sofia", "Ahmed", "Leila", "Hiro", "Yuki", "Olga", "Henrik", "Astrid", "Brian", "Deborah", "Gregory", "Patricia", "Kenneth", "Dorothy", "Raymond", "Virginia"]  # fmt: skip  # noqa: E501
STREETS = ["Main St", "Oak Ave", "Maple Dr", "Cedar Ln", "Park Rd", "Lake View Blvd", "Hill St", "River Rd", "Church St", "Station Rd", "Mill Ln", "High St", "Bridge St", "Garden Way", "Meadow Ct"]  # fmt: skip  # noqa: E501
NOUNS = ["pump", "valve", "bearing", "cable", "sensor", "filter", "gasket", "motor", "bracket", "housing", "switch", "relay", "nozzle", "spindle", "coupling", "cylinder", "compressor", "regulator", "actuator", "transformer"]  # fmt: skip  # noqa: E501
ADJECTIVES = ["steel", "brass", "plastic", "heavy", "compact", "double", "single", "flexible", "rigid", "coated", "sealed", "high pressure", "low noise", "industrial"]  # fmt: skip  # noqa: E501
SCIENCE = ["treatment", "patients", "clinical", "randomized", "therapy", "effects", "analysis", "chronic", "children", "review", "outcomes", "disease", "management", "surgery", "infection", "cardiac", "population", "controlled", "trial", "acute", "assessment", "risk", "factors", "quality", "life", "hospital", "prevention", "symptoms", "diagnosis", "evaluation"]  # fmt: skip  # noqa: E501


def word(rng: np.random.Generator, syllables: int = 2) -> str:
    """Return a word that can be spoken."""
    parts = [f"{rng.choice(_ONSETS)}{rng.choice(_VOWELS)}{rng.choice(_CODAS)}" for _ in range(syllables)]
    return "".join(parts)


def distinct(rng: np.random.Generator, n: int, make: object) -> list[str]:
    """Return n different texts of a maker."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[make(rng)] = None  # type: ignore[operator]
    return list(found)


def town(rng: np.random.Generator) -> str:
    """Return a town's name."""
    return (word(rng, int(rng.integers(1, 3))) + str(rng.choice(_TOWN_ENDS))).title()


def surname(rng: np.random.Generator) -> str:
    """Return a family name."""
    return word(rng, int(rng.integers(2, 4))).title()


def company(rng: np.random.Generator) -> str:
    """Return a company's name."""
    return (
        f"{surname(rng)} {rng.choice(['Industries', 'Logistics', 'Foods', 'Systems', 'Trading', 'Partners', 'Works'])}"
    )


def digits(rng: np.random.Generator, n: int) -> str:
    """Return n digits, the first not 0."""
    return str(rng.integers(1, 10)) + "".join(map(str, rng.integers(0, 10, n - 1)))


def iban(rng: np.random.Generator) -> str:
    """Return a German account number with right check digits."""
    account = digits(rng, 18)
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def issn(rng: np.random.Generator) -> str:
    """Return a serial number with its right check digit."""
    number = digits(rng, 7)
    check = (11 - sum(int(d) * w for d, w in zip(number, range(8, 1, -1), strict=True)) % 11) % 11
    return f"{number[:4]}-{number[4:]}{'X' if check == 10 else check}"


def day(rng: np.random.Generator, start: str = "2022-01-01", span: int = 900) -> np.datetime64:
    """Return a day."""
    return np.datetime64(start) + np.timedelta64(int(rng.integers(0, span)), "D")
