use std::path::Path;

use areal_grid::{PixelGrid, Window};
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
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: csv::Error| DemoError::Sample { path, what: source.to_string() }
    };
    let mut reader = csv::Reader::from_path(sample).map_err(at(sample))?;
    let header = reader.headers().map_err(at(sample))?.clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| h == name)
            .ok_or_else(|| DemoError::Sample { path: sample.to_path_buf(), what: format!("it has no column {name}") })
    };
    let [lon, lat, side, label] = [column("lon")?, column("lat")?, column("cell_side_m")?, column("label")?];
    let mut writer = csv::Writer::from_path(out).map_err(at(out))?;
    writer.write_record(&header).map_err(at(out))?;
    let mut labelled = 0;
    for record in reader.records() {
        let record = record.map_err(at(sample))?;
        let number = |k: usize| {
            let text = record.get(k).unwrap_or_default();
            text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| {
                let line = record.position().map_or(0, csv::Position::line);
                let what = format!("line {line}, column {}: \"{text}\" is no number", &header[k]);
                DemoError::Sample { path: sample.to_path_buf(), what }
            })
        };
        let mut centre = [[number(lon)?, number(lat)?]];
        to_map.apply(&mut centre)?;
        let mut fields: Vec<&str> = record.iter().collect();
        let found = unit(&grid, centre[0], number(side)?);
        let code = found.map(|(window, centre)| most(&mut raster, &window, centre)).transpose()?;
        if let Some(name) = code.and_then(|code| names.get(code)) {
            fields[label] = name;
            labelled += 1;
        }
        writer.write_record(&fields).map_err(at(out))?;
    }
    writer.flush().map_err(|e| at(out)(e.into()))?;
    Ok(labelled)
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
    let greatest = counts.iter().max().copied().unwrap_or_default();
    let (row, col) = centre;
    let middle = pixels.get((row - window.row) * window.width + (col - window.col)) as u8 as usize;
    let first = counts.iter().position(|c| *c == greatest).unwrap_or_default();
    Ok(if counts[middle] == greatest { middle } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_grid::{Affine, Class, PixelType, Pixels};
    use areal_raster::{CogBand, CogSpec, CogWriter, Resampling};

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
        std::fs::write(at("sample.csv"), "unit_id,lon,lat\n").unwrap();
        let error = label(&at("truth.tif"), &at("sample.csv"), &at("labels.csv")).unwrap_err();
        assert!(error.to_string().contains("it has no column cell_side_m"), "{error}");
    }
}
