//! Districts of the landscape.

use geo::{Coord, LineString, MultiPolygon, Polygon};

use crate::blob::Blob;
use crate::noise::{Point, hash, roll};
use crate::plane;
use crate::world::{DISTRICT_LATTICE, World};

#[derive(Debug, Clone)]
pub struct District {
    /// Its id: `D01` ...
    pub id: String,
    pub name: &'static str,
    /// The state it belongs to.
    pub state: &'static str,
    /// Its ground in longitude and latitude.
    pub ground: MultiPolygon<f64>,
}

/// Invented names, in the manner of the region.
const NAMES: [&str; 16] = [
    "Batu Lanjut",
    "Sungai Tiga",
    "Padang Rimba",
    "Kuala Senja",
    "Bukit Merpati",
    "Parit Damai",
    "Seri Pinang",
    "Teluk Rawa",
    "Ulu Kemuning",
    "Tanjung Sepi",
    "Paya Indah",
    "Lubuk Meranti",
    "Gua Helang",
    "Tasik Biru",
    "Air Jernih",
    "Kota Mahligai",
];
const STATES: [&str; 3] = ["Selatan Raya", "Pertengahan", "Utara Jaya"];
const CAPITAL_STATE: &str = "Wilayah Kota";

/// District with the town that is a district of its own as a hole, the one with the reservoir as a hole and islands in
/// it, the one that surrounds a piece of its neighbour, and that neighbour: positions `(column, row)` in the lattice.
const AROUND_CAPITAL: (usize, usize) = (1, 1);
const AROUND_RESERVOIR: (usize, usize) = (3, 2);
const AROUND_EXCLAVE: (usize, usize) = (4, 0);
const EXCLAVE_OF: (usize, usize) = (3, 0);

/// All districts. Neighbours share their border point by point: every edge of the lattice is made irregular once.
pub fn districts(world: &World) -> Vec<District> {
    let lattice = Lattice { half: world.dimensions.half, key: world.key(200) };
    let [cols, rows] = DISTRICT_LATTICE;
    let exclave = Blob::new(lattice.middle(AROUND_EXCLAVE), 900.0 * world.dimensions.scale, world.key(201));
    let mut list = Vec::with_capacity(cols * rows + 1);
    for row in 0..rows {
        for col in 0..cols {
            let mut parts = vec![polygon(lattice.ring(col, row), holes_of((col, row), world, &exclave))];
            if (col, row) == AROUND_RESERVOIR {
                parts.extend(world.islands.iter().map(|i| polygon(i.ring(48, 1.0), Vec::new())));
            }
            if (col, row) == EXCLAVE_OF {
                parts.push(polygon(exclave.ring(64, 1.0), Vec::new()));
            }
            list.push((MultiPolygon(parts), STATES[row % STATES.len()]));
        }
    }
    list.push((MultiPolygon(vec![polygon(world.capital.ring(96, 1.0), Vec::new())]), CAPITAL_STATE));
    let name = |k: usize| NAMES[k % NAMES.len()];
    let named = list.into_iter().enumerate();
    named.map(|(k, (ground, state))| District { id: format!("D{:02}", k + 1), name: name(k), state, ground }).collect()
}

fn holes_of(at: (usize, usize), world: &World, exclave: &Blob) -> Vec<Vec<Point>> {
    match at {
        AROUND_CAPITAL => vec![world.capital.ring(96, 1.0)],
        AROUND_RESERVOIR => vec![world.reservoir.ring(120, 1.0)],
        AROUND_EXCLAVE => vec![exclave.ring(64, 1.0)],
        _ => Vec::new(),
    }
}

/// A polygon in longitude and latitude from rings in the plane.
pub fn polygon(outer: Vec<Point>, holes: Vec<Vec<Point>>) -> Polygon<f64> {
    let mut holes: Vec<LineString<f64>> = holes.into_iter().map(line).collect();
    for hole in &mut holes {
        hole.0.reverse();
    }
    Polygon::new(line(outer), holes)
}

fn line(ring: Vec<Point>) -> LineString<f64> {
    let mut points: Vec<Coord<f64>> = ring.into_iter().map(coordinate).collect();
    if let Some(first) = points.first().copied() {
        points.push(first);
    }
    LineString(points)
}

/// Longitude and latitude in steps of 1e-7 degree, about a centimetre.
fn coordinate(p: Point) -> Coord<f64> {
    let [x, y] = plane::to_lonlat(p).map(|v| (v * 1e7).round() / 1e7);
    Coord { x, y }
}

struct Lattice {
    half: Point,
    key: u64,
}

/// Halvings of each edge: 32 pieces.
const HALVINGS: u32 = 5;

impl Lattice {
    fn cell(&self) -> Point {
        [0, 1].map(|k| 2.0 * self.half[k] / DISTRICT_LATTICE[k] as f64)
    }

    fn middle(&self, (col, row): (usize, usize)) -> Point {
        let cell = self.cell();
        [-self.half[0] + (col as f64 + 0.5) * cell[0], -self.half[1] + (row as f64 + 0.5) * cell[1]]
    }

    fn node(&self, i: usize, j: usize) -> Point {
        let cell = self.cell();
        let at = |k: usize, n: usize, purpose: i64| {
            let shift = 0.2 * (roll(hash(i as i64, j as i64, self.key), purpose) - 0.5);
            -self.half[k] + (n as f64 + shift) * cell[k]
        };
        [at(0, i, 0), at(1, j, 1)]
    }

    /// The edge from node `(i, j)` to the next one east (`along` 0) or north (1), without its last point.
    fn edge(&self, i: usize, j: usize, along: usize) -> Vec<Point> {
        let end = if along == 0 { self.node(i + 1, j) } else { self.node(i, j + 1) };
        let mut points = vec![self.node(i, j), end];
        let key = hash(i as i64, j as i64, self.key + 1 + along as u64);
        for level in 0..HALVINGS {
            points = halve(&points, hash(i64::from(level), 0, key));
        }
        points
    }

    /// Counter-clockwise outline of a district.
    fn ring(&self, col: usize, row: usize) -> Vec<Point> {
        let reversed = |mut edge: Vec<Point>| {
            edge.reverse();
            edge
        };
        let sides = [
            self.edge(col, row, 0),
            self.edge(col + 1, row, 1),
            reversed(self.edge(col, row + 1, 0)),
            reversed(self.edge(col, row, 1)),
        ];
        sides
            .into_iter()
            .flat_map(|mut side| {
                side.pop();
                side
            })
            .collect()
    }
}

/// Puts a point between each two, moved sideways by at most 7 % of their distance.
fn halve(points: &[Point], key: u64) -> Vec<Point> {
    let mut out = Vec::with_capacity(2 * points.len());
    for (k, pair) in points.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let side = 0.14 * (roll(key, k as i64) - 0.5);
        out.push(a);
        out.push([0.5 * (a[0] + b[0]) - side * (b[1] - a[1]), 0.5 * (a[1] + b[1]) + side * (b[0] - a[0])]);
    }
    out.extend(points.last());
    out
}
