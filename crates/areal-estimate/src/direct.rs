//! Direct estimates of zones: from their own units.

use crate::class_intervals::ClassIntervals;
use crate::domain::Variable;
use crate::error::{EstimateError, same_length};
use crate::estimate::Estimate;
use crate::stratified::StratifiedSample;
use crate::zone_method::DirectBasis;
use crate::zone_part::{Spreads, ZoneGround, ZonePart};
use crate::zoning::Zoning;

/// Direct estimate of the mean of `y` in each zone: the ratio of its area to the zone's within the sample
/// ([`StratifiedSample::domain`]; Rao and Molina 2015, eq. 2.4.4). `None` without a unit.
///
/// # Errors
/// Tables that do not fit.
pub fn direct(sample: &StratifiedSample, y: &[f64], zoning: &Zoning) -> Result<Vec<Option<Estimate>>, EstimateError> {
    same_length("the zones of the units", zoning.membership.len(), sample.len())?;
    let variable = sample.variable(y)?;
    let zones = zoning.units_of_zones().into_iter();
    Ok(zones.map(|units| Some(sample.part(units.into_iter())?.mean(&variable))).collect())
}

/// Direct numbers of a zone.
pub(crate) struct Direct {
    pub estimates: Vec<Estimate>,
    /// Sum of the errors by which they are preferred to a model's, or not: by known areas those of the variances of the strata over the whole
    /// sample, else the standard errors of the ratios.
    pub error: f64,
    pub basis: DirectBasis,
}

/// Direct fractions of classes: by the areas of the strata in the zone where they are known ([`ZonePart::mean`]), else those of [`direct`].
pub(crate) struct DirectFractions<'a> {
    surveyed: ClassIntervals<'a>,
    zoning: &'a Zoning,
    /// Units in each zone, each with the fraction of it that lies there.
    units: Vec<Vec<(usize, f64)>>,
    y: &'a [Vec<f64>],
    variables: Vec<Variable<'a>>,
    spreads: Vec<Spreads>,
}

impl<'a> DirectFractions<'a> {
    /// `y[class][unit]` is an indicator of each class.
    pub(crate) fn new(
        surveyed: ClassIntervals<'a>,
        y: &'a [Vec<f64>],
        zoning: &'a Zoning,
    ) -> Result<Self, EstimateError> {
        let sample = surveyed.sample;
        same_length("the zones of the units", zoning.membership.len(), sample.len())?;
        Ok(Self {
            units: zoning.units_of_zones(),
            variables: y.iter().map(|y| sample.variable(y)).collect::<Result<_, _>>()?,
            spreads: y.iter().map(|of| Spreads::of(sample, surveyed.map, y.len(), of)).collect::<Result<_, _>>()?,
            surveyed,
            zoning,
            y,
        })
    }

    /// A zone as a sample of its own.
    pub(crate) fn part(&self, zone: usize) -> Result<Option<ZonePart>, EstimateError> {
        let strata = self.zoning.strata.get(zone).map_or(&[][..], Vec::as_slice);
        let mut inside = vec![0.0; self.surveyed.sample.len()];
        self.units[zone].iter().for_each(|&(unit, fraction)| inside[unit] += fraction);
        ZonePart::new(&self.surveyed, &ZoneGround { inside: &inside, strata, mapped: &self.zoning.mapped[zone] })
    }

    /// The fraction of each class in a zone; `None` without a unit.
    pub(crate) fn zone(&self, zone: usize) -> Result<Option<Direct>, EstimateError> {
        let Some(domain) = self.surveyed.sample.part(self.units[zone].iter().copied()) else { return Ok(None) };
        let part = self.part(zone)?;
        let basis = part.as_ref().map_or(DirectBasis::Weights, ZonePart::basis);
        let mut found = Direct { estimates: Vec::with_capacity(self.y.len()), error: 0.0, basis };
        for (c, y) in self.y.iter().enumerate() {
            let known = part.as_ref().map(|part| part.mean((c, y), &self.spreads[c])).transpose()?.flatten();
            let (estimate, error) = known.map_or_else(
                || {
                    let mean = domain.mean(&self.variables[c]);
                    (mean, mean.standard_error)
                },
                |mean| (mean.estimate, mean.anticipated),
            );
            found.estimates.push(estimate);
            found.error += error;
        }
        Ok(Some(found))
    }
}
