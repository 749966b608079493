//! `.aux.xml` files that hold nothing but what a viewer computed from the pixels.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// True for a `.aux.xml` of statistics and histograms, which GDAL and QGIS write when they show a raster. It changes nothing
/// of what is read, unlike one with a CRS, nodata, a scale or names.
pub(crate) fn holds_only_statistics(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".aux.xml")
        && std::fs::read_to_string(path).is_ok_and(|text| only_statistics(&text) == Some(true))
}

/// `None` where the document is not well-formed.
fn only_statistics(document: &str) -> Option<bool> {
    let mut reader = Reader::from_str(document);
    // Depth below an element whose content does not matter.
    let mut skipped = 0usize;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return Some(true),
            Event::Start(_) if skipped > 0 => skipped += 1,
            Event::End(_) if skipped > 0 => skipped -= 1,
            Event::Start(start) => match kind(&start)? {
                Kind::Frame => {}
                Kind::Statistic => skipped = 1,
                Kind::Other => return Some(false),
            },
            Event::Empty(start) if skipped == 0 && kind(&start)? == Kind::Other => return Some(false),
            _ => {}
        }
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    /// What stands around statistics.
    Frame,
    Statistic,
    Other,
}

fn kind(start: &BytesStart<'_>) -> Option<Kind> {
    let attribute = |name: &str| -> Option<Option<String>> {
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            if attribute.key.as_ref() == name {
                return Some(Some(attribute.value.to_string()));
            }
        }
        Some(None)
    };
    Some(match start.local_name().as_ref() {
        "PAMDataset" | "PAMRasterBand" => Kind::Frame,
        "Metadata" if attribute("domain")?.is_none_or(|domain| domain.is_empty()) => Kind::Frame,
        "Histograms" => Kind::Statistic,
        "MDI" if attribute("key")?.is_some_and(|key| key.starts_with("STATISTICS_")) => Kind::Statistic,
        _ => Kind::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_29_statistics_are_no_part_of_a_raster_but_a_nodata_value_is() {
        let seen = "<PAMDataset>\n<PAMRasterBand band=\"1\">\n<Histograms><HistItem><HistMin>0</HistMin></HistItem>\
                    </Histograms><Metadata><MDI key=\"STATISTICS_MEAN\">3.5</MDI></Metadata></PAMRasterBand></PAMDataset>";
        assert_eq!(only_statistics(seen), Some(true));
        let band = "<PAMRasterBand band=\"1\">";
        let with = |more: &str| only_statistics(&seen.replace(band, &format!("{band}{more}")));
        assert_eq!(with("<NoDataValue>0</NoDataValue>"), Some(false));
        assert_eq!(with("<Metadata><MDI key=\"AREA_OR_POINT\">Area</MDI></Metadata>"), Some(false));
        assert_eq!(with("<Metadata domain=\"RPC\"><MDI key=\"STATISTICS_X\">1</MDI></Metadata>"), Some(false));
        assert_eq!(with("<Scale>2"), None);
    }
}
