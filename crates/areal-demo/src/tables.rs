//! Truth tables as CSV.

use std::path::Path;

use geo::{BoundingRect, Contains, Point as GeoPoint};

use crate::districts::District;
use crate::error::DemoError;
use crate::inhabitants::Inhabitants;
use crate::land_use::LandUse;

/// Writes rows of text as CSV.
fn write(path: &Path, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<(), DemoError> {
    let fault = |source| DemoError::Table { path: path.to_path_buf(), source };
    let mut writer = csv::Writer::from_path(path).map_err(fault)?;
    writer.write_record(header).map_err(fault)?;
    for row in rows {
        writer.write_record(&row).map_err(fault)?;
    }
    writer.flush().map_err(|e| fault(e.into()))
}

/// `truth.csv`: true area in square kilometres of every district and class.
pub fn write_areas(path: &Path, districts: &[District], areas: &[[f64; LandUse::ALL.len()]]) -> Result<(), DemoError> {
    let rows = districts.iter().zip(areas).flat_map(|(d, areas)| {
        LandUse::ALL.iter().zip(areas).map(move |(u, area)| {
            vec![
                d.id.clone(),
                d.name.to_owned(),
                u.code().to_string(),
                u.name().to_owned(),
                format!("{:.6}", area / 1e6),
            ]
        })
    });
    write(path, &["district_id", "district_name", "class_code", "class_name", "area_km2"], rows)
}

/// `truth_wealth.csv`: mean wealth of every district, by area and by population.
pub fn write_wealth(path: &Path, districts: &[District], inhabitants: &Inhabitants) -> Result<(), DemoError> {
    let rows = districts.iter().map(|d| {
        let [cells, wealth, people, lived] = sums(d, inhabitants);
        vec![
            d.id.clone(),
            d.name.to_owned(),
            format!("{:.4}", wealth / cells.max(1.0)),
            format!("{people:.0}"),
            format!("{:.4}", lived / people.max(1e-9)),
        ]
    });
    let header = ["district_id", "district_name", "mean_wealth", "population", "mean_wealth_by_population"];
    write(path, &header, rows)
}

/// Number of cells whose centre lies in a district, and the sums of wealth, people, and wealth times people there.
fn sums(district: &District, inhabitants: &Inhabitants) -> [f64; 4] {
    let grid = &inhabitants.grid;
    let mut sums = [0.0; 4];
    let Some(extent) = district.ground.bounding_rect() else { return sums };
    for k in 0..grid.height * grid.width {
        let [x, y] = grid.centre(k / grid.width, k % grid.width);
        let near = (extent.min().x..=extent.max().x).contains(&x) && (extent.min().y..=extent.max().y).contains(&y);
        if near && district.ground.contains(&GeoPoint::new(x, y)) {
            let (wealth, people) = (f64::from(inhabitants.wealth[k]), f64::from(inhabitants.population[k]));
            for (sum, term) in sums.iter_mut().zip([1.0, wealth, people, wealth * people]) {
                *sum += term;
            }
        }
    }
    sums
}
