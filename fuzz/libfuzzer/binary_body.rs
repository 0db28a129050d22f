//! `cargo +nightly fuzz run binary_body --features libfuzzer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    psd_fuzz::targets::binary_body(data);
});
