//! Generates the messages of the tests' own applications, those in `protos`, and of the tour in README.md; and takes the
//! tests out of docs/TESTING.md.

use std::{error::Error, fs, path::PathBuf};

const README: &str = "../README.md";
const TESTING: &str = "../docs/TESTING.md";

fn main() -> Result<(), Box<dyn Error>> {
    let readme = fs::read_to_string(README)?;
    let (_, tour) = readme.split_once("Make `proto/lab.proto`:\n\n```proto\n").ok_or("README.md has no tour")?;
    let (contract, _) = tour.split_once("```").ok_or("the contract in README.md has no end")?;
    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join("tour");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("lab.proto"), contract)?;
    println!("cargo:rerun-if-changed={README}");

    let testing = fs::read_to_string(TESTING)?;
    let blocks = testing.split("```rust\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("testing.rs"), blocks.collect::<String>())?;
    println!("cargo:rerun-if-changed={TESTING}");

    let folders = ["protos".to_owned(), folder.display().to_string()];
    psd_build::Config::from_folders(folders).compile().map_err(|error| error.to_string().into())
}
