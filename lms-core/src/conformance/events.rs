//! The event log, live and afterwards.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::future::poll_fn;
use std::time::Duration;

use super::{Harness, RACERS};
use crate::live::{Cursor, LiveEvent, LiveStream};
use crate::lms::HostEvent;
use crate::model::{ActorKind, EventKind};
use crate::store::EventFilter;

pub(super) async fn next<T>(stream: &mut LiveStream<T>) -> Result<T, crate::Error> {
    let one = poll_fn(|cx| stream.as_mut().poll_next(cx));
    tokio::time::timeout(Duration::from_secs(20), one).await.expect("an event within 20 s").expect("the stream goes on")
}

pub(super) async fn take(stream: &mut LiveStream<LiveEvent>, n: usize) -> Vec<LiveEvent> {
    let mut taken = Vec::new();
    for _ in 0..n {
        taken.push(next(stream).await.unwrap());
    }
    taken
}

/// rules: V1, V2, V3
pub async fn v1_v3_events_tell_who_what_and_when(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let me = room.student(0);
    me.learning().open_course(room.course).await.unwrap();
    me.learning().open_course(room.course).await.unwrap();
    h.clock.advance(3_599);
    me.learning().open_course(room.course).await.unwrap();
    assert_eq!(h.count(EventKind::CourseOpened).await, 1, "once an hour");
    h.clock.advance(1);
    me.learning().open_course(room.course).await.unwrap();
    assert_eq!(h.count(EventKind::CourseOpened).await, 2);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let events = h.events().await;
    let done = events.iter().find(|e| e.event.kind == EventKind::LessonCompleted).unwrap();
    assert_eq!((done.event.actor_kind, done.event.actor_id), (ActorKind::User, Some(room.students[0])));
    assert_eq!((done.event.course_id, done.event.student_id), (Some(room.course), Some(room.students[0])));
    assert_eq!((done.event.subject_id, done.event.at), (room.lessons[0].uuid(), h.lms.now()));
    assert!(done.event.learner_initiated);
    let enrolled = events.iter().find(|e| e.event.kind == EventKind::Enrolled).unwrap();
    assert!(!enrolled.event.learner_initiated, "enrolled by staff");
    let issued = events.iter().find(|e| e.event.kind == EventKind::CertificateIssued).unwrap();
    assert!(!issued.event.learner_initiated);
    // The host's own kinds are namespaced.
    let host = |kind: &str| HostEvent {
        kind: kind.to_owned(),
        course_id: room.course,
        student_id: Some(room.students[0]),
        learner_initiated: true,
        metadata: None,
    };
    assert!(me.activity().record(host("lesson_completed")).await.is_err());
    me.activity().record(host("acme.video_paused")).await.unwrap();
    assert_eq!(h.count(EventKind::Other("acme.video_paused".into())).await, 1);
}

/// rules: V4
pub async fn v4_positions_are_dense_and_nothing_is_missed(h: &Harness) {
    let room = h.classroom(4, RACERS).await;
    let system = h.lms.system();
    let live = h.lms.live();
    let from = live.head().await.unwrap();
    let mut early = live.events(&system, EventFilter::default(), Some(from.clone())).await.unwrap();
    let mut writers = Vec::new();
    for n in 0..RACERS {
        let (me, lessons) = (room.student(n), room.lessons.clone());
        writers.push(tokio::spawn(async move {
            for lesson in lessons {
                me.learning().complete_lesson(lesson).await.unwrap();
            }
        }));
    }
    let expected = RACERS * (4 + 2);
    let seen = take(&mut early, expected).await;
    for writer in writers {
        writer.await.unwrap();
    }
    let first = seen[0].event.position;
    for (n, one) in seen.iter().enumerate() {
        assert_eq!(one.event.position, first + i64::try_from(n).unwrap(), "dense and in order");
    }
    // Another subscriber, later and from the middle, sees the same.
    let mut late = live.events(&system, EventFilter::default(), Some(seen[expected / 2].cursor.clone())).await.unwrap();
    let rest = take(&mut late, expected - expected / 2 - 1).await;
    let positions = |list: &[LiveEvent]| list.iter().map(|e| (e.event.position, e.event.event.id)).collect::<Vec<_>>();
    assert_eq!(positions(&rest), positions(&seen[expected / 2 + 1..]));
    // A filter finds its own; per enrollment the order is that of the commits.
    let filter =
        EventFilter { student: Some(room.students[7]), kinds: vec![EventKind::LessonCompleted], ..Default::default() };
    let mut own = live.events(&system, filter, Some(from)).await.unwrap();
    let lessons: Vec<_> = take(&mut own, 4).await.iter().map(|e| e.event.event.subject_id).collect();
    assert_eq!(lessons, room.lessons.iter().map(|l| l.uuid()).collect::<Vec<_>>());
}

