"""Statistics of zones by exactextract, as JSON on stdout.

usage: exactextract_statistics.py VALUES.npy WEIGHTS.npy ZONES.json XMIN YMIN XMAX YMAX OPERATION...

The arrays are [row, col] from the north-west; value NaN is nodata. ZONES.json is an array of GeoJSON features in the plane of
the arrays, each with an "id". Operations of exactextract, and quantile_PERCENT and weighted_quantile_PERCENT: numpy's inverse of
the distribution function, of the cells and shares that exactextract finds.
"""

import json
import sys

import numpy
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

values, weights, zones = sys.argv[1:4]
bounds = dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, sys.argv[4:8])))
with open(zones, encoding="utf-8") as file:
    features = json.load(file)
rasters = [NumPyRasterSource(numpy.load(path), nodata=numpy.nan, **bounds) for path in (values, weights)]
is_ours = [operation.startswith(("quantile_", "weighted_quantile_")) for operation in sys.argv[8:]]
theirs = [operation for operation, ours in zip(sys.argv[8:], is_ours, strict=True) if not ours]
quantiles = [operation for operation, ours in zip(sys.argv[8:], is_ours, strict=True) if ours]
found = exact_extract(rasters[0], features, [*theirs, "values", "coverage", "weights"], weights=rasters[1])


def statistics(properties):
    cells, coverage, amounts = (numpy.asarray(properties.pop(name)) for name in ("values", "coverage", "weights"))
    for name in quantiles:
        shares = coverage * amounts if name.startswith("weighted_") else coverage
        is_there = shares > 0
        q = float(name.rpartition("_")[2]) / 100
        properties[name] = numpy.quantile(cells[is_there], q, weights=shares[is_there], method="inverted_cdf")
    return {name: float(value) for name, value in properties.items()}


json.dump({zone["id"]: statistics(f["properties"]) for zone, f in zip(features, found, strict=True)}, sys.stdout)
