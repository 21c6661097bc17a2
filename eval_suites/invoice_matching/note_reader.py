"""Reads what a note states as fact, learnt from the decisions of development records.

No record says what its note states; its decision does, where the fact would change it. For each record the written
policy is asked what it would decide if the note stated nothing, and if it stated each of the facts of process.yaml:
a meaning with which the labelled decision comes out is borne out, any other is not, but for labels that are wrong. A
sentence means what the records bear out in which it stands. One that stands in none has only the base rate of what
sentences mean, which is never enough to be sure: new wording, or a known sentence with a word more, is not read.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

NOTHING = "nothing"
WRONG_LABEL = 0.02  # chance that a decision is not what the written policy calls for
RARELY = 0.01  # share of wrong decisions that are this one, at least
DOUBT = 0.02  # chance that a sentence may state anything, whatever sentences of such words mean
NEW = 0.1  # chance that words mislead in a sentence that nobody has met
SECOND = 0.01  # how much seldomer than alone a fact stands beside another one in the same note
FIRM = 2.0  # records' worth of what is known of all words together, where those of one fact are judged
ROUNDS = 40
NEGLIGIBLE = 1e-4  # chance of a meaning that is left out where the sentences of a note are put together
LONG = 5  # letters of a word in which a slip of the fingers can be told
MANY = 4  # sentences of a note that are read

WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
SIGNED = re.compile(r"\s*/\s?[^\W\d]{2,4} \d{1,2}\.\d{1,2}\.$")
MAIL = re.compile(r"\S+@\S+")
TITLED = re.compile(r"\b(?:hr\.|fr\.|mr\.|ms\.|kollege|colleague) ([^\W\d]+)")
MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* (?=\d)")
SHORT = "".join(rf"(?<!\b{one})" for one in ("hr", "fr", "mr", "ms", "lt", "nr", "no", "s", "v", "tel", "ext"))
SENTENCE = re.compile(rf"(?:(?<![\d.]){SHORT}(?<!idnr)\.|[/-]\d+\.|\.\.|[;!?])\s+")
# Whatever has a digit is a word, and so is a character that nobody types, lest something be written with such alone.
WORD = re.compile(r"[^\s(),;:]*\d[^\s(),;:]*|[^\W\d_]+(?:[-'][^\W\d_]+)*|[^\w\s!-/:-@\[-`{-~]")
PLACEHOLDER = re.compile(r"\w\w?(?: \w\w?)*(?<!0)")  # n/a and the like stands for any note: nothing is learnt of it

Meanings = frozenset[str]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A note to learn from, with the decision that is known of it.

    Parameters
    ----------
    note : str
    borne_out : frozenset of str
        The meanings with which the written policy comes to that decision.
    by_chance : float
        Share of this decision among those that are given where another one is right.
    """

    note: str
    borne_out: Meanings
    by_chance: float


@dataclass(frozen=True, slots=True)
class Writing:
    """How notes are told apart: without numbers, names and what else differs from one record to the next.

    Parameters
    ----------
    names : frozenset of str
        Words that follow a title (Hr., Ms., Kollege) in two notes.
    swapped : mapping of str to str
        Long words with two neighbouring letters swapped, and what was meant.
    """

    names: frozenset[str] = frozenset()
    swapped: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, notes: Sequence[str]) -> Writing:
        """Return the writing of notes."""
        met = Counter(name for note in notes for name in set(TITLED.findall(_plain(note))))
        names = frozenset(name for name, times in met.items() if times > 1)
        words = {word for note in notes for word in WORD.findall(_lowered(note))}
        plain = {word.translate(WRITTEN_OUT) for word in words} | names
        long = sorted(word for word in words | names if len(word) >= LONG)
        swaps = ((one.translate(WRITTEN_OUT), word.translate(WRITTEN_OUT)) for word in long for one in _swaps(word))
        return cls(names, {wrong: word for wrong, word in swaps if wrong not in plain})

    def sentences(self, note: str) -> tuple[str, ...]:
        """Return the sentences of a note in lower case, umlauts written out, with 0 for all that has a digit."""
        text = TITLED.sub(" person ", MAIL.sub(" 0 ", SIGNED.sub("", _plain(note))))
        split = (" ".join(map(self._word, WORD.findall(MONTH.sub("", one)))) for one in SENTENCE.split(text))
        found = (one.removesuffix(" person") for one in split)  # who it was is no matter of what was done
        return tuple(one for one in found if one)

    def _word(self, word: str) -> str:
        if any(letter.isdigit() for letter in word):
            return "0"
        word = self.swapped.get(word, word)
        return "person" if word in self.names else word


def _lowered(note: str) -> str:
    """Return a note in lower case, read again where UTF-8 was read as Windows-1252."""
    with suppress(UnicodeError):
        note = note.encode("cp1252").decode()
    return " ".join(note.lower().split())


def _plain(note: str) -> str:
    """Return a note in lower case with umlauts written out."""
    return _lowered(note).translate(WRITTEN_OUT)


def _swaps(word: str) -> Iterator[str]:
    """Yield a word with two neighbouring letters swapped, but not its first and last one."""
    for place in range(1, len(word) - 2):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


