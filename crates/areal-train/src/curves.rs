//! The chart of the learning curves.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::tables::measures;
use crate::{EpochRow, Metrics, TrainError};

/// One line of a chart: its name, colour and value at each epoch.
struct ChartLine {
    name: &'static str,
    colour: RGBColor,
    values: Vec<f64>,
}

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);

/// Draws `learning-curve.svg`: losses above, validation measures below, the kept epoch marked.
pub(crate) fn draw_curves(path: &Path, rows: &[EpochRow], best_epoch: usize) -> Result<(), TrainError> {
    // Drawn in memory first: the plotting library says little about a file it cannot write.
    let mut svg = String::new();
    let drawn = draw(&mut svg, rows, best_epoch);
    drawn.map_err(|e| TrainError::Plot { path: path.to_path_buf(), reason: e.to_string() })?;
    Ok(std::fs::write(path, svg).map_err(areal_job::FileError::io("write", path))?)
}

fn draw(svg: &mut String, rows: &[EpochRow], best_epoch: usize) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, (720, 640)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(320);
    let losses = [
        ChartLine { name: "training", colour: BLUE, values: rows.iter().map(|r| r.train_loss).collect() },
        ChartLine { name: "validation", colour: ORANGE, values: rows.iter().map(|r| r.validation_loss).collect() },
    ];
    chart(&above, "Loss", &losses, best_epoch, None)?;
    let measure = |name: &'static str, column: &str, colour| ChartLine {
        name,
        colour,
        values: rows.iter().map(|row| value_of(&row.validation, column)).collect(),
    };
    if let Some(Metrics::Value(_)) = rows.first().map(|row| &row.validation) {
        let lines = [measure("RMSE", "rmse", BLUE), measure("MAE", "mae", ORANGE)];
        chart(&below, "Validation error", &lines, best_epoch, None)?;
    } else {
        let lines = [
            measure("accuracy", "accuracy", BLUE),
            measure("balanced accuracy", "balanced_accuracy", ORANGE),
            measure("macro-F1", "macro_f1", GREEN),
        ];
        chart(&below, "Validation measures", &lines, best_epoch, Some(1.0))?;
    }
    root.present()?;
    Ok(())
}

fn value_of(metrics: &Metrics, column: &str) -> f64 {
    let (names, values) = measures(metrics);
    let found = names.iter().zip(values).find(|(name, _)| *name == column).expect("the column is one of the measures");
    // A measure that is not defined is drawn as 0.
    found.1.unwrap_or(0.0)
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[ChartLine],
    best_epoch: usize,
    top: Option<f64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let epochs = lines.first().map_or(1, |l| l.values.len());
    let highest = lines.iter().flat_map(|l| &l.values).copied().fold(0.0, f64::max);
    let top = top.unwrap_or(if highest > 0.0 { highest * 1.05 } else { 1.0 });
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.5..epochs as f64 + 0.5, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(epochs.min(12))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .x_desc("epoch")
        .draw()?;
    let best = best_epoch as f64;
    chart.draw_series(LineSeries::new([(best, 0.0), (best, top)], BLACK.mix(0.3)))?;
    for line in lines {
        let points = || line.values.iter().enumerate().map(|(i, v)| (i as f64 + 1.0, *v));
        let colour = line.colour;
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|p| Circle::new(p, 2, colour.filled())))?;
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.2)).draw()?;
    Ok(())
}
