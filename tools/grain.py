"""Write what the story draws of grain against N: python -m tools.grain.

Reads what was sampled and the responses of the networks, see `tools.theory_tables`, and writes
assets/grain.json, see `pds.evaluation.grain_record`.
"""

import json
from collections.abc import Iterator

from pds.evaluation import grain_record
from pds.files.writing import write
from tools import theory_tables

SIZES = (32, 64)
"""Pixels of the networks of the story."""


def points(size: int, arm: str) -> Iterator[dict[str, float]]:
    """Yield the points of an arm that were sampled, each with its prediction, by ascending N."""
    for (at, name, num_steps), row in sorted(theory_tables.sampled().items()):
        if (at, name) == (size, arm) and row["grain"]:
            values = {
                "sampled": float(row["grain"]),
                "low": float(row["grain_low"]),
                "high": float(row["grain_high"]),
                "predicted": theory_tables.predicted(size, arm, num_steps).grain,
            }
            yield {"N": num_steps} | {key: round(value, 3) for key, value in values.items()}


def main() -> None:
    """Write the record."""
    record = {
        f"portraits{size}": {arm: list(points(size, arm)) for arm in theory_tables.ARMS}
        for size in SIZES
    }
    write(grain_record.RECORDED, json.dumps(record, indent=1).encode())
    print(grain_record.RECORDED)


if __name__ == "__main__":
    main()
