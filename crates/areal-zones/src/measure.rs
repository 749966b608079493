//! The measures of the area table and how each is computed from the sums.

use std::collections::BTreeSet;

use areal_grid::PixelState;

use crate::{Areas, Layers, Map, Tally, ZoneSet, ZoneState, ZoneSums};

/// What a row of the area table states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// True area of the whole zone.
    ZoneArea,
    /// Part of the zone beyond the map.
    OutsideArea,
    /// Part on the map where the variable is observed.
    ObservedArea,
    /// Part on the map where it is not.
    UnobservedArea,
    /// Part of that which is nodata.
    NodataArea,
    /// Part of that which the quality band masks.
    MaskedArea,
    /// Part of that which is in no file of the scene.
    NotCoveredArea,
    /// Mapped area of a class.
    ClassArea,
    /// Mapped area of a class over observed area.
    ClassShare,
    /// Mean probability of a class.
    MeanProbability,
    /// Probability of a class summed over area.
    ProbabilityArea,
    ObservedCells,
    /// Mean of a value.
    Mean,
    /// Standard deviation of a value.
    StandardDeviation,
    /// Mean of a value, weighted by another raster.
    WeightedMean,
    /// Sum of that raster.
    WeightSum,
    /// Observed area for which it holds no amount.
    UnweightedArea,
}

/// Square metres in a square kilometre.
const KM2: f64 = 1e6;

impl Measure {
    /// All measures, in the order of the table.
    pub const ALL: [Self; 17] = [
        Self::ZoneArea,
        Self::OutsideArea,
        Self::ObservedArea,
        Self::UnobservedArea,
        Self::NodataArea,
        Self::MaskedArea,
        Self::NotCoveredArea,
        Self::ClassArea,
        Self::ClassShare,
        Self::MeanProbability,
        Self::ProbabilityArea,
        Self::ObservedCells,
        Self::Mean,
        Self::StandardDeviation,
        Self::WeightedMean,
        Self::WeightSum,
        Self::UnweightedArea,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZoneArea => "zone_area",
            Self::OutsideArea => "outside_area",
            Self::ObservedArea => "observed_area",
            Self::UnobservedArea => "unobserved_area",
            Self::NodataArea => "nodata_area",
            Self::MaskedArea => "masked_area",
            Self::NotCoveredArea => "not_covered_area",
            Self::ClassArea => "class_area",
            Self::ClassShare => "class_share",
            Self::MeanProbability => "mean_probability",
            Self::ProbabilityArea => "probability_area",
            Self::ObservedCells => "observed_cells",
            Self::Mean => "mean",
            Self::StandardDeviation => "standard_deviation",
            Self::WeightedMean => "weighted_mean",
            Self::WeightSum => "weight_sum",
            Self::UnweightedArea => "unweighted_area",
        }
    }

    /// What it means, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::ZoneArea => "area of the whole zone on the ellipsoid, from its outline",
            Self::OutsideArea => "area of the part of the zone that lies beyond the map",
            Self::ObservedArea => {
                "area of the part of the zone where the variable is observed: of each cell with a prediction, the share \
                 whose pixels are observed"
            }
            Self::UnobservedArea => "area of the part of the zone that lies on the map but is not observed there",
            Self::NodataArea => {
                "part of the unobserved area: nodata in the scene, in cells left empty for it and in others"
            }
            Self::MaskedArea => {
                "part of the unobserved area: masked by the quality band, in cells left empty for it and in others"
            }
            Self::NotCoveredArea => {
                "part of the unobserved area: cells, or parts of them, that no file of the scene covers"
            }
            Self::ClassArea => {
                "mapped area of the class: the observed area of its cells, each by the exact share in the zone"
            }
            Self::ClassShare => "mapped area of the class over observed area, 0 to 1",
            Self::MeanProbability => {
                "mean predicted probability of the class over observed area, 0 to 1; class weights and resampling of the \
                 training are undone"
            }
            Self::ProbabilityArea => {
                "area summed by predicted probability of the class; class weights and resampling of the training are \
                 undone, but it stays biased where the classes' shares among the training patches differ from the map's"
            }
            Self::ObservedCells => "observed cells, each by the exact share in the zone",
            Self::Mean => "mean of the value over observed area",
            Self::StandardDeviation => "standard deviation of the value over observed area (population formula)",
            Self::WeightedMean => "mean of the value over the amounts of the weights raster where it is observed",
            Self::WeightSum => "amount of the weights raster in the part of the zone on the map",
            Self::UnweightedArea => {
                "part of the observed area for which the weights raster holds no amount (it ends there, or has nodata): \
                 the weighted mean leaves it out"
            }
        }
    }

    /// Its unit; `None` where it is the value's own.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::ZoneArea
            | Self::OutsideArea
            | Self::ObservedArea
            | Self::UnobservedArea
            | Self::NodataArea
            | Self::MaskedArea
            | Self::NotCoveredArea
            | Self::ClassArea
            | Self::ProbabilityArea
            | Self::UnweightedArea => Some("km2"),
            Self::ClassShare | Self::MeanProbability => Some("1"),
            Self::ObservedCells => Some("cells"),
            Self::WeightSum => Some("weights"),
            Self::Mean | Self::StandardDeviation | Self::WeightedMean => None,
        }
    }
}

