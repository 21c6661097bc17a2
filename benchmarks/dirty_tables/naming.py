"""Tables of names, towns and prose, whose true values are often a keystroke apart; and typos planted in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dirty_tables import words
from dirty_tables.domains import Rng
from dirty_tables.errors import Dirty, typo

SURNAMES = ["Smith", "Smits", "Smyth", "Schmidt", "Schmitt", "Schmitz", "Meyer", "Mayer", "Meier", "Maier", "Meyers", "Moyer", "Miller", "Muller", "Mills", "Hiller", "Hansen", "Hanson", "Jansen", "Janssen", "Jensen", "Johnson", "Johnston", "Johansson", "Larsen", "Larson", "Carson", "Nelson", "Nielsen", "Nilsson", "Olsen", "Olson", "Wilson", "Watson", "Zhang", "Zhong", "Zheng", "Chang", "Chen", "Cheng", "Chan", "Wang", "Wong", "Huang", "Hwang", "Hong", "Tang", "Tran", "Teng", "Yang", "Yong", "Liang", "Lang", "Lange", "Long", "Chung", "Lee", "Le", "Li", "Lin", "Ling", "Liu", "Lui", "Lu", "Wu", "Wei", "Xu", "Hu", "Han", "Hahn", "Kahn", "Khan", "Kuhn", "Kim", "Kern", "Kerr", "Berg", "Burg", "Borg", "Bergs", "Brown", "Braun", "Bruun", "Martin", "Marin", "Marini", "Martinez", "Martins", "Morton", "Norton", "Horton", "Barton", "Burton", "Garcia", "Gracia", "Rossi", "Russo", "Rosso", "Rose", "Ross", "Roos", "Ricci", "Rizzi", "Costa", "Acosta", "Silva", "Sylva", "Lopez", "Lopes", "Perez", "Peres", "Peters", "Petersen", "Pedersen", "Anders", "Andersen", "Anderson", "Walker", "Wagner", "Wegner", "Weber", "Webber", "Becker", "Beckers", "Decker", "Dekker", "Fischer", "Fisher", "Bauer", "Bower", "Bowen", "Cohen", "Cowan", "Evans", "Evers", "Allen", "Allan", "Ellen", "Ellis", "Elliot", "Harris", "Harrison", "Morris", "Norris", "Davis", "Davies", "David", "Dawes", "Moore", "Moreau", "Marlow", "Harlow", "Parker", "Barker", "Baker", "Bakker", "Cooper", "Hooper", "Cooke", "Cook", "Clark", "Clarke", "Klarke", "Stone", "Stein", "Steiner", "Stern", "Stuart", "Stewart", "Reed", "Reid", "Read", "Reade"]  # fmt: skip  # noqa: E501
FIRST_NAMES = ["Anna", "Anne", "Anja", "Hanna", "Hannah", "Johanna", "Marie", "Maria", "Mario", "Marta", "Martha", "Marina", "Marian", "Mariam", "Miriam", "Jan", "Jana", "Jane", "Jean", "Joan", "John", "Jon", "Johan", "Johann", "Eric", "Erik", "Erika", "Erica", "Michael", "Michel", "Michal", "Mikael", "Mike", "Miko", "Carl", "Karl", "Karla", "Carla", "Clara", "Klara", "Lena", "Lina", "Lisa", "Luisa", "Louisa", "Louis", "Luis", "Luise", "Lucas", "Lukas", "Luca", "Luke", "Sara", "Sarah", "Tara", "Nora", "Dora", "Cora", "Alan", "Allan", "Alen", "Ellen", "Helen", "Helena", "Elena", "Alena", "Tom", "Tim", "Jim", "Jimmy", "Timmy", "Tommy", "Rob", "Robert", "Robin", "Ruben", "Simon", "Simone", "Stefan", "Steffen", "Stephan", "Stephen", "Daniel", "Daniela", "Denis", "Dennis", "Denise", "Paul", "Paula", "Paulo", "Paolo", "Pablo", "Peter", "Petra", "Pietro", "Philip", "Philipp", "Nan", "Nancy", "Ian", "Ivan", "Ewan"]  # fmt: skip  # noqa: E501
TOWNS = ["Haven", "Hazen", "Hayden", "Holden", "Golden", "Camden", "Hamden", "Linden", "London", "Hampton", "Compton", "Clinton", "Clifton", "Clayton", "Dayton", "Drayton", "Burton", "Barton", "Boston", "Bolton", "Colton", "Carlton", "Charlton", "Carleton", "Franklin", "Franklyn", "Salem", "Selma", "Salina", "Selena", "Albany", "Albion", "Auburn", "Ashburn", "Ashford", "Bedford", "Bradford", "Oxford", "Orford", "Milford", "Wilford", "Medford", "Hanover", "Andover", "Dover", "Denver", "Danvers", "Bristol", "Bristow", "Newton", "Norton", "Morton", "Horton", "Merton", "Weston", "Easton", "Preston", "Princeton", "Kingston", "Kingstone", "Lincoln", "Lancaster", "Manchester", "Winchester", "Dorchester", "Rochester", "Chester", "Leicester", "Worcester", "Gloucester", "Marion", "Marlon", "Marlow", "Harlow", "Barlow", "Madison", "Addison", "Edison", "Jackson", "Paxton", "Braxton", "Laxton", "Lake", "Lakes", "Lakewood", "Oakwood", "Elmwood", "Greenwood", "Glenwood", "Kenwood", "Springfield", "Sheffield", "Deerfield", "Plainfield", "Mansfield", "Bloomfield", "Summerfield", "Somerville", "Summerville", "Greenville", "Granville", "Fairview", "Lakeview", "Riverview", "Riverside", "Portland", "Rutland", "Midland", "Richland", "Highland", "Ashland", "Oakland", "Auckland", "Kirkland"]  # fmt: skip  # noqa: E501
SUBJECTS = ["the driver", "our customer", "the caller", "a courier", "the owner", "my neighbour", "the clerk", "we", "they", "the agent", "someone", "the tenant"]  # fmt: skip  # noqa: E501
VERBS = ["reported", "returned", "cancelled", "requested", "received", "confirmed", "damaged", "replaced", "noticed", "questioned", "delivered", "collected", "refused", "lost", "found", "sent", "sold", "told us about", "asked about", "paid for"]  # fmt: skip  # noqa: E501
THINGS = ["invoice", "parcel", "package", "contract", "payment", "statement", "account", "window", "engine", "printer", "machine", "delivery", "certificate", "document", "schedule", "warranty", "receipt", "ticket", "bracket", "battery", "charger", "adapter", "keyboard", "monitor", "container", "pallet", "trailer", "vehicle", "policy", "premium"]  # fmt: skip  # noqa: E501
QUALITIES = ["old", "new", "damaged", "broken", "missing", "second", "wrong", "late", "original", "expensive", "temporary", "annual", "foreign", "insured", "defective"]  # fmt: skip  # noqa: E501
ENDS = ["because of the weather", "there and then", "in three cases", "after these changes", "without any cause", "in case of doubt", "from the form on the desk", "before the end of the month", "though nobody knew", "through the main entrance", "for the third time", "on this account", "quite quietly", "as they had agreed", "where we were", "with the other order"]  # fmt: skip  # noqa: E501


@dataclass(frozen=True, slots=True)
class Named:
    """A clean table and its columns of names, towns and prose."""

    table: pd.DataFrame
    spoilt: tuple[str, ...]


def _often(rng: Rng, values: Sequence[str], n: int) -> list[str]:
    """Return n of the values, few of them often and most of them seldom."""
    shares = 1 / np.arange(2, len(values) + 2)
    return [str(one) for one in rng.choice(rng.permutation(values), n, p=shares / shares.sum())]


def _surnames(rng: Rng, n: int) -> list[str]:
    rest = words.distinct(rng, max(0, n - len(SURNAMES)), words.surname)
    return list(dict.fromkeys([*SURNAMES, *rest]))[:n]


def customers(rng: Rng, n: int = 1_500) -> Named:
    """Orders of 200 customers, each with a number, a name, and a town that its zip code settles."""
    first, last = _often(rng, FIRST_NAMES, 200), _often(rng, _surnames(rng, 250), 200)
    zips = [words.digits(rng, 5) for _ in range(90)]
    towns = [str(one) for one in rng.choice(TOWNS, 90)]
    place, who = rng.integers(0, 90, 200), rng.integers(0, 200, n)
    table = {
        "order": [f"SO-{20_000 + i}" for i in range(n)],
        "customer_no": [f"K{4_000 + i}" for i in who],
        "first_name": [first[i] for i in who],
        "last_name": [last[i] for i in who],
        "zip": [zips[place[i]] for i in who],
        "town": [towns[place[i]] for i in who],
        "amount": [f"{x:.2f}" for x in rng.lognormal(4, 1, n)],
    }
    return Named(pd.DataFrame(table), ("first_name", "last_name", "town"))


def members(rng: Rng, n: int = 2_000) -> Named:
    """Members with names and a town, nothing settled by anything; many true names are in one row only."""
    every = _surnames(rng, 900)
    table = {
        "member": [f"M{30_000 + i}" for i in range(n)],
        "first_name": _often(rng, FIRST_NAMES, n),
        "last_name": [*_often(rng, SURNAMES, n - 500), *map(str, rng.choice(every, 500))],
        "town": [*_often(rng, list(rng.permutation(TOWNS)[:70]), n - 60), *map(str, rng.choice(TOWNS, 60))],
        "fee": [f"{x:.2f}" for x in rng.lognormal(3, 1, n)],
    }
    return Named(
        pd.DataFrame(table).sample(frac=1, random_state=1, ignore_index=True), ("first_name", "last_name", "town")
    )


def stores(rng: Rng, n: int = 2_000) -> Named:
    """Sales with a town and a seller, which nothing settles."""
    sellers = [f"{a} {b}" for a, b in zip(_often(rng, FIRST_NAMES, 120), _often(rng, SURNAMES, 120), strict=True)]
    table = {
        "sale": [f"V{70_000 + i}" for i in range(n)],
        "town": _often(rng, list(rng.permutation(TOWNS)[:45]), n),
        "seller": _often(rng, sorted(set(sellers)), n),
        "amount": [f"{x:.2f}" for x in rng.lognormal(3, 1, n)],
    }
    return Named(pd.DataFrame(table), ("town", "seller"))


def tickets(rng: Rng, n: int = 2_500) -> Named:
    """Tickets whose text is prose, with a tail of words that one ticket has."""
    tail = words.distinct(rng, 400, words.word)
    texts = []
    for _ in range(n):
        parts = [rng.choice(SUBJECTS), rng.choice(VERBS), "the", rng.choice(QUALITIES), rng.choice(THINGS)]
        parts += ["and the", rng.choice(THINGS), rng.choice(ENDS)]
        parts += ["at", rng.choice(tail)] if rng.random() < 0.3 else []
        texts.append(" ".join(map(str, parts)).capitalize() + ".")
    table = {
        "ticket": [f"T-{i:05d}" for i in range(n)],
        "text": texts,
        "topic": rng.choice(["delivery", "payment", "product", "contract"], n),
    }
    return Named(pd.DataFrame(table), ("text",))


def suppliers(rng: Rng, n: int = 1_200) -> Named:
    """Invoices of 60 suppliers with a name, a town and a contact, and a note in prose."""
    names = [
        f"{last} {rng.choice(['Foods', 'Works', 'Trading', 'Logistics'])}" for last in rng.permutation(SURNAMES)[:60]
    ]
    towns, contacts = rng.permutation(TOWNS)[:60], _often(rng, SURNAMES, 60)
    who = rng.integers(0, 60, n)
    table = {
        "invoice": [f"R{i:06d}" for i in range(n)],
        "supplier": [names[i] for i in who],
        "town": [str(towns[i]) for i in who],
        "contact": [contacts[i] for i in who],
        "note": [f"{rng.choice(QUALITIES)} {rng.choice(THINGS)} {rng.choice(ENDS)}" for _ in range(n)],
    }
    return Named(pd.DataFrame(table), ("supplier", "town", "contact", "note"))


NAMING: dict[str, Callable[[Rng], Named]] = {
    "customers": customers, "members": members, "stores": stores, "tickets": tickets, "suppliers": suppliers,
}  # fmt: skip


def with_typos(rng: Rng, named: Named, n: int = 50) -> Dirty:
    """Return a table with n typos in its columns of names, towns and prose."""
    dirty = Dirty(named.table.copy(), np.zeros(named.table.shape, dtype=bool))
    while dirty.wrong.sum() < n:
        column, row = str(rng.choice(named.spoilt)), int(rng.integers(len(named.table)))
        if not dirty.wrong[row, named.table.columns.get_loc(column)]:
            dirty.put(row, column, typo(rng, str(named.table.at[row, column])))
    return dirty
