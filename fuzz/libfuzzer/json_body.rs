//! `cargo +nightly fuzz run json_body --features libfuzzer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    psd_fuzz::targets::json_body(data);
});
