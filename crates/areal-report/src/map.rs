//! Rasters drawn as images, with legends.

use areal_grid::Class;
use base64::Engine;
use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

use crate::ReportError;
use areal_grid::STEP_COLOURS;

use crate::colour::{hex, ramp};
use crate::number::{decimals, number, percent};
use crate::scale_bar::ScaleBar;

/// A raster as an image.
#[derive(Debug, Clone)]
pub struct MapFigure {
    name: String,
    height: usize,
    width: usize,
    rgba: Vec<u8>,
    /// Metres on the ground of one pixel of the image, east and south.
    metres: [f64; 2],
    key: MapKey,
    /// What the cells of the raster are, with their numbers: predicted, nodata, masked, outside.
    pub counts: Vec<(String, u64)>,
}

/// What the colours of a map mean.
#[derive(Debug, Clone)]
pub enum MapKey {
    /// One colour a class, with its share of the pixels that have one.
    Classes(Vec<(Class, f64)>),
    /// A ramp from the lowest to the highest value, without the outermost 2 % each.
    Ramp {
        /// Name and unit of the value.
        title: String,
        /// Value of the first colour.
        low: f64,
        /// Value of the last colour.
        high: f64,
    },
}

impl MapFigure {
    /// A class map: `codes` are `[row, col]`; a code that the legend does not have is see-through.
    ///
    /// # Errors
    /// [`ReportError::Pixels`] when the codes do not fill the image.
    pub fn classes(
        name: &str,
        [height, width]: [usize; 2],
        codes: &[u8],
        legend: &[Class],
        metres: [f64; 2],
    ) -> Result<Self, ReportError> {
        let mut colours = [[0u8; 4]; 256];
        for class in legend {
            let [r, g, b] = class.colour;
            colours[usize::from(class.code)] = [r, g, b, 255];
        }
        let mut counts = [0u64; 256];
        for code in codes {
            counts[usize::from(*code)] += 1;
        }
        let all = legend.iter().map(|c| counts[usize::from(c.code)]).sum::<u64>().max(1);
        let share = |c: &Class| counts[usize::from(c.code)] as f64 / all as f64;
        let key = MapKey::Classes(legend.iter().map(|c| (c.clone(), share(c))).collect());
        let rgba = codes.iter().flat_map(|c| colours[usize::from(*c)]).collect();
        Self { name: name.to_owned(), height, width, rgba, metres, key, counts: Vec::new() }.checked(codes.len())
    }

    /// A map of a value: `values` are `[row, col]`; what is not finite is see-through. `title` is name and unit.
    ///
    /// # Errors
    /// [`ReportError::Pixels`] when the values do not fill the image.
    pub fn values(
        name: &str,
        [height, width]: [usize; 2],
        values: &[f32],
        title: &str,
        metres: [f64; 2],
    ) -> Result<Self, ReportError> {
        let mut known: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
        known.sort_by(f32::total_cmp);
        let at = |share: f64| known.get((share * known.len() as f64) as usize).map_or(0.0, |v| f64::from(*v));
        let (low, high) = (at(0.02), at(0.98));
        let span = if high > low { high - low } else { 1.0 };
        let colour = |v: &f32| {
            let [r, g, b] = ramp((f64::from(*v) - low) / span);
            if v.is_finite() { [r, g, b, 255] } else { [0; 4] }
        };
        let rgba = values.iter().flat_map(colour).collect();
        let key = MapKey::Ramp { title: title.to_owned(), low, high };
        Self { name: name.to_owned(), height, width, rgba, metres, key, counts: Vec::new() }.checked(values.len())
    }

    fn checked(self, found: usize) -> Result<Self, ReportError> {
        if found == self.height * self.width && found > 0 {
            return Ok(self);
        }
        Err(ReportError::Pixels { map: self.name, found, height: self.height, width: self.width })
    }

    fn png(&self) -> Result<String, ReportError> {
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
            .write_image(&self.rgba, self.width as u32, self.height as u32, image::ExtendedColorType::Rgba8)
            .map_err(|e| ReportError::Png { map: self.name.clone(), message: e.to_string() })?;
        Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// What the template shows.
    pub(crate) fn view(&self) -> Result<MapView, ReportError> {
        let ground = self.metres[0] * self.width as f64;
        let (ramp, classes) = match &self.key {
            MapKey::Classes(classes) => (None, classes.iter().map(ClassView::new).collect()),
            MapKey::Ramp { title, low, high } => (Some(RampView::new(title, *low, *high)), Vec::new()),
        };
        let total = self.counts.iter().map(|(_, n)| n).sum::<u64>().max(1);
        let count =
            |(label, n): &(String, u64)| (label.clone(), number(*n as f64, 0), percent(*n as f64 / total as f64));
        Ok(MapView {
            name: self.name.clone(),
            png: self.png()?,
            width: self.width,
            height: self.height,
            aspect: format!("{:.5}", ground / (self.metres[1] * self.height as f64)),
            bar: ScaleBar::of(ground),
            classes,
            ramp,
            counts: self.counts.iter().map(count).collect(),
        })
    }
}

pub(crate) struct MapView {
    pub name: String,
    pub png: String,
    pub width: usize,
    pub height: usize,
    pub aspect: String,
    pub bar: ScaleBar,
    pub classes: Vec<ClassView>,
    pub ramp: Option<RampView>,
    pub counts: Vec<(String, String, String)>,
}

pub(crate) struct ClassView {
    pub name: String,
    pub colour: String,
    pub share: String,
}

impl ClassView {
    fn new((class, share): &(Class, f64)) -> Self {
        Self { name: class.name.clone(), colour: hex(class.colour), share: percent(*share) }
    }
}

pub(crate) struct RampView {
    pub title: String,
    pub low: String,
    pub high: String,
    pub colours: String,
}

impl RampView {
    fn new(title: &str, low: f64, high: f64) -> Self {
        let digits = decimals([low, high].into_iter());
        let colours = STEP_COLOURS.map(hex).join(",");
        Self { title: title.to_owned(), low: number(low, digits), high: number(high, digits), colours }
    }
}
