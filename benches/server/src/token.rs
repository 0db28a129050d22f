//! The token of every client, and how the peers that have no authentication of their own verify it.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// What tokens are signed with.
pub const SECRET: &[u8] = b"a secret of the benchmark, long enough for HS256";

/// What a token says, as Django's simplejwt writes it.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    token_type: String,
    exp: u64,
    iat: u64,
    jti: String,
    user_id: String,
    name: String,
}

/// A token that is good for a day.
pub fn issue() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let claims = Claims {
        token_type: "access".into(),
        exp: now + 24 * 60 * 60,
        iat: now,
        jti: "0c9a3e0f6d5b4a17".into(),
        user_id: "7".into(),
        name: "ann".into(),
    };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET))
        .expect("a secret signs")
}

/// Verifies tokens by jsonwebtoken, as a hand-written server does.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl Verifier {
    pub fn new() -> Self {
        Self { key: DecodingKey::from_secret(SECRET), validation: Validation::new(Algorithm::HS256) }
    }

    /// The name of the token's user; `None` if the token is bad.
    pub fn verify(&self, token: &str) -> Option<String> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        (claims.token_type == "access").then_some(claims.name)
    }
}