/// rules: V4
pub async fn v4_cursors_of_another_log_are_refused(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let system = h.lms.system();
    let live = h.lms.live();
    let head = live.head().await.unwrap().to_string();
    let parts: Vec<&str> = head.split('.').collect();
    for wrong in [
        format!("{}.{}.{}", uuid::Uuid::from_u128(5).simple(), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1].parse::<i64>().unwrap() + 1, parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], uuid::Uuid::from_u128(5).simple()),
    ] {
        let cursor: Cursor = wrong.parse().unwrap();
        let refused = live.events(&system, EventFilter::default(), Some(cursor)).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.code(), "events.resync", "{wrong}");
    }
    let _ = room;
}

/// rules: V5
pub async fn v5_states_end_on_the_latest(h: &Harness) {
    let room = h.classroom(8, 1).await;
    let (me, id) = (room.student(0), room.students[0]);
    let mut states = h.lms.live().learner_progress(&me, room.course, id).await.unwrap();
    let mut numbers = h.lms.live().course_metrics(&room.teacher(), room.course).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 0);
    for lesson in &room.lessons {
        me.learning().complete_lesson(*lesson).await.unwrap();
    }
    loop {
        if next(&mut states).await.unwrap().lessons_done == 8 {
            break;
        }
    }
    loop {
        if next(&mut numbers).await.unwrap().completion.completed == 1 {
            break;
        }
    }
    assert!(h.lms.live().course_metrics(&me, room.course).await.is_err());
}

/// rules: V6
pub async fn v6_a_lease_is_held_by_one(h: &Harness) {
    let now = h.lms.now();
    let (mine, theirs) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let until = now.plus_seconds(30);
    assert!(h.store.lease("worker", mine, now, until).await.unwrap().is_some());
    assert!(h.store.lease("worker", theirs, now, until).await.unwrap().is_none());
    assert!(h.store.lease("worker", mine, now, until.plus_seconds(10)).await.unwrap().is_some(), "renewed");
    let later = until.plus_seconds(11);
    assert!(h.store.lease("worker", theirs, later, later.plus_seconds(30)).await.unwrap().is_some(), "taken over");
    // The one that slept cannot write any more.
    let fenced = |token| crate::store::WriteBatch {
        expect: vec![crate::store::Expect::Lease { name: "worker".into(), token }],
        changes: vec![crate::store::Change::AdvanceConsumer { name: "worker".into(), position: 7 }],
        ..Default::default()
    };
    assert!(h.store.write(std::sync::Arc::new(fenced(mine))).await.is_err());
    h.store.write(std::sync::Arc::new(fenced(theirs))).await.unwrap();
    assert_eq!(h.store.consumers().await.unwrap()[0].position, Some(7));
    // Only who holds it gives it back.
    h.store.release("worker", mine).await.unwrap();
    assert!(h.store.lease("worker", mine, later, later.plus_seconds(30)).await.unwrap().is_none());
    h.store.release("worker", theirs).await.unwrap();
    assert!(h.store.lease("worker", mine, later, later.plus_seconds(30)).await.unwrap().is_some());
}

