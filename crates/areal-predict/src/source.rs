//! A scene as the pipeline sees it, so that tests can stand in for GDAL.

use areal_grid::{PixelBlock, PixelType, Window};
use areal_raster::{RasterError, Scene, SceneReader};

/// What a scene is to the pipeline: its size, how it is stored, and readers of its pixels.
pub trait PixelSource {
    /// Rows and columns of pixels.
    fn size(&self) -> (usize, usize);
    /// Rows and columns of a block of its files.
    fn block_size(&self) -> (usize, usize);
    fn bands(&self) -> usize;
    fn pixel_type(&self) -> PixelType;
    /// A reader for one thread.
    fn reader(&self) -> Result<Box<dyn PixelReader>, RasterError>;
}

/// Reads windows of a scene; each thread has its own.
pub trait PixelReader: Send {
    /// Reads the pixels of a window that lies inside the scene.
    fn read(&mut self, window: &Window) -> Result<PixelBlock, RasterError>;
}

impl PixelSource for Scene {
    fn size(&self) -> (usize, usize) {
        (self.grid().height, self.grid().width)
    }

    fn block_size(&self) -> (usize, usize) {
        Self::block_size(self)
    }

    fn bands(&self) -> usize {
        Self::bands(self).len()
    }

    fn pixel_type(&self) -> PixelType {
        Self::pixel_type(self)
    }

    fn reader(&self) -> Result<Box<dyn PixelReader>, RasterError> {
        Ok(Box::new(Self::reader(self)?))
    }
}

impl PixelReader for SceneReader {
    fn read(&mut self, window: &Window) -> Result<PixelBlock, RasterError> {
        Self::read(self, window)
    }
}
