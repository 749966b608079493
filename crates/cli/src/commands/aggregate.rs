//! `areal aggregate`: sums of a map over zones.

use std::path::PathBuf;

use areal_formats::{InputRef, Provenance};
use areal_job::StagedDir;
use areal_raster::{FileFacts, input_file_with_companions};
use areal_tables::{CodeRule, Encoding, Recoding, read_legend};
use areal_zones::{
    AggregateSettings, Antimeridian, AreaTable, Content, Invalid, Map, MapInput, Measure, Quantity, ReadExtent,
    ZoneSet, ZoneSettings, ZoneSums, aggregate, areas_meta, write_areas,
};
use clap::Args;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Stage;
use crate::columns::aligned;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, name_of};
use crate::recipe::Planned;
use crate::scene_options::SceneOptions;

/// Sum a prediction, or any class or value raster, over zones such as districts.
///
/// Each cell counts by the exact fraction of it that lies in a zone, and by its true area on the ellipsoid. Zones may
/// be in any CRS. Zones outside the map are reported, and totals are checked against the map. For a prediction,
/// unobserved area is split by its reason: nodata, masked, or in no file of the scene. Writes a folder with areas.csv
/// (one row for each zone and measure), areas.csv-metadata.json (the meaning of its columns), areas.gpkg (for mapping)
/// and areas.json (inputs and settings), and prints the table.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  \
    areal aggregate --prediction prediction --zones districts.gpkg --zone-id code --zone-name name --out areas\n  \
    areal aggregate --raster worldcover.tif --zones districts.geojson --zone-id code --out areas\n  \
    areal aggregate --prediction wealth --zones districts.gpkg --zone-id code --weights population.tif --out areas")]
