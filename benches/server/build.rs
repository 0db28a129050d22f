//! Generates the messages of protos/bench.proto.

fn main() -> Result<(), psd_build::Error> {
    psd_build::Config::from_folders(["protos"]).compile()
}
