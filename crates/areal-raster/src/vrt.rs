//! Names of the sources in the XML of a virtual raster (VRT).

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// A source as the document names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VrtSource {
    /// A file, or what GDAL opens by that name.
    pub name: String,
    /// True when the name is relative to the folder of the VRT.
    pub is_relative: bool,
    /// True for a raw band: bytes of any file, read as pixels.
    pub is_raw: bool,
}

/// The text of every `SourceFilename` and `SourceDataset`, as GDAL reads them: names of elements and attributes in any
/// case, comments left out, entities resolved.
///
/// # Errors
/// Where the document is not well-formed, with the byte at which it is not.
pub(crate) fn sources(document: &str) -> Result<Vec<VrtSource>, String> {
    let mut reader = Reader::from_str(document);
    let mut found = Vec::new();
    let mut open: Option<VrtSource> = None;
    let mut is_raw = false;
    loop {
        let event = reader.read_event().map_err(|e| at(&reader, &e))?;
        match event {
            Event::Eof => return Ok(found),
            Event::Start(start) if is_source(start.local_name().as_ref()) => {
                let relative = attribute(&start, "relativeToVRT").map_err(|e| at(&reader, &e))?;
                let is_relative = relative.is_some_and(|value| value.trim() == "1");
                open = Some(VrtSource { name: String::new(), is_relative, is_raw });
            }
            Event::Start(start) if start.local_name().as_ref().eq_ignore_ascii_case("VRTRasterBand") => {
                let class = attribute(&start, "subClass").map_err(|e| at(&reader, &e))?;
                is_raw = class.is_some_and(|class| class.trim().eq_ignore_ascii_case("VRTRawRasterBand"));
            }
            Event::Text(text) => push(&mut open, &text),
            Event::CData(text) => push(&mut open, &text),
            Event::GeneralRef(entity) => {
                let text = resolve(&entity).map_err(|e| at(&reader, &e))?;
                push(&mut open, &text);
            }
            Event::End(end) if is_source(end.local_name().as_ref()) => {
                found.extend(open.take().map(|s| VrtSource { name: s.name.trim().to_owned(), ..s }));
            }
            _ => {}
        }
    }
}

/// The text that an entity stands for.
fn resolve(entity: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = entity.resolve_char_ref().map_err(|e| e.to_string())? {
        return Ok(character.to_string());
    }
    let text = resolve_predefined_entity(entity).ok_or_else(|| format!("unknown entity &{};", &**entity))?;
    Ok(text.to_owned())
}

fn is_source(element: &str) -> bool {
    ["SourceFilename", "SourceDataset", "SrcDataSource"].iter().any(|name| element.eq_ignore_ascii_case(name))
}

/// The value of an attribute, whose name may be in any case.
fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, quick_xml::Error> {
    for attribute in start.attributes() {
        let attribute = attribute?;
        if attribute.key.as_ref().eq_ignore_ascii_case(name) {
            return Ok(Some(attribute.value.to_string()));
        }
    }
    Ok(None)
}

fn push(open: &mut Option<VrtSource>, text: &str) {
    if let Some(source) = open {
        source.name.push_str(text);
    }
}

fn at(reader: &Reader<&[u8]>, error: &dyn std::fmt::Display) -> String {
    format!("byte {}: {error}", reader.error_position().max(reader.buffer_position()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(element: &str) -> VrtSource {
        let document =
            format!("<VRTDataset><VRTRasterBand><SimpleSource>{element}</SimpleSource></VRTRasterBand></VRTDataset>");
        let mut found = sources(&document).unwrap();
        assert_eq!(found.len(), 1, "{document}");
        found.remove(0)
    }

    #[test]
    fn attributes_may_stand_in_either_quotes_and_any_case() {
        for (attributes, is_relative) in [
            (r#" relativeToVRT="1""#, true),
            (" relativeToVRT='1'", true),
            (" shared='0'\n  RelativeToVRT = '1' ", true),
            (r#" relativeToVRT="0""#, false),
            ("", false),
        ] {
            let source = one(&format!("<SourceFilename{attributes}> a.tif </SourceFilename>"));
            assert_eq!(source, VrtSource { name: "a.tif".into(), is_relative, is_raw: false }, "{attributes}");
        }
    }

    #[test]
    fn entities_and_character_data_are_resolved() {
        assert_eq!(one("<SourceFilename>a &amp; b&#x2e;t&lt;if</SourceFilename>").name, "a & b.t<if");
        assert_eq!(one("<SourceDataset><![CDATA[NETCDF:\"a.nc\":v]]></SourceDataset>").name, "NETCDF:\"a.nc\":v");
    }

    #[test]
    fn comments_are_left_out_and_damage_is_an_error() {
        let source = "<SourceFilename>b.tif</SourceFilename>";
        assert_eq!(one(&format!("<!-- <SourceFilename>a.tif</SourceFilename> -->{source}")).name, "b.tif");
        assert_eq!(one("<SourceFilename>a<!-- x -->.tif</SourceFilename>").name, "a.tif");
        assert!(sources("<VRTDataset><SourceFilename>a</VRTDataset>").unwrap_err().contains("byte"));
        assert!(sources("<VRTDataset>&nbsp;</VRTDataset>").unwrap_err().contains("unknown entity"));
    }
}
