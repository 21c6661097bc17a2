"""Tables the world is drawn from: material groups, vendor countries, seasonality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# January to December: year-end stocking, works holidays in August, a short December.
MONTH_WEIGHTS = (0.86, 0.88, 1.0, 0.95, 0.94, 0.98, 0.97, 0.74, 1.05, 1.25, 1.38, 1.2)
FIRST_RATES: Mapping[str, float] = {"USD": 1.09, "CHF": 0.95, "PLN": 4.28, "GBP": 0.84, "CNY": 7.85}


@dataclass(frozen=True, slots=True)
class Trade:
    """A material group: usual price in euro for `price_unit` units, usual order quantity, vendors' trade words."""

    weight: float
    unit: str
    price_unit: int
    price_eur: float
    spread: float
    quantity: float
    pack: int
    trade_words: Mapping[str, tuple[str, ...]]
    materials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """Where vendors come from; `german` is the share that writes German."""

    weight: float
    currencies: Mapping[str, float]
    language: str
    german: float
    names: tuple[str, ...]
    forms: tuple[str, ...]
    patterns: tuple[str, ...]
    references: tuple[str, ...]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


GROUPS: Mapping[str, Trade] = {
    "fasteners": Trade(
        14, "piece", 100, 9.5, 0.6, 14000, 500,
        {"de": _names("Schrauben Verbindungstechnik Befestigung"), "en": _names("Fasteners Bolts"), "fr": ("Visserie",), "it": ("Viti", "Bulloneria"), "pl": ("Śruby",)},
        _lines("Sechskantschraube M8x40 8.8|Sechskantschraube M12x60 10.9|Zylinderschraube M6x20|Linsenschraube M5x16 A2|"
               "Mutter M8 verz.|Mutter M12 selbsts.|Scheibe 8,4 A2|Federring 10|Gewindestift M6x10|Blindniet 4x10|"
               "Passstift 6m6x30|Gewindebuchse M5"),
    ),
    "sheet_steel": Trade(
        11, "kilogram", 1000, 1130.0, 0.22, 5200, 10,
        {"de": _names("Stahlhandel Feinblech Stahlservice"), "en": ("Steel", "Coil Service"), "fr": ("Aciers",), "it": ("Acciai",), "pl": ("Stal", "Blachy")},
        _lines("Feinblech DC01 1,5 mm|Feinblech DC04 0,8 mm|Coil S355MC 3,0 mm|Coil HX420 1,2 mm|Blech S235JR 6 mm|"
               "Edelstahl 1.4301 1,0 mm|Edelstahl 1.4404 2,0 mm|Spaltband C75 0,5 mm|Riffelblech 4/6 mm"),
    ),
    "castings": Trade(
        9, "piece", 1, 36.0, 0.6, 130, 5,
        {"de": _names("Gießerei Guss Druckguss"), "en": ("Foundry", "Castings"), "fr": ("Fonderie",), "it": ("Fonderia",), "pl": ("Odlewnia",)},
        _lines("Getriebegehäuse Rohteil|Lagerbock GJS-400|Pumpendeckel AlSi9|Flansch DN80 roh|Bremssattel Rohguss|"
               "Ventilblock GGG50|Motorhalter AlSi10Mg|Riemenscheibe roh|Abdeckung Druckguss"),
    ),
    "bearings": Trade(
        10, "piece", 1, 11.5, 0.6, 320, 10,
        {"de": _names("Wälzlager Lagertechnik Antriebstechnik"), "en": ("Bearings", "Motion"), "fr": ("Roulements",), "it": ("Cuscinetti",), "pl": ("Łożyska",)},
        _lines("Rillenkugellager 6204-2RS|Rillenkugellager 6308|Kegelrollenlager 32008|Nadellager HK2020|"
               "Schrägkugellager 7206|Gleitlager PAP 2015|Linearlager KH2030|Stehlager UCP 205|Gelenkkopf GE12"),
    ),
    "electronics": Trade(
        12, "piece", 1, 5.8, 0.8, 850, 50,
        {"de": _names("Elektronik Sensorik Bauelemente"), "en": ("Electronics", "Components"), "fr": ("Électronique",), "it": ("Elettronica",), "pl": ("Elektronika",)},
        _lines("Steuerplatine V2.3|Drehzahlsensor M12|Temperaturfühler PT100|Relais 24V 10A|Steckverbinder 8-pol|"
               "Mikrocontroller STM|Kondensator 470uF|Induktivsensor 4mm|Netzteil 24V 5A|Drucksensor 0-10bar|Display 4,3 Zoll"),
    ),
    "cables": Trade(
        9, "metre", 1, 2.3, 0.6, 1300, 50,
        {"de": _names("Kabelwerk Leitungstechnik Kabel"), "en": ("Wire", "Cable"), "fr": ("Câbles",), "it": ("Cavi",), "pl": ("Kable",)},
        _lines("Steuerleitung 7x1,5|Leitung H07V-K 2,5|Servoleitung 4G1,5|Sensorkabel PUR 4x0,34|Busleitung 2x2x0,64|"
               "Datenleitung Cat6A|Erdungslitze 16 mm2|Schleppkettenleitung 12G1"),
    ),
    "plastics": Trade(
        9, "kilogram", 100, 285.0, 0.35, 1500, 25,
        {"de": _names("Kunststoffe Polymere Compound"), "en": ("Polymers", "Plastics"), "fr": ("Plastiques",), "it": ("Polimeri",), "pl": ("Tworzywa",)},
        _lines("Granulat PA66-GF30 schwarz|Granulat PP-T20|Granulat POM natur|Granulat ABS grau|Granulat PBT-GF20|"
               "Masterbatch schwarz|Granulat TPE 70A|Rezyklat PP"),
    ),
    "seals": Trade(
        8, "piece", 100, 88.0, 0.6, 3200, 100,
        {"de": _names("Dichtungen Dichtungstechnik Elastomere"), "en": ("Seals", "Gaskets"), "fr": ("Joints",), "it": ("Guarnizioni",), "pl": ("Uszczelki",)},
        _lines("O-Ring 30x3 NBR|O-Ring 52x4 FKM|Wellendichtring 40x62x8|Flachdichtung DN50|Profildichtung EPDM|"
               "Kolbendichtung 63|Formdichtung 2K|Abstreifer 25x33"),
    ),
    "packaging": Trade(
        11, "piece", 100, 165.0, 0.6, 1000, 50,
        {"de": _names("Verpackungen Wellpappe Packmittel"), "en": ("Packaging", "Corrugated"), "fr": ("Emballages",), "it": ("Imballaggi",), "pl": ("Opakowania",)},
        _lines("Faltkarton 600x400x300|Palettenbox 1200x800|VCI-Beutel 400x600|Stretchfolie 500mm|Zwischenlage Wellpappe|"
               "Kantenschutz 1200|Schaumeinlage 24-fach|Versandetikett 100x150|Holzkiste 1000x600"),
    ),
    "lubricants": Trade(
        7, "litre", 1, 5.6, 0.5, 380, 20,
        {"de": _names("Schmierstoffe Chemie Oberflächentechnik"), "en": ("Lubricants", "Chemicals"), "fr": ("Lubrifiants",), "it": ("Chimica",), "pl": ("Chemia",)},
        _lines("Hydrauliköl HLP 46|Getriebeöl CLP 220|Kühlschmierstoff 8%|Kaltreiniger|Korrosionsschutzöl|Haftgrund 2K|"
               "Entfetter alkalisch|Trennmittel wasserbasiert"),
    ),
}  # fmt: skip

