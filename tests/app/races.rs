//! Many at once, in one process and in two: nothing is lost, nothing happens twice.

use crate::bank::{
    Account, FillUp, ann, balance, bank, bob, deposit, newcomer, open, opened, replayed, stream, withdraw,
};
use crate::kit::Place;
use es_core::prelude::*;

on_every_store! {
    sixty_four_times_one_command_is_one_commit
    sixty_four_births_are_one
    two_processes_lose_no_update
    whoever_is_behind_ends_with_the_replayed_state
    transfers_of_two_processes_keep_the_money
}

async fn sixty_four_times_one_command_is_one_commit(place: Place) {
    let apps = [bank(place.open().await).await, bank(place.open().await).await];
    opened(&apps[0], ann(), 100).await;
    let id = CommandId::named("once");
    let tasks: Vec<_> = apps
        .iter()
        .cycle()
        .take(64)
        .map(|app| tokio::spawn(app.execute(withdraw(ann(), 80)).id(id)))
        .collect();
    let (mut carried_out, mut positions) = (0, Vec::new());
    for task in tasks {
        let done = task.await.unwrap().unwrap();
        assert_eq!((done.version, done.reply.left), (3, 20));
        positions.push(done.position);
        assert_eq!(done.events.len(), 1);
        carried_out += usize::from(!done.duplicate);
    }
    assert_eq!(carried_out, 1);
    assert_eq!(positions, [place.positions().await[2]; 64]);
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

async fn sixty_four_births_are_one(place: Place) {
    let apps = [bank(place.open().await).await, bank(place.open().await).await];
    let tasks: Vec<_> =
        apps.iter().cycle().take(64).map(|app| tokio::spawn(app.execute(open(ann())))).collect();
    let mut born = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => born += 1,
            Err(refused) => assert!(matches!(refused, CommandError::AlreadyExists { .. }), "{refused}"),
        }
    }
    assert_eq!((born, place.stored(&stream(&ann())).await.len()), (1, 1));
}

async fn two_processes_lose_no_update(place: Place) {
    let apps = [bank(place.open().await).await, bank(place.open().await).await];
    opened(&apps[0], ann(), 0).await;
    let tasks: Vec<_> =
        apps.iter().cycle().take(64).map(|app| tokio::spawn(app.execute(deposit(ann(), 1)))).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    for app in &apps {
        assert_eq!(balance(app, &ann()).await, Some(64));
    }
    assert_eq!(replayed(&place, &ann()).await, Some(64));
}

async fn whoever_is_behind_ends_with_the_replayed_state(place: Place) {
    let apps = [bank(place.open().await).await, bank(place.open().await).await];
    opened(&apps[0], ann(), 50).await;
    for n in 0..20_u64 {
        let app = &apps[usize::from(n % 3 == 0)];
        // Some are refused and some have nothing to do; each leaves its app with what it has seen.
        let _ = app.execute(withdraw(ann(), 1 + n * 3 % 17)).await;
        app.execute(FillUp { account: ann(), level: 10 + n }).await.unwrap();
    }
    let replayed = newcomer(&place).await.load::<Account>(&ann()).await.unwrap().unwrap();
    for app in &apps {
        let known = app.load::<Account>(&ann()).await.unwrap().unwrap();
        assert_eq!(*known, *replayed);
        assert_eq!(
            (known.version(), known.position(), known.recorded_at()),
            (replayed.version(), replayed.position(), replayed.recorded_at())
        );
    }
}

async fn transfers_of_two_processes_keep_the_money(place: Place) {
    let apps = [bank(place.open().await).await, bank(place.open().await).await];
    opened(&apps[0], ann(), 100).await;
    opened(&apps[0], bob(), 100).await;
    let tasks: Vec<_> = apps
        .iter()
        .zip([(ann(), bob()), (bob(), ann())])
        .map(|(app, (from, to))| {
            let app = app.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    app.execute_all((withdraw(from.clone(), 1), deposit(to.clone(), 1))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let one = replayed(&place, &ann()).await.unwrap();
    assert_eq!((one, replayed(&place, &bob()).await), (100, Some(100)));
}
