"""Interleaved runs of everything that is compared, as benches/common/interleaved.rs in Rust: medians, and medians of the ratios of rounds."""

import statistics
import time


def timed(work):
    """Returns the seconds that a call takes, and its result."""
    started = time.perf_counter()
    returned = work()
    return time.perf_counter() - started, returned


def seconds(work):
    """Returns the seconds that a call takes, including the time to free its result."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rate(work, count, least):
    """Returns operations per second over at least `least` seconds; a call of `work` does `count` operations."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < least or calls == 0:
        work()
        calls += 1
    return calls * count / elapsed


class Interleaved:
    """The figures of several rounds. `one_round` runs every candidate once, and returns their figures by name."""

    def __init__(self, one_round, rounds, warm_up=0):
        for _ in range(warm_up):
            one_round()
        self.rounds = [one_round() for _ in range(rounds)]

    def median(self, name):
        return statistics.median(figures[name] for figures in self.rounds)

    def ratio(self, name, to):
        """Returns the median of the ratios of rounds."""
        return statistics.median(figures[name] / figures[to] for figures in self.rounds)
