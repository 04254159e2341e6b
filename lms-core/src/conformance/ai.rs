//! The record of AI calls, and their budgets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use uuid::Uuid;

use super::{Harness, RACERS};
use crate::lms::{Claim, NewCourse, NewUser};
use crate::model::table::Json;
use crate::model::*;
use crate::store::{AiLogFilter, ById, Change, Expect, WriteBatch};

/// A row of an attempt that is about to be sent.
fn pending(h: &Harness, charged: i64) -> AiLog {
    let now = h.lms.now();
    let hash = "0".repeat(64);
    AiLog {
        id: AiLogId::from_uuid(h.lms.ids().uuid(now)),
        operation_id: h.lms.ids().uuid(now),
        attempt: 1,
        kind: "outline".into(),
        prompt_version: 1,
        status: AiLogStatus::Pending,
        provider: "scripted".into(),
        model_requested: "m".into(),
        model_served: None,
        request_id: None,
        message_id: None,
        stop_reason: None,
        http_status: None,
        error_kind: None,
        violations: Json::parse("[]").unwrap(),
        notes: Json::parse("[]").unwrap(),
        input_sha256: hash.clone(),
        prompt_sha256: hash.clone(),
        system_sha256: hash.clone(),
        schema_sha256: hash,
        prompt_text: Some("ask".into()),
        response_text: None,
        response_sha256: None,
        redaction: "full".into(),
        tokens_in: 0,
        tokens_out: 0,
        tokens_cache_read: 0,
        tokens_cache_write: 0,
        tokens_thinking: 0,
        cost_micro_usd: 0,
        charged_micro_usd: charged,
        latency_ms: None,
        actor_id: None,
        course_id: None,
        subject_type: None,
        subject_id: None,
        created_at: now,
        given_up_at: now.plus_seconds(3_600),
        completed_at: None,
        applied_at: None,
        expires_at: None,
    }
}

/// How a call that was answered ends.
fn answered(mut row: AiLog, at: Timestamp, cost: i64) -> AiLog {
    row.status = AiLogStatus::Valid;
    row.response_text = Some("{}".into());
    (row.cost_micro_usd, row.charged_micro_usd) = (cost, cost);
    (row.tokens_in, row.tokens_cache_read, row.tokens_out) = (10, 5, 3);
    row.completed_at = Some(at);
    row
}

/// (reserved, spent) of a scope today.
async fn used(h: &Harness, scope: BudgetScope) -> (i64, i64) {
    let found = h.lms.system().ai_budgets().spending_of(h.lms.now(), &[scope]).await.unwrap();
    (found[0].reserved, found[0].spent)
}

async fn claim(h: &Harness, row: &AiLog) -> Claim {
    h.lms.system().ai_log().claim(row.clone()).await.unwrap()
}

/// Of many calls at once as many are let through as the limit has room for, and the rest leave a row that
/// says so.
pub async fn thirty_two_calls_at_once_never_pass_the_limit(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let host = h.lms.system();
    // Room for ten; the course's own limit has room for more, the person's has none.
    host.ai_budgets().set(BudgetScope::All, Some(1_050)).await.unwrap();
    host.ai_budgets().set(BudgetScope::Course(room.course), Some(5_000)).await.unwrap();
    let mut callers = Vec::new();
    for _ in 0..RACERS {
        let mut row = pending(h, 100);
        row.course_id = Some(room.course);
        let lms = h.lms.clone();
        callers.push(tokio::spawn(async move { (row.id, lms.system().ai_log().claim(row).await.unwrap()) }));
    }
    let (mut mine, mut denied) = (0, 0);
    for caller in callers {
        let (id, claim) = caller.await.unwrap();
        let row = host.ai_log().log(id).await.unwrap();
        match claim {
            Claim::Mine => {
                mine += 1;
                assert_eq!((row.status, row.charged_micro_usd), (AiLogStatus::Pending, 100));
            }
            Claim::Denied(full) => {
                denied += 1;
                assert_eq!((full.scope, full.limit_micro_usd), (BudgetScope::All, Some(1_050)));
                assert_eq!((row.status, row.charged_micro_usd), (AiLogStatus::Denied, 0));
                assert_eq!(row.error_kind.as_deref(), Some("budget_denied"));
                assert!(row.completed_at.is_some());
            }
            Claim::Taken(row) => unreachable!("{row:?}"),
        }
    }
    assert_eq!((mine, denied), (10, RACERS - 10));
    for scope in [BudgetScope::All, BudgetScope::Course(room.course)] {
        assert_eq!(used(h, scope).await, (1_000, 0), "{scope}");
    }
}

