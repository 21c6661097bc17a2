from __future__ import annotations

import ast
import json
import math
import re
import runpy
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from published_intents import PublishedIntents, banking77, invented_intents, sources_of
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from workbench.agents.prompts import messages, read_prompts
from workbench.pilot.contract import read_contract
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.records import Record
from workbench.records.sources import obtain
from workbench.records.splits import Split, read_dataset

ROOT = Path(__file__).resolve().parents[1]
NAME = "support_triage"
AGENTS = ROOT / "eval_suites" / NAME / "agents.py"
BANKING77 = ROOT.parent / "shared" / "data" / "banking77"
TRAINED = ("keyword_baseline", "word_tfidf", "char_tfidf")


def agent(name: str, training: pd.DataFrame) -> Callable[[Mapping[str, object]], dict[str, Any]]:
    return runpy.run_path(str(AGENTS))[name](training)


def questions(**by_intent: list[str]) -> pd.DataFrame:
    rows = [(text, intent) for intent, texts in by_intent.items() for text in texts]
    return pd.DataFrame(rows, columns=["text", "category"])


def contract_labels() -> tuple[str, ...]:
    return read_contract(ROOT / "datasets" / NAME).columns["category"].allowed or ()


@pytest.fixture
def training() -> pd.DataFrame:
    return questions(
        age_limit=["how old must my child be", "is my child old enough", "what age must my daughter be"],
        atm_support=["which cash machine can I use", "is there a cash machine near me"],
        lost_or_stolen_card=["my card was stolen", "someone stole my card yesterday", "I lost my card"],
    )


@pytest.fixture(scope="module", params=["invented", pytest.param("published", marks=pytest.mark.slow)])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PublishedIntents:
    """The data set as published, where it lies beside the repository, and an invented one of the same shape."""
    if request.param == "invented":
        return invented_intents(tmp_path_factory.mktemp("invented"), contract_labels())
    if not BANKING77.is_dir():
        pytest.skip("not run: the BANKING77 records are not here")
    return banking77(BANKING77)


@pytest.fixture(scope="module")
def pilot(published: PublishedIntents, tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """The shipped pilot in a root of its own, with its records obtained; invented records have their own split."""
    root = tmp_path_factory.mktemp("root")
    for folder in ("datasets", "eval_suites"):
        ignored = shutil.ignore_patterns("train.csv", "test.csv", "ATTRIBUTION.md")
        shutil.copytree(ROOT / folder / NAME, root / folder / NAME, ignore=ignored)
    data = root / "datasets" / NAME
    if published.folder != BANKING77:
        (data / "sources.yaml").write_text(sources_of(published), encoding="utf-8")
        (data / "splits.yaml").unlink()
    obtain(data, published.folder)
    return open_pilot(NAME, root)


# the agents


@pytest.mark.parametrize("name", TRAINED)
def test_an_agent_answers_a_question_like_those_it_was_trained_on(name: str, training: pd.DataFrame) -> None:
    decide = agent(name, training)
    answers = [decide({"text": text}) for text in ("the age of my child", "no cash machine here", "card stolen!")]
    assert [answer["action"] for answer in answers] == ["age_limit", "atm_support", "lost_or_stolen_card"]
    for answer in answers:
        assert type(answer["action"]) is str
        assert type(answer["confidence"]) is float
        assert 1 / 3 < answer["confidence"] <= 1


@pytest.mark.parametrize("name", TRAINED)
def test_an_agent_answers_any_text(name: str, training: pd.DataFrame) -> None:
    decide = agent(name, training)
    for text in ("", "?", "ß" * 5000, "{{ 7 * 7 }}", "\x00\ud83d"):
        answer = decide({"text": text})
        assert answer["action"] in set(training["category"])
        assert 0 <= answer["confidence"] <= 1


@pytest.mark.parametrize("name", TRAINED)
def test_training_again_gives_the_same_answers(name: str, training: pd.DataFrame) -> None:
    record = {"text": "my card is in the cash machine"}
    assert agent(name, training)(record) == agent(name, training.copy())(record)


@pytest.mark.parametrize("name", TRAINED)
def test_training_leaves_its_records_as_they_were(name: str, training: pd.DataFrame) -> None:
    before = training.copy(deep=True)
    agent(name, training)
    pd.testing.assert_frame_equal(training, before)


def test_the_keyword_baseline_weighs_words_as_worked_out_by_hand() -> None:
    decide = agent("keyword_baseline", questions(a=["red", "red", "blue"], b=["green"]))
    # Weights for intent a (3 questions; 1 other): red ln((2.5/4)/(0.5/2)) = ln 2.5, blue ln((1.5/4)/(0.5/2)) = ln 1.5;
    # for b (1 question; 3 others): green ln((1.5/2)/(0.5/4)) = ln 6.
    # "red blue green": a has ln 3.75, b has ln 6, so the softmax gives b 6 / (6 + 3.75).
    answer = decide({"text": "Green, RED and blue"})
    assert (answer["action"], answer["reason"]) == ("b", "keywords: green")
    assert answer["confidence"] == pytest.approx(6 / 9.75, rel=1e-12)
    assert decide({"text": "red blue"})["reason"] == "keywords: blue, red"


def test_the_keyword_baseline_falls_back_to_the_most_frequent_intent_and_its_share() -> None:
    decide = agent("keyword_baseline", questions(a=["red", "red", "blue"], b=["green"]))
    assert decide({"text": "yellow"}) == {"action": "a", "confidence": 0.75, "reason": "no keyword"}


def test_the_confidence_of_a_classifier_is_its_predicted_probability(training: pd.DataFrame) -> None:
    # second method: the same model through scikit-learn's own prediction
    texts = training["text"].tolist() * 2
    twice = pd.concat([training, training], ignore_index=True)
    vectorizer = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)
    model = LogisticRegression(solver="saga", C=100, tol=1e-2, max_iter=500, random_state=0)
    model.fit(vectorizer.fit_transform(texts).astype(np.float32), twice["category"])
    decide = agent("word_tfidf", twice)
    for text in ("my card", "how old is the machine", "nothing known", "is is is my my child"):
        probabilities = model.predict_proba(vectorizer.transform([text]))[0]
        answer = decide({"text": text})
        assert answer["confidence"] == pytest.approx(probabilities.max(), rel=1e-6)
        assert answer["action"] == model.classes_[probabilities.argmax()]


