//! A folder: an upload is a file that grows, and is renamed when it is whole.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path as FilePath, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};

use super::{Backend, Sink, failed};
use crate::{
    Error,
    auth::BoxFuture,
    files::{
        UploadId,
        record::{Parts, Record, data_path},
    },
};

/// How often, and how long apart, a file is asked for that somebody else has locked: a write that nobody awaits any more
/// ends soon, another process may take long.
const LOCK_ATTEMPTS: (u32, Duration) = (40, Duration::from_millis(50));

/// How the names of files end that are on their way to others.
pub(crate) const TEMPORARY: &str = ".tmp";

pub(crate) struct Folder {
    store: LocalFileSystem,
    fsync: bool,
}

impl Folder {
    pub(crate) fn open(path: &FilePath, fsync: bool) -> Result<Self, String> {
        for folder in ["uploads", "files", "infos", "owners"] {
            fs::create_dir_all(path.join(folder)).map_err(|error| error.to_string())?;
        }
        let store = LocalFileSystem::new_with_prefix(path).map_err(|error| error.to_string())?;
        Ok(Self { store: store.with_fsync(fsync), fsync })
    }

    fn path(&self, object: &Path) -> Result<PathBuf, Error> {
        self.store.path_to_filesystem(object).map_err(|error| failed(object, error))
    }
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static>(
    object: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let result = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    result.map_err(|error| failed(object, error))
}

impl Backend for Folder {
    fn objects(&self) -> &dyn ObjectStore {
        &self.store
    }

    fn put<'a>(&'a self, object: &'a Path, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            // Where it is swept if the server is killed meanwhile, which the store's own temporary files are not.
            let new = self.path(&Path::from(format!("uploads/{}{TEMPORARY}", UploadId::random())))?;
            let (to, fsync) = (self.path(object)?, self.fsync);
            blocking(object, move || {
                let write = || {
                    let mut file = File::create_new(&new)?;
                    file.write_all(&bytes)?;
                    if fsync {
                        file.sync_all()?;
                    }
                    move_to(&new, &to, fsync)
                };
                write().inspect_err(|_| {
                    let _ = fs::remove_file(&new); // Or it is swept.
                })
            })
            .await
        })
    }

    fn create<'a>(&'a self, record: &'a mut Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let object = data_path(record.id);
            let path = self.path(&object)?;
            blocking(&object, move || File::create_new(path).map(drop)).await
        })
    }

    fn offset<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let object = data_path(record.id);
            let path = self.path(&object)?;
            let length = blocking(&object, move || Ok(fs::metadata(path)?.len())).await?;
            Ok(record.hold.map_or(length, |verified| verified.min(length)))
        })
    }

    fn append<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<Box<dyn Sink>, Error>> {
        Box::pin(async move {
            let object = data_path(record.id);
            let path = self.path(&object)?;
            let file = blocking(&object, move || OpenOptions::new().write(true).open(path)).await?;
            for attempt in 1.. {
                match file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS.0 => {
                        tokio::time::sleep(LOCK_ATTEMPTS.1).await;
                    }
                    Err(TryLockError::WouldBlock) => return Err(Error::new(423, "the upload is being written to")),
                    Err(TryLockError::Error(error)) => return Err(failed(&object, error)),
                }
            }
            let (hold, fsync) = (record.hold, self.fsync);
            let sink = blocking(&object, move || {
                let length = file.metadata()?.len();
                let offset = hold.map_or(length, |verified| verified.min(length));
                file.set_len(offset)?;
                (&file).seek(SeekFrom::Start(offset))?;
                Ok((file, offset))
            });
            let (file, offset) = sink.await?;
            Ok(Box::new(Growing { object, file: Some(file), offset, synced: offset, fsync }) as Box<dyn Sink>)
        })
    }

    fn publish<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (object, target) = (data_path(record.id), record.target());
            if object == target {
                return Ok(());
            }
            let (from, to) = (self.path(&object)?, self.path(&target)?);
            let fsync = self.fsync;
            blocking(&target, move || {
                if !from.try_exists()? && to.try_exists()? {
                    return Ok(()); // Renamed before the server was killed.
                }
                if fsync {
                    File::open(&from)?.sync_all()?;
                }
                move_to(&from, &to, fsync)
            })
            .await
        })
    }

    fn discard<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let object = data_path(record.id);
            let path = self.path(&object)?;
            blocking(&object, move || match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            })
            .await
        })
    }
}

fn move_to(from: &FilePath, to: &FilePath, fsync: bool) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    fs::create_dir_all(folder)?;
    fs::rename(from, to)?;
    if fsync { sync_folder(folder) } else { Ok(()) }
}

/// The rename itself must outlive a loss of power.
fn sync_folder(folder: &FilePath) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// A file that grows. Its lock goes with it, also where a write goes on that nobody awaits any more.
struct Growing {
    object: Path,
    /// `None` after a write that failed or was not awaited.
    file: Option<File>,
    offset: u64,
    synced: u64,
    fsync: bool,
}

impl Growing {
    async fn with_file(&mut self, work: impl FnOnce(&File) -> io::Result<()> + Send + 'static) -> Result<(), Error> {
        let lost = || failed(&self.object, io::Error::other("an earlier write has failed"));
        let file = self.file.take().ok_or_else(lost)?;
        let work = move || work(&file).map(|()| file);
        self.file = Some(blocking(&self.object, work).await?);
        Ok(())
    }
}

impl Sink for Growing {
    fn offset(&self) -> u64 {
        self.offset
    }

    fn write(&mut self, chunks: Vec<Bytes>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let bytes: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
            self.with_file(move |mut file| chunks.iter().try_for_each(|chunk| file.write_all(chunk))).await?;
            self.offset += bytes;
            Ok(())
        })
    }

    fn sync(&mut self) -> BoxFuture<'_, Result<Option<Parts>, Error>> {
        Box::pin(async move {
            if self.fsync && self.synced != self.offset {
                self.with_file(File::sync_data).await?;
            }
            self.synced = self.offset;
            Ok(None)
        })
    }

    fn rewind(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let to = self.synced;
            self.with_file(move |mut file| {
                file.set_len(to)?;
                file.seek(SeekFrom::Start(to)).map(drop)
            })
            .await?;
            self.offset = to;
            Ok(())
        })
    }
}
