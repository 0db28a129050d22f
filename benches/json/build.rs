//! Generates the same messages for every competitor.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    psd_build::Config::from_folders(["protos"]).runtime("::psd_proto").include_common(false).compile()?;

    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let files = protox::compile(["bench.proto"], ["protos"])?;
    let descriptors = files.encode_to_vec();

    let pbjson = out.join("pbjson");
    std::fs::create_dir_all(&pbjson)?;
    prost_build::Config::new().out_dir(&pbjson).btree_map(["."]).compile_fds(files)?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors)?
        .out_dir(&pbjson)
        .btree_map(["."])
        .build(&[".bench"])?;

    let buffa = out.join("buffa");
    std::fs::create_dir_all(&buffa)?;
    let descriptor_file = out.join("descriptors.bin");
    std::fs::write(&descriptor_file, descriptors)?;
    buffa_build::Config::new()
        .files(&["bench.proto"])
        .descriptor_set(&descriptor_file)
        .generate_json(true)
        .include_file("mod.rs")
        .out_dir(&buffa)
        .compile()
}
