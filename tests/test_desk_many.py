"""The desk with many at once: in threads, and in processes that are killed at any point."""

import json
import subprocess
import sys
import threading
from pathlib import Path

from desks import APPROVE, desk_in, item_named, review_settings

from workbench.desk import AnswerKind, Desk, GivenAnswer
from workbench.words import InputError


def test_sixteen_people_in_threads_decide_each_item_once(tmp_path: Path) -> None:
    people = [{"id": f"p{n}", "name": f"P{n}", "groups": ["clerks", "leads", "judges"]} for n in range(16)]
    items = [item_named(f"i{n}", needs=1 + n % 2) for n in range(120)]
    failed: list[BaseException] = []
    with desk_in(tmp_path, *items, people=people) as desk:

        def work(person: str) -> None:
            try:
                while (claim := desk.claim(person)) is not None:
                    first = desk.answer(person, claim.item, APPROVE, claim.shown_digest)
                    assert desk.answer(person, claim.item, APPROVE, claim.shown_digest) == first
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(one["id"],)) for one in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        frame = desk.items().set_index("item")
        assert (frame["n_answers"] == frame["needs"]).all()
        assert not desk.answers().duplicated(["item", "reviewer"]).any()
        assert len(desk.settled(final=True)) == 120
        desk.check()


def test_an_answer_that_fails_leaves_the_others_of_its_transaction(tmp_path: Path) -> None:
    with desk_in(tmp_path, *(item_named(f"i{n}") for n in range(40))) as desk:
        said: list[str] = []

        def work(person: str, given: GivenAnswer) -> None:
            for _ in range(10):
                claim = desk.claim(person)
                assert claim is not None
                try:
                    desk.answer(person, claim.item, given, claim.shown_digest)
                except InputError as error:
                    said.append(error.problem)

        people = {"anna": APPROVE, "bert": GivenAnswer(AnswerKind.REJECT), "carl": APPROVE}
        threads = [threading.Thread(target=work, args=one) for one in people.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert said == ["a reason is needed"] * 10
        assert len(desk.answers()) == 20
        desk.check()


def test_processes_that_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    script = Path(__file__).with_name("desk_kills.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout)
    assert told["kills"] >= 20
    with Desk(tmp_path / "desk.db", review_settings()) as desk:
        desk.check()
        frame, answers = desk.items().set_index("item"), desk.answers()
        assert len(frame) == 300
        assert (frame["n_answers"] == frame["needs"]).all()
        assert len(answers) == frame["needs"].sum() == 450
        assert not answers.duplicated(["item", "reviewer"]).any()
        assert {tuple(one) for one in told["acknowledged"]} <= set(zip(answers["seq"], answers["item"], strict=True))
        assert len(desk.settled(final=True)) == 300
