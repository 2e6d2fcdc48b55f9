"""A UNet2DModel of diffusers as an NCSN++ of the skip flavor, tensor by tensor.

| diffusers                                    | pds                                  |
|----------------------------------------------|--------------------------------------|
| time_proj, time_embedding.linear_1, linear_2 | the embedding                        |
| down_blocks.i.resnets.j, attentions.j        | the blocks of level i                |
| down_blocks.i.resnet_down, skip_conv         | resampling and the input pyramid     |
| mid_block.resnets.0, attentions.0, resnets.1 | the middle                           |
| up_blocks.i.resnets.j, attentions.0          | the blocks of level L - 1 - i        |
| up_blocks.i.skip_norm, skip_conv, resnet_up  | its output head and resampling       |
| conv_norm_out, conv_out                      | the head of level 0                  |

Source: the layout is that of P. von Platen et al., diffusers; its names before version 0.1 are
those of its script change_naming_configs_and_checkpoints.py.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from pds.scores.layouts import Weights
from pds.scores.ncsnpp import NCSNppConfig, NetworkScore
from pds.scores.ncsnpp.layers import Attention, Combine, ResidualBlock

PARTS = {
    ResidualBlock: {
        "GroupNorm_0": "norm1", "Conv_0": "conv1", "Dense_0": "time_emb_proj",
        "GroupNorm_1": "norm2", "Conv_1": "conv2", "Conv_2": "conv_shortcut",
    },
    Attention: {
        "GroupNorm_0": "group_norm", "NIN_0": "to_q", "NIN_1": "to_k", "NIN_2": "to_v",
        "NIN_3": "to_out.0",
    },
    Combine: {"Conv_0": ""},
}  # fmt: skip
"""Names of the parts of a block: pds, diffusers."""

OLD_KEYS = {
    "image_size": "sample_size",
    "num_res_blocks": "layers_per_block",
    "block_channels": "block_out_channels",
    "down_blocks": "down_block_types",
    "up_blocks": "up_block_types",
    "resnet_num_groups": "norm_num_groups",
    "resnet_act_fn": "act_fn",
    "resnet_eps": "norm_eps",
    "num_head_channels": "attention_head_dim",
}
"""Names of settings in files of diffusers before 0.1."""

OLD_PARTS = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names of the parts of attention in files of diffusers before 0.15."""

OLD_BLOCKS = {
    "time_steps": "time_proj",
    "mid": "mid_block",
    "downsample_blocks": "down_blocks",
    "upsample_blocks": "up_blocks",
}
"""First names of tensors in files of diffusers before 0.1."""

FIXED: dict[str, tuple[Any, ...]] = {
    "_class_name": ("UNet2DModel", "UNetUnconditionalModel"),
    "time_embedding_type": ("fourier",),
    "act_fn": ("silu",),
    "attention_head_dim": (None,),
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "resnet_time_scale_shift": ("default",),
    "add_attention": (True,),
    "norm_eps": (1e-6,),
}
"""Values of config.json with which a UNet2DModel is an NCSN++."""

DEFAULTS: dict[str, Any] = {
    "act_fn": "silu",
    "resnet_time_scale_shift": "default",
    "add_attention": True,
    "center_input_sample": False,
    "in_channels": 3,
    "layers_per_block": 2,
}
"""Values of keys that a file leaves out; those of the other `FIXED` keys are None."""


