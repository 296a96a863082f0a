use super::*;

#[test]
fn a_message_is_tried_until_it_is_three_days_old_and_one_that_waited_as_long_is_tried_once() {
    let (mut age, mut attempts) = (0.0, 0);
    loop {
        attempts += 1;
        let Some(pause) = pause(attempts, age) else { break };
        assert!(pause > 0.0 && attempts < 20, "attempt {attempts} at {age}");
        age += pause;
    }
    assert!((TRIED_FOR_SECONDS - 1.0..TRIED_FOR_SECONDS + 1.0).contains(&age), "{age}");
    assert!(attempts > 10, "{attempts}");
    assert_eq!(pause(1, TRIED_FOR_SECONDS), None);
}
