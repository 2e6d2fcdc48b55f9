"""Hostile input causes no traceback, no file, no long wait, and shows no data of another visitor.

A short run here; all cases: python -m pytest -m fuzz --cases 10000, or python -m tests.fuzz.
"""

import io
import random
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pds import limits
from pds.files import arrays
from pds.files.images import Images
from pds.jobs import hosting
from pds.models import MODELS
from pds.request import Request
from tests.fuzz.arrays import GOOD, HOSTILE, hostile
from tests.fuzz.attack import attack, target
from tests.fuzz.cases import NAMES, NUMBERS, WORDS

OLD = "ignore:Reading `.npy`"  # numpy tells of headers that Python 2 wrote
LENIENT = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.fuzz
def test_the_server_withstands_hostile_requests(request):
    cases = request.config.getoption("--cases")
    with target() as server:
        assert attack(server, range(cases)) == []
        server.finish()


def read(content, most=limits.MAX_MASK_ELEMENTS):
    return arrays.read_npy(io.BytesIO(content), "The file", most=most)


@pytest.mark.filterwarnings(OLD)
@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_array_is_read_or_refused_in_a_sentence(content):
    try:
        array = read(content)
    except ValueError as error:
        assert len(limits.error_message(error)) <= limits.MAX_SENTENCE
    else:
        assert array.size <= limits.MAX_MASK_ELEMENTS
        assert array.nbytes <= len(content)


@pytest.mark.filterwarnings(OLD)
@settings(LENIENT, max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_array_is_read_or_refused_in_a_sentence(seed):
    test_a_hostile_array_is_read_or_refused_in_a_sentence(hostile(random.Random(seed)))


@pytest.mark.filterwarnings(OLD)
@settings(LENIENT, max_examples=200)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_a_sentence(content):
    test_a_hostile_array_is_read_or_refused_in_a_sentence(content)
    test_a_hostile_array_is_read_or_refused_in_a_sentence(GOOD[:8] + content)


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.integers()),
    st.complex_numbers(),
    st.sampled_from([*NUMBERS, *WORDS, *NAMES]),
    st.builds(np.float32, st.floats(width=32)),
)


@settings(LENIENT, max_examples=200)
@given(values=st.fixed_dictionaries({}, optional=dict.fromkeys(Request.__annotations__, ANY)))
def test_a_request_of_anything_is_within_the_limits_or_refused(values):
    try:
        request = hosting.from_page(values)
    except ValueError as error:
        assert len(str(error)) <= limits.MAX_SENTENCE
        return
    assert 1 <= request.num_steps <= limits.MAX_STEPS
    assert 1 <= request.num_images <= limits.MAX_IMAGES
    assert 1 < request.alpha <= limits.MAX_ALPHA
    assert {type(request.frequency), type(request.space), type(request.tuned)} == {bool}
    assert all(1 <= arm.num_steps <= limits.MAX_STEPS for arm in request.arms)
    assert request.snr is None or 0 < request.snr <= limits.MAX_SNR
    assert request.corrector_steps in (None, *range(limits.MAX_CORRECTOR_STEPS + 1))
    assert request.model in MODELS


@settings(LENIENT, max_examples=200)
@given(values=st.fixed_dictionaries({}, optional=dict.fromkeys(Request.__annotations__, ANY)))
def test_a_request_of_anything_is_one_or_refused_in_a_sentence(values):
    try:
        Request(**values)
    except ValueError as error:
        assert len(str(error)) <= limits.MAX_SENTENCE


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hostile_name_is_a_sampler_or_refused_in_a_sentence(side, name):
    try:
        request = hosting.from_page({side: name})
    except ValueError as error:
        assert len(str(error)) <= limits.MAX_SENTENCE
        assert str(error).isprintable()
    else:
        assert all(1 <= arm.num_steps <= limits.MAX_STEPS for arm in request.arms)


@settings(LENIENT, max_examples=100)
@given(value=st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY.filter(
    lambda v: v.__hash__ is not None), inner)))  # fmt: skip
def test_whatever_is_quoted_is_short_and_can_be_written(value):
    assert len(limits.quoted(value)) <= limits.MAX_QUOTED
    line = limits.error_message(ValueError(f"got {value!r}"))
    assert len(line) <= limits.MAX_SENTENCE
    assert "\n" not in line
    line.encode()


def test_a_long_value_is_shortened_in_every_sentence():
    with pytest.raises(ValueError, match="model must be one of") as error:
        hosting.from_page({"model": "x" * 1_000_000})
    assert len(str(error.value)) < 200


def picture(mode, size=(12, 10)):
    return Image.new(mode, size, color=None if mode != "P" else 3)


def saved(path, image, kind, **options):
    image.save(path, kind, **options)


def test_pictures_of_every_kind_are_read_or_skipped_as_the_documents_say(tmp_path):
    """Animations give their first frame, CMYK and palettes become color, SVG is no picture."""
    frames = [picture("P"), picture("P")]
    saved(tmp_path / "a.gif", frames[0], "GIF", save_all=True, append_images=frames[1:])
    saved(tmp_path / "b.webp", picture("RGB"), "WEBP", save_all=True, append_images=frames)
    saved(tmp_path / "c.jpg", picture("CMYK"), "JPEG")
    saved(tmp_path / "d.png", picture("I;16"), "PNG")
    saved(tmp_path / "e.png", picture("P"), "PNG")
    saved(tmp_path / "f.jpg", picture("RGB"), "PNG")  # named wrongly, and what it is all the same
    (tmp_path / "g.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    saved(tmp_path / "h.png", picture("RGB"), "PPM")
    (tmp_path / "i.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    source = Images(tmp_path, 8)
    assert sum(len(batch) for batch in source) == 7
    assert source.skipped == ["g.png", "i.png"]


def test_a_picture_of_30000_by_30000_pixels_is_not_decoded(tmp_path):
    side = 30_000
    saved(tmp_path / "a.png", picture("RGB"), "PNG")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(content)
    saved(tmp_path / "large.png", picture("1", (9000, 9000)), "PNG")  # 81 million, 10 KB as a file
    source = Images(tmp_path, 8)
    assert len(list(source)) == 1
    assert source.skipped == ["bomb.png", "large.png"]
