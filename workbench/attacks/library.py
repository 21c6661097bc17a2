"""The library of patterns: what ships with the workbench, and what a pilot adds in its folder `attacks`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from workbench.attacks.catalogues import catalogue_of
from workbench.attacks.harmless import is_as_long, script_of
from workbench.attacks.pattern import AttackClass, AttackPattern, Goal
from workbench.attacks.transforms import TRANSFORMS
from workbench.files import Settings, parse_yaml, read_settings, settings_from
from workbench.pilot import ATTACKS_FOLDER, Channel, Pilot, Severity
from workbench.words import InputError

SHIPPED = Path(__file__).with_name("patterns")
PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")  # {{7*7}} is text, as an attacker may write it
PLACEHOLDERS = ("target", "canary", "tool")
FAMILY_ID, LANGUAGE = re.compile(r"[a-z][a-z0-9_]{2,59}"), re.compile("[a-z]{2}")


class PairSettings(Settings):
    """A hostile text, and the harmless one that is tried in its place."""

    text: str = Field(min_length=1, max_length=20_000)
    control: str = Field(min_length=1, max_length=25_000)


class FamilySettings(Settings):
    """One family of a file of patterns.

    `ids` are of catalogues, each with its version; one of `transforms` is applied to a text and its control alike;
    `texts` stand by language (ISO 639-1).
    """

    attack_class: AttackClass = Field(alias="class")
    severity: Severity
    ids: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = Field(min_length=1)
    goal: Goal
    transforms: tuple[str, ...] = Field(default=("plain",), min_length=1)
    texts: dict[str, tuple[PairSettings, ...]] = Field(min_length=1)


class PatternFileSettings(Settings):
    """A file of patterns: families by their ids."""

    families: dict[str, FamilySettings] = Field(min_length=1)


def patterns_of(pilot: Pilot) -> tuple[AttackPattern, ...]:
    """Return the patterns that ship with the workbench and a pilot's own, sorted by id.

    Raises
    ------
    InputError
        A file of the pilot does not fit, or the name of a family is there twice.
    """
    return _all_of(_files_of(pilot))


def shipped_patterns() -> tuple[AttackPattern, ...]:
    """Return the patterns that ship with the workbench, sorted by id."""
    return _all_of(_shipped())


def filled(text: str, *, target: str | None = None, canary: str | None = None, tool: str | None = None) -> str:
    """Return a pattern's text with what its placeholders stand for.

    Raises
    ------
    InputError
        The text has a placeholder for which there is nothing.
    """
    values = {"target": target, "canary": canary, "tool": tool}

    def value(found: re.Match[str]) -> str:
        said = values.get(found[1])
        if said is None:
            raise InputError(f"there is nothing to put in for {found[0]}", got=repr(text[:80]))
        return said

    return PLACEHOLDER.sub(value, text)


def check_new_patterns(pilot: Pilot, path: Path, content: str) -> None:
    """Raise InputError where a file that is not written yet would not fit, alone or beside all others of a pilot."""
    new = _families_in(settings_from(parse_yaml(content, str(path)), PatternFileSettings, str(path)), path)
    _all_of((*_files_of(pilot), (path, new)))


def read_families(path: Path) -> tuple[AttackPattern, ...]:
    """Return the patterns of one file; raises InputError with the file, the family and the key that does not fit."""
    return _families_in(read_settings(path, PatternFileSettings), path)


def _families_in(settings: PatternFileSettings, path: Path) -> tuple[AttackPattern, ...]:
    families = settings.families
    return tuple(pattern for name, family in families.items() for pattern in _patterns(path, name, family))


def _patterns(path: Path, name: str, family: FamilySettings) -> Iterator[AttackPattern]:
    """Give one pattern for each text of a family, or say what is wrong with it."""
    _check_family(path, name, family)
    known: set[str] = set()
    for language, pairs in sorted(family.texts.items()):
        for place, pair in enumerate(pairs, start=1):
            where = f"{path}: families.{name}.texts.{language}, no. {place}"
            if pair.text in known:
                raise InputError("a text is there twice", where=where, got=repr(pair.text[:80]))
            known.add(pair.text)
            _check_pair(pair, where)
            yield AttackPattern(
                id=f"{name}/{language}/{place}",
                family=name,
                attack_class=family.attack_class,
                severity=family.severity,
                ids=family.ids,
                language=language,
                channels=family.channels,
                goal=family.goal,
                text=pair.text,
                control=pair.control,
                transforms=family.transforms,
            )


def _check_family(path: Path, name: str, family: FamilySettings) -> None:
    where = f"{path}: families.{name}"
    if not FAMILY_ID.fullmatch(name):
        expected = "3 to 60 small letters, digits and _, a letter first"
        raise InputError("the name of a family does not fit", where=where, expected=expected)
    for transform in family.transforms:
        if transform not in TRANSFORMS:
            expected = ", ".join(TRANSFORMS)
            raise InputError(
                "there is no such transform", where=f"{where}.transforms", got=transform, expected=expected
            )
    for identifier in family.ids:
        try:
            catalogue_of(identifier)
        except InputError as error:
            raise InputError(error.problem, where=f"{where}.ids", got=error.got, expected=error.expected) from None
    for language, pairs in family.texts.items():
        if not LANGUAGE.fullmatch(language) or not pairs:
            expected = "a language of two letters (ISO 639-1), and at least one text"
            raise InputError("texts do not fit", where=f"{where}.texts", got=repr(language), expected=expected)


def _check_pair(pair: PairSettings, where: str) -> None:
    """Raise InputError where a text names what nobody fills in, or its control is no twin of it."""
    unknown = set(PLACEHOLDER.findall(pair.text)) - set(PLACEHOLDERS)
    if unknown:
        expected = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        raise InputError(
            "a text has a placeholder that nothing fills", where=where, got=repr(min(unknown)), expected=expected
        )
    if "{{" in pair.control:
        raise InputError(
            "a control has a placeholder: it would not be harmless", where=where, got=repr(pair.control[:80])
        )
    if not is_as_long(pair.control, pair.text):
        got = f"{len(pair.control)} characters beside {len(pair.text)}"
        raise InputError("a control is not about as long as its text", where=where, got=got, expected="within a fifth")
    scripts = script_of(pair.text), script_of(pair.control)
    if scripts[0] not in (None, scripts[1]):
        raise InputError(
            "a control is of another script than its text", where=where, got=str(scripts[1]), expected=scripts[0]
        )


def _files_of(pilot: Pilot) -> tuple[tuple[Path, tuple[AttackPattern, ...]], ...]:
    """Return the shipped files of patterns and a pilot's own, each with what is in it."""
    own = sorted((pilot.suite / ATTACKS_FOLDER).glob("*.yaml"))
    return (*_shipped(), *((path, read_families(path)) for path in own))


@lru_cache(maxsize=1)
def _shipped() -> tuple[tuple[Path, tuple[AttackPattern, ...]], ...]:
    return tuple((path, read_families(path)) for path in sorted(SHIPPED.glob("*.yaml")))


def _all_of(files: Iterable[tuple[Path, tuple[AttackPattern, ...]]]) -> tuple[AttackPattern, ...]:
    """Return the patterns of files, sorted by id; raises InputError for a family in two files."""
    homes: dict[str, Path] = {}
    found: list[AttackPattern] = []
    for path, patterns in files:
        for pattern in patterns:
            home = homes.setdefault(pattern.family, path)
            if home != path:
                remedy = "give one of them another name"
                raise InputError(
                    "a family is there twice", where=str(path), got=f"{pattern.family}, also in {home}", remedy=remedy
                )
            found.append(pattern)
    return tuple(sorted(found, key=lambda pattern: pattern.id))
