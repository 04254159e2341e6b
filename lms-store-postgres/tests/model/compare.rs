//! Holds the two stores to one another, and both to the model.

use lms_core::error::Error;
use lms_core::lms::{CourseMetrics, Outline, RosterFilter, ScoreCell, Scorecard};
use lms_core::model::*;
use lms_core::store::{ById, CourseStructure, LearnerRecord, QuizScope};
use serde_json::Value;

use crate::figures::{Cell, percent};
use crate::play::{Room, json};
use crate::state::Model;

type Found = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, other: &T) -> Found {
    if one == other { Ok(()) } else { Err(format!("{what}\n   {one:?}\n   {other:?}")) }
}

fn answer<T: serde::Serialize>(read: Result<T, Error>) -> Value {
    read.map_or_else(|e| json(&e), json)
}

const ALL: ById = ById { after: None, limit: 500 };

/// Everything that is stored about the learners of the course, in one order.
async fn stored(room: &Room) -> (CourseStructure, Vec<LearnerRecord>) {
    let mut structure = room.store.structure(room.course).await.unwrap().unwrap();
    structure.requires.sort_by_key(|r| (r.lesson_id, r.requires_id));
    let mut records = room.store.records(room.course, false, ALL).await.unwrap();
    for record in &mut records {
        record.progress.sort_by_key(|r| r.id);
        record.views.sort_by_key(|r| r.id);
        record.results.sort_by_key(|r| r.id);
        record.attempts.sort_by_key(|r| r.id);
        record.submissions.sort_by_key(|r| r.id);
        record.waivers.sort_by_key(|r| r.id);
        record.overrides.sort_by_key(|r| r.id);
    }
    (structure, records)
}

/// What one learner, and their teacher about them, read.
async fn learner_reads(room: &Room, who: usize) -> Vec<(String, Value)> {
    let (course, student) = (room.course, room.people[who]);
    let mut found = Vec::new();
    for (actor, s) in [("learner", room.student(who)), ("teacher", room.teacher())] {
        let mut add = |what: &str, value: Value| found.push((format!("{what} of {who} as {actor}"), value));
        add("outline", answer(s.overview().outline(course, student).await));
        add("scorecard", answer(s.overview().scorecard(course, student).await));
        add("eligibility", answer(s.certificates().eligibility(course, student).await));
        add("course score", answer(s.analytics().course_score(course, student).await));
        add("standing", answer(s.learning().standing(course, student).await));
        add("certificate", answer(s.certificates().of(course, student).await));
        add("overrides", answer(s.grants().overrides(course, Some(student), ALL).await));
        add("waivers", answer(s.grants().waivers(course, Some(student), ALL).await));
        add("certificates", answer(s.certificates().of_person(student, ALL).await));
        add("home", answer(s.overview().learner_home(student).await));
    }
    found
}

async fn course_reads(room: &Room) -> Vec<(String, Value)> {
    let teacher = room.teacher();
    let (overview, course) = (teacher.overview(), room.course);
    let mut found = Vec::new();
    let mut add = |what: &str, value: Value| found.push((what.to_owned(), value));
    add("metrics", answer(teacher.analytics().course_metrics(course).await));
    add("roster", answer(overview.roster(course, RosterFilter::default(), ALL).await));
    let behind = RosterFilter { behind: true, ..RosterFilter::default() };
    add("roster, behind", answer(overview.roster(course, behind, ALL).await));
    let idle = RosterFilter { not_started: true, ..RosterFilter::default() };
    add("roster, not started", answer(overview.roster(course, idle, ALL).await));
    add("gradebook", answer(overview.gradebook(course, ALL).await));
    add("gradebook as text", answer(overview.gradebook_csv(course).await));
    add("funnel", answer(overview.lesson_funnel(course).await));
    add("to grade", answer(overview.to_grade(course, 100).await));
    add("enrollments", answer(teacher.enrollment().of_course(course, ALL).await));
    add("staff", answer(teacher.catalog().staff(course, ALL).await));
    add("overrides", answer(teacher.grants().overrides(course, None, ALL).await));
    add("waivers", answer(teacher.grants().waivers(course, None, ALL).await));
    add("certificates", answer(teacher.certificates().of_course(course, ALL).await));
    add("plan to delete", answer(teacher.catalog().plan_delete(room.whole()).await));
    found
}

