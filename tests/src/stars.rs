//! Star-shaped zones with holes and parts, and how they are written.

use std::path::Path;

use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, crs_from_text, write_layer};
use geo::{LineString, MultiPolygon, Polygon};
use serde_json::{Value, json};

/// So many star-shaped polygons, every third with a hole and every fourth in two parts, in a square of 20 km.
pub fn stars(count: u32) -> Vec<MultiPolygon<f64>> {
    let mut seed = 7u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 8) / f64::from(1 << 24)
    };
    let mut star = |radius: f64| {
        let (x, y) = (2000.0 + 16_000.0 * next(), 2000.0 + 16_000.0 * next());
        let turn = |k: u32| f64::from(k) * std::f64::consts::TAU / 23.0;
        let mut ring = |scale: f64| -> LineString<f64> {
            let at = |(k, r): (u32, f64)| (x + scale * r * turn(k).cos(), y + scale * r * turn(k).sin());
            let mut ring: LineString<f64> = (0..23).map(|k| (k, radius * (0.5 + 0.5 * next()))).map(at).collect();
            ring.close();
            ring
        };
        (ring(1.0), ring(0.4))
    };
    let zone = |k: u32| {
        let (shell, hole) = star(1500.0);
        // Beyond half the radius there is always the shell: the hole lies within it.
        let mut parts = vec![Polygon::new(shell, if k.is_multiple_of(3) { vec![hole] } else { Vec::new() })];
        if k.is_multiple_of(4) {
            parts.push(Polygon::new(star(300.0).0, Vec::new()));
        }
        // The parts may overlap, which those of a valid polygon do not.
        geo::unary_union(&parts)
    };
    (0..count).map(zone).collect()
}

pub fn write_zones(path: &Path, zones: &[MultiPolygon<f64>]) {
    let feature = |(k, zone): (usize, &MultiPolygon<f64>)| Feature {
        fid: k as i64 + 1,
        geometry: Some(zone.clone().into()),
        values: vec![FieldValue::Text(format!("z{k}"))],
    };
    let layer = VectorLayer {
        name: "zones".into(),
        crs: Some(crs_from_text("EPSG:6933").unwrap()),
        fields: vec![Field { name: "id".into(), kind: FieldKind::Text }],
        features: zones.iter().enumerate().map(feature).collect(),
    };
    write_layer(path, &layer).unwrap();
}

pub fn geojson(k: usize, zone: &MultiPolygon<f64>) -> Value {
    let ring = |r: &LineString<f64>| r.coords().map(|c| [c.x, c.y]).collect::<Vec<_>>();
    let polygon = |p: &Polygon<f64>| {
        let mut rings = vec![ring(p.exterior())];
        rings.extend(p.interiors().iter().map(ring));
        rings
    };
    let polygons: Vec<_> = zone.iter().map(polygon).collect();
    json!({
        "type": "Feature",
        "id": format!("z{k}"),
        "properties": {},
        "geometry": { "type": "MultiPolygon", "coordinates": polygons },
    })
}
