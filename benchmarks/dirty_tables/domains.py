"""Clean tables of several domains; those for tuning and those for testing share no domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dirty_tables import words


@dataclass(frozen=True, slots=True)
class Domain:
    """A clean table of text cells and what may be broken in it.

    Parameters
    ----------
    table : DataFrame
    texts, categories, numbers, dates, codes, ibans : tuple of str
        Columns of each kind.
    follows : tuple of (str, str)
        Pairs (a, b): a settles b.
    product, order : tuple of str
        Columns a, b, c with a * b = c; columns a, b with a before b.
    entity, source : str or None
    described : tuple of str
        Columns on which all sources should agree.
    refers : tuple of str
        Columns whose values are keys of another table, which has one row for each value of the clean table.
    keys : tuple of str
        Columns that number the rows.
    """

    table: pd.DataFrame
    texts: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    ibans: tuple[str, ...] = ()
    follows: tuple[tuple[str, str], ...] = ()
    product: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    entity: str | None = None
    source: str | None = None
    described: tuple[str, ...] = field(default=())
    refers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


Rng = np.random.Generator


def orders(rng: Rng, n: int = 1500) -> Domain:
    """Order lines of customers with products, prices and delivery dates."""
    n_customers, n_products = 60, 50
    names = words.distinct(rng, n_customers, words.company)
    towns = [words.town(rng) for _ in range(n_customers)]
    countries = rng.choice(["Germany", "France", "Italy", "Spain", "Poland", "Austria"], n_customers)
    products = words.distinct(rng, n_products, lambda r: f"{r.choice(words.ADJECTIVES)} {r.choice(words.NOUNS)}")
    groups = rng.choice(["hydraulics", "electrics", "mechanics", "consumables"], n_products)
    prices = np.round(rng.lognormal(3.5, 1, n_products), 2)
    c, p = rng.integers(0, n_customers, n), rng.integers(0, n_products, n)
    quantity = rng.integers(1, 200, n)
    ordered = np.array([words.day(rng) for _ in range(n)])
    shipped = ordered + rng.integers(1, 30, n).astype("timedelta64[D]")
    frame = pd.DataFrame(
        {
            "order_id": [f"SO-{100000 + i}" for i in range(n)],
            "customer_no": [f"C{1000 + i}" for i in c],
            "customer": [names[i] for i in c],
            "city": [towns[i] for i in c],
            "country": [countries[i] for i in c],
            "product_code": [f"P-{i:03d}-{'ABC'[i % 3]}" for i in p],
            "product": [products[i] for i in p],
            "group": [groups[i] for i in p],
            "quantity": quantity.astype(str),
            "unit_price": [f"{prices[i]:.2f}" for i in p],
            "amount": [f"{prices[i] * q:.2f}" for i, q in zip(p, quantity, strict=True)],
            "order_date": ordered.astype(str),
            "ship_date": shipped.astype(str),
            "status": rng.choice(["open", "shipped", "invoiced", "cancelled"], n, p=[0.2, 0.3, 0.4, 0.1]),
        }
    )
    return Domain(
        frame,
        texts=("customer", "product", "city"),
        categories=("country", "group", "status"),
        numbers=("quantity", "unit_price", "amount"),
        dates=("order_date", "ship_date"),
        codes=("order_id", "customer_no", "product_code"),
        follows=(
            ("customer_no", "customer"),
            ("customer_no", "city"),
            ("customer_no", "country"),
            ("product_code", "group"),
        ),
        product=("quantity", "unit_price", "amount"),
        order=("order_date", "ship_date"),
        refers=("customer_no", "product_code"),
        keys=("order_id",),
    )


def employees(rng: Rng, n: int = 1200) -> Domain:
    """Employees with department, manager, salary, bank account and dates."""
    n_departments = 18
    departments = words.distinct(
        rng,
        n_departments,
        lambda r: (
            f"{r.choice(['Sales', 'Finance', 'Research', 'Service', 'Quality', 'Plant'])} {r.choice(['North', 'South', 'West', 'East', 'Central'])}"  # noqa: E501
        ),
    )
    centres = [f"CC{4000 + 10 * i}" for i in range(n_departments)]
    sites = [words.town(rng) for _ in range(n_departments)]
    d = rng.integers(0, n_departments, n)
    zips = [f"{int(rng.integers(1000, 99999)):05d}" for _ in range(n_departments)]
    born = np.array([words.day(rng, "1960-01-01", 15000) for _ in range(n)])
    hired = born + rng.integers(19 * 365, 24 * 365, n).astype("timedelta64[D]")
    first, last = rng.choice(words.FIRST, n), [words.surname(rng) for _ in range(n)]
    frame = pd.DataFrame(
        {
            "staff_no": [f"{20000 + i}" for i in range(n)],
            "first_name": first,
            "last_name": last,
            "email": [f"{a.lower()}.{b.lower()}@example.com" for a, b in zip(first, last, strict=True)],
            "department": [departments[i] for i in d],
            "cost_centre": [centres[i] for i in d],
            "site": [sites[i] for i in d],
            "site_zip": [zips[i] for i in d],
            "born": [pd.Timestamp(x).strftime("%d.%m.%Y") for x in born],
            "hired": [pd.Timestamp(x).strftime("%d.%m.%Y") for x in hired],
            "contract": rng.choice(["permanent", "temporary", "apprentice", "contractor"], n, p=[0.7, 0.15, 0.1, 0.05]),
            "weekly_hours": rng.choice(["20", "30", "35", "40"], n, p=[0.1, 0.1, 0.3, 0.5]),
            "salary": np.round(rng.normal(52000, 12000, n).clip(24000), -2).astype(int).astype(str),
            "iban": [words.iban(rng) for _ in range(n)],
        }
    )
    return Domain(
        frame,
        texts=("first_name", "department", "site"),
        categories=("contract", "department"),
        numbers=("salary",),
        dates=("born", "hired"),
        codes=("cost_centre", "site_zip"),
        ibans=("iban",),
        follows=(("cost_centre", "department"), ("cost_centre", "site"), ("cost_centre", "site_zip")),
        order=("born", "hired"),
        refers=("cost_centre",),
        keys=("staff_no",),
    )


def parcels(rng: Rng, n: int = 1600) -> Domain:
    """Parcels as several carriers' systems report them: weight, hub and promised time of the same parcel."""
    sources = ["hub_scan", "carrier_api", "app", "depot", "customer_portal", "edi"]
    n_parcels = n // len(sources) + 1
    hubs = words.distinct(rng, 25, words.town)
    rows = []
    for i in range(n_parcels):
        told = {
            "parcel": f"JD{700000 + 37 * i}",
            "hub": hubs[int(rng.integers(25))],
            "weight": f"{rng.lognormal(1, 0.7):.2f}",
            "promised": f"{rng.integers(7, 20)}:{rng.integers(0, 12) * 5:02d}",
            "service": rng.choice(["standard", "express", "economy"]),
        }
        rows += [{"system": source, **told} for source in sources]
    frame = pd.DataFrame(rows).sample(frac=1, random_state=int(rng.integers(1 << 30))).reset_index(drop=True)[:n]
    return Domain(
        frame.astype(str),
        texts=("hub",),
        categories=("service",),
        numbers=("weight",),
        codes=("parcel",),
        entity="parcel",
        source="system",
        described=("hub", "weight", "promised"),
    )


