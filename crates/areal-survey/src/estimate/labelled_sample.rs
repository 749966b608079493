//! A labelled sample with its design and its map.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_estimate::{EstimateError, ExpectedMatrix, Finding, Missing, Population, Stratum, Tails};
use areal_formats::{DESIGN_FORMATS, Design, DesignStratum, DesignUnit, StrataBy};
use areal_job::{InputFile, Job, check_digest, check_unchanged, hash_file, read_json_of};
use areal_tables::ClassNaming;

use super::flaws::{other_ellipsoid, other_map, strata_sum, without_design};
use super::same_draw::other_draw;
use super::settings::EstimateSettings;
use crate::error::TableRole;
use crate::frame::RiskCuts;
use crate::labels::{LabelReader, LabelRow, read_labels};
use crate::{FrameSource, MapFrame, MapTotals, SurveyError};

/// A design with its units, by number.
pub(super) struct DrawnDesign {
    pub design: Design,
    pub units: HashMap<u64, DesignUnit>,
}

/// A labelled sample, its design and its map.
pub(super) struct LabelledSample<'a> {
    pub frame: MapFrame<'a>,
    pub drawn: Option<DrawnDesign>,
    pub labels: Vec<LabelRow>,
    /// File of the labels.
    sample: PathBuf,
    class_by: Option<ClassNaming>,
    /// Whether the map is the one that the sample was drawn from.
    pub same_map: bool,
    map_sha256: String,
}

impl<'a> LabelledSample<'a> {
    pub(super) fn read(settings: &EstimateSettings, sample: &Path, job: Job<'a>) -> Result<Self, SurveyError> {
        let drawn = settings.design.as_deref().map(read_design).transpose()?;
        let source = FrameSource {
            prediction: &settings.prediction,
            strata_by: drawn.as_ref().map_or(StrataBy::Whole, |d| d.design.strata_by),
            strata_raster: settings.strata_raster.as_deref(),
            zones: settings.zones.as_deref(),
            strata_nodata: settings.strata_nodata,
            zone_settings: settings.zone_settings(),
        };
        let mut frame = MapFrame::open(&source, job)?;
        if let Some(design) = drawn.as_ref().map(|d| &d.design).filter(|d| d.strata_by == StrataBy::Risk) {
            frame.cuts = Some(RiskCuts::of_design(design, frame.meta.target.classes()));
        }
        let map_sha256 = hash_file(&frame.path)?;
        check_digest(&frame.path, &map_sha256)?;
        let map_sha256 = map_sha256.to_string();
        let same_map = drawn.as_ref().is_some_and(|d| d.design.map_sha256.as_str() == map_sha256);
        let labels = read_labels(sample, &settings.label_field, &settings.sample_choice())?;
        let (sample, class_by) = (sample.to_path_buf(), settings.class_by);
        Ok(Self { frame, drawn, labels, sample, class_by, same_map, map_sha256 })
    }

    /// What the labels say.
    pub(super) fn reader(&self, labels: &[LabelRow]) -> Result<LabelReader, SurveyError> {
        LabelReader::new(&self.frame.meta.target, labels, &self.sample, self.class_by)
    }

    pub(super) fn design(&self) -> Option<&Design> {
        self.drawn.as_ref().map(|drawn| &drawn.design)
    }

    /// The ground that the strata cover together.
    pub(super) fn population(&self) -> Population {
        self.design().map_or(Population::Map, Design::population)
    }

    /// Which strata share their variance.
    pub(super) fn pools(&self) -> Vec<usize> {
        self.design().map(Design::pools).unwrap_or_default()
    }

    /// The design's strata; without a design, the whole map as one.
    pub(super) fn strata(&self, totals: &MapTotals) -> Vec<Stratum> {
        match self.design() {
            Some(design) => design.strata.iter().map(DesignStratum::stratum).collect(),
            None => vec![Stratum {
                name: "whole".to_owned(),
                population: totals.populations.iter().sum(),
                area: totals.area(),
            }],
        }
    }

