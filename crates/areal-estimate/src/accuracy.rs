//! Accuracies and class areas from an error matrix of a probability sample.

use crate::error::{EstimateError, require, same_length};
use crate::estimate::Estimate;
use crate::stratified::{StratifiedSample, Stratum};

/// Area and accuracy of every class from a labelled sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// Number of units by map class (row) and reference class (column).
    pub counts: Vec<Vec<u64>>,
    /// The same in fractions of the whole area; sums to 1.
    pub proportions: Vec<Vec<f64>>,
    /// Fraction of the area whose map class is the reference class.
    pub overall: Estimate,
    /// One entry a class.
    pub classes: Vec<ClassAccuracy>,
}

/// Area and accuracy of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassAccuracy {
    /// Fraction of the whole area that has the class in the reference.
    pub fraction: Estimate,
    /// User's accuracy: of the area mapped as the class, the fraction that is of the class. `None` where no unit is mapped as the class.
    pub users: Option<Estimate>,
    /// Producer's accuracy: of the class's area, the fraction mapped as the class. `None` where no unit has the class.
    pub producers: Option<Estimate>,
}

/// Estimates area fractions and accuracies from units with a map class and a reference class (indices below `classes`), in
/// any strata: the map classes, or others (Stehman 2014, Int. J. Remote Sensing 35:4923, eq. 3, 16, 25-28). Where the strata
/// are the map classes and there is no finite population correction, this is Olofsson et al. 2014 (Remote Sensing of
/// Environment 148:42), eq. 1-11, in closed form.
///
/// # Errors
/// When a table has not one entry a unit, or a class lies outside `0..classes`.
pub fn accuracy(
    sample: &StratifiedSample,
    map: &[usize],
    reference: &[usize],
    classes: usize,
) -> Result<Accuracy, EstimateError> {
    same_length("the map classes", map.len(), sample.len())?;
    same_length("the reference classes", reference.len(), sample.len())?;
    let mut counts = vec![vec![0u64; classes]; classes];
    let mut proportions = vec![vec![0.0; classes]; classes];
    for (k, (&i, &j, weight)) in zip3(map, reference, &sample.weights()).enumerate() {
        for class in [i, j] {
            if class >= classes {
                let (unit, value) = (k.to_string(), class.to_string());
                return Err(EstimateError::Unknown { unit, what: "class", value });
            }
        }
        counts[i][j] += 1;
        proportions[i][j] += weight / sample.area();
    }
    let indicator = |test: &dyn Fn(usize, usize) -> bool| -> Vec<f64> {
        map.iter().zip(reference).map(|(&i, &j)| f64::from(test(i, j))).collect()
    };
    let class = |c: usize| -> Result<ClassAccuracy, EstimateError> {
        let both = indicator(&|i, j| i == c && j == c);
        let (mapped, present) = (indicator(&|i, _| i == c), indicator(&|_, j| j == c));
        Ok(ClassAccuracy {
            fraction: sample.mean(&present)?,
            users: sample.ratio(&both, &mapped)?,
            producers: sample.ratio(&both, &present)?,
        })
    };
    Ok(Accuracy {
        overall: sample.mean(&indicator(&|i, j| i == j))?,
        classes: (0..classes).map(class).collect::<Result<_, _>>()?,
        counts,
        proportions,
    })
}

fn zip3<'a>(a: &'a [usize], b: &'a [usize], c: &'a [f64]) -> impl Iterator<Item = (&'a usize, &'a usize, f64)> {
    a.iter().zip(b).zip(c).map(|((a, b), c)| (a, b, *c))
}

/// The units of an error matrix of counts (rows = strata = map classes, columns = reference): for a published matrix.
/// Returns the sample, the map class and the reference class of each unit; `population` is the size of each map class
/// in units, which serves as its area too.
///
/// # Errors
/// A matrix that is not square, or sizes that are not positive.
pub fn from_matrix(
    counts: &[Vec<u64>],
    population: &[u64],
    finite: bool,
) -> Result<(StratifiedSample, Vec<usize>, Vec<usize>), EstimateError> {
    same_length("the stratum sizes", population.len(), counts.len())?;
    let (mut map, mut reference) = (Vec::new(), Vec::new());
    for (i, row) in counts.iter().enumerate() {
        same_length("a row of the error matrix", row.len(), counts.len())?;
        for (j, &n) in row.iter().enumerate() {
            map.extend((0..n).map(|_| i));
            reference.extend((0..n).map(|_| j));
        }
    }
    let strata = population
        .iter()
        .enumerate()
        .map(|(k, &n)| {
            require(n > 0, "size", &k.to_string(), n as f64, "must be positive")?;
            Ok(Stratum { name: k.to_string(), population: n, area: n as f64 })
        })
        .collect::<Result<Vec<_>, EstimateError>>()?;
    let units: Vec<_> = map.iter().map(|&h| (h, 1.0)).collect();
    Ok((StratifiedSample::new(strata, &units, finite)?, map, reference))
}
