use super::*;

#[test]
fn what_is_run_can_be_repeated_in_a_shell() {
    let run = Run::cargo("doc --no-deps").env("RUSTDOCFLAGS", "-D warnings").arg("it's");
    assert_eq!(run.to_string(), r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\''s'");
}

#[test]
fn a_failure_names_the_command() {
    let error = Run::program("false").run().unwrap_err();
    assert!(error.to_string().starts_with("`false` failed"), "{error}");
    let error = Run::program("no-such-program").run().unwrap_err();
    assert!(error.to_string().contains("is no-such-program installed?"), "{error}");
}

#[test]
fn the_last_summary_is_held_back_with_all_that_follows() {
    let script = "echo one; echo Summary a; echo two; echo Summary b >&2; echo three; exit 3";
    let run = Run::program("sh").args(["-c", script]);
    let (held, result) = run.run_holding_back(|line| line.contains("Summary"));
    assert_eq!(String::from_utf8(held).unwrap(), "Summary b\nthree\n");
    assert!(result.unwrap_err().to_string().contains("failed"));
}

#[test]
fn the_target_directory_is_found_from_a_test() {
    let target = target_directory().unwrap();
    assert!(env::current_exe().unwrap().starts_with(&target));
    assert!(target.join("CACHEDIR.TAG").is_file(), "{}", target.display());
}
