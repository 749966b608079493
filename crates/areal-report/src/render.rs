//! The whole report as HTML.

use askama::Template;

use crate::areas::TableView;
use crate::choropleth::{ChoroplethView, choropleth};
use crate::confusion::ConfusionView;
use crate::curve::PanelView;
use crate::estimates::EstimateView;
use crate::map::MapView;
use crate::number::{decimals, number};
use crate::provenance::StageView;
use crate::saliency::SaliencyView;
use crate::{
    AreaSection, Confusion, EstimateSection, LearningCurve, MapFigure, Note, NoteKind, ProvenanceEntry, ReportError,
    SaliencyFigure, notes,
};

/// All that a report shows. Whatever is empty is left out, and said so.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub title: String,
    /// The program that writes it: `areal 0.1.0`.
    pub made_by: String,
    pub maps: Vec<MapFigure>,
    pub areas: Vec<AreaSection>,
    /// Estimates from labelled samples.
    pub estimates: Vec<EstimateSection>,
    /// The model: names and values.
    pub model: Vec<(String, String)>,
    pub learning: LearningCurve,
    /// Measures of a split: its name, then name and value of each.
    pub scores: Vec<(String, Vec<(String, f64)>)>,
    pub confusions: Vec<Confusion>,
    pub saliency: Vec<SaliencyFigure>,
    /// Notes beside those that follow from the numbers.
    pub notes: Vec<Note>,
    /// How each part was made.
    pub provenance: Vec<ProvenanceEntry>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: &'a str,
    made_by: &'a str,
    maps: Vec<MapView>,
    areas: Vec<AreaView>,
    estimates: Vec<EstimateView>,
    model: &'a [(String, String)],
    panels: Vec<PanelView>,
    scores: Vec<(String, Vec<(String, String)>)>,
    confusions: Vec<ConfusionView>,
    saliency: Vec<SaliencyView>,
    warnings: Vec<String>,
    remarks: Vec<String>,
    provenance: Vec<StageView>,
}

struct AreaView {
    name: String,
    map: Option<ChoroplethView>,
    table: TableView,
}

/// The report as one HTML document. It loads nothing: images, style and script stand in it.
///
/// # Errors
/// When pixels, tables or images do not fit together.
pub fn render(report: &Report) -> Result<String, ReportError> {
    report.areas.iter().try_for_each(AreaSection::check)?;
    let mut all = report.notes.clone();
    all.extend(notes::derived(report));
    let of = |level: NoteKind| all.iter().filter(|n| n.level == level).map(|n| n.text.clone()).collect();
    let scores = |(name, list): &(String, Vec<(String, f64)>)| {
        let shown = |v: f64| number(v, decimals(std::iter::once(v)));
        (name.clone(), list.iter().map(|(n, v)| (n.replace('_', " "), shown(*v))).collect())
    };
    let area = |section: &AreaSection| AreaView {
        name: section.name.clone(),
        map: choropleth(section),
        table: section.table(),
    };
    let page = Page {
        title: &report.title,
        made_by: &report.made_by,
        maps: report.maps.iter().map(MapFigure::view).collect::<Result<_, _>>()?,
        areas: report.areas.iter().map(area).collect(),
        estimates: report.estimates.iter().map(EstimateSection::view).collect(),
        model: &report.model,
        panels: report.learning.panels(),
        scores: report.scores.iter().map(scores).collect(),
        confusions: report.confusions.iter().map(Confusion::view).collect::<Result<_, _>>()?,
        saliency: report.saliency.iter().map(SaliencyFigure::view).collect::<Result<_, _>>()?,
        warnings: of(NoteKind::Warning),
        remarks: of(NoteKind::Remark),
        provenance: report.provenance.iter().map(ProvenanceEntry::view).collect(),
    };
    Ok(page.render()?)
}
