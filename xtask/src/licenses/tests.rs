use std::{collections::BTreeSet, fs, path::Path};

use super::{Crate, Rules, entry, expression::Expression, notices};

fn rules(allowed: &[&str]) -> Rules {
    Rules {
        targets: Vec::new(),
        allowed: allowed.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
    }
}

#[test]
fn a_license_is_allowed_where_one_of_a_choice_is_and_all_of_what_is_asked_together() {
    let rules = rules(&["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"]);
    for license in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "GPL-3.0 / MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        "GPL-3.0 AND ISC OR MIT",
    ] {
        assert_eq!(rules.refuses(license), None, "{license}");
    }
    for license in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT AND (GPL-3.0 OR ISC)",
        "Unicode-3.0 WITH LLVM-exception",
        "MIT OR",
        "(MIT",
        "MIT)",
        "MIT Apache-2.0",
        "AND MIT",
        "",
    ] {
        assert!(rules.refuses(license).is_some(), "{license}");
    }
}

#[test]
fn a_choice_is_read_after_what_belongs_together() {
    let name = |name: &str| Expression::Name(name.to_owned());
    let both = Expression::All(vec![name("B"), name("C WITH x")]);
    assert_eq!("A OR B AND C WITH x".parse::<Expression>().unwrap(), Expression::Any(vec![name("A"), both]));
}

#[test]
fn what_is_our_own_is_no_entry() {
    let found = |name: &str, version: &str, license: &str| {
        Some((Crate { name: name.to_owned(), version: version.to_owned() }, license.to_owned()))
    };
    assert_eq!(entry("serde v1.0.1|MIT OR Apache-2.0"), found("serde", "1.0.1", "MIT OR Apache-2.0"));
    assert_eq!(entry("serde_derive v1.0.1 (proc-macro)|MIT (*)"), found("serde_derive", "1.0.1", "MIT"));
    assert_eq!(entry("nameless v0.1.0|"), found("nameless", "0.1.0", ""));
    assert_eq!(entry("tollgate-store v0.1.0 (/somewhere/crates/store)|Apache-2.0"), None);
    assert_eq!(entry("a-macro v0.1.0 (proc-macro) (/somewhere/a)|Apache-2.0 (*)"), None);
    assert_eq!(entry(""), None);
}

fn notice(name: &str, license: &str, directory: &Path) -> anyhow::Result<notices::Notice> {
    notices::Notice::read(format!("{name} 1.0.0 ({license})"), license, directory)
}

#[test]
fn each_text_stands_once_with_all_whose_it_is() {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("choice/LICENSE-MIT", "the MIT text\n");
    write("choice/LICENSE-APACHE", "the Apache text");
    write("choice/NOTICE", "made by somebody");
    write("both/LICENSE-MIT", "the  MIT\r\ntext\n\n");
    write("both/LICENSE-ISC", "the ISC text");
    write("both/license.rs", "fn code() {}");
    write("library/LICENSE", "of the wrapper");
    write("library/c/LICENSE", "of the library");
    write("library/c/COPYING", "the other choice");
    write("library/tests/LICENSE", "of what is not built");
    write("nothing/README.md", "no license");
    let of = |name: &str, license: &str| notice(name, license, &home.path().join(name)).unwrap();
    let text = notices::text(&[
        of("both", "MIT AND ISC"),
        of("choice", "MIT OR Apache-2.0"),
        of("library", "MIT"),
        of("nothing", "ISC OR MIT"),
    ]);
    let sections: Vec<&str> = text.split(&format!("\n{}\n\n", "=".repeat(80))).skip(1).collect();
    let expected = [
        "both 1.0.0 (MIT AND ISC)\n\nthe ISC text\n",
        "both 1.0.0 (MIT AND ISC)\nchoice 1.0.0 (MIT OR Apache-2.0)\n\nthe  MIT\ntext\n",
        "choice 1.0.0 (MIT OR Apache-2.0)\n\nmade by somebody\n",
        "library 1.0.0 (MIT)\n\nof the library\n",
        "library 1.0.0 (MIT)\n\nof the wrapper\n",
    ];
    assert_eq!(sections[..5], expected);
    assert!(sections[5].starts_with("nothing 1.0.0 (ISC OR MIT)\n\nThe MIT License."), "{}", sections[5]);
    assert_eq!(sections.len(), 6);
    let error = notice("nothing", "Zlib", &home.path().join("nothing")).unwrap_err().to_string();
    assert!(error.contains("no text of its license"), "{error}");
}
