"""Class fractions, mean and standard deviation of zones by exactextract, as JSON on stdout.

usage: exactextract_zones.py CLASSES.npy VALUES.npy ZONES.json XMIN YMIN XMAX YMAX

The arrays are [row, col] from the north-west; class 255 and value NaN are nodata. ZONES.json is an array of GeoJSON
features in the plane of the arrays, each with an "id".
"""

import json
import sys

import numpy
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

classes, values, zones = sys.argv[1:4]
bounds = dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, sys.argv[4:])))
with open(zones, encoding="utf-8") as file:
    features = json.load(file)


def extract(path, nodata, operations):
    raster = NumPyRasterSource(numpy.load(path), nodata=nodata, **bounds)
    found = exact_extract(raster, features, operations)
    return {zone["id"]: f["properties"] for zone, f in zip(features, found, strict=True)}


shares = extract(classes, 255, ["unique", "frac"])
moments = extract(values, numpy.nan, ["mean", "stdev", "count"])
json.dump(
    {
        name: {
            "shares": {str(int(c)): float(f) for c, f in zip(shares[name]["unique"], shares[name]["frac"])},
            "mean": float(moments[name]["mean"]),
            "stdev": float(moments[name]["stdev"]),
            "count": float(moments[name]["count"]),
        }
        for name in shares
    },
    sys.stdout,
)
