"""The whole harness: python -m tests.load [--visitors 50] [--comparisons 1000]."""

import argparse
import sys
import time

import torch

from tests.load import harness


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--comparisons", type=int, default=1000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    failures = []

    def claim(holds, sentence):
        print("ok   " if holds else "FAILS", sentence, flush=True)
        if not holds:
            failures.append(sentence)

    with harness.loaded() as own:
        start = time.monotonic()
        stayed, stopped = harness.crowd(own, args.visitors)
        errors = [run.error for run in stayed if run.error]
        spent = time.monotonic() - start
        who = f"{args.visitors} visitors: {len(stayed)} runs seen to their end, {len(stopped)}"
        claim(not errors, f"{who} stopped, in {spent:.0f} s; errors {errors}")
        firsts = [run.first for run in stayed + stopped if run.first is not None]
        half, most = (harness.percentile(firsts, q) for q in (50, 95))
        print(f"      first frame after {half:.2f} s (median), {most:.2f} s (95 %)")
        worst = max((harness.difference(run) for run in stayed if run.steps), default=255)
        sentence = f"largest difference to the run alone: {worst} gray levels"
        claim(worst <= harness.GRAY_LEVELS, sentence)
        quiet = own.quiet()
        claim(quiet is not None, f"no run is left after {quiet} s")

        ended = harness.vanish(own, args.visitors // 5)
        sentence = f"{args.visitors // 5} vanish in mid-run; none is computed after {ended} s"
        claim(ended is not None and ended < 2, sentence)

        harness.many(own, args.comparisons // 5)
        memory, disk = harness.settled(own), own.disk()
        start = time.monotonic()
        runs = harness.many(own, args.comparisons)
        spent = time.monotonic() - start
        errors = [run.error for run in runs if run.error]
        claim(not errors, f"{len(runs)} comparisons in {spent:.0f} s: errors {errors[:3]}")
        after = harness.settled(own)
        claim(abs(after / memory - 1) <= 0.05, f"memory {memory / 1e6:.0f} to {after / 1e6:.0f} MB")
        claim(own.disk() == disk == 0, f"disk {disk} to {own.disk()} bytes")

        taken, sentences, ended = harness.overfill(own)
        said = sentences[0] if sentences else None
        claim(len(sentences) == 8, f"{taken} runs taken, {len(sentences)} refused: {said}")
        claim(ended is not None, f"the runs that nobody read ended after {ended} s")
        claim(not own.tracebacks(), f"no traceback in {len(own.lines())} lines of log")
        print(own.state())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
