//! The tables that `areal inspect` prints.

use areal_formats::counted;
use std::fmt::Write as _;

use areal_grid::{Affine, Crs, CrsKind, GroundResolution, Scaling};
use areal_raster::{
    BandFacts, FileInspection, Georeference, Inspection, Mask, PixelCounts, RasterStatistics, SceneInspection,
};

use crate::columns::aligned;
use crate::errors::raster_help;

pub fn tables(inspection: &Inspection) -> String {
    let mut out = String::new();
    for file in &inspection.files {
        file_table(&mut out, file);
        out.push('\n');
    }
    match &inspection.scene {
        Ok(scene) => scene_table(&mut out, scene, inspection.files.len()),
        Err(error) if inspection.files.len() == 1 => {
            line(&mut out, "scene", &format!("none: {error}"));
            line(&mut out, "", &raster_help(error));
        }
        // The reason is the error that the command ends with.
        Err(_) => line(&mut out, "scene", "none"),
    }
    out
}

/// One fact: a name and what is to be said.
fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "{}", format!("{name:<16}{text}").trim_end());
}

fn file_table(out: &mut String, file: &FileInspection) {
    let facts = &file.facts;
    let bands = facts.bands.len();
    let count = format!("{bands} band{}", if bands == 1 { "" } else { "s" });
    line(out, &facts.path.display().to_string(), "");
    line(
        out,
        "  format",
        &format!("{}, {} x {} pixels (rows x columns), {count}", facts.driver, facts.height, facts.width),
    );
    line(out, "  CRS", &facts.crs.as_ref().map_or("none".to_owned(), crs_in_words));
    line(out, "  placed", &placed(&facts.placement));
    if let Some(ground) = file.ground_resolution {
        line(out, "  on the ground", &ground_in_words(ground));
    }
    if let Some(band) = facts.bands.first() {
        let [rows, cols] = band.block;
        line(out, "  blocks", &format!("{rows} x {cols} pixels, {}", counted(band.overviews, "overview")));
    }
    line(out, "  pixels", &shares(&file.statistics.pixels));
    let used: Vec<&BandFacts> = file.bands.iter().filter_map(|n| facts.bands.iter().find(|b| b.number == *n)).collect();
    let rows = used.iter().map(|b| [b.number.to_string(), b.description.clone(), b.pixel_type.to_string(), hidden(b)]);
    band_table(out, &["band", "description", "type", "nodata, mask"], rows.collect(), &file.statistics);
    for band in used.iter().filter(|b| b.scale != 1.0 || b.offset != 0.0) {
        let (n, scale, offset) = (band.number, band.scale, band.offset);
        line(
            out,
            "  note",
            &format!(
                "band {n}: physical value = stored value x {scale} + {offset}; stored values are used unless --band-scale or --band-offset is given"
            ),
        );
    }
}

fn scene_table(out: &mut String, inspected: &SceneInspection, files: usize) {
    let (scene, patches) = (&inspected.scene, &inspected.patches);
    let grid = scene.grid();
    let from = if files == 1 { "1 file".to_owned() } else { format!("{files} files together") };
    line(
        out,
        "scene",
        &format!("{} x {} pixels (rows x columns) of {}, {from}", grid.height, grid.width, scene.pixel_type()),
    );
    line(out, "  CRS", &crs_in_words(&grid.crs));
    line(out, "  placed", &placed(&Georeference::Affine(grid.transform)));
    line(out, "  extent", &format!("{} (west,south,east,north)", grid.bounds().map(|b| b.to_string()).join(",")));
    line(out, "  on the ground", &ground_in_words(scene.ground_resolution()));
    line(out, "  pixels", &shares(&inspected.statistics.pixels));
    if let Some(conversion) = scene.conversion() {
        line(out, "  values", &format!("stored value {}", Scaling::in_words(conversion)));
    }
    if files > 1 || scene.conversion().is_some() {
        let rows = scene.bands().iter().map(|b| [b.number.to_string(), b.description.clone()]);
        band_table(out, &["band", "description"], rows.collect(), &inspected.statistics);
    }
    let side = scene.ground_resolution().mean() * patches.patch_size as f64;
    let text =
        format!("--patch-size {} ({side:.0} m): {} x {} patches", patches.patch_size, patches.rows, patches.cols);
    line(out, "  patches", &text);
}

