//! Balances, ledgers and usage as people read them.

use tollgate_store::movements::MovementKind;
use tollgate_store::reports::{self, GroupBy, LedgerCursor, UsageQuery};

use crate::support::{Books, at, credits};

#[tokio::test]
async fn a_ledger_reads_from_the_newest_page_by_page_without_gap_or_repetition() {
    let books = Books::open().await;
    books.user("ada").await;
    books.user("bob").await;
    for number in 1..=7 {
        books.grant("ada", &number.to_string(), &format!("s-{number}")).await.unwrap();
    }
    books.movement("ada", MovementKind::AdminRemoval, "0.5", "s-8").await.unwrap();
    books.grant("bob", "100", "not-ada").await.unwrap();
    let (mut amounts, mut pages, mut before) = (Vec::new(), 0, None::<LedgerCursor>);
    loop {
        let page = books
            .store
            .tx_unbounded("ledger", async |tx| reports::ledger(&tx, "ada", 3, before.as_ref()).await)
            .await
            .unwrap();
        pages += 1;
        amounts.extend(page.entries.iter().map(|entry| entry.amount.to_string()));
        match page.next {
            // Through its text, as a command line would.
            Some(next) => before = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(amounts, ["-0.5", "7", "6", "5", "4", "3", "2", "1"]);
    assert_eq!(pages, 3);
    "nonsense".parse::<LedgerCursor>().unwrap_err();
}

#[tokio::test]
async fn balances_are_those_of_the_ledger() {
    let books = Books::open().await;
    books.user("ada").await;
    books.user("bob").await;
    books.grant("bob", "2.5", "s").await.unwrap();
    let one = books.store.tx("balance", async |tx| reports::balance(&tx, "bob").await).await.unwrap();
    assert_eq!(one.balance, credits("2.5"));
    let all = books.store.tx("balances", async |tx| reports::all_balances(&tx).await).await.unwrap();
    let all: Vec<_> = all.iter().map(|report| (report.user.as_str(), report.balance.to_string())).collect();
    assert_eq!(all, [("ada", "0".to_owned()), ("bob", "2.5".to_owned())]);
}

#[tokio::test]
async fn usage_sums_the_rollups_by_what_is_asked() {
    let books = Books::open().await;
    let (ada, bob) = (books.user("ada").await, books.user("bob").await);
    books.model().await;
    let sql = format!(
        "insert into usage_rollups (hour, user_no, key_no, model_no, requests, prompt_tokens, amount_pico)
         select to_timestamp({hour}) + h * interval '1 hour', u, 0, m.no, 10, 1000, 25000000000
         from generate_series(0, 1) h, unnest(array[{}, {}, 0]) u, deployed_models m",
        ada.no,
        bob.no,
        hour = at(0).as_second() / 3600 * 3600
    );
    books.store.tx("fill", async |tx| Ok(tx.batch_execute(&sql).await?)).await.unwrap();
    let usage = async |query: UsageQuery| {
        books
            .store
            .tx("usage", async |tx| reports::usage(&tx, &query).await)
            .await
            .unwrap()
            .iter()
            .map(|row| format!("{} {} {}", row.group.as_deref().unwrap_or("-"), row.requests, row.amount))
            .collect::<Vec<_>>()
    };
    let by = |group_by| UsageQuery { group_by, ..UsageQuery::default() };
    assert_eq!(usage(by(GroupBy::Model)).await, ["m 60 0.15"]);
    assert_eq!(usage(by(GroupBy::User)).await, ["ada 20 0.05", "bob 20 0.05", "- 20 0.05"]);
    assert_eq!(usage(by(GroupBy::Key)).await, ["- 60 0.15"]);
    assert_eq!(usage(by(GroupBy::Hour)).await, ["2023-11-14T22:00Z 30 0.075", "2023-11-14T23:00Z 30 0.075"]);
    let of_ada = UsageQuery {
        user: Some("ada".to_owned()),
        since: Some(at(3600)),
        group_by: GroupBy::Model,
        ..UsageQuery::default()
    };
    assert_eq!(usage(of_ada).await, ["m 10 0.025"]);
}
