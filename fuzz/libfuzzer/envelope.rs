//! `cargo +nightly fuzz run envelope --features libfuzzer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    psd_fuzz::targets::envelope(data);
});