/// rules: V7
pub async fn v7_learners_see_their_own(h: &Harness) {
    let room = h.classroom(2, 2).await;
    let live = h.lms.live();
    let (me, other) = (room.student(0), room.student(1));
    let filter = EventFilter { course: Some(room.course), ..EventFilter::default() };
    let mut mine = live.events(&me, filter.clone(), None).await.unwrap();
    other.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let topic = room.teacher().catalog().topic(room.topics[1]).await.unwrap();
    let update = crate::lms::UpdateTopic { version: topic.version, title: Some("New".into()), ..Default::default() };
    room.teacher().catalog().update_topic(topic.id, update).await.unwrap();
    let seen = take(&mut mine, 2).await;
    assert_eq!(seen[0].event.event.student_id, Some(room.students[0]));
    assert_eq!(seen[1].event.event.kind, EventKind::ContentChanged);
    // A right that is taken away ends the stream.
    room.teacher().enrollment().suspend(room.course, room.students[0]).await.unwrap();
    assert_eq!(next(&mut mine).await.unwrap_err().code(), "events.denied");
    let stranger =
        h.lms.system().people().ensure_user(crate::lms::NewUser::new(crate::model::Role::Student, "S")).await.unwrap();
    let refused = live.events(&h.lms.as_user(stranger.id), filter, None).await.map(drop).unwrap_err();
    assert_eq!(refused.code(), "not_found");
}

/// An instructor who becomes a grader, or leaves the staff, gets the course's events no more.
/// rules: V7, E5, R1
pub async fn v7_a_grader_does_not_listen(h: &Harness) {
    use crate::model::{Role, StaffRole};
    let room = h.classroom(1, 1).await;
    let live = h.lms.live();
    let (teacher, system) = (room.teacher(), h.lms.system());
    let co = system.people().ensure_user(crate::lms::NewUser::new(Role::Instructor, "Co")).await.unwrap().id;
    let filter = EventFilter { course: Some(room.course), ..EventFilter::default() };
    let listen = || async { live.events(&h.lms.as_user(co), filter.clone(), None).await };
    teacher.catalog().set_staff(room.course, co, Some(StaffRole::Grader)).await.unwrap();
    assert_eq!(listen().await.err().unwrap().code(), "denied", "a grader does not");
    for ends in [Some(StaffRole::Grader), None] {
        teacher.catalog().set_staff(room.course, co, Some(StaffRole::Instructor)).await.unwrap();
        let mut stream = listen().await.unwrap();
        // Without a filter the stream goes on, and says nothing of that course any more.
        let mut wide = live.events(&h.lms.as_user(co), EventFilter::default(), None).await.unwrap();
        h.clock.advance(3_600);
        room.student(0).learning().open_course(room.course).await.unwrap();
        assert_eq!(next(&mut stream).await.unwrap().event.event.kind, EventKind::CourseOpened);
        assert_eq!(next(&mut wide).await.unwrap().event.event.kind, EventKind::CourseOpened);
        teacher.catalog().set_staff(room.course, co, ends).await.unwrap();
        assert_eq!(next(&mut stream).await.unwrap_err().code(), "events.denied");
        h.clock.advance(3_600);
        room.student(0).learning().open_course(room.course).await.unwrap();
        let own = next(&mut wide).await.unwrap().event.event.student_id;
        assert_eq!(own, Some(co), "only what is about themselves");
        h.lms.as_user(co).people().user(co).await.unwrap();
    }
}

/// What was told of so far, by kind; each step says what it adds.
struct Told<'h> {
    h: &'h Harness,
    room: crate::testing::Classroom,
    kinds: std::collections::BTreeMap<String, usize>,
}

impl<'h> Told<'h> {
    async fn counted(h: &Harness) -> std::collections::BTreeMap<String, usize> {
        let mut kinds = std::collections::BTreeMap::new();
        for event in h.events().await {
            *kinds.entry(event.event.kind.as_str().to_owned()).or_default() += 1;
        }
        kinds
    }

    async fn of(h: &'h Harness, room: crate::testing::Classroom) -> Self {
        Self { h, room, kinds: Self::counted(h).await }
    }

    /// Does a step twice: the kinds that it tells of, each once, and the second time nothing is left to tell.
    async fn step<T>(&mut self, kinds: &[&str], act: impl AsyncFn() -> Result<T, crate::Error>) -> T {
        let first = Box::pin(act()).await.unwrap();
        let _ = Box::pin(act()).await;
        self.once(kinds).await;
        first
    }

    /// What was just done has told of these, each once.
    async fn once(&mut self, kinds: &[&str]) {
        for kind in kinds {
            *self.kinds.entry((*kind).to_owned()).or_default() += 1;
        }
        let now = Self::counted(self.h).await;
        assert_eq!(now, self.kinds, "{kinds:?} and nothing else");
    }

