use clap::{CommandFactory, error::ErrorKind};
use tollgate_store::model_costs::CostPrices;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("tollgate").chain(line.split_whitespace()))
}

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_documented_command_line_parses() {
    for line in [
        "serve",
        "serve --config f.toml --data-dir d --listen 127.0.0.1:0",
        "user create ada --credits 10.5",
        "endpoint create up http://localhost:1 --api-key-env KEY",
        "endpoint create up http://localhost:1 --auth-style x-goog-api-key --provider gemini --no-inject-usage \
         --on-disconnect cancel --pass-through /v1/a --pass-through /v1/b --path-template /v1/chat/completions=/x/{model}?v=1",
        "endpoint set up --url http://localhost:2 --api-key-env KEY --auth-style none --provider p --no-inject-usage \
         --on-disconnect drain --on-missing-usage unrated --pass-through /v1/a --path-template /v1/a=/b",
        "endpoint set up --inject-usage --no-pass-through --no-path-template",
        "endpoint delete up",
        "model create gpt --endpoint up --upstream-model gpt-4o",
        "model set gpt --endpoint up --upstream-model gpt-4o",
        "model set gpt --upstream-model gpt-4o",
        "model delete gpt",
        "tariff replace gpt tariffs.json",
        "tariff set gpt --purpose batch --window 24h --input-price 0.00001 --output-price 3e-5 --cache-read-price 0 \
         --cache-write-price 0.1 --valid-from 2026-01-01T00:00:00Z",
        "cost set gpt --input-price 0.00001 --output-price 3e-5 --cache-read-price 0 --cache-write-price 0.1 --reasoning-price 1 \
         --request-price 2 --valid-from 2026-01-01T00:00:00Z",
        "key create --user ada --purpose batch --trusted",
        "key revoke tg-0123456",
        "credit grant ada 10 --source-id inv-1",
        "credit remove ada 0.000000000001 --source-id inv-2",
        "limit set --key tg-0123456 --requests-per-minute 60 --tokens-per-minute 100000 --concurrent-requests 5",
        "limit set --user ada --daily-cap 10 --weekly-cap 50.5 --monthly-cap 100",
        "limit set --model gpt --requests-per-minute 60",
        "limit clear --user ada",
        "limit clear --user ada --daily-cap",
        "limit show",
        "webhook low-balance ada 5",
        "webhook low-balance ada --off",
        "webhook add https://example.com/hooks --user ada --secret-env SECRET",
        "webhook list",
        "webhook remove 0198c1a0-0000-7000-8000-000000000000",
        "webhook deliveries --undelivered --limit 5",
        "webhook test 0198c1a0-0000-7000-8000-000000000000",
        "limit show --user ada",
        "balance ada",
        "ledger ada",
        "usage --user ada --since 24h --group-by hour",
        "quarantine list",
        "quarantine replay",
        "quarantine replay 0198c1a0-0000-7000-8000-000000000000",
        "quarantine write-off 0198c1a0-0000-7000-8000-000000000000",
        "audit",
        "migrate",
        "health --ready",
        "config",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(parse(&format!("{line} --json")).unwrap().global.json, "{line}");
    }
}

#[test]
fn a_change_of_a_model_must_say_what_to_change() {
    let error = parse("model set gpt").unwrap_err().to_string();
    assert!(error.contains("--upstream-model"), "{error}");
}

#[test]
fn a_limit_is_on_one_and_of_something() {
    for (line, said) in [
        ("limit set --user ada", "--requests-per-minute"),
        ("limit set --requests-per-minute 1", "--user"),
        ("limit set --user ada --key tg-1 --requests-per-minute 1", "cannot be used with"),
        ("limit set --user ada --requests-per-minute 0", "0 is not in 1.."),
        ("limit show --user ada --key tg-1", "cannot be used with"),
    ] {
        let error = parse(line).unwrap_err().to_string();
        assert!(error.contains(said), "{line}: {error}");
    }
}

#[test]
fn a_price_that_would_have_to_be_rounded_is_refused() {
    let error = parse("tariff set gpt --input-price 0.0000000000001 --output-price 1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
    assert!(error.to_string().contains("12 decimal places"), "{error}");
}

#[test]
fn each_price_of_a_tariff_and_of_a_cost_is_taken_for_itself() {
    let shared = "--input-price 1 --output-price 2 --cache-read-price 3 --cache-write-price 4 --reasoning-price 5 --request-price 6";
    let further =
        "--cache-write-1h-price 7 --audio-input-price 8 --image-input-price 9 --audio-output-price 10";
    let Command::Tariff(TariffCommand::Set(tariff)) =
        parse(&format!("tariff set gpt {shared} {further}")).unwrap().command
    else {
        panic!()
    };
    let Command::Cost(CostCommand::Set(cost)) = parse(&format!("cost set gpt {shared}")).unwrap().command
    else {
        panic!()
    };
    let credits = |credits: u32| credits.to_string().parse::<PricePerToken>().unwrap();
    assert_eq!(
        tariff.prices(),
        PriceList {
            input_price: credits(1),
            output_price: credits(2),
            cache_read_price: Some(credits(3)),
            cache_write_5m_price: Some(credits(4)),
            reasoning_price: Some(credits(5)),
            request_price: Some(credits(6)),
            cache_write_1h_price: Some(credits(7)),
            audio_input_price: Some(credits(8)),
            image_input_price: Some(credits(9)),
            audio_output_price: Some(credits(10)),
        }
    );
    assert_eq!(
        cost.prices(),
        CostPrices {
            input_price: credits(1),
            output_price: credits(2),
            cache_read_price: Some(credits(3)),
            cache_write_price: Some(credits(4)),
            reasoning_price: Some(credits(5)),
            request_price: Some(credits(6)),
        }
    );
}

#[test]
fn a_negative_amount_is_taken_for_one_and_not_for_a_flag() {
    let cli = parse("credit grant ada -5 --source-id s").unwrap();
    let Command::Credit(CreditCommand::Grant(args)) = cli.command else { panic!() };
    assert_eq!(args.amount.to_string(), "-5");
    assert!(parse("user create ada --credits -0.5").is_ok());
}

#[test]
fn a_negative_price_and_an_unknown_purpose_are_refused_by_name() {
    for line in ["--input-price=-1 --output-price 1", "--input-price -0.5 --output-price 1"] {
        let error = parse(&format!("tariff set gpt {line}")).unwrap_err().to_string();
        assert!(error.contains("negative"), "{error}");
    }
    let error = parse("key create --user ada --purpose nightly").unwrap_err().to_string();
    assert!(error.contains("realtime, batch, playground, platform"), "{error}");
}

#[test]
fn a_path_template_without_slashes_is_refused() {
    let error = parse("endpoint create up http://x --path-template chat=y").unwrap_err().to_string();
    assert!(error.contains("ROUTE=TEMPLATE"), "{error}");
}
