"""The noise that vanilla and PDS leave at several numbers of iterations."""

from collections import deque
from collections.abc import Iterator, Sequence

from pds import spectra
from pds.models import compare_request, load_model
from pds.request import Request


def noise_left(
    model: str, counts: Sequence[int], *, num_runs: int, alpha: float = 5.0
) -> Iterator[tuple[int, float, float]]:
    """Yield (N, noise left of vanilla, of PDS) over 8 num_runs images from the same seeds.

    Noise left is the power above half Nyquist relative to the data, see `pds.spectra`; PDS has
    the frequency filter at `alpha`.
    """
    data = spectra.fine_power(load_model(model).data_power)
    for num_steps in counts:
        totals = [0.0, 0.0]
        for run in range(num_runs):
            request = Request(model, num_steps, alpha, num_images=8, seed=8 * run)
            (last,) = deque(compare_request(request), maxlen=1)
            for chain, step in enumerate(last):
                totals[chain] += spectra.fine_power(spectra.power(step.x_mean))
        yield num_steps, totals[0] / num_runs / data, totals[1] / num_runs / data