def test_the_agents_need_no_workbench_internals() -> None:
    tree = ast.parse(AGENTS.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {name.split(".")[0] for name in imported}
    assert packages - set(sys.stdlib_module_names) == {"numpy", "pandas", "sklearn"}


# the folders


def test_the_pilot_opens_and_shows_agents_the_text_alone() -> None:
    shipped = open_pilot(NAME, ROOT)
    assert shipped.contract.shown == ("text",)
    assert shipped.contract.label == "category"
    assert shipped.settings.compare == TRAINED
    allowed = shipped.contract.columns["category"].allowed
    assert allowed is not None
    assert (len(allowed), len(set(allowed))) == (77, 77)


def test_the_prompt_names_every_intent_and_its_examples_answer_with_intents() -> None:
    contract = read_contract(ROOT / "datasets" / NAME)
    labels = contract.columns["category"].allowed or ()
    prompts = read_prompts(ROOT / "eval_suites" / NAME / "prompts", contract.shown)
    assert list(prompts) == ["v1"]
    system, user = messages(prompts["v1"], Record("r", {"text": 'say "hi"\n## Role'}, ""), labels)
    assert set(re.findall(r"^- (\S+)$", system.content, re.MULTILINE)) == set(labels)
    assert user.content == r'Question: "say \"hi\"\n## Role"'
    answers = [json.loads(line) for line in re.findall(r"^Answer: (\{.*\})$", system.content, re.MULTILINE)]
    assert len(answers) == 2
    assert {answer["action"] for answer in answers} < set(labels)
    named = re.findall(r"`([a-z_]+)`", prompts["v1"].system_source)
    assert set(named) - {"action", "reason", "confidence"} <= set(labels)


# the records


def test_the_contract_allows_what_the_publisher_lists(published: PublishedIntents, pilot: Pilot) -> None:
    listed = json.loads((published.folder / "categories.json").read_text(encoding="utf-8"))
    assert len(listed) == 77
    assert set(contract_labels()) == set(listed) == set(read_dataset(pilot).label_counts().index)


def test_the_records_fit_the_contract_and_the_readme(published: PublishedIntents, pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    counts = dataset.label_counts()
    assert counts.sum().to_dict() == published.sides
    assert len(counts) == 77
    # the stratified split gives every intent 30% in the holdout, to the nearest record
    shares = counts["holdout"] - (counts["dev"] + counts["holdout"]) * 0.3
    assert shares.abs().max() <= 0.5 + 1e-9
    readme = (pilot.data / "README.md").read_text(encoding="utf-8")
    for number in published.in_readme:
        assert number in readme


def test_the_repeats_that_the_readme_counts_are_there(published: PublishedIntents, pilot: Pilot) -> None:
    # a second way to the README's numbers: straight from the files
    frame = pd.concat([pd.read_csv(pilot.data / name, keep_default_na=False) for name in ("train.csv", "test.csv")])
    plain = frame["text"].str.lower().str.replace(r"\W+", " ", regex=True).str.strip()
    assert not frame["text"].duplicated().any()
    assert plain.duplicated().sum() == published.repeated
    assert (frame.groupby(plain)["category"].nunique() > 1).sum() == published.contradicted
    sizes = frame["category"].value_counts()
    assert (sizes.idxmin(), sizes.min()) == published.least
    assert (sizes.idxmax(), sizes.max()) == published.most


@pytest.mark.parametrize("name", TRAINED)
def test_an_agent_is_about_as_accurate_on_a_fold_it_has_not_seen_as_measured(
    published: PublishedIntents, pilot: Pilot, name: str
) -> None:
    # one fold has about a fifth of the records; four standard errors of an accuracy on as many are the tolerance
    # (BANKING77: about 1,800 records, at most 4 sqrt(.71 * .29 / 1800) = .043)
    dataset = read_dataset(pilot)
    training, folds = dataset.training(), dataset.folds()
    unseen = training[folds.loc[training.index] == 0]
    decide = agent(name, training.drop(unseen.index))
    right = [
        decide({"text": text})["action"] == label
        for text, label in zip(unseen["text"], unseen["category"], strict=True)
    ]
    n, accuracy = len(right), published.accuracy[name]
    assert n == pytest.approx(published.sides["dev"] / 5, rel=0.15)
    assert sum(right) / n == pytest.approx(accuracy, abs=4 * math.sqrt(accuracy * (1 - accuracy) / n))


def test_holdout_records_are_not_in_the_training_data(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    assert not set(dataset.training().index) & set(dataset.ids(Split.HOLDOUT))
