//! Generates the messages of protos/load.proto.

fn main() -> Result<(), psd_build::Error> {
    psd_build::Config::from_folders(["protos"]).compile()
}
