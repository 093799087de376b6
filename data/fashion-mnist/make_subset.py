#!/usr/bin/env python3
"""Cuts the first images of the official Fashion-MNIST into the small gzipped IDX files beside this script.

usage: make_subset.py FOLDER    (FOLDER holds the four official .gz files)

Checks the official files first. Running it twice gives the same unpacked bytes, and the same gzip with the same zlib.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

KEEP = {"train": 10_000, "t10k": 2_000}
OFFICIAL = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def first(idx: bytes, keep: int) -> bytes:
    """The IDX file `idx` cut to its first `keep` items."""
    rank = idx[3]
    count, *shape = struct.unpack(f">{rank}I", idx[4 : 4 + 4 * rank])
    assert keep <= count
    item = 1
    for extent in shape:
        item *= extent
    start = 4 + 4 * rank
    return idx[:4] + struct.pack(">I", keep) + idx[8:start] + idx[start : start + keep * item]


def main() -> None:
    source, target = Path(sys.argv[1]), Path(__file__).parent
    for name, expected in OFFICIAL.items():
        official = gzip.decompress((source / f"{name}.gz").read_bytes())
        if hashlib.sha256(official).hexdigest() != expected:
            sys.exit(f"{source / name}.gz is not the official file")
        cut = first(official, KEEP[name.split("-")[0]])
        with open(target / f"{name}.gz", "wb") as file:
            with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed:
                packed.write(cut)
        print(f"{name}  {len(cut)} bytes  {hashlib.sha256(cut).hexdigest()}")


if __name__ == "__main__":
    main()