/// What a command answered on the two stores, and what they hold after it: always all that is stored, and
/// the figures that SQL computes; what follows from them in the library is read on both now and then.
pub async fn stores(one: &Room, other: &Room, touched: Option<usize>, wide: bool) -> Found {
    same("the answers of SQLite and Postgres", &one.answered, &other.answered)?;
    let (a, b) = (stored(one).await, stored(other).await);
    same("the course on SQLite and Postgres", &a.0, &b.0)?;
    same("the learners on SQLite and Postgres", &a.1, &b.1)?;
    let (a, b) = (one.teacher(), other.teacher());
    let (a, b) = (a.analytics().course_metrics(one.course).await, b.analytics().course_metrics(other.course).await);
    same("the metrics on SQLite and Postgres", &answer(a), &answer(b))?;
    if let Some(who) = touched {
        let score = |room: &Room| {
            let (session, course, id) = (room.student(who), room.course, room.people[who]);
            async move { answer(session.analytics().course_score(course, id).await) }
        };
        same("the course score on SQLite and Postgres", &score(one).await, &score(other).await)?;
    }
    if wide {
        for who in 0..one.people.len() {
            for ((what, a), (_, b)) in learner_reads(one, who).await.iter().zip(&learner_reads(other, who).await) {
                same(&format!("{what}, on SQLite and Postgres"), a, b)?;
            }
        }
        for ((what, a), (_, b)) in course_reads(one).await.iter().zip(&course_reads(other).await) {
            same(&format!("{what}, on SQLite and Postgres"), a, b)?;
        }
        audit(other).await?;
    }
    Ok(())
}

pub async fn audit(room: &Room) -> Found {
    let drift = room.teacher().activity().audit(room.course).await.unwrap();
    if drift.is_empty() { Ok(()) } else { Err(format!("drift: {drift:?}")) }
}

fn hundredths(percent: Option<Percent>) -> Option<i64> {
    percent.map(Percent::hundredths)
}

fn cell(cell: &ScoreCell) -> Cell {
    Cell {
        kind: cell.kind,
        id: cell.id,
        required: cell.is_required,
        due: cell.due,
        state: cell.state,
        met: cell.met,
        waived: cell.waived,
        score: cell.score,
        percent: hundredths(cell.percent),
        passed: cell.passed,
        late: cell.late_seconds,
        needs_regrading: cell.needs_regrading,
    }
}

/// Lessons that a rule completed where the model leaves it open (see `Seat::held`).
async fn follow(room: &Room, model: &mut Model) -> Found {
    for record in room.store.records(room.course, false, ALL).await.unwrap() {
        let who = room.people.iter().position(|id| *id == record.enrollment.student_id).unwrap();
        for progress in record.progress.iter().filter(|p| p.status == ProgressStatus::Completed) {
            let lesson = progress.lesson_id.uuid();
            let knows = model.people[who].seat.as_ref().is_some_and(|s| s.is_completed(lesson));
            if !knows && !model.accept_completion(who, lesson) {
                return Err(format!("learner {who} has completed {lesson}, which the model says is not so"));
            }
        }
    }
    Ok(())
}

/// Every figure of the model against what the library answers.
pub async fn figures(room: &Room, model: &mut Model) -> Found {
    follow(room, model).await?;
    let teacher = room.teacher();
    let structure = room.store.structure(room.course).await.unwrap().unwrap();
    shape(&structure, model)?;
    for who in 0..model.people.len() {
        let student = room.student(who);
        if model.people[who].seat.is_none() {
            let blockers = teacher.certificates().eligibility(room.course, room.people[who]).await.unwrap();
            same("blockers of nobody", &blockers, &model.blockers(None))?;
            continue;
        }
        for (session, all) in [(&student, false), (&teacher, true)] {
            let as_whom = if all { "teacher" } else { "learner" };
            let id = room.people[who];
            let outline = session.overview().outline(room.course, id).await.unwrap();
            outline_is(&outline, model, who, all).map_err(|e| format!("outline of {who} as {as_whom}: {e}"))?;
            let card = session.overview().scorecard(room.course, id).await.unwrap();
            card_is(&card, model, who, all).map_err(|e| format!("scorecard of {who} as {as_whom}: {e}"))?;
            let score = session.analytics().course_score(room.course, id).await.unwrap();
            let seat = model.people[who].seat.as_ref().unwrap();
            let expected = model.course_score(seat, all).map(crate::figures::score);
            same(&format!("course score of {who} as {as_whom}, library and model"), &score, &expected)?;
        }
        learner(room, model, who).await?;
    }
    let metrics = teacher.analytics().course_metrics(room.course).await.unwrap();
    metrics_are(&metrics, model)?;
    for lesson in &model.lessons {
        for quiz in &lesson.quizzes {
            let scope = QuizScope::Quiz(QuizId::from_uuid(quiz.id));
            let average = teacher.analytics().quiz_average(room.course, scope).await.unwrap();
            let seats = model.seats().filter(|(_, s)| s.status == EnrollmentStatus::Active);
            let kept = seats.filter(|(_, s)| !s.excused(quiz.id) && !s.waived.contains(&quiz.id));
            let pairs = kept.filter_map(|(_, s)| s.kept(quiz)).filter(|(_, possible)| *possible > 0).count();
            same("pairs of a quiz, library and model", &average.pairs, &i64::try_from(pairs).unwrap())?;
        }
    }
    for (id, counts) in &model.plans {
        same("what a deletion shows, library and model", &room.plans.get(id).map(|p| &p.counts), &Some(counts))?;
    }
    audit(room).await
}

