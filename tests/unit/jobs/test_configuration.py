import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pds.files.shipped import ROOT
from pds.jobs.configuration import kernels, read_configuration
from pds.kernels import AnnealedLangevin, Langevin, MarginalPreserving, ReverseDiffusion
from pds.scores import checkpoints
from pds.sde import VESDE, VPSDE

FOLDER = ROOT / "configs" / "ve"
NEEDS_ML_COLLECTIONS = pytest.mark.skipif(
    find_spec("ml_collections") is None, reason="files of others are written with ml_collections"
)
# sigma_max, num_scales, snr, image size, nf, blocks per level: as published.
PUBLISHED = {
    "cifar10_ncsnpp_deep_continuous": (50, 1000, 0.16, 32, 128, 8),
    "bedroom_ncsnpp_continuous": (378, 2000, 0.075, 256, 128, 2),
    "church_ncsnpp_continuous": (380, 2000, 0.075, 256, 128, 2),
    "ffhq_ncsnpp_continuous": (1348, 2000, 0.15, 1024, 16, 1),
    "portraits32_ncsnpp": (1348, 2000, 0.15, 32, 32, 1),
    "portraits64_ncsnpp": (1348, 2000, 0.15, 64, 32, 1),
    "portraits128_ncsnpp": (1348, 2000, 0.15, 128, 16, 1),
    "portraits256_ncsnpp": (1348, 2000, 0.15, 256, 16, 1),
}

# Written as its owners write them: two-space indents, a defaults module, much that is for training.
THEIR_DEFAULTS = """
import ml_collections
import torch

def get_default_configs():
  config = ml_collections.ConfigDict()
  config.training = training = ml_collections.ConfigDict()
  training.batch_size = 64
  training.continuous = True
  config.sampling = sampling = ml_collections.ConfigDict()
  sampling.n_steps_each = 2
  sampling.noise_removal = True
  sampling.probability_flow = False
  sampling.snr = 0.17
  config.eval = evaluate = ml_collections.ConfigDict()
  evaluate.batch_size = 7
  evaluate.num_samples = 9
  config.data = data = ml_collections.ConfigDict()
  data.dataset = 'LSUN'
  data.image_size = 64
  data.centered = True
  data.num_channels = 3
  config.model = model = ml_collections.ConfigDict()
  model.beta_min = 0.1
  model.beta_max = 20.
  model.sigma_min = 0.01
  model.sigma_max = 90
  model.num_scales = 1000
  model.dropout = 0.1
  model.embedding_type = 'positional'
  config.seed = 42
  config.device = torch.device('cpu')
  return config
"""
THEIR_FILE = """
from configs.default_ours_configs import get_default_configs

def get_config():
  config = get_default_configs()
  config.training.sde = 'vpsde'
  config.sampling.method = 'pc'
  config.sampling.predictor = 'euler_maruyama'
  config.sampling.corrector = 'none'
  model = config.model
  model.name = 'ncsnpp'
  model.scale_by_sigma = False
  model.normalization = 'GroupNorm'
  model.nonlinearity = 'swish'
  model.nf = 16
  model.ch_mult = (1, 2)
  model.num_res_blocks = 1
  model.attn_resolutions = (16,)
  model.resamp_with_conv = True
  model.conditional = True
  model.fir = False
  model.fir_kernel = [1, 3, 3, 1]
  model.skip_rescale = True
  model.resblock_type = 'biggan'
  model.progressive = 'none'
  model.progressive_input = 'none'
  model.progressive_combine = 'sum'
  model.init_scale = 0.
  model.fourier_scale = 16
  return config
"""

THEIR_CHURCH = """
from configs.default_lsun_configs import get_default_configs

def get_config():
  config = get_default_configs()
  model = config.model
  model.sigma_max = 90
  model.nf = 64
  config.optim = config.training
  return config
"""


