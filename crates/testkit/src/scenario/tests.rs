use super::{Expected, Step, parse};

/// The example of the module's description.
const EXAMPLE: &str = "
    # Comments and empty lines are for the reader.
    grant   alice 10
    tariff  gpt realtime 0.00001/0.00003 from 10:00
    tariff  gpt batch 0.000005/0.000015 window=24h cache_read=0.000001 from 10:00 until 11:00
    key     night of alice batch
    use     alice-key gpt 1000+500 at 10:05 => 0.025   # by the realtime tariff
    use     night gpt 1000+500 window=24h reasoning=20 at 10:05:00.000001 => 0.0125
    use     - gpt 10+5 status=500 at 10:05 => free
    use     alice-key gpt 10+5 at 09:00 => unrated
    remove  alice 1
    balance alice 8.9625
    entries alice 4
";

#[test]
fn a_scenario_reads_line_by_line() {
    let lines = parse(EXAMPLE).unwrap();
    let steps: Vec<&Step> = lines.iter().map(|line| &line.step).collect();
    assert_eq!(steps.len(), 12, "one key is implied");
    let Step::Tariff(batch) = steps[2] else { panic!("{:?}", steps[2]) };
    assert_eq!((batch.window.as_deref(), batch.input_price.as_str()), (Some("24h"), "0.000005"));
    assert_eq!(batch.other_prices, [("cache_read".to_owned(), "0.000001".to_owned())]);
    assert_eq!(batch.until.unwrap().to_string(), "2026-01-15T11:00:00Z");
    let implied = Step::Key { key: "alice-key".into(), user: "alice".into(), purpose: "realtime".into() };
    assert_eq!(steps[4], &implied);
    let Step::Use(night) = steps[6] else { panic!("{:?}", steps[6]) };
    assert_eq!(night.at.to_string(), "2026-01-15T10:05:00.000001Z");
    assert_eq!((night.counts.prompt, night.counts.reasoning, night.status), (1000, 20, 200));
    assert_eq!(night.expected, Expected::Charged("0.0125".into()));
    let Step::Use(anonymous) = steps[7] else { panic!("{:?}", steps[7]) };
    assert_eq!((&anonymous.key, anonymous.status, &anonymous.expected), (&None, 500, &Expected::Free));
}

#[test]
fn a_key_is_implied_once() {
    let text = "use a-key m 1+1 at 10:00 => free\nuse a-key m 1+1 at 10:00 => free";
    let keys = parse(text).unwrap().iter().filter(|line| matches!(line.step, Step::Key { .. })).count();
    assert_eq!(keys, 1);
}

#[test]
fn a_line_that_does_not_read_is_quoted_with_its_number_and_the_reason() {
    for (line, reason) in [
        ("pay alice 3", "no verb \"pay\""),
        ("grant alice", "an amount is missing"),
        ("grant alice 1e3", "\"1e3\" is no amount"),
        ("grant alice 3 4", "\"4\" is too much"),
        ("tariff gpt realtime 0.1 from 10:00", "INPUT/OUTPUT"),
        ("tariff gpt realtime 0.1/0.2", "\"from\" belongs"),
        ("use night gpt 1+1 at 10:00 => free", "declare the key first"),
        ("use a-key gpt 1+1 colour=red at 10:00 => free", "no option \"colour\""),
        ("use a-key gpt 1+1 at 25:00 => free", "\"25:00\" is no time"),
        ("use a-key gpt 1+1 at 10:00", "\"=>\" belongs"),
    ] {
        let error = parse(&format!("grant bob 1\n{line}")).unwrap_err().to_string();
        assert!(error.starts_with("line 2 of the scenario"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
