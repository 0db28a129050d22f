//! A folder: an upload is a file that grows, and is renamed when it is whole.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};

use super::{Backend, Claim, Sink, failed};
use crate::{
    Error,
    auth::BoxFuture,
    files::{
        UploadId,
        record::{Parts, Record, data_path},
        work::{Work, steps},
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
    work: Arc<Work>,
}

impl Folder {
    pub(crate) fn open(path: &FilePath, fsync: bool, work: Arc<Work>) -> Result<Self, String> {
        for folder in ["uploads", "files", "infos", "owners"] {
            fs::create_dir_all(path.join(folder)).map_err(|error| error.to_string())?;
        }
        let store = LocalFileSystem::new_with_prefix(path).map_err(|error| error.to_string())?;
        Ok(Self { store: store.with_fsync(fsync), fsync, work })
    }

    fn path(&self, object: &Path) -> Result<PathBuf, Error> {
        self.store.path_to_filesystem(object).map_err(|error| failed(object, error))
    }
}

/// Runs on a thread that may wait for the disk.
async fn wait<T: Send + 'static>(
    threads: &Work,
    object: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    threads.wait(work).await?.map_err(|error| failed(object, error))
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
            wait(&self.work, object, move || {
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
            wait(&self.work, &object, move || File::create_new(path).map(drop)).await
        })
    }

    fn offset<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let object = data_path(record.id);
            let path = self.path(&object)?;
            let length = wait(&self.work, &object, move || Ok(fs::metadata(path)?.len())).await?;
            Ok(record.hold.map_or(length, |verified| verified.min(length)))
        })
    }

    fn append<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<Box<dyn Sink>, Error>> {
        Box::pin(async move {
            let object = data_path(record.id);
            let path = self.path(&object)?;
            let file = wait(&self.work, &object, move || OpenOptions::new().write(true).open(path)).await?;
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
            let sink = wait(&self.work, &object, move || {
                let length = file.metadata()?.len();
                let offset = hold.map_or(length, |verified| verified.min(length));
                file.set_len(offset)?;
                (&file).seek(SeekFrom::Start(offset))?;
                Ok((file, offset))
            });
            let (file, offset) = sink.await?;
            Ok(Box::new(Growing {
                object,
                file: Some(file),
                has_failed: false,
                offset,
                synced: offset,
                fsync,
                work: self.work.clone(),
            }) as Box<dyn Sink>)
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
            wait(&self.work, &target, move || {
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

    fn claim<'a>(&'a self, id: UploadId) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>, Error>> {
        Box::pin(async move {
            let object = Path::from(format!("uploads/{id}.lock"));
            let path = self.path(&object)?;
            let claimed = wait(&self.work, &object, move || {
                let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
                match file.try_lock() {
                    Ok(()) => Ok(Some((file, path))),
                    Err(TryLockError::WouldBlock) => Ok(None),
                    Err(TryLockError::Error(error)) => Err(error),
                }
            });
            let locked = |(file, path)| Box::new(Locked { file, path, work: self.work.clone() }) as Box<dyn Claim>;
            Ok(claimed.await?.map(locked))
        })
    }

    fn discard<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.delete(&data_path(record.id)).await })
    }

    fn delete<'a>(&'a self, object: &'a Path) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let path = self.path(object)?;
            wait(&self.work, object, move || match fs::remove_file(path) {
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

/// A file that is locked for as long as it is open.
struct Locked {
    file: File,
    path: PathBuf,
    work: Arc<Work>,
}

impl Claim for Locked {
    fn release(self: Box<Self>, is_over: bool) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { file, path, work } = *self;
            let release = move || {
                // Before it is unlocked. Whoever has opened it by then, or makes another, finds that there is nothing to do.
                if is_over {
                    let _ = fs::remove_file(path); // Or it is swept.
                }
                drop(file);
            };
            let _ = work.wait(release).await; // It cannot panic.
        })
    }
}

/// A file that grows. Its lock goes with it, also where a write goes on that nobody awaits any more.
struct Growing {
    object: Path,
    /// `None` while something is done with it, and after what was not awaited.
    file: Option<File>,
    /// Whether it may have more bytes than it is said to have, until it is rewound.
    has_failed: bool,
    offset: u64,
    synced: u64,
    fsync: bool,
    work: Arc<Work>,
}

impl Growing {
    fn take(&mut self) -> Result<File, Error> {
        self.file.take().ok_or_else(|| self.lost())
    }

    fn lost(&self) -> Error {
        failed(&self.object, io::Error::other("an earlier write has failed"))
    }
}

impl Sink for Growing {
    fn offset(&self) -> u64 {
        self.offset
    }

    fn write(&mut self, chunks: Vec<Bytes>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            if self.has_failed {
                return Err(self.lost());
            }
            let bytes: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
            let mut file = self.take()?;
            let write = move || {
                let written = steps(&chunks).try_for_each(|step| file.write_all(step));
                (file, written)
            };
            let (file, written) = self.work.busy(write).await?;
            self.file = Some(file);
            self.has_failed = written.is_err();
            written.map_err(|error| failed(&self.object, error))?;
            self.offset += bytes;
            Ok(())
        })
    }

    fn sync(&mut self) -> BoxFuture<'_, Result<Option<Parts>, Error>> {
        Box::pin(async move {
            if self.has_failed {
                return Err(self.lost());
            }
            if self.fsync && self.synced != self.offset {
                let file = self.take()?;
                let sync = move || file.sync_data().map(|()| file);
                self.file = Some(wait(&self.work, &self.object, sync).await?);
            }
            self.synced = self.offset;
            Ok(None)
        })
    }

    fn rewind(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let (mut file, to) = (self.take()?, self.synced);
            let rewind = move || {
                file.set_len(to)?;
                file.seek(SeekFrom::Start(to)).map(|_| file)
            };
            self.file = Some(wait(&self.work, &self.object, rewind).await?);
            (self.offset, self.has_failed) = (to, false);
            Ok(())
        })
    }
}
