//! Saliency maps of patches.

use base64::Engine;

use crate::ReportError;

/// What the prediction of one patch rests on.
#[derive(Debug, Clone)]
pub struct SaliencyFigure {
    pub title: String,
    /// Names and values of what is known of it.
    pub facts: Vec<(String, String)>,
    /// One image a method.
    pub maps: Vec<SaliencyMap>,
}

/// One method's map of a patch.
#[derive(Debug, Clone)]
pub struct SaliencyMap {
    pub method: String,
    /// The image, a PNG file's bytes.
    pub png: Vec<u8>,
    /// Names and values of what is known of the map.
    pub measures: Vec<(String, String)>,
}

pub(crate) struct SaliencyView {
    pub title: String,
    pub facts: Vec<(String, String)>,
    pub maps: Vec<SaliencyMapView>,
}

pub(crate) struct SaliencyMapView {
    pub method: String,
    pub png: String,
    pub measures: Vec<(String, String)>,
}

impl SaliencyFigure {
    pub(crate) fn view(&self) -> Result<SaliencyView, ReportError> {
        let map = |map: &SaliencyMap| {
            if !map.png.starts_with(b"\x89PNG\r\n\x1a\n") {
                return Err(ReportError::Picture { title: format!("{}, {}", self.title, map.method) });
            }
            let png = base64::engine::general_purpose::STANDARD.encode(&map.png);
            Ok(SaliencyMapView { method: map.method.clone(), png, measures: map.measures.clone() })
        };
        let maps = self.maps.iter().map(map).collect::<Result<_, _>>()?;
        Ok(SaliencyView { title: self.title.clone(), facts: self.facts.clone(), maps })
    }
}
