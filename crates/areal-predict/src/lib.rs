//! Streaming a scene through a bundle into a prediction raster.