pub struct Options {
    /// Prediction to aggregate: a folder made by `areal predict`.
    #[arg(long, value_name = "FOLDER", conflicts_with = "raster")]
    pub prediction: Option<PathBuf>,
    /// Raster to aggregate instead of a prediction.
    #[arg(long, value_name = "FILE")]
    pub raster: Option<PathBuf>,
    /// How --raster is read. Without --bands: the first band for classes, all for values.
    #[command(flatten)]
    pub scene: SceneOptions,
    /// What the cells of --raster hold: classes or values. [default: classes for bytes, else values]
    #[arg(long, value_name = "CONTENT", value_parser = name_of::<Content>())]
    pub content: Option<Content>,
    /// Legend of the classes in --raster: a CSV file with the columns code, name and, if wanted, parent. A code with a parent counts
    /// as its parent. [default: the names in the raster]
    #[arg(long, value_name = "FILE")]
    pub legend: Option<PathBuf>,
    /// Codes in --raster that count as one class: 311,312,313=forest or 111-142=built-up or *=other. Repeatable.
    #[arg(long, value_name = "CODES=CLASS")]
    pub map: Vec<CodeRule>,
    /// Zones: polygons in any format that GDAL reads.
    #[arg(long, value_name = "FILE")]
    pub zones: Option<PathBuf>,
    /// Layer of --zones. [default: its only one]
    #[arg(long, value_name = "LAYER")]
    pub zone_layer: Option<String>,
    /// Encoding of the text in --zones and --legend, where it is not UTF-8: windows-1252, iso-8859-2 ...
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<Encoding>,
    /// Field that identifies a zone. [default: the only field with a different value for each zone]
    #[arg(long, value_name = "FIELD")]
    pub zone_id: Option<String>,
    /// Field with the zone names.
    #[arg(long, value_name = "FIELD")]
    pub zone_name: Option<String>,
    /// How to treat invalid polygons: refuse or repair (with a warning).
    #[arg(long, value_name = "WHAT", default_value_t = Invalid::default(), value_parser = name_of::<Invalid>())]
    pub invalid: Invalid,
    /// How to read an edge over more than 180 degrees of longitude: as-written (straight in degrees, as in GeoJSON) or
    /// cross (the short way, over the antimeridian).
    #[arg(long, value_name = "HOW", default_value_t = Antimeridian::default(), value_parser = name_of::<Antimeridian>())]
    pub antimeridian: Antimeridian,
    /// Unite features with the same id into one zone.
    #[arg(long)]
    pub dissolve: bool,
    /// Raster of amounts per cell, such as people, used as weights for the mean of a value. It may have its own grid
    /// and CRS: each of its cells is spread evenly over the map cells that it covers.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Value of --weights that means nodata, in addition to the nodata value of the file.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER", requires = "weights")]
    pub weights_nodata: Option<f64>,
    /// No longer has any effect; accepted for one more release.
    #[arg(long, value_name = "FOLDER", hide = true)]
    #[serde(skip_serializing)]
    pub coverage: Option<PathBuf>,
    /// Maximum number of map cells that one thread holds in memory; fewer if the blocks of the map allow it.
    #[arg(long, value_name = "CELLS", default_value_t = AggregateSettings::default().window_cells)]
    pub window_cells: usize,
    /// Which cells of the map to read: zones (those near zones), map (all, for the totals of the map) or auto: all of a map
    /// of up to 67 million cells or of 4 times the cells near zones, else those near zones.
    #[arg(long, value_name = "EXTENT", default_value_t = ReadExtent::default(), value_parser = name_of::<ReadExtent>())]
    pub read: ReadExtent,
    /// Folder to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Replace --out if it exists.
    #[arg(long)]
    pub overwrite: bool,
    /// Print the table as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        [&self.prediction, &self.raster, &self.legend, &self.zones, &self.weights]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    fn output(&self) -> PathBuf {
        self.out.clone().unwrap_or_default()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        if self.prediction.as_deref().is_none_or(|prediction| !planned.makes(prediction)) {
            Map::open(&self.map_input()?)?;
        }
        let zones = options::required(self.zones.as_ref(), "--zones", "the polygons to sum over")?;
        ZoneSet::read(zones, &self.zone_settings())?;
        if let Some(weights) = &self.weights {
            FileFacts::read(weights)?;
        }
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let input = self.map_input()?;
        let zones_path = options::required(self.zones.as_ref(), "--zones", "the polygons to sum over")?;
        let out = options::required(self.out.as_ref(), "--out", "the folder to write")?;
        if self.coverage.is_some() {
            tracing::warn!("--coverage no longer has any effect: coverage is computed in each run");
        }
        let folder = StagedDir::new(out, self.overwrite)?;
        let settings = AggregateSettings {
            weights: self.weights.clone(),
            weights_nodata: self.weights_nodata,
            window_cells: self.window_cells,
            read: self.read,
        };
        let zone_settings = self.zone_settings();
        let map = Map::open(&input)?;
        if self.prediction.is_some() && map.shares.is_none() {
            tracing::warn!(
                "{} has no shares.tif, so each cell counts as fully observed or not at all; predict again for observed \
                 fractions",
                map.path.display()
            );
        }
        let hash = || self.inputs().iter().map(|path| input_file_with_companions(path)).collect::<Result<Vec<_>, _>>();
        // Inputs are hashed while they are read: the zones take one thread only.
        let (hashed, summed) = std::thread::scope(|scope| {
            let hashed = scope.spawn(hash);
            let summed = ZoneSet::read(zones_path, &zone_settings)
                .and_then(|set| aggregate(&map, &set, &settings, context.job()).map(|areas| (set, areas)));
            (hashed.join(), summed)
        });
        let (set, areas) = summed?;
        let inputs = hashed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let table = AreaTable::new(&map, &set, &areas, self.weights.is_some());
        let settings = json!({ "zones": zone_settings, "content": self.content, "map": self.map, "scene": self.raster.as_ref().map(|_| &self.scene), "aggregate": settings });
        let meta = areas_meta(&map, &table, provenance(inputs, settings))?;
        let json = self.json;
        let (written, shown) = rayon::join(
            || write_areas(&table, &meta, &folder),
            || if json { format!("{:#}\n", to_json(&table)) } else { to_text(&table) },
        );
        written?;
        folder.commit()?;
        out!("{shown}");
        warn_of_nothing(&table);
        tracing::info!("areas of {} zones are in {}", set.zones.len(), out.display());
        // To free the outlines of many zones takes a while, for which nobody need wait.
        rayon::spawn(move || drop((set, areas)));
        Ok(())
    }
}

impl Options {
    /// True without flags that say what is in a raster.
    fn is_bare(&self) -> bool {
        self.scene == SceneOptions::default() && self.content.is_none() && self.legend.is_none() && self.map.is_empty()
    }

    fn zone_settings(&self) -> ZoneSettings {
        ZoneSettings {
            layer: self.zone_layer.clone(),
            encoding: self.encoding,
            id_field: self.zone_id.clone(),
            name_field: self.zone_name.clone(),
            invalid: self.invalid,
            antimeridian: self.antimeridian,
            dissolve: self.dissolve,
        }
    }

