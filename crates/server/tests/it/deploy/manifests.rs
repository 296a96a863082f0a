//! The manifests, held against the program that they run and against each other. That Kubernetes takes them is `deploy/check.sh`'s, where its tools are.

use std::{collections::BTreeMap, fs, path::Path, process::Output};

use http::StatusCode;

use super::repository;
use crate::harness::{Place, eventually, get};

/// A file of `deploy/`.
fn deployed(path: &str) -> String {
    let path = repository("deploy").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What follows this in each line that has it, as far as there are no blanks, commas or brackets.
fn values<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let of_line = |line: &'a str| {
        let (_, after) = line.split_once(before)?;
        after.split([' ', ',', '}', '"']).find(|word| !word.is_empty())
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(of_line).collect()
}

fn one<'a>(text: &'a str, before: &str) -> &'a str {
    let found = values(text, before);
    assert_eq!(found.len(), 1, "`{before}`: {found:?}");
    found[0]
}

/// Every `TOLLGATE_…` that the set's container gets.
fn settings(statefulset: &str) -> BTreeMap<&str, &str> {
    let setting = |line| {
        let line: &str = line;
        let name = values(line, "{name: ").into_iter().find(|name| name.starts_with("TOLLGATE_"))?;
        Some((name, one(line, "value: ")))
    };
    statefulset.lines().filter_map(setting).collect()
}

/// What the program makes of these settings, with files of the place for those of the container.
async fn configured(place: &Place, settings: &BTreeMap<&str, &str>) -> Output {
    let file = place.directory.path().join("tollgate.toml");
    fs::write(&file, format!("[database]\nurl = \"{}\"\n", place.database_url())).unwrap();
    let mut command = place.command();
    command.env_remove("TOLLGATE_DATABASE__URL").arg("config");
    for (name, value) in settings {
        match *name {
            "TOLLGATE_CONFIG" => command.env(name, &file),
            "TOLLGATE_MASTER_KEY_FILE" | "TOLLGATE_DATA_DIR" => &mut command,
            _ => command.env(name, value),
        };
    }
    command.output().await.unwrap()
}

#[tokio::test]
async fn every_setting_of_the_manifests_is_one_that_the_program_takes() {
    let statefulset = deployed("kubernetes/base/statefulset.yaml");
    let mut settings = settings(&statefulset);
    assert!(settings.len() >= 5, "{settings:?}");
    let place = Place::with_database().await;
    let output = configured(&place, &settings).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // One that it does not know is refused, by name.
    settings.insert("TOLLGATE_LISTENS", "0.0.0.0:8080");
    let output = configured(&place, &settings).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("TOLLGATE_LISTENS"), "{said}");
}

#[tokio::test]
async fn the_manifests_agree_with_each_other_with_the_image_and_with_a_server() {
    let folder = repository("deploy/kubernetes/base");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml")
        .collect();
    files.sort();
    let kustomization = deployed("kubernetes/base/kustomization.yaml");
    let mut resources: Vec<&str> = values(&kustomization, "- ")
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    resources.sort_unstable();
    assert_eq!(resources, files, "no manifest is left out, and none is missing");

    let set = deployed("kubernetes/base/statefulset.yaml");
    let service = deployed("kubernetes/base/service.yaml");
    let settings = settings(&set);
    let port = one(&set, "containerPort: ");
    assert!(settings["TOLLGATE_LISTEN"].ends_with(&format!(":{port}")), "{settings:?}");
    assert_eq!(one(&set, "prometheus.io/port: "), port);
    assert!(values(&service, "targetPort: ").iter().all(|name| *name == "http"), "{service}");
    assert!(values(&service, "  name: ").contains(&one(&set, "serviceName: ")), "{service}");
    // The spool is on the volume that comes back, and the key and the configuration are where they are looked for.
    assert_eq!(one(&set, "{name: spool, mountPath: "), settings["TOLLGATE_DATA_DIR"]);
    let mounted = one(&set, "{name: configuration, mountPath: ");
    for (setting, file) in [("TOLLGATE_CONFIG", "tollgate.toml"), ("TOLLGATE_MASTER_KEY_FILE", "master.key")]
    {
        assert_eq!(settings[setting], format!("{mounted}/{file}"));
        assert!(set.contains(&format!("items: [{{key: {file}, path: {file}}}]")), "{file}");
    }
    let image = deployed("docker/Dockerfile");
    let (user, group) = one(&image, "USER ").split_once(':').unwrap();
    assert_eq!((one(&set, "runAsUser: "), one(&set, "runAsGroup: ")), (user, group));
    assert_eq!(one(&set, "fsGroup: "), group);
    assert_eq!(one(&image, "EXPOSE "), port);
    // Streams, books and spool, thirty seconds each, and the pause before.
    let pause: u32 = one(&set, "sleep: {seconds: ").parse().unwrap();
    assert!(one(&set, "terminationGracePeriodSeconds: ").parse::<u32>().unwrap() >= 90 + pause);

    // kustomize labels the pods, and a selector that is there; it makes none.
    let (label, value) = (one(&kustomization, "pairs: {"), one(&kustomization, "app.kubernetes.io/name: "));
    for file in ["poddisruptionbudget", "networkpolicy"] {
        let manifest = deployed(&format!("kubernetes/base/{file}.yaml"));
        let of_the_pods = format!("elector:\n    matchLabels: {{{label} {value}}}\n");
        assert!(manifest.contains(&of_the_pods), "{file} means the pods of the gateway, and no others");
    }

    let place = Place::with_database().await;
    let app = place.serve().await;
    let probed = values(&set, "httpGet: {path: ");
    assert_eq!(probed.len(), 3);
    for path in probed {
        eventually(path, async || get(app.address(), path).await.status == StatusCode::OK).await;
    }
    app.stop().await.unwrap();
}
