//! Rivers, relief, towns and parcels of the landscape.

use std::f64::consts::PI;

use crate::blob::Blob;
use crate::dimensions::Dimensions;
use crate::land_use::LandUse;
use crate::noise::{Point, bell, crowns, distance, fractal, hash, noise, roll, smoothstep, turned, unit};

/// Target shares of the parcels, apart from water; oil palm takes what is left.
const BUILT_UP: f64 = 0.08;
const PADDY: f64 = 0.15;
const RUBBER: f64 = 0.05;
const FOREST: f64 = 0.40;

/// Columns and rows of the lattice of districts; towns and lakes are placed by it.
pub const DISTRICT_LATTICE: [usize; 2] = [5, 3];

/// The whole landscape as functions of position.
pub struct World {
    pub dimensions: Dimensions,
    pub seed: u64,
    /// The town whose ground is a district of its own.
    pub capital: Blob,
    /// The reservoir that no district holds, and the islands in it.
    pub reservoir: Blob,
    /// Islands of the reservoir.
    pub islands: Vec<Blob>,
    pub lakes: Vec<Blob>,
    towns: Vec<Town>,
    roads: Vec<[Point; 2]>,
    parcels: Parcels,
}

struct Town {
    centre: Point,
    radius: f64,
}

/// One parcel: a piece of land under one use.
#[derive(Debug, Clone, Copy)]
pub struct Parcel {
    /// Random bits of its own.
    pub key: u64,
    /// Where it grew from, in the warped plane.
    seed: Point,
    pub land_use: LandUse,
    /// Direction of rows, fields and streets in radians.
    pub angle: f64,
    /// Town-likeness at its seed, 0 to 1.
    pub urbanity: f64,
}

/// How well a use suits a parcel; only the order counts.
type Merit<'a> = &'a dyn Fn(&Parcel) -> f64;

struct Parcels {
    cols: i64,
    rows: i64,
    first: (i64, i64),
    size: f64,
    list: Vec<Parcel>,
}

/// What lies at a position.
#[derive(Debug, Clone, Copy)]
pub struct GroundCover {
    pub land_use: LandUse,
    /// The parcel it lies in (also under water).
    pub parcel: Parcel,
    /// Metres to the parcel's edge, about.
    pub edge: f64,
    /// True in the river, where sediment colours the water.
    pub river: bool,
}

/// What people built at a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Structure {
    Open,
    /// A roof, with random bits of its own.
    Roof(u64),
    /// A road between towns.
    Road,
    /// A street in a town.
    Street,
}

impl World {
    /// Builds the landscape of a plan and a seed.
    pub fn new(dimensions: Dimensions, seed: u64) -> Self {
        let cell = [0, 1].map(|k| 2.0 * dimensions.half[k] / DISTRICT_LATTICE[k] as f64);
        let middle_of = |col: f64, row: f64| -> Point {
            [-dimensions.half[0] + (col + 0.5) * cell[0], -dimensions.half[1] + (row + 0.5) * cell[1]]
        };
        let s = dimensions.scale;
        let reservoir = Blob::new(middle_of(3.0, 2.0), 1500.0 * s, hash(1, 0, seed));
        let island = |dx: f64, dy: f64, r: f64, k: i64| {
            let c = reservoir.centre;
            Blob::new([c[0] + dx * reservoir.radius, c[1] + dy * reservoir.radius], r * s, hash(2, k, seed))
        };
        let islands = vec![island(-0.25, 0.2, 330.0, 0), island(0.38, -0.15, 260.0, 1), island(0.05, -0.5, 170.0, 2)];
        let capital = Blob::new(middle_of(1.0, 1.0), 1700.0 * s, hash(3, 0, seed));
        let towns = towns(&dimensions, seed, &capital, &reservoir);
        let lakes = lakes(&dimensions, seed, &towns, &reservoir);
        let roads = roads(&towns);
        let empty = Parcels { cols: 0, rows: 0, first: (0, 0), size: dimensions.parcel, list: Vec::new() };
        let mut world = Self { dimensions, seed, capital, reservoir, islands, lakes, towns, roads, parcels: empty };
        world.parcels = world.grow_parcels();
        world
    }

    /// Random bits of a purpose.
    pub fn key(&self, purpose: i64) -> u64 {
        hash(purpose, 77, self.seed)
    }