/// Bands, one a row: what is said of them, then their statistics.
fn band_table<const N: usize>(
    out: &mut String,
    head: &[&str; N],
    rows: Vec<[String; N]>,
    statistics: &RasterStatistics,
) {
    let mut lines = vec![head.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()];
    lines[0].extend(["min", "max", "mean", "std"].map(str::to_owned));
    for (row, s) in rows.into_iter().zip(&statistics.bands) {
        let numbers = [s.min, s.max, s.mean, s.std].map(|v| v.map_or("-".to_owned(), number));
        lines.push(row.into_iter().chain(numbers).collect());
    }
    for text in aligned(&lines, |k| k >= N) {
        let _ = writeln!(out, "  {text}");
    }
}

/// Six significant digits; whole numbers whole.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor();
    if (-4.0..9.0).contains(&magnitude) {
        format!("{value:.*}", (5.0 - magnitude).clamp(0.0, 9.0) as usize)
    } else {
        format!("{value:.5e}")
    }
}

fn crs_in_words(crs: &Crs) -> String {
    let kind = match crs.kind {
        CrsKind::Geographic { .. } => "longitude and latitude".to_owned(),
        CrsKind::Projected { metres_per_unit: 1.0 } => "projected, metres".to_owned(),
        CrsKind::Projected { metres_per_unit } => format!("projected, units of {metres_per_unit} m"),
    };
    // WKT begins with the kind and the name in quotes.
    let title = crs.wkt.split('"').nth(1).filter(|title| *title != crs.name);
    title.map_or_else(|| format!("{}: {kind}", crs.name), |title| format!("{} ({title}): {kind}", crs.name))
}

fn placed(placement: &Georeference) -> String {
    match placement {
        Georeference::None => "not georeferenced".to_owned(),
        Georeference::Gcps { count } => format!("by {count} ground control points"),
        Georeference::Affine(transform) => affine_in_words(transform),
    }
}

fn affine_in_words(t: &Affine) -> String {
    let [width, height] = t.pixel_size();
    let [x, y] = t.origin;
    let north_up = if t.is_north_up() { "" } else { ", not north-up" };
    format!("pixels of {width} x {height} units from ({x}, {y}){north_up}")
}

fn ground_in_words(ground: GroundResolution) -> String {
    format!("{:.4} x {:.4} m a pixel", ground.x, ground.y)
}

fn shares(counts: &PixelCounts) -> String {
    let total = counts.total().max(1) as f64;
    let share = |n: u64, word: &str| format!("{:.2} % {word}", 100.0 * n as f64 / total);
    let all = [
        share(counts.observed, "observed"),
        share(counts.nodata, "nodata"),
        share(counts.masked, "masked"),
        share(counts.outside, "outside"),
    ];
    all.join(", ")
}

fn hidden(band: &BandFacts) -> String {
    let nodata = band.nodata.map(|n| n.to_string());
    let mask = match band.mask {
        Mask::None => None,
        Mask::Alpha => Some("alpha".to_owned()),
        Mask::Shared => Some("mask".to_owned()),
        Mask::Colour => Some("nodata colour".to_owned()),
        Mask::Own => Some("own mask".to_owned()),
    };
    let both: Vec<String> = nodata.into_iter().chain(mask).collect();
    if both.is_empty() { "-".to_owned() } else { both.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_keep_six_digits() {
        assert_eq!(number(255.0), "255");
        assert_eq!(number(29.947_726_688), "29.9477");
        assert_eq!(number(0.012_345_678), "0.0123457");
        assert_eq!(number(-3.4e38), "-3.40000e38");
    }
}