def their_tree(folder, *, file=THEIR_FILE, defaults=THEIR_DEFAULTS):
    (folder / "configs" / "vp").mkdir(parents=True)
    (folder / "configs" / "default_ours_configs.py").write_text(defaults)
    path = folder / "configs" / "vp" / "mine.py"
    path.write_text(file)
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_our_files_hold_the_published_values(name):
    configuration = read_configuration(FOLDER / f"{name}.py")
    card = configuration.card
    sigma_max, num_scales, snr, size, nf, blocks = PUBLISHED[name]
    assert configuration.name == name
    assert card.sde == VESDE(0.01, sigma_max)
    assert (card.num_scales, card.snr) == (num_scales, snr)
    network = card.network
    assert (network.image_size, network.nf, network.num_res_blocks) == (size, nf, blocks)
    assert (configuration.predictor, configuration.corrector) == ("reverse_diffusion", "langevin")
    assert configuration.num_corrector_steps == 1
    assert not network.centered


def test_every_file_of_ours_is_one_of_these():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PUBLISHED)


def test_the_embedded_configuration_is_that_of_its_weights():
    configuration = read_configuration(FOLDER / "portraits32_ncsnpp.py")
    assert configuration.checkpoint is not None
    assert checkpoints.load(configuration.checkpoint).card == configuration.card


