//! Inside somebody else's axum application.

use axum::{Router, routing::get};
use psd_tests::RawClient;
use serde_json::json;

use crate::app::server;

#[tokio::test]
async fn the_router_merges_into_an_application_of_axum() {
    let server = server().0.build().unwrap();
    let application = Router::new().route("/", get(async || "a page")).merge(server.clone().into_router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, application).await });
    let mut client = RawClient::connect(&format!("ws://{address}/ws")).await;
    assert_eq!(client.request("plain", json!({"number": 5})).await[0], json!({"text": "plain", "number": "5"}));
    assert!(format!("{:?}", server.connections()).contains("socket: Tcp"), "the socket was taken out of hyper");
}
