//! Coordinate reference systems and the ways between them.

use areal_grid::{CrsKind, Ellipsoid, ToLonLat};
use areal_raster::{Projection, RasterError, crs_from_text, same_crs};

#[test]
fn a_crs_is_described_by_kind_unit_and_ellipsoid() {
    let utm = crs_from_text("EPSG:32648").unwrap();
    assert_eq!((utm.name.as_str(), utm.kind), ("EPSG:32648", CrsKind::Projected { metres_per_unit: 1.0 }));
    assert_eq!(utm.ellipsoid.semi_major, 6_378_137.0);
    assert!((utm.ellipsoid.flattening - Ellipsoid::WGS84.flattening).abs() < 1e-15);
    let lonlat = crs_from_text("EPSG:4326").unwrap();
    assert_eq!(lonlat.kind, CrsKind::Geographic { degrees_per_unit: 1.0 });
    // Feet of the United States: 1200/3937 m.
    let feet = crs_from_text("EPSG:2263").unwrap();
    let CrsKind::Projected { metres_per_unit } = feet.kind else { panic!("{feet:?}") };
    assert!((metres_per_unit - 1200.0 / 3937.0).abs() < 1e-12);
    // NTF (Paris) counts in grads: 0.9 degrees.
    let CrsKind::Geographic { degrees_per_unit } = crs_from_text("EPSG:4807").unwrap().kind else {
        panic!("projected")
    };
    assert!((degrees_per_unit - 0.9).abs() < 1e-12);
    let sphere = crs_from_text("+proj=laea +lat_0=10 +lon_0=100 +R=6370997").unwrap();
    assert_eq!(sphere.ellipsoid, Ellipsoid { semi_major: 6_370_997.0, flattening: 0.0 });
    assert!(matches!(crs_from_text("no such thing"), Err(RasterError::CrsText { .. })));
    assert!(matches!(crs_from_text(""), Err(RasterError::CrsText { .. })));
    assert!(matches!(crs_from_text("nul\0byte"), Err(RasterError::CrsText { .. })));
    assert!(matches!(crs_from_text("EPSG:4978"), Err(RasterError::UnsupportedCrs { .. })));
}

#[test]
fn the_same_crs_is_known_by_meaning() {
    let a = crs_from_text("EPSG:32648").unwrap();
    let b = crs_from_text("+proj=utm +zone=48 +datum=WGS84 +units=m +no_defs").unwrap();
    assert_ne!(a.wkt, b.wkt);
    assert!(same_crs(&a, &b));
    assert!(!same_crs(&a, &crs_from_text("EPSG:32647").unwrap()));
    assert!(same_crs(&crs_from_text("EPSG:4326").unwrap(), &crs_from_text("OGC:CRS84").unwrap()), "axis order aside");
}

#[test]
fn east_comes_first_whatever_the_authority_says() {
    let (lonlat, utm) = (crs_from_text("EPSG:4326").unwrap(), crs_from_text("EPSG:32648").unwrap());
    let mut points = [[105.0, 15.0], [105.0, 0.0]];
    Projection::new(&lonlat, &utm).unwrap().apply(&mut points).unwrap();
    // The central meridian is 500 km east; the equator is 0 north.
    assert!((points[0][0] - 500_000.0).abs() < 1e-6, "{points:?}");
    assert!((points[1][1]).abs() < 1e-6, "{points:?}");
    Projection::to_lonlat(&utm).unwrap().to_lonlat(&mut points).unwrap();
    assert!((points[0][0] - 105.0).abs() < 1e-11 && (points[0][1] - 15.0).abs() < 1e-11, "{points:?}");
    // 100 grads east of Paris are 90 degrees.
    let mut paris = [[100.0, 50.0]];
    Projection::to_lonlat(&crs_from_text("EPSG:4807").unwrap()).unwrap().apply(&mut paris).unwrap();
    assert!((paris[0][0] - 90.0).abs() < 1e-9 && (paris[0][1] - 45.0).abs() < 1e-9, "{paris:?}");
}

#[test]
fn the_point_that_cannot_be_projected_is_named() {
    let (lonlat, utm) = (crs_from_text("EPSG:4326").unwrap(), crs_from_text("EPSG:32648").unwrap());
    let projection = Projection::new(&lonlat, &utm).unwrap();
    let mut points = vec![[105.0, 10.0]; 5000];
    points[4321] = [105.0, 95.0];
    let mut failed = Vec::new();
    projection.apply_each(&mut points.clone(), |index, point, _| failed.push((index, point)));
    assert_eq!(failed, [(4321, [105.0, 95.0])]);
    let error = projection.apply(&mut points).unwrap_err();
    assert_eq!((error.x, error.y), (105.0, 95.0));
    let mut nothing = [[f64::NAN, f64::NAN], [f64::INFINITY, 0.0]];
    assert!(projection.apply(&mut nothing).is_err());
}

#[test]
fn geometries_are_projected_vertex_by_vertex() {
    use geo::{Area, Rect, coord};
    let (lonlat, utm) = (crs_from_text("EPSG:4326").unwrap(), crs_from_text("EPSG:32648").unwrap());
    let there = Projection::new(&lonlat, &utm).unwrap();
    let back = Projection::new(&utm, &lonlat).unwrap();
    let square =
        geo::Geometry::Polygon(Rect::new(coord! { x: 105.0, y: 15.0 }, coord! { x: 105.1, y: 15.1 }).to_polygon());
    let projected = there.apply_geometry(&square).unwrap();
    // A tenth of a degree at 15 degrees north: some 10.75 km by 11.06 km.
    assert!((projected.unsigned_area() / 1e6 - 118.9).abs() < 0.3, "{}", projected.unsigned_area());
    let geo::Geometry::Polygon(again) = back.apply_geometry(&projected).unwrap() else { panic!("no polygon") };
    let geo::Geometry::Polygon(square) = square else { panic!("no polygon") };
    for (a, b) in again.exterior().coords().zip(square.exterior().coords()) {
        assert!((a.x - b.x).abs() < 1e-10 && (a.y - b.y).abs() < 1e-10);
    }
}
