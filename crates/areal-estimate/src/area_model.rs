//! The area-level model of Fay and Herriot applied to the zones of a survey.

use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::fay_herriot::{AreaInput, fay_herriot};
use crate::zone_estimates::VariableKind;

/// A sampling variance for each zone with a unit, smoothed; never zero: for fractions `deff p (1-p) / n` with the synthetic `p`
/// and the mean design effect; for values the pooled variance over `n` (Rao and Molina 2015, section 6.4.1). A zone without
/// an error in a handful of units would else claim to have none.
pub(crate) fn smoothed_variances(
    direct: &[Option<Estimate>],
    synthetic: &[f64],
    kind: VariableKind,
) -> Vec<Option<f64>> {
    let unit = |s: &f64| match kind {
        // A class that the map does not show in the zone may still be there.
        VariableKind::Fraction => {
            let p = s.clamp(0.005, 0.995);
            p * (1.0 - p)
        }
        VariableKind::Value => 1.0,
    };
    let (mut found, mut weight) = (0.0, 0.0);
    for (own, other) in direct.iter().zip(synthetic) {
        if let Some(own) = own.filter(|e| e.n >= 2) {
            // Variances times n over the binomial one: the design effect, weighted by n.
            found += own.standard_error.powi(2) * (own.n * own.n) as f64;
            weight += own.n as f64 * unit(other);
        }
    }
    let effect = if weight > 0.0 && found > 0.0 { found / weight } else { 1.0 };
    let one =
        |(own, other): (&Option<Estimate>, &f64)| own.filter(|e| e.n > 0).map(|e| effect * unit(other) / e.n as f64);
    direct.iter().zip(synthetic).map(one).collect()
}

/// EBLUP and mean squared error of each zone, with the synthetic estimate as covariate.
pub(crate) fn area_model(
    direct: &[Option<Estimate>],
    synthetic: &[f64],
    smooth: &[Option<f64>],
) -> Result<Vec<(f64, f64)>, EstimateError> {
    // A class that the map shows nowhere, say, has the same synthetic estimate everywhere: an intercept is all there is.
    let varies = synthetic.iter().any(|s| (s - synthetic[0]).abs() > 1e-9);
    let x = |other: f64| if varies { vec![1.0, other] } else { vec![1.0] };
    let areas: Vec<AreaInput> = direct
        .iter()
        .zip(synthetic)
        .zip(smooth)
        .map(|((own, other), v)| AreaInput { direct: own.zip(*v).map(|(e, v)| (e.value, v)), x: x(*other) })
        .collect();
    let fitted = fay_herriot(&areas)?;
    Ok(fitted.areas.iter().map(|a| (a.value, a.mse)).collect())
}