/// What was set aside is spent as far as it was used, and where nobody knows how far, whole: also when the
/// caller dies.
pub async fn what_is_set_aside_is_settled_once(h: &Harness) {
    let host = h.lms.system();
    let scopes = [BudgetScope::All];
    let mut rows: Vec<AiLog> = (0..4).map(|_| pending(h, 100)).collect();
    // A slow one: how long an attempt may take is its own affair.
    rows[3].given_up_at = h.lms.now().plus_seconds(7_200);
    for row in &rows {
        assert_eq!(claim(h, row).await, Claim::Mine);
    }
    assert_eq!(used(h, scopes[0]).await, (400, 0));
    // Answered: what it cost. Twice finishes once.
    let done = answered(rows[0].clone(), h.lms.now(), 30);
    assert!(host.ai_log().settle(done.clone(), AiLogStatus::Pending, 100).await.unwrap());
    assert!(!host.ai_log().settle(done, AiLogStatus::Pending, 100).await.unwrap());
    assert_eq!(used(h, scopes[0]).await, (300, 30));
    // Failed before it was sent: nothing.
    let mut failed = rows[1].clone();
    (failed.status, failed.charged_micro_usd) = (AiLogStatus::ProviderError, 0);
    assert!(host.ai_log().settle(failed, AiLogStatus::Pending, 100).await.unwrap());
    assert_eq!(used(h, scopes[0]).await, (200, 30));
    // Failed, and nobody knows what it used: all of it.
    let mut broke = rows[2].clone();
    broke.status = AiLogStatus::Timeout;
    assert!(host.ai_log().finish(broke, AiLogStatus::Pending).await.unwrap());
    assert_eq!(used(h, scopes[0]).await, (100, 130));
    // Its process was killed: swept, all of it, on the day of the call, however late.
    let day = h.lms.now();
    h.clock.advance(7_200);
    assert_eq!((h.lms.tick().await.unwrap().abandoned, used(h, scopes[0]).await), (0, (100, 130)), "it may be at it");
    h.clock.advance(3 * 86_400);
    assert_eq!(h.lms.tick().await.unwrap().abandoned, 1);
    assert_eq!(used(h, scopes[0]).await, (0, 0), "today is another day");
    let then = host.ai_budgets().spending_of(day, &scopes).await.unwrap();
    assert_eq!((then[0].reserved, then[0].spent), (0, 230));
    let row = host.ai_log().log(rows[3].id).await.unwrap();
    assert_eq!((row.status, row.charged_micro_usd), (AiLogStatus::Abandoned, 100));
    // The books are the rows: what they charge is what the day has spent.
    let costs = host.ai_log().costs(AiLogFilter::default()).await.unwrap();
    assert_eq!(costs.iter().map(|c| c.charged_micro_usd).sum::<i64>(), 230);
    assert_eq!(costs.iter().map(|c| c.cost_micro_usd).sum::<i64>(), 30);
}

