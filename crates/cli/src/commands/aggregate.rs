//! `areal aggregate`: sums of a map over zones.

use std::path::PathBuf;

use areal_estimate::counted;
use areal_formats::{InputRef, Provenance};
use areal_job::StagedDir;
use areal_raster::{FileFacts, input_file_with_companions};
use areal_tables::{CodeRule, Encoding, Recoding, make_tables_spreadsheet_safe, read_legend};
use areal_zones::{
    AggregateSettings, Antimeridian, AreaTable, Content, Invalid, MapAreas, MapInput, ReadExtent, Statistic,
    ZoneLayerSettings, ZoneSet, aggregate_maps, areas_meta, write_areas,
};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Stage;
use super::aggregate_maps::{each_once, open_maps, read_zones, say_dashes, warn_of_area_means, warn_of_nothing};
use super::aggregate_text::{TextTable, print_json};
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::named_rasters::{self, NamedRaster, check_names};
use crate::options::{self, OVERWRITE, name_of};
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
    areal aggregate --raster ndvi.tif --statistics mean,median,q5,q95,majority --zones districts.geojson --zone-id code --out areas\n  \
    areal aggregate --raster landcover.tif --raster ndvi=2025/mosaic.tif --zones districts.geojson --zone-id code --out areas\n  \
    areal aggregate --prediction wealth --zones districts.gpkg --zone-id code --weights population.tif --out areas")]
pub struct Options {
    /// Prediction to aggregate: a folder made by `areal predict`.
    #[arg(long, value_name = "FOLDER", conflicts_with = "raster")]
    pub prediction: Option<PathBuf>,
    /// Raster to aggregate instead of a prediction. Repeat it for several rasters on any grids: columns then begin with the
    /// name of the raster, which is that of the file or given as NAME=FILE.
    #[arg(long, value_name = "[NAME=]FILE")]
    #[serde(with = "named_rasters", skip_serializing_if = "Vec::is_empty")]
    pub raster: Vec<NamedRaster>,
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
    /// Merge features with the same id into one zone.
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
    /// Statistics of values in place of cells, mean and standard-deviation: cells, sum, mean, min, max, range, variance,
    /// standard-deviation, median, q5 (the smallest value such that it and smaller values have 5 % of the area; any number up
    /// to 100), majority, minority, variety. With --weights those that it can weigh are given weighted too. For classes:
    /// majority, minority, variety. Quantiles, majority, minority and variety of values are given by zone, not of the whole map.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub statistics: Vec<Statistic>,
    /// Memory in MiB for the values of zones, which quantiles, majority, minority and variety need. What does not fit goes to
    /// temporary files (in TMPDIR); results are the same.
    #[arg(long, value_name = "MIB", default_value_t = AggregateSettings::default().table_memory)]
    pub table_memory: usize,
    /// Memory in MiB for the outlines of zones, as much for their outlines on the map and as much for their sums. What does not fit
    /// goes to temporary files (in TMPDIR); results are the same.
    #[arg(long, value_name = "MIB", default_value_t = ZoneLayerSettings::default().memory)]
    pub zone_memory: usize,
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
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Put an apostrophe before cells of the tables that a spreadsheet would take for formulas: those that begin with = + - @ or an apostrophe.
    /// areal reads such tables back as they were.
    #[arg(long)]
    pub spreadsheet_safe: bool,
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
        let rasters = self.raster.iter().map(|raster| &raster.path);
        let others = [&self.prediction, &self.legend, &self.zones, &self.weights];
        rasters.chain(others.into_iter().flatten()).cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        if self.prediction.as_deref().is_none_or(|prediction| !planned.makes(prediction)) {
            open_maps(self.map_inputs()?)?;
        }
        let zones = options::required(self.zones.as_ref(), "--zones", "the polygons to sum over")?;
        ZoneSet::read(zones, &self.zone_settings())?;
        if let Some(weights) = &self.weights {
            FileFacts::read(weights)?;
        }
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let inputs = self.map_inputs()?;
        let zones_path = options::required(self.zones.as_ref(), "--zones", "the polygons to sum over")?;
        let out = options::required(self.out.as_ref(), "--out", "the folder to write")?;
        if self.coverage.is_some() {
            tracing::warn!("--coverage no longer has any effect: coverage is computed in each run");
        }
        let folder = StagedDir::new(out, self.overwrite)?;
        let settings = self.aggregate_settings();
        let zone_settings = self.zone_settings();
        let maps = open_maps(inputs)?;
        for map in maps.iter().filter(|map| self.prediction.is_some() && map.shares.is_none()) {
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
            let summed = read_zones(zones_path, &zone_settings, context)
                .and_then(|set| aggregate_maps(&maps, &set, &settings, context.job()).map(|areas| (set, areas)));
            (hashed.join(), summed)
        });
        let (set, areas) = summed?;
        let inputs = hashed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let names: Vec<String> = self.raster.iter().map(NamedRaster::name).collect();
        let name = |k: usize| names.get(k).map_or("", String::as_str);
        let of = |(k, (map, areas))| MapAreas { name: name(k), map, areas };
        let table = AreaTable::new(&set, maps.iter().zip(&areas).enumerate().map(of).collect(), &settings);
        let scene = (!self.raster.is_empty()).then_some(&self.scene);
        let settings = json!({ "zones": zone_settings, "content": self.content, "map": self.map, "scene": scene, "aggregate": settings });
        let meta = areas_meta(&table, provenance(inputs, settings))?;
        let json = self.json;
        let (written, shown) = rayon::join(
            || write_areas(&table, &meta, &folder, context.job()),
            || if json { Ok(None) } else { TextTable::new(&table).map(Some) },
        );
        written?;
        let shown = shown?;
        if self.spreadsheet_safe {
            let cells = make_tables_spreadsheet_safe(folder.path())?;
            tracing::info!("an apostrophe was added to {} (--spreadsheet-safe)", counted(cells, "table cell"));
        }
        folder.commit()?;
        match &shown {
            Some(text) => text.print()?,
            None => print_json(&table)?,
        }
        say_dashes(&table);
        warn_of_nothing(&table)?;
        if self.prediction.is_some() && self.weights.is_none() {
            warn_of_area_means(&table);
        }
        tracing::info!("areas of {} are in {}", counted(set.zones.len(), "zone"), out.display());
        // Freeing the outlines of many zones is slow, so it is done in the background.
        rayon::spawn(move || drop((set, areas)));
        Ok(())
    }
}

