//! Runs the demo server.

use clap::Parser;
use psd_core::Settings;

/// The application that the recorded conversations of the classic protocol were made against.
///
/// Settings come from the PSD_ variables of the environment.
#[derive(Parser)]
struct Arguments {
    /// The port to listen on, on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 8821)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let Arguments { port } = Arguments::parse();
    let server = demo_server::server(Settings::from_env()?).build()?;
    let listening = server.listen(("127.0.0.1", port)).await?;
    println!("ws://{}/ws", listening.local_addr());
    listening.run_until_signal().await;
    Ok(())
}
