//! Exact coverage of raster cells by zones, and aggregation of predictions over zones.