impl Options {
    /// True if no flag that describes a raster is given.
    fn is_bare(&self) -> bool {
        self.scene == SceneOptions::default() && self.content.is_none() && self.legend.is_none() && self.map.is_empty()
    }

    fn aggregate_settings(&self) -> AggregateSettings {
        AggregateSettings {
            weights: self.weights.clone(),
            weights_nodata: self.weights_nodata,
            window_cells: self.window_cells,
            read: self.read,
            statistics: each_once(&self.statistics),
            table_memory: self.table_memory,
        }
    }

    fn zone_settings(&self) -> ZoneLayerSettings {
        ZoneLayerSettings {
            layer: self.zone_layer.clone(),
            encoding: self.encoding,
            id_field: self.zone_id.clone(),
            name_field: self.zone_name.clone(),
            invalid: self.invalid,
            antimeridian: self.antimeridian,
            dissolve: self.dissolve,
            memory: self.zone_memory,
        }
    }

    fn map_inputs(&self) -> Result<Vec<MapInput>, CliError> {
        match (&self.prediction, &self.raster[..]) {
            (Some(folder), []) if self.is_bare() => Ok(vec![MapInput::Prediction(folder.clone())]),
            (Some(_), []) => {
                let message =
                    "--content, --legend, --map and the flags that control how a raster is read require --raster";
                Err(CliError::new(Exit::Usage, message)
                    .help("remove these flags: a prediction already defines its content"))
            }
            (None, []) => Err(options::missing("--prediction or --raster", "the map to aggregate")),
            (None, rasters) => {
                check_names(rasters)?;
                let rows = self.legend.as_deref().map(|path| read_legend(path, self.encoding)).transpose()?;
                let recoding = Recoding::of_raster(&rows.unwrap_or_default(), &self.map)?;
                let input = |raster: &NamedRaster| {
                    let reading = Box::new(self.scene.settings("map", vec![raster.path.clone()])?);
                    let recoding = recoding.clone();
                    Ok(MapInput::Raster { reading, content: self.content, recoding, encoding: self.encoding })
                };
                rasters.iter().map(input).collect()
            }
            (Some(_), _) => Err(CliError::new(Exit::Usage, "--prediction and --raster cannot be used together")
                .help("pass only one of them")),
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
