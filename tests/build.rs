//! Generates the messages of the tests' own applications, those in `protos`, and of the tour in README.md.

use std::{error::Error, fs, path::PathBuf};

const README: &str = "../README.md";

fn main() -> Result<(), Box<dyn Error>> {
    let readme = fs::read_to_string(README)?;
    let (_, tour) = readme.split_once("Make `proto/lab.proto`:\n\n```proto\n").ok_or("README.md has no tour")?;
    let (contract, _) = tour.split_once("```").ok_or("the contract in README.md has no end")?;
    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join("tour");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("lab.proto"), contract)?;
    println!("cargo:rerun-if-changed={README}");

    let folders = ["protos".to_owned(), folder.display().to_string()];
    psd_build::Config::from_folders(folders).compile().map_err(|error| error.to_string().into())
}
