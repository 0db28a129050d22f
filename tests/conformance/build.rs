//! Generates the messages of the suite from the folder that `run` has fetched.

fn main() -> Result<(), psd_build::Error> {
    println!("cargo:rerun-if-env-changed=CONFORMANCE_PROTOS");
    psd_build::Config::from_folders(["$CONFORMANCE_PROTOS"]).runtime("::psd_proto").include_common(false).compile()
}