    /// What lies at a position.
    pub fn land(&self, p: Point) -> GroundCover {
        let (parcel, edge) = self.parcels.at(self.warped(p));
        let river = self.in_river(p);
        let lake = (self.reservoir.contains(p) && !self.islands.iter().any(|i| i.contains(p)))
            || self.lakes.iter().any(|l| l.contains(p));
        let land_use = if lake || river { LandUse::Water } else { parcel.land_use };
        GroundCover { land_use, parcel, edge, river: river && !lake }
    }

    /// What people built at a position.
    pub fn structure(&self, p: Point, land: &GroundCover) -> Structure {
        let road = self.road_distance(p);
        if road < 9.0 {
            return Structure::Road;
        }
        match land.land_use {
            LandUse::Water => Structure::Open,
            LandUse::BuiltUp => town_structure(p, &land.parcel),
            _ => self.homestead(p, road),
        }
    }

    /// Town-likeness of a position, 0 to 1.
    pub fn urbanity(&self, p: Point) -> f64 {
        let near = |t: &Town| (-(distance(p, t.centre) / t.radius).powi(2)).exp();
        let patchy = 0.8 + 0.2 * noise(p, 1500.0 * self.dimensions.scale, self.key(10));
        self.towns.iter().map(near).fold(0.0, f64::max) * patchy
    }

    /// All parcels, also those beyond the districts.
    pub fn parcels(&self) -> &[Parcel] {
        &self.parcels.list
    }

    /// Where a parcel's seed lies in the plane: the fixed point of undoing the warp.
    pub fn seed_position(&self, parcel: &Parcel) -> Point {
        (0..12).fold(parcel.seed, |p, _| {
            let q = self.warped(p);
            [0, 1].map(|k| p[k] + parcel.seed[k] - q[k])
        })
    }

    /// A point at an east on a bank of the river: `side` 1 is the northern bank, -1 the southern, 0 the middle.
    pub fn river_bank(&self, x: f64, side: f64) -> Point {
        let (y, slope) = self.river_line(x);
        let across = 0.5 * side * self.river_width(x) / (1.0 + slope * slope).sqrt();
        [x - across * slope, y + across]
    }

    /// Shifts positions, so that straight constructions become irregular ones.
    fn warped(&self, p: Point) -> Point {
        let size = self.dimensions.parcel;
        let shift =
            |k| 0.16 * size * noise(p, 0.8 * size, self.key(k)) + 0.05 * size * noise(p, 0.25 * size, self.key(k + 2));
        [p[0] + shift(20), p[1] + shift(21)]
    }

    /// North of the river's middle line at an east, and its slope.
    fn river_line(&self, x: f64) -> (f64, f64) {
        let s = self.dimensions.scale;
        let y = |x: f64| {
            -0.45 * self.dimensions.half[1]
                + 2600.0 * s * noise([x, 0.0], 7000.0 * s, self.key(30))
                + 900.0 * s * noise([x, 0.0], 2100.0 * s, self.key(31))
                + 220.0 * s * noise([x, 0.0], 700.0 * s, self.key(32))
        };
        (y(x), (y(x + 5.0) - y(x - 5.0)) / 10.0)
    }

    fn river_distance(&self, p: Point) -> f64 {
        let (y, slope) = self.river_line(p[0]);
        (p[1] - y).abs() / (1.0 + slope * slope).sqrt()
    }

    fn in_river(&self, p: Point) -> bool {
        self.river_distance(p) < 0.5 * self.river_width(p[0])
    }

    fn river_width(&self, x: f64) -> f64 {
        self.dimensions.river * (1.0 + 0.35 * noise([x, 50.0], 1800.0 * self.dimensions.scale, self.key(33)))
    }

    /// Distance to the nearest road between towns.
    fn road_distance(&self, p: Point) -> f64 {
        let s = self.dimensions.scale;
        let wobble =
            |k| 260.0 * s * noise(p, 2600.0 * s, self.key(k)) + 60.0 * s * noise(p, 700.0 * s, self.key(k + 2));
        let q = [p[0] + wobble(40), p[1] + wobble(41)];
        self.roads.iter().map(|r| segment_distance(q, r)).fold(f64::INFINITY, f64::min)
    }

    /// Houses along the roads between towns, in clusters.
    fn homestead(&self, p: Point, road: f64) -> Structure {
        if !(18.0..110.0).contains(&road) {
            return Structure::Open;
        }
        let settled = smoothstep(0.05, 0.5, noise(p, 900.0 * self.dimensions.scale.max(0.5), self.key(50)));
        let (d, bits) = crowns(p, 34.0, self.key(51));
        if d < 0.28 && unit(bits.rotate_left(17)) < 0.65 * settled { Structure::Roof(bits) } else { Structure::Open }
    }

