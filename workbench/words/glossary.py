"""What the words on pages mean, for a reader without statistics."""

from __future__ import annotations

import html
import re

GLOSSARY = {
    "decides alone": "the share of records that the version decides without a person (automation rate)",
    "right when it decides alone": "of the decisions without a person, the share that is right (selective accuracy)",
    "holdout": "records that were sealed before the work began; no version was developed on them",
    "development records": "records that versions are developed and compared on",
    "threshold": "the confidence from which a decision is carried out without a person",
    "confidence": "how sure a version is of one decision, from 0 to 1",
    "certified": "proved on the holdout by an exact test, with a stated chance of being wrong",
    "unproven": "the evidence does not decide: it neither meets the target nor misses it for sure",
    "interval": "the range in which the true value lies with the stated confidence",
    "escalation": "a record that is given to a person",
    "noise ceiling": "the accuracy that an agent without any error would be measured at with these labels",
    "opening": "a look at the holdout's labels; each one uses up part of the chance of error that all of them share",
    "ledger": "the signed list of every opening of the holdout",
    "waiver": "a signed decision to pass a gate without one criterion, for a time",
    "bundle": "the signed folder of everything a verdict rests on; workbench verify checks it",
    "finding": "one thing that is wrong, with its severity, what it does and what to do",
    "attested": "stated by a person, by name and role, with a signature and until a day",
    "not evidenced": "nothing shows it: there is no evidence, or it is stale, unsigned or expired",
    "harmless twin": "a text of the same length, script and place as a hostile one, that asks for nothing",
    "hit": "an attack that did what its text wants, beyond what its harmless twin does",
    "fragile": "moved by harmless text as well, so that nobody need attack",
    "digest": "a fingerprint of content: another digest is another content",
}
SKIPPED = frozenset({"a", "abbr", "code", "h1", "h2", "pre", "script", "style", "summary", "svg", "title"})
_TAG = re.compile(r"(<[^>]*>)")
_WORDS = re.compile(rf"\b({'|'.join(sorted(map(re.escape, GLOSSARY), key=len, reverse=True))})\b", re.IGNORECASE)


def explained(markup: str) -> str:
    """Return markup in which each word of the glossary is explained where it first stands.

    Examples
    --------
    >>> explained("<h2>Holdout</h2><p>The holdout and the holdout.</p>").count("<abbr")
    1
    """
    left, inside, parts = set(GLOSSARY), list[str](), list[str]()

    def marked(found: re.Match[str]) -> str:
        word = found.group(0).lower()
        if word not in left:
            return found.group(0)
        left.remove(word)
        return f'<abbr title="{html.escape(GLOSSARY[word])}">{found.group(0)}</abbr>'

    for part in _TAG.split(markup):
        if not part.startswith("<"):
            parts.append(part if inside else _WORDS.sub(marked, part))
            continue
        name = re.split(r"[\s/>]", part.strip("</"), maxsplit=1)[0].lower()
        if name in SKIPPED:
            if part.startswith("</"):
                inside.remove(name)
            elif not part.endswith("/>"):
                inside.append(name)
        parts.append(part)
    return "".join(parts)


def glossary_markdown() -> str:
    """Return the glossary as the text of docs/glossary.md."""
    lines = [
        "# Glossary",
        "",
        "Written from `workbench.words.GLOSSARY` (`make format`). Pages explain these words where they first stand.",
        "",
        "| word | what it means |",
        "|---|---|",
    ]
    return "\n".join([*lines, *(f"| {word} | {meaning} |" for word, meaning in sorted(GLOSSARY.items()))]) + "\n"
