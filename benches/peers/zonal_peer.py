"""Zonal sums by exactextract: `zonal_peer.py RASTER ZONES STRATEGY OUT_FOLDER OPERATION..`."""

import sys

import geopandas
from exactextract import exact_extract

from common import Clock

if __name__ == "__main__":
    raster, zones, strategy, out, *operations = sys.argv[1:]
    clock = Clock()
    table = exact_extract(
        raster, geopandas.read_file(zones), operations, include_cols="id", output="pandas", strategy=strategy
    )
    table.to_csv(f"{out}/exactextract.csv", index=False)
    clock.report()
