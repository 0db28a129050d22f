//! Generates the messages of the suite from the folder that `run` has fetched, as programs get them by default and with
//! a place for unknown fields.

fn main() -> Result<(), psd_build::Error> {
    println!("cargo:rerun-if-env-changed=CONFORMANCE_PROTOS");
    for (folder, keep) in [("default", false), ("unknown_fields", true)] {
        psd_build::Config::from_folders(["$CONFORMANCE_PROTOS"])
            .runtime("::psd_proto")
            .include_common(false)
            .unknown_fields(keep)
            .out(format!("$OUT_DIR/{folder}"))
            .compile()?;
    }
    Ok(())
}
