//! Leases: only one process writes an output at a time, on this machine or another that shares the disk.
//!
//! A lease is the file `.NAME.lock` beside the output. On one machine (in any container or process namespace) its holder is
//! known to live by the lock that the system keeps on the file and drops when the process ends. From another machine the
//! holder is known to live by the file's time, which the holder renews.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{FileError, live};

const FORMAT: &str = "areal-lease/1";

/// How often a holder renews the time of its lease.
const RENEWED: Duration = Duration::from_secs(10);

/// A holder on another machine that has not renewed its lease for so long is taken for dead.
const EXPIRED: Duration = Duration::from_mins(2);

/// How often a lease that vanishes while it is taken is tried again.
const ATTEMPTS: usize = 20;

/// The right to write an output; given back when dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct Lease {
    target: PathBuf,
    path: PathBuf,
    /// Holds the system's lock as long as it is open.
    _file: File,
    holder: Holder,
    renewal: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    format: String,
    host: String,
    /// Changes whenever the machine starts; two machines never share it.
    boot_id: String,
    pid: u32,
    /// Seconds since 1970, by the holder's clock.
    since: u64,
    /// Tells apart two leases of one process.
    nonce: String,
}

impl Holder {
    fn own() -> Self {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = std::hash::RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        hasher.write_u128(since.as_nanos());
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            format: FORMAT.to_owned(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            boot_id: boot_id.trim().to_owned(),
            pid: std::process::id(),
            since: since.as_secs(),
            nonce: format!("{:016x}", hasher.finish()),
        }
    }

    fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text)).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write(&self, file: &mut File) -> std::io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()
    }
}

/// Where the lease of an output lies: `.NAME.lock` beside it.
pub(crate) fn lease_path(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.lock"))
}

impl Lease {
    /// Takes the lease of an output, whose folder exists.
    ///
    /// # Errors
    /// [`FileError::Busy`] at once when another process holds it; when the lease cannot be written.
    pub fn take(target: &Path) -> Result<Self, FileError> {
        let path = lease_path(target);
        let fault = |e| FileError::io("create", target)(e);
        for _ in 0..ATTEMPTS {
            let file =
                File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
            if let Some(lease) = Self::claim(target, &path, file)? {
                return Ok(lease);
            }
        }
        Err(FileError::Busy { path: target.to_path_buf(), holder: "another process".to_owned() })
    }

    /// Takes a lease by its open file; `None` when the file was removed meanwhile by the one who held it.
    fn claim(target: &Path, path: &Path, mut file: File) -> Result<Option<Self>, FileError> {
        let fault = |e| FileError::io("create", target)(e);
        let locks = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(busy(target, Holder::read(&mut file).as_ref())),
            // A file system without locks: the time of the lease alone tells.
            Err(TryLockError::Error(_)) => false,
        };
        let same = fs::metadata(path)
            .is_ok_and(|at| file.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (at.dev(), at.ino())));
        if !same {
            return Ok(None);
        }
        let own = Holder::own();
        let before = Holder::read(&mut file);
        if let Some(before) = &before {
            let here = !own.boot_id.is_empty() && before.boot_id == own.boot_id;
            if !(here && locks) && age(&file, path).map_err(fault)? < EXPIRED {
                return Err(busy(target, Some(before)));
            }
        }
        own.write(&mut file).map_err(fault)?;
        let renewed = file.try_clone().map_err(fault)?;
        let renewal = renew(renewed).map_err(fault)?;
        live::note(path);
        Ok(Some(Self {
            target: target.to_path_buf(),
            path: path.to_path_buf(),
            _file: file,
            holder: own,
            renewal: Some(renewal),
        }))
    }

    /// Tells this lease from all others: 16 hexadecimal digits.
    pub(crate) fn nonce(&self) -> &str {
        &self.holder.nonce
    }

    /// For use with `?` before an output is put in its place.
    ///
    /// # Errors
    /// [`FileError::Busy`] when another process took the lease because this one was stopped for long.
    pub fn check(&self) -> Result<(), FileError> {
        let now = File::open(&self.path).ok().and_then(|mut file| Holder::read(&mut file));
        if now.as_ref().is_some_and(|now| now.nonce == self.holder.nonce) {
            return Ok(());
        }
        Err(busy(&self.target, now.as_ref()))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.renewal.take() {
            drop(stop);
            // Nothing in it can panic, and whatever it did is over.
            let _ = thread.join();
        }
        live::forget(&self.path);
        if self.check().is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A thread that renews the time of a lease until its sender is dropped.
fn renew(file: File) -> std::io::Result<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::Builder::new().name("lease".to_owned()).stack_size(64 << 10).spawn(move || {
        while stopped.recv_timeout(RENEWED) == Err(RecvTimeoutError::Timeout) {
            // One that fails is made up for by the next; after two minutes of failures `check` tells.
            let _ = touch(&file);
        }
    })?;
    Ok((stop, thread))
}

