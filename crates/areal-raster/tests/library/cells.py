"""Areas of windows of grids in CRS of all kinds, by PROJ and GeographicLib, as cells.json beside this file.

usage: python cells.py > cells.json        (pyproj 3.7)

Each side of a window is followed by 4000 points, brought to longitude and latitude by PROJ, and the polygon of geodesics
between them is measured by GeographicLib's planimeter (Karney 2013) on the CRS's own ellipsoid, or on WGS 84 where the CRS
is on a sphere.
"""

import json
import sys

from pyproj import CRS, Geod, Transformer

# CRS, longitude and latitude of the middle, side of a cell in units of the CRS, rows, columns.
GRIDS = [
    ("EPSG:4326", 102, 15, 0.01, 60, 50),
    ("EPSG:4326", 20, -72, 0.5, 30, 80),
    ("EPSG:32648", 105, 15, 10, 300, 200),
    ("EPSG:32648", 111, 62, 30, 300, 200),
    ("EPSG:32760", 179.5, -17, 100, 300, 200),
    ("EPSG:3857", 9, 55, 20, 300, 200),
    ("EPSG:3857", -100, 70, 2000, 60, 50),
    ("EPSG:6933", 85, 20, 100, 300, 200),
    ("EPSG:3413", -45, 90, 25000, 40, 40),
    ("EPSG:3413", -120, 71, 500, 200, 300),
    ("EPSG:3031", 45, -90, 12500, 50, 51),
    ("EPSG:3995", 30, 75, 1000, 100, 100),
    ("EPSG:32661", 0, 90, 1000, 90, 110),
    ("EPSG:6931", 10, 90, 25000, 41, 41),
    ("EPSG:6932", 100, -88, 10000, 60, 60),
    ("EPSG:3035", 12, 50, 100, 300, 200),
    ("EPSG:2154", 2, 47, 25, 300, 200),
    ("EPSG:5070", -100, 40, 30, 300, 200),
    ("EPSG:3577", 134, -25, 1000, 80, 90),
    ("EPSG:3338", -150, 65, 250, 200, 200),
    ("EPSG:27700", -2, 54, 50, 300, 200),
    ("EPSG:31370", 4.5, 50.5, 10, 300, 200),
    ("EPSG:2056", 8, 47, 100, 300, 200),
    ("EPSG:3375", 102, 4, 100, 300, 200),
    ("EPSG:29873", 115, 4, 100, 300, 200),
    ("EPSG:2193", 172, -41, 100, 300, 200),
    ("EPSG:5514", 15, 50, 100, 300, 200),
    ("EPSG:28992", 5.5, 52, 25, 300, 200),
    ("EPSG:2263", -74, 40.7, 100, 300, 200),
    ("EPSG:2048", 18.5, -33, 100, 300, 200),
    ("EPSG:2180", 19, 52, 100, 300, 200),
    ("EPSG:4839", 10, 51, 100, 300, 200),
    ("EPSG:8857", -60, -10, 5000, 80, 90),
    ("EPSG:8857", 150, 65, 500, 80, 90),
    ("ESRI:54009", 5, 5, 1000, 90, 80),
    ("ESRI:54009", 150, 60, 25000, 30, 40),
    ("ESRI:54008", -70, -30, 1000, 90, 80),
    ("ESRI:54030", 40, 45, 5000, 60, 50),
    ("ESRI:54012", 100, 30, 5000, 60, 50),
    ("ESRI:54032", 60, 40, 10000, 60, 50),
    ("ESRI:102025", 95, 40, 1000, 90, 80),
    ("+proj=sinu +R=6371007.181 +units=m +no_defs", 5, 5, 463.312716525, 200, 200),
    ("+proj=sinu +R=6371007.181 +units=m +no_defs", 100, 60, 926.625433055, 200, 200),
    ("+proj=laea +lat_0=5 +lon_0=20 +datum=WGS84 +units=m +no_defs", 25, 0, 1000, 100, 100),
    ("+proj=aea +lat_1=20 +lat_2=-23 +lat_0=0 +lon_0=25 +datum=WGS84 +units=m +no_defs", 30, 10, 1000, 100, 100),
    ("+proj=geos +h=35785831 +lon_0=0 +sweep=y +datum=WGS84 +units=m +no_defs", 10, 20, 3000, 60, 60),
    ("+proj=ortho +lat_0=40 +lon_0=-3 +datum=WGS84 +units=m +no_defs", 10, 50, 1000, 60, 60),
    ("+proj=aeqd +lat_0=89 +lon_0=0 +datum=WGS84 +units=m +no_defs", 0, 89.9, 1000, 80, 80),
]
STEPS = 4000


def grid(text, lon, lat, side, rows, cols):
    crs = CRS(text)
    forth = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x, y = forth.transform(lon, lat) if crs.is_projected else (lon, lat)
    # North-west corner, rounded to whole cells.
    west, north = round(x / side - cols / 2) * side, round(y / side + rows / 2) * side
    return crs, west, north, side, rows, cols


def area(crs, west, north, width, height):
    sphere = crs.ellipsoid.inverse_flattening == 0
    geod = Geod(ellps="WGS84") if sphere else Geod(
        a=crs.ellipsoid.semi_major_metre, rf=crs.ellipsoid.inverse_flattening
    )
    east, south = west + width, north - height
    corners = [(west, north), (east, north), (east, south), (west, south), (west, north)]
    points = [
        (a[0] + (b[0] - a[0]) * k / STEPS, a[1] + (b[1] - a[1]) * k / STEPS)
        for a, b in zip(corners, corners[1:])
        for k in range(STEPS)
    ]
    if crs.is_projected:
        back = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        points = [back.transform(*p) for p in points]
    lons, lats = zip(*points)
    return abs(geod.polygon_area_perimeter(lons, lats)[0])


found = []
for text, *rest in GRIDS:
    crs, west, north, side, rows, cols = grid(text, *rest)
    whole = area(crs, west, north, side * cols, side * rows)
    # A third of the rows and columns in the middle, and one cell of them.
    row, col = rows // 3, cols // 3
    part = area(crs, west + side * col, north - side * row, side * col, side * row)
    cell = area(crs, west + side * col, north - side * row, side, side)
    found.append(
        {
            "crs": text, "origin": [west, north], "side": side, "rows": rows, "cols": cols,
            "whole": whole, "part": part, "cell": cell,
        }
    )  # fmt: skip
json.dump(found, sys.stdout, indent=1)
print()
