//! The files that a raster or layer is read from: beside the one that is named, those that say where it lies, what it
//! masks, what its attributes are, and what a virtual raster is made of.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::ffi::CStr;
use std::path::{Path, PathBuf};

use areal_formats::{InputRef, input_file};
use areal_job::hash_bytes;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata};

use crate::RasterError;
use crate::attribute_table::table_beside;
use crate::gdal_call::explain;
use crate::side_file::{adds_nothing, meaning};
use crate::vrt::{self, VrtSource};

/// The files on disk that a raster or layer is read from: its own first, then its companions by name.
///
/// Companions are the `.dbf`, `.shx`, `.prj` and `.cpg` of a shapefile; the mask, overviews, world file and `.aux.xml`
/// of a raster, its table of classes (`.vat.dbf`), but no `.aux.xml` that adds only statistics; the sources of a VRT, and theirs. A folder, or a file that GDAL does not open, is by itself. A raster
/// inside a file (`NETCDF:"x.nc":v`) or an archive (`/vsizip/x.zip/a.tif`) is given by the file that holds it.
///
/// # Errors
/// [`RasterError::NotOnDisk`] when a part of it is not a local file.
pub fn companions(path: &Path) -> Result<Vec<PathBuf>, RasterError> {
    let mut walk = CompanionSearch::default();
    let opened = walk.visit(path)?;
    if walk.found.is_empty() {
        return if opened { Err(not_on_disk(path)) } else { Ok(vec![path.to_path_buf()]) };
    }
    walk.found[1..].sort();
    Ok(walk.found)
}

/// Describes an input by the digests of all [`companions`]. That of an `.aux.xml` is of what it says beside statistics, which viewers
/// write.
///
/// # Errors
/// As [`companions`], and when a file cannot be read.
pub fn input_file_with_companions(path: &Path) -> Result<InputRef, RasterError> {
    let files = companions(path)?;
    let (own, others) = files.split_first().ok_or_else(|| not_on_disk(path))?;
    let mut input = input_file(own)?.with_companions(others)?;
    for companion in &mut input.companions {
        if let Some(text) = meaning(&companion.path) {
            (companion.sha256, companion.bytes) = (hash_bytes(text.as_bytes()), text.len() as u64);
        }
    }
    Ok(input.into())
}

fn not_on_disk(path: &Path) -> RasterError {
    RasterError::NotOnDisk { path: path.to_path_buf() }
}

#[derive(Default)]
struct CompanionSearch {
    found: Vec<PathBuf>,
    /// By their real paths: a VRT may name a file in another way, or itself.
    seen: HashSet<PathBuf>,
}

impl CompanionSearch {
    /// Adds what a name stands for and all that it is read from. False when GDAL does not open it.
    fn visit(&mut self, name: &Path) -> Result<bool, RasterError> {
        if !self.seen.insert(real(name)) {
            return Ok(true);
        }
        let file = on_disk(name);
        if file.is_none() && name.to_string_lossy().starts_with("/vsi") {
            return Err(not_on_disk(name));
        }
        if let Some(file) = file {
            // An archive counts once, whatever is read from it.
            if file == name || self.seen.insert(real(&file)) {
                self.found.push(file);
            }
        }
        if name.is_dir() {
            return Ok(false);
        }
        let Some(parts) = parts(name)? else { return Ok(false) };
        for part in parts.iter().filter(|part| !adds_nothing(part)) {
            self.visit(part)?;
        }
        // A table of its classes, which GDAL does not list.
        if let Some(table) = table_beside(name) {
            self.visit(&table)?;
        }
        Ok(true)
    }
}

fn real(name: &Path) -> PathBuf {
    std::fs::canonicalize(name).unwrap_or_else(|_| name.to_path_buf())
}

/// The file or folder of this machine that holds what GDAL knows by `name`.
fn on_disk(name: &Path) -> Option<PathBuf> {
    if name.exists() {
        return Some(name.to_path_buf());
    }
    // Archives may be nested (/vsitar//vsigzip/x.tar.gz/a.tif) and set in braces (/vsizip/{x.zip}/a.tif).
    let text = name.to_str()?;
    let mut inner = text;
    while let Some(after) = inner.strip_prefix("/vsi") {
        inner = after.split_once('/')?.1;
        if let Some(braced) = inner.strip_prefix('{') {
            inner = braced.rsplit_once('}')?.0;
        }
    }
    if inner == text {
        return None;
    }
    Path::new(inner).ancestors().find(|p| p.is_file()).map(Path::to_path_buf)
}

