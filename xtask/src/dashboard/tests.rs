use std::fs;

use super::digest;

#[test]
fn a_changed_added_or_renamed_source_is_another_dashboard() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("src")).unwrap();
    fs::write(root.path().join("src/a.ts"), "1").unwrap();
    let of = || digest(root.path(), &["src"]).unwrap();
    let first = of();
    assert_eq!(first, of());
    fs::write(root.path().join("src/a.ts"), "2").unwrap();
    let changed = of();
    assert_ne!(first, changed);
    fs::rename(root.path().join("src/a.ts"), root.path().join("src/b.ts")).unwrap();
    assert_ne!(changed, of());
    assert!(digest(root.path(), &["missing"]).is_err());
}
