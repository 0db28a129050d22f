//! Inside somebody else's axum application.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use psd_core::Settings;
use psd_tests::RawClient;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    app::{server, server_with},
    entrances::visit,
};

#[tokio::test]
async fn the_router_merges_into_an_application_of_axum() {
    let server = server().0.build().unwrap();
    let application = Router::new().route("/", get(async || "a page")).merge(server.clone().into_router());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, application).await });
    let mut client = RawClient::connect(&format!("ws://{address}/ws")).await;
    assert_eq!(client.request("plain", json!({"number": 5})).await[0], json!({"text": "plain", "number": "5"}));
    assert!(format!("{:?}", server.connections()).contains("socket: Tcp"), "the socket was taken out of hyper");
}

#[tokio::test]
async fn whom_an_application_does_not_name_is_nobodys_proxy() {
    let headers = "X-Forwarded-For: 203.0.113.9\r\n";
    let trusting = || server_with(Settings::default().trusted_proxies("127.0.0.1, unix".parse().unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (builder, probe) = trusting();
    let router = builder.build().unwrap().into_router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let seen = visit(&probe, TcpStream::connect(address).await.unwrap(), b"", headers).await;
    assert_eq!(seen.as_deref(), Some("None, secure: false"), "that it came by a Unix socket is nowhere said");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (builder, probe) = trusting();
    let service = builder.build().unwrap().into_router().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let seen = visit(&probe, TcpStream::connect(address).await.unwrap(), b"", headers).await;
    assert_eq!(seen.as_deref(), Some("Some(203.0.113.9:0), secure: false"));
}
