use super::*;

#[test]
fn values_are_found_by_name_and_labels() {
    let text = "# HELP a Something\n# TYPE a gauge\na 3\nb_total{outcome=\"completed\"} 4.5\n# EOF\n";
    let metrics = Metrics::parse(text);
    for (name, value) in [("a", 3.0), ("b_total{outcome=\"completed\"}", 4.5), ("c", 0.0)] {
        assert!((metrics.get(name) - value).abs() < f64::EPSILON, "{name}");
    }
}
