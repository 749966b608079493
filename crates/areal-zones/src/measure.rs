//! The measures of the area table: their names, meanings and units.

use std::fmt;

use crate::Statistic;

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
    /// Of the cells or the area of a zone.
    Statistic(Statistic),
    /// Of the amounts of the weights raster.
    Weighted(Statistic),
    /// Sum of the weights raster.
    WeightSum,
    /// Observed area for which it holds no amount.
    UnweightedArea,
    /// Observed area where it is 0.
    ZeroWeightArea,
}

impl fmt::Display for Measure {
    /// Its name in tables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZoneArea => f.write_str("zone_area"),
            Self::OutsideArea => f.write_str("outside_area"),
            Self::ObservedArea => f.write_str("observed_area"),
            Self::UnobservedArea => f.write_str("unobserved_area"),
            Self::NodataArea => f.write_str("nodata_area"),
            Self::MaskedArea => f.write_str("masked_area"),
            Self::NotCoveredArea => f.write_str("not_covered_area"),
            Self::ClassArea => f.write_str("class_area"),
            Self::ClassShare => f.write_str("class_share"),
            Self::MeanProbability => f.write_str("mean_probability"),
            Self::ProbabilityArea => f.write_str("probability_area"),
            Self::Statistic(Statistic::Cells) => f.write_str("observed_cells"),
            Self::Statistic(Statistic::StandardDeviation) => f.write_str("standard_deviation"),
            Self::Statistic(statistic) => statistic.fmt(f),
            Self::Weighted(statistic) => write!(f, "weighted_{}", Self::Statistic(*statistic)),
            Self::WeightSum => f.write_str("weight_sum"),
            Self::UnweightedArea => f.write_str("unweighted_area"),
            Self::ZeroWeightArea => f.write_str("zero_weight_area"),
        }
    }
}

impl Measure {
    /// What it means, in a sentence.
    pub fn description(self) -> String {
        let text = match self {
            Self::ZoneArea => "area of the whole zone on the ellipsoid, from its outline",
            Self::OutsideArea => "area of the part of the zone outside the map",
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
            Self::Statistic(statistic) => return of_zone(statistic),
            Self::Weighted(statistic) => return of_amounts(statistic),
            Self::WeightSum => "amount of the weights raster in the part of the zone on the map",
            Self::UnweightedArea => {
                "part of the observed area for which the weights raster holds no amount (it ends there, or has nodata): \
                 weighted measures leave it out"
            }
            Self::ZeroWeightArea => {
                "part of the observed area where the weights raster is 0 (no inhabitants, for example): area means include it, weighted \
                 means do not"
            }
        };
        text.to_owned()
    }

    /// Its unit, where the value's own is `own`.
    pub fn unit(self, own: &str) -> String {
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
            | Self::UnweightedArea
            | Self::ZeroWeightArea => "km2".to_owned(),
            Self::ClassShare | Self::MeanProbability => "1".to_owned(),
            Self::Statistic(Statistic::Cells) => "cells".to_owned(),
            Self::Statistic(Statistic::Variety) => "values".to_owned(),
            Self::WeightSum => "weights".to_owned(),
            Self::Statistic(Statistic::Variance) | Self::Weighted(Statistic::Variance) if !own.is_empty() => {
                format!("({own})2")
            }
            Self::Statistic(_) | Self::Weighted(_) => own.to_owned(),
        }
    }
}

fn of_zone(statistic: Statistic) -> String {
    let text = match statistic {
        Statistic::Cells => "observed cells, each weighted by its exact fraction in the zone",
        Statistic::Sum => {
            "sum of the values of observed cells, each by the exact share in the zone: for amounts per cell, whatever the \
             area of a cell"
        }
        Statistic::Mean => "mean of the value over observed area",
        Statistic::Min => "smallest value of an observed cell, however small its fraction in the zone",
        Statistic::Max => "largest value of an observed cell, however small its fraction in the zone",
        Statistic::Range => "largest minus smallest value",
        Statistic::Variance => "variance of the value over observed area (population formula)",
        Statistic::StandardDeviation => "standard deviation of the value over observed area (population formula)",
        Statistic::Median => return reached("half", "observed area"),
        Statistic::Quantile(percent) => {
            return reached(&format!("{percent} %"), "observed area");
        }
        Statistic::Majority => "value or class with the largest observed area; the largest value if areas are equal",
        Statistic::Minority => "value or class with the smallest observed area; the smallest value if areas are equal",
        Statistic::Variety => "number of different values or classes in the observed area",
    };
    text.to_owned()
}

/// How quantiles are defined.
fn reached(share: &str, whole: &str) -> String {
    format!("smallest value such that this and smaller values have at least {share} of the {whole}")
}

fn of_amounts(statistic: Statistic) -> String {
    let text = match statistic {
        Statistic::Sum => "sum of value times amount of the weights raster where the value is observed",
        Statistic::Mean => "mean of the value over the amounts of the weights raster where it is observed",
        Statistic::Variance => "variance of the value over the amounts of the weights raster (population formula)",
        Statistic::StandardDeviation => {
            "standard deviation of the value over the amounts of the weights raster (population formula)"
        }
        Statistic::Majority => "value with the largest amount of the weights raster; of equals the largest",
        Statistic::Minority => "value with the smallest amount of the weights raster above 0; of equals the smallest",
        Statistic::Median => {
            return reached("half", "amounts of the weights raster");
        }
        Statistic::Quantile(percent) => {
            return reached(&format!("{percent} %"), "amounts of the weights raster");
        }
        Statistic::Cells | Statistic::Min | Statistic::Max | Statistic::Range | Statistic::Variety => {
            return of_zone(statistic);
        }
    };
    text.to_owned()
}
