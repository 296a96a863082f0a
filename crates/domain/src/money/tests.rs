use super::*;

fn credits(text: &str) -> Credits {
    text.parse().unwrap()
}

#[test]
fn amounts_are_exact_to_the_last_pico_credit() {
    assert_eq!(credits("0.000000000001").pico(), 1);
    assert_eq!(credits("-0.000000000001").pico(), -1);
    assert_eq!(credits("9999999999999999.999999999999").pico(), MAX_PICO);
    assert_eq!(credits("1e-12").pico(), 1);
}

#[test]
fn what_does_not_fit_is_refused_and_never_rounded() {
    assert!(matches!("0.0000000000001".parse::<Credits>(), Err(MoneyError::TooManyDecimals(_))));
    assert!(matches!("1e-13".parse::<Credits>(), Err(MoneyError::TooManyDecimals(_))));
    assert_eq!("10000000000000000".parse::<Credits>(), Err(MoneyError::OutOfRange));
    assert_eq!("99999999999999999999999999999999999".parse::<Credits>(), Err(MoneyError::OutOfRange));
    assert!(matches!("ten".parse::<Credits>(), Err(MoneyError::NotADecimal(_))));
    assert!(matches!("".parse::<Credits>(), Err(MoneyError::NotADecimal(_))));
    assert!(matches!("NaN".parse::<Credits>(), Err(MoneyError::NotADecimal(_))));
    assert!("-0.1".parse::<PricePerToken>().is_err());
}

#[test]
fn trailing_zeros_are_not_decimals() {
    assert_eq!(credits("1.00000000000000000"), credits("1"));
}

#[test]
fn amounts_print_as_the_shortest_exact_decimal() {
    for text in ["0", "10", "0.025", "-3", "-0.000000000001", "1234567.89"] {
        assert_eq!(credits(text).to_string(), text);
    }
}

#[test]
fn sums_past_the_range_are_refused() {
    let most = Credits::from_pico(MAX_PICO).unwrap();
    assert_eq!(most.checked_add(credits("0.000000000001")), Err(MoneyError::OutOfRange));
    assert_eq!(most.negated().checked_sub(credits("0.000000000001")), Err(MoneyError::OutOfRange));
}

#[test]
fn every_published_rate_fits() {
    // Dollars per million tokens, from 0.01 to 600: at most eight decimals behind a per-token price.
    for (per_million, per_token) in [("0.018", "0.000000018"), ("1.25", "0.00000125"), ("600", "0.0006")] {
        let price: PricePerToken = per_token.parse().unwrap();
        let total = i128::from(price.pico()) * 1_000_000;
        assert_eq!(Credits::from_pico(total).unwrap(), credits(per_million));
    }
}

proptest::proptest! {
    #[test]
    fn text_and_decimal_are_exact_round_trips(pico in -MAX_PICO..=MAX_PICO) {
        let amount = Credits::from_pico(pico).unwrap();
        proptest::prop_assert_eq!(amount.to_string().parse::<Credits>().unwrap(), amount);
        proptest::prop_assert_eq!(Credits::try_from(amount.to_decimal()).unwrap(), amount);
        let json = serde_json::to_string(&amount).unwrap();
        proptest::prop_assert_eq!(serde_json::from_str::<Credits>(&json).unwrap(), amount);
    }
}

#[test]
fn an_exponent_hides_no_rounding() {
    for text in [
        "1.00000000000000000000000000000000001e0",
        "1.00000000000000000000000000000000001e-5",
        "0.1000000000000000000000000000000000000001E0",
        "10000000000000000000000000000.1e-20",
        "1e-13",
        "1e-40",
        "0.00000000000000000000000000000000000001e2",
    ] {
        assert!(
            matches!(
                text.parse::<Credits>(),
                Err(MoneyError::TooManyDecimals(_) | MoneyError::NotADecimal(_))
            ),
            "{text}: {:?}",
            text.parse::<Credits>()
        );
    }
    for (text, amount) in [
        ("1e-5", "0.00001"),
        ("9999999999999999.999999999999e0", "9999999999999999.999999999999"),
        ("0e5", "0"),
        ("2.5E3", "2500"),
        ("-1e-12", "-0.000000000001"),
        ("1000000e-6", "1"),
        ("0.0000000000000000000000000010e27", "1"),
    ] {
        assert_eq!(text.parse::<Credits>().map(|c| c.to_string()), Ok(amount.to_owned()), "{text}");
    }
    for text in ["1e17", "1e30", "1e99999999999", "1e", "e5", "1e5.5", "--1e3"] {
        assert!(text.parse::<Credits>().is_err(), "{text}");
    }
}
