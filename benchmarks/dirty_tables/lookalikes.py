"""Tables shaped like the public dirty/clean pairs of the data-cleaning literature; every value in them is made up.

What is imitated is what the literature reports about each pair: which columns there are, how they depend on each other,
what kinds of errors there are and how many. The public tables themselves are not used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from dirty_tables import words
from dirty_tables.domains import Rng
from dirty_tables.errors import Dirty


def hospital(rng: Rng, n: int = 1000) -> Dirty:
    """Hospitals x measures, lower case, strong dependencies; letters and digits replaced by x in 2.5% of cells."""
    n_hospitals = 60
    states = rng.choice(["al", "ak", "ga"], n_hospitals, p=[0.85, 0.08, 0.07])
    towns = [words.town(rng).lower() for _ in range(n_hospitals)]
    hospitals = pd.DataFrame(
        {
            "provider_number": [f"{10001 + 3 * i}" for i in range(n_hospitals)],
            "name": [
                f"{t} {rng.choice(['regional medical center', 'hospital', 'memorial hospital', 'health system'])}"
                for t in towns
            ],
            "address_1": [
                f"{rng.integers(1, 4000)} {str(rng.choice(words.STREETS)).lower()}" for _ in range(n_hospitals)
            ],
            "address_2": "empty",
            "address_3": "empty",
            "city": towns,
            "state": states,
            "zip": [words.digits(rng, 5) for _ in range(n_hospitals)],
            "county": [words.word(rng).lower() for _ in range(n_hospitals)],
            "phone": [words.digits(rng, 10) for _ in range(n_hospitals)],
            "type": "acute care hospitals",
            "owner": rng.choice(
                [
                    "government - local",
                    "voluntary non-profit - private",
                    "proprietary",
                    "voluntary non-profit - church",
                ],
                n_hospitals,
            ),
            "emergency_service": rng.choice(["yes", "no"], n_hospitals, p=[0.9, 0.1]),
        }
    )
    conditions = {
        "ami": "heart attack",
        "hf": "heart failure",
        "pn": "pneumonia",
        "scip": "surgical infection prevention",
    }
    measures = [
        (
            conditions[k],
            f"{k}-{i}",
            f"{conditions[k]} patients given {rng.choice(words.SCIENCE)} {rng.choice(words.SCIENCE)} at {rng.choice(['arrival', 'discharge'])}",  # noqa: E501
        )
        for k in conditions
        for i in range(1, 8)
    ]
    pairs = rng.permutation(n_hospitals * len(measures))[:n]
    pairs.sort()
    h, m = pairs // len(measures), pairs % len(measures)
    table = hospitals.iloc[h].reset_index(drop=True)
    table.insert(0, "index", [str(i + 1) for i in range(n)])
    table["condition"] = [measures[i][0] for i in m]
    table["measure_code"] = [measures[i][1] for i in m]
    table["measure_name"] = [measures[i][2] for i in m]
    table["score"] = [f"{x}%" if rng.random() > 0.2 else "empty" for x in rng.integers(30, 101, n)]
    table["sample"] = [f"{x} patients" if rng.random() > 0.05 else "empty" for x in rng.integers(0, 600, n)]
    table["state_average"] = [f"{s}_{c}" for s, c in zip(table["state"], table["measure_code"], strict=True)]
    dirty = Dirty(table.copy(), np.zeros(table.shape, dtype=bool))
    for column in table.columns.drop(["index", "address_2", "address_3"]):
        for row in np.flatnonzero(rng.random(n) < 0.03):
            value = str(table.at[row, column])
            at = rng.choice(len(value), min(len(value), int(rng.choice([1, 1, 1, 2]))), replace=False)
            dirty.put(int(row), column, "".join("x" if i in at and s != " " else s for i, s in enumerate(value)))
    return dirty


def flights(rng: Rng, n: int = 2376) -> Dirty:
    """Flight times from many web sites, which differ, write dates into them, or say nothing."""
    sites = [words.word(rng) for _ in range(33)]
    trust = dict(zip(sites, rng.choice([0.97, 0.85, 0.6, 0.3], len(sites), p=[0.25, 0.3, 0.25, 0.2]), strict=True))
    silent = dict(zip(sites, rng.choice([0.0, 0.05, 0.5, 0.95], len(sites), p=[0.45, 0.25, 0.2, 0.1]), strict=True))
    layout = dict(
        zip(sites, rng.choice(["", "dec", "slash", "short"], len(sites), p=[0.85, 0.06, 0.06, 0.03]), strict=True)
    )
    columns = ["sched_dep_time", "act_dep_time", "sched_arr_time", "act_arr_time"]
    rows, truth = [], []
    for _ in range(n // 24):
        start, length = int(rng.integers(300, 1200)), int(rng.integers(60, 360))
        late = int(rng.integers(-8, 60))
        minutes = [start, start + late, start + length, start + length + late + int(rng.integers(-12, 8))]
        flight = f"{rng.choice(['AA', 'UA', 'CO', 'DL'])}-{rng.integers(10, 4000)}-{rng.choice(['ORD', 'IAH', 'DFW', 'SFO'])}-{rng.choice(['PHX', 'MIA', 'BOS', 'EWR'])}"  # noqa: E501
        rumours = rng.integers(-15, 16, (4, 3))  # wrong times go from site to site
        for site in rng.choice(sites, 24, replace=False):
            rows.append((site, flight, *_told(rng, minutes, rumours, trust[site], silent[site], layout[site])))
            truth.append((site, flight, *map(_clock, minutes)))
    clean = pd.DataFrame(truth, columns=["src", "flight", *columns])
    told = pd.DataFrame(rows, columns=clean.columns)
    for table in (clean, told):
        table.insert(0, "tuple_id", [str(i + 1) for i in range(len(table))])
    return Dirty(told, (told != clean).to_numpy() | told.isna().to_numpy())


def _told(
    rng: Rng, minutes: list[int], rumours: np.ndarray, trust: float, silent: float, layout: str
) -> list[str | None]:
    cells: list[str | None] = []
    for place, minute in enumerate(minutes):
        is_actual = place % 2 == 1
        if rng.random() < silent * (1.0 if is_actual else 0.4):
            cells.append(None if rng.random() < 0.95 else "Not Available")
            continue
        shift = 0
        if rng.random() > (trust if is_actual else min(1.0, trust + 0.08)):
            known = rumours[place]
            shift = minutes[place - 1] - minute if is_actual and rng.random() < 0.3 else int(rng.choice(known))
        text = _clock(minute + shift)
        if layout == "dec":
            text = f"Dec 1 {text}"
        elif layout == "slash":
            text = f"12/01/2011 {text}"
        elif layout == "short":
            text = text.replace(" a.m.", "a").replace(" p.m.", "p") + "Dec 1"
        cells.append(text)
    return cells


def _clock(minute: int) -> str:
    hour = minute // 60 % 24
    return f"{(hour - 1) % 12 + 1}:{minute % 60:02d} {'a.m.' if hour < 12 else 'p.m.'}"


def beers(rng: Rng, n: int = 2410) -> Dirty:
    """Beers with sizes written with many spellings of their unit, shares with and without %, missing markers."""
    n_breweries = 500
    names = words.distinct(
        rng,
        n_breweries,
        lambda r: f"{words.surname(r)} {r.choice(['Brewing Company', 'Brewery', 'Beer Co.', 'Brewing'])}",
    )
    towns, states = [words.town(rng) for _ in range(n_breweries)], rng.choice(words.STATES, n_breweries)
    b = rng.integers(0, n_breweries, n)
    styles = [
        f"{a} {s}"
        for a in ("American", "English", "Belgian", "German")
        for s in ("IPA", "Pale Ale", "Stout", "Porter", "Pilsner", "Wheat Ale")
    ]
    abv = [f"{x:.3f}".rstrip("0") for x in rng.choice(np.arange(0.035, 0.1, 0.001), n)]
    clean = pd.DataFrame(
        {
            "index": [str(i) for i in range(n)],
            "id": [str(x) for x in rng.permutation(2700)[:n] + 1],
            "beer-name": [
                f"{words.word(rng).title()} {rng.choice(['Ale', 'IPA', 'Lager', 'Stout', 'Saison'])}" for _ in range(n)
            ],
            "style": rng.choice(styles, n),
            "ounces": rng.choice(["12.0", "16.0", "24.0", "8.4"], n, p=[0.62, 0.35, 0.02, 0.01]),
            "abv": [x if rng.random() > 0.026 else None for x in abv],
            "ibu": [str(x) if rng.random() > 0.42 else None for x in rng.integers(5, 120, n)],
            "brewery_id": [str(i) for i in b],
            "brewery-name": [names[i] for i in b],
            "city": [towns[i] for i in b],
            "state": [states[i] for i in b],
        }
    )
    dirty = Dirty(clean.copy(), np.zeros(clean.shape, dtype=bool))
    units = [" oz", " oz.", " ounce", " OZ.", " oz. Can", ""]
    for row in range(n):
        dirty.put(row, "ounces", clean.at[row, "ounces"] + str(rng.choice(units, p=[0.45, 0.15, 0.15, 0.1, 0.05, 0.1])))
        if clean.at[row, "ibu"] is None:
            dirty.put(row, "ibu", "N/A")
        if clean.at[row, "abv"] is not None and rng.random() < 0.28:
            dirty.put(row, "abv", f"{clean.at[row, 'abv']}%")
        if rng.random() < 0.055:
            dirty.put(row, "city", f"{clean.at[row, 'city']} {clean.at[row, 'state']}")
            dirty.put(row, "state", None)
    return dirty


def rayyan(rng: Rng, n: int = 1000) -> Dirty:  # noqa: C901
    """Articles with journals, pages damaged by a spreadsheet, dates written two ways, -1 for what is missing."""
    n_journals = 180
    titles = words.distinct(
        rng,
        n_journals,
        lambda r: (
            f"{r.choice(['Journal of', 'Annals of', 'Archives of', 'International Journal of', 'European Review of'])} {r.choice(words.SCIENCE).title()} {r.choice(words.SCIENCE).title()}"  # noqa: E501
        ),
    )
    short = [
        " ".join(word[:4] + "." if len(word) > 4 else word for word in t.replace(" of", "").split()) for t in titles
    ]
    numbers = [words.issn(rng) for _ in range(n_journals)]
    weights = rng.dirichlet(np.full(n_journals, 0.5))
    j = rng.choice(n_journals, n, p=weights)
    days = pd.to_datetime([words.day(rng, "1995-01-01", 7000) for _ in range(n)])
    first = rng.integers(1, 900, n)
    clean = pd.DataFrame(
        {
            "id": [str(x) for x in rng.permutation(5000)[:n]],
            "article_title": [
                " ".join(rng.choice(words.SCIENCE, int(rng.integers(5, 12)))).capitalize() for _ in range(n)
            ],
            "article_language": rng.choice(["eng", "ger", "spa", "fre", "chi"], n, p=[0.9, 0.03, 0.03, 0.02, 0.02]),
            "journal_title": [titles[i] for i in j],
            "journal_abbreviation": [short[i] for i in j],
            "journal_issn": [numbers[i] for i in j],
            "article_jvolumn": [str(x) for x in rng.integers(1, 120, n)],
            "article_jissue": [str(x) for x in rng.integers(1, 13, n)],
            "article_jcreated_at": days.strftime("%-m/%-d/%y"),
            "article_pagination": [f"{a}-{a + b}" for a, b in zip(first, rng.integers(2, 15, n), strict=True)],
            "author_list": [
                ", ".join(
                    f"{words.surname(rng)} {rng.choice(list('ABCDEFGH'))}" for _ in range(int(rng.integers(1, 6)))
                )
                for _ in range(n)
            ],
        }
    )
    dirty = Dirty(clean.copy(), np.zeros(clean.shape, dtype=bool))
    for row in range(n):
        if rng.random() < 0.25:
            dirty.put(row, "article_jcreated_at", days[row].strftime("%Y-%m-%d"))
        if rng.random() < 0.12:
            dirty.put(row, "article_jissue", "-1")
        if rng.random() < 0.08:
            dirty.put(row, "article_jvolumn", "-1")
        a, b = str(clean.at[row, "article_pagination"]).split("-")
        if int(a) <= 12 and int(b) <= 31:
            month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][int(a) - 1]
            dirty.put(row, "article_pagination", f"{b}-{month}")
        elif rng.random() < 0.08:
            dirty.put(row, "article_pagination", None)
        for column, rate in {"journal_issn": 0.05, "journal_abbreviation": 0.05, "article_language": 0.04}.items():
            if rng.random() < rate:
                dirty.put(row, column, None)
        if rng.random() < 0.04:
            at = int(rng.integers(3, 12))
            title = str(clean.at[row, "journal_title"])
            dirty.put(row, "journal_title", title[:at] + str(rng.choice(list("qxzw"))) + title[at + 1 :])
        if rng.random() < 0.05:
            dirty.put(row, "author_list", str(clean.at[row, "author_list"]).replace("a", "Ã¡"))
    return dirty


def tax(rng: Rng, n: int = 20_000) -> Dirty:
    """Tax payers with names, places, rates by state and marital status; typos, lost zeros, broken dependencies."""
    n_towns = 1200
    state_of = rng.integers(0, len(words.STATES), n_towns)
    towns = [words.town(rng).upper() for _ in range(n_towns)]
    zips = [f"{int(x):05d}" for x in rng.choice(np.arange(600, 99_000), n_towns, replace=False)]
    areas = [[str(201 + 13 * s + k) for k in range(3)] for s in range(len(words.STATES))]
    rates = {(s, m): f"{rng.uniform(0, 9):.2f}" for s in words.STATES for m in "SM"}
    exempt = {(s, k): str(int(rng.integers(0, 40)) * 100) for s in words.STATES for k in ("single", "married", "child")}
    t = rng.integers(0, n_towns, n)
    states = [words.STATES[state_of[i]] for i in t]
    marital, child = rng.choice(["S", "M"], n), rng.choice(["Y", "N"], n)
    pool_first, pool_last = (
        [*words.FIRST, *(words.surname(rng) for _ in range(400))],
        [words.surname(rng) for _ in range(2000)],
    )
    clean = pd.DataFrame(
        {
            "f_name": rng.choice(pool_first, n),
            "l_name": rng.choice(pool_last, n),
            "gender": rng.choice(["M", "F"], n),
            "area_code": [str(rng.choice(areas[state_of[i]])) for i in t],
            "phone": [f"{words.digits(rng, 3)}-{words.digits(rng, 4)}" for _ in range(n)],
            "city": [towns[i] for i in t],
            "state": states,
            "zip": [zips[i] for i in t],
            "marital_status": marital,
            "has_child": child,
            "salary": [str(int(x) * 500) for x in rng.integers(10, 200, n)],
            "rate": [rates[key] for key in zip(states, marital, strict=True)],
            "single_exemp": [exempt[s, "single"] if m == "S" else "0" for s, m in zip(states, marital, strict=True)],
            "married_exemp": [exempt[s, "married"] if m == "M" else "0" for s, m in zip(states, marital, strict=True)],
            "child_exemp": [exempt[s, "child"] if c == "Y" else "0" for s, c in zip(states, child, strict=True)],
        }
    )
    dirty = Dirty(clean.copy(), np.zeros(clean.shape, dtype=bool))
    for row in range(n):
        if clean.at[row, "zip"].startswith("0") and rng.random() < 0.5:
            dirty.put(row, "zip", clean.at[row, "zip"].lstrip("0"))
        if rng.random() < 0.03:
            dirty.put(row, "city", str(clean.at[row, "city"]) + "-*")
        if rng.random() < 0.02:
            dirty.put(row, "state", str(rng.choice(words.STATES)))
        if rng.random() < 0.02:
            name = str(clean.at[row, "f_name"])
            at = int(rng.integers(1, len(name)))
            dirty.put(row, "f_name", name[:at] + str(rng.choice(list("xqz'"))) + name[at:])
        if rng.random() < 0.02:
            dirty.put(row, "rate", f"{float(clean.at[row, 'rate']) + float(rng.choice([1, -0.5, 10])):.2f}")
        if rng.random() < 0.01:
            dirty.put(row, "marital_status", "-")
        if rng.random() < 0.01:
            dirty.put(row, "gender", {"M": "Male", "F": "Female"}[str(clean.at[row, "gender"])])
    return dirty


LOOKALIKES: dict[str, Callable[[Rng], Dirty]] = {
    "hospital": hospital, "flights": flights, "beers": beers, "rayyan": rayyan, "tax": tax,
}  # fmt: skip

# What a user would confirm in a few lines: key, source, types, formats.
CONTRACTS: dict[str, dict[str, object]] = {
    "hospital": {
        "key": ["index"],
        "rules": ["provider_number -> name", "provider_number -> phone", "measure_code -> measure_name", "state, measure_code -> state_average"],  # noqa: E501
    },
    "flights": {
        "key": ["flight"],
        "source": "src",
        "columns": {
            name: {"semantic": "time", "format": "h:mm a.m.", "required": True}
            for name in ("sched_dep_time", "act_dep_time", "sched_arr_time", "act_arr_time")
        },
    },
    "beers": {
        "key": ["id"],
        "columns": {"ounces": {"type": "number"}, "abv": {"type": "number", "required": False}, "ibu": {"type": "number"}},  # noqa: E501
        "rules": ["brewery_id -> brewery-name", "brewery_id -> city", "brewery_id -> state"],
    },
    "rayyan": {
        "key": ["id"],
        "columns": {
            "article_jcreated_at": {"format": "N/N/YY"},
            "article_pagination": {"format": "[0-9]+-[0-9]+", "required": True},
            "journal_issn": {"semantic": "issn", "required": True},
        },
        "rules": ["journal_issn -> journal_title"],
    },
    "tax": {
        "columns": {"zip": {"format": "[0-9]{5}"}, "gender": {"allowed": ["M", "F"]}, "marital_status": {"allowed": ["S", "M"]}},  # noqa: E501
        "rules": ["zip -> city", "zip -> state", "state, marital_status -> rate"],
    },
}  # fmt: skip