def invoices(rng: Rng, n: int = 1500) -> Domain:
    """Supplier invoices with net, tax and gross."""
    n_suppliers = 45
    names = words.distinct(rng, n_suppliers, words.company)
    codes = [words.digits(rng, 6) for _ in range(n_suppliers)]
    accounts = [words.iban(rng) for _ in range(n_suppliers)]
    terms = rng.choice(["net 30", "net 60", "14 days 2%", "immediate"], n_suppliers)
    s = rng.integers(0, n_suppliers, n)
    hours = rng.integers(1, 80, n)
    rate = np.round(rng.choice(np.arange(35, 160, 2.5), n), 2)
    issued = np.array([words.day(rng) for _ in range(n)])
    due = issued + rng.integers(7, 60, n).astype("timedelta64[D]")
    frame = pd.DataFrame(
        {
            "invoice": [f"RE{2022 + i % 3}/{i:05d}" for i in range(n)],
            "supplier_no": [codes[i] for i in s],
            "supplier": [names[i] for i in s],
            "supplier_iban": [accounts[i] for i in s],
            "terms": [terms[i] for i in s],
            "issued": [pd.Timestamp(x).strftime("%m/%d/%Y") for x in issued],
            "due": [pd.Timestamp(x).strftime("%m/%d/%Y") for x in due],
            "hours": hours.astype(str),
            "rate": [f"{x:.2f}" for x in rate],
            "net": [f"{a * b:.2f}" for a, b in zip(hours, rate, strict=True)],
            "currency": rng.choice(["EUR", "USD", "CHF"], n, p=[0.8, 0.15, 0.05]),
            "cost_type": rng.choice(["consulting", "maintenance", "training", "licences", "travel"], n),
            "approver": rng.choice(
                [f"{a} {b}" for a, b in zip(words.FIRST[:15], words.distinct(rng, 15, words.surname), strict=True)], n
            ),
        }
    )
    return Domain(
        frame,
        texts=("supplier", "approver"),
        categories=("cost_type", "terms"),
        numbers=("hours", "rate", "net"),
        dates=("issued", "due"),
        codes=("invoice", "supplier_no"),
        ibans=("supplier_iban",),
        follows=(("supplier_no", "supplier"), ("supplier_no", "terms"), ("supplier_no", "supplier_iban")),
        product=("hours", "rate", "net"),
        order=("issued", "due"),
        refers=("supplier_no",),
        keys=("invoice",),
    )