    fn grow_parcels(&self) -> Parcels {
        let dimensions = &self.dimensions;
        let reach = [
            dimensions.half[0].max(-dimensions.scene_west[0]) * 1.15,
            dimensions.half[1].max(dimensions.scene_north) * 1.15,
        ];
        let size = dimensions.parcel;
        let first = ((-reach[0] / size) as i64 - 3, (-reach[1] / size) as i64 - 3);
        let (cols, rows) = (1 - 2 * first.0, 1 - 2 * first.1);
        let key = self.key(60);
        let mut list: Vec<Parcel> = (0..rows)
            .flat_map(|j| (0..cols).map(move |i| (first.0 + i, first.1 + j)))
            .map(|(i, j)| {
                let bits = hash(i, j, key);
                let at = |k| 0.08 + 0.84 * roll(bits, k);
                let seed = [(i as f64 + at(0)) * size, (j as f64 + at(1)) * size];
                let urbanity = self.urbanity(seed);
                Parcel { key: bits, seed, land_use: LandUse::OilPalm, angle: PI * roll(bits, 2), urbanity }
            })
            .collect();
        self.assign(&mut list);
        Parcels { cols, rows, first, size, list }
    }

    /// Gives every parcel its use: each class takes the parcels that suit it best, as many as make up its share of the
    /// parcels in the districts' rectangle, so that shares hold for every seed.
    fn assign(&self, list: &mut [Parcel]) {
        let s = self.dimensions.scale;
        let near_river = |p: &Parcel| (-(self.river_distance(p.seed) / (2300.0 * s)).powi(2)).exp();
        let low = |p: &Parcel| near_river(p) + 0.7 * fractal(p.seed, 6000.0 * s, 2, self.key(61));
        let merits: [(f64, LandUse, Merit); 4] = [
            (BUILT_UP, LandUse::BuiltUp, &|p| p.urbanity + 0.10 * bell(p.key, 4)),
            (PADDY, LandUse::Paddy, &|p| low(p) + 0.45 * bell(p.key, 6)),
            (RUBBER, LandUse::Rubber, &|p| 0.6 * fractal(p.seed, 3800.0 * s, 2, self.key(62)) + 0.8 * bell(p.key, 3)),
            (FOREST, LandUse::Forest, &|p| 0.7 * bell(p.key, 5) - low(p) - 0.6 * p.urbanity),
        ];
        let inside: Vec<bool> =
            list.iter().map(|p| (0..2).all(|k| p.seed[k].abs() < self.dimensions.half[k])).collect();
        let all = inside.iter().filter(|i| **i).count() as f64;
        let mut free: Vec<usize> = (0..list.len()).collect();
        for (share, land_use, merit) in merits {
            let worth: Vec<f64> = list.iter().map(merit).collect();
            let mut ranked: Vec<f64> = free.iter().filter(|k| inside[**k]).map(|k| worth[*k]).collect();
            ranked.sort_by(|a, b| b.total_cmp(a));
            let least = ranked.get((share * all) as usize).copied().unwrap_or(f64::NEG_INFINITY);
            free.retain(|&k| {
                let taken = worth[k] > least;
                if taken {
                    list[k].land_use = land_use;
                }
                !taken
            });
        }
    }
}

impl Parcels {
    /// The parcel at a warped position, and the distance to its edge.
    fn at(&self, q: Point) -> (Parcel, f64) {
        let (i, j) =
            ((q[0] / self.size).floor() as i64 - self.first.0, (q[1] / self.size).floor() as i64 - self.first.1);
        let mut best = (f64::INFINITY, 0);
        let mut second = f64::INFINITY;
        for dj in -1..=1 {
            for di in -1..=1 {
                let col = (i + di).clamp(0, self.cols - 1);
                let row = (j + dj).clamp(0, self.rows - 1);
                let k = (row * self.cols + col) as usize;
                let s = self.list[k].seed;
                let d = (q[0] - s[0]).powi(2) + (q[1] - s[1]).powi(2);
                if d < best.0 {
                    second = best.0;
                    best = (d, k);
                } else if d < second && k != best.1 {
                    second = d;
                }
            }
        }
        (self.list[best.1], 0.5 * (second.sqrt() - best.0.sqrt()))
    }
}

fn segment_distance(p: Point, [a, b]: &[Point; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let t = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy).max(1e-9);
    let t = t.clamp(0.0, 1.0);
    distance(p, [a[0] + t * dx, a[1] + t * dy])
}