    async fn quizzes(&mut self) -> crate::model::QuizId {
        use crate::lms::QuizRules;
        let (room, teacher) = (self.room.clone(), self.room.teacher());
        let me = room.student(0);
        let rules = QuizRules {
            pass_threshold_bp: crate::model::BasisPoints::percent(60),
            time_limit_seconds: Some(60),
            kept_score: crate::model::KeptScore::Latest,
            ..QuizRules::default()
        };
        let quiz = room.add_quiz(room.lessons[0], 2, rules).await.unwrap().id;
        self.once(&["content_changed"]).await;
        self.step(&["course_opened"], async || me.learning().open_course(room.course).await).await;
        self.step(&["lesson_opened"], async || me.learning().open_lesson(room.lessons[0]).await).await;
        self.step(&["topic_viewed"], async || me.learning().view_topic(room.topics[0]).await).await;
        for (right, kind) in [(1, "quiz_failed"), (2, "quiz_passed")] {
            let attempt = self.step(&["quiz_started"], async || me.quizzes().start(quiz).await).await;
            super::quizzes::answer(&me, &attempt, right).await;
            let kinds = ["quiz_submitted", "quiz_graded", kind];
            self.step(&kinds, async || me.quizzes().submit(attempt.id).await).await;
        }
        let third = self.step(&["quiz_started"], async || me.quizzes().start(quiz).await).await;
        super::quizzes::answer(&me, &third, 2).await;
        self.h.clock.advance(91);
        self.step(&["quiz_expired", "quiz_graded"], async || me.quizzes().view_attempt(third.id).await).await;
        self.step(&["attempt_voided"], async || teacher.quizzes().void(third.id, "a reason").await).await;
        quiz
    }