/// What GDAL says that a dataset consists of; `None` when it opens no such dataset.
fn parts(name: &Path) -> Result<Option<Vec<PathBuf>>, RasterError> {
    if name.is_file() && name.extension().is_some_and(|e| e.eq_ignore_ascii_case("geojson")) {
        // It has no companions, and to open it GDAL reads all of it.
        return Ok(Some(Vec::new()));
    }
    let open_flags = GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY;
    let opened = explain(|| Dataset::open_ex(name, DatasetOptions { open_flags, ..Default::default() }));
    let Ok(dataset) = opened else { return Ok(None) };
    let mut parts = file_list(&dataset);
    let folder = name.parent().unwrap_or(Path::new(""));
    for document in dataset.metadata_domain("xml:VRT").into_iter().flatten() {
        let files = vrt_files(&document, folder);
        parts.extend(files.map_err(|message| RasterError::Open { path: name.to_path_buf(), message })?);
    }
    Ok(Some(parts))
}

fn file_list(dataset: &Dataset) -> Vec<PathBuf> {
    let mut names = Vec::new();
    // SAFETY: the dataset is open; the list is GDAL's own copy, ends with a null pointer, holds C strings, and is
    // destroyed once they are copied.
    unsafe {
        let list = gdal_sys::GDALGetFileList(dataset.c_dataset());
        let mut at = list;
        while !at.is_null() && !(*at).is_null() {
            names.push(PathBuf::from(CStr::from_ptr(*at).to_string_lossy().into_owned()));
            at = at.add(1);
        }
        gdal_sys::CSLDestroy(list);
    }
    names
}

