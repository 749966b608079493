//! What each column of the tables means: their CSV on the Web metadata.

use areal_formats::{CsvColumn, CsvTable, CsvType};

fn text(name: &str, title: &str, description: &str) -> CsvColumn {
    CsvColumn::new(name, title, CsvType::Text, description)
}

fn number(name: &str, title: &str, description: &str) -> CsvColumn {
    CsvColumn::new(name, title, CsvType::Number, description)
}

fn integer(name: &str, title: &str, description: &str) -> CsvColumn {
    CsvColumn::new(name, title, CsvType::Integer, description)
}

pub(crate) fn estimates() -> CsvTable {
    CsvTable {
        title: "Estimates from a probability sample".to_owned(),
        description: "One row for each estimate: the area of a class, or the mean of a value, in one population: the map, the strata of \
                      the sample, all zones together, or one zone. No population includes cells without a prediction."
            .to_owned(),
        columns: [subject_columns(), number_columns(), account_columns()].concat(),
        primary_key: Vec::new(),
    }
}

/// What an estimate is of.
fn subject_columns() -> Vec<CsvColumn> {
    vec![
        text(
            "population",
            "Population",
            "The ground that the estimate refers to. map: every predicted cell; strata: the predicted cells in the strata \
             of the design (with strata of zones, the cells that belong to a zone); zones: the predicted ground \
             inside the zones, counted once where zones overlap; zone: the predicted ground inside the zone of zone_id. \
             Rows of different populations overlap: never add them.",
        ),
        text("zone_id", "Zone", "Id of the zone; empty unless the population is one zone.").optional(),
        text("zone_name", "Zone name", "Name of the zone.").optional(),
        text("measure", "Measure", "area (of a class) or mean (of a value)."),
        integer("class_code", "Class code", "Code of the class in the map's rasters; empty for a value.").optional(),
        text("class_name", "Class", "Name of the class, or of the value."),
        text("unit", "Unit", "Unit of mapped, estimate, standard_error, low and high.").optional(),
    ]
}

/// The estimate with its error.
fn number_columns() -> Vec<CsvColumn> {
    vec![
        number("mapped", "Mapped", "Area or mean according to the map alone: pixel counting, on true cell areas."),
        number("estimate", "Estimate", "Estimate from the sample; empty where suppressed. Estimates of zones need not add up to that of all zones together, which comes \
             from the sample alone, unless they are raked.").optional(),
        number(
            "standard_error",
            "Standard error",
            "Design-based standard error; root mean squared error for a model-based method; empty where it is \
             unknown. Where estimates are rounded, it keeps at least two significant digits.",
        )
        .optional(),
        number("cv", "Coefficient of variation", "standard_error / estimate; empty without either.").unit("1").optional(),
        number(
            "relative_error",
            "Relative error",
            "The larger of cv and the longer side of the interval / estimate / normal quantile of its level: quality follows it.",
        )
        .unit("1")
        .optional(),
        number("low", "Lower end", "Lower end of the confidence interval; empty where there is none.").optional(),
        number("high", "Upper end", "Upper end of the confidence interval; empty where there is none.").optional(),
        integer(
            "n",
            "Units",
            "Labelled units in the population, of all classes: not those of the row's class. A unit that lies in a zone in part counts.",
        ),
        number(
            "effective_n",
            "Effective units",
            "Units of a simple random sample without replacement that has the same error: 1 / (variance / (p (1 - p)) + 1 / N) for \
             the fraction p of N cells; the error is the larger of standard_error and the longer side of the interval / normal quantile. The sample's own \
             number by its weights where the standard error is 0. Empty for a mean.",
        )
        .optional(),
    ]
}

/// How the estimate was made and how far it can be relied on.
fn account_columns() -> Vec<CsvColumn> {
    vec![
        text(
            "method",
            "Method",
            "stratified, post-stratified, difference, regression, prediction-powered; in zones direct (the ratio to all units of the zone by their weights, or with \", known-areas\" the means \
             of the strata by their known areas in the zone; strata that share their variance are one; with \", partly-synthetic\" a stratum without \
             a unit in the zone has its mean over the whole map, with the variance of one unit), corrected-map, synthetic, \
             composite, fay-herriot, unit-level (the last five model-based; corrected-map is the map's own sums, of its probabilities or classes, less as much \
             of their error as the sample proves, which may be nothing: zone_correction in estimates.json), with \", raked\" where benchmarked to all \
             zones together; model-based; preceded by no-design where inclusion probabilities are unknown.",
        ),
        text(
            "interval",
            "Interval",
            "dirichlet (class areas: counts what was not drawn, so that the estimate need not be in its middle); of means hall (follows the \
             skewness of the sample), bootstrap (counts a unit in the tail of the map that was not drawn), t, normal; of other estimators score, \
             wilson (on the effective units), logit; none for a \
             model-based estimate, whose error is that of an average zone.",
        ),
        text(
            "quality",
            "Quality",
            "good, caution or unreliable, by the larger of cv and the longer side of the interval / estimate / normal quantile; \
             never good without an interval or below 15 units; empty where suppressed.",
        )
        .optional(),
        text("suppressed", "Suppressed", "primary (too few units), secondary (to protect another), or empty.")
            .optional(),
    ]
}