/// Sets a file's time to now, by the clock of the file system.
fn touch(file: &File) -> rustix::io::Result<()> {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    rustix::fs::futimens(file, &rustix::fs::Timestamps { last_access: now, last_modification: now })
}

/// How long ago a lease was renewed, by the clock of the file system: a new file beside it tells the time.
fn age(file: &File, path: &Path) -> std::io::Result<Duration> {
    let probe = path.with_extension(format!("lock-{}", std::process::id()));
    let now = File::create(&probe).and_then(|file| file.metadata()).and_then(|m| m.modified());
    let _ = fs::remove_file(&probe);
    Ok(now?.duration_since(file.metadata()?.modified()?).unwrap_or_default())
}

fn busy(target: &Path, holder: Option<&Holder>) -> FileError {
    let holder = holder.map_or_else(
        || "another process".to_owned(),
        |h| {
            let since = SystemTime::UNIX_EPOCH + Duration::from_secs(h.since);
            let for_seconds = SystemTime::now().duration_since(since).unwrap_or_default().as_secs();
            format!("process {} on {}, started {for_seconds} s ago", h.pid, h.host)
        },
    );
    FileError::Busy { path: target.to_path_buf(), holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(path: &Path) -> Holder {
        Holder::read(&mut File::open(path).unwrap()).unwrap()
    }

    fn left_behind(path: &Path, change: impl Fn(&mut Holder), age: Duration) {
        let mut holder = Holder::own();
        change(&mut holder);
        let mut file = File::options().create(true).write(true).truncate(true).open(path).unwrap();
        holder.write(&mut file).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_second_writer_is_refused_and_told_who_writes() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        let first = Lease::take(&target).unwrap();
        let said = Lease::take(&target).unwrap_err().to_string();
        let pid = std::process::id();
        let host = holder(&lease_path(&target)).host;
        assert!(said.contains(&format!("is being written by process {pid} on {host}, started 0 s ago")), "{said}");
        first.check().unwrap();
        drop(first);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        Lease::take(&target).unwrap();
    }

    #[test]
    fn a_lease_of_a_dead_process_of_this_machine_is_taken_at_once() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        // A process of another namespace may have our own number.
        left_behind(&lease_path(&target), |_| (), Duration::ZERO);
        let lease = Lease::take(&target).unwrap();
        assert_eq!(holder(&lease_path(&target)), lease.holder);
    }

    #[test]
    fn a_lease_of_another_machine_holds_until_it_expires() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        let other = |holder: &mut Holder| {
            holder.host = "node7".to_owned();
            holder.boot_id = "another".to_owned();
        };
        left_behind(&lease_path(&target), other, Duration::from_secs(30));
        let said = Lease::take(&target).unwrap_err().to_string();
        assert!(said.contains("on node7"), "{said}");
        left_behind(&lease_path(&target), other, EXPIRED + Duration::from_secs(1));
        Lease::take(&target).unwrap();
    }

    #[test]
    fn a_process_that_lost_its_lease_learns_of_it_before_it_commits() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        let lease = Lease::take(&target).unwrap();
        left_behind(&lease_path(&target), |holder| holder.host = "node7".to_owned(), Duration::ZERO);
        assert!(lease.check().unwrap_err().to_string().contains("on node7"));
        drop(lease);
        assert!(lease_path(&target).exists(), "it is the other's now");
    }
}
