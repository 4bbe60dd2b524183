//! Money goes from one account to another: the mistakes that are made with that, and none.

use crate::bank::*;
use es_core::store::BoxError;
use es_core::{AppBuilder, prelude::*};
use es_testing::prelude::*;

/// Carries out commands by itself, under ids that nobody has stated.
#[reactor(from = start)]
pub struct NaiveTransfers;
#[reactor]
impl NaiveTransfers {
    async fn started(&self, e: &TransferStarted, transfer: &u32, app: &App) -> Result<(), BoxError> {
        let (amount, transfer) = (e.amount, *transfer);
        app.execute(Withdraw { account: e.from.clone(), amount, transfer }).await?;
        app.execute(Deposit { account: e.to.clone(), amount, transfer }).await?;
        Ok(())
    }
}

/// Gives its commands as data.
#[reactor(from = start)]
pub struct PlainTransfers;
#[reactor]
impl PlainTransfers {
    fn started(&self, e: &TransferStarted, transfer: &u32) -> (Withdraw, Deposit) {
        let (amount, transfer) = (e.amount, *transfer);
        let withdraw = Withdraw { account: e.from.clone(), amount, transfer };
        (withdraw, Deposit { account: e.to.clone(), amount, transfer })
    }
}

/// Goes step by step, and gives the money back where it cannot be deposited.
#[reactor(key = u32, from = start)]
pub struct Transfers {
    from: String,
    to: String,
}
#[reactor]
impl Transfers {
    fn started(&mut self, e: &TransferStarted, transfer: &u32) -> Withdraw {
        (self.from, self.to) = (e.from.clone(), e.to.clone());
        Withdraw { account: e.from.clone(), amount: e.amount, transfer: *transfer }
    }
    #[key(e.transfer)]
    fn withdrawn(&mut self, e: &MoneyWithdrawn) -> Deposit {
        Deposit { account: self.to.clone(), amount: e.amount, transfer: e.transfer }
    }
    fn not_withdrawn(self, _: &Refused<Withdraw>) {}
    fn not_deposited(&mut self, refused: &Refused<Deposit>) -> Deposit {
        Deposit { account: self.from.clone(), ..refused.command.clone() }
    }
    #[key(e.transfer)]
    fn deposited(self, e: &MoneyDeposited) {}
}

/// The same, but it does not think of accounts that take no money.
#[reactor(key = u32, from = start)]
pub struct ForgetfulTransfers {
    to: String,
}
#[reactor]
impl ForgetfulTransfers {
    fn started(&mut self, e: &TransferStarted, transfer: &u32) -> Withdraw {
        self.to.clone_from(&e.to);
        Withdraw { account: e.from.clone(), amount: e.amount, transfer: *transfer }
    }
    #[key(e.transfer)]
    fn withdrawn(self, e: &MoneyWithdrawn) -> Deposit {
        Deposit { account: self.to, amount: e.amount, transfer: e.transfer }
    }
    fn not_withdrawn(self, _: &Refused<Withdraw>) {}
}

fn bank<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Account>().aggregate::<Transfer>().projection::<Balances>()
}

fn naive<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    bank(app).reactor::<NaiveTransfers>()
}

fn right<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    bank(app).reactor::<Transfers>()
}

fn accounts() -> Story {
    Story::new().given(open("ann", 100)).given(open("bob", 0))
}

/// All money that there is.
async fn money(app: &App) -> u64 {
    balance(app, "ann").await + balance(app, "bob").await
}

#[test]
fn a_naive_transfer_deposits_twice() {
    let story = accounts().command(transfer(1, "ann", "bob", 30));
    let report = explore(naive, story)
        .invariant("money is deposited once", async |app| {
            let balance = balance(&app, "bob").await;
            if balance <= 30 { Ok(()) } else { Err(format!("bob has {balance}, not 30")) }
        })
        .report();
    let failure = report.failure.expect("a failure");
    let expected = r#""money is deposited once" does not hold after a crash at step 2: bob has 60, not 30

     given OpenAccount { account: "ann", balance: 100 }
     given OpenAccount { account: "bob", balance: 0 }
  1. client: StartTransfer { transfer: 1, from: "ann", to: "bob", amount: 30 } -> TransferStarted (transfer-1)
  2. naive_transfers handles TransferStarted: Withdraw -> MoneyWithdrawn (account-ann); Deposit -> MoneyDeposited (account-bob)
     crash: the process ends after its 10th store call, `append`
  3. naive_transfers handles TransferStarted once more: Withdraw -> MoneyWithdrawn (account-ann); Deposit -> MoneyDeposited (account-bob)
"#;
    assert_eq!(failure.to_string(), expected);
}

#[test]
fn commands_as_data_are_carried_out_once() {
    let app = |app| bank(app).reactor::<PlainTransfers>();
    explore(app, accounts().command(transfer(1, "ann", "bob", 30)))
        .invariant("money is deposited once", async |app| balance(&app, "bob").await <= 30)
        .finally("the money has gone to bob", async |app| {
            (balance(&app, "ann").await, balance(&app, "bob").await) == (70, 30)
        })
        .check();
}

#[test]
fn a_process_that_gives_money_back_loses_none() {
    let story = accounts()
        .client(|bank| bank.command(Freeze { account: "bob".into() }))
        .command(transfer(1, "ann", "bob", 30));
    explore(right, story)
        .invariant("no money is made", async |app| money(&app).await <= 100)
        .finally("no money is lost", async |app| money(&app).await == 100)
        .check();
}

#[test]
fn of_two_transfers_the_second_is_refused_where_nothing_is_left() {
    let story = accounts().command(transfer(1, "ann", "bob", 80)).command(transfer(2, "ann", "bob", 60));
    explore(right, story)
        .faults(1)
        .finally("one of them is carried out", async |app| {
            matches!((balance(&app, "ann").await, balance(&app, "bob").await), (20, 80) | (40, 60))
        })
        .check();
}

#[test]
fn a_process_that_forgets_refusals_loses_money() {
    let app = |app| bank(app).reactor::<ForgetfulTransfers>();
    let story = accounts()
        .client(|bank| bank.command(Freeze { account: "bob".into() }))
        .command(transfer(1, "ann", "bob", 30));
    let report = explore(app, story)
        .finally("no money is lost", async |app| {
            let money = money(&app).await;
            if money == 100 { Ok(()) } else { Err(format!("{money} of 100 are left")) }
        })
        .report();
    let expected = r#""no money is lost" does not hold: 70 of 100 are left

     given OpenAccount { account: "ann", balance: 100 }
     given OpenAccount { account: "bob", balance: 0 }
  1. client 1: StartTransfer { transfer: 1, from: "ann", to: "bob", amount: 30 } -> TransferStarted (transfer-1)
  2. client 2: Freeze { account: "bob" } -> AccountFrozen (account-bob)
  3. forgetful_transfers handles TransferStarted: Withdraw -> MoneyWithdrawn (account-ann)
  4. forgetful_transfers handles MoneyWithdrawn
     parked: Deposit was refused: the account is frozen
  5. balances handles MoneyWithdrawn
"#;
    assert_eq!(report.failure.expect("a failure").to_string(), expected);
}

#[test]
fn the_same_story_has_the_same_report() {
    let explored = || {
        let story = accounts().command(transfer(1, "ann", "bob", 30));
        explore(naive, story).finally("no money is lost", async |app| money(&app).await == 100).report()
    };
    let report = explored();
    assert!(report.failure.is_some());
    assert_eq!(explored(), report);
}
