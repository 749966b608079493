//! The area table: the same rows for every zone.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::quantity::QuantitySource;
use crate::{
    AggregateSettings, Areas, Layers, Map, Measure, Quantity, Statistic, ZoneName, ZoneSet, ZoneState, ZoneSums,
    ZoneTally, ZonesError,
};

/// A map and its sums over zones.
#[derive(Debug, Clone)]
pub struct MapAreas<'a> {
    /// Its name, where there are several.
    pub name: &'a str,
    pub map: &'a Map,
    /// In the order of the zone set.
    pub areas: &'a Areas,
}

/// What is not a zone, with a value for each item of the table.
#[derive(Debug, Clone)]
pub struct Total<'a> {
    pub name: &'static str,
    /// None where there is none: quantiles of values, their majority, minority and variety are kept by zone only.
    pub values: Vec<Option<f64>>,
    /// Code and name of the class that an item is about, or that it picks there.
    pub classes: Vec<Option<(i64, &'a str)>>,
}

/// The area table: the same rows for every zone.
#[derive(Debug, Clone)]
pub struct AreaTable<'a> {
    pub set: &'a ZoneSet,
    pub maps: Vec<MapAreas<'a>>,
    /// What is stated of each zone.
    pub items: Vec<Quantity>,
}

impl<'a> AreaTable<'a> {
    /// What is to be stated of maps over the zones of `set`.
    pub fn new(set: &'a ZoneSet, maps: Vec<MapAreas<'a>>, settings: &AggregateSettings) -> Self {
        let mut items = vec![Quantity {
            part: 0,
            variable: "zone".to_owned(),
            measure: Measure::ZoneArea,
            class: None,
            unit: Measure::ZoneArea.unit(""),
            source: QuantitySource::Zone,
        }];
        let several = maps.len() > 1;
        for (part, of) in maps.iter().enumerate() {
            let mut rows = TableMapRows { part, of, several, items: &mut items };
            rows.add_all(settings);
        }
        Self { set, maps, items }
    }

    /// How many zones it has.
    pub fn zones(&self) -> usize {
        self.set.zones.len()
    }

    /// What is stated of a zone, by its number.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn row(&self, zone: usize) -> Result<ZoneRow, ZonesError> {
        let sums = self.maps.iter().map(|of| of.areas.zones.get(zone)).collect::<Result<_, _>>()?;
        Ok(ZoneRow { name: self.set.zones.name(zone)?, sums })
    }

    /// The rows of all zones, one after the other.
    pub fn rows(&self) -> impl Iterator<Item = Result<ZoneRow, ZonesError>> + '_ {
        (0..self.zones()).map(|zone| self.row(zone))
    }

    /// What is not a zone: what lies outside all zones, what is counted in several (if anything), and the map. Zones and the first,
    /// less the second, add up to the third. Names say so where less than the map was read.
    pub fn totals(&self) -> Vec<Total<'_>> {
        let all_read = self.maps.iter().all(|of| of.areas.cells_read == of.areas.cells);
        let of = |name: &'static str, tally: &dyn Fn(&'a Areas) -> &'a ZoneTally| {
            let sums = |areas: &'a Areas| {
                let t = tally(areas);
                ZoneSums { state: ZoneState::Inside, area: t.area, outside: 0.0, tally: t.clone(), ranks: Vec::new() }
            };
            let sums: Vec<ZoneSums> = self.maps.iter().map(|of| sums(of.areas)).collect();
            let values = self.items.iter().map(|item| item.value(&sums[item.part])).collect();
            let classes = self.items.iter().map(|item| item.class_in(&sums[item.part])).collect();
            Total { name, values, classes }
        };
        let outside = if all_read { "outside all zones" } else { "outside all zones, where read" };
        let mut totals = vec![of(outside, &|areas| &areas.outside)];
        if self.maps.iter().any(|of| of.areas.overlap.area > 0.0) {
            totals.push(of("in several zones", &|areas| &areas.overlap));
        }
        totals.push(of(if all_read { "map" } else { "map, where read" }, &|areas| &areas.map));
        totals
    }

    /// Names of the columns of a table with one row a zone, one an item; all different.
    pub fn columns(&self) -> Vec<String> {
        let mut taken: BTreeSet<String> =
            ["zone_id", "zone_name", "zone_state", "fid", "geom"].map(String::from).into();
        self.items
            .iter()
            .map(|item| {
                let plain = item.column();
                let mut name = plain.clone();
                let mut k = 2;
                while !taken.insert(name.clone()) {
                    name = format!("{plain}_{k}");
                    k += 1;
                }
                name
            })
            .collect()
    }
}

/// One zone, and what it holds of each map.
#[derive(Debug, Clone)]
pub struct ZoneRow {
    pub name: ZoneName,
    sums: Vec<ZoneSums>,
}

impl ZoneRow {
    /// The value of an item; `None` where there is none.
    pub fn value(&self, item: &Quantity) -> Option<f64> {
        item.value(&self.sums[item.part])
    }

    /// Code and name of the class that an item is about: of a majority, the class that it is here.
    pub fn class<'t>(&self, item: &'t Quantity) -> Option<(i64, &'t str)> {
        item.class_in(&self.sums[item.part])
    }

    /// Where the zone lies: inside where it is inside all maps, outside where it is outside all.
    pub fn state(&self) -> ZoneState {
        let all = |state: ZoneState| self.sums.iter().all(|of| of.state == state);
        [ZoneState::Inside, ZoneState::Outside].into_iter().find(|s| all(*s)).unwrap_or(ZoneState::Partial)
    }
}

