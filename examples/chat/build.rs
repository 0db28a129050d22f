//! Generates the messages of `proto/`.

fn main() -> Result<(), psd_build::Error> {
    psd_build::compile("fps_config.json")
}
