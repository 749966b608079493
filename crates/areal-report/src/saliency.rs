use base64::Engine;

use crate::ReportError;

/// What a prediction rests on, as a picture.
#[derive(Debug, Clone)]
pub struct SaliencyFigure {
    /// What it shows.
    pub title: String,
    /// The picture, a PNG file's bytes.
    pub png: Vec<u8>,
    /// Names and values of what is known of it.
    pub facts: Vec<(String, String)>,
}

pub(crate) struct SaliencyView {
    pub title: String,
    pub png: String,
    pub facts: Vec<(String, String)>,
}

impl SaliencyFigure {
    pub(crate) fn view(&self) -> Result<SaliencyView, ReportError> {
        if !self.png.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Err(ReportError::Picture { title: self.title.clone() });
        }
        let png = base64::engine::general_purpose::STANDARD.encode(&self.png);
        Ok(SaliencyView { title: self.title.clone(), png, facts: self.facts.clone() })
    }
}
