//! Reading objects as they come.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    ops::Range,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, path::Path};

use super::failed;
use crate::Error;

/// Bytes that are read from a file at a time.
const BLOCK: u64 = 256 * 1024;

/// Bytes as they are read.
pub(crate) type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// A range of an object; `None` if there is no such object.
pub(crate) async fn read(store: &dyn ObjectStore, path: &Path, range: Range<u64>) -> Result<Option<ByteStream>, Error> {
    if range.is_empty() {
        return Ok(Some(stream::empty().boxed()));
    }
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    let result = match store.get_opts(path, options).await {
        Ok(result) => result,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(path, error)),
    };
    let path = path.clone();
    Ok(Some(match result.payload {
        GetResultPayload::Stream(stream) => stream.map_err(move |error| failed(&path, error)).boxed(),
        GetResultPayload::File(file, _) => from_file(file, path, result.range),
    }))
}

/// The store itself would read 8 KiB at a time.
fn from_file(file: File, path: Path, range: Range<u64>) -> ByteStream {
    let next = move |(mut file, at): (File, u64)| {
        let (path, end) = (path.clone(), range.end);
        async move {
            if at >= end {
                return Ok(None);
            }
            let block = tokio::task::spawn_blocking(move || {
                file.seek(SeekFrom::Start(at))?;
                let mut block = Vec::new();
                (&file).take(BLOCK.min(end - at)).read_to_end(&mut block)?;
                Ok((file, block))
            });
            match block.await.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                Ok((_, block)) if block.is_empty() => {
                    Err(failed(&path, std::io::Error::from(std::io::ErrorKind::UnexpectedEof)))
                }
                Ok((file, block)) => {
                    let at = at + block.len() as u64;
                    Ok(Some((Bytes::from(block), (file, at))))
                }
                Err(error) => Err(failed(&path, error)),
            }
        }
    };
    stream::try_unfold((file, range.start), next).boxed()
}
