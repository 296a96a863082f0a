use std::{collections::HashSet, fs, path::Path};

use super::*;

#[test]
fn a_seed_decides_every_cycle() {
    let plan = |seed| Plan::new(seed).take(200).collect::<Vec<_>>();
    assert_eq!(plan(7), plan(7));
    assert_ne!(plan(7), plan(8));
}

#[test]
fn a_walk_comes_to_every_point_once() {
    let points: Vec<Point> = Plan::new(3)
        .filter_map(|cycle| match cycle.fault {
            Fault::Point { point, .. } => Some(point),
            _ => None,
        })
        .take(Point::ALL.len())
        .collect();
    assert_eq!(points.iter().collect::<HashSet<_>>().len(), Point::ALL.len());
}

#[test]
fn every_kind_of_fault_comes_soon() {
    let kinds: HashSet<_> =
        Plan::new(1).take(300).map(|cycle| std::mem::discriminant(&cycle.fault)).collect();
    assert_eq!(kinds.len(), 9);
    assert!(Plan::new(1).take(300).any(|cycle| matches!(cycle.fault, Fault::Point { panics: true, .. })));
}

#[test]
fn every_point_stands_in_the_sources_once_or_more() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for name in ["spool", "gateway", "metering", "server"] {
        read_all(&crates.join(name).join("src"), &mut sources);
    }
    for point in Point::ALL {
        let call = format!("hit(Point::{})", point.identifier());
        assert!(sources.contains(&call), "{call} is nowhere");
    }
    let calls: HashSet<&str> =
        sources.split("hit(Point::").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(calls.len(), Point::ALL.len());
}

fn read_all(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
