"""The imitated device refuses what a GPU refuses, and computes what the CPU computes.

See tests/robustness/test_elsewhere.py, which runs this.
"""

import pytest
import torch

from tests.support.imitated_device import NAME, traffic

pytestmark = pytest.mark.only_imitated

CPU = torch.ones(3, device="cpu")


def there(*shape):
    return torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape).to(NAME)


def test_it_computes_what_the_cpu_computes():
    x = there(2, 4, 6)
    found = torch.fft.irfft2(torch.fft.rfft2(x) * 2.0).sum((-2, -1))
    assert found.device.type == NAME
    torch.testing.assert_close(found.cpu(), 2 * x.cpu().sum((-2, -1)))


def test_an_operation_in_place_changes_the_tensor_itself():
    x = there(3)
    assert x.mul_(2) is x
    assert x.tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + CPU.clone(),
        lambda x: torch.cat([x, CPU.clone()]),
        lambda x: x.mul_(CPU.clone()),
        lambda x: CPU.clone() * x,
    ],
)
def test_tensors_of_both_devices_do_not_mix(mix):
    with pytest.raises(RuntimeError, match="expected all tensors on one device"):
        mix(there(3))


def test_a_number_on_the_cpu_mixes_as_on_a_gpu():
    assert (there(3) * torch.tensor(2.0, device="cpu")).tolist() == [2, 4, 6]


def test_an_array_of_numpy_is_not_made_of_it():
    with pytest.raises(RuntimeError, match="not supported"):
        there(3).numpy()


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: float(x.sum()),
        lambda x: bool((x > 0).all()),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: CPU.clone().copy_(x),
        lambda x: CPU.clone().to(x),
    ],
)
def test_what_waits_for_the_device_or_brings_it_something_is_counted(wait):
    x = there(3)
    before = traffic.count
    wait(x)
    assert traffic.count == before + 1


@pytest.mark.parametrize("compute", [lambda x: x + 1, lambda x: x.double(), lambda x: x.clone()])
def test_what_stays_on_the_device_is_not_counted(compute):
    x = there(3)
    before = traffic.count
    compute(x)
    assert traffic.count == before
