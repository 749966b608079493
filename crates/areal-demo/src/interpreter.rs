//! Labels a drawn sample from the landscape's truth.

use std::path::Path;

use areal_grid::{PixelGrid, Window};
use areal_job::InputFile;
use areal_raster::{Projection, RasterFile, crs_from_text};

use crate::DemoError;

/// Labels the units of a sample as an interpreter would who makes no mistake: with the class that covers most of a unit's
/// square in the truth raster; of equals the one at its centre. Takes `sample.csv` as `areal sample` writes it (columns
/// `lon`, `lat`, `cell_side_m`, `label`), writes the same table with its labels, and gives their number. A unit that does not
/// lie in the raster keeps its label.
///
/// # Errors
/// When a file cannot be read or written, or the table lacks one of the columns or a number in them.
pub fn label(truth: &Path, sample: &Path, out: &Path) -> Result<usize, DemoError> {
    let mut raster = RasterFile::open(truth)?;
    let grid = raster.grid().clone();
    let names = raster.category_names(1)?;
    let to_map = Projection::new(&crs_from_text("EPSG:4326")?, &grid.crs)?;
    let fault = |what: String| DemoError::Sample { path: sample.to_path_buf(), what };
    let unread = |e: csv::Error| fault(e.to_string());
    let unwritten = |source: csv::Error| DemoError::Table { path: out.to_path_buf(), source };
    let mut reader = csv::Reader::from_reader(InputFile::open(sample).map_err(|e| unread(e.into()))?);
    let header = reader.headers().map_err(unread)?.clone();
    let columns = Columns::find(&header).map_err(fault)?;
    let mut writer = csv::Writer::from_path(out).map_err(unwritten)?;
    writer.write_record(&header).map_err(unwritten)?;
    let mut labelled = 0;
    for record in reader.records() {
        let record = record.map_err(unread)?;
        let line = record.position().map_or(0, csv::Position::line);
        let ([lon, lat], side) = columns.square(&record).map_err(|what| fault(format!("line {line}, {what}")))?;
        let mut centre = [[lon, lat]];
        to_map.apply(&mut centre).map_err(|e| fault(format!("line {line}: {e}")))?;
        let mut fields: Vec<&str> = record.iter().collect();
        let found = unit(&grid, centre[0], side);
        let code = found.map(|(window, centre)| most(&mut raster, &window, centre)).transpose()?;
        if let Some(name) = code.and_then(|code| names.get(code)) {
            fields[columns.label] = name;
            labelled += 1;
        }
        writer.write_record(&fields).map_err(unwritten)?;
    }
    writer.flush().map_err(|e| unwritten(e.into()))?;
    Ok(labelled)
}

/// Where a sample's table holds what is needed.
struct Columns {
    lon: usize,
    lat: usize,
    side: usize,
    label: usize,
}

/// Longest side of a unit in metres: none is larger than a district.
const LONGEST: f64 = 100_000.0;

impl Columns {
    fn find(header: &csv::StringRecord) -> Result<Self, String> {
        let one = |name: &str| {
            let mut found = (0..header.len()).filter(|k| &header[*k] == name);
            match (found.next(), found.next()) {
                (Some(k), None) => Ok(k),
                (None, _) => Err(format!("it has no column {name}")),
                (Some(_), Some(_)) => Err(format!("it has two columns {name}")),
            }
        };
        Ok(Self { lon: one("lon")?, lat: one("lat")?, side: one("cell_side_m")?, label: one("label")? })
    }

    /// Position and side of a record's square.
    fn square(&self, record: &csv::StringRecord) -> Result<([f64; 2], f64), String> {
        let number = |k: usize, name: &str, low: f64, high: f64| {
            let text = &record[k];
            let value = text.parse::<f64>().ok().filter(|v| (low..=high).contains(v));
            value.ok_or_else(|| format!("column {name}: \"{text}\" is not a number from {low} to {high}"))
        };
        let position = [number(self.lon, "lon", -180.0, 180.0)?, number(self.lat, "lat", -90.0, 90.0)?];
        Ok((position, number(self.side, "cell_side_m", f64::MIN_POSITIVE, LONGEST)?))
    }
}