@pytest.mark.parametrize("name", PUBLISHED)
def test_our_files_need_no_other_package(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_collections", None)
    assert read_configuration(FOLDER / f"{name}.py").name == name


def test_without_ml_collections_a_file_that_needs_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_collections", None)
    with pytest.raises(ValueError, match=r"cannot be run \(ModuleNotFoundError: .*ml_collections"):
        read_configuration(their_tree(tmp_path))


def test_a_file_of_theirs_without_its_defaults_module_is_read_with_ours(tmp_path):
    path = tmp_path / "church.py"
    path.write_text(THEIR_CHURCH)
    card = read_configuration(path).card
    assert card.sde == VESDE(0.01, 90)
    assert (card.snr, card.network.nf, card.network.image_size) == (0.075, 64, 256)


@NEEDS_ML_COLLECTIONS
def test_a_file_of_theirs_is_read_with_its_own_defaults_module(tmp_path):
    configuration = read_configuration(their_tree(tmp_path))
    assert configuration.card.sde == VPSDE(0.1, 20)
    assert configuration.card.network.centered
    assert configuration.card.network.fir_kernel == (1, 3, 3, 1)
    assert (configuration.batch_size, configuration.num_samples) == (7, 9)
    assert configuration.num_corrector_steps == 2
    assert (configuration.predictor, configuration.corrector) == ("euler_maruyama", "none")


@NEEDS_ML_COLLECTIONS
def test_two_trees_with_modules_of_the_same_name_do_not_mix(tmp_path):
    first = their_tree(tmp_path / "a")
    second = their_tree(tmp_path / "b", defaults=THEIR_DEFAULTS.replace("0.17", "0.33"))
    assert [read_configuration(path).card.snr for path in (first, second, first)] == [
        0.17,
        0.33,
        0.17,
    ]


@NEEDS_ML_COLLECTIONS
def test_reading_leaves_no_trace(tmp_path):
    path, before = their_tree(tmp_path), (sys.path[:], set(sys.modules))
    read_configuration(path)
    assert sys.path == before[0]
    assert not [name for name in set(sys.modules) - before[1] if name.startswith("config")]
    assert not list(tmp_path.rglob("__pycache__"))


@NEEDS_ML_COLLECTIONS
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("model.nf = 16", "", "model.nf is missing"),
        ("config.sampling.predictor = 'euler_maruyama'", "", "sampling.predictor is missing"),
        ("'vpsde'", "'cosine'", "training.sde must be one of vesde, vpsde, subvpsde, got 'cosine'"),
        ("'euler_maruyama'", "'heun'", "predictor must be one of .* got 'heun'"),
        ("'none'\n", "'mala'\n", "corrector must be one of .* got 'mala'"),
        ("'ncsnpp'", "'ddpm'", "model.name 'ddpm' cannot be sampled here, only 'ncsnpp'"),
        ("model.nf = 16", "model.nf = 'big'", r"mine\.py: model\.nf must be a whole number, got"),
        ("model.ch_mult = (1, 2)", "model.ch_mult = 3", r"mine\.py: .*ch_mult .* written \(3,\)"),
        ("return config", "return 3", r"get_config\(\) returned a int, not a configuration"),
        ("return config", "raise KeyError('x')", r"cannot be run \(KeyError"),
        ("return config", "raise SystemExit(0)", r"cannot be run \(SystemExit"),
        (
            "def get_config",
            "def config",
            r"has no get_config\(\); .* found get_default_configs, config",
        ),
        ("def get_config():", "def get_config(:", r"cannot be run \(SyntaxError"),
        ("default_ours_configs", "default_lost_configs", r"cannot be run \(ModuleNotFoundError"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path, old, new, sentence):
    assert old in THEIR_FILE
    with pytest.raises(ValueError, match=sentence) as refused:
        read_configuration(their_tree(tmp_path, file=THEIR_FILE.replace(old, new)))
    assert "\n" not in str(refused.value)


DISCRETE = THEIR_DEFAULTS.replace("continuous = True", "continuous = False")


@NEEDS_ML_COLLECTIONS
def test_a_vp_network_trained_on_discrete_levels_is_read_as_such(tmp_path):
    card = read_configuration(their_tree(tmp_path, defaults=DISCRETE)).card
    assert (card.conditioning, card.num_scales, card.sde) == ("discrete", 1000, VPSDE(0.1, 20))


@NEEDS_ML_COLLECTIONS
def test_a_ve_network_trained_on_discrete_levels_divides_by_sigma(tmp_path):
    file = THEIR_FILE.replace("vpsde", "vesde").replace(
        "scale_by_sigma = False", "scale_by_sigma = 1"
    )
    card = read_configuration(their_tree(tmp_path, file=file, defaults=DISCRETE)).card
    assert (card.conditioning, card.sde) == ("discrete", VESDE(0.01, 90))
    assert card.network.scale_by_sigma is True


@NEEDS_ML_COLLECTIONS
@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (THEIR_FILE.replace("return", "model.embedding_type = 'fourier'\n  return"),
         r"training\.continuous: a network .* has the embedding_type positional, got fourier"),
        (THEIR_FILE.replace("scale_by_sigma = False", "scale_by_sigma = True"),
         r"model\.scale_by_sigma needs a VE process, got VPSDE"),
        (THEIR_FILE.replace("return", "model.num_scales = 10\n  return"),
         r"model\.num_scales: this process needs at least 20 iterations"),
    ],
    ids=["Fourier embedding", "sigma of a VP process", "too few levels"],
)  # fmt: skip
def test_what_no_discrete_network_can_be_is_refused(tmp_path, file, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_configuration(their_tree(tmp_path, file=file, defaults=DISCRETE))


@NEEDS_ML_COLLECTIONS
@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("method = 'pc'", "method = 'ode'", "sampling.method 'ode' is not followed, images are"),
        ("method = 'pc'", "noise_removal = False", "sampling.noise_removal False is not followed"),
        ("method = 'pc'", "probability_flow = True", "sampling.probability_flow True is not"),
    ],
)
def test_a_setting_of_another_sampler_is_a_note(tmp_path, old, new, note):
    with pytest.warns(UserWarning, match=note) as notes:
        read_configuration(their_tree(tmp_path, file=THEIR_FILE.replace(old, new)))
    assert len(notes) == 1


@NEEDS_ML_COLLECTIONS
def test_a_sub_vp_network_is_continuous_whatever_the_file_says(tmp_path):
    file = THEIR_FILE.replace("vpsde", "subvpsde")
    with pytest.warns(UserWarning, match=r"training\.continuous False is not followed"):
        assert read_configuration(
            their_tree(tmp_path, file=file, defaults=DISCRETE)
        ).card.conditioning == ("continuous")


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"no configuration at nowhere\.py"):
        read_configuration(Path("nowhere.py"))


def test_names_become_kernels_that_keep_images_apart():
    assert kernels("reverse_diffusion", "langevin", 0.2) == (
        ReverseDiffusion(),
        Langevin(0.2, snr_norm="sample"),
    )
    assert kernels("marginal_preserving", "ald", 0.2) == (
        MarginalPreserving(),
        AnnealedLangevin(0.2),
    )
    assert kernels("none", "none", None) == (None, None)


def test_a_corrector_needs_its_snr():
    with pytest.raises(ValueError, match="needs an snr"):
        kernels("none", "langevin", None)