    fn map_input(&self) -> Result<MapInput, CliError> {
        match (&self.prediction, &self.raster) {
            (Some(folder), None) if self.is_bare() => Ok(MapInput::Prediction(folder.clone())),
            (Some(_), None) => {
                let message = "--content, --legend, --map and the flags of how a raster is read go with --raster";
                Err(CliError::new(Exit::Usage, message)
                    .help("remove these flags: a prediction already defines its content"))
            }
            (None, Some(path)) => {
                let reading = Box::new(self.scene.settings("map", vec![path.clone()])?);
                let rows = self.legend.as_deref().map(|path| read_legend(path, self.encoding)).transpose()?;
                let recoding = Recoding::of_raster(&rows.unwrap_or_default(), &self.map)?;
                Ok(MapInput::Raster { reading, content: self.content, recoding, encoding: self.encoding })
            }
            (Some(_), Some(_)) => {
                Err(CliError::new(Exit::Usage, "both --prediction and --raster are given")
                    .help("pass only one of them"))
            }
            (None, None) => Err(options::missing("--prediction or --raster", "the map to aggregate")),
        }
    }
}

fn provenance(inputs: Vec<InputRef>, settings: Value) -> Provenance {
    Provenance {
        made_by: areal_formats::MADE_BY.to_owned(),
        command: "aggregate".to_owned(),
        inputs,
        settings,
        seed: None,
    }
}

fn warn_of_nothing(table: &AreaTable<'_>) {
    let observed = |item: &&Quantity| item.measure == Measure::ObservedArea;
    let seen = |item: &Quantity| table.areas.zones.iter().any(|sums| item.value(sums).is_some_and(|area| area > 0.0));
    if !table.items.iter().filter(observed).any(seen) {
        tracing::warn!("no zone has an observed cell: the map has only nodata there");
    }
}

/// The table as JSON: an object a zone, one key a column.
fn to_json(table: &AreaTable<'_>) -> Value {
    let columns = table.columns();
    let values = |sums: &ZoneSums| -> serde_json::Map<String, Value> {
        columns.iter().zip(&table.items).map(|(name, item)| (name.clone(), json!(item.value(sums)))).collect()
    };
    let zone = |(zone, sums): (&areal_zones::Zone, &ZoneSums)| {
        let mut object = serde_json::Map::new();
        object.insert("zone_id".into(), json!(zone.id));
        object.insert("zone_name".into(), json!(zone.name));
        object.insert("zone_state".into(), json!(sums.state));
        object.extend(values(sums));
        Value::Object(object)
    };
    let zones: Vec<Value> = table.set.zones.iter().zip(&table.areas.zones).map(zone).collect();
    let totals: serde_json::Map<String, Value> =
        table.totals().iter().map(|(name, sums)| ((*name).to_owned(), Value::Object(values(sums)))).collect();
    json!({ "zones": zones, "totals": totals, "reconciliation": table.areas.reconciliation })
}

/// The table for people: a line a zone, then what is in none, and the map.
fn to_text(table: &AreaTable<'_>) -> String {
    let shown: Vec<(&Quantity, String)> =
        table.items.iter().zip(table.columns()).filter(|(item, _)| is_shown(item.measure)).collect();
    let mut lines = vec![vec!["zone".to_owned(), "name".to_owned()]];
    lines[0].extend(shown.iter().map(|(_, name)| name.clone()));
    let cells = |sums: &ZoneSums| -> Vec<String> {
        let cell = |item: &Quantity| item.value(sums).map_or("-".to_owned(), |v| number(item.measure, v));
        shown.iter().map(|(item, _)| cell(item)).collect()
    };
    let zones = table.set.zones.par_iter().zip(&table.areas.zones);
    lines.par_extend(zones.map(|(zone, sums)| [vec![zone.id.clone(), zone.name.clone()], cells(sums)].concat()));
    for (name, sums) in table.totals() {
        lines.push([vec![format!("({name})"), String::new()], cells(&sums)].concat());
    }
    aligned(&lines, |k| k >= 2).join("\n") + "\n"
}

/// What fits a terminal; the files hold the rest.
fn is_shown(measure: Measure) -> bool {
    matches!(
        measure,
        Measure::ObservedArea
            | Measure::ClassArea
            | Measure::ClassShare
            | Measure::Mean
            | Measure::StandardDeviation
            | Measure::WeightedMean
    )
}

fn number(measure: Measure, value: f64) -> String {
    // A sum of rounding errors is no negative area.
    let value = if value.abs() < 5e-7 { 0.0 } else { value };
    match measure.unit() {
        Some("km2") => format!("{value:.3}"),
        Some("1") => format!("{value:.4}"),
        _ => format!("{value:.6}"),
    }
}