# A vendor of one group may also sell these.
TRADES: Mapping[str, tuple[str, ...]] = {
    "fasteners": ("bearings", "seals"),
    "sheet_steel": ("castings",),
    "castings": ("sheet_steel", "bearings"),
    "bearings": ("fasteners", "seals", "lubricants"),
    "electronics": ("cables",),
    "cables": ("electronics",),
    "plastics": ("packaging", "seals"),
    "seals": ("plastics", "fasteners"),
    "packaging": ("plastics",),
    "lubricants": ("plastics", "packaging"),
}

GERMAN = _names(
    "Hartwig Kaltenbach Lindner Möhring Steinhoff Brückmann Vollrath Osterkamp Grünwald Haselhuhn Reichenau Wörner "
    "Tiedtke Sandvoß Kößler Ruhland Ehrlinger Pfannstiel Dörrfeld Mühlhaus Querfurth Isenberg Nagold Zobel Rautenberg "
    "Löhmann Eichstätt Fährmann Wiesenthal Kranzbühler"
)
COUNTRIES: Mapping[str, Country] = {
    "DE": Country(
        58, {"EUR": 1}, "de", 0.93, GERMAN, ("GmbH", "GmbH & Co. KG", "AG", "KG", "e.K."),
        ("{name} {trade} {form}", "{name} & Söhne {form}", "{trade} {name} {form}", "{name} {trade} {form}"),
        ("RE-{year}-{n:05d}", "{big}", "R{n:06d}", "{year}/{n}"),
    ),
    "AT": Country(
        6, {"EUR": 1}, "de", 0.95, _names("Gruber Hinteregger Moosbrugger Pichler Stadlbauer Zöchling"), ("GmbH", "Ges.m.b.H."),
        ("{name} {trade} {form}",), ("AR{n:05d}", "{year}-{n}"),
    ),
    "FR": Country(
        5, {"EUR": 1}, "fr", 0.0, _names("Dubreuil Lemoine Charpentier Vasseur Roussel"), ("SAS", "SARL"),
        ("{name} {trade} {form}", "Établissements {name} {form}"), ("FA{n:06d}", "F{year}{n:04d}"),
    ),
    "IT": Country(
        6, {"EUR": 1}, "it", 0.0, _names("Bertolini Caprioli Ferrantelli Marchesan Zanetti"), ("S.r.l.", "S.p.A."),
        ("{name} {trade} {form}", "{trade} {name} {form}"), ("{n}/{year}", "FT-{n:05d}"),
    ),
    "PL": Country(
        7, {"PLN": 5, "EUR": 3}, "pl", 0.1, _names("Wójcik Kamiński Dąbrowski Piotrowski Żurek"), ("Sp. z o.o.", "S.A."),
        ("{name} {trade} {form}", "{trade} {name} {form}"), ("FV/{year}/{n:04d}", "{n}/{year}"),
    ),
    "CH": Country(
        3, {"CHF": 4, "EUR": 2}, "de", 0.9, _names("Aeschlimann Bürki Zgraggen Wüthrich"), ("AG", "GmbH"),
        ("{name} {trade} {form}",), ("{big}", "CH{n:05d}"),
    ),
    "GB": Country(
        2, {"GBP": 3, "EUR": 1}, "en", 0.0, _names("Ashworth Penrose Thackray Whitcombe"), ("Ltd", "plc"),
        ("{name} {trade} {form}", "{name} & Sons {form}"), ("INV{n:06d}", "SI-{n}"),
    ),
    "US": Country(
        9, {"USD": 1}, "en", 0.0, _names("Blackwell Carver Delmonte Hargrove Kimball Lockridge Pruitt Sizemore Tolliver"),
        ("Inc.", "LLC", "Corp."), ("{name} {trade} {form}", "{name} Industrial {trade} {form}"), ("{big}", "INV-{n:05d}", "{n}"),
    ),
    "CN": Country(
        2, {"USD": 2, "CNY": 1}, "en", 0.0, ("Ningbo Haotai", "Suzhou Lianrui", "Wuxi Jinfeng", "Dongguan Keyuan"), ("Co., Ltd.",),
        ("{name} {trade} {form}",), ("HT{year}{n:04d}", "CI-{n}"),
    ),
}  # fmt: skip
