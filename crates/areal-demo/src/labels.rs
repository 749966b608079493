//! Label polygons of the landscape.

use std::f64::consts::TAU;

use geo::Polygon;

use crate::districts::polygon;
use crate::land_use::LandUse;
use crate::noise::{Point, roll};
use crate::world::{Parcel, World};

/// Ground whose use somebody drew on a screen.
pub struct Label {
    pub land_use: LandUse,
    /// Its outline in longitude and latitude.
    pub outline: Polygon<f64>,
}

/// Directions in which a parcel's edge is looked for.
const RAYS: usize = 40;

/// Label polygons on a part of the parcels, lakes and river of the districts' rectangle.
pub fn labels(world: &World) -> Vec<Label> {
    let half = world.dimensions.half;
    let inside = |p: Point| p[0].abs() < 0.98 * half[0] && p[1].abs() < 0.98 * half[1];
    let mut list: Vec<Label> = world
        .parcels()
        .iter()
        .filter(|p| roll(p.key, 60) < labelled_share(p.land_use))
        .map(|p| (p, world.seed_position(p)))
        .filter(|(_, at)| inside(*at))
        .filter_map(|(p, at)| parcel_label(world, p, at))
        .collect();
    list.extend(water_labels(world).into_iter().map(|outline| Label { land_use: LandUse::Water, outline }));
    list
}

/// Rare classes are labelled more eagerly.
fn labelled_share(land_use: LandUse) -> f64 {
    match land_use {
        LandUse::Rubber => 0.8,
        LandUse::BuiltUp => 0.6,
        LandUse::Paddy => 0.5,
        LandUse::Forest | LandUse::OilPalm | LandUse::Water => 0.4,
    }
}

/// The part of a parcel that is seen from its seed, a little within its edge; `None` for a sliver.
fn parcel_label(world: &World, parcel: &Parcel, at: Point) -> Option<Label> {
    let size = world.dimensions.parcel;
    let same = |p: Point| {
        let land = world.land(p);
        land.parcel.key == parcel.key && land.land_use == parcel.land_use
    };
    let step = 0.012 * size;
    let reach = |k: usize| {
        let (sin, cos) = (TAU * k as f64 / RAYS as f64).sin_cos();
        let steps =
            (1..100).take_while(|n| same([at[0] + step * f64::from(*n) * cos, at[1] + step * f64::from(*n) * sin]));
        let r = (step * steps.count() as f64 * 0.96 - step).max(0.0);
        ([at[0] + r * cos, at[1] + r * sin], r)
    };
    let rays: Vec<(Point, f64)> = (0..RAYS).map(reach).collect();
    let mean = rays.iter().map(|(_, r)| r).sum::<f64>() / RAYS as f64;
    let least = rays.iter().map(|(_, r)| *r).fold(f64::INFINITY, f64::min);
    let whole = mean > 0.25 * size && least > 0.05 * size;
    whole.then(|| Label {
        land_use: parcel.land_use,
        outline: polygon(rays.into_iter().map(|(p, _)| p).collect(), Vec::new()),
    })
}

/// The lakes, the reservoir without its islands, and stretches of the river.
fn water_labels(world: &World) -> Vec<Polygon<f64>> {
    let mut list: Vec<Polygon<f64>> = world.lakes.iter().map(|l| polygon(l.ring(48, 0.93), Vec::new())).collect();
    let islands = world.islands.iter().map(|i| i.ring(32, 1.12)).collect();
    list.push(polygon(world.reservoir.ring(96, 0.96), islands));
    let stretch = 700.0 * world.dimensions.scale;
    let count = (1.9 * world.dimensions.half[0] / stretch) as usize;
    for k in (0..count).step_by(3) {
        let west = -0.95 * world.dimensions.half[0] + k as f64 * stretch;
        let bank = |side: f64, n: usize| world.river_bank(west + stretch * n as f64 / 12.0, 0.8 * side);
        let south = (0..=12).map(|n| bank(-1.0, n));
        let north = (0..=12).rev().map(|n| bank(1.0, n));
        list.push(polygon(south.chain(north).collect(), Vec::new()));
    }
    list
}
