//! Zones of a layer: names and outlines, in memory up to a bound, then in temporary files.

use std::ops::Range;

use geo::MultiPolygon;

use crate::ZonesError;
use crate::codec::{Reader, Writer, read_outline, write_outline};
use crate::spill::Records;

#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its id, unique in its set.
    pub id: String,
    /// Its name; empty where no name field is given or its value is null.
    pub name: String,
    /// Its polygons in the CRS of the set; their rings do not cross.
    pub outline: MultiPolygon<f64>,
}

/// Id and name of a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneName {
    pub id: String,
    /// Empty where it has none.
    pub name: String,
}

/// The zones of a layer, in the order of the file.
#[derive(Debug, Default)]
pub struct Zones {
    names: Records,
    outlines: Records,
    /// What is written next, so that it need not be allocated each time.
    buffer: Vec<u8>,
}

impl Zones {
    /// With so many bytes in memory of names and of outlines.
    pub(crate) fn new(memory: usize) -> Self {
        Self { names: Records::new(memory), outlines: Records::new(memory), buffer: Vec::new() }
    }

    pub(crate) fn push(&mut self, id: &str, name: &str, outline: &MultiPolygon<f64>) -> Result<(), ZonesError> {
        self.buffer.clear();
        Writer(&mut self.buffer).count(id.len());
        self.buffer.extend(id.bytes().chain(name.bytes()));
        self.names.push(&self.buffer).map_err(ZonesError::Temporary)?;
        self.buffer.clear();
        write_outline(outline, &mut self.buffer);
        self.outlines.push(&self.buffer).map_err(ZonesError::Temporary)
    }

    /// Ends the writing.
    pub(crate) fn settle(&mut self) -> Result<(), ZonesError> {
        self.buffer = Vec::new();
        self.names.settle().and_then(|()| self.outlines.settle()).map_err(ZonesError::Temporary)
    }

    pub fn len(&self) -> usize {
        self.outlines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Id and name of a zone.
    ///
    /// # Errors
    /// When a temporary file cannot be read, as for all that is read of zones.
    pub fn name(&self, zone: usize) -> Result<ZoneName, ZonesError> {
        let parse = |bytes: &[u8]| {
            let mut reader = Reader(bytes);
            let len = reader.count();
            let text = std::str::from_utf8(reader.0).expect("what is read is what was written");
            let (id, name) = text.split_at(len);
            ZoneName { id: id.to_owned(), name: name.to_owned() }
        };
        self.names.read(zone, parse).map_err(ZonesError::Temporary)
    }

    /// # Errors
    /// As [`Zones::name`].
    pub fn outline(&self, zone: usize) -> Result<MultiPolygon<f64>, ZonesError> {
        self.outlines.read(zone, read_outline).map_err(ZonesError::Temporary)
    }

    /// All zones, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Result<Zone, ZonesError>> + '_ {
        (0..self.len()).map(|zone| {
            let ZoneName { id, name } = self.name(zone)?;
            Ok(Zone { id, name, outline: self.outline(zone)? })
        })
    }

    /// Zones that follow each other, at most so many with outlines of about so many bytes together.
    pub(crate) fn batches(&self, most: usize, bytes: usize) -> Vec<Range<usize>> {
        let mut batches = Vec::new();
        let (mut start, mut held) = (0, 0);
        for zone in 0..self.len() {
            let size = self.outlines.size(zone);
            if zone > start && (zone - start >= most || held + size > bytes) {
                batches.push(start..zone);
                (start, held) = (zone, 0);
            }
            held += size;
        }
        if start < self.len() {
            batches.push(start..self.len());
        }
        batches
    }
}
