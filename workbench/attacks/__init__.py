"""Attacks on an agent, judged without a model: paired runs of one record, clean, harmless and attacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.attacks.catalogues import CATALOGUES, TITLES, catalogue_of
    from workbench.attacks.decodings import is_found, plain_forms
    from workbench.attacks.importing import ImportedAs, import_patterns
    from workbench.attacks.library import filled, patterns_of, read_families, shipped_patterns
    from workbench.attacks.maker import MAKER, AttackRequest, classes_named
    from workbench.attacks.pattern import AttackClass, AttackPattern, Goal
    from workbench.attacks.transforms import TRANSFORMS, transformed
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
