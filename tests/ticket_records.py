"""Generated support tickets with three queues, each with words of its own."""

from __future__ import annotations

import random
from pathlib import Path

TOPICS = {
    "refund": ["money", "back", "refund", "return", "please", "charge", "wrong"],
    "login": ["password", "login", "reset", "account", "locked", "cannot"],
    "shipping": ["parcel", "delivery", "where", "late", "shipping", "order"],
}


def write_tickets(path: Path, n: int, seed: int = 1) -> Path:
    """Write n generated support tickets with three queues as CSV."""
    rng = random.Random(seed)
    everything = [word for words in TOPICS.values() for word in words]
    lines = ["ticket,opened,body,amount,queue"]
    for number in range(n):
        queue = rng.choice(sorted(TOPICS))
        words = [rng.choice(TOPICS[queue] if rng.random() < 0.6 else everything) for _ in range(9)]
        day = f"2025-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        lines.append(f"T{number:05d},{day},{' '.join(words)} {number},{rng.random() * 100:.2f},{queue}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
