"""Statistics of zones by exactextract, as JSON on stdout.

usage: exactextract_statistics.py VALUES.npy WEIGHTS.npy ZONES.json XMIN YMIN XMAX YMAX OPERATION...

The arrays are [row, col] from the north-west; value NaN is nodata. ZONES.json is an array of GeoJSON features in the plane of
the arrays, each with an "id".
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
found = exact_extract(rasters[0], features, sys.argv[8:], weights=rasters[1])
json.dump(
    {
        zone["id"]: {name: float(value) for name, value in f["properties"].items()}
        for zone, f in zip(features, found, strict=True)
    },
    sys.stdout,
)
