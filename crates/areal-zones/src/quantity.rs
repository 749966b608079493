//! What one row of the area table is about, and its value in a zone.

use std::sync::Arc;

use areal_grid::PixelState;

use crate::ranks::is_less;
use crate::statistic::Percent;
use crate::{Extra, Measure, Ranked, Statistic, ValueTally, ZoneSums};

/// Square metres in a square kilometre.
const KM2: f64 = 1e6;

/// What one row of the table is about, for every zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// Number of the map that it is about.
    pub(crate) part: usize,
    /// `zone`, `class` or the name of a value; of several maps, the name of the map.
    pub variable: String,
    pub measure: Measure,
    /// Code and name of the class, where it is about one.
    pub class: Option<(i64, String)>,
    /// Unit of the value.
    pub unit: String,
    pub(crate) source: QuantitySource,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum QuantitySource {
    Zone,
    /// Code, and band of its probabilities.
    Class(i64, Option<usize>),
    /// One of the classes, with their names.
    Classes(Arc<[(i64, String)]>),
    /// Number of the band, and the quantiles that its ranks hold.
    Value(usize, Arc<[Percent]>),
}

impl Quantity {
    /// Its value in a zone; `None` where there is none, such as the mean of nothing.
    pub(crate) fn value(&self, zone: &ZoneSums) -> Option<f64> {
        let t = &zone.tally;
        let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
        match (&self.source, self.measure) {
            (_, Measure::ZoneArea) => Some(zone.area / KM2),
            (_, Measure::OutsideArea) => Some(zone.outside / KM2),
            (_, Measure::NodataArea) => Some(t.state_area(PixelState::Nodata) / KM2),
            (_, Measure::MaskedArea) => Some(t.state_area(PixelState::Masked) / KM2),
            (_, Measure::NotCoveredArea) => Some(t.state_area(PixelState::Outside) / KM2),
            (QuantitySource::Value(band, percents), measure) => value_measure(zone, *band, percents, measure),
            (_, Measure::ObservedArea) => Some(t.classified_area() / KM2),
            (_, Measure::UnobservedArea) => Some((t.area - t.classified_area()).max(0.0) / KM2),
            (QuantitySource::Class(code, band), measure) => {
                // A zone without a cell of this class, or without any, has no entry for it: its sum is 0.
                let area = t.class_areas.get(code).copied().unwrap_or(0.0);
                let probable = band.map(|k| t.probability_areas.get(k).copied().unwrap_or(0.0));
                match measure {
                    Measure::ClassArea => Some(area / KM2),
                    Measure::ClassShare => ratio(area, t.classified_area()),
                    Measure::MeanProbability => ratio(probable?, t.probability_cells),
                    Measure::ProbabilityArea => Some(probable? / KM2),
                    _ => None,
                }
            }
            (QuantitySource::Classes(_), Measure::Statistic(Statistic::Variety)) => Some(t.class_areas.len() as f64),
            (QuantitySource::Classes(_), _) => self.code_in(zone).map(|code| code as f64),
            (QuantitySource::Zone, _) => None,
        }
    }

    /// True for statistics of values that need all values of a zone: none of the totals has them.
    pub fn is_of_zones_only(&self) -> bool {
        let needs = match self.measure {
            Measure::Statistic(statistic) | Measure::Weighted(statistic) => statistic.needs_values(),
            _ => false,
        };
        needs && matches!(self.source, QuantitySource::Value(..))
    }

    /// True where its value is the code of a class, which differs from zone to zone.
    pub fn picks_class(&self) -> bool {
        let picks = matches!(self.measure, Measure::Statistic(Statistic::Majority | Statistic::Minority));
        picks && matches!(self.source, QuantitySource::Classes(_))
    }

    fn code_in(&self, zone: &ZoneSums) -> Option<i64> {
        let areas = zone.tally.class_areas.iter();
        // Codes rise.
        let found = match self.measure {
            Measure::Statistic(Statistic::Majority) => areas.reduce(|a, b| if is_less(*b.1, *a.1) { a } else { b }),
            Measure::Statistic(Statistic::Minority) => areas.reduce(|a, b| if is_less(*b.1, *a.1) { b } else { a }),
            _ => None,
        };
        found.map(|(code, _)| *code)
    }

