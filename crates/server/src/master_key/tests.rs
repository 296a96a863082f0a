use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_key_is_made_once_private_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    assert!(read(&path).unwrap().is_none());
    let made = make(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(made.to_hex().expose_secret(), read(&path).unwrap().unwrap().to_hex().expose_secret());
    let again = make(&path).unwrap();
    assert_eq!(made.to_hex().expose_secret(), again.to_hex().expose_secret(), "never overwritten");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn processes_that_start_at_once_get_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || make(&path).unwrap().to_hex().expose_secret().to_owned())
        })
        .collect();
    let keys: std::collections::BTreeSet<_> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_key_that_everybody_reads_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    make(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn what_is_no_key_is_refused_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    fs::write(&path, "deadbeef").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let error = format!("{:#}", read(&path).unwrap_err());
    assert!(error.contains("64 hexadecimal") && !error.contains("deadbeef"), "{error}");
}