fn towns(dimensions: &Dimensions, seed: u64, capital: &Blob, reservoir: &Blob) -> Vec<Town> {
    let mut towns = vec![Town { centre: capital.centre, radius: 2300.0 * dimensions.scale }];
    for k in 0..400 {
        let key = hash(4, k, seed);
        let centre = [0, 1].map(|a| (2.0 * roll(key, a as i64) - 1.0) * 0.88 * dimensions.half[a]);
        let radius = (700.0 + 900.0 * roll(key, 2).powi(2)) * dimensions.scale;
        let far = towns.iter().all(|t| distance(t.centre, centre) > 4300.0 * dimensions.scale)
            && distance(reservoir.centre, centre) > 3200.0 * dimensions.scale;
        if far && towns.len() < 9 {
            towns.push(Town { centre, radius });
        }
    }
    towns
}

fn lakes(dimensions: &Dimensions, seed: u64, towns: &[Town], reservoir: &Blob) -> Vec<Blob> {
    let mut lakes: Vec<Blob> = Vec::new();
    for k in 0..400 {
        let key = hash(5, k, seed);
        let centre = [0, 1].map(|a| (2.0 * roll(key, a as i64) - 1.0) * 0.92 * dimensions.half[a]);
        let radius = (430.0 + 420.0 * roll(key, 2)) * dimensions.scale;
        let far = towns.iter().all(|t| distance(t.centre, centre) > 1500.0 * dimensions.scale + radius)
            && lakes.iter().chain([reservoir]).all(|l| distance(l.centre, centre) > 4000.0 * dimensions.scale);
        if far && lakes.len() < 8 {
            lakes.push(Blob::new(centre, radius, hash(6, k, seed)));
        }
    }
    lakes
}

/// The shortest net of straight roads that joins all towns (Prim 1957), and the nearest other neighbour of each.
fn roads(towns: &[Town]) -> Vec<[Point; 2]> {
    let mut joined = vec![0];
    let mut roads: Vec<[usize; 2]> = Vec::new();
    let length = |r: &[usize; 2]| distance(towns[r[0]].centre, towns[r[1]].centre);
    while joined.len() < towns.len() {
        let open = |k: &usize| !joined.contains(k);
        let next = joined
            .iter()
            .flat_map(|a| (0..towns.len()).filter(open).map(|b| [*a, b]))
            .min_by(|a, b| length(a).total_cmp(&length(b)));
        let Some(next) = next else { break };
        joined.push(next[1]);
        roads.push(next);
    }
    for a in 0..towns.len() {
        let new = |b: &usize| *b != a && !roads.contains(&[a, *b]) && !roads.contains(&[*b, a]);
        if let Some(b) = (0..towns.len()).filter(new).min_by(|b, c| length(&[a, *b]).total_cmp(&length(&[a, *c])))
            && length(&[a, b]) < 1.6 * length(&roads[0]).max(1.0)
        {
            roads.push([a, b]);
        }
    }
    roads.into_iter().map(|r| r.map(|k| towns[k].centre)).collect()
}

/// Streets on a grid of blocks, roofs on a lattice within them; the closer to the town's centre, the denser.
fn town_structure(p: Point, parcel: &Parcel) -> Structure {
    let q = turned(p, parcel.angle);
    let block = [85.0 + 30.0 * roll(parcel.key, 20), 130.0 + 50.0 * roll(parcel.key, 21)];
    let in_block = [0, 1].map(|k| q[k].rem_euclid(block[k]));
    if in_block[0] < 9.0 || in_block[1] < 9.0 {
        return Structure::Street;
    }
    let lot = [26.0, 30.0];
    let cell = [0, 1].map(|k| (q[k] / lot[k]).floor() as i64);
    let bits = hash(cell[0], cell[1], parcel.key);
    let in_lot = [0, 1].map(|k| q[k].rem_euclid(lot[k]));
    let roofed = unit(bits) < roof_share(parcel);
    let large = 15.0 + 9.0 * unit(bits.rotate_left(11));
    if roofed && in_lot[0] < large && in_lot[1] < large + 3.0 { Structure::Roof(bits) } else { Structure::Open }
}

/// Share of the lots of a town's parcel that carry a roof.
fn roof_share(parcel: &Parcel) -> f64 {
    (0.22 + 0.68 * parcel.urbanity + 0.12 * bell(parcel.key, 22)).clamp(0.15, 0.97)
}
