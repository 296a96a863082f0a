//! Every seed, and every input that once found something, holds: an ordinary test, without instrumentation.

use std::{fs, path::Path};

#[test]
fn every_seed_of_every_target_keeps_its_properties() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, holds) in tollgate_fuzz::TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(seeds.join(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            holds(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count >= 5, "{name} has {count} seeds");
    }
}

#[test]
fn seeds_are_those_of_targets() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut found: Vec<String> =
        fs::read_dir(seeds).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut known: Vec<&str> = tollgate_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known);
}