/// A course and a person have a limit of their own, or that of their kind; no scope is touched where one of
/// them has no room; another day begins at nothing.
pub async fn limits_are_by_scope_and_day(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let budgets = h.lms.system();
    let budgets = budgets.ai_budgets();
    let call = |charged| {
        let mut row = pending(h, charged);
        (row.course_id, row.actor_id) = (Some(room.course), Some(room.instructor));
        row
    };
    let (course, actor) = (BudgetScope::Course(room.course), BudgetScope::Actor(room.instructor));
    assert_eq!(claim(h, &call(1_000_000)).await, Claim::Mine, "no limit, no end");
    assert_eq!(used(h, course).await, (1_000_000, 0), "and it is counted all the same");
    h.clock.advance(86_400);

    budgets.set(BudgetScope::EachCourse, Some(100)).await.unwrap();
    budgets.set(BudgetScope::EachActor, Some(50)).await.unwrap();
    let Claim::Denied(full) = claim(h, &call(60)).await else { unreachable!() };
    assert_eq!((full.scope, full.limit_micro_usd), (actor, Some(50)));
    for scope in [BudgetScope::All, course, actor] {
        assert_eq!(used(h, scope).await, (0, 0), "{scope}: nothing of it is set aside");
    }
    budgets.set(actor, Some(1_000)).await.unwrap();
    assert_eq!(claim(h, &call(60)).await, Claim::Mine);
    let Claim::Denied(full) = claim(h, &call(60)).await else { unreachable!() };
    assert_eq!((full.scope, full.reserved, full.spent), (course, 60, 0));
    // Whoever has no course and is nobody counts in all calls only; what costs nothing needs no room.
    budgets.set(BudgetScope::All, Some(0)).await.unwrap();
    assert!(matches!(claim(h, &pending(h, 1)).await, Claim::Denied(_)));
    assert_eq!(claim(h, &pending(h, 0)).await, Claim::Mine);
    budgets.set(BudgetScope::All, None).await.unwrap();
    assert_eq!(claim(h, &pending(h, 1)).await, Claim::Mine);
    // A claim that another caller has already sets nothing aside.
    let row = call(10);
    assert_eq!(claim(h, &row).await, Claim::Mine);
    let before = used(h, course).await;
    let again = AiLog { id: AiLogId::from_uuid(Uuid::from_u128(5)), ..row };
    assert!(matches!(claim(h, &again).await, Claim::Taken(_)));
    assert_eq!(used(h, course).await, before);

    let keys = |found: Vec<AiBudget>| found.into_iter().map(|b| b.scope).collect::<Vec<_>>();
    assert_eq!(keys(budgets.limits(None, 10).await.unwrap()), [actor, BudgetScope::EachActor, BudgetScope::EachCourse]);
    assert_eq!(keys(budgets.limits(Some(actor), 1).await.unwrap()), [BudgetScope::EachActor]);
    let today = budgets.spending(h.lms.now(), None, 10).await.unwrap();
    let seen: Vec<_> = today.iter().map(|s| (s.scope, s.limit_micro_usd, s.reserved)).collect();
    assert_eq!(seen, [(actor, Some(1_000), 70), (BudgetScope::All, None, 71), (course, Some(100), 70)]);
    assert_eq!(budgets.spending(h.lms.now(), Some(actor), 10).await.unwrap().len(), 2);

    // A budget is the host's and the admins'.
    for (session, may) in [(h.lms.as_user(room.admin), true), (room.teacher(), false), (room.student(0), false)] {
        assert_eq!(session.ai_budgets().set(actor, Some(1)).await.is_ok(), may);
        assert_eq!(session.ai_budgets().limits(None, 1).await.is_ok(), may);
        assert_eq!(session.ai_budgets().spending(h.lms.now(), None, 1).await.is_ok(), may);
    }
}

