//! Generates the messages of the tests' own applications, those in `protos`.

fn main() -> Result<(), psd_build::Error> {
    psd_build::Config::from_folders(["protos"]).compile()
}
