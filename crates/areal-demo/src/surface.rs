//! What the ground reflects: blue, green, red, near infrared and short-wave infrared, in reflectance x 10,000.

use std::f64::consts::{FRAC_PI_3, PI, TAU};

use crate::land_use::LandUse;
use crate::noise::{Point, bell, crowns, fractal, hash, mix, noise, roll, smoothstep, turned, unit};
use crate::world::{GroundCover, Parcel, Structure, World};

/// Number of spectral bands.
pub const BANDS: usize = 5;

/// Descriptions of the spectral bands, in order.
pub const BAND_NAMES: [&str; BANDS] = ["blue", "green", "red", "nir", "swir"];

/// Reflectance in every band.
pub type Spectrum = [f64; BANDS];

const DENSE_LEAVES: Spectrum = [250.0, 480.0, 260.0, 3100.0, 1350.0];
const BARE_SOIL: Spectrum = [760.0, 1010.0, 1290.0, 2050.0, 2750.0];
const LATERITE: Spectrum = [620.0, 880.0, 1350.0, 2300.0, 2900.0];
const ASPHALT: Spectrum = [900.0, 950.0, 1000.0, 1150.0, 1250.0];
const GRASS: Spectrum = [450.0, 850.0, 560.0, 3000.0, 1900.0];

fn blend(a: Spectrum, b: Spectrum, t: f64) -> Spectrum {
    std::array::from_fn(|k| mix(a[k], b[k], t))
}

/// Scales visible, near-infrared and short-wave bands.
fn scaled(s: Spectrum, visible: f64, nir: f64, swir: f64) -> Spectrum {
    [s[0] * visible, s[1] * visible, s[2] * visible, s[3] * nir, s[4] * swir]
}

/// What the ground reflects at a position.
pub fn surface(world: &World, p: Point) -> Spectrum {
    let land = world.land(p);
    match world.structure(p, &land) {
        Structure::Road => return ASPHALT,
        Structure::Street => return blend(ASPHALT, LATERITE, 0.45 * (1.0 - land.parcel.urbanity)),
        Structure::Roof(bits) => return roof(bits, land.parcel.urbanity),
        Structure::Open => {}
    }
    match land.land_use {
        LandUse::Water => water(world, p, &land),
        LandUse::Forest => forest(world, p),
        LandUse::Rubber => rubber(world, p, &land),
        LandUse::OilPalm => oil_palm(world, p, &land),
        LandUse::Paddy => paddy(world, p, &land),
        LandUse::BuiltUp => garden(world, p, &land.parcel),
    }
}

fn roof(bits: u64, urbanity: f64) -> Spectrum {
    let metal: Spectrum = [1650.0, 1720.0, 1800.0, 2100.0, 2050.0];
    let tile: Spectrum = [820.0, 960.0, 1480.0, 2150.0, 2500.0];
    let rust: Spectrum = [900.0, 1050.0, 1350.0, 1700.0, 2300.0];
    let kind = unit(bits.rotate_left(23));
    let base = if kind < 0.30 + 0.25 * urbanity {
        metal
    } else if kind < 0.85 {
        tile
    } else {
        rust
    };
    let shade = 0.8 + 0.4 * unit(bits.rotate_left(41));
    base.map(|v| v * shade)
}

fn water(world: &World, p: Point, land: &GroundCover) -> Spectrum {
    let clear: Spectrum = [420.0, 400.0, 240.0, 130.0, 70.0];
    let silty: Spectrum = [760.0, 1050.0, 1150.0, 480.0, 140.0];
    let stir = 0.12 * fractal(p, 420.0, 2, world.key(100));
    let silt = if land.river { 0.8 } else { 0.18 } + stir;
    blend(clear, silty, silt).map(|v| v * (1.0 + 0.03 * noise(p, 40.0, world.key(101))))
}

/// Light and shade of hills, from the slope of a noise field towards the sun in the east-south-east.
fn relief(world: &World, p: Point) -> f64 {
    let wavelength = 1100.0;
    let at = |q| fractal(q, wavelength, 3, world.key(110));
    4.2 * (at([p[0] + 14.0, p[1] - 6.0]) - at([p[0] - 14.0, p[1] + 6.0]))
}

/// Crowns of many sizes, some emergent, some bare; gaps; hills.
fn forest(world: &World, p: Point) -> Spectrum {
    let (d, bits) = crowns(p, 33.0, world.key(120));
    let height = unit(bits.rotate_left(9));
    let crown = 0.34 * (0.48 - d) * (0.4 + 1.2 * height) + 0.22 * (height - 0.5);
    let gap = 0.14 * noise(p, 75.0, world.key(121)) + 0.10 * noise(p, 190.0, world.key(122));
    let light = 1.0 + crown + gap + relief(world, p);
    let flush = 1.0 + 0.22 * (unit(bits.rotate_left(31)) - 0.5);
    let tone = 1.0 + 0.10 * fractal(p, 2300.0 * world.dimensions.scale.max(0.4), 2, world.key(123));
    scaled(DENSE_LEAVES, light * flush * tone, light * (2.0 - tone), light)
}

/// Colour of a stand of trees: close to forest, different from stand to stand.
fn stand(parcel: &Parcel, base: Spectrum) -> Spectrum {
    let tone = |k| 1.0 + 0.11 * bell(parcel.key, k);
    scaled(base, tone(40), tone(41), tone(42))
}