/// The rows of one map.
struct TableMapRows<'r, 'a> {
    part: usize,
    of: &'r MapAreas<'a>,
    /// Whether there are other maps: then the map's name is in each variable.
    several: bool,
    items: &'r mut Vec<Quantity>,
}

impl TableMapRows<'_, '_> {
    fn add_all(&mut self, settings: &AggregateSettings) {
        self.add("zone", Measure::OutsideArea, None, "", QuantitySource::Zone);
        match &self.of.map.layers {
            Layers::Classes { legend, probabilities, .. } => {
                self.add_classes(legend, probabilities.is_some(), &settings.statistics);
            }
            Layers::Values { bands, unit, .. } => {
                let single = self.several && bands.len() == 1;
                for (k, band) in bands.iter().enumerate() {
                    self.add_value((if single { "" } else { &band.name }, unit), k, settings);
                }
            }
        }
    }

    fn add(
        &mut self,
        variable: &str,
        measure: Measure,
        class: Option<(i64, String)>,
        unit: &str,
        source: QuantitySource,
    ) {
        let name = self.of.name;
        let variable = match variable {
            _ if !self.several => Cow::Borrowed(variable),
            "zone" | "class" | "" => Cow::Borrowed(name),
            band => Cow::Owned(format!("{name}_{band}")),
        };
        let is_variety = measure == Measure::Statistic(Statistic::Variety);
        let of_classes = is_variety && matches!(source, QuantitySource::Classes(_));
        let unit = if of_classes { "classes".to_owned() } else { measure.unit(unit) };
        let variable = variable.into_owned();
        self.items.push(Quantity { part: self.part, variable, measure, class, unit, source });
    }

    /// Observed or not, and why not where the map knows it.
    fn state_measures(&self) -> Vec<Measure> {
        let mut measures = vec![Measure::ObservedArea, Measure::UnobservedArea];
        if self.of.map.states.is_some() {
            measures.extend([Measure::NodataArea, Measure::MaskedArea, Measure::NotCoveredArea]);
        }
        measures
    }

    fn add_classes(&mut self, legend: &[(i64, String)], probabilities: bool, statistics: &[Statistic]) {
        for measure in self.state_measures() {
            self.add("class", measure, None, "", QuantitySource::Zone);
        }
        let names: Arc<[(i64, String)]> = legend.into();
        for statistic in statistics.iter().filter(|s| s.fits_classes()) {
            self.add("class", Measure::Statistic(*statistic), None, "", QuantitySource::Classes(names.clone()));
        }
        let found = &self.of.areas.map.class_areas;
        let named = |(k, (code, name)): (usize, &(i64, String))| (*code, name.clone(), probabilities.then_some(k));
        let mut classes: Vec<(i64, String, Option<usize>)> = legend.iter().enumerate().map(named).collect();
        let unnamed = found.keys().filter(|code| !legend.iter().any(|(c, _)| c == *code));
        classes.extend(unnamed.map(|code| (*code, String::new(), None)));
        // Classes of an external legend that are not on the map are omitted; predicted classes are always listed.
        classes.retain(|(code, _, band)| band.is_some() || found.contains_key(code));
        classes.sort_by_key(|c| c.0);
        for (code, name, band) in classes {
            let mut measures = vec![Measure::ClassArea, Measure::ClassShare];
            if band.is_some() {
                measures.extend([Measure::MeanProbability, Measure::ProbabilityArea]);
            }
            for measure in measures {
                self.add("class", measure, Some((code, name.clone())), "", QuantitySource::Class(code, band));
            }
        }
    }

    fn add_value(&mut self, (name, unit): (&str, &str), band: usize, settings: &AggregateSettings) {
        let weighted = settings.weights.is_some();
        let mut measures = self.state_measures();
        if settings.statistics.is_empty() {
            let usual = [Statistic::Cells, Statistic::Mean, Statistic::StandardDeviation];
            measures.extend(usual.map(Measure::Statistic));
            measures.extend(weighted.then_some(Measure::Weighted(Statistic::Mean)));
        }
        for statistic in &settings.statistics {
            measures.push(Measure::Statistic(*statistic));
            measures.extend((weighted && statistic.has_weighted()).then_some(Measure::Weighted(*statistic)));
        }
        if weighted {
            measures.extend([Measure::WeightSum, Measure::UnweightedArea, Measure::ZeroWeightArea]);
        }
        let percents: Arc<[_]> = settings.percents().into();
        for measure in measures {
            self.add(name, measure, None, unit, QuantitySource::Value(band, percents.clone()));
        }
    }
}

/// Refuses statistics that have no meaning for any of some maps; says those that have none for some.
///
/// # Errors
/// With those that have none.
pub(crate) fn check_statistics(maps: &[Map], statistics: &[Statistic]) -> Result<(), ZonesError> {
    let is_class = |map: &&Map| matches!(map.layers, Layers::Classes { .. });
    let unfit: Vec<String> = statistics.iter().filter(|s| !s.fits_classes()).map(Statistic::to_string).collect();
    let unfit = unfit.join(", ");
    let of_classes: Vec<&Map> = maps.iter().filter(is_class).collect();
    match of_classes[..] {
        [first, ..] if !unfit.is_empty() && of_classes.len() == maps.len() => {
            Err(ZonesError::ClassStatistics { path: first.path.clone(), statistics: unfit })
        }
        [_, ..] if !unfit.is_empty() => {
            let paths: Vec<String> = of_classes.iter().map(|map| map.path.display().to_string()).collect();
            tracing::warn!(
                "{}: class codes have no {unfit}; the table has these of the rasters of values only",
                paths.join(", ")
            );
            Ok(())
        }
        _ => Ok(()),
    }
}
