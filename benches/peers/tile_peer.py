"""Patches of a scene by hand: `tile_peer.py decode|cut SCENE LABELS OUT`.

decode reads every block once and keeps nothing: the floor. cut also writes the patches and the class that most of a
patch's pixels have, without masks, splits or tables.
"""

import sys

import numpy as np
import rasterio

from common import Clock

PATCH = 64


def decode(scene):
    with rasterio.open(scene) as source:
        for _, window in source.block_windows(1):
            source.read(window=window)


def cut(scene, labels, out):
    with rasterio.open(scene) as source, rasterio.open(labels) as classes:
        rows, cols = source.height // PATCH, source.width // PATCH
        shape = (rows * cols, source.count, PATCH, PATCH)
        pixels = np.lib.format.open_memmap(f"{out}.npy", "w+", source.dtypes[0], shape)
        found = np.zeros(rows * cols, np.uint8)
        for row in range(rows):
            window = ((row * PATCH, (row + 1) * PATCH), (0, source.width))
            strip = source.read(window=window).reshape(source.count, PATCH, cols, PATCH)
            pixels[row * cols : (row + 1) * cols] = strip.transpose(2, 0, 1, 3)
            labelled = classes.read(1, window=window).reshape(PATCH, cols, PATCH).transpose(1, 0, 2)
            for col in range(cols):
                found[row * cols + col] = np.bincount(labelled[col].ravel(), minlength=256)[:255].argmax()
        pixels.flush()
        np.save(f"{out}_classes.npy", found)


if __name__ == "__main__":
    clock = Clock()
    decode(sys.argv[2]) if sys.argv[1] == "decode" else cut(*sys.argv[2:])
    clock.report()
