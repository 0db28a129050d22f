//! The server as a program; `.env.example` has the variables that it reads.

use std::env;

use anyhow::Context as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let variable = |name: &str| {
        env::var(name).with_context(|| format!("`{name}` is not set; see .env.example"))
    };
    let (secret, database) = (variable("SHOP_SECRET")?, variable("DATABASE_URL")?);
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8001".to_owned());
    shop_psd::server(&secret, &database)
        .await?
        .serve(address)
        .await?;
    Ok(())
}
