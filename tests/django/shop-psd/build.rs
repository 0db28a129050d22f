//! Generates the messages that the Django project has, too.

fn main() -> Result<(), psd_build::Error> {
    psd_build::compile("fps_config.json")
}
