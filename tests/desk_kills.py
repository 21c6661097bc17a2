"""Four people in processes of their own decide a desk's items while their processes are killed; says what came back.

Half of the processes kill themselves at a drawn step of SQLite's machine, in the middle of a statement; the others are
killed from outside after a drawn time, mostly while the disk writes.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from desks import APPROVE, SAID, item_named, review_settings

from workbench.desk import Desk
from workbench.pilot import ReviewSettings

PEOPLE, KILLS, N_ITEMS, SEED = ("anna", "bert", "carl", "dora"), 28, 300, 19
STEPS = 20  # of SQLite's machine between two looks
FEWEST_LOOKS, MOST_LOOKS = 1, 400


def settings() -> ReviewSettings:
    """Return review.yaml with everybody among the clerks, and leases that do not end."""
    people = [{**one, "groups": [*one["groups"], "clerks"], "at_most": None} for one in SAID["people"]]
    people[3]["groups"], people[4]["groups"] = ["clerks"], ["leads", "judges"]
    return review_settings(people=people, lease_s=1e6)


def work(folder: Path, person: str, looks: int | None) -> None:
    """Decide until nothing waits; every answer that came back is noted first of all."""
    noted = os.open(folder / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Desk(folder / "desk.db", settings()) as desk:
        if looks is not None:
            left = iter(range(looks))
            connection = desk._file._connection
            connection.set_progress_handler(lambda: next(left, None) is None and os.kill(os.getpid(), 9), STEPS)
        while (claim := desk.claim(person)) is not None:
            recorded = desk.answer(person, claim.item, APPROVE, claim.shown_digest)
            os.write(noted, f"{json.dumps([recorded.seq, claim.item])}\n".encode())


def started(folder: Path, person: str, looks: int | None) -> int:
    """Return the process of a person at work."""
    child = os.fork()
    if child:
        return child
    try:
        work(folder, person, looks)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def main(folder: Path) -> None:
    """Kill so often, let everybody finish, and print what happened as JSON."""
    draw, kills, planned = random.Random(SEED), 0, KILLS
    with Desk(folder / "desk.db", settings()) as desk:
        desk.put(item_named(f"i{n}", needs=1 + n % 2) for n in range(N_ITEMS))
    at_work: dict[int, str] = {}
    waiting = list(PEOPLE)
    while waiting or at_work:
        for person in waiting:
            planned -= 1
            kills_itself = planned >= 0 and planned % 2 == 0
            looks = draw.randrange(FEWEST_LOOKS, MOST_LOOKS) if kills_itself else None
            child = started(folder, person, looks)
            at_work[child] = person
            if planned >= 0 and not kills_itself:
                time.sleep(draw.uniform(0.002, 0.06))
                os.kill(child, signal.SIGKILL)
        child, status = os.wait()
        person, waiting = at_work.pop(child), []
        if os.WIFSIGNALED(status):
            kills += 1
            waiting = [person]
        elif os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"{person} failed")
    lines = (folder / "acknowledged").read_text().splitlines()
    print(json.dumps({"kills": kills, "items": N_ITEMS, "acknowledged": [json.loads(line) for line in lines]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
