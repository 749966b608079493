#!/usr/bin/env bash
# Time and peak memory of `areal aggregate` for inputs of unusual size.
#   benches/peers/large.sh AREAL FOLDER        AREAL is the binary; the inputs are made in FOLDER once (3 GB) and used again
set -euo pipefail
areal=$1 folder=$2
mkdir -p "$folder"
cd "$folder"
make() { [ -e "$1" ] || { "${@:2}" "$1.part" && mv "$1.part" "$1"; }; }
zones() { # COUNT OUT: squares of .03 degrees side by side, round the Earth between 60 degrees south and 60 north
    awk -v n="$1" 'BEGIN {
        print "{\"type\":\"FeatureCollection\",\"features\":["
        for (k = 0; k < n; k++) {
            x = -179.5 + (k % 1000) * 0.359; y = -59 + int(k / 1000) * 0.118; a = x + 0.03; b = y + 0.03
            printf "{\"type\":\"Feature\",\"properties\":{\"id\":\"z%d\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":", k
            printf "[[[%.6f,%.6f],[%.6f,%.6f],[%.6f,%.6f],[%.6f,%.6f],[%.6f,%.6f]]]}}%s\n", x,y,a,y,a,b,x,b,x,y,(k < n-1 ? "," : "")
        }
        print "]}" }' >"$2"
}
star() { # CORNERS OUT: one ring round 10 degrees east, 45 north, in and out by turns
    awk -v n="$1" 'BEGIN {
        printf "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"id\":\"a\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[["
        for (k = 0; k <= n; k++) {
            t = (k % n) / n * 6.283185307179586; r = 5 + 0.002 * (k % 2)
            printf "[%.9f,%.9f]%s", 10 + r * cos(t), 45 + r * sin(t), (k < n ? "," : "")
        }
        print "]]}}]}" }' >"$2"
}
raster() { # WIDTH HEIGHT OUT: classes on all longitudes, from 60 degrees south or further to as far north
    gdal_create -q -of GTiff -ot Byte -bands 1 -burn 1 -outsize "$1" "$2" -a_srs EPSG:4326 -a_nodata 0 \
        -a_ullr -180 "$3" 180 "-$3" -co TILED=YES -co COMPRESS=DEFLATE "$4"
}
sparse() { # OUT: 100,000 x 100,000 cells of which none is written
    gdal_create -q -of GTiff -ot Byte -bands 1 -outsize 100000 100000 -a_srs EPSG:3035 -a_nodata 0 \
        -a_ullr 2000000 5500000 7000000 500000 -co TILED=YES -co SPARSE_OK=TRUE -co COMPRESS=DEFLATE "$1"
}
make million.geojson zones 1000000
make star.geojson star 2000000
make world.tif raster 36000 12000 60
make sparse.tif sparse
run() { # NAME RASTER ZONES FLAGS
    local name=$1 out
    out=$(mktemp -d)/areas
    /usr/bin/time -f "$name: %e s wall, %U + %S s CPU, peak %M kB" \
        "$areal" --quiet aggregate --raster "$2" --content classes --zones "$3" --zone-id id --out "$out" "${@:4}" >"$out.text"
    rm -r "$(dirname "$out")"
}
run "1,000,000 zones of 9 cells, 36,000 x 12,000 cells" world.tif million.geojson
run "one polygon of 2,000,000 vertices, 36,000 x 12,000 cells" world.tif star.geojson
run "one polygon of 2,000,000 vertices, sparse 100,000 x 100,000 cells, only those near the zone" sparse.tif star.geojson
run "the same, all cells" sparse.tif star.geojson --read map