/// Files that the sources of a VRT are read from. GDAL's list leaves out those that are rasters inside a file, such as
/// `NETCDF:"x.nc":v`: of these, the part of the name that is a file.
fn vrt_files(document: &str, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let file = |VrtSource { name, is_relative, .. }: VrtSource| {
        let place = |part: &str| if is_relative { folder.join(part) } else { PathBuf::from(part) };
        let parts = std::iter::once(name.as_str()).chain(name.split([':', '"']));
        let file = parts.filter(|part| !part.is_empty()).map(place).find(|file| file.is_file());
        // A remote source is left to be refused by its name.
        file.or_else(|| name.starts_with("/vsi").then(|| PathBuf::from(&name)))
    };
    Ok(vrt::sources(document)?.into_iter().filter_map(file).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gdal::DriverManager;
    use gdal::spatial_ref::SpatialRef;
    use gdal::vector::{LayerAccess, LayerOptions, OGRwkbGeometryType};

    use super::*;

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    fn shapefile(path: &Path) {
        crate::gdal_call::init();
        let mut dataset =
            DriverManager::get_driver_by_name("ESRI Shapefile").unwrap().create_vector_only(path).unwrap();
        let srs = SpatialRef::from_epsg(32648).unwrap();
        let options = LayerOptions {
            name: "zones",
            srs: Some(&srs),
            ty: OGRwkbGeometryType::wkbPoint,
            options: Some(&["ENCODING=UTF-8"]),
        };
        let layer = dataset.create_layer(options).unwrap();
        layer.create_defn_fields(&[("id", gdal::vector::OGRFieldType::OFTInteger)]).unwrap();
        dataset.close().unwrap();
    }

    fn tif(path: &Path) {
        crate::gdal_call::init();
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        driver.create_with_band_type::<u8, _>(path, 4, 4, 1).unwrap().close().unwrap();
    }

    fn vrt(path: &Path, source: &str) {
        let text = format!(
            "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>\
             <SourceFilename relativeToVRT=\"1\">{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>\
             </VRTRasterBand></VRTDataset>"
        );
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_shapefile_is_all_of_its_files_and_a_changed_attribute_table_changes_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zones.shp");
        shapefile(&path);
        assert_eq!(
            names(&companions(&path).unwrap()),
            ["zones.shp", "zones.cpg", "zones.dbf", "zones.prj", "zones.shx"]
        );
        let own = |path: &Path| input_file_with_companions(path).unwrap().local().unwrap().clone();
        let before = own(&path);
        assert_eq!(before.sha256, areal_job::hash_file(&path).unwrap(), "as sha256sum prints it");
        let dbf = path.with_extension("dbf");
        let mut table = fs::read(&dbf).unwrap();
        table[1] ^= 1; // the year of the last change
        fs::write(&dbf, table).unwrap();
        let after = own(&path);
        assert_eq!(after.sha256, before.sha256);
        assert_ne!(after.digest(), before.digest());
    }

    /// What changes the reading of a raster; an `.aux.xml` with statistics alone is no companion.
    const NAMES_OF_CLASSES: &str = "<PAMDataset><PAMRasterBand band=\"1\"><CategoryNames><Category>water</Category>\
        </CategoryNames></PAMRasterBand></PAMDataset>";

    #[test]
    fn a_raster_is_also_its_mask_overviews_world_file_and_metadata() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        tif(&path);
        assert_eq!(companions(&path).unwrap(), std::slice::from_ref(&path));
        for beside in ["a.tif.msk", "a.tif.ovr"] {
            let beside = folder.path().join(beside);
            tif(&folder.path().join("b.tif"));
            fs::rename(folder.path().join("b.tif"), beside).unwrap();
        }
        fs::write(folder.path().join("a.tfw"), "10\n0\n0\n-10\n500005\n1999995\n").unwrap();
        fs::write(folder.path().join("a.tif.aux.xml"), NAMES_OF_CLASSES).unwrap();
        let all = companions(&path).unwrap();
        assert_eq!(names(&all), ["a.tif", "a.tfw", "a.tif.aux.xml", "a.tif.msk", "a.tif.ovr"]);
    }

    #[test]
    fn a_vrt_is_also_its_sources_and_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("outer.vrt"), folder.path().join("inner.vrt"));
        tif(&folder.path().join("a.tif"));
        fs::write(folder.path().join("a.tif.aux.xml"), NAMES_OF_CLASSES).unwrap();
        vrt(&inner, "a.tif");
        vrt(&outer, "inner.vrt");
        assert_eq!(names(&companions(&outer).unwrap()), ["outer.vrt", "a.tif", "a.tif.aux.xml", "inner.vrt"]);
        vrt(&inner, "GTIFF_DIR:1:a.tif");
        assert_eq!(names(&companions(&outer).unwrap()), ["outer.vrt", "a.tif", "a.tif.aux.xml", "inner.vrt"]);
        // Only a reader of XML finds this one: single quotes, a comment before it, an entity in its name.
        fs::rename(folder.path().join("a.tif"), folder.path().join("a & b.tif")).unwrap();
        fs::remove_file(folder.path().join("a.tif.aux.xml")).unwrap();
        vrt(&inner, "GTIFF_DIR:1:a &amp; b.tif");
        let text = fs::read_to_string(&inner).unwrap().replace("relativeToVRT=\"1\"", "relativeToVRT='1'");
        fs::write(&inner, text.replace("<SimpleSource>", "<!-- <SourceFilename> --><SimpleSource>")).unwrap();
        assert_eq!(names(&companions(&outer).unwrap()), ["outer.vrt", "a & b.tif", "inner.vrt"]);
        // A VRT of itself ends.
        vrt(&inner, "outer.vrt");
        assert_eq!(names(&companions(&outer).unwrap()), ["outer.vrt", "inner.vrt"]);
    }

    #[test]
    fn what_gdal_does_not_open_is_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("note.txt");
        fs::write(&note, "abc").unwrap();
        assert_eq!(companions(&note).unwrap(), [note]);
        assert_eq!(companions(folder.path()).unwrap(), [folder.path()]);
        let missing = Path::new("nowhere.tif");
        let error = input_file_with_companions(missing).unwrap_err().to_string();
        assert!(error.contains("cannot read nowhere.tif"), "{error}");
    }

    #[test]
    fn a_raster_inside_a_file_or_archive_is_the_file_that_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        tif(&path);
        let inside = PathBuf::from(format!("GTIFF_DIR:1:{}", path.display()));
        assert_eq!(companions(&inside).unwrap(), [path]);
        let archive = folder.path().join("x.zip");
        fs::write(&archive, "").unwrap();
        let at = archive.display();
        for name in
            [format!("/vsizip/{at}/a/b.tif"), format!("/vsizip/{{{at}}}/a.tif"), format!("/vsitar//vsigzip/{at}/b")]
        {
            assert_eq!(on_disk(Path::new(&name)).as_deref(), Some(archive.as_path()), "{name}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let remote = "/vsicurl/https://example.invalid/a.tif";
        let error = companions(Path::new(remote)).unwrap_err();
        assert!(matches!(&error, RasterError::NotOnDisk { path } if path == Path::new(remote)), "{error}");
        let path = folder.path().join("a.vrt");
        vrt(&path, remote);
        assert!(matches!(companions(&path), Err(RasterError::NotOnDisk { path }) if path == Path::new(remote)));
    }
}