    /// What the map expects of each stratum; of all strata alike on another map than the design's. Empty for a value.
    pub(super) fn expected(&self, totals: &MapTotals) -> Result<Vec<ExpectedMatrix>, SurveyError> {
        let classes = self.frame.meta.target.classes().len();
        let matrix = |strata: &[usize]| {
            let mut sum = vec![vec![0.0; classes]; classes];
            for (row, part) in strata.iter().flat_map(|h| &totals.expected[*h]) {
                sum[*row].iter_mut().zip(part).for_each(|(sum, area)| *sum += area);
            }
            ExpectedMatrix::new(sum)
        };
        let all: Vec<usize> = (0..totals.expected.len()).collect();
        match self.design() {
            _ if classes == 0 => Ok(Vec::new()),
            Some(design) if self.same_map => {
                let places = self.frame.design_strata(design)?;
                Ok(places.into_iter().map(|h| matrix(&[h])).collect::<Result<_, _>>()?)
            }
            Some(design) => Ok(vec![matrix(&all)?; design.strata.len()]),
            None => Ok(vec![matrix(&all)?]),
        }
    }

    /// What the mean of a value can rest on in each stratum; in all alike on another map than the design's.
    pub(super) fn tails(&self, totals: &MapTotals) -> Result<Vec<Tails>, SurveyError> {
        let whole = || totals.whole.tails().ok_or(EstimateError::Empty(Missing::PredictedCell));
        let places = match self.design() {
            Some(design) if self.same_map => self.frame.design_strata(design)?,
            Some(design) => return Ok(vec![whole()?; design.strata.len()]),
            None => return Ok(vec![whole()?]),
        };
        places.into_iter().map(|h| totals.values[h].tails().map_or_else(|| Ok(whole()?), Ok)).collect()
    }

    /// For each stratum of the map its place among the design's; of no stratum on another map than the design's.
    pub(super) fn places(&self) -> Result<HashMap<usize, usize>, SurveyError> {
        let places = match self.design() {
            Some(design) if self.same_map => self.frame.design_strata(design)?,
            Some(_) => Vec::new(),
            None => vec![0],
        };
        Ok(places.into_iter().enumerate().map(|(place, h)| (h, place)).collect())
    }

    /// Brings the areas of the design's strata onto the ellipsoid of this table, where the sample was drawn with zones on another
    /// datum, or without zones. The factor is the same for all strata.
    pub(super) fn fit_ellipsoid(&mut self, totals: &MapTotals) -> Result<(), SurveyError> {
        let Some(design) = self.drawn.as_mut().map(|drawn| &mut drawn.design).filter(|_| self.same_map) else {
            return Ok(());
        };
        let places = self.frame.design_strata(design)?;
        let ratios: Vec<f64> = design.strata.iter().zip(places).map(|(s, h)| totals.strata[h] / s.area).collect();
        if let Some(factor) = other_ellipsoid(&ratios) {
            tracing::info!(
                "the sample was drawn with areas on another ellipsoid: those of its strata are multiplied by {factor:.7}"
            );
            design.strata.iter_mut().for_each(|stratum| stratum.area *= factor);
        }
        Ok(())
    }

    /// Flaws of the design and the map.
    pub(super) fn flaws(&self, totals: &MapTotals) -> Result<Vec<Finding>, SurveyError> {
        let Some(drawn) = &self.drawn else { return Ok(vec![without_design()]) };
        let design = &drawn.design;
        let mut flaws: Vec<Finding> = other_draw(drawn, &self.labels, self.frame.grid())?.into_iter().collect();
        flaws.extend(other_map(design.map_sha256.as_str(), &self.map_sha256));
        let whole: f64 = design.strata.iter().map(|s| s.area).sum();
        let mut sum = strata_sum(whole, totals.area());
        if self.same_map {
            // On the map of the design each stratum must be found as it was drawn from.
            let places = self.frame.design_strata(design)?;
            let each = design.strata.iter().zip(places).find_map(|(s, h)| strata_sum(s.area, totals.strata[h]));
            sum = sum.or(each);
        }
        flaws.extend(sum);
        Ok(flaws)
    }
}

fn read_design(folder: &Path) -> Result<DrawnDesign, SurveyError> {
    let file = folder.join("design.json");
    let design: Design = read_json_of(&file, &DESIGN_FORMATS)?;
    check_unchanged(&file)?;
    let path = folder.join("units.csv");
    let found = hash_file(&path)?;
    if found.short() != design.design_id {
        let (found, expected) = (found.short().to_owned(), design.design_id);
        return Err(SurveyError::DrawFiles { path, found, expected });
    }
    let fault = TableRole::DesignUnits.fault(&path);
    let mut units = HashMap::new();
    let file = InputFile::open(&path).map_err(|e| fault(e.into()))?;
    for unit in csv::Reader::from_reader(file).deserialize() {
        let unit: DesignUnit = unit.map_err(fault)?;
        units.insert(unit.unit_id, unit);
    }
    Ok(DrawnDesign { design, units })
}
