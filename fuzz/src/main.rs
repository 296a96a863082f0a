//! The program that libFuzzer drives: `TOLLGATE_FUZZ_TARGET` names the target, the arguments are libFuzzer's own.
//!
//! `cargo fuzz-test` builds and starts it.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tollgate_fuzz::Property;

static TARGET: OnceLock<Property> = OnceLock::new();

fn chosen() -> Property {
    let name = std::env::var("TOLLGATE_FUZZ_TARGET").unwrap_or_default();
    if let Some(target) = tollgate_fuzz::target(&name) {
        return target;
    }
    eprintln!("TOLLGATE_FUZZ_TARGET names no target: `cargo fuzz-test --help` lists them");
    std::process::exit(2)
}

fuzz_target!(init: { TARGET.get_or_init(chosen); }, |input: &[u8]| {
    if let Some(holds) = TARGET.get() {
        holds(input);
    }
});
