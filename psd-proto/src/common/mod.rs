//! STUB, not to be committed.
#![allow(missing_docs)]
macro_rules! m { ($name:ident, $ty:literal, $tr:ident, $o:ident { $($f:ident : $t:ty = $k:tt $n:literal),* }) => {
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct $name { $( #[prost($k, tag=$n)] pub $f: $t ),* }
    impl crate::json::JsonMessage for $name {
        fn read_field(&mut self, name: &str, field: crate::json::FieldReader<'_, '_>) -> crate::json::Result<()> { field.unknown(name) }
        fn write_fields(&self, _: &mut crate::json::Writer<'_>) {}
    }
    impl crate::Message for $name { const FULL_NAME: &'static str = $ty; }
    impl crate::$tr for $name { const INFO: &'static crate::MessageInfo = &crate::MessageInfo { name: $ty, full_name: $ty, message_type: $ty, origin: crate::Origin::$o, auth: None, client_cache: None, cache_keys: &[], location: crate::SourceLocation { file: "", line: 1, column: 1 } }; }
} }
pub mod authentication {
    m!(Login, "login", ClientMessage, Client { username: String = string "1", password: String = string "2" });
    m!(LoginToken, "login-token", ServerMessage, Server { token: String = string "1", refresh: String = string "2" });
    m!(LoginError, "login-error", ServerMessage, Server { error_text: String = string "1", error_code: String = string "2" });
    m!(RefreshToken, "refresh-token", ClientMessage, Client { refresh_token: String = string "1" });
    m!(RefreshTokenInvalid, "refresh-token-invalid", ServerMessage, Server {});
    m!(TokenInvalid, "token-invalid", ServerMessage, Server {});
    m!(VerifyToken, "verify-token", ClientMessage, Client {});
}
pub mod socket_api {
    m!(ProtocolError, "protocol-error", ServerMessage, Server { error_message: String = string "1", error_code: i32 = int32 "2" });
}
pub static SCHEMA: crate::Schema = crate::Schema { messages: &[], types: &[] };
