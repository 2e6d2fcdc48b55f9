"""The tab "Your images" in a browser gives the masks of the command line."""

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from pds import filters
from pds.files.images import Images
from tests.support.pages import open_tab

TURNED = Image.Exif()
TURNED[0x0112] = 6


def smooth(seed, size):
    """A picture of a few waves and some noise, (H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]] / max(size)
    waves = [np.sin(6 * (seed + c + 1) * (rows + c * columns)) for c in range(3)]
    return 0.5 + 0.3 * np.stack(waves, -1) + 0.02 * rng.standard_normal((*size, 3))


def whole(pixels, most=255):
    return np.rint(most * pixels.clip(0, 1)).astype(np.uint8 if most == 255 else np.uint16)


def kinds(folder, size):
    """Pictures that the page once read otherwise than the command line."""
    images = [smooth(seed, size) for seed in range(7)]
    Image.fromarray(whole(images[0])).save(folder / "a.png", exif=TURNED)
    Image.fromarray(whole(images[1][..., 0], 65535)).save(folder / "b.png", exif=TURNED)
    Image.fromarray(whole(images[2])).save(folder / "c.jpg", exif=TURNED, quality=95)
    opacity = whole(np.linspace(0, 1, size[0])[:, None, None] * np.ones((*size, 1)))
    Image.fromarray(np.concatenate([whole(images[3]), opacity], -1)).save(folder / "d.png")
    Image.fromarray(whole(images[4])).save(folder / "e.webp", lossless=True)
    Image.fromarray(whole(images[5])).convert("P", palette=Image.Palette.ADAPTIVE).save(
        folder / "f.png"
    )
    Image.fromarray(whole(images[6])).convert("CMYK").save(folder / "g.jpg", quality=95)


def bring(page, folder):
    pane = open_tab(page, "images")
    pane.locator("input[type=file]").set_input_files(sorted(folder.iterdir()))
    expect(pane.locator(".pds-taken")).to_contain_text("pictures taken")
    return pane


def saved(page, pane, kind, tmp_path):
    with page.expect_download() as download:
        pane.get_by_role("button", name=f"Save {kind} mask").click()
    download.value.save_as(tmp_path / f"{kind}.npy")
    return np.load(tmp_path / f"{kind}.npy")


def expected(folder):
    masks = filters.estimate(Images(folder, 32))
    return {"frequency": masks.frequency.numpy(), "space": masks.space.numpy()}


def test_small_files_give_the_masks_of_the_command_line(page, tmp_path):
    (tmp_path / "in").mkdir()
    kinds(tmp_path / "in", (60, 90))
    Image.fromarray(whole(smooth(9, (40, 50)))).save(tmp_path / "in" / "only_the_server.tif")
    pane = bring(page, tmp_path / "in")
    for kind, mask in expected(tmp_path / "in").items():
        own = saved(page, pane, kind, tmp_path)
        # Masks are saved in float32.
        np.testing.assert_allclose(own, mask, rtol=1e-6, atol=1e-6, err_msg=kind)


@pytest.mark.slow
def test_large_files_are_shrunk_by_the_browser_to_nearly_the_same_gain(page, tmp_path):
    """The browser rounds to 8 bits and resamples by halves: the gain moves by less than 1 %."""
    folder = tmp_path / "in"
    folder.mkdir()
    kinds(folder, (600, 900))
    for path in folder.iterdir():
        with path.open("ab") as file:
            file.write(bytes(3_000_000))  # readers stop before it
    pane = bring(page, folder)
    mask = torch.from_numpy(saved(page, pane, "frequency", tmp_path))
    own = torch.from_numpy(expected(folder)["frequency"])
    torch.testing.assert_close(filters.gain(mask, 5.0), filters.gain(own, 5.0), rtol=0.01, atol=0)


def test_a_large_webp_that_only_the_server_turns_upright_is_named(page, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    kinds(folder, (60, 90))
    Image.fromarray(whole(smooth(9, (60, 90)))).save(folder / "turned.webp", exif=TURNED)
    with (folder / "turned.webp").open("ab") as file:
        file.write(bytes(20_000_000))
    taken = bring(page, folder).locator(".pds-taken")
    expect(taken).to_contain_text("7 pictures taken")
    expect(taken).to_contain_text("this browser cannot shrink them: turned.webp")


DROP = """([pane, type]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.setData(type, "https://example.com/a.png");
  pane.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("text/uri-list", "without its file; save it first, then drop the file"),
        ("text/html", "without its file; save it first, then drop the file"),
        ("text/plain", "This is not a picture file"),
    ],
)
def test_a_drop_without_a_file_is_answered(kept_page, kind, words):
    page, pane = kept_page, open_tab(kept_page, "images")
    pane.locator(".pds-error").evaluate("n => (n.textContent = '')")
    page.evaluate(DROP, [pane.element_handle(), kind])
    expect(pane.get_by_role("alert")).to_contain_text(words)