/// O1, and the counters of the course (P11).
fn shape(structure: &CourseStructure, model: &Model) -> Found {
    let course = &structure.course;
    let totals = (course.lessons_total, course.quizzes_total, course.assignments_total);
    same("totals, library and model", &totals, &model.totals())?;
    same("published", &course.is_published, &model.course.published)?;
    same("archived", &course.archived_at.is_some(), &model.course.archived)?;
    if course.capacity.is_some() {
        same("seats", &course.seats_taken, &model.seats_taken())?;
    }
    let lessons: Vec<_> = structure.lessons.iter().map(|l| (l.id.uuid(), l.is_published, l.is_required)).collect();
    let expected: Vec<_> = model.lessons.iter().map(|l| (l.id, l.published, l.required)).collect();
    same("lessons, library and model", &lessons, &expected)?;
    for lesson in &model.lessons {
        let topics: Vec<_> =
            structure.topics.iter().filter(|t| t.lesson_id.uuid() == lesson.id).map(|t| t.id.uuid()).collect();
        same("topics, library and model", &topics, &lesson.topics)?;
        let quizzes = structure.quizzes.iter().filter(|q| q.lesson_id.uuid() == lesson.id);
        let quizzes: Vec<_> = quizzes.map(|q| (q.id.uuid(), q.is_published)).collect();
        let expected: Vec<_> = lesson.quizzes.iter().map(|q| (q.id, q.published)).collect();
        same("quizzes, library and model", &quizzes, &expected)?;
        let tasks = structure.assignments.iter().filter(|a| a.lesson_id.uuid() == lesson.id);
        let tasks: Vec<_> = tasks.map(|a| (a.id.uuid(), a.is_published, a.max_grade.units())).collect();
        let expected: Vec<_> = lesson.tasks.iter().map(|t| (t.id, t.published, t.max)).collect();
        same("assignments, library and model", &tasks, &expected)?;
    }
    Ok(())
}

fn outline_is(outline: &Outline, model: &Model, who: usize, all: bool) -> Found {
    let seat = model.people[who].seat.as_ref().unwrap();
    let (totals, done) = (model.totals(), model.done(seat));
    same("done", &(outline.lessons_done, outline.lessons_total), &(done.0, totals.0))?;
    same("percent", &hundredths(outline.percent), &percent(done.0, totals.0))?;
    same("completed at", &outline.completed_at, &seat.completed)?;
    let new = if seat.completed.is_some() { totals.0 - done.0 } else { 0 };
    same("new since completion", &outline.new_since_completion, &new)?;
    let shown: Vec<_> = model.lessons.iter().filter(|l| l.published).collect();
    same("number of lessons", &outline.lessons.len(), &shown.len())?;
    for (lesson, expected) in outline.lessons.iter().zip(shown) {
        same("lesson", &lesson.id.uuid(), &expected.id)?;
        let status = seat.progress.get(&expected.id).map(|p| match p.completed {
            Some(_) => ProgressStatus::Completed,
            None => ProgressStatus::InProgress,
        });
        same("status", &lesson.status, &status)?;
        same("waived", &lesson.waived, &seat.waived.contains(&expected.id))?;
        let mut locks = model.lesson_locks(seat, expected, true);
        let mut found = lesson.locks.clone();
        let sort = |reason: &mut lms_core::rules::access::LockReason| {
            if let lms_core::rules::access::LockReason::Requires { ids } = reason {
                ids.sort();
            }
        };
        locks.iter_mut().for_each(sort);
        found.iter_mut().for_each(sort);
        same("locks", &found, &locks)?;
        let topics: Vec<_> = lesson.topics.iter().map(|t| (t.id.uuid(), t.viewed)).collect();
        let expected_topics: Vec<_> = expected.topics.iter().map(|t| (*t, seat.views.contains_key(t))).collect();
        same("topics", &topics, &expected_topics)?;
        let cells: Vec<Cell> = lesson.items.iter().map(|item| cell(&item.cell)).collect();
        same("items", &cells, &model.cells(seat, expected, all))?;
        for item in &lesson.items {
            let mut locks: Vec<_> = item.locks.iter().map(lms_core::rules::access::LockReason::code).collect();
            locks.sort_unstable();
            same("locks of an item", &locks, &model.item_locks(seat, expected, item.cell.id))?;
        }
    }
    Ok(())
}

