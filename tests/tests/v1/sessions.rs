use std::time::{Duration, SystemTime};

use psd_core::{
    Identity, Server, Unhandled,
    auth::{Jwt, MemoryUsers, StaticTokens, User},
    proto::{
        common::authentication::{Login, LoginToken, RefreshToken, RevokeToken, TokenInvalid},
        prost::Message as _,
    },
};
use psd_tests::{
    Running,
    v1::{V1Client, headers, request, result},
};

use crate::app::{Probe, pb};

async fn start() -> Running {
    let ann = User::new(Identity::new("1", "ann").with_permissions(["app.view"]));
    let jwt = Jwt::hs256("a secret of at least sixteen bytes").unwrap().users(MemoryUsers::new().user(ann, "pw"));
    let builder = Server::builder()
        .authenticator(jwt.rotate_refresh_tokens())
        .login()
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    Running::start(builder).await
}

/// The code of a guarded request.
async fn guarded(client: &mut V1Client, uuid: &str) -> i32 {
    result(&client.ask(uuid, &pb::ExtractAll {}).await).0
}

#[tokio::test]
async fn a_session_from_login_to_logout() {
    let running = start().await;
    let mut client = V1Client::welcomed(&running).await;
    assert_eq!(guarded(&mut client, "1").await, 401);
    client.send(&[request("2", &Login { username: "ann".into(), password: "pw".into() })]).await;
    let answer = client.envelope().await;
    let login = LoginToken::decode(&*answer.body).unwrap();
    assert_eq!(headers(&answer).message_type, "login-token");
    assert_eq!(result(&client.envelope().await), (0, ""));
    assert_eq!(guarded(&mut client, "3").await, 0);

    let offer = format!("psd.v1.proto, psd.token.{}", login.token);
    let (mut other, _) = V1Client::welcomed_with(&running, &offer).await;
    assert_eq!(guarded(&mut other, "1").await, 0);
    other.send(&[request("2", &RefreshToken { refresh_token: login.refresh.clone() })]).await;
    let refreshed = LoginToken::decode(&*other.envelope().await.body).unwrap();
    assert_eq!(result(&other.envelope().await), (0, ""));
    assert_ne!(refreshed.refresh, login.refresh, "it is rotated");

    assert_eq!(result(&client.ask("4", &RevokeToken::default()).await), (0, ""));
    assert_eq!(guarded(&mut client, "5").await, 401);
    let invalid = other.envelope().await;
    assert_eq!((headers(&invalid).message_type.as_str(), headers(&invalid).uuid.as_str()), ("token-invalid", ""));
    assert_eq!((TokenInvalid::decode(&*invalid.body).unwrap().grace_ms, invalid.seq), (0, 0));
    assert_eq!(guarded(&mut other, "3").await, 401);
    let refused = other.ask("4", &RefreshToken { refresh_token: refreshed.refresh }).await;
    assert_eq!(headers(&refused).message_type, "refresh-token-invalid");
}

#[tokio::test]
async fn the_grace_is_said_in_milliseconds() {
    let soon = SystemTime::now() + Duration::from_millis(500);
    let builder = Server::builder()
        .authenticator(StaticTokens::new().token("t", Identity::new("1", "ann").expiring_at(soon)))
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    let running = Running::start(builder).await;
    let (mut client, _) = V1Client::welcomed_with(&running, "psd.v1.proto, psd.token.t").await;
    let told = client.envelope().await;
    assert_eq!((headers(&told).message_type.as_str(), told.seq), ("token-invalid", 0));
    let TokenInvalid { grace_ms } = TokenInvalid::decode(&*told.body).unwrap();
    assert!(grace_ms > 0 && grace_ms <= 25_000, "{grace_ms}");
}