/// Planting rows: bright crowns, dark inter-rows, gently bent along contours; stands of different age.
fn rubber(world: &World, p: Point, land: &GroundCover) -> Spectrum {
    let parcel = &land.parcel;
    let base = stand(parcel, [270.0, 520.0, 275.0, 3180.0, 1400.0]);
    let q = turned(p, parcel.angle);
    let bend = 26.0 * noise(p, 420.0, world.key(130));
    let spacing = 34.0 + 8.0 * roll(parcel.key, 43);
    let row = (TAU * (q[0] + bend) / spacing).cos();
    let young = roll(parcel.key, 44);
    let contrast = 0.13 + 0.09 * young;
    let grain = 0.05 * noise(p, 22.0, world.key(131));
    let light = 1.0 + contrast * row + grain + 0.25 * relief(world, p);
    let soil = (0.16 * young * (0.5 - 0.5 * row)).max(0.0);
    let track = path(q, [430.0, 760.0], 9.0);
    let leaves = scaled(base, light, light, 1.0 + 0.6 * (light - 1.0));
    blend(blend(leaves, BARE_SOIL, soil), LATERITE, 0.5 * track)
}

/// Palms on a triangular lattice, harvest paths between blocks.
fn oil_palm(world: &World, p: Point, land: &GroundCover) -> Spectrum {
    let parcel = &land.parcel;
    let base = stand(parcel, [285.0, 560.0, 300.0, 3300.0, 1500.0]);
    let q = turned(p, parcel.angle);
    let spacing = 46.0 + 8.0 * roll(parcel.key, 45);
    // Three waves at 60 degrees: maxima on a triangular lattice `spacing` apart.
    let wave = TAU / (spacing * (PI / 3.0).sin());
    let lattice: f64 = (0..3)
        .map(|k| {
            let (s, c) = (f64::from(k) * FRAC_PI_3).sin_cos();
            (wave * (c * q[0] + s * q[1])).cos()
        })
        .sum::<f64>()
        / 3.0;
    let young = roll(parcel.key, 46);
    let contrast = 0.20 + 0.12 * young;
    let grain = 0.04 * noise(p, 25.0, world.key(140));
    let light = 1.0 + contrast * (lattice - 0.1) + grain + 0.15 * relief(world, p);
    let soil = 0.22 * young * smoothstep(0.2, -0.4, lattice);
    let track = path(q, [310.0, 980.0], 10.0).max(smoothstep(9.0, 3.0, land.edge));
    let leaves = scaled(base, light, light, 1.0 + 0.6 * (light - 1.0));
    blend(blend(leaves, GRASS, soil), LATERITE, 0.5 * track)
}

/// 1 on a net of paths `width` metres wide, 0 beside it.
fn path(q: Point, spacing: [f64; 2], width: f64) -> f64 {
    let off = |k: usize| (q[k].rem_euclid(spacing[k]) - 0.5 * spacing[k]).abs();
    smoothstep(0.9 * width, 0.35 * width, off(0).min(off(1)))
}

/// Bunded fields, each at its own stage: flooded, green, ripe, stubble; canals.
fn paddy(world: &World, p: Point, land: &GroundCover) -> Spectrum {
    let parcel = &land.parcel;
    let q = turned(p, parcel.angle);
    let field = [62.0 + 24.0 * roll(parcel.key, 47), 110.0 + 60.0 * roll(parcel.key, 48)];
    // Every second row of fields is shifted, as fields are.
    let row = (q[1] / field[1]).floor();
    let x = q[0] + 0.5 * field[0] * row.rem_euclid(2.0);
    let bits = hash((x / field[0]).floor() as i64, row as i64, parcel.key);
    let inside = [x.rem_euclid(field[0]), q[1].rem_euclid(field[1])];
    let bund = inside[0].min(field[0] - inside[0]).min(inside[1]).min(field[1] - inside[1]);
    let stage = (roll(parcel.key, 49) + 0.22 * (unit(bits) - 0.5)).rem_euclid(1.0);
    let crop = phenology(stage);
    let light = 1.0 + 0.10 * (unit(bits.rotate_left(13)) - 0.5) + 0.03 * noise(p, 30.0, world.key(150));
    let canal = path(q, [640.0, 2400.0], 11.0);
    let ground = blend(crop.map(|v| v * light), GRASS, 0.75 * smoothstep(8.0, 3.0, bund));
    blend(ground, [500.0, 650.0, 560.0, 420.0, 160.0], canal)
}

/// Spectrum of a paddy field over its season, 0 to 1 and round again.
fn phenology(stage: f64) -> Spectrum {
    const STAGES: [Spectrum; 5] = [
        [560.0, 720.0, 640.0, 620.0, 260.0],
        [420.0, 780.0, 480.0, 2300.0, 900.0],
        [340.0, 760.0, 360.0, 3900.0, 1500.0],
        [600.0, 1080.0, 1120.0, 2900.0, 2100.0],
        [900.0, 1180.0, 1450.0, 2150.0, 2700.0],
    ];
    let t = stage * STAGES.len() as f64;
    let k = t as usize % STAGES.len();
    blend(STAGES[k], STAGES[(k + 1) % STAGES.len()], smoothstep(0.0, 1.0, t.fract()))
}

/// Ground between houses: grass, trees, bare yards.
fn garden(world: &World, p: Point, parcel: &Parcel) -> Spectrum {
    let green = smoothstep(-0.5, 0.6, noise(p, 48.0, world.key(160)) + 0.5 - 0.9 * parcel.urbanity);
    let tree = smoothstep(0.1, 0.6, noise(p, 26.0, world.key(161)));
    blend(blend(BARE_SOIL, GRASS, green), DENSE_LEAVES, 0.7 * tree * green)
}
