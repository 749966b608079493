//! The boundary to GDAL: one-time set-up, and its error messages.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;

use gdal_sys::CPLErr;

/// Bytes of decoded blocks that GDAL may keep for the whole process. Readers ask for whole blocks, so a block is seldom
/// wanted twice; the cache only has to hold the blocks of the windows being read.
const BLOCK_CACHE_BYTES: i64 = 64 << 20;

/// Maximum number of messages kept per call: broken files repeat theirs.
const MAX_MESSAGES: usize = 3;

/// Drivers that read from a network or a database server, raster and vector.
const NETWORK_DRIVERS: &str = "HTTP,WMS,WMTS,WCS,OGCAPI,PLMOSAIC,PLSCENES,EEDAI,EEDA,DAAS,NGW,STACTA,STACIT,WFS,OAPIF,CSW,Carto,\
                               AmigoCloud,Elasticsearch,PostgreSQL,MySQL,ODBC,MSSQLSpatial,MongoDBv3,CouchDB,Cloudant";

/// Sets GDAL up, once for the process: drivers, a block cache of 64 MiB, no network, east-north axis order, truncated JPEG as an
/// error instead of grey pixels, no talk on stderr.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let options = [
            ("OSR_DEFAULT_AXIS_MAPPING_STRATEGY", "TRADITIONAL_GIS_ORDER"),
            ("GDAL_ERROR_ON_LIBJPEG_WARNING", "TRUE"),
            // GeoPackages carry the time of their last change; a fixed one keeps equal runs equal, byte for byte.
            ("OGR_CURRENT_DATE", "1970-01-01T00:00:00.000Z"),
            // Dates in GeoJSON stay the text that they are, such as the ids of zones.
            ("OGR_GEOJSON_DATE_AS_STRING", "YES"),
            // One feature may be as large as its file.
            ("OGR_GEOJSON_MAX_OBJ_SIZE", "0"),
            // A file may name sources elsewhere: nothing is fetched from any network.
            ("GDAL_SKIP", NETWORK_DRIVERS),
            ("CPL_VSIL_CURL_ALLOWED_FILENAME", "none"),
            // A staged file is synced once, when it is whole.
            ("OGR_SQLITE_SYNCHRONOUS", "OFF"),
        ];
        for (key, value) in options {
            if let Err(e) = gdal::config::set_config_option(key, value) {
                tracing::warn!("GDAL option {key} is not set: {e}");
            }
        }
        gdal::config::set_error_handler(|_, number, message| tracing::debug!("GDAL {number}: {message}"));
        gdal::DriverManager::register_all();
        // SAFETY: a plain setter; GDAL is initialised above.
        unsafe { gdal_sys::GDALSetCacheMax64(BLOCK_CACHE_BYTES) };
    });
}

/// Runs GDAL calls and collects the failures that GDAL reports on this thread meanwhile. Many of its functions, closing
/// a written file among them, report a failure in no other way.
pub(crate) fn collect<R>(calls: impl FnOnce() -> R) -> (R, Option<String>) {
    init();
    let messages: RefCell<Vec<String>> = RefCell::default();
    let result = {
        let _guard = Handler::push(&messages);
        calls()
    };
    let messages = messages.into_inner();
    (result, (!messages.is_empty()).then(|| messages.join("; ")))
}

/// As [`collect`], for calls whose own result says whether they failed: the reported failures explain it.
pub(crate) fn explain<R, E: std::fmt::Display>(calls: impl FnOnce() -> Result<R, E>) -> Result<R, String> {
    let (result, message) = collect(calls);
    result.map_err(|e| message.unwrap_or_else(|| e.to_string()))
}

/// As [`explain`], and any failure reported counts, whatever the calls returned.
pub(crate) fn strictly<R, E: std::fmt::Display>(calls: impl FnOnce() -> Result<R, E>) -> Result<R, String> {
    let (result, message) = collect(calls);
    match (result, message) {
        (Ok(value), None) => Ok(value),
        (_, Some(message)) => Err(message),
        (Err(e), None) => Err(e.to_string()),
    }
}

/// An error handler pushed for this thread, popped on drop.
struct Handler;

impl Handler {
    fn push(messages: &RefCell<Vec<String>>) -> Self {
        let data = std::ptr::from_ref(messages).cast_mut().cast::<c_void>();
        // SAFETY: the handler is thread-local and popped by `Drop` before `messages` goes out of scope.
        unsafe { gdal_sys::CPLPushErrorHandlerEx(Some(on_error), data) };
        Self
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // SAFETY: pops what `push` pushed on this thread.
        unsafe { gdal_sys::CPLPopErrorHandler() };
    }
}

unsafe extern "C" fn on_error(class: CPLErr::Type, number: c_int, message: *const c_char) {
    if message.is_null() {
        return;
    }
    // SAFETY: GDAL hands a C string that lives for this call.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    tracing::debug!("GDAL {number}: {text}");
    if class < CPLErr::CE_Failure {
        return;
    }
    // SAFETY: the user data is the `RefCell` that `Handler::push` was given, alive until the handler is popped, and
    // handlers are per thread, so nobody else borrows it.
    let messages = unsafe { gdal_sys::CPLGetErrorHandlerUserData().cast::<RefCell<Vec<String>>>().as_ref() };
    if let Some(cell) = messages
        && let Ok(mut list) = cell.try_borrow_mut()
        && list.len() < MAX_MESSAGES
    {
        let text = text.trim().to_owned();
        if !list.contains(&text) {
            list.push(text);
        }
    }
}