/// What an admin page asks: by course, person, task, status and time, page by page, and the costs of a day.
/// rules: I2, R1
pub async fn i2_the_record_is_read_by_course_person_task_status_and_day(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let course = NewCourse { instructor_id: Some(room.admin), ..NewCourse::titled("Another") };
    let other = h.lms.system().catalog().create_course(course).await.unwrap().id;
    let start = h.lms.now();
    let mut ids = Vec::new();
    for n in 0..6_i64 {
        let mut row = pending(h, 10);
        row.kind = if n % 2 == 0 { "outline" } else { "quiz" }.into();
        row.course_id = Some(if n < 4 { room.course } else { other });
        row.actor_id = Some(if n == 0 { room.admin } else { room.instructor });
        ids.push(row.id);
        claim(h, &row).await;
        if n != 5 {
            let done = answered(row, h.lms.now(), n + 1);
            h.lms.system().ai_log().settle(done, AiLogStatus::Pending, 10).await.unwrap();
        }
        // Three on the first day, from noon on, three on the next.
        h.clock.advance(if n == 2 { 86_400 } else { 60 });
    }
    let host = h.lms.system();
    let find = async |filter: AiLogFilter| {
        let rows = host.ai_log().logs(filter, ById::default()).await.unwrap();
        assert!(rows.iter().all(|row| row.prompt_text.is_none() && row.response_text.is_none()));
        rows.iter().map(|row| ids.iter().position(|id| *id == row.id).unwrap()).collect::<Vec<_>>()
    };
    let all = AiLogFilter::default;
    let at = |minutes: i64| Some(start.plus_seconds(minutes * 60));
    assert_eq!(find(all()).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(find(AiLogFilter { newest_first: true, ..all() }).await, [5, 4, 3, 2, 1, 0]);
    let of_course = AiLogFilter { course: Some(room.course), ..all() };
    assert_eq!(find(of_course.clone()).await, [0, 1, 2, 3]);
    assert_eq!(find(AiLogFilter { actor: Some(room.instructor), ..of_course.clone() }).await, [1, 2, 3]);
    assert_eq!(find(AiLogFilter { actor: Some(room.admin), ..all() }).await, [0]);
    assert_eq!(find(AiLogFilter { kind: Some("quiz".into()), ..all() }).await, [1, 3, 5]);
    assert_eq!(find(AiLogFilter { status: Some(AiLogStatus::Pending), ..all() }).await, [5]);
    assert_eq!(find(AiLogFilter { from: at(1), until: at(2), ..all() }).await, [1]);
    let (quiz, newest) = (Some("quiz".to_owned()), true);
    assert_eq!(find(AiLogFilter { kind: quiz, until: at(10), newest_first: newest, ..of_course.clone() }).await, [1]);
    assert_eq!(host.ai_log().log(ids[0]).await.unwrap().response_text.as_deref(), Some("{}"));

    // Page by page, both ways, each row once.
    for newest_first in [false, true] {
        for course in [None, Some(room.course)] {
            let filter = AiLogFilter { newest_first, course, ..all() };
            let whole = host.ai_log().logs(filter.clone(), ById::default()).await.unwrap();
            let mut paged = Vec::new();
            loop {
                let page = ById { after: paged.last().map(|row: &AiLog| row.id.uuid()), limit: 2 };
                let next = host.ai_log().logs(filter.clone(), page).await.unwrap();
                if next.is_empty() {
                    break;
                }
                paged.extend(next);
            }
            assert_eq!(paged, whole);
        }
    }

    let sums = |costs: Vec<AiCost>| {
        let row =
            |c: AiCost| (c.day, c.kind, c.calls, c.tokens_in, c.tokens_out, c.cost_micro_usd, c.charged_micro_usd);
        costs.into_iter().map(row).collect::<Vec<_>>()
    };
    let (first, second) = (BudgetScope::day(start), BudgetScope::day(start.plus_seconds(86_400)));
    let line = |day: &String, kind: &str, calls, tokens_in, tokens_out, cost, charged| {
        (day.clone(), kind.to_owned(), calls, tokens_in, tokens_out, cost, charged)
    };
    assert_eq!(
        sums(host.ai_log().costs(all()).await.unwrap()),
        [
            line(&first, "outline", 2, 30, 6, 4, 4),
            line(&first, "quiz", 1, 15, 3, 2, 2),
            line(&second, "outline", 1, 15, 3, 5, 5),
            // One of them is under way.
            line(&second, "quiz", 2, 15, 3, 4, 14),
        ]
    );
    // Instructors read their course's, and nobody else's.
    let teacher = room.teacher();
    let own = sums(teacher.ai_log().costs(of_course.clone()).await.unwrap());
    assert_eq!(own.iter().map(|c| c.2).sum::<i64>(), 4);
    assert_eq!(teacher.ai_log().logs(of_course.clone(), ById::default()).await.unwrap().len(), 4);
    for filter in [all(), AiLogFilter { course: Some(other), ..all() }] {
        assert!(teacher.ai_log().costs(filter.clone()).await.is_err());
        assert!(teacher.ai_log().logs(filter, ById::default()).await.is_err());
    }
    assert!(room.student(0).ai_log().costs(of_course).await.is_err());
    let by_actor = AiLogFilter { actor: Some(room.admin), ..all() };
    let admin = h.lms.as_user(room.admin);
    assert_eq!(sums(admin.ai_log().costs(by_actor).await.unwrap()), [line(&first, "outline", 1, 15, 3, 1, 1)]);
}

/// Texts go when their time is over, rows never; an answer that waited to be applied is dropped by it.
/// rules: D4, DETAILS 52
pub async fn d4_texts_go_when_their_time_is_over_and_rows_stay(h: &Harness) {
    let host = h.lms.system();
    let now = h.lms.now();
    let make = async |status: AiLogStatus, days: Option<i64>| {
        let mut row = pending(h, 0);
        row.expires_at = days.map(|days| now.plus_seconds(days * 86_400));
        claim(h, &row).await;
        if status != AiLogStatus::Pending {
            let mut done = answered(row.clone(), now, 0);
            done.status = status;
            host.ai_log().finish(done, AiLogStatus::Pending).await.unwrap();
        }
        row.id
    };
    let (kept, later) = (make(AiLogStatus::Applied, None).await, make(AiLogStatus::Applied, Some(9)).await);
    let (valid, invalid) = (make(AiLogStatus::Valid, Some(1)).await, make(AiLogStatus::Invalid, Some(1)).await);
    let under_way = make(AiLogStatus::Pending, Some(0)).await;
    let rows = async || host.ai_log().logs(AiLogFilter::default(), ById::default()).await.unwrap().len();
    assert_eq!((h.lms.tick().await.unwrap().blanked, rows().await), (0, 5));
    h.clock.advance(86_400);
    let tick = h.lms.tick().await.unwrap();
    assert_eq!((tick.abandoned, tick.blanked), (1, 3), "the one whose caller is gone, too");
    assert_eq!((h.lms.tick().await.unwrap().blanked, rows().await), (0, 5));
    for (id, status, blank) in [
        (kept, AiLogStatus::Applied, false),
        (later, AiLogStatus::Applied, false),
        (valid, AiLogStatus::Dropped, true),
        (invalid, AiLogStatus::Invalid, true),
        (under_way, AiLogStatus::Abandoned, true),
    ] {
        let row = host.ai_log().log(id).await.unwrap();
        assert_eq!((row.status, row.prompt_text.is_none(), row.response_text.is_none()), (status, blank, blank));
        assert_eq!(row.prompt_sha256.len(), 64);
    }
    // Only the host's own work does it.
    let admin = h.lms.system().people().ensure_user(NewUser::new(Role::Admin, "A")).await.unwrap();
    assert!(h.lms.as_user(admin.id).ai_log().blank_expired().await.is_err());
}

/// Where a host keeps no texts, the answer goes with its application.
/// rules: I2
pub async fn i2_an_answer_without_redaction_full_goes_when_it_is_applied(h: &Harness) {
    for (redaction, kept) in [("metadata", false), ("redacted", true), ("full", true)] {
        let mut row = pending(h, 0);
        row.redaction = redaction.into();
        claim(h, &row).await;
        let at = h.lms.now();
        h.lms.system().ai_log().finish(answered(row.clone(), at, 0), AiLogStatus::Pending).await.unwrap();
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Log { id: row.id, status: AiLogStatus::Valid });
        let (from, to) = (AiLogStatus::Valid, AiLogStatus::Applied);
        batch.changes.push(Change::FlipLog { id: row.id, from, to, at });
        h.store.write(std::sync::Arc::new(batch)).await.unwrap();
        let found = h.store.ai_log(row.id).await.unwrap().unwrap();
        assert_eq!((found.status, found.response_text.is_some()), (AiLogStatus::Applied, kept), "{redaction}");
    }
}

