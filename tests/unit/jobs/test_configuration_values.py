"""Values of a configuration: types, optional keys and overrides."""

import math
import warnings

import pytest

from pds.jobs.configuration import read_configuration
from pds.scores.ncsnpp import NCSNppConfig
from pds.sde import VESDE
from tests.support.configurations import refusal, written

WRONG = [
    ("data['image_size'] = (16, 24)", "data.image_size must be one whole number, got (16, 24)"),
    ("data['image_size'] = None", "data.image_size must be a whole number, got None"),
    ("data['image_size'] = -8", "data.image_size must be >= 1, got -8"),
    ("data['image_size'] = 8.5", "data.image_size must be a whole number, got 8.5"),
    ("data['num_channels'] = '3'", "data.num_channels must be a whole number, got '3'; write it"),
    ("data['num_channels'] = True", "data.num_channels must be a whole number, got True"),
    ("data['centered'] = 'False'", "data.centered must be True or False, got 'False'"),
    ("data['centered'] = 2", "data.centered must be True or False, got 2"),
    ("model['attn_resolutions'] = 8", "model.attn_resolutions must list whole numbers, got 8; a "),
    ("model['attn_resolutions'] = (-8,)", "model.attn_resolutions must list whole numbers >= 1"),
    ("model['ch_mult'] = '1,2'", "model.ch_mult must list whole numbers, got '1,2'; write it"),
    ("model['ch_mult'] = (1, '2')", "model.ch_mult must list whole numbers, got (1, '2')"),
    ("model['nf'] = float('nan')", "model.nf must be a whole number, got nan"),
    ("model['nf'] = 10", "model.nf must be a positive multiple of 4, got 10"),
    ("model['fir_kernel'] = (1, 'a', 1)", "model.fir_kernel must list numbers, got (1, 'a', 1)"),
    ("model['init_scale'] = -1", "model.init_scale must be >= 0, got -1"),
    ("model['progressive'] = None", "model.progressive must be one of none, output_skip, resid"),
    ("model['sigma_min'] = float('nan')", "model.sigma_min must be a finite number, got nan"),
    ("model['sigma_min'] = '0.01'", "model.sigma_min must be a finite number, got '0.01'; write"),
    ("model['sigma_max'] = 10**400", "model.sigma_max must be a finite number, got 1000"),
    ("model['sigma_min'] = 5", "model.sigma_min and model.sigma_max: VE needs 0 < sigma_min < s"),
    ("model['num_scales'] = 0", "model.num_scales must be a whole number >= 1, got 0"),
    ("model['num_scales'] = 10.5", "model.num_scales must be a whole number, got 10.5"),
    ("model['scaling'] = 'karras'", "model.scaling must be one of published, edm, got 'karras'"),
    ("training.update(sde='vpsde'); model.update(beta_min=20, beta_max=1)",
     "model.beta_min and model.beta_max: VP needs 0 <= beta_min < beta_max, got 20.0 and 1.0"),
    ("training['sde'] = 3", "training.sde must be a string, got 3"),
    ("training['continuous'] = 'no'", "training.continuous must be True or False, got 'no'"),
    ("sampling['snr'] = -1", "sampling.snr must be > 0, got -1"),
    ("sampling['snr'] = None", "sampling.snr must be a finite number, got None"),
    ("sampling['n_steps_each'] = 0", "sampling.n_steps_each must be a whole number >= 1, got 0"),
    ("sampling['corrector'] = 'mala'", "sampling.corrector must be one of langevin, ald, none"),
    ("c['eval']['batch_size'] = 0", "eval.batch_size must be a whole number >= 1, got 0"),
    ("model['name'] = 'ncsnv2_64'", "model.name 'ncsnv2_64' cannot be sampled here, only 'ncsnpp'"),
    ("model['normalization'] = 'InstanceNorm++'", "model.normalization 'InstanceNorm++' cannot"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[change for change, _ in WRONG])
def test_a_wrong_value_is_named_by_its_key_and_what_it_must_be(tmp_path, change, sentence):
    assert refusal(written(tmp_path, change)).startswith(sentence)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ("model['nf'] = 128.0", "nf", 128),
        ("model['nf'] = np.int64(8)", "nf", 8),
        ("model['nf'] = torch.tensor(8)", "nf", 8),
        ("model['attn_resolutions'] = [8]", "attn_resolutions", (8,)),
        ("model['attn_resolutions'] = np.array([8, 4])", "attn_resolutions", (8, 4)),
        ("data['centered'] = np.bool_(True)", "centered", True),
        ("data['centered'] = 1", "centered", True),
        ("model['resblock_type'] = 'DDPM'", "resblock_type", "ddpm"),
        ("model['init_scale'] = None", "init_scale", 0.0),
    ],
)
def test_a_value_in_another_guise_is_what_it_means(tmp_path, change, field, value):
    read_value = getattr(read_configuration(written(tmp_path, change)).card.network, field)
    assert read_value == value
    assert type(read_value) is type(value)


def test_a_whole_number_of_a_file_stays_one_so_that_run_folders_stay_the_same():
    taps = NCSNppConfig(image_size=32, fir_kernel=(1, 3, 3, 1), fourier_scale=16)
    assert [type(value) for value in (*taps.fir_kernel, taps.fourier_scale)] == [int] * 5


