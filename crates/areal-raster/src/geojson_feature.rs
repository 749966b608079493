//! A plain feature of GeoJSON: polygons of two coordinates, and properties that are text, numbers or null. Anything else is an error
//! here and left to GDAL.

use std::borrow::Cow;
use std::fmt;

use geo::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::vector::FieldValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainFeature<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub properties: Properties<'a>,
    // Not left out, as the attribute says.
    #[serde(deserialize_with = "Option::deserialize")]
    pub geometry: Option<Polygons>,
}

/// Names and values, in the order of the file.
pub(crate) struct Properties<'a>(pub Vec<(Cow<'a, str>, FieldValue)>);

/// A polygon or several.
pub(crate) struct Polygons(pub Geometry<f64>);

/// A name, borrowed from the text where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct Value(FieldValue);

type Rings = Vec<Vec<[f64; 2]>>;

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Properties<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("properties")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some((Name(key), Value(value))) = map.next_entry()? {
                    found.push((key, value));
                }
                Ok(Properties(found))
            }
        }
        from.deserialize_map(Table)
    }
}

/// The least magnitude at which a whole number may not fit in 64 bits.
const TOO_LARGE: f64 = 9.2e18;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number or null")
            }
            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value(FieldValue::Null))
            }
            fn visit_i64<E: Error>(self, v: i64) -> Result<Value, E> {
                Ok(Value(FieldValue::Integer(v)))
            }
            fn visit_u64<E: Error>(self, v: u64) -> Result<Value, E> {
                i64::try_from(v).map(|v| Value(FieldValue::Integer(v))).map_err(E::custom)
            }
            fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
                // serde_json gives whole numbers of more than 64 bits, and -0, as floats too.
                if v.abs() >= TOO_LARGE || (v == 0.0 && v.is_sign_negative()) {
                    return Err(E::custom("it may be a whole number"));
                }
                Ok(Value(FieldValue::Real(v)))
            }
            fn visit_str<E: Error>(self, v: &str) -> Result<Value, E> {
                // GDAL cuts a text off at a zero byte.
                if v.contains('\0') { Err(E::custom("a zero byte")) } else { Ok(Value(FieldValue::Text(v.to_owned()))) }
            }
        }
        from.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Polygons {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Polygons;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a polygon or several")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Polygons, A::Error> {
                let kind: Option<(Name<'de>, Name<'de>)> = map.next_entry()?;
                let (Some((Name(name), Name(kind))), Some(Name(next))) = (kind, map.next_key()?) else {
                    return Err(A::Error::custom("no geometry"));
                };
                let geometry = match (&*name, &*kind, &*next) {
                    ("type", "Polygon", "coordinates") => polygon(map.next_value()?).map(Geometry::Polygon),
                    ("type", "MultiPolygon", "coordinates") => {
                        let parts: Vec<Rings> = map.next_value()?;
                        let parts: Option<Vec<_>> = parts.into_iter().map(polygon).collect();
                        parts.filter(|p| !p.is_empty()).map(|p| Geometry::MultiPolygon(MultiPolygon::new(p)))
                    }
                    _ => None,
                };
                match (geometry, map.next_key::<Name<'de>>()?) {
                    (Some(geometry), None) => Ok(Polygons(geometry)),
                    _ => Err(A::Error::custom("not plain")),
                }
            }
        }
        from.deserialize_map(Table)
    }
}

/// A polygon of closed rings.
fn polygon(rings: Rings) -> Option<Polygon<f64>> {
    let ring = |ring: Vec<[f64; 2]>| {
        let is_closed = ring.len() > 3 && ring.first() == ring.last();
        is_closed.then(|| LineString::new(ring.into_iter().map(|[x, y]| Coord { x, y }).collect()))
    };
    let mut rings = rings.into_iter().map(ring).collect::<Option<Vec<_>>>()?.into_iter();
    Some(Polygon::new(rings.next()?, rings.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<FieldValue> {
        serde_json::from_str::<Value>(text).ok().map(|value| value.0)
    }

    #[test]
    fn numbers_are_what_the_grammar_says() {
        assert_eq!(value("-12"), Some(FieldValue::Integer(-12)));
        assert_eq!(value(" 0.5e-3 "), Some(FieldValue::Real(0.0005)));
        assert_eq!(value("\"a\\u00e9\""), Some(FieldValue::Text("aé".into())));
        let bad = [
            "",
            "-",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "1e999",
            "NaN",
            "true",
            "-0",
            "99999999999999999999",
            "\"\\u0000\"",
        ];
        for bad in bad {
            assert_eq!(value(bad), None, "{bad}");
        }
    }
}