    async fn work(&mut self) {
        use super::assignments::{assign, by_ai, suggestion};
        use crate::lms::{AiOrigin, AssignmentRules, NewGrade, NewSubmission, ReviewAnswer};
        use crate::model::{AiGrading, Points, Posting};
        const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";
        let (room, teacher, h) = (self.room.clone(), self.room.teacher(), self.h);
        let (me, who) = (room.student(0), room.students[0]);
        let rules = AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() };
        let by_hand = assign(&room, rules, None).await.id;
        let rules = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
        let with_ai = assign(&room, rules, None).await.id;
        self.once(&["content_changed", "content_changed"]).await;
        let handed = me.assignments().submit(by_hand, NewSubmission::text(WORK)).await.unwrap().id;
        self.once(&["assignment_submitted"]).await;
        let mark =
            |whole: i64, seen_seq: i64| NewGrade { points: Points::whole(whole), seen_seq, ..NewGrade::default() };
        self.step(&["assignment_graded"], async || teacher.assignments().grade(handed, mark(50, 0)).await).await;
        self.step(&["grade_changed"], async || teacher.assignments().grade(handed, mark(60, 1)).await).await;
        self.step(&["grade_posted"], async || teacher.assignments().post_grade(by_hand, who).await).await;
        self.step(&["review_requested"], async || me.assignments().request_review(handed, "please").await).await;
        let kept = || ReviewAnswer { change: None, reason: "it stands".into() };
        self.step(&["review_answered"], async || teacher.assignments().answer_review(handed, kept()).await).await;
        self.step(&["submission_returned"], async || teacher.assignments().return_for_revision(handed).await).await;
        let ai_work = me.assignments().submit(with_ai, NewSubmission::text(WORK)).await.unwrap().id;
        let other = room.student(1).assignments().submit(with_ai, NewSubmission::text(WORK)).await.unwrap().id;
        self.once(&["assignment_submitted", "assignment_submitted"]).await;
        let log = super::atomicity::valid_log(h, "grade", uuid::Uuid::from_u128(77)).await;
        let origin = AiOrigin { log_id: log.id, operation_id: log.operation_id };
        let ai = by_ai(h, &room, log.id).await;
        let apply = async || ai.assignments().apply_ai_grade(ai_work, suggestion(70, false), origin).await;
        self.step(&["ai_graded"], apply).await;
        let fail = async || h.lms.system().assignments().ai_grading_failed(other, "answer.schema".into()).await;
        self.step(&["ai_rejected"], fail).await;
        let adopt = async || teacher.assignments().adopt_suggestion(ai_work, 1, None).await;
        self.step(&["assignment_graded", "grade_posted"], adopt).await;
        let log = super::atomicity::valid_log(h, "outline", uuid::Uuid::from_u128(78)).await;
        let origin = AiOrigin { log_id: log.id, operation_id: log.operation_id };
        let ai = by_ai(h, &room, log.id).await;
        let draft = || crate::lms::CourseDraft {
            course: crate::lms::NewCourse::titled("By AI"),
            objectives: vec![],
            lessons: vec![],
        };
        self.step(&["ai_generated"], async || ai.catalog().apply_course(draft(), origin).await).await;
    }

    async fn completion(&mut self, quiz: crate::model::QuizId) {
        use crate::store::Item;
        let (room, teacher, system) = (self.room.clone(), self.room.teacher(), self.h.lms.system());
        let (me, who, course, lesson) = (room.student(0), room.students[0], room.course, room.lessons[0]);
        let more = || crate::lms::Extension::because("agreed");
        self.step(&["override_granted"], async || teacher.grants().extend(Item::Quiz(quiz), who, more()).await).await;
        let kinds = ["lesson_completed", "course_completed", "certificate_issued"];
        self.step(&kinds, async || me.learning().complete_lesson(lesson).await).await;
        let id = me.certificates().of(course, who).await.unwrap().id;
        self.step(&["certificate_failed"], async || {
            system.certificates().set_failed(id, 1, "render.glyphs", "no glyphs").await
        })
        .await;
        let ready = async || system.certificates().set_ready(id, 1, "https://x.org/1".into(), "00".repeat(32)).await;
        self.step(&["certificate_ready"], ready).await;
        let again = teacher.clone().with_command_id(uuid::Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001));
        let reissue = async || again.certificates().reissue(course, who, "a name").await;
        self.step(&["certificate_reissued"], reissue).await;
        let revoke = async || teacher.certificates().revoke(course, who, "a reason".into()).await;
        self.step(&["certificate_revoked"], revoke).await;
        let reset = async || teacher.grants().reset_progress(course, who, "a reason").await;
        self.step(&["progress_reset"], reset).await;
        let waive = async || teacher.grants().waive(Item::Quiz(quiz), room.students[1], "a reason").await;
        self.step(&["progress_waived"], waive).await;
    }

    async fn people(&mut self, quiz: crate::model::QuizId) {
        use crate::model::{Role, StaffRole};
        let (room, teacher, system) = (self.room.clone(), self.room.teacher(), self.h.lms.system());
        let (course, other) = (room.course, room.students[1]);
        self.step(&["suspended"], async || teacher.enrollment().suspend(course, other).await).await;
        self.step(&["reactivated"], async || teacher.enrollment().reactivate(course, other).await).await;
        self.step(&["withdrawn"], async || room.student(1).enrollment().withdraw(course, other).await).await;
        let co = system.people().ensure_user(crate::lms::NewUser::new(Role::Student, "Co")).await.unwrap().id;
        self.step(&["enrolled"], async || teacher.enrollment().enroll(course, co, Default::default()).await).await;
        self.step(&["role_changed"], async || system.people().set_role(co, Role::Instructor).await).await;
        let add = async || teacher.catalog().set_staff(course, co, Some(StaffRole::Instructor)).await;
        self.step(&["staff_added"], add).await;
        self.step(&["staff_removed"], async || teacher.catalog().set_staff(course, co, None).await).await;
        self.step(&["content_changed"], async || teacher.catalog().publish_quiz(quiz, false).await).await;
        let admin = self.h.lms.as_user(room.admin);
        self.step(&["person_erased"], async || admin.people().erase_person(room.students[2]).await).await;
    }
}

/// Every kind of the vocabulary is told of, once per transition: each step is done twice, and the second time
/// nothing is left to tell.
/// rules: V2, V1, V3
pub async fn v2_every_kind_is_told_once_per_transition(h: &Harness) {
    let room = h.classroom(1, 3).await;
    h.lms.expect_ai_grading();
    let mut told = Told::of(h, room).await;
    let quiz = Box::pin(told.quizzes()).await;
    Box::pin(told.work()).await;
    Box::pin(told.completion(quiz)).await;
    Box::pin(told.people(quiz)).await;
    let silent: Vec<_> = EventKind::WORDS.iter().filter(|kind| !told.kinds.contains_key(**kind)).collect();
    assert!(silent.is_empty(), "nothing told of {silent:?}");
}
