//! The property `sealed` of `vpd_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vpd_text::property::sealed(bytes));
