//! Geometries from and to well-known binary (OGC 06-103r4), in two dimensions. Copes with empty parts, which GDAL hands
//! out.

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
        let n = self.u32(little)? as usize;
        let numbers = 2 + extra;
        let bytes = n.checked_mul(numbers * 8).and_then(|size| self.rest.split_at_checked(size));
        let (line, rest) = bytes.ok_or("geometry is cut off")?;
        self.rest = rest;
        let (line, _) = line.as_chunks::<8>();
        let number = |b: &[u8; 8]| if little { f64::from_le_bytes(*b) } else { f64::from_be_bytes(*b) };
        let coord = |c: &[[u8; 8]]| Coord { x: number(&c[0]), y: number(&c[1]) };
        Ok(LineString::new(line.chunks_exact(numbers).map(coord).collect()))
    }

    fn geometry(&mut self, depth: usize) -> Result<Geometry<f64>, String> {
        if depth > MOST_DEPTH {
            return Err("geometry collections are nested too deeply".to_owned());
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

/// Little-endian WKB of a geometry; a single one as a collection of one where `multi` asks for it.
pub(crate) fn encode(geometry: &Geometry<f64>, multi: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let single = match geometry {
        Geometry::Point(_) => Some(1),
        Geometry::Line(_) | Geometry::LineString(_) => Some(2),
        Geometry::Polygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => Some(3),
        _ => None,
    };
    if let (true, Some(kind)) = (multi, single) {
        // OGC numbers a collection of a kind 3 above it.
        head(kind + 3, &mut bytes);
        count(1, &mut bytes);
    }
    put(geometry, &mut bytes);
    bytes
}

fn put(geometry: &Geometry<f64>, bytes: &mut Vec<u8>) {
    match geometry {
        Geometry::Point(p) => {
            head(1, bytes);
            coords(&[p.0], bytes);
        }
        Geometry::Line(l) => put_line(&LineString::from(*l), bytes),
        Geometry::LineString(l) => put_line(l, bytes),
        Geometry::Polygon(p) => put_polygon(p, bytes),
        Geometry::Rect(r) => put_polygon(&r.to_polygon(), bytes),
        Geometry::Triangle(t) => put_polygon(&t.to_polygon(), bytes),
        Geometry::MultiPoint(m) => put_parts(4, &m.0, bytes, |p, bytes| put(&Geometry::Point(*p), bytes)),
        Geometry::MultiLineString(m) => put_parts(5, &m.0, bytes, put_line),
        Geometry::MultiPolygon(m) => put_parts(6, &m.0, bytes, put_polygon),
        Geometry::GeometryCollection(c) => put_parts(7, &c.0, bytes, put),
    }
}

fn put_parts<T>(kind: u32, parts: &[T], bytes: &mut Vec<u8>, put: impl Fn(&T, &mut Vec<u8>)) {
    head(kind, bytes);
    count(parts.len(), bytes);
    for part in parts {
        put(part, bytes);
    }
}

fn put_line(line: &LineString<f64>, bytes: &mut Vec<u8>) {
    head(2, bytes);
    count(line.0.len(), bytes);
    coords(&line.0, bytes);
}

fn put_polygon(polygon: &Polygon<f64>, bytes: &mut Vec<u8>) {
    head(3, bytes);
    let empty = polygon.exterior().0.is_empty();
    count(if empty { 0 } else { 1 + polygon.interiors().len() }, bytes);
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    for ring in rings.take(if empty { 0 } else { usize::MAX }) {
        count(ring.0.len(), bytes);
        coords(&ring.0, bytes);
    }
}

fn head(kind: u32, bytes: &mut Vec<u8>) {
    bytes.push(1);
    bytes.extend(kind.to_le_bytes());
}

fn count(n: usize, bytes: &mut Vec<u8>) {
    bytes.extend((n as u32).to_le_bytes());
}

fn coords(coords: &[Coord<f64>], bytes: &mut Vec<u8>) {
    bytes.reserve(coords.len() * 16);
    bytes.extend(coords.iter().flat_map(|c| [c.x, c.y]).flat_map(f64::to_le_bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_gdal_agrees() {
        for text in [
            "POINT (1 2)",
            "LINESTRING (0 0,1 2)",
            "POLYGON ((0 0,4 0,4 4,0 0),(2 1,3 1,3 2,2 1))",
            "MULTIPOINT (1 2,3 4)",
            "MULTILINESTRING ((0 0,1 1),(2 2,3 3,4 5))",
            "MULTIPOLYGON (((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))",
            "GEOMETRYCOLLECTION (POINT (1 1),POLYGON ((0 0,1 0,1 1,0 0)))",
        ] {
            let geometry = from_wkt(text);
            let bytes = encode(&geometry, false);
            assert_eq!(parse(&bytes).unwrap(), geometry, "{text}");
            assert_eq!(gdal::vector::Geometry::from_wkb(&bytes).unwrap().wkt().unwrap(), text);
        }
        let one = encode(&from_wkt("POLYGON ((0 0,4 0,4 4,0 0))"), true);
        assert_eq!(
            gdal::vector::Geometry::from_wkb(&one).unwrap().wkt().unwrap(),
            "MULTIPOLYGON (((0 0,4 0,4 4,0 0)))"
        );
        let empty = Polygon::new(LineString::new(Vec::new()), Vec::new());
        let written = gdal::vector::Geometry::from_wkb(&encode(&empty.into(), false)).unwrap();
        assert_eq!(written.wkt().unwrap(), "POLYGON EMPTY");
    }

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