/// A call of an erased person that is under way finds no row to stand in, and one that waits is dropped;
/// what was set aside is spent.
/// rules: D5
pub async fn d5_calls_of_an_erased_person_keep_no_text(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let student = room.students[0];
    let host = h.lms.system();
    let mut rows = Vec::new();
    for status in [AiLogStatus::Pending, AiLogStatus::Valid, AiLogStatus::Abandoned, AiLogStatus::Applied] {
        let mut row = pending(h, 100);
        row.actor_id = Some(student);
        claim(h, &row).await;
        if status != AiLogStatus::Pending {
            let mut done = answered(row.clone(), h.lms.now(), 40);
            done.status = status;
            host.ai_log().settle(done, AiLogStatus::Pending, 100).await.unwrap();
        }
        rows.push(row);
    }
    let scope = BudgetScope::Actor(student);
    assert_eq!(used(h, scope).await, (100, 120));
    h.lms.as_user(room.admin).people().erase_person(student).await.unwrap();
    assert_eq!(used(h, scope).await, (0, 220));
    let late = answered(rows[0].clone(), h.lms.now(), 7);
    for expected in [AiLogStatus::Pending, AiLogStatus::Abandoned] {
        assert!(!host.ai_log().settle(late.clone(), expected, 100).await.unwrap());
    }
    for (row, status) in
        rows.iter().zip([AiLogStatus::Dropped, AiLogStatus::Dropped, AiLogStatus::Dropped, AiLogStatus::Applied])
    {
        let row = host.ai_log().log(row.id).await.unwrap();
        assert_eq!((row.status, row.prompt_text, row.response_text), (status, None, None));
    }
    assert_eq!(used(h, scope).await, (0, 220));
}
