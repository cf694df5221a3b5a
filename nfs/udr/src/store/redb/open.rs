//! Opening the file: damage and newer versions are found before anything is written to it.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::redb::{Builder, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable};

use super::seal::Sealer;
use super::{CONTEXTS, KEYS, META, PROFILES, SEQUENCES, failed};
use crate::store::StoreError;

/// Version of the layout that this program writes.
const VERSION: u64 = 1;

/// An open store.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) sealer: Sealer,
    /// Number of this opening; durable.
    pub(super) start: u64,
}

/// Opens the store in `file`, or makes it together with its key.
pub(super) fn open(file: &Path, key_file: &Path, cache: usize) -> Result<Opened, StoreError> {
    let (database, sealer) = match file.exists() {
        true => {
            recover(file)?;
            (writable(file, cache)?, Sealer::read(key_file)?)
        }
        false => create(file, key_file, cache)?,
    };
    let start = begin(&database, &sealer).map_err(|why| unusable(file, why))?;
    Ok(Opened { database, sealer, start })
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError::File { path: path.to_owned(), why: why.to_string() }
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> StoreError {
    unusable(
        path,
        format_args!(
            "not a usable subscriber store ({why}). It is left as it is: restore a backup, or move it away to begin anew"
        ),
    )
}

/// Makes a store under another name and moves it into place when it is complete.
fn create(file: &Path, key_file: &Path, cache: usize) -> Result<(Database, Sealer), StoreError> {
    let sealer = if key_file.exists() { Sealer::read(key_file)? } else { Sealer::create(key_file)? };
    let unfinished = beside(file, "new");
    let _ = fs::remove_file(&unfinished); // left by a start that was killed
    private(&unfinished)?;
    let database = writable(&unfinished, cache)?;
    let transaction = database.begin_write().map_err(failed)?;
    {
        let mut meta = transaction.open_table(META).map_err(failed)?;
        meta.insert("version", VERSION.to_be_bytes().as_slice()).map_err(failed)?;
        meta.insert("start", 0u64.to_be_bytes().as_slice()).map_err(failed)?;
        meta.insert("seal", sealer.mark()?.as_slice()).map_err(failed)?;
        transaction.open_table(KEYS).map_err(failed)?;
        transaction.open_table(PROFILES).map_err(failed)?;
        transaction.open_table(SEQUENCES).map_err(failed)?;
        transaction.open_table(CONTEXTS).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    fs::rename(&unfinished, file).map_err(|why| unusable(file, why))?;
    sync_directory(file)?;
    Ok((database, sealer))
}

/// An empty file that only its owner can read.
fn private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|why| unusable(path, why))
}

/// Checks the file without writing to it. One that was not closed is recovered in a copy, which then takes its place.
fn recover(file: &Path) -> Result<(), StoreError> {
    let opened = guarded(file, || ReadOnlyDatabase::open(file));
    match opened? {
        Ok(database) => check(file, database.begin_read().map_err(|why| damaged(file, why))),
        Err(DatabaseError::RepairAborted) => {
            let copy = beside(file, "recovering");
            let recovered = recover_copy(file, &copy);
            if recovered.is_err() {
                let _ = fs::remove_file(&copy); // the error is the one to tell
            }
            recovered
        }
        Err(DatabaseError::DatabaseAlreadyOpen) => {
            Err(unusable(file, "in use by another process: is a UDR of this core running already?"))
        }
        Err(why) => Err(damaged(file, why)),
    }
}

fn recover_copy(file: &Path, copy: &Path) -> Result<(), StoreError> {
    let _ = fs::remove_file(copy); // left by a start that was killed
    private(copy)?;
    fs::copy(file, copy).map_err(|why| unusable(copy, why))?;
    let database = match guarded(file, || Database::open(copy))? {
        Ok(database) => database,
        Err(why) => return Err(damaged(file, why)),
    };
    check(file, database.begin_read().map_err(|why| damaged(file, why)))?;
    drop(database);
    File::open(copy).and_then(|copy| copy.sync_all()).map_err(|why| unusable(copy, why))?;
    fs::rename(copy, file).map_err(|why| unusable(file, why))?;
    sync_directory(file)
}

/// Damage can make the library panic where it trusts its own pages; that is an answer too.
fn guarded<T>(file: &Path, open: impl FnOnce() -> T) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(open)).map_err(|_| damaged(file, "its structure is broken"))
}

/// Whether the layout is one this program knows.
fn check(file: &Path, transaction: Result<ReadTransaction, StoreError>) -> Result<(), StoreError> {
    let transaction = transaction?;
    let read = || -> Result<Option<u64>, StoreError> {
        let meta = transaction.open_table(META).map_err(|why| damaged(file, why))?;
        let version = meta.get("version").map_err(|why| damaged(file, why))?;
        Ok(version.and_then(|version| number(version.value())))
    };
    match guarded(file, read)?? {
        Some(VERSION) => Ok(()),
        Some(other) => Err(unusable(
            file,
            format_args!(
                "a store of version {other}; this program knows version {VERSION}. It is left as it is: use the program that made it"
            ),
        )),
        None => Err(damaged(file, "no version")),
    }
}

fn writable(file: &Path, cache: usize) -> Result<Database, StoreError> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    guarded(file, || builder.create(file))?.map_err(|why| unusable(file, why))
}

/// Counts this opening, before anything is answered from it.
fn begin(database: &Database, sealer: &Sealer) -> Result<u64, StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    let start = {
        let mut meta = transaction.open_table(META).map_err(failed)?;
        let mark = meta.get("seal").map_err(failed)?.map(|mark| mark.value().to_vec()).unwrap_or_default();
        if !sealer.recognises(&mark) {
            return Err(StoreError::Failed("the key file is not the one this store was made with".into()));
        }
        let last = meta.get("start").map_err(failed)?.and_then(|start| number(start.value()));
        let start = last.ok_or_else(|| StoreError::Failed("no start count".into()))?.saturating_add(1);
        meta.insert("start", start.to_be_bytes().as_slice()).map_err(failed)?;
        start
    };
    transaction.commit().map_err(failed)?;
    Ok(start)
}

fn number(octets: &[u8]) -> Option<u64> {
    octets.try_into().ok().map(u64::from_be_bytes)
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn sync_directory(file: &Path) -> Result<(), StoreError> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|why| unusable(directory, why))
}
