"""Inception v3 as FID uses it: 2,048 features of a picture, from weights in a file.

The network of the 2015 TensorFlow graph, of which FID was defined, in the layout of the published
PyTorch weights: `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, which torch-fidelity has as
`weights-inception-2015-12-05-6726825d.pth`. Other weights of Inception v3, such as torchvision's,
have other shapes and other values, and give another number.

What differs from textbook Inception v3 is in the graph: pictures are enlarged to 299 px with the
corner pixel at the corner, x_i = i * n / 299, not with pixel centers aligned; averages next to the
border leave out the padding; and the last block pools by maximum.

Source: C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016;
M. Heusel et al., NeurIPS 2017 (FID).
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_FEATURES = 2048
SIZE = 299
"""Pixels of a side, to which pictures are resized."""
CLASSES = 1008
"""Outputs of the classifier, whose weights the file has and FID does not use."""

Kernel = int | tuple[int, int]
Layer = tuple[str, int, Kernel]
"""Name, number of channels and kernel of a convolution."""


class Convolution(nn.Module):
    """A convolution, batch normalization with the moments of the training, and a ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Kernel, *, stride: int = 1, padded: bool = True
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if padded else 0
        self.conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, outputs, H, W)."""
        return functional.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Branches side by side: chains of convolutions, and a pooling.

    Args:
        inputs: channels.
        chains: the layers of each branch; a name that ends in b stands beside the layer before it,
            on the same input.
        pooled: channels of the convolution after the pooling; None halves the size: the last layer
            of each chain and the pooling, by maximum, have stride 2.
        largest: whether pooling is by maximum.
    """

    def __init__(
        self, inputs: int, chains: Iterable[tuple[Layer, ...]], pooled: int | None, *,
        largest: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.halves, self.largest = pooled is None, largest
        self.chains = [[name for name, _, _ in chain] for chain in chains]
        for chain in chains:
            channels = before = inputs
            for index, (name, outputs, kernel) in enumerate(chain):
                channels, before = (before if name.endswith("b") else channels), channels
                last = self.halves and index == len(chain) - 1
                layer = Convolution(channels, outputs, kernel, stride=1 + last, padded=not last)
                self.add_module(name, layer)
                channels, before = outputs, channels
        self.branch_pool = None if pooled is None else Convolution(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of all branches, (B, sum of channels, H, W)."""
        return torch.cat([*self._chained(x), self._pooled(x)], dim=1)

    def _chained(self, x: Tensor) -> Iterator[Tensor]:
        for chain in self.chains:
            before = after = x
            for name in chain:
                if name.endswith("b"):
                    yield after
                    after = self.get_submodule(name)(before)
                else:
                    before, after = after, self.get_submodule(name)(after)
            yield after

    def _pooled(self, x: Tensor) -> Tensor:
        if self.branch_pool is None:
            return functional.max_pool2d(x, 3, 2)
        if self.largest:
            return self.branch_pool(functional.max_pool2d(x, 3, 1, 1))
        return self.branch_pool(functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False))


def _block_a(inputs: int, pooled: int) -> Block:
    fives = (("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5))
    threes = (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3))
    return Block(inputs, ((("branch1x1", 64, 1),), fives, threes), pooled)


def _block_b(inputs: int) -> Block:
    threes = (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3))
    return Block(inputs, ((("branch3x3", 384, 3),), threes), None)


def _block_c(inputs: int, channels: int) -> Block:
    row, column = (1, 7), (7, 1)
    once: tuple[Layer, ...] = (
        ("branch7x7_1", channels, 1), ("branch7x7_2", channels, row), ("branch7x7_3", 192, column),
    )  # fmt: skip
    twice: tuple[Layer, ...] = (
        ("branch7x7dbl_1", channels, 1),
        *((f"branch7x7dbl_{k}", channels, (column, row)[k % 2]) for k in (2, 3, 4)),
        ("branch7x7dbl_5", 192, row),
    )
    return Block(inputs, ((("branch1x1", 192, 1),), once, twice), 192)


def _block_d(inputs: int) -> Block:
    threes = (("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3))
    sevens: tuple[Layer, ...] = (
        ("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, 3),
    )  # fmt: skip
    return Block(inputs, (threes, sevens), None)


def _block_e(inputs: int, *, largest: bool = False) -> Block:
    row, column = (1, 3), (3, 1)
    threes: tuple[Layer, ...] = (
        ("branch3x3_1", 384, 1), ("branch3x3_2a", 384, row), ("branch3x3_2b", 384, column),
    )  # fmt: skip
    twice: tuple[Layer, ...] = (
        ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3), ("branch3x3dbl_3a", 384, row),
        ("branch3x3dbl_3b", 384, column),
    )  # fmt: skip
    return Block(inputs, ((("branch1x1", 320, 1),), threes, twice), 192, largest=largest)


class Inception(nn.Module):
    """The network; its modules have the names of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {
            "Conv2d_1a_3x3": Convolution(3, 32, 3, stride=2, padded=False),
            "Conv2d_2a_3x3": Convolution(32, 32, 3, padded=False),
            "Conv2d_2b_3x3": Convolution(32, 64, 3),
            "pool_1": nn.MaxPool2d(3, 2),
            "Conv2d_3b_1x1": Convolution(64, 80, 1),
            "Conv2d_4a_3x3": Convolution(80, 192, 3, padded=False),
            "pool_2": nn.MaxPool2d(3, 2),
            "Mixed_5b": _block_a(192, 32),
            "Mixed_5c": _block_a(256, 64),
            "Mixed_5d": _block_a(288, 64),
            "Mixed_6a": _block_b(288),
            "Mixed_6b": _block_c(768, 128),
            "Mixed_6c": _block_c(768, 160),
            "Mixed_6d": _block_c(768, 160),
            "Mixed_6e": _block_c(768, 192),
            "Mixed_7a": _block_d(768),
            "Mixed_7b": _block_e(1280),
            "Mixed_7c": _block_e(2048, largest=True),
        }
        self.layers = tuple(layers)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.fc = nn.Linear(NUM_FEATURES, CLASSES)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features (B, 2048) of pixels (B, 3, H, W), whole numbers from 0 to 255."""
        x = (resized(pixels.to(self.fc.weight.dtype)) - 128) / 128
        for name in self.layers:
            x = self.get_submodule(name)(x)
        return x.mean((2, 3))


def resized(pixels: Tensor) -> Tensor:
    """Resize (B, C, H, W) to 299 px, linearly between the pixels at x_i = i * n / 299."""
    height, width = (_interpolation(side).to(pixels) for side in pixels.shape[-2:])
    return height @ pixels @ width.T


def _interpolation(num_pixels: int) -> Tensor:
    """Return the matrix (299, n) of linear interpolation along a side."""
    place = torch.arange(SIZE, dtype=torch.float64) * num_pixels / SIZE
    left = place.long()
    right = (left + 1).clamp(max=num_pixels - 1)
    share = (place - left)[:, None]
    one_hot = torch.eye(num_pixels, dtype=torch.float64)
    return (1 - share) * one_hot[left] + share * one_hot[right]


def load(path: Path, device: torch.device | str = "cpu") -> Inception:
    """Read the weights of a file without running code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not hold these weights.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no Inception weights at {path}; FID needs pytorch-fid's "
            "pt_inception-2015-12-05-6726825d.pth, or torch-fidelity's file of the same digits"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises almost anything for other files
        raise ValueError(f"{path} is not a file of weights ({type(error).__name__})") from None
    with torch.device("meta"):  # without initial values, which take a second
        network = Inception()
    expected = network.state_dict()
    _require_weights(path, state, expected)
    counts = {name: torch.zeros(()) for name in expected.keys() - state.keys()}
    network.load_state_dict({**state, **counts}, assign=True)
    return network.requires_grad_(False).eval().to(device, torch.float32)


def _require_weights(path: Path, state: object, expected: Mapping[str, Tensor]) -> None:
    """Refuse weights with other names or shapes; counts of batches, which old files lack, aside."""
    given = state if isinstance(state, Mapping) else {}
    for name in sorted(expected.keys() | given.keys(), key=str):
        if str(name).endswith("num_batches_tracked"):
            continue
        shapes = [getattr(weights.get(name), "shape", None) for weights in (expected, given)]
        if shapes[0] != shapes[1]:
            wanted, found = ("nothing" if shape is None else list(shape) for shape in shapes)
            raise ValueError(
                f"{path} does not hold FID's Inception weights: {name} is {found}, expected "
                f"{wanted}; use pytorch-fid's pt_inception-2015-12-05-6726825d.pth"
            )
