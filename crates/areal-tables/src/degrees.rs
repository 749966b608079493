//! Places in a table: columns of longitude and latitude in degrees.

use crate::{DecimalFault, DecimalMark, Table, TableError, TableRow};

/// Names of columns, in lower case; the last of each are those of the Demographic and Health Surveys.
const LONGITUDE: [&str; 4] = ["lon", "long", "longitude", "longnum"];
const LATITUDE: [&str; 3] = ["lat", "latitude", "latnum"];

/// The columns of longitude and latitude in a table.
#[derive(Debug, Clone, Copy)]
pub struct Degrees {
    /// Longitude, latitude.
    columns: [usize; 2],
    marks: [DecimalMark; 2],
}

impl Degrees {
    /// The columns named lon, long, longitude or LONGNUM, and lat, latitude or LATNUM, in any letter case, the first of these where
    /// there are several; `None` where the table lacks either.
    ///
    /// # Errors
    /// Several columns of one name.
    pub fn of(table: &Table) -> Result<Option<Self>, TableError> {
        let Some(columns) = one(table, &LONGITUDE)?.zip(one(table, &LATITUDE)?) else { return Ok(None) };
        let columns = [columns.0, columns.1];
        Ok(Some(Self { columns, marks: columns.map(|k| mark(table, k)) }))
    }

    /// The names of the columns.
    pub fn names<'t>(&self, table: &'t Table) -> [&'t str; 2] {
        self.columns.map(|k| table.columns[k].as_str())
    }

    /// Longitude from -180 to 180 and latitude of a row; `None` where either cell is empty.
    ///
    /// # Errors
    /// A cell that is not a number in degrees, or out of range.
    pub fn place(&self, table: &Table, row: &TableRow) -> Result<Option<[f64; 2]>, TableError> {
        let [x, y] = [self.coordinate(table, row, 0, 360.0)?, self.coordinate(table, row, 1, 90.0)?];
        // Longitudes from 0 to 360 are those from -180 to 180, as all layers have them.
        let turned = |x: f64| {
            if x > 180.0 {
                x - 360.0
            } else if x < -180.0 {
                x + 360.0
            } else {
                x
            }
        };
        Ok(x.zip(y).map(|(x, y)| [turned(x), y]))
    }

    fn coordinate(&self, table: &Table, row: &TableRow, k: usize, most: f64) -> Result<Option<f64>, TableError> {
        let text = row.text(self.columns[k]);
        if text.is_empty() {
            return Ok(None);
        }
        let degrees = self.marks[k].number(text).filter(|degrees| degrees.abs() <= most);
        degrees.map(Some).ok_or_else(|| TableError::Degrees {
            path: table.path.clone(),
            line: row.line,
            column: table.columns[self.columns[k]].clone(),
            text: text.to_owned(),
            most,
        })
    }
}

/// The column with the first of these names that the table has.
fn one(table: &Table, names: &[&str]) -> Result<Option<usize>, TableError> {
    for name in names {
        let columns = table.columns.iter().enumerate();
        let places: Vec<usize> = columns.filter(|(_, c)| c.to_lowercase() == *name).map(|(k, _)| k).collect();
        match places[..] {
            [] => {}
            [place] => return Ok(Some(place)),
            _ => {
                return Err(TableError::DegreesTwice {
                    path: table.path.clone(),
                    columns: places.iter().map(|k| table.columns[*k].as_str()).collect::<Vec<_>>().join(", "),
                });
            }
        }
    }
    Ok(None)
}

/// The decimal mark of a column of degrees, which have no thousands; cells that are no numbers are told with their row.
fn mark(table: &Table, column: usize) -> DecimalMark {
    let mark = match DecimalMark::of(table.rows.iter().map(|row| row.text(column))) {
        Err(DecimalFault::Ambiguous { .. }) => DecimalMark::Comma,
        mark => mark.unwrap_or(DecimalMark::Point),
    };
    if mark == DecimalMark::Comma {
        tracing::info!("{}: commas in {} are read as decimal commas", table.path.display(), table.columns[column]);
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Result<Option<Vec<Option<[f64; 2]>>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        let table = Table::read(&path, None).unwrap();
        let said = |error: TableError| error.to_string();
        let Some(degrees) = Degrees::of(&table).map_err(said)? else { return Ok(None) };
        let rows = table.rows.iter().map(|row| degrees.place(&table, row)).collect::<Result<_, _>>();
        rows.map(Some).map_err(said)
    }

    #[test]
    fn degrees_are_found_under_their_usual_names() {
        let expected = vec![Some([103.5, -4.25]), None];
        for text in [
            "id,lon,lat\n1,103.5,-4.25\n2,,1\n",
            "LATNUM,x,LONGNUM\n-4.25,a,103.5\n1,b,\n",
            "Longitude;Latitude\n103,500;-4,250\n7,1;\n",
        ] {
            assert_eq!(places(text).unwrap(), Some(expected.clone()), "{text}");
        }
        assert_eq!(places("id,x,y\n1,2,3\n").unwrap(), None);
        assert_eq!(places("longitude,lon,lat\n1,190.5,2\n").unwrap(), Some(vec![Some([-169.5, 2.0])]));
        assert!(places("lon,Lon,lat\n1,1,1\n").unwrap_err().contains("several columns for one coordinate: lon, Lon"));
    }

    #[test]
    fn a_cell_that_is_no_degree_is_told_with_its_line() {
        let said = |cell: &str| places(&format!("id,lon,lat\n1,5,5\n2,7,{cell}\n")).unwrap_err();
        assert!(said("91").contains("line 3, column lat: \"91\" is not a number of degrees from -90 to 90"));
        assert!(said("4N").contains("line 3, column lat: \"4N\""));
    }
}
