//! Reading, mosaicking, warping and writing georeferenced rasters and vector layers through GDAL.
