use std::time::Duration;

use lms_core::ai::{AiProvider, AiRequest, ProviderError, ProviderErrorKind as Kind, Retry};

use super::request;
use crate::provider::{Breaker, BreakerSettings, Circuit, Reply, Scripted};

const PAUSE: Duration = Duration::from_secs(30);

fn breaker() -> Breaker<Scripted> {
    Breaker::new(Scripted::new())
}

fn say(breaker: &Breaker<Scripted>, kind: Option<Kind>) {
    match kind {
        None => breaker.inner().push(Reply::text("{}")),
        Some(kind) => breaker.inner().push_error(ProviderError::new(kind, Retry::Now)),
    }
}

/// Asks once, with this answer; gives the kind of the error.
async fn ask(breaker: &Breaker<Scripted>, kind: Option<Kind>) -> Option<Kind> {
    say(breaker, kind);
    breaker.complete(&request()).await.err().map(|error| error.kind)
}

fn circuit(breaker: &Breaker<Scripted>) -> Circuit {
    breaker.circuit(&request().model)
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_it_and_a_probe_closes_it() {
    let breaker = breaker();
    for kind in [Kind::Connect, Kind::Timeout, Kind::Overloaded, Kind::Server] {
        assert_eq!(ask(&breaker, Some(kind.clone())).await, Some(kind));
    }
    assert_eq!(ask(&breaker, None).await, None, "a success in between");
    for _ in 0..5 {
        assert_eq!(circuit(&breaker), Circuit::Closed);
        ask(&breaker, Some(Kind::Server)).await;
    }
    assert_eq!(circuit(&breaker), Circuit::Open(PAUSE));
    tokio::time::advance(Duration::from_secs(10)).await;
    let calls = breaker.inner().calls();
    let error = breaker.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::CircuitOpen, Retry::After(Duration::from_secs(20))));
    assert_eq!(breaker.inner().calls(), calls, "nobody was asked");

    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(circuit(&breaker), Circuit::Probing);
    assert_eq!(ask(&breaker, Some(Kind::Server)).await, Some(Kind::Server), "the probe fails");
    assert_eq!(circuit(&breaker), Circuit::Open(PAUSE));
    tokio::time::advance(PAUSE).await;
    assert_eq!(ask(&breaker, None).await, None, "the probe succeeds");
    assert_eq!(circuit(&breaker), Circuit::Closed);
    ask(&breaker, Some(Kind::Server)).await;
    assert_eq!(circuit(&breaker), Circuit::Closed, "what was before is forgotten");
}

#[tokio::test(start_paused = true)]
async fn half_of_the_last_twenty_open_it() {
    let breaker = breaker();
    for n in 0..20 {
        assert_eq!(circuit(&breaker), Circuit::Closed, "{n}");
        ask(&breaker, (n % 2 == 0).then_some(Kind::Protocol)).await;
    }
    assert_eq!(circuit(&breaker), Circuit::Open(PAUSE));

    let breaker = Breaker::new(Scripted::new());
    for n in 0..200 {
        ask(&breaker, (n % 20 < 9 && n % 2 == 0 || n % 20 == 9).then_some(Kind::RateLimited)).await;
        assert_eq!(circuit(&breaker), Circuit::Closed, "six of twenty");
    }
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time() {
    let breaker =
        Breaker::with_settings(Scripted::new(), BreakerSettings { in_a_row: 1, ..BreakerSettings::default() });
    ask(&breaker, Some(Kind::Server)).await;
    tokio::time::advance(PAUSE).await;
    breaker.inner().push(Reply::text("{}").delay(Duration::from_secs(5)));
    let asked = request();
    let mut probe = Box::pin(breaker.complete(&asked));
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut probe).await.is_err(), "under way");
    let error = breaker.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::CircuitOpen, Retry::Now));
    probe.await.unwrap();
    assert_eq!(circuit(&breaker), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_makes_room_for_the_next() {
    let breaker =
        Breaker::with_settings(Scripted::new(), BreakerSettings { in_a_row: 1, ..BreakerSettings::default() });
    ask(&breaker, Some(Kind::Server)).await;
    for _ in 0..3 {
        tokio::time::advance(PAUSE).await;
        breaker.inner().push(Reply::text("{}").delay(Duration::from_secs(5)));
        let given_up = tokio::time::timeout(Duration::from_secs(1), breaker.complete(&request())).await;
        assert!(given_up.is_err());
        assert_eq!(circuit(&breaker), Circuit::Probing);
    }
    assert_eq!(ask(&breaker, None).await, None);
    assert_eq!(circuit(&breaker), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_given_up_at_their_deadline_were_too_slow() {
    let breaker = breaker();
    for _ in 0..9 {
        breaker.inner().push(Reply::text("{}").delay(Duration::from_secs(20)));
        assert!(tokio::time::timeout(Duration::from_secs(19), breaker.complete(&request())).await.is_err());
    }
    assert_eq!(circuit(&breaker), Circuit::Closed, "their callers went away");
    let stuck = Breaker::new(super::Stuck);
    for _ in 0..5 {
        assert!(tokio::time::timeout(request().deadline, stuck.complete(&request())).await.is_err());
    }
    assert_eq!(stuck.circuit(&request().model), Circuit::Open(PAUSE));
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_keeps_it_open_until_somebody_acts() {
    for kind in [Kind::Auth, Kind::SpendLimit] {
        let breaker = breaker();
        ask(&breaker, Some(kind)).await;
        tokio::time::advance(Duration::from_secs(86_400)).await;
        assert_eq!(circuit(&breaker), Circuit::Locked);
        let error = breaker.complete(&request()).await.unwrap_err();
        assert_eq!((error.kind, error.retry), (Kind::CircuitOpen, Retry::Never));
        assert_eq!(breaker.inner().calls(), 1);
        breaker.reset();
        assert_eq!(ask(&breaker, None).await, None);
        assert_eq!(circuit(&breaker), Circuit::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_requests_say_that_the_service_works_and_each_model_stands_alone() {
    let breaker = breaker();
    for _ in 0..4 {
        for _ in 0..4 {
            ask(&breaker, Some(Kind::Server)).await;
        }
        ask(&breaker, Some(Kind::BadRequest { param: None })).await;
        for _ in 0..9 {
            ask(&breaker, Some(Kind::ModelUnavailable)).await;
        }
    }
    assert_eq!(circuit(&breaker), Circuit::Closed);
    for _ in 0..5 {
        ask(&breaker, Some(Kind::Server)).await;
    }
    say(&breaker, None);
    let other = AiRequest { model: "other".into(), ..request() };
    assert!(breaker.complete(&other).await.is_ok());
    assert_eq!((circuit(&breaker), breaker.circuit("other")), (Circuit::Open(PAUSE), Circuit::Closed));
}

#[tokio::test(start_paused = true)]
async fn what_began_before_it_opened_says_nothing_after() {
    let breaker = breaker();
    breaker.inner().push(Reply::text("{}").delay(Duration::from_secs(10)));
    let asked = request();
    let mut early = Box::pin(breaker.complete(&asked));
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut early).await.is_err());
    for _ in 0..5 {
        ask(&breaker, Some(Kind::Server)).await;
    }
    early.await.unwrap();
    assert!(matches!(circuit(&breaker), Circuit::Open(_)), "{:?}", circuit(&breaker));
}
