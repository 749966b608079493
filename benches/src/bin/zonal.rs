//! Aggregates a raster over zones, from files to files, and prints how long it took: what `areal aggregate --raster`
//! does, without building the rest of the program.
//!
//! Usage: `zonal RASTER ZONES ID_FIELD classes|values OUT_FOLDER [STATISTICS]`

use std::path::Path;
use std::time::Instant;

use areal_formats::Provenance;
use areal_job::{Interrupt, Job, NoProgress, StagedDir};
use areal_zones::{
    AggregateSettings, AreaTable, Map, MapAreas, MapInput, Statistic, ZoneLayerSettings, ZoneSet, aggregate,
    areas_meta, write_areas,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [raster, zones, id, content, out, statistics @ ..] = args.as_slice() else {
        return Err("usage: zonal RASTER ZONES ID_FIELD classes|values OUT_FOLDER [STATISTICS]".into());
    };
    let start = Instant::now();
    let map = Map::open(&MapInput::raster(raster, Some(content.parse()?)))?;
    let settings = ZoneLayerSettings { id_field: Some(id.clone()), ..ZoneLayerSettings::default() };
    let set = ZoneSet::read(Path::new(zones), &settings)?;
    let read = start.elapsed();
    let interrupt = Interrupt::default();
    let job = Job { progress: &NoProgress, interrupt: &interrupt };
    let statistics = statistics.iter().flat_map(|list| list.split(','));
    let statistics: Vec<Statistic> = statistics.map(str::parse).collect::<Result<_, _>>()?;
    let settings = AggregateSettings { statistics, ..AggregateSettings::default() };
    let areas = aggregate(&map, &set, &settings, job)?;
    let summed = start.elapsed();
    let table = AreaTable::new(&set, vec![MapAreas { name: "", map: &map, areas: &areas }], &settings);
    let provenance = Provenance {
        made_by: "zonal".to_owned(),
        command: "zonal".to_owned(),
        inputs: Vec::new(),
        settings: serde_json::Value::Null,
        seed: None,
    };
    let folder = StagedDir::new(Path::new(out), true)?;
    write_areas(&table, &areas_meta(&table, provenance)?, &folder, job)?;
    folder.commit()?;
    println!(
        "zones {:.3} s, aggregation {:.3} s, outputs {:.3} s",
        read.as_secs_f64(),
        summed.saturating_sub(read).as_secs_f64(),
        start.elapsed().saturating_sub(summed).as_secs_f64()
    );
    Ok(())
}
