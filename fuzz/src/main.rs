//! One program for all fuzz targets; `VESTIBULE_FUZZ_TARGET` names the one to run. Started by `fuzz/run`.
//!
//! A target is a function of octets. It returns when a property holds and panics when it does not.

#![no_main]

mod mutate;
mod support;
mod targets;

use std::sync::LazyLock;

use mutate::Shape;

/// A fuzz target: its name, what its inputs look like, and what is asked of them.
pub struct Target {
    name: &'static str,
    shape: Shape,
    run: fn(&[u8]),
}

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("VESTIBULE_FUZZ_TARGET").unwrap_or_default();
    targets::ALL.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let all: Vec<_> = targets::ALL.iter().map(|target| target.name).collect();
        eprintln!("VESTIBULE_FUZZ_TARGET is to be one of: {}", all.join(" "));
        std::process::exit(2)
    })
});

libfuzzer_sys::fuzz_target!(
    init: { LazyLock::force(&TARGET); },
    |data: &[u8]| (TARGET.run)(data)
);

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate::mutate(TARGET.shape, data, size, most, seed)
});
