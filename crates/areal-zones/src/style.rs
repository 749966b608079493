//! How QGIS shows the zones: by their largest class, or by steps of a mean.

use areal_grid::{default_colour, step_limits};
use areal_raster::{ClassColumn, PolygonStyle};

use crate::{AreaTable, Measure, Quantity, Statistic};

/// The style of the table's zones: of the classes of the first map, else of the first mean, by weights where there are any;
/// `None` where there is neither.
pub(crate) fn style(table: &AreaTable<'_>) -> Option<PolygonStyle> {
    let columns = table.columns();
    let items = || table.items.iter().zip(&columns);
    let colours = &table.maps.first()?.map.colours;
    let class = |(k, (item, column)): (usize, (&Quantity, &String))| {
        let (code, name) = item.class.as_ref()?;
        let colour = colours.get(code).copied().unwrap_or_else(|| default_colour(k));
        let name = if name.is_empty() { format!("class {code}") } else { name.clone() };
        Some(ClassColumn { column: column.clone(), name, colour })
    };
    let areas = items().filter(|(item, _)| item.part == 0 && item.measure == Measure::ClassArea);
    let classes: Vec<ClassColumn> = areas.enumerate().filter_map(class).collect();
    if !classes.is_empty() {
        return Some(PolygonStyle::LargestClass { classes });
    }
    let first = |measure: Measure| items().find(|(item, _)| item.measure == measure);
    let (item, column) =
        first(Measure::Weighted(Statistic::Mean)).or_else(|| first(Measure::Statistic(Statistic::Mean)))?;
    let values = (0..table.set.zones.len()).filter_map(|zone| table.value(item, zone));
    let limits = step_limits(values);
    (!limits.is_empty()).then(|| PolygonStyle::Steps { column: column.clone(), limits })
}