def architecture(settings: Mapping[str, Any]) -> NCSNppConfig:
    """Return the network that a config.json describes, with names of any version.

    Raises:
        KeyError: if a value is missing.
        ValueError: if it is not an NCSN++ of the skip flavor.
    """
    config = DEFAULTS | {OLD_KEYS.get(key, key): value for key, value in settings.items()}
    for key, allowed in FIXED.items():
        if config.get(key) not in allowed:
            raise ValueError(f"{key} is {config.get(key)!r}; an NCSN++ has {allowed[0]!r}")
    scale = config.get("mid_block_scale_factor", 1)
    if not math.isclose(scale, math.sqrt(2), rel_tol=1e-3):
        raise ValueError(f"mid_block_scale_factor is {scale}; an NCSN++ has the root of 2")
    channels, levels = config["block_out_channels"], len(config["block_out_channels"])
    nf, attends, size = channels[0], _attention(config, levels), _size(config["sample_size"])
    # diffusers uses norm_num_groups, if given, in the middle and in the head.
    groups = config.get("norm_num_groups")
    for count in (channels[-1], nf):
        if groups not in (None, min(count // 4, 32)):
            raise ValueError(
                f"norm_num_groups is {groups}; an NCSN++ has {min(count // 4, 32)} for {count} "
                "channels"
            )
    if any(count % nf for count in channels):
        raise ValueError(f"block_out_channels {channels} are not multiples of the first")
    if config.get("out_channels", config["in_channels"]) != config["in_channels"]:
        raise ValueError(
            f"out_channels is {config['out_channels']}; an NCSN++ has as many as in_channels, "
            f"{config['in_channels']}"
        )
    return NCSNppConfig(
        image_size=size,
        num_channels=config["in_channels"],
        centered=not config["center_input_sample"],
        nf=nf,
        ch_mult=tuple(count // nf for count in channels),
        num_res_blocks=config["layers_per_block"],
        attn_resolutions=tuple(size >> level for level in attends),
    )


def _size(value: Any) -> int:
    """Return the side of the images, which some files give twice."""
    sides = value if isinstance(value, list | tuple) else [value]
    if not sides or any(not isinstance(side, int) or side != sides[0] for side in sides):
        raise ValueError(f"sample_size is {value!r}; expected one number for square images")
    return sides[0]


def _attention(config: Mapping[str, Any], levels: int) -> list[int]:
    """Return the levels with attention, after checking that up_block_types mirror the others."""
    kinds = {"SkipDownBlock2D": False, "AttnSkipDownBlock2D": True}
    down, up = (
        [str(kind).removeprefix("UNetRes") for kind in config[f"{side}_block_types"]]
        for side in ("down", "up")
    )
    unknown = [kind for kind in down if kind not in kinds]
    if unknown:
        raise ValueError(f"blocks {unknown[0]} are not those of a skip NCSN++")
    mirrored = [kind.replace("Down", "Up") for kind in reversed(down)]
    if up != mirrored or len(down) != levels:
        raise ValueError(f"up_block_types {up} do not mirror down_block_types {down}")
    return [level for level, kind in enumerate(down) if kinds[kind]]


def renamed(score: NetworkScore, state: Mapping[str, Tensor]) -> Weights:
    """Return the weights under the names of pds; unknown names stay as they are."""
    rest = {_new_name(name): tensor for name, tensor in state.items()}
    # Files before 0.20 hold the frequencies twice.
    if "time_proj.W" in rest:
        rest.setdefault("time_proj.weight", rest.pop("time_proj.W"))
    by_name: Weights = {}
    modules = score.network.all_modules
    for index, (module, prefix) in enumerate(zip(modules, _prefixes(score), strict=True)):
        for name in module.state_dict():
            theirs, transposed = _diffusers_name(module, prefix, name)
            if theirs not in rest:
                continue
            tensor = rest.pop(theirs)
            by_name[f"all_modules.{index}.{name}"] = tensor.flatten(1).T if transposed else tensor
    return by_name | rest


def _new_name(name: str) -> str:
    first, *rest = name.split(".")
    names = [OLD_BLOCKS.get(first, first), *rest]
    if len(names) > 1:
        names[-2] = OLD_PARTS.get(names[-2], names[-2])
    return ".".join(names)


def _diffusers_name(module: nn.Module, prefix: str, name: str) -> tuple[str, bool]:
    """Return a tensor's name in diffusers, and whether it is transposed in pds."""
    parts = PARTS.get(type(module), {})
    part, _, leaf = name.rpartition(".")
    if name == "W":
        return f"{prefix}.weight", False
    steps = [prefix, parts.get(part, part), {"W": "weight", "b": "bias"}.get(leaf, leaf)]
    return ".".join(step for step in steps if step), leaf == "W"


def _prefixes(score: NetworkScore) -> Iterator[str]:
    """Yield the names in diffusers of the modules of pds, in the order of `all_modules`."""
    config = score.card.network
    last, size = len(config.ch_mult) - 1, config.image_size
    attends = [size >> level in config.attn_resolutions for level in range(last + 1)]
    yield from ("time_proj", "time_embedding.linear_1", "time_embedding.linear_2", "conv_in")
    for level in range(last + 1):
        for i in range(config.num_res_blocks):
            yield f"down_blocks.{level}.resnets.{i}"
            if attends[level]:
                yield f"down_blocks.{level}.attentions.{i}"
        if level < last:
            yield from (f"down_blocks.{level}.{name}" for name in ("resnet_down", "skip_conv"))
    yield from ("mid_block.resnets.0", "mid_block.attentions.0", "mid_block.resnets.1")
    for i, level in enumerate(reversed(range(last + 1))):
        yield from (f"up_blocks.{i}.resnets.{j}" for j in range(config.num_res_blocks + 1))
        if attends[level]:
            yield f"up_blocks.{i}.attentions.0"
        if level:
            yield from (f"up_blocks.{i}.{n}" for n in ("skip_norm", "skip_conv", "resnet_up"))
    yield from ("conv_norm_out", "conv_out")
