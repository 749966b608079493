//! Styles for QGIS, which it applies by itself: a `.qml` file beside a raster, a table of styles inside a GeoPackage.

use std::fmt::Write;

use areal_grid::Class;
use quick_xml::escape::escape;

/// The version whose form of styles this is; later ones read it.
const HEAD: &str = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n<qgis version=\"3.28.0\" styleCategories=\"Symbology\">\n";

/// The style of a raster of class codes: a legend of its classes. A colour table alone has 256 entries, whatever is used.
pub(crate) fn class_raster(classes: &[Class]) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(
        "  <pipe>\n    <rasterrenderer type=\"paletted\" band=\"1\" opacity=\"1\" alphaBand=\"-1\" nodataColor=\"\">\n",
    );
    text.push_str("      <colorPalette>\n");
    for Class { code, name, colour } in classes {
        let (colour, label) = (hex(*colour), escape(name));
        let _ = writeln!(
            text,
            "        <paletteEntry value=\"{code}\" color=\"{colour}\" label=\"{label}\" alpha=\"255\"/>"
        );
    }
    text.push_str("      </colorPalette>\n    </rasterrenderer>\n  </pipe>\n</qgis>\n");
    text
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    #[test]
    fn the_legend_has_the_classes_and_nothing_else() {
        let class = |code, name: &str, colour| Class { code, name: name.into(), colour };
        let text = class_raster(&[class(0, "water", [0, 114, 178]), class(7, "a <b> & \"c\"", [255, 0, 1])]);
        let mut reader = Reader::from_str(&text);
        let mut entries = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Empty(e) if e.name().as_ref() == "paletteEntry" => {
                    let value = |name: &str| {
                        let attribute = e.try_get_attribute(name).unwrap().unwrap();
                        let value = attribute.value.to_string();
                        quick_xml::escape::unescape(&value).unwrap().into_owned()
                    };
                    entries.push([value("value"), value("color"), value("label")]);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(entries, [["0", "#0072b2", "water"], ["7", "#ff0001", "a <b> & \"c\""]]);
    }
}