pub(crate) fn accuracy() -> CsvTable {
    CsvTable {
        title: "Accuracy of the map".to_owned(),
        description: "Area-weighted accuracies from the sample by the stratified estimator, whatever the estimator of the areas: another \
                      one changes the areas, not these."
            .to_owned(),
        columns: vec![
            text(
                "measure",
                "Measure",
                "overall, users (1 - commission error) or producers (1 - omission error); overall-in-training and \
                 overall-elsewhere: overall accuracy on and off patches that the model was trained on.",
            ),
            integer("class_code", "Class code", "Code of the class; empty for overall.").optional(),
            text("class_name", "Class", "Name of the class.").optional(),
            number("estimate", "Estimate", "The accuracy, 0 to 1; empty where there is no unit to estimate it from.")
                .unit("1")
                .optional(),
            number("standard_error", "Standard error", "Design-based standard error.").unit("1").optional(),
            number("low", "Lower end", "Lower end of the confidence interval.").unit("1").optional(),
            number("high", "Upper end", "Upper end of the confidence interval.").unit("1").optional(),
            integer("n", "Units", "Units in the denominator."),
        ],
        primary_key: Vec::new(),
    }
}

pub(crate) fn error_matrix() -> CsvTable {
    CsvTable {
        title: "Error matrix".to_owned(),
        description: "Map class against reference class, in units and as fractions of the area.".to_owned(),
        columns: vec![
            integer("map_code", "Map code", "Class code on the map."),
            text("map_name", "Map class", "Class name on the map."),
            integer("reference_code", "Reference code", "Class code in the reference."),
            text("reference_name", "Reference class", "Class name in the reference."),
            integer("count", "Units", "Number of units."),
            number("share", "Share", "Estimated fraction of the whole area.").unit("1"),
        ],
        primary_key: vec!["map_code".to_owned(), "reference_code".to_owned()],
    }
}

/// Standard error of one side of a comparison.
const ITS_ERROR: &str = "Standard error of the estimate, with what rounding adds.";

pub(crate) fn revisions() -> CsvTable {
    let p = |name: &str, title: &str, description: &str| number(name, title, description).unit("1");
    CsvTable {
        title: "Revisions between two vintages of estimates".to_owned(),
        description:
            "One row for each estimate that both vintages have with an error and of the same ground: what changed, and \
                      whether the change exceeds sampling error."
                .to_owned(),
        columns: vec![
            text("population", "Population", "The ground that the estimates refer to: map, strata, zones or zone."),
            text("zone_id", "Zone", "Id of the zone; empty unless the population is one zone.").optional(),
            text("zone_name", "Zone name", "Name of the zone.").optional(),
            text("measure", "Measure", "area (of a class) or mean (of a value)."),
            integer("class_code", "Class code", "Code of the class; empty for a value.").optional(),
            text("class_name", "Class", "Name of the class, or of the value."),
            text("unit", "Unit", "Unit of old, new, difference, the standard errors, low and high.").optional(),
            text("old_period", "Older period", "Reference period of the older vintage; empty where it is not stated.")
                .optional(),
            number("old", "Older estimate", "The estimate of the older vintage."),
            number("old_standard_error", "Older standard error", ITS_ERROR),
            integer("old_n", "Older units", "Labelled units in the population, of the older vintage."),
            text("new_period", "Newer period", "Reference period of the newer vintage; empty where it is not stated.")
                .optional(),
            number("new", "Newer estimate", "The estimate of the newer vintage."),
            number("new_standard_error", "Newer standard error", ITS_ERROR),
            integer("new_n", "Newer units", "Labelled units in the population, of the newer vintage."),
            number("difference", "Difference", "new - old."),
            p("relative", "Relative difference", "difference / old; empty where old is 0.").optional(),
            number(
                "standard_error",
                "Standard error",
                "Of the difference, from both standard errors and the correlation that was stated of the two samples. The interval and the \
                 p-values do not follow from it but from the estimates' own intervals.",
            ),
            number(
                "low",
                "Lower end",
                "Lower end of the difference's confidence interval, recovered from the estimates' own intervals (Zou and Donner 2008): \
                 where nothing was found an interval is wide, whatever the standard error.",
            ),
            number("high", "Upper end", "Upper end of the difference's confidence interval."),
            p(
                "p_value",
                "p-value",
                "Of no change, two-sided, for this row alone: one less the level at which the interval reaches no change.",
            ),
            p("holm_p_value", "Corrected p-value", "The p-value corrected for the number of rows (Holm 1979)."),
            CsvColumn::new(
                "significant",
                "Significant",
                CsvType::Boolean,
                "true where the corrected p-value is below 1 - level.",
            ),
        ],
        primary_key: Vec::new(),
    }
}