def clinics(rng: Rng, n: int = 1000) -> Domain:
    """Quality measures of clinics, all in lower case, with strong dependencies."""
    n_clinics = 40
    towns = [words.town(rng).lower() for _ in range(n_clinics)]
    names = [
        f"{town} {rng.choice(['general hospital', 'medical center', 'clinic', 'memorial hospital'])}" for town in towns
    ]
    phones = [words.digits(rng, 10) for _ in range(n_clinics)]
    zips = [words.digits(rng, 5) for _ in range(n_clinics)]
    kinds = rng.choice(["public", "private", "church owned"], n_clinics)
    measures = [
        (f"cm-{k}-{i}", f"{rng.choice(words.SCIENCE)} {rng.choice(words.SCIENCE)} given within {i + 1} hours")
        for k in ("ami", "hf", "pn", "scip")
        for i in range(6)
    ]
    c, m = rng.integers(0, n_clinics, n), rng.integers(0, len(measures), n)
    frame = pd.DataFrame(
        {
            "clinic": [names[i] for i in c],
            "town": [towns[i] for i in c],
            "zip": [zips[i] for i in c],
            "phone": [phones[i] for i in c],
            "owner": [kinds[i] for i in c],
            "measure": [measures[i][0] for i in m],
            "measure_text": [measures[i][1] for i in m],
            "share": [f"{x}%" for x in rng.integers(40, 101, n)],
            "cases": [f"{x} patients" for x in rng.integers(10, 400, n)],
        }
    )
    return Domain(
        frame,
        texts=("clinic", "town", "measure_text"),
        categories=("owner",),
        codes=("zip", "phone", "measure"),
        follows=(("zip", "clinic"), ("zip", "town"), ("zip", "phone"), ("zip", "owner"), ("measure", "measure_text")),
        refers=("measure", "zip"),
    )


def fares(rng: Rng, n: int = 1500) -> Domain:
    """Train connections as several web sites report them."""
    sources = ["railinfo", "gotrain", "mytrip", "timetable", "station", "travelhub", "farefinder"]
    n_trains = n // len(sources) + 1
    stations = words.distinct(rng, 40, words.town)
    rows = []
    for i in range(n_trains):
        hour, minute = int(rng.integers(5, 22)), int(rng.integers(0, 60))
        told = {
            "train": f"IC {200 + 3 * i}",
            "from": stations[int(rng.integers(40))],
            "to": stations[int(rng.integers(40))],
            "departure": f"{hour:02d}:{minute:02d}",
            "platform": str(rng.integers(1, 24)),
            "fare": f"{rng.integers(19, 180)}.{rng.choice(['00', '50', '90'])}",
        }
        rows += [{"site": source, **told} for source in sources]
    frame = pd.DataFrame(rows)[:n].astype(str)
    return Domain(
        frame,
        texts=("from", "to"),
        numbers=("fare",),
        codes=("train",),
        entity="train",
        source="site",
        described=("from", "to", "departure", "fare"),
    )


TUNING: dict[str, Callable[[Rng], Domain]] = {"orders": orders, "employees": employees, "parcels": parcels}
TESTING: dict[str, Callable[[Rng], Domain]] = {"invoices": invoices, "clinics": clinics, "fares": fares}
