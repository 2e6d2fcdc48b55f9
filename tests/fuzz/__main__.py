"""Run many cases: python -m tests.fuzz --cases 10000 [--seed 0] [--first 0]."""

import argparse
import sys
import time

from tests.fuzz.attack import Found, attack, target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.monotonic()
    with target() as server:
        found = attack(server, range(args.first, args.first + args.cases), seed=args.seed)
        try:
            grown = server.finish()
        except Found as error:
            found.append(str(error))
            grown = server.memory() - server.start
        answers = dict(sorted(server.answers.items()))
    print(*found, sep="\n")
    print(
        f"{sum(answers.values())} cases in {time.monotonic() - start:.0f} s, answers {answers}, "
        f"peak memory + {grown / 1e6:.0f} MB, {len(found)} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