    /// Code and name of the class that it is about, or that it picks in a zone.
    pub(crate) fn class_in<'t>(&'t self, zone: &ZoneSums) -> Option<(i64, &'t str)> {
        let QuantitySource::Classes(legend) = &self.source else {
            return self.class.as_ref().map(|(code, name)| (*code, name.as_str()));
        };
        let code = self.code_in(zone)?;
        let name = legend.iter().find(|(named, _)| *named == code).map_or("", |(_, name)| name.as_str());
        Some((code, name))
    }

    /// Its column in a table with one row a zone: letters, digits and `_`, the unit of areas at the end.
    pub(crate) fn column(&self) -> String {
        let class = match &self.class {
            Some((code, name)) if name.is_empty() => format!("class {code}"),
            Some((_, name)) => name.clone(),
            None => String::new(),
        };
        let variable = match self.variable.as_str() {
            "zone" | "class" => "",
            name => name,
        };
        let measure = match self.measure {
            Measure::ClassArea => "area".to_owned(),
            Measure::ClassShare => "share".to_owned(),
            other => other.to_string(),
        };
        let unit = if self.unit == "km2" && is_area(self.measure) { " km2" } else { "" };
        let words = format!("{variable} {class} {measure}{unit}");
        let plain: String =
            words.trim().replace("  ", " ").chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        plain.trim_matches('_').to_lowercase()
    }
}

fn is_area(measure: Measure) -> bool {
    !matches!(measure, Measure::Statistic(_) | Measure::Weighted(_))
}

fn value_measure(zone: &ZoneSums, band: usize, percents: &[Percent], measure: Measure) -> Option<f64> {
    // A zone without any cell has no entry: its sums are 0, and its mean and extremes are none.
    let v = zone.tally.values.get(band).copied().unwrap_or_default();
    let extra = zone.tally.extras.get(band).copied().unwrap_or_default();
    match measure {
        Measure::ObservedArea => Some(v.by_area.weight / KM2),
        Measure::UnobservedArea => Some((zone.tally.area - v.by_area.weight).max(0.0) / KM2),
        Measure::WeightSum => Some(v.all_weight),
        Measure::UnweightedArea => Some(v.unweighted / KM2),
        Measure::ZeroWeightArea => Some(v.zero_weight / KM2),
        Measure::Statistic(statistic) => {
            let ranks = zone.ranks.get(band);
            match statistic {
                Statistic::Variety => ranks.map(|ranks| ranks.variety as f64),
                _ if statistic.needs_values() => picked(ranks?.by_area.as_ref()?, statistic, percents),
                _ => of_area(&v, &extra, statistic),
            }
        }
        Measure::Weighted(statistic) => match statistic {
            Statistic::Sum => Some(v.weighted),
            Statistic::Mean => (v.weight > 0.0).then(|| v.weighted / v.weight),
            Statistic::Variance => extra.by_amount.variance(),
            Statistic::StandardDeviation => extra.by_amount.standard_deviation(),
            _ => picked(zone.ranks.get(band)?.by_amount.as_ref()?, statistic, percents),
        },
        _ => None,
    }
}

fn of_area(v: &ValueTally, extra: &Extra, statistic: Statistic) -> Option<f64> {
    let extremes = extra.extremes;
    match statistic {
        Statistic::Cells => Some(v.cells),
        Statistic::Sum => Some(extra.sum),
        Statistic::Mean => v.by_area.mean(),
        Statistic::Variance => v.by_area.variance(),
        Statistic::StandardDeviation => v.by_area.standard_deviation(),
        Statistic::Min => extremes.map(|[low, _]| low),
        Statistic::Max => extremes.map(|[_, high]| high),
        Statistic::Range => extremes.map(|[low, high]| high - low),
        _ => None,
    }
}

fn picked(ranked: &Ranked, statistic: Statistic, percents: &[Percent]) -> Option<f64> {
    match statistic {
        Statistic::Majority => Some(ranked.majority),
        Statistic::Minority => Some(ranked.minority),
        _ => {
            let place = percents.iter().position(|percent| Some(*percent) == statistic.quantile())?;
            ranked.quantiles.get(place).copied()
        }
    }
}
