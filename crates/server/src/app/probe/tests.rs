use super::{sums, whole};

#[test]
fn a_metric_is_summed_over_its_labels_and_what_is_no_number_is_left_out() {
    let metrics = "# TYPE a counter\na_total{how=\"x y\",why=\"1 2\"} 3\na_total{how=\"z\"} 4\nb 0.5\nc NaNsense\n# EOF\n";
    let sums = sums(metrics);
    assert!((sums["a_total"] - 7.0).abs() < f64::EPSILON);
    assert!((sums["b"] - 0.5).abs() < f64::EPSILON);
    assert_eq!(sums.len(), 2);
    assert_eq!([whole(-1.0), whole(3.0), whole(f64::NAN)], [0, 3, 0]);
}
