//! The handshake of an upload connection, as clients of the classic dialect open it.

use axum::{
    extract::{FromRequestParts as _, Path, Request},
    response::Response,
};

use super::{identified, problem};
use crate::{
    Error,
    files::{FileService, UploadId, classic::Upload, uploads::Caller},
    listener::{Client, offered_token, take_over},
};

/// Opens the connection, or says in HTTP why not: the slot's key must be there, and whoever shows a token its owner.
pub(super) async fn open(service: FileService, request: Request, client: Client) -> Response {
    match opened(&service, request, client).await {
        Ok(response) => response,
        Err(error) => problem(&service, &error),
    }
}

async fn opened(service: &FileService, request: Request, client: Client) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    let key = Path::<String>::from_request_parts(&mut parts, &()).await.ok();
    let id = key.and_then(|Path(key)| key.parse::<UploadId>().ok());
    let id = id.ok_or_else(|| Error::new(404, "there is no such slot: ask for one by `upload-start`"))?;
    let address = client.address().map(|address| address.ip());
    let token = offered_token(&parts.headers, service.settings());
    let caller = match &token {
        Some(token) => identified(service, token, address).await?,
        None => Caller { identity: None, address },
    };
    let known = token.is_some().then_some(&caller);
    if let Some(caller) = known {
        service.admit(caller).await?;
    }
    let record = service.record_for(known, id).await?;
    let (service, server) = (service.clone(), service.server.clone());
    let request = Request::from_parts(parts, body);
    Ok(take_over(&server, client, request, move |wire, prefix| async move {
        Upload::new(service, (id, record.local_key), caller, token, (wire, prefix)).await.run().await;
    }))
}