/// The pixels whose centres lie in a square about a point, and the one that holds the point; none where it lies outside.
fn unit(grid: &PixelGrid, centre: [f64; 2], side: f64) -> Option<(Window, (usize, usize))> {
    let middle = grid.pixel_at(centre)?;
    let (row, col) = grid.transform.invert(centre)?;
    let [width, height] = grid.transform.pixel_size();
    let span = |at: f64, half: f64, end: usize| {
        let from = (at - half).round().clamp(0.0, end as f64) as usize;
        (from, (at + half).round().clamp(0.0, end as f64) as usize - from)
    };
    let (r, rows) = span(row, 0.5 * side / height, grid.height);
    let (c, cols) = span(col, 0.5 * side / width, grid.width);
    let window = Window::new(r, c, rows, cols);
    // A square smaller than a pixel is the pixel.
    Some((if window.is_empty() { Window::new(middle.0, middle.1, 1, 1) } else { window }, middle))
}

fn most(raster: &mut RasterFile, window: &Window, centre: (usize, usize)) -> Result<usize, DemoError> {
    let (pixels, _) = raster.read_band(1, window)?;
    let mut counts = [0usize; 256];
    (0..window.len()).for_each(|k| counts[pixels.get(k) as u8 as usize] += 1);
    let greatest = *counts.iter().max().expect("there are 256 counts");
    let (row, col) = centre;
    let middle = pixels.get((row - window.row) * window.width + (col - window.col)) as u8 as usize;
    let first = counts.iter().position(|c| *c == greatest).expect("the greatest is one of them");
    Ok(if counts[middle] == greatest { middle } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_formats::Resampling;
    use areal_grid::{Affine, Class, PixelType, Pixels};
    use areal_raster::{CogBand, CogSpec, CogWriter};

    /// Pixels of 10 m: a square of 20 m about a corner of four pixels takes the class of most of them, or of the one that holds
    /// its centre; one of 4 m is its pixel; one outside keeps its label.
    #[test]
    fn a_unit_is_what_covers_most_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let class = |code: u8, name: &str| Class { code, name: name.into(), colour: [code, 0, 0] };
        let spec = CogSpec {
            pixel_type: PixelType::U8,
            nodata: Some(255.0),
            bands: vec![CogBand {
                description: "class".into(),
                legend: vec![class(1, "a"), class(2, "b"), class(3, "c")],
            }],
            metadata: Vec::new(),
            overview_resampling: Resampling::Nearest,
        };
        let crs = crs_from_text("EPSG:32648").unwrap();
        let transform = Affine::north_up([500_000.0, 500_000.0], [10.0, 10.0]);
        let grid = PixelGrid { crs: crs.clone(), transform, height: 2, width: 4 };
        let mut writer = CogWriter::create(&at("truth.tif"), &grid, &spec).unwrap();
        writer.write(0, &grid.window(), &Pixels::U8(vec![1, 1, 2, 2, 1, 2, 3, 3])).unwrap();
        writer.finish().unwrap();
        let back = Projection::to_lonlat(&crs).unwrap();
        // Metres east and south of the corner, and the side. Pixels 1, 1, 1, 2; then 2, 2, 3, 3 with the centre in a 3.
        let units = [(10.0, 10.0, 20.0), (30.5, 10.5, 20.0), (26.0, 3.0, 4.0), (-50.0, 5.0, 20.0)];
        let mut text = String::from("unit_id,lon,lat,label,cell_side_m\n");
        for (k, (east, south, side)) in units.iter().enumerate() {
            let mut point = [[500_000.0 + east, 500_000.0 - south]];
            back.apply(&mut point).unwrap();
            text += &format!("{k},{:.10},{:.10},mine,{side}\n", point[0][0], point[0][1]);
        }
        std::fs::write(at("sample.csv"), text).unwrap();
        assert_eq!(label(&at("truth.tif"), &at("sample.csv"), &at("labels.csv")).unwrap(), 3);
        let labels = std::fs::read_to_string(at("labels.csv")).unwrap();
        let found: Vec<&str> = labels.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();
        assert_eq!(found, ["a", "c", "b", "mine"]);
        let refused = |text: &str, said: &str| {
            std::fs::write(at("sample.csv"), text).unwrap();
            let error = label(&at("truth.tif"), &at("sample.csv"), &at("labels.csv")).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        };
        refused("unit_id,lon,lat\n", "it has no column cell_side_m");
        refused("lon,lat,label,cell_side_m,label\n", "it has two columns label");
        // A side below 0 ended in a panic, one of 1e300 was the whole raster.
        for side in ["-160", "0", "1e300", "nan"] {
            refused(&format!("lon,lat,label,cell_side_m\n105,4.5,,{side}\n"), "line 2, column cell_side_m");
        }
        refused("lon,lat,label,cell_side_m\n500,4.5,,160\n", "line 2, column lon: \"500\"");
    }
}
