"""Takes turns among what is to be compared, as benches/common/turns.rs does in Rust: medians, and medians of the turns' ratios."""

import statistics
import time


def timed(work):
    """The seconds that a call takes, and what it returns."""
    started = time.perf_counter()
    returned = work()
    return time.perf_counter() - started, returned


def seconds(work):
    """The seconds that a call takes, and that it takes to let go of what it returns."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rate(work, count, least):
    """Calls of `work` a second, times `count`, over at least so many seconds."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < least or calls == 0:
        work()
        calls += 1
    return calls * count / elapsed


class Turns:
    """What `turn` returned in each of some rounds: a figure for everybody who is compared, by name."""

    def __init__(self, turn, rounds, warm_up=0):
        for _ in range(warm_up):
            turn()
        self.turns = [turn() for _ in range(rounds)]

    def median(self, who):
        return statistics.median(turn[who] for turn in self.turns)

    def ratio(self, who, to):
        """The median of the turns' ratios."""
        return statistics.median(turn[who] / turn[to] for turn in self.turns)
