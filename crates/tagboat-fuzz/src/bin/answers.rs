//! libFuzzer's way into [`tagboat_fuzz::answers`]. In: bytes that it makes up. Out: an abort where a rule breaks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tagboat_fuzz::answers::judge(bytes));
