//! Mails are sent by a server that outlives the process.

use es_core::{AppBuilder, prelude::*};
use es_testing::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

#[event]
pub struct Shipped;

#[command(Parcel)]
pub struct Ship {
    #[id]
    pub parcel: u32,
}

#[aggregate(id = u32)]
pub struct Parcel {}

#[applier]
impl Parcel {
    fn shipped(_: &Shipped) -> Self {
        Self {}
    }
}

#[command_handler]
impl Parcel {
    fn ship(_: Ship) -> Shipped {
        Shipped
    }
}

/// A mail server: what it has sent.
#[derive(Debug, Default)]
pub struct Mails(Mutex<Vec<Uuid>>);

impl Mails {
    fn send(&self, id: Uuid) {
        self.0.lock().unwrap().push(id);
    }

    /// Sends what has this key once.
    fn send_once(&self, key: Uuid) {
        let mut sent = self.0.lock().unwrap();
        if !sent.contains(&key) {
            sent.push(key);
        }
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Has the server tell repeated mails apart.
#[reactor(from = start)]
pub struct KeyedMail;
#[reactor]
impl KeyedMail {
    fn shipped(&self, _: &Shipped, cx: &Context<Self>, mails: &Mails) {
        mails.send_once(cx.new_id());
    }
}

/// What a process knows of the mails that it has sent.
#[derive(Default)]
pub struct Known(Mutex<BTreeSet<Uuid>>);

/// Tells repeated mails apart by itself.
#[reactor(from = start)]
pub struct RememberedMail;
#[reactor]
impl RememberedMail {
    fn shipped(&self, _: &Shipped, env: &Envelope, known: &Known, mails: &Mails) {
        if known.0.lock().unwrap().insert(env.id) {
            mails.send(env.id);
        }
    }
}

/// Says no a few times before it sends anything.
#[derive(Debug, Default)]
pub struct BusyMails {
    asked: Mutex<u32>,
    sent: Mails,
}

#[derive(Debug, thiserror::Error)]
#[error("the server is busy")]
pub struct Busy;

#[reactor(from = start)]
pub struct PatientMail;
#[reactor]
impl PatientMail {
    fn shipped(&self, _: &Shipped, cx: &Context<Self>, mails: &BusyMails) -> Result<(), Busy> {
        let mut asked = mails.asked.lock().unwrap();
        *asked += 1;
        if *asked < 3 {
            return Err(Busy);
        }
        mails.sent.send_once(cx.new_id());
        Ok(())
    }
}

fn parcels<S: EventStore>(app: AppBuilder<S>, mails: &Arc<Mails>) -> AppBuilder<S> {
    app.aggregate::<Parcel>().service::<Mails>(mails.clone())
}

#[test]
fn what_a_process_remembers_is_gone_after_a_crash() {
    let report = explore_with(
        Mails::default,
        |app, mails| parcels(app, mails).reactor::<RememberedMail>().service::<Known>(Arc::default()),
        Story::new().command(Ship { parcel: 1 }),
    )
    .invariant("one mail is sent", async |app| app.outside().count() <= 1)
    .report();
    let expected = r#""one mail is sent" does not hold after a crash at step 2

  1. client: Ship { parcel: 1 } -> Shipped (parcel-1)
  2. remembered_mail handles Shipped
     crash: the process ends before its 7th store call, `advance`
  3. remembered_mail handles Shipped once more
"#;
    assert_eq!(report.failure.expect("a failure").to_string(), expected);
}

#[test]
fn a_key_for_the_outside_outlives_the_process() {
    explore_with(
        Mails::default,
        |app, mails| parcels(app, mails).reactor::<KeyedMail>(),
        Story::new().command(Ship { parcel: 1 }).command(Ship { parcel: 2 }),
    )
    .finally("each parcel has its mail", async |app| app.outside().count() == 2)
    .check();
}

#[test]
fn each_schedule_has_an_outside_of_its_own() {
    let made = Arc::new(Mutex::new(0));
    let counted = made.clone();
    let outside = move || {
        *counted.lock().unwrap() += 1;
        Mails::default()
    };
    let app = |app: AppBuilder<_>, mails: &Arc<Mails>| parcels(app, mails).reactor::<KeyedMail>();
    let report = explore_with(outside, app, Story::new().command(Ship { parcel: 1 }))
        .invariant("one mail is sent", async |app| app.outside().count() <= 1)
        .report();
    assert_eq!(report.failure, None);
    assert!(*made.lock().unwrap() > 1);
}

#[test]
fn what_fails_is_tried_again_when_it_is_due() {
    let explored = || {
        explore_with(
            BusyMails::default,
            |app, mails| {
                app.aggregate::<Parcel>().reactor::<PatientMail>().service::<BusyMails>(mails.clone())
            },
            Story::new().command(Ship { parcel: 1 }),
        )
        .invariant("one mail is sent", async |app| app.outside().sent.count() <= 1)
        .finally("a mail is sent at the third attempt", async |app| app.outside().sent.count() == 1)
        .report()
    };
    let report = explored();
    assert_eq!(report.failure, None);
    assert!(!report.is_cut);
    assert_eq!(explored(), report);
}
