"""Every code block of README and of the site runs, in the order of its page.

A page's blocks run in a temporary folder that holds the files of `MATERIAL`, as far as the page
names them. tests/support/code_blocks.py says how a block is changed for the test.
"""

import re
import shutil
import subprocess

import pytest

from pds.commands import cli, sample
from pds.files.shipped import ROOT
from pds.portraits import portraits
from tests.support import code_blocks
from tests.support.code_blocks import PAGE

PAGES = [
    name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
    )
    if any(block.language in code_blocks.CODE for block in code_blocks.read(name))
]
BLOCKS = [block for page in PAGES for block in code_blocks.read(page)]

NOT_RUN = {
    "README.md": [
        "it installs, and serves until it is stopped",
        "it installs, and runs every test",
    ],
    "CONTRIBUTING.md": [
        "it installs, and runs every test",
    ],
    "docs/development.md": [
        "they are the tests",
        "they check the checkout",
        "they are the tests, of changed code",
    ],
    "docs/evidence.md": [
        "the same command for other samplers, sizes and numbers of iterations",
        "it writes this page",
    ],
    "docs/experiments.md": [
        "it needs the checkpoint, the data set and a GPU",
        "it needs the checkpoint, the data set and a GPU",
        "it needs the checkpoint, the data set and a GPU",
        "it needs the checkpoint, the data set and a GPU",
    ],
    "docs/gpu.md": [
        "it needs a card, or minutes without one",
    ],
    "docs/howto/checkpoint.md": [
        "it needs a real checkpoint",
        "it loads from the hub",
        "half a minute of denoisings; tests/unit/jobs/test_response_runs.py runs the commands",
    ],
    "docs/howto/denoisers.md": [
        "it needs k-diffusion; tests/unit/integrations/test_denoisers.py runs it",
        "it needs azula; tests/unit/integrations/test_denoisers.py runs it",
    ],
    "docs/howto/diffusers.md": [
        "it installs",
    ],
    "docs/howto/gpus.md": [
        "it needs several cards",
        "it needs several cards",
        "it needs several cards, and serves until it is stopped",
    ],
    "docs/howto/hosting.md": [
        "it serves until it is stopped",
        "it serves until it is stopped",
        "it needs Docker",
        "it needs Docker",
        "it needs an account",
        "it needs an account",
        "it serves until it is stopped",
        "it needs Docker and a card",
    ],
    "docs/index.md": [
        "it installs, and serves until it is stopped",
        "it installs, and serves until it is stopped",
    ],
    "docs/operations.md": [
        "it serves until it is stopped",
    ],
    "docs/reference/commands.md": [
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
        "examples of the help; test_commands_document.py parses them",
    ],
    "docs/samplers.md": [
        "half a minute of denoisings; tests/unit/jobs/test_response_runs.py runs the commands",
    ],
    "docs/theory.md": [
        "it writes this page, in some minutes",
        "it needs a card",
    ],
    "docs/tutorial.md": [
        "it installs",
    ],
}
"""Why blocks are not run, for each page in the order of its blocks: as the page itself says it."""


def my_images(place):
    """24 portraits of 32 px as PNG files."""
    from PIL import Image

    place.mkdir()
    for i, image in enumerate(portraits(range(24))):
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(place / f"{i:02}.png")


def my_checkpoint(place):
    """The embedded network of 32 px."""
    shutil.copy(ROOT / "assets" / "portraits32.safetensors", place)


def my_masks(place):
    """Its masks."""
    shutil.copy(ROOT / "filters" / place.name.replace("my_", "portraits32_"), place)


def my_pipeline(place):
    """A diffusers pipeline of 32 px with random weights."""
    from diffusers import ScoreSdeVePipeline, ScoreSdeVeScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=32,
        block_out_channels=(32, 32),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        time_embedding_type="fourier",
    )
    pipeline = ScoreSdeVePipeline(unet=unet, scheduler=ScoreSdeVeScheduler(snr=0.15))
    pipeline.save_pretrained(place)


MATERIAL = {
    "my_images": my_images,
    "my.safetensors": my_checkpoint,
    "my_freq.npy": my_masks,
    "my_space.npy": my_masks,
    "pipeline": my_pipeline,
}
"""What a reader is assumed to have, by its name."""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """Returns a function that puts a file or folder of `MATERIAL` into a folder."""
    store = tmp_path_factory.mktemp("material")

    def put(name, place):
        made = store / name
        if not made.exists():
            MATERIAL[name](made)
        if made.is_dir():
            shutil.copytree(made, place / name)
        else:
            shutil.copy(made, place)

    return put


LONG = {
    f"docs/{name}.md"
    for name in (
        *("evidence", "experiments", "samplers", "tutorial"),
        *("howto/checkpoint", "howto/pictures", "howto/programs"),
    )
}
"""Pages whose code runs for seconds."""


def runnable(page):
    return [b for b in BLOCKS if (b.page, b.language in code_blocks.CODE) == (page, True)]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page in LONG else [])
        for page in PAGES
        if any(not block.not_run for block in runnable(page))
    ],
)
def test_the_blocks_of_a_page_run(page, tmp_path, material, request, capsys):
    """A block of text after one of Python is what that one prints."""
    blocks = [block for block in BLOCKS if block.page == page and not block.not_run]
    code = "".join(block.code for block in blocks if block.language in code_blocks.CODE)
    for name in MATERIAL:
        if name in code:
            material(name, tmp_path)
    if PAGE in code:
        address = request.getfixturevalue("local_address")
        blocks = [code_blocks.at_address(block, address) for block in blocks]
    namespace, printed, wrong = {"__name__": "__main__"}, None, []
    with code_blocks.folder(tmp_path):
        for block in blocks:
            if block.language in code_blocks.CODE:
                capsys.readouterr()
                code_blocks.run(block, namespace)
                printed = capsys.readouterr().out if block.language == "python" else None
            elif block.language == "text" and printed is not None:
                if not code_blocks.alike(block.code, printed):
                    wrong.append((block.line, block.code, printed))
    assert wrong == []


def test_what_is_not_run_is_in_the_table():
    found = {page: [b.not_run for b in runnable(page) if b.not_run] for page in PAGES}
    assert {page: reasons for page, reasons in found.items() if reasons} == NOT_RUN


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.not_run], ids=lambda b: f"{b.page}:{b.line}"
)
def test_a_block_that_is_not_run_is_well_formed(block):
    """Python compiles, bash parses, and the options of our commands are ones."""
    if block.language == "python":
        compile(block.code, block.page, "exec")
        return
    checked = subprocess.run(["bash", "-n"], input=block.code, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    for words in code_blocks.simple_commands(block.code) or []:
        program, *_ = ours = code_blocks.our_words(words) or ([], [])
        if "main.py" in program:
            sample.main_parser().parse_args(ours[1])
        elif "pds" in program:
            cli.parse_arguments(ours[1])


def test_every_block_has_a_language_that_is_known():
    found = {block.language for block in BLOCKS}
    assert found <= {*code_blocks.CODE, *code_blocks.OUTPUT}


@pytest.mark.parametrize("page", PAGES)
def test_a_comment_is_before_its_block(page):
    """Comments elsewhere would be ignored in silence."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not re.search("<!-- (not run|in the test):", code_blocks.BLOCK.sub("", text))
