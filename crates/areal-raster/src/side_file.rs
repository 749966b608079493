//! `.aux.xml` files that hold nothing but what a viewer computed from the pixels.

use std::path::Path;

use gdal::{Dataset, Metadata};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// True for the `.aux.xml` of a raster that holds only statistics and histograms, which GDAL and QGIS write when they show it,
/// and the band descriptions that the raster has by itself. It changes nothing of what is read, unlike one with a CRS,
/// nodata, a scale or names.
pub(crate) fn adds_nothing(path: &Path) -> bool {
    let Some(raster) = path.to_str().and_then(|path| path.strip_suffix(".aux.xml")) else { return false };
    // A file that is not text or cannot be read is not known to be harmless.
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    match descriptions_beside_statistics(&text) {
        Some(found) if found.is_empty() => true,
        Some(found) => own_descriptions(raster).is_some_and(|own| found.iter().all(|text| own.contains(text))),
        None => false,
    }
}

/// The content of an `.aux.xml` without statistics and histograms, in one spelling; `None` where it is no well-formed one.
pub(crate) fn meaning(path: &Path) -> Option<String> {
    path.to_str()?.strip_suffix(".aux.xml")?;
    without_statistics(&std::fs::read_to_string(path).ok()?)
}

fn without_statistics(document: &str) -> Option<String> {
    let mut reader = Reader::from_str(document);
    let mut kept: Vec<String> = Vec::new();
    // The places of the open elements in `kept`, and the depth below one that is left out.
    let (mut open, mut skipped) = (Vec::new(), 0usize);
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return (skipped == 0 && open.is_empty()).then(|| kept.concat()),
            Event::Start(_) if skipped > 0 => skipped += 1,
            Event::End(_) if skipped > 0 => skipped -= 1,
            Event::Start(start) if kind(&start)? == Surrounding::Statistic => skipped = 1,
            Event::Start(start) => {
                open.push((kept.len(), kind(&start)? == Surrounding::Frame));
                kept.push(spelling(&start)?);
            }
            Event::End(_) => {
                let (place, is_frame) = open.pop()?;
                // What stood around statistics alone says nothing.
                if is_frame && place + 1 == kept.len() {
                    kept.pop();
                } else {
                    kept.push("</>".to_owned());
                }
            }
            Event::Empty(start) if skipped == 0 => match kind(&start)? {
                Surrounding::Other => kept.push(spelling(&start)? + "</>"),
                Surrounding::Frame | Surrounding::Statistic => {}
            },
            Event::Text(text) if skipped == 0 && !text.trim().is_empty() => kept.push(text.trim().to_owned()),
            Event::GeneralRef(name) if skipped == 0 => kept.push(format!("&{};", &*name)),
            Event::CData(_) => return None,
            _ => {}
        }
    }
}

/// The start of an element with its attributes by name.
fn spelling(start: &BytesStart<'_>) -> Option<String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        attributes.push(format!(" {}=\"{}\"", attribute.key.as_ref(), &*attribute.value));
    }
    attributes.sort();
    Some(format!("<{}{}>", start.local_name().as_ref(), attributes.concat()))
}

/// Band descriptions that a raster has without its `.aux.xml`, as (band, text).
fn own_descriptions(raster: &str) -> Option<Vec<(String, String)>> {
    let _without = WithoutSideFiles::new()?;
    let dataset = Dataset::open(raster).ok()?;
    let description = |band: usize| Some((band.to_string(), dataset.rasterband(band).ok()?.description().ok()?));
    (1..=dataset.raster_count()).map(description).collect()
}

/// While it lives, GDAL reads no `.aux.xml` in this thread.
struct WithoutSideFiles;

impl WithoutSideFiles {
    const OPTION: &str = "GDAL_PAM_ENABLED";

    fn new() -> Option<Self> {
        gdal::config::set_thread_local_config_option(Self::OPTION, "NO").ok().map(|()| Self)
    }
}

impl Drop for WithoutSideFiles {
    fn drop(&mut self) {
        gdal::config::clear_thread_local_config_option(Self::OPTION).expect("the name has no zero byte");
    }
}