@pytest.mark.parametrize(
    "change",
    [
        "sampling.update(corrector='none'); del sampling['snr'], sampling['n_steps_each']",
        "sampling.update(corrector=None); del sampling['snr']",
        "model['fir'] = False; del model['fir_kernel']",
        "del model['resamp_with_conv']",
        "model['progressive_input'] = 'none'; del model['progressive_combine']",
        "del c['eval']",
    ],
)
def test_what_is_not_used_may_be_left_out(tmp_path, change):
    assert read_configuration(written(tmp_path, change)).card.sde == VESDE(0.05, 1.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("del sampling['snr']", "sampling.snr is missing"),
        ("del model['fir_kernel']", "model.fir_kernel is missing"),
        ("del c['data']", "data.image_size is missing, with its group data"),
        ("model['sigma_begin'] = model.pop('sigma_max')",
         "model.sigma_max is missing; the file has model.sigma_begin, did you mean"),
        ("model['sigma_end'] = model.pop('sigma_min')",
         "model.sigma_min is missing; the file has model.sigma_end, did you mean model.sigma_min?"),
        ("model['n_scales'] = model.pop('num_scales')",
         "model.num_scales is missing; the file has model.n_scales, did you mean"),
        ("training['sde'] = 'vpsde'; model['beta_begin'] = .1",
         "model.beta_min is missing; the file has model.beta_begin, did you mean model.beta_min?"),
        ("model['num_res_block'] = model.pop('num_res_blocks')",
         "model.num_res_blocks is missing; the file has model.num_res_block, did you mean"),
        ("model['image_size'] = data.pop('image_size')",
         "data.image_size is missing; the file has model.image_size, did you mean"),
    ],
)  # fmt: skip
def test_a_missing_value_comes_with_the_name_that_the_file_has(tmp_path, change, sentence):
    assert refusal(written(tmp_path, change)).startswith(sentence)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("model.nf", "8", 8),
        ("model.nf", "8.0", 8),
        ("model.ch_mult", "1,2", (1, 2)),
        ("model.ch_mult", "(1, 2)", (1, 2)),
        ("model.ch_mult", "[1,2]", (1, 2)),
        ("model.attn_resolutions", "8", (8,)),
        ("model.attn_resolutions", "()", ()),
        ("model.fir", "false", False),
        ("model.fir", "0", False),
        ("model.init_scale", "1e-2", 0.01),
        ("model.resblock_type", "DDPM", "ddpm"),
        ("data.centered", "True", True),
    ],
)
def test_an_override_is_read_in_the_type_of_what_it_replaces(tmp_path, key, text, value):
    network = read_configuration(written(tmp_path), {key: text}).card.network
    assert getattr(network, key.partition(".")[2]) == value


def test_overrides_reach_process_kernels_and_counts(tmp_path):
    configuration = read_configuration(
        written(tmp_path),
        {"model.sigma_max": "50.5", "sampling.snr": "0.1", "sampling.corrector": "ald",
         "sampling.predictor": "None", "eval.num_samples": "7"},
    )  # fmt: skip
    assert configuration.card.sde == VESDE(0.05, 50.5)
    assert configuration.card.snr == 0.1
    assert (configuration.predictor, configuration.corrector) == ("none", "ald")
    assert configuration.num_samples == 7


def test_an_override_may_add_what_the_file_leaves_out(tmp_path):
    path = written(tmp_path, "sampling.update(corrector='none'); del sampling['snr']")
    configuration = read_configuration(
        path, {"sampling.corrector": "langevin", "sampling.snr": ".2"}
    )
    assert (configuration.corrector, configuration.card.snr) == ("langevin", 0.2)


@pytest.mark.parametrize("sampler", [{"corrector": "none"}, {"snr": 0.1}])
def test_a_file_may_lack_an_snr_that_a_run_does_not_take_from_it(tmp_path, sampler):
    path = written(tmp_path, "del sampling['snr']")
    assert read_configuration(path, sampler=sampler).card.num_scales == 10


def test_a_corrector_of_a_run_needs_the_snr_that_the_file_lacks(tmp_path):
    path = written(tmp_path, "sampling.update(corrector='none'); del sampling['snr']")
    with pytest.raises(ValueError, match=r"sampling\.snr is missing"):
        read_configuration(path, sampler={"corrector": "langevin"})


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("sampling.snr", "small", "sampling.snr must be a finite number, got 'small'"),
        ("sampling.snr", "nan", "sampling.snr must be a finite number, got nan"),
        ("model.nf", "8.5", "model.nf must be a whole number, got 8.5"),
        ("model.nf", "", "model.nf must be a whole number, got ''"),
        ("model.fir", "maybe", "model.fir must be True or False, got 'maybe'"),
        ("model.ch_mult", "1;2", "model.ch_mult must list whole numbers, got ('1;2',)"),
        ("model.progressive", "all", "model.progressive must be one of none, output_skip, res"),
        ("eval.batch_size", "True", "eval.batch_size must be a whole number, got True"),
        ("sampling.sr", "1",
         "sampling.sr is no value of this configuration; did you mean sampling.snr?"),
        ("snr", "1", "snr is no value of this configuration; did you mean sampling.snr?"),
        ("model.sigma_begin", "9",
         "model.sigma_begin is no value of this configuration; did you mean model.sigma_max?"),
        ("model", "3", "model is a group of values; name one of them, such as model.nf"),
        ("zzz", "3", "zzz is no value of this configuration; expected a name such as"),
    ],
)  # fmt: skip
def test_a_wrong_override_names_its_key(tmp_path, key, text, sentence):
    assert refusal(written(tmp_path), {key: text}).startswith(sentence)


def test_an_override_without_effect_is_a_note(tmp_path):
    path = written(tmp_path, "c['device'] = torch.device('cpu'); training['batch_size'] = 128")
    with pytest.warns(UserWarning, match=r"device, training\.batch_size has no effect") as notes:
        read_configuration(path, {"device": "cuda:0", "training.batch_size": "64", "model.nf": "8"})
    assert len(notes) == 1


def test_a_file_as_it_is_needs_no_note(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isclose(read_configuration(written(tmp_path)).card.snr, 0.15)
