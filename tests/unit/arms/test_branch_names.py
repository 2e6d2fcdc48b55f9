"""Names of branches, FIRST/K/THEN, and the samplers of a request with one."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pds import spectra, theory
from pds.arms.branch import Branch
from pds.arms.names import Arm, parse, parse_all
from pds.jobs import comparison, request_text
from pds.jobs.hosting import from_page
from pds.jobs.record import read_request
from pds.models import compare_request, load_model
from pds.request import Request
from pds.sampling import ProbabilityFlow
from pds.sde import VPSDE
from pds.web.exact import predict
from pds.web.server.runs import answer
from pds.web.tabs.compare import branch

REQUEST = Request("field64", num_steps=8, num_images=1, seed=4)


def test_a_branch_is_an_arm_with_the_one_that_it_begins_with():
    arm = parse("vanilla@40/20/pds:5@10")
    assert arm == Arm("pds", 5.0, 10, first=Arm("vanilla", num_steps=40), after=20)
    assert parse("vanilla/3/pds:5/6/tuned").first == parse("vanilla/3/pds:5")


@pytest.mark.parametrize(
    "name",
    [
        "vanilla/20/pds:5",
        "vanilla@40/20/pds:5@10",
        "pds+space:2.5/1/ode-heun@3",
        "vanilla@9/3/scalar/5/scalar:1.25@2",
    ],
)
def test_a_name_in_normal_form_is_read_and_written_as_it_is(name):
    assert str(parse(name)) == name


@pytest.mark.parametrize(
    ("name", "at_40"),
    [
        ("vanilla/25/pds:5", "vanilla@40/25/pds:5@15"),
        ("vanilla@30/25/pds:5", "vanilla@30/25/pds:5@5"),
        ("vanilla/25/pds:5@60", "vanilla@40/25/pds:5@60"),
        ("ode-euler/60/vanilla", "ode-euler@40/60/vanilla@10"),
        ("vanilla/30/ode-euler", "vanilla@40/30/ode-euler@10"),
        ("vanilla/10/tuned@6/12/pds:5", "vanilla@40/10/tuned@6/12/pds:5@4"),
    ],
)
def test_without_an_n_of_its_own_a_branch_takes_the_iterations_that_were_left(name, at_40):
    assert str(parse(name).at(40)) == at_40


@pytest.mark.parametrize(
    ("name", "pace"),
    [
        ("vanilla@40/20/pds:5", 40),
        ("vanilla@40/20/pds:5@10", 20),
        ("ode-euler@40/60/vanilla", 40),
        ("vanilla@40/20/pds:5@10/25/pds:5", 20),
        ("vanilla@2000/1999/tuned@2000", 2000),
    ],
)
def test_a_sampler_after_a_branch_is_built_for_the_length_of_its_steps(name, pace):
    assert parse(name).at(1).pace == pace


@pytest.mark.parametrize(
    ("right", "label"),
    [
        ("vanilla/5/pds:5", "vanilla with PDS from 5 on"),
        ("vanilla/5/pds:5@9", "vanilla with 9 steps of PDS from 5 on"),
        ("pds:5/5/pds:2", "PDS with PDS (pds:2) from 5 on"),
        ("vanilla/5/tuned/6/ode-heun", "tuned with Heun from 6 on"),
    ],
)
def test_a_branch_is_called_by_both_of_its_samplers(right, label):
    assert replace(REQUEST, right=right).labels == ("vanilla", label)


LISTING = "a sampler is one of vanilla, pds:ALPHA, "


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("vanilla/0/pds:5", "the iteration of vanilla to continue from must .* >= 1, got 0"),
        ("vanilla/8/pds:5", "the iteration of vanilla@8 to continue from must .* 1 to 7, got 8"),
        ("vanilla@1/1/pds:5", "a run of vanilla@1 has no iteration to continue from"),
        (
            "vanilla/4/pds:5/3/tuned",
            "the iteration of vanilla/4/pds:5 to continue from must .* >= 5, got 3",
        ),
        ("vanilla/4", "a branch is FIRST/K/THEN, such as vanilla@40/20/pds:5, got 'vanilla/4'"),
        ("vanilla/x/pds:5", "a branch is FIRST/K/THEN, .*, got 'vanilla/x/pds:5'"),
        ("vanilla/4/", LISTING),
        ("/4/vanilla", LISTING),
        ("vanilla/4/nothing", LISTING + ".*got 'nothing'"),
        ("vanilla/4/pds:0.5", "alpha must be > 1, got 0.5"),
        ("vanilla/4/pds:5@2001", "iterations of pds:5 must be a whole number from 1 to 2000"),
        ("vanilla/4/pds:5@1999", "vanilla@8/4/pds:5@1999 has 2003 iterations, a run has at most"),
        ("vanilla/1/tuned/2/tuned/3/tuned", "at most 2 branches, got 3"),
        (
            "vanilla/7/tuned@2",
            "the state has a noise level of .*continue from an earlier iteration",
        ),
    ],
)
def test_a_branch_that_cannot_be_is_refused_by_one_sentence(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_model("field64").plans(from_page({**vars(REQUEST), "right": name}))


def test_a_branch_of_another_process_than_ve_is_refused():
    model = replace(load_model("field64"), sde=VPSDE())
    with pytest.raises(ValueError, match="by another sampler for VE only, not for VPSDE"):
        model.plan(parse("vanilla/20/pds:5"), 40)


def test_evaluation_takes_no_branches():
    with pytest.raises(ValueError, match="a branch belongs to one number of iterations"):
        parse_all("vanilla,vanilla/20/pds:5")


def test_a_plan_runs_the_first_sampler_and_then_the_other_one_for_the_rest():
    plan = load_model("field64").plan(parse("vanilla@8/3/ode-euler@2"), 66)
    assert isinstance(plan.sampler, Branch)
    assert plan.sampler.first == load_model("field64").sampler(8)
    assert plan.sampler.then == ProbabilityFlow("euler", 4)
    assert plan.sampler.num_steps == 7


@pytest.mark.parametrize("kind", ["vanilla", "pds:5", "tuned", "scalar", "ode-heun", "ode-euler"])
def test_a_named_branch_into_the_same_sampler_is_the_whole_run_bit_for_bit(kind):
    *_, pair = compare_request(replace(REQUEST, left=kind, right=f"{kind}/4/{kind}"))
    assert torch.equal(pair.left.x, pair.right.x)


def test_the_exact_curves_follow_a_branch_with_the_gains_of_both_samplers():
    request = replace(REQUEST, left="vanilla", right="vanilla/3/pds:2")
    model, curves = load_model("field64"), list(predict(request))
    assert [(left.power == right.power).all() for left, right in curves[:4]] == [1, 1, 1, 0]
    sampler = model.plans(request)[1].sampler
    data = theory.modes(model.score.power[0].cpu())
    *_, last = theory.trajectory(data, None, model.sde, sampler)
    expected = spectra.radial(theory.grid(last, *model.image_shape[1:])).power
    np.testing.assert_array_equal(curves[-1][1].power, expected)


@pytest.mark.parametrize("name", ["vanilla@8/3/pds:5@2", "vanilla/3/tuned/4/ode-heun"])
def test_a_link_gives_the_name_of_a_branch_back(name):
    request = replace(REQUEST, right=name)
    assert request_text.from_query(request_text.to_query(request))[0] == request


def test_a_picture_gives_the_name_of_a_branch_back():
    request = replace(REQUEST, right="vanilla@8/3/pds:5@2")
    png = comparison.png(request, *comparison.final(request))
    with Image.open(io.BytesIO(png)) as image:
        assert read_request(image.info["pds"]) == request


def test_the_page_asks_whether_a_branch_can_be_before_it_leaves_its_run():
    assert answer(branch.view, {**vars(REQUEST), "right": "vanilla/3/pds:5"}) == {}
    refused = answer(branch.view, {**vars(REQUEST), "right": "vanilla/9/pds:5"})
    assert refused["error"].startswith("the iteration of vanilla@8 to continue from must be")


def test_a_branch_of_a_visitors_model_that_is_gone_is_refused_by_one_sentence():
    refused = answer(branch.view, {**vars(REQUEST), "model": "own-123", "right": "vanilla/3/pds:5"})
    assert refused["error"].startswith("model must be one of")
