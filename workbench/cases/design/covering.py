"""A greedy cover: few cases that together cover all that many do."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence, Set


def greedy_cover(covers: Sequence[Set[Hashable]], most: int, given: Set[Hashable] = frozenset()) -> list[int]:
    """Return places of the sets that cover what all of them cover, the one that adds most first, ties in their order.

    Parameters
    ----------
    covers : sequence of sets
        What each place covers.
    most : int
        How many places are returned at most.
    given : set
        What is covered already.

    Source: Chvatal 1979, "A greedy heuristic for the set-covering problem"; each gain is looked at again only when its
    set comes first, as gains never grow (Minoux 1978).

    Examples
    --------
    >>> greedy_cover([{1}, {1, 2}, {3}, {2, 3, 4}], most=9)
    [3, 0]
    """
    covered = set(given)
    queue = [(-len(one - covered), place) for place, one in enumerate(covers)]
    heapq.heapify(queue)
    chosen: list[int] = []
    while queue and len(chosen) < most:
        gain, place = heapq.heappop(queue)
        now = -len(covers[place] - covered)
        if now == 0:
            continue
        if now != gain:
            heapq.heappush(queue, (now, place))
            continue
        chosen.append(place)
        covered |= covers[place]
    return chosen
