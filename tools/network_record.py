"""Write the settings of the sampler `response` of every shipped network: python -m tools.network_record.

Reads the responses of the networks in docs/evidence, computes those of the Gaussian fields, and
writes assets/network_tuned.json, see `pds.arms.network`. Every N takes seconds to minutes; what the file has already is kept, so that the
tool can be stopped and started again.
"""  # noqa: E501

import argparse
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from multiprocessing import get_context

import torch
from tqdm import tqdm

from pds import models
from pds.arms.network import RECORDED
from pds.files.writing import write
from pds.scores.gaussian import GaussianField
from pds.theory import LinearResponse, response_file
from tools.theory_tables import EVIDENCE

COUNTS = (*range(2, 13), 14, 16, 18, 20, 22, 25, 28, 33, 40, 50, 66, 100, 200)
"""N that are recorded; between them settings change little."""

DIGITS = 4
"""Significant digits of a recorded number."""


def found(model: str, num_steps: int) -> list[float]:
    """Return the settings of a model that are best at N by its response."""
    torch.set_num_threads(1)
    shipped = models.load_model(model)
    response = (
        LinearResponse.of(shipped.score.power.mean(0))
        if isinstance(shipped.score, GaussianField)
        else response_file.load(EVIDENCE / "responses" / f"{model}.npz")
    )
    search = shipped.with_response(response).tuned_to_network
    assert search is not None
    *levels, gain = search(shipped.sampler(num_steps))
    return [float(f"{value:.{DIGITS}g}") for value in (*levels, *gain)]


def main() -> None:
    """Search what is missing, few iterations first, and write the record after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="discard the recorded settings")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    kept = RECORDED.is_file() and not arguments.again
    old = json.loads(RECORDED.read_text("utf-8")) if kept else {}
    known = {
        (model, n): settings
        for model, record in old.items()
        for n, settings in zip(record["N"], record["settings"], strict=True)
    }
    names = list(models.MODELS)
    missing = [(model, n) for n, model in product(COUNTS, names) if (model, n) not in known]
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        searches = {pool.submit(found, *cell): cell for cell in missing}
        for search in tqdm(as_completed(searches), total=len(searches)):
            known[searches[search]] = search.result()
            _write(known, names)


def _write(known: dict[tuple[str, int], list[float]], names: list[str]) -> None:
    record = {}
    for name in names:
        counts = sorted(n for model, n in known if model == name)
        if counts:
            record[name] = {"N": counts, "settings": [known[name, n] for n in counts]}
    write(RECORDED, json.dumps(record, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    main()
