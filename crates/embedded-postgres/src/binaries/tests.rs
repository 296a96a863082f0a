use super::{Binaries, major_version};
use crate::Error;

#[test]
fn major_version_is_read_from_releases_and_betas() {
    assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
    assert_eq!(major_version("postgres (PostgreSQL) 19beta2\n"), Some(19));
    assert_eq!(major_version("postgres: command not found"), None);
}

#[test]
fn a_named_directory_without_programs_is_an_error_that_names_it() {
    let empty = tempfile::tempdir().unwrap();
    let error = Binaries::find(Some(empty.path()), None).unwrap_err();
    assert!(matches!(error, Error::UnusableBinaries { .. }));
    assert!(error.to_string().contains(&empty.path().display().to_string()), "{error}");
}

#[test]
fn a_postgresql_older_than_the_schema_needs_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let old = tempfile::tempdir().unwrap();
    for program in ["postgres", "initdb"] {
        let path = old.path().join(program);
        std::fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 12.1'\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let error = Binaries::at(old.path()).unwrap_err().to_string();
    assert!(error.contains("version 12"), "{error}");
}
