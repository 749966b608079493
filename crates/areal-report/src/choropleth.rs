//! Maps of zones as SVG.

use std::fmt::Write as _;

use geo::{Coord, LineString, Simplify};

use crate::areas::{AreaSection, value_text};
use areal_grid::{step_colour, step_limits};

use crate::colour::hex;
use crate::number::{decimals, number, percent};
use crate::scale_bar::ScaleBar;

/// Width of the drawing in its own units; the browser scales it.
const WIDTH: f64 = 1000.0;
/// Outlines may differ from the zones' by this much, in units of the drawing.
const TOLERANCE: f64 = 0.35;

pub(crate) struct ChoroplethView {
    pub width: f64,
    pub height: String,
    pub bar: ScaleBar,
    pub paths: Vec<PathView>,
    pub groups: Vec<GroupView>,
}

/// The layers of one measure.
pub(crate) struct GroupView {
    pub title: String,
    pub layers: Vec<LayerView>,
}

pub(crate) struct PathView {
    pub d: String,
}

/// One column as colours.
pub(crate) struct LayerView {
    pub id: usize,
    pub label: String,
    pub title: String,
    pub default: bool,
    pub fills: Vec<FillView>,
    pub legend: Vec<(String, String)>,
    pub missing: bool,
}

pub(crate) struct FillView {
    pub colour: String,
    pub text: String,
}

/// The zones of a section as a map with one layer for each measure worth a map; `None` without outlines.
pub(crate) fn choropleth(section: &AreaSection) -> Option<ChoroplethView> {
    let frame = Frame::of(section)?;
    let paths = section.zones.iter().map(|z| PathView { d: frame.path(&z.rings) }).collect();
    let mapped: Vec<usize> = (0..section.columns.len()).filter(|k| is_mapped(&section.columns[*k].measure)).collect();
    let telling = |k: &&usize| matches!(section.columns[**k].measure.as_str(), "class_share" | "mean");
    let default = mapped.iter().find(telling).or(mapped.first()).copied();
    let mut groups: Vec<GroupView> = Vec::new();
    for k in mapped {
        let (title, layer) = (section.columns[k].measure_words(), layer(section, k, Some(k) == default));
        match groups.iter_mut().find(|g| g.title == title) {
            Some(group) => group.layers.push(layer),
            None => groups.push(GroupView { title, layers: vec![layer] }),
        }
    }
    (!groups.is_empty()).then(|| ChoroplethView {
        width: WIDTH,
        height: format!("{:.1}", frame.height + 8.0),
        bar: ScaleBar::of((WIDTH + 8.0) / frame.scale[1] * section.metres),
        paths,
        groups,
    })
}

fn is_mapped(measure: &str) -> bool {
    matches!(
        measure,
        "class_share" | "class_area" | "mean" | "weighted_mean" | "standard_deviation" | "unobserved_area"
    )
}

fn layer(section: &AreaSection, k: usize, default: bool) -> LayerView {
    let column = &section.columns[k];
    let values: Vec<Option<f64>> = section.column(k).collect();
    let breaks = step_limits(values.iter().flatten().copied());
    let digits = decimals(values.iter().flatten().copied());
    let step = |v: f64| breaks.iter().skip(1).take(breaks.len().saturating_sub(2)).filter(|b| v >= **b).count();
    let steps = breaks.len().saturating_sub(1).max(1);
    let colour = |s: usize| hex(step_colour(s, steps));
    let fills = section.zones.iter().zip(&values).map(|(zone, value)| FillView {
        colour: value.map_or_else(|| "url(#unknown)".to_owned(), |v| colour(step(v))),
        text: format!("{}: {}", zone.label(), value_text(column, *value, digits)),
    });
    let text = |v: f64| if column.unit == "1" { percent(v) } else { number(v, digits) };
    let legend = breaks.windows(2).enumerate().map(|(s, b)| (colour(s), format!("{} to {}", text(b[0]), text(b[1]))));
    LayerView {
        id: k,
        label: if column.subject.is_empty() { column.measure_words() } else { column.subject.clone() },
        title: column.title(),
        default,
        fills: fills.collect(),
        legend: legend.collect(),
        missing: values.iter().any(Option::is_none),
    }
}

/// From the zones' coordinates to the drawing's.
struct Frame {
    west: f64,
    north: f64,
    scale: [f64; 2],
    height: f64,
}

impl Frame {
    fn of(section: &AreaSection) -> Option<Self> {
        let points = section.zones.iter().flat_map(|z| z.rings.iter().flatten());
        let empty = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let [west, south, east, north] = points
            .filter(|p| p[0].is_finite() && p[1].is_finite())
            .fold(empty, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
        let (dx, dy) = ((east - west) * section.aspect, north - south);
        if !(dx > 0.0 && dy > 0.0) {
            return None;
        }
        // A tall country is drawn narrower, so that it fits a screen.
        let unit = (WIDTH / dx).min(1.2 * WIDTH / dy);
        Some(Self { west, north, scale: [unit * section.aspect, unit], height: dy * unit })
    }

    /// Path data of rings, filled by the even-odd rule.
    fn path(&self, rings: &[Vec<[f64; 2]>]) -> String {
        let mut d = String::new();
        for ring in rings {
            let place =
                |p: &[f64; 2]| Coord { x: (p[0] - self.west) * self.scale[0], y: (self.north - p[1]) * self.scale[1] };
            let line = LineString::new(ring.iter().map(place).collect()).simplify(TOLERANCE);
            // What shrinks to less than a triangle is too small to see.
            if line.0.len() < 4 {
                continue;
            }
            for (k, c) in line.0.iter().take(line.0.len() - 1).enumerate() {
                let _ = write!(d, "{}{:.1} {:.1}", if k == 0 { "M" } else { "L" }, c.x, c.y);
            }
            d.push('Z');
        }
        d
    }
}