fn card_is(card: &Scorecard, model: &Model, who: usize, all: bool) -> Found {
    let seat = model.people[who].seat.as_ref().unwrap();
    let cells: Vec<Cell> = card.items.iter().map(cell).collect();
    let lessons = model.lessons.iter().filter(|l| l.published);
    let expected: Vec<Cell> = lessons.flat_map(|l| model.cells(seat, l, all)).collect();
    same("items", &cells, &expected)?;
    let score = model.course_score(seat, all);
    same("score", &card.score, &score.map(crate::figures::score))?;
    same("percent", &hundredths(card.percent), &score.and_then(|(earned, possible)| percent(earned, possible)))
}

async fn learner(room: &Room, model: &Model, who: usize) -> Found {
    let (student, id) = (room.student(who), room.people[who]);
    let seat = model.people[who].seat.as_ref().unwrap();
    let blockers = student.certificates().eligibility(room.course, id).await.unwrap();
    same(&format!("blockers of {who}, library and model"), &blockers, &model.blockers(Some(seat)))?;
    let record = room.store.record(room.course, id).await.unwrap().unwrap();
    let enrollment = &record.enrollment;
    let counters = (enrollment.lessons_done, enrollment.quizzes_met, enrollment.assignments_met);
    same(&format!("counters of {who}, library and model"), &counters, &model.done(seat))?;
    same(&format!("status of {who}, library and model"), &enrollment.status, &seat.status)?;
    let found = record.certificate.as_ref().map(|c| crate::state::Certificate {
        issued: c.issued_at,
        completed: c.snapshot.completed_at,
        score: hundredths(c.snapshot.final_score),
        expires: c.expires_at,
        revoked: c.revoked_at.is_some(),
    });
    same(&format!("certificate of {who}, library and model"), &found, &seat.certificate)?;
    for quiz in model.lessons.iter().flat_map(|l| &l.quizzes) {
        let result = record.results.iter().find(|r| r.quiz_id.uuid() == quiz.id);
        let kept = result.and_then(|r| r.kept());
        let stored = (kept, result.and_then(|r| r.passed));
        let expected = (seat.kept(quiz).map(crate::figures::score), seat.pass(quiz));
        same(&format!("kept score of {who}, library and model"), &stored, &expected)?;
    }
    for attempt in &seat.attempts {
        let view = record.attempts.iter().find(|a| a.id.uuid() == attempt.id).ok_or("an attempt is gone")?;
        let score = (attempt.state == AttemptState::Graded).then(|| Points::from_units(attempt.earned()));
        let found = (view.state, view.attempt_no, view.deadline, view.completed_at);
        let expected = (attempt.state, attempt.number, attempt.deadline, attempt.finished);
        same(&format!("attempt of {who}, library and model"), &found, &expected)?;
        if attempt.state != AttemptState::Voided {
            same(&format!("score of an attempt of {who}, library and model"), &view.score, &score)?;
        }
    }
    for version in &seat.versions {
        let (_, task) = model.task(version.task).unwrap();
        let found = record.submissions.iter().find(|s| s.id.uuid() == version.id).ok_or("a version is gone")?;
        let facts = (found.state, found.version_no, found.late_seconds, found.grade, found.posted_at.is_some());
        let grade = seat.grade(task, version).map(Points::from_units);
        let expected = (version.state, version.number, seat.late(task, version), grade, version.posted);
        same(&format!("version of {who}, library and model"), &facts, &expected)?;
    }
    Ok(())
}

fn metrics_are(metrics: &CourseMetrics, model: &Model) -> Found {
    let c = metrics.completion;
    let found = (c.enrolled, c.completed, hundredths(c.mean_percent), hundredths(c.completed_percent));
    same("completion of the course, library and model", &found, &model.completion())?;
    let quizzes = (metrics.quizzes.pairs, hundredths(metrics.quizzes.average));
    same("average of the quizzes, library and model", &quizzes, &model.quiz_average())?;
    same("active students, library and model", &metrics.active_24h, &model.active_24h())?;
    let on_time: Vec<_> =
        metrics.on_time.iter().map(|o| (o.assignment_id.uuid(), o.found.on_time, o.found.of)).collect();
    let tasks = model.lessons.iter().flat_map(|l| &l.tasks).filter(|t| t.published);
    let expected: Vec<_> = tasks
        .map(|t| {
            let (on_time, of) = model.on_time(t);
            (t.id, on_time, of)
        })
        .collect();
    let by_id = |mut all: Vec<(uuid::Uuid, i64, i64)>| {
        all.sort();
        all
    };
    same("on-time rates, library and model", &by_id(on_time), &by_id(expected))
}
