//! QGIS style of the zones: coloured by largest class, or by classes of a mean.

use areal_grid::{default_colour, step_limits};
use areal_raster::{ClassColumn, PolygonStyle};

use crate::{AreaTable, Measure, Quantity, Statistic, ZonesError};

/// The style of the table's zones: of the classes of the first map, else of the first mean, by weights where there are any;
/// `None` where there is neither.
///
/// # Errors
/// When a temporary file cannot be read.
pub(crate) fn style(table: &AreaTable<'_>) -> Result<Option<PolygonStyle>, ZonesError> {
    let columns = table.columns();
    let items = || table.items.iter().zip(&columns);
    let Some(first) = table.maps.first() else { return Ok(None) };
    let colours = &first.map.colours;
    let class = |(k, (item, column)): (usize, (&Quantity, &String))| {
        let (code, name) = item.class.as_ref()?;
        let colour = colours.get(code).copied().unwrap_or_else(|| default_colour(k));
        let name = if name.is_empty() { format!("class {code}") } else { name.clone() };
        Some(ClassColumn { column: column.clone(), name, colour })
    };
    let areas = items().filter(|(item, _)| item.part == 0 && item.measure == Measure::ClassArea);
    let classes: Vec<ClassColumn> = areas.enumerate().filter_map(class).collect();
    if !classes.is_empty() {
        return Ok(Some(PolygonStyle::LargestClass { classes }));
    }
    let first = |measure: Measure| items().find(|(item, _)| item.measure == measure);
    let mean = first(Measure::Weighted(Statistic::Mean)).or_else(|| first(Measure::Statistic(Statistic::Mean)));
    let Some((item, column)) = mean else { return Ok(None) };
    let mut values = Vec::new();
    for row in table.rows() {
        values.extend(row?.value(item));
    }
    let limits = step_limits(values);
    Ok((!limits.is_empty()).then(|| PolygonStyle::Steps { column: column.clone(), limits }))
}