/// The band descriptions in a document that has nothing else but statistics, as (band, text); `None` where it has, or is not
/// well-formed.
fn descriptions_beside_statistics(document: &str) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_str(document);
    let (mut band, mut found) = (String::new(), Vec::new());
    // Depth below an element whose content does not matter.
    let mut skipped = 0usize;
    let mut framed = false;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return framed.then_some(found),
            Event::Start(_) if skipped > 0 => skipped += 1,
            Event::End(_) if skipped > 0 => skipped -= 1,
            Event::Start(start) if start.local_name().as_ref() == "Description" => {
                found.push((band.clone(), plain_text(&mut reader)?));
            }
            Event::Start(start) => match kind(&start)? {
                Surrounding::Frame => {
                    framed = true;
                    band = attribute(&start, "band")?;
                }
                Surrounding::Statistic => skipped = 1,
                Surrounding::Other => return None,
            },
            Event::Empty(start) if skipped == 0 && kind(&start)? == Surrounding::Other => return None,
            _ => {}
        }
    }
}

/// The text of an element that has begun; `None` where it is not plain.
fn plain_text(reader: &mut Reader<&[u8]>) -> Option<String> {
    let mut text = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Text(part) => text.push_str(&part),
            Event::End(_) => return Some(text),
            _ => return None,
        }
    }
}

/// The text of an attribute, empty without one; `None` where the element is not well-formed.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        if attribute.key.as_ref() == name {
            return Some(attribute.value.to_string());
        }
    }
    Some(String::new())
}

#[derive(PartialEq, Eq)]
enum Surrounding {
    /// What stands around statistics.
    Frame,
    Statistic,
    Other,
}

fn kind(start: &BytesStart<'_>) -> Option<Surrounding> {
    Some(match start.local_name().as_ref() {
        "PAMDataset" | "PAMRasterBand" => Surrounding::Frame,
        "Metadata" if attribute(start, "domain")?.is_empty() => Surrounding::Frame,
        "Histograms" => Surrounding::Statistic,
        "MDI" if attribute(start, "key")?.starts_with("STATISTICS_") => Surrounding::Statistic,
        _ => Surrounding::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_29_statistics_beside_class_names_do_not_change_what_is_said() {
        let names = "<CategoryNames><Category>a &amp; b</Category></CategoryNames>";
        let band = |inner: &str| format!("<PAMDataset><PAMRasterBand band=\"1\">{inner}</PAMRasterBand></PAMDataset>");
        let plain = without_statistics(&band(names)).unwrap();
        let metadata = "\n  <Metadata>\n<MDI key=\"STATISTICS_MEAN\">3</MDI></Metadata>";
        let histogram = "<Histograms><HistItem/></Histograms>";
        for seen in [format!("{histogram}{names}{metadata}"), format!("{names}{histogram}")] {
            assert_eq!(without_statistics(&band(&seen)).as_ref(), Some(&plain));
        }
        let other = format!("{names}<Metadata><MDI key=\"AREA\">3</MDI></Metadata>");
        assert_ne!(without_statistics(&band(&other)).unwrap(), plain);
        assert_ne!(without_statistics(&band(&names.replace('a', "c"))).unwrap(), plain);
        assert_eq!(without_statistics("<PAMDataset><PAMRasterBand>"), None);
    }

    #[test]
    fn fault_29_statistics_are_no_part_of_a_raster_but_a_nodata_value_is() {
        let seen = "<PAMDataset>\n<PAMRasterBand band=\"1\">\n<Histograms><HistItem><HistMin>0</HistMin></HistItem>\
                    </Histograms><Metadata><MDI key=\"STATISTICS_MEAN\">3.5</MDI></Metadata></PAMRasterBand></PAMDataset>";
        assert_eq!(descriptions_beside_statistics(seen), Some(Vec::new()));
        let band = "<PAMRasterBand band=\"1\">";
        let with = |more: &str| descriptions_beside_statistics(&seen.replace(band, &format!("{band}{more}")));
        assert_eq!(with("<Description>red</Description>"), Some(vec![("1".to_owned(), "red".to_owned())]));
        for meaning in [
            "<NoDataValue>0</NoDataValue>",
            "<Metadata><MDI key=\"AREA_OR_POINT\">Area</MDI></Metadata>",
            "<Metadata domain=\"RPC\"><MDI key=\"STATISTICS_X\">1</MDI></Metadata>",
            "<Scale>2",
        ] {
            assert_eq!(with(meaning), None, "{meaning}");
        }
        assert_eq!(descriptions_beside_statistics(""), None);
    }
}
