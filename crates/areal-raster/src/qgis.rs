//! Styles for QGIS, which it applies by itself: a `.qml` file beside a raster, a table of styles inside a GeoPackage.

use std::fmt::Write;

use areal_grid::{Class, step_colour};
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

/// A style of polygons: what a colour stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum PolygonStyle {
    /// The class with the largest of these columns.
    LargestClass { classes: Vec<ClassColumn> },
    /// Steps of a column, from light to dark.
    Steps {
        column: String,
        /// Limits of the steps, in rising order: one more than there are steps.
        limits: Vec<f64>,
    },
}

/// A class of polygons.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassColumn {
    /// Column with how much of the class a polygon has.
    pub column: String,
    pub name: String,
    pub colour: [u8; 3],
}

impl PolygonStyle {
    /// The document that QGIS reads.
    pub(crate) fn qml(&self) -> String {
        let mut text = HEAD.to_owned();
        let colours: Vec<[u8; 3]> = match self {
            Self::LargestClass { classes } => {
                let (head, class) = largest(classes);
                text.push_str(&head);
                class
            }
            Self::Steps { column, limits } => {
                let (head, steps) = steps(column, limits);
                text.push_str(&head);
                steps
            }
        };
        text.push_str("    <symbols>\n");
        for (k, [r, g, b]) in colours.into_iter().enumerate() {
            let _ = write!(
                text,
                "      <symbol type=\"fill\" name=\"{k}\" alpha=\"1\">\n        <layer class=\"SimpleFill\" enabled=\"1\">\n          \
                 <Option type=\"Map\">\n            <Option type=\"QString\" name=\"color\" value=\"{r},{g},{b},255\"/>\n            \
                 <Option type=\"QString\" name=\"outline_color\" value=\"80,80,80,255\"/>\n            \
                 <Option type=\"QString\" name=\"outline_width\" value=\"0.2\"/>\n            \
                 <Option type=\"QString\" name=\"style\" value=\"solid\"/>\n          </Option>\n        </layer>\n      </symbol>\n"
            );
        }
        text.push_str("    </symbols>\n  </renderer-v2>\n</qgis>\n");
        text
    }
}

/// The renderer of the largest class, and the colours of its symbols.
fn largest(classes: &[ClassColumn]) -> (String, Vec<[u8; 3]>) {
    let quoted = |text: &str, mark: char| format!("{mark}{}{mark}", text.replace(mark, &format!("{mark}{mark}")));
    let columns = classes.iter().map(|c| format!("coalesce({}, 0)", quoted(&c.column, '"'))).collect::<Vec<_>>();
    let columns = format!("array({})", columns.join(", "));
    let names = classes.iter().map(|c| quoted(&c.name, '\'')).collect::<Vec<_>>().join(", ");
    let expression = format!(
        "CASE WHEN array_max({columns}) > 0 THEN array_get(array({names}), array_find({columns}, array_max({columns}))) END"
    );
    let mut text =
        format!("  <renderer-v2 type=\"categorizedSymbol\" attr=\"{}\">\n    <categories>\n", escape(&expression));
    for (k, class) in classes.iter().enumerate() {
        let name = escape(&class.name);
        let _ = writeln!(text, "      <category render=\"true\" value=\"{name}\" label=\"{name}\" symbol=\"{k}\"/>");
    }
    text.push_str("    </categories>\n");
    (text, classes.iter().map(|c| c.colour).collect())
}

/// The renderer of steps, and the colours of its symbols.
fn steps(column: &str, limits: &[f64]) -> (String, Vec<[u8; 3]>) {
    let attribute = format!("\"{}\"", column.replace('"', "\"\""));
    let mut text = format!("  <renderer-v2 type=\"graduatedSymbol\" attr=\"{}\">\n    <ranges>\n", escape(&attribute));
    let ranges: Vec<[f64; 2]> = limits.windows(2).map(|pair| [pair[0], pair[1]]).collect();
    for (k, [low, high]) in ranges.iter().enumerate() {
        let _ = writeln!(
            text,
            "      <range render=\"true\" lower=\"{low}\" upper=\"{high}\" label=\"{low:.4} - {high:.4}\" symbol=\"{k}\"/>"
        );
    }
    text.push_str("    </ranges>\n");
    (text, (0..ranges.len()).map(|k| step_colour(k, ranges.len())).collect())
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
    fn polygons_have_the_colour_of_their_largest_class_or_of_their_step() {
        let class =
            |column: &str, name: &str| ClassColumn { column: column.into(), name: name.into(), colour: [1, 2, 3] };
        let classes = vec![class("a_km2", "a's"), class("b_km2", "b")];
        let text = PolygonStyle::LargestClass { classes }.qml();
        let columns = "array(coalesce(&quot;a_km2&quot;, 0), coalesce(&quot;b_km2&quot;, 0))";
        let expected = format!(
            "CASE WHEN array_max({columns}) &gt; 0 THEN array_get(array(&apos;a&apos;&apos;s&apos;, &apos;b&apos;), \
             array_find({columns}, array_max({columns}))) END"
        );
        assert!(text.contains(&format!("attr=\"{expected}\"")), "{text}");
        assert!(text.contains("label=\"b\" symbol=\"1\"") && text.contains("value=\"1,2,3,255\""), "{text}");
        let text = PolygonStyle::Steps { column: "wealth_mean".into(), limits: vec![0.0, 1.5, 3.0] }.qml();
        assert!(text.contains("lower=\"1.5\" upper=\"3\"") && text.matches("<symbol ").count() == 2, "{text}");
        assert!(text.contains("255,255,204") && text.contains("37,52,148"), "the ends of the ramp: {text}");
        for text in [text, PolygonStyle::Steps { column: "x".into(), limits: vec![1.0, 1.0] }.qml()] {
            let mut reader = Reader::from_str(&text);
            while reader.read_event().unwrap() != Event::Eof {}
        }
    }

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
