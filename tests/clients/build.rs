//! Generates the messages of proto/board.proto.

fn main() -> Result<(), psd_build::Error> {
    psd_build::compile("fps_config.json")
}