class NoteReader:
    """What the sentences of notes state, by the decisions of records in which they stand.

    Parameters
    ----------
    lessons : sequence of Lesson
    facts : sequence of str
        All that a sentence may state.
    words : callable
        What the words of a sentence say by themselves, such as the patterns of process.yaml: how far that is to be
        trusted is learnt, too.
    """

    def __init__(self, lessons: Sequence[Lesson], facts: Sequence[str], words: Callable[[str], Meanings]) -> None:
        self.meanings = (NOTHING, *facts)
        self.writing = Writing.of([lesson.note for lesson in lessons])
        self._words = lru_cache(maxsize=16_384)(words)
        self._anything = np.full(len(self.meanings), 1.0 / len(self.meanings))
        read = Counter((self.writing.sentences(one.note), self._likely(one)) for one in lessons)
        met = sorted({one for sentences, _ in read for one in sentences if not PLACEHOLDER.fullmatch(one)})
        said = sorted({self._words(sentence) for sentence in met}, key=sorted)
        kinds = np.array([said.index(self._words(sentence)) for sentence in met], dtype=np.int64)
        own = [self.meanings.index(next(iter(one), NOTHING)) if len(one) < 2 else None for one in said]
        chances, of_kinds = self._learnt(read, {sentence: place for place, sentence in enumerate(met)}, kinds, own)
        self._chances = dict(zip(met, chances, strict=True))
        self._said, self._usual = dict(zip(said, of_kinds, strict=False)), of_kinds[-1]

    def _likely(self, lesson: Lesson) -> tuple[float, ...]:
        """Return the chance of a lesson's decision under each meaning."""
        by_chance = WRONG_LABEL * max(lesson.by_chance, RARELY)
        return tuple(1.0 - WRONG_LABEL if one in lesson.borne_out else by_chance for one in self.meanings)

    def _learnt(
        self,
        lessons: Mapping[tuple[tuple[str, ...], tuple[float, ...]], int],
        place: Mapping[str, int],
        kinds: np.ndarray,
        said: Sequence[int | None],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the chance of each meaning of the sentences, and of sentences of each kind; in the last row of any.

        What each sentence means, by its records, and what sentences of such words mean are weighed in turn.
        """
        alone = np.zeros((len(place), len(self.meanings)))
        pairs: list[tuple[int, int, tuple[float, ...], int]] = []
        for (sentences, likely), times in lessons.items():
            if not all(sentence in place for sentence in sentences):
                continue
            if len(sentences) == 1:
                alone[place[sentences[0]]] += times * np.log(likely)
            elif len(sentences) == 2:
                one, other = (place[sentence] for sentence in sentences)
                pairs += [(one, other, likely, times), (other, one, likely, times)]
        own, beside, times = (np.array([pair[n] for pair in pairs], dtype=np.int64) for n in (0, 1, 3))
        likely = np.array([pair[2] for pair in pairs]).reshape(-1, len(self.meanings))
        of_kinds = np.tile(self._anything, (int(kinds.max(initial=-1)) + 2, 1))
        for _ in range(ROUNDS):
            before = np.log((1.0 - DOUBT) * of_kinds[kinds] + DOUBT * self._anything)
            chances = _normal(before + alone)
            evidence = alone.copy()
            np.add.at(evidence, own, times[:, None] * np.log(_likely_beside(chances[beside], likely)))
            chances = _normal(before + evidence)
            of_kinds = self._of_kinds(chances, kinds, said)
        return chances, of_kinds

    def _of_kinds(self, chances: np.ndarray, kinds: np.ndarray, said: Sequence[int | None]) -> np.ndarray:
        """Return what sentences of each kind mean, given what each sentence does; in the last row those of any kind.

        How often words that say one thing, or nothing, are right is judged by all of them together, and then for each.
        """
        right = [chances[kinds == kind, own] for kind, own in enumerate(said) if own is not None]
        n_right = 1.0 + sum(float(one.sum()) for one in right)
        trust = n_right / (2.0 + sum(len(one) for one in right))
        usual = np.vstack((self._anything, chances)).mean(axis=0)
        found = []
        for kind, own in enumerate(said):
            before = usual if own is None else np.full(len(self.meanings), (1.0 - trust) / (len(self.meanings) - 1))
            if own is not None:
                before[own] = trust
            of_kind = chances[kinds == kind]
            found.append((FIRM * before + of_kind.sum(axis=0)) / (FIRM + len(of_kind)))
        return np.vstack((*found, usual))

    def _of(self, sentence: str) -> np.ndarray:
        """Return what a sentence means; one that nobody has met by its words, and with more doubt."""
        known = self._chances.get(sentence)
        said = self._said.get(self._words(sentence), self._usual)
        return (1.0 - NEW) * said + NEW * self._usual if known is None else known

    def by_words(self, note: str) -> Meanings:
        """Return the facts that a note states by the words of those of its sentences that were met before."""
        met = (sentence for sentence in self.writing.sentences(note) if sentence in self._chances)
        return Meanings().union(*map(self._words, met))

    def read(self, note: str) -> Mapping[Meanings, float]:
        """Return the chance of each set of facts that a note may state; negligible ones are left out.

        Of a note with many sentences nothing is known, which is an empty mapping.
        """
        sentences = self.writing.sentences(note)
        if len(sentences) > MANY:
            return {}
        found: defaultdict[Meanings, float] = defaultdict(float)
        each = [
            [(one, float(p)) for one, p in zip(self.meanings, self._of(sentence), strict=True) if p > NEGLIGIBLE]
            for sentence in sentences
        ]
        for together in product(*each):
            stated = frozenset(one for one, _ in together if one != NOTHING)
            found[stated] += prod(chance for _, chance in together) * SECOND ** max(0, len(stated) - 1)
        whole = sum(found.values())
        return {stated: chance / whole for stated, chance in found.items()}


def _likely_beside(other: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """Return the chance of a decision under each meaning of a sentence beside another one; shape as both given.

    One sentence of a note at most is taken to state a fact.
    """
    none = other[:, :1]
    found = likely * none + (1.0 - none) * WRONG_LABEL
    found[:, 0] = likely[:, 0] * other[:, 0] + np.sum(other[:, 1:] * likely[:, 1:], axis=1)
    return np.asarray(found)


def _normal(logarithms: np.ndarray) -> np.ndarray:
    chances = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))
