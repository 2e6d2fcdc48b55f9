"""Hostile array files: wrong headers, pickles, archives, truncated files, decompression bombs."""

import io
import pickle
import random
import zipfile

import numpy as np


class Trap:
    """What a pickle would run."""

    def __reduce__(self):
        return print, ("AUDIT unpickled",)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_header(header, body=b"\0" * 64, version=b"\x01\x00"):
    text = header.encode("latin-1", "replace")
    size = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little", signed=False)
    return b"\x93NUMPY" + version + size + text + body


def claims(shape, descr="'<f4'", order="False", body=b"\0" * 64, **more):
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    return with_header(header, body, **more)


def zipped(names, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


GOOD = npy(np.ones((3, 8, 8), np.float32))
HOSTILE = [
    b"",
    b"\x93NUMPY",
    GOOD[:70],
    GOOD[:-1],
    pickle.dumps(Trap()),
    npy(np.ones((3, 8, 8), np.float16)),
    npy(np.ones((3, 8, 8), np.complex64)),
    npy(np.full((3, 8, 8), "x")),
    npy(np.ones((3, 8, 8), bool)),
    npy(np.zeros((3, 0, 8))),
    npy(np.float32(3)),
    npy(np.ones(5, dtype=[("a", "f4"), ("b", "i4")])),
    npy(np.full((3, 8, 8), np.nan)),
    npy(np.full((1, 8, 8), 1e308)),
    npy(np.full((1, 8, 8), 5e-324)),
    npy(np.ones((1, 2, 100_000), np.uint8)),
    npy(np.ones((3, 1025, 1025), np.uint8)),
    claims((10**6, 10**6)),
    claims((3, 10**12, 10**12)),
    claims((10**30, 2, 2)),
    claims((-1, 8, 8)),
    claims((3, -8, -8), body=b"\0" * 768),
    claims((0, 10**9, 8)),
    claims("(True, 8, 8)"),
    claims("[3, 8, 8]"),
    claims("(3, 8, 8)", descr="'|O'", body=pickle.dumps(Trap())),
    claims("(3, 8, 8)", descr="'|V0'"),
    claims("(3, 8, 8)", descr="'|S0'"),
    claims("(99999999999, 8, 8)", descr="'|V0'"),
    claims("(3, 8, 8)", descr="'<f16'"),
    claims("(3, 8, 8)", descr="'<M8[ns]'", body=b"\0" * 2000),
    claims("(3, 8, 8)", descr="[('a', '<f4', (10**9,))]"),
    claims("(3, 8, 8)", descr="__import__('os').system('true')"),
    claims(tuple([1] * 40)),
    claims("(3, 8, 8)", version=b"\x02\x00"),
    claims("(3, 8, 8)", version=b"\x03\x00"),
    claims("(3, 8, 8)", version=b"\x09\x09"),
    with_header("(" * 9000),
    with_header("[" * 9000 + "]" * 9000),
    with_header("{" + "'a':1," * 1500 + "}"),
    with_header("1" + "0" * 9000),
    with_header("-" * 9000 + "1"),
    with_header("\\\n\t  'x"),
    with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 8L, 8L), }", b"\0" * 768),
    zipped({"a.npy": GOOD}),
    zipped({"a.npy": b"\0" * 5_000_000}),
    zipped({"../../evil.npy": GOOD}),
    zipped({"a.npy": claims((10**6, 10**6))}),
    b"PK\x03\x04" + b"\0" * 200,
    zipped({"a.npy": GOOD})[:-30],
    b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"GIF89a" + b"\xff" * 64,
]


def hostile(rng: random.Random) -> bytes:
    """One of these, or a good file with some bytes changed, cut or repeated."""
    if rng.random() < 0.4:
        return rng.choice(HOSTILE)
    content = bytearray(rng.choice([GOOD, GOOD, *HOSTILE]))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(max(1, len(content)))
        kind = rng.random()
        if kind < 0.5 and content:
            content[at] = rng.randrange(256)
        elif kind < 0.7:
            content[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 9)))
        elif kind < 0.85:
            del content[at : at + rng.randint(1, 40)]
        else:
            content += content[at : at + 50]
    return bytes(content)