/// What one row of the table is about, for every zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// `zone`, `class` or the name of a value.
    pub variable: String,
    pub measure: Measure,
    /// Code and name of the class, where it is about one.
    pub class: Option<(i64, String)>,
    /// Unit of the value.
    pub unit: String,
    source: QuantitySource,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum QuantitySource {
    Zone,
    /// Code, and band of its probabilities.
    Class(i64, Option<usize>),
    Value(usize),
}

impl Quantity {
    /// Its value in a zone; `None` where there is none, such as the mean of nothing.
    pub fn value(&self, zone: &ZoneSums) -> Option<f64> {
        let t = &zone.tally;
        let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
        match (self.source, self.measure) {
            (_, Measure::ZoneArea) => Some(zone.area / KM2),
            (_, Measure::OutsideArea) => Some(zone.outside / KM2),
            (_, Measure::NodataArea) => Some(t.state_area(PixelState::Nodata) / KM2),
            (_, Measure::MaskedArea) => Some(t.state_area(PixelState::Masked) / KM2),
            (_, Measure::NotCoveredArea) => Some(t.state_area(PixelState::Outside) / KM2),
            (QuantitySource::Value(k), measure) => value_measure(zone, k, measure),
            (_, Measure::ObservedArea) => Some(t.classified_area() / KM2),
            (_, Measure::UnobservedArea) => Some((t.area - t.classified_area()).max(0.0) / KM2),
            (QuantitySource::Class(code, band), measure) => {
                let area = t.class_areas.get(&code).copied().unwrap_or(0.0);
                let probable = band.map(|k| t.probability_areas.get(k).copied().unwrap_or(0.0));
                match measure {
                    Measure::ClassArea => Some(area / KM2),
                    Measure::ClassShare => ratio(area, t.classified_area()),
                    Measure::MeanProbability => ratio(probable?, t.probability_cells),
                    Measure::ProbabilityArea => Some(probable? / KM2),
                    _ => None,
                }
            }
            (QuantitySource::Zone, _) => None,
        }
    }

    /// Its column in a table with one row a zone: letters, digits and `_`, the unit of areas at the end.
    pub fn column(&self) -> String {
        let subject = match &self.class {
            Some((code, name)) if name.is_empty() => format!("class {code}"),
            Some((_, name)) => name.clone(),
            None if self.variable == "zone" || self.variable == "class" => String::new(),
            None => self.variable.clone(),
        };
        let measure = match self.measure {
            Measure::ClassArea => "area",
            Measure::ClassShare => "share",
            other => other.name(),
        };
        let unit = if self.measure.unit() == Some("km2") { " km2" } else { "" };
        let words = format!("{subject} {measure}{unit}");
        let plain: String = words.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        plain.trim_matches('_').to_lowercase()
    }
}

fn value_measure(zone: &ZoneSums, band: usize, measure: Measure) -> Option<f64> {
    let v = zone.tally.values.get(band).copied().unwrap_or_default();
    match measure {
        Measure::ObservedArea => Some(v.by_area.weight / KM2),
        Measure::UnobservedArea => Some((zone.tally.area - v.by_area.weight).max(0.0) / KM2),
        Measure::ObservedCells => Some(v.cells),
        Measure::Mean => v.by_area.mean(),
        Measure::StandardDeviation => v.by_area.standard_deviation(),
        Measure::WeightedMean => (v.weight > 0.0).then(|| v.weighted / v.weight),
        Measure::WeightSum => Some(v.all_weight),
        Measure::UnweightedArea => Some(v.unweighted / KM2),
        _ => None,
    }
}

/// The area table: the same items for every zone.
#[derive(Debug, Clone)]
pub struct AreaTable<'a> {
    pub set: &'a ZoneSet,
    /// Their sums, in the same order.
    pub areas: &'a Areas,
    /// What is stated of each.
    pub items: Vec<Quantity>,
}

