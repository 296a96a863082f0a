use std::collections::HashSet;

use super::*;

#[test]
fn a_point_acts_once_at_the_time_that_was_asked_for() {
    let armed = Armed::parse("end-appended:3:abort").unwrap();
    let others = [Point::EndDurable, Point::EndAppended, Point::EndAppended, Point::BeforeEnd];
    assert!(others.into_iter().all(|point| armed.reached(point).is_none()));
    assert_eq!(armed.reached(Point::EndAppended), Some(Action::Abort));
    assert!((0..10).all(|_| armed.reached(Point::EndAppended).is_none()));
}

#[test]
fn what_is_not_understood_is_not_armed() {
    for bad in [
        "",
        "end-appended",
        "end-appended:0:abort",
        "end-appended:1:explode",
        "nowhere:1:abort",
        "end-appended:1:abort:2",
    ] {
        assert!(Armed::parse(bad).is_none(), "{bad}");
    }
    assert_eq!(Armed::parse("flush-begun:1:panic").unwrap().action, Action::Panic);
}

#[test]
fn every_point_has_a_name_of_its_own() {
    let names: HashSet<_> = Point::ALL.iter().map(|point| point.name()).collect();
    assert_eq!(names.len(), Point::ALL.len());
    assert!(Point::ALL.iter().all(|point| Point::named(point.name()) == Some(*point)));
}
