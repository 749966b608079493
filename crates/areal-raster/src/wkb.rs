//! Geometries from well-known binary (OGC 06-103r4), in two dimensions. Copes with empty parts, which GDAL hands out.

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

/// Parses little-endian or big-endian ISO WKB of points, lines, polygons, their collections.
pub(crate) fn parse(bytes: &[u8]) -> Result<Geometry<f64>, String> {
    let mut reader = Reader { rest: bytes };
    reader.geometry(0)
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// Collections inside collections; deeper ones are an attack.
const MOST_DEPTH: usize = 32;

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or("geometry is cut off")?;
        self.rest = rest;
        Ok(*head)
    }

    fn u32(&mut self, little: bool) -> Result<u32, String> {
        let bytes = self.take()?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn coord(&mut self, little: bool, extra: usize) -> Result<Coord<f64>, String> {
        let mut number = || -> Result<f64, String> {
            let bytes = self.take()?;
            Ok(if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
        };
        let coord = Coord { x: number()?, y: number()? };
        for _ in 0..extra {
            number()?;
        }
        Ok(coord)
    }

    fn line(&mut self, little: bool, extra: usize) -> Result<LineString<f64>, String> {
        let n = self.u32(little)?;
        (0..n).map(|_| self.coord(little, extra)).collect::<Result<Vec<_>, _>>().map(LineString::new)
    }

    fn geometry(&mut self, depth: usize) -> Result<Geometry<f64>, String> {
        if depth > MOST_DEPTH {
            return Err("geometry collections are nested too deep".to_owned());
        }
        let little = self.take::<1>()?[0] == 1;
        let code = self.u32(little)?;
        // Thousands say which of z and m follow x and y.
        let (kind, extra) = (code % 1000, [0, 1, 1, 2].get(code as usize / 1000).copied());
        let extra = extra.ok_or_else(|| format!("geometry type {code} is unknown"))?;
        if kind == 1 {
            let c = self.coord(little, extra)?;
            // An empty point is written as not-a-number.
            return Ok(if c.x.is_nan() || c.y.is_nan() { empty() } else { Geometry::Point(Point(c)) });
        }
        if kind == 2 {
            return Ok(Geometry::LineString(self.line(little, extra)?));
        }
        let n = self.u32(little)?;
        if kind == 3 {
            let mut rings = (0..n).map(|_| self.line(little, extra)).collect::<Result<Vec<_>, _>>()?.into_iter();
            let outer = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
            return Ok(Geometry::Polygon(Polygon::new(outer, rings.collect())));
        }
        let parts = (0..n).map(|_| self.geometry(depth + 1)).collect::<Result<Vec<_>, _>>()?;
        collection(kind, parts)
    }
}

fn empty() -> Geometry<f64> {
    Geometry::GeometryCollection(GeometryCollection::new_from(Vec::new()))
}

/// Puts parts together; parts of another kind, which are empty ones, are left out.
fn collection(kind: u32, parts: Vec<Geometry<f64>>) -> Result<Geometry<f64>, String> {
    let parts = parts.into_iter();
    Ok(match kind {
        4 => Geometry::MultiPoint(MultiPoint::new(parts.filter_map(|g| Point::try_from(g).ok()).collect())),
        5 => Geometry::MultiLineString(MultiLineString::new(
            parts.filter_map(|g| LineString::try_from(g).ok()).collect(),
        )),
        6 => Geometry::MultiPolygon(MultiPolygon::new(
            parts.filter_map(|g| Polygon::try_from(g).ok()).filter(|p| !p.exterior().0.is_empty()).collect(),
        )),
        7 => Geometry::GeometryCollection(GeometryCollection::new_from(parts.collect())),
        other => return Err(format!("geometry type {other} is unknown")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_wkt(text: &str) -> Geometry<f64> {
        crate::gdal_call::init();
        parse(&gdal::vector::Geometry::from_wkt(text).unwrap().iso_wkb().unwrap()).unwrap()
    }

    #[test]
    fn every_kind_and_dimension_is_read() {
        assert_eq!(from_wkt("POINT (1 2)"), Geometry::Point(Point::new(1.0, 2.0)));
        assert_eq!(from_wkt("POINT ZM (1 2 3 4)"), Geometry::Point(Point::new(1.0, 2.0)));
        let Geometry::Polygon(p) = from_wkt("POLYGON Z ((0 0 9,4 0 9,4 4 9,0 0 9),(1 1 9,2 1 9,2 2 9,1 1 9))") else {
            panic!("no polygon")
        };
        assert_eq!((p.exterior().0.len(), p.interiors().len()), (4, 1));
        let Geometry::MultiPolygon(m) = from_wkt("MULTIPOLYGON (((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))") else {
            panic!("no multipolygon")
        };
        assert_eq!(m.0.len(), 2);
        let Geometry::GeometryCollection(c) = from_wkt("GEOMETRYCOLLECTION (POINT (1 1),LINESTRING (0 0,1 1))") else {
            panic!("no collection")
        };
        assert_eq!(c.0.len(), 2);
    }

    #[test]
    fn empty_geometries_are_no_crash() {
        use geo::CoordsIter;
        for text in
            ["POINT EMPTY", "POLYGON EMPTY", "MULTIPOLYGON EMPTY", "MULTIPOLYGON (EMPTY,EMPTY)", "LINESTRING EMPTY"]
        {
            assert_eq!(from_wkt(text).coords_count(), 0, "{text}");
        }
    }

    #[test]
    fn cut_off_bytes_are_an_error() {
        crate::gdal_call::init();
        let whole = gdal::vector::Geometry::from_wkt("POLYGON ((0 0,1 0,1 1,0 0))").unwrap().iso_wkb().unwrap();
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end} bytes");
        }
    }
}