impl<'a> AreaTable<'a> {
    /// What can be stated of `map` over the zones of `set`.
    pub fn new(map: &Map, set: &'a ZoneSet, areas: &'a Areas, weighted: bool) -> Self {
        let mut items = vec![
            item("zone", Measure::ZoneArea, None, "", QuantitySource::Zone),
            item("zone", Measure::OutsideArea, None, "", QuantitySource::Zone),
        ];
        match &map.layers {
            Layers::Classes { legend, probabilities, .. } => {
                class_items(map, legend, probabilities.is_some(), areas, &mut items);
            }
            Layers::Values { bands, unit, .. } => {
                for (k, band) in bands.iter().enumerate() {
                    value_items(map, (&band.name, unit), k, weighted, &mut items);
                }
            }
        }
        Self { set, areas, items }
    }

    /// What is not a zone, under its name: what lies outside all zones, what is counted in several (if anything), and
    /// the map. Zones and the first, less the second, add up to the third. Names say so where less than the map was read.
    pub fn totals(&self) -> Vec<(&'static str, ZoneSums)> {
        let sums = |t: &Tally| ZoneSums { state: ZoneState::Inside, area: t.area, outside: 0.0, tally: t.clone() };
        let whole = self.areas.cells_read == self.areas.cells;
        let outside = if whole { "outside all zones" } else { "outside all zones, where read" };
        let mut totals = vec![(outside, sums(&self.areas.outside))];
        if self.areas.overlap.area > 0.0 {
            totals.push(("in several zones", sums(&self.areas.overlap)));
        }
        totals.push((if whole { "map" } else { "map, where read" }, sums(&self.areas.map)));
        totals
    }

    /// Names of the columns of a table with one row a zone, one an item; all different.
    pub fn columns(&self) -> Vec<String> {
        let mut taken: BTreeSet<String> =
            ["zone_id", "zone_name", "zone_state", "fid", "geom"].map(String::from).into();
        self.items
            .iter()
            .map(|item| {
                let plain = item.column();
                let mut name = plain.clone();
                let mut k = 2;
                while !taken.insert(name.clone()) {
                    name = format!("{plain}_{k}");
                    k += 1;
                }
                name
            })
            .collect()
    }
}

fn item(
    variable: &str,
    measure: Measure,
    class: Option<(i64, String)>,
    unit: &str,
    source: QuantitySource,
) -> Quantity {
    let unit = measure.unit().unwrap_or(unit).to_owned();
    Quantity { variable: variable.to_owned(), measure, class, unit, source }
}

/// Observed or not, and why not where the map knows it.
fn state_measures(map: &Map) -> Vec<Measure> {
    let mut measures = vec![Measure::ObservedArea, Measure::UnobservedArea];
    if map.states.is_some() {
        measures.extend([Measure::NodataArea, Measure::MaskedArea, Measure::NotCoveredArea]);
    }
    measures
}

fn class_items(map: &Map, legend: &[(i64, String)], probabilities: bool, areas: &Areas, items: &mut Vec<Quantity>) {
    for measure in state_measures(map) {
        items.push(item("class", measure, None, "", QuantitySource::Zone));
    }
    let mut classes: Vec<(i64, String, Option<usize>)> =
        legend.iter().enumerate().map(|(k, (code, name))| (*code, name.clone(), probabilities.then_some(k))).collect();
    let unnamed = areas.map.class_areas.keys().filter(|code| !legend.iter().any(|(c, _)| c == *code));
    classes.extend(unnamed.map(|code| (*code, String::new(), None)));
    // An entry of a foreign legend that is nowhere on the map says nothing; a predicted class always does.
    classes.retain(|(code, _, band)| band.is_some() || areas.map.class_areas.contains_key(code));
    classes.sort_by_key(|c| c.0);
    for (code, name, band) in classes {
        let mut measures = vec![Measure::ClassArea, Measure::ClassShare];
        if band.is_some() {
            measures.extend([Measure::MeanProbability, Measure::ProbabilityArea]);
        }
        for measure in measures {
            items.push(item("class", measure, Some((code, name.clone())), "", QuantitySource::Class(code, band)));
        }
    }
}

fn value_items(map: &Map, (name, unit): (&str, &str), band: usize, weighted: bool, items: &mut Vec<Quantity>) {
    let mut measures = state_measures(map);
    measures.extend([Measure::ObservedCells, Measure::Mean, Measure::StandardDeviation]);
    if weighted {
        measures.extend([Measure::WeightedMean, Measure::WeightSum, Measure::UnweightedArea]);
    }
    items.extend(measures.into_iter().map(|m| item(name, m, None, unit, QuantitySource::Value(band))));
}
