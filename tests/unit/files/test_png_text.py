"""The texts of a PNG, after what other programs do to it: Python's reader and the page's.

All mutants: python -m pytest tests/unit/files/test_png_text.py --cases 20000.
"""

import base64
import random
import zlib

import pytest

from pds.commands.cli import main
from pds.files import pictures, png_text
from pds.jobs import request_text
from tests.support.paths import ROOT
from tests.support.png_files import (
    BOMB,
    CHUNKS,
    END,
    HEAD,
    OURS,
    PASSED_ON,
    PIXELS,
    REQUEST,
    TEXT,
    WHOLE,
    chunk,
    plain,
    saved_again,
    with_text,
)

SCRIPT = base64.b64encode((ROOT / "pds/web/tabs/compare/png.js").read_bytes()).decode()
READ_ALL = f"""async (files) => {{
  const {{ pngText }} = await import("data:text/javascript;base64,{SCRIPT}");
  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const texts = [];
  for (const file of files) texts.push(await pngText(bytes(file), "pds"));
  return texts;
}}"""


def read(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    return pictures.read_text(path)


@pytest.fixture(scope="module")
def on_page(browser):
    """Reads the texts of files as the page does."""
    page = browser.new_page()
    yield lambda *files: page.evaluate(READ_ALL, [base64.b64encode(f).decode() for f in files])
    page.close()


@pytest.mark.parametrize("name", PASSED_ON)
def test_a_picture_that_was_passed_on_keeps_its_text(tmp_path, name):
    assert read(tmp_path, PASSED_ON[name]) == TEXT


def test_the_page_reads_the_text_of_all_of_them(on_page):
    assert dict(zip(PASSED_ON, on_page(*PASSED_ON.values()), strict=True)) == dict.fromkeys(
        PASSED_ON, TEXT
    )


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_a_record_whose_lines_were_broken_prints_its_command(tmp_path, capsys, ending):
    lines = TEXT.replace("{", "{" + ending).replace(", ", "," + ending + 12 * " ")
    (tmp_path / "a.png").write_bytes(with_text(plain(lines.encode())))
    assert main(["show", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().out.strip() == request_text.to_command(REQUEST)


LETTERS = {
    "Latin-1": ("Zürich", "Zürich".encode("latin-1")),
    "UTF-8": ("Zürich", "Zürich".encode()),
    "UTF-8 beyond Latin-1": ("チューリッヒ", "チューリッヒ".encode()),
    "controls of Latin-1": ("\x80\x9f", b"\x80\x9f"),
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_text_is_utf_8_or_else_latin_1(tmp_path, on_page, name):
    letters, encoded = LETTERS[name]
    assert read(tmp_path, with_text(plain(encoded))) == letters
    assert on_page(with_text(plain(encoded))) == [letters]


UNREADABLE = {
    "none": with_text(),
    "of another keyword": with_text(plain(OURS, b"PDS")),
    "a bomb": with_text(chunk(b"zTXt", b"pds\0\0" + BOMB)),
    "an international bomb": with_text(chunk(b"iTXt", b"pds\0\1\0\0\0" + BOMB)),
    "two million letters": with_text(plain(b"a" * 2_000_000)),
    "a cut stream": with_text(chunk(b"zTXt", b"pds\0\0" + zlib.compress(OURS)[:-6])),
    "a stream and more": with_text(chunk(b"zTXt", b"pds\0\0" + zlib.compress(OURS) + b"more")),
    "an unknown method": with_text(chunk(b"zTXt", b"pds\0\7" + zlib.compress(OURS))),
    "an international text that ends early": with_text(chunk(b"iTXt", b"pds\0\0\0en")),
    "no text behind the keyword": with_text(chunk(b"zTXt", b"pds\0")),
}
"""Whole files without a text that can be read."""


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_text_that_cannot_be_read_is_none(tmp_path, on_page, name):
    assert read(tmp_path, UNREADABLE[name]) == ""
    assert on_page(UNREADABLE[name]) == [""]


@pytest.mark.parametrize("kept", [0, 7, 8, 20, 33, len(WHOLE) // 2, -13, -12, -4, -1])
def test_a_file_that_ends_too_early_is_not_whole(tmp_path, kept):
    assert read(tmp_path, WHOLE[:kept]) is None
    assert read(tmp_path, with_text(CHUNKS[b"tEXt"], behind=True)[:kept]) is None


@pytest.mark.parametrize(
    "content",
    [
        WHOLE.replace(PIXELS[8:20], bytes(12)),
        png_text.SIGNATURE + END,
        png_text.SIGNATURE + HEAD + CHUNKS[b"tEXt"] + END,
        png_text.SIGNATURE + b"\xff\xff\xff\xfftEXt",
        WHOLE[:8] + WHOLE,
    ],
    ids=["damaged pixels", "no head", "no pixels", "a huge claim", "two signatures"],
)
def test_a_damaged_file_is_not_whole(tmp_path, content):
    assert read(tmp_path, content) is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("jpg", "it is a JPEG;"),
        ("webp", "it is a WebP;"),
        ("gif", "it is a GIF;"),
        ("png", "it is a PNG without a record, such as a screenshot"),
    ],
)
def test_show_says_of_a_copy_in_another_form_what_it_is(tmp_path, capsys, kind, words):
    (tmp_path / "ours.png").write_bytes(WHOLE)
    path = saved_again(tmp_path, kind)
    assert main(["show", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path.name} does not say how it was made: {words}" in said
    assert said.endswith("expected a PNG as main.py or the page saved it\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WHOLE[:-5], "a PNG that is damaged or ends too early, such as an interrupted download"),
        (b"", "it is empty;"),
        (b"RIFF\x10\0\0\0WEBPVP8X", "it is a WebP;"),
        (b"PK\x03\x04", "it is an archive;"),
        (b"hello", "it is not a PNG;"),
    ],
)
def test_show_says_of_another_file_what_it_is(tmp_path, capsys, content, words):
    (tmp_path / "a.png").write_bytes(content)
    assert main(["show", str(tmp_path / "a.png")]) == 2
    assert words in capsys.readouterr().err


def broken_text(draw):
    """A chunk of a text, of which any part may be wrong, with its right checksum."""
    keyword = draw.choice([b"pds", b"grain", b"", draw.randbytes(3)])
    text = draw.choice([OURS, b"", draw.randbytes(30), "Zürich".encode("latin-1"), bytes(3000)])
    packed = bytearray(zlib.compress(text))
    if draw.random() < 0.4:
        packed[draw.randrange(len(packed))] ^= 1 << draw.randrange(8)
    packed = packed[: draw.choice([None, None, -1, 3])] + draw.choice([b"", b"", b"more"])
    before = draw.choice(
        [b"", b"\0", b"\0\0", b"\1\0\0\0", b"\0\0en\0\0", b"\1\0en\0", b"\2\0\0\0"]
    )
    body = draw.choice([text, bytes(packed)])
    return chunk(draw.choice(png_text.TEXTS), keyword + b"\0" + before + body)


def mutant(seed):
    """A picture of ours with other texts anywhere, in every third damaged or cut."""
    draw = random.Random(seed)
    middle = [broken_text(draw) for _ in range(draw.randint(0, 3))] + [CHUNKS[b"tEXt"]]
    middle.insert(draw.randrange(len(middle) + 1), PIXELS)
    draw.shuffle(middle)
    content = bytearray(png_text.SIGNATURE + HEAD + b"".join(middle) + END)
    content += draw.choice([b"", b"", draw.randbytes(20), WHOLE])
    if draw.random() < 1 / 3:
        at = draw.randrange(len(content))
        end = draw.choice([at + 1, at + draw.randrange(20), len(content)])
        content[at:end] = draw.choice([b"", draw.randbytes(1), draw.randbytes(12), b"\xff" * 4])
    return bytes(content)


def test_no_mutant_of_a_picture_stops_a_reader(tmp_path, on_page, request):
    files = [mutant(seed) for seed in range(request.config.getoption("--cases"))]
    read_here = [read(tmp_path, file) for file in files]
    read_there = on_page(*files)
    assert {None, "", TEXT} <= set(read_here)
    # The page stops at the text; here the whole file has to be undamaged.
    both = [(a, b) for a, b in zip(read_here, read_there, strict=True) if a is not None]
    assert [(a, b) for a, b in both if a != b] == []
    assert len(both) > len(files) / 2
