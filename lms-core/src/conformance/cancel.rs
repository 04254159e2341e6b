//! Callers that go away: a future that is dropped at its first await, its second, its third and so on.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::Harness;
use super::atomicity::valid_log;
use crate::lms::{AiOrigin, CourseDraft, LessonDraft, NewCourse, NewLesson, NewUser, QuizRules, UpdateCourse};
use crate::model::{BasisPoints, EnrollmentPolicy, EventKind, Role};
use crate::store::{ById, CourseFilter, Item};

/// How often a future may be woken before a case gives up.
const MOST_POLLS: usize = 300;
/// For so many counts of polls in a row a future ended by itself: every await before was cut once.
const SETTLED: usize = 3;

/// Polls a future so many times, and drops it where it has not ended by then.
pub(super) async fn dropped_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// The counts of polls to try: from none until the future ended by itself some times in a row.
pub(super) struct Polls {
    next: usize,
    ended: usize,
}

impl Polls {
    pub(super) const fn new() -> Self {
        Self { next: 0, ended: 0 }
    }

    pub(super) fn next(&mut self) -> Option<usize> {
        if self.ended == SETTLED {
            return None;
        }
        assert!(self.next < MOST_POLLS, "a future that does not end");
        self.next += 1;
        Some(self.next - 1)
    }

    pub(super) fn saw(&mut self, ended: bool) {
        self.ended = if ended { self.ended + 1 } else { 0 };
    }
}

/// A learner's last piece of work, cut at every await: never half of it, and then it is done once.
/// rules: P10, A8
pub async fn finishing_is_whole_wherever_it_is_cut(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let mut polls = Polls::new();
    let mut learners = 0;
    while let Some(n) = polls.next() {
        let id = room.new_student(&format!("Cut {n}")).await.unwrap();
        let me = h.lms.as_user(id);
        me.learning().complete_lesson(room.lessons[0]).await.unwrap();
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        super::quizzes::answer(&me, &attempt, 1).await;
        let submitted = dropped_after(n, me.quizzes().submit(attempt.id)).await;
        polls.saw(submitted.is_some());
        // Whenever one looks: all of it, or nothing.
        let seen = h.store.record(room.course, id).await.unwrap().unwrap();
        let done = seen.enrollment.completed_at.is_some();
        assert_eq!(
            (done, done, i64::from(done)),
            (seen.certificate.is_some(), !seen.results.is_empty(), seen.enrollment.quizzes_met),
            "cut after {n} polls"
        );
        let result = me.quizzes().submit(attempt.id).await.unwrap();
        assert_eq!(result.percent.unwrap().to_string(), "100.00");
        let seen = h.store.record(room.course, id).await.unwrap().unwrap();
        assert!(seen.certificate.is_some() && seen.enrollment.completed_at.is_some(), "cut after {n} polls");
        learners += 1;
    }
    for kind in [EventKind::QuizSubmitted, EventKind::CourseCompleted, EventKind::CertificateIssued] {
        assert_eq!(h.count(kind.clone()).await, learners, "{kind:?}");
    }
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// A course by AI, cut at every await: one operation, one course, however often it is tried.
/// rules: I1, I3
pub async fn ai_content_is_whole_wherever_it_is_cut(h: &Harness) {
    const LESSONS: usize = 5;
    let teacher = h.lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let me = h.lms.as_user(teacher.id);
    let draft = || CourseDraft {
        course: NewCourse::titled("By AI"),
        objectives: vec![("one".into(), "Do one thing".into())],
        lessons: (0..LESSONS)
            .map(|n| LessonDraft {
                lesson: NewLesson::titled(format!("Lesson {n}")),
                objectives: vec!["one".into()],
                topics: Vec::new(),
            })
            .collect(),
    };
    let mut polls = Polls::new();
    let mut operations = 0_u128;
    while let Some(n) = polls.next() {
        operations += 1;
        let operation_id = uuid::Uuid::from_u128(operations);
        let origin = AiOrigin { log_id: valid_log(h, "outline", operation_id).await.id, operation_id };
        let applied = dropped_after(n, me.catalog().apply_course(draft(), origin)).await;
        polls.saw(applied.is_some());
        let all = ById { after: None, limit: 500 };
        for course in h.store.courses(&CourseFilter::default(), all).await.unwrap() {
            let structure = h.store.structure(course.id).await.unwrap().unwrap();
            assert_eq!((structure.lessons.len(), structure.objectives.len()), (LESSONS, 1), "cut after {n} polls");
        }
        let once = me.catalog().apply_course(draft(), origin).await.unwrap();
        assert_eq!(once, me.catalog().apply_course(draft(), origin).await.unwrap());
    }
    let all = ById { after: None, limit: 500 };
    let courses = h.store.courses(&CourseFilter::default(), all).await.unwrap();
    assert_eq!(courses.len() as u128, operations);
}

/// A seat is taken by who is in, and by nobody who went away.
/// rules: E3, E2
pub async fn seats_are_right_wherever_joining_is_cut(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let update = UpdateCourse {
        version: room.course().await.unwrap().version,
        enrollment: Some(EnrollmentPolicy::Open),
        capacity: Some(Some(i64::try_from(MOST_POLLS).unwrap())),
        ..UpdateCourse::default()
    };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
    let mut polls = Polls::new();
    while let Some(n) = polls.next() {
        let person = h.lms.system().people().ensure_user(NewUser::new(Role::Student, format!("P{n}"))).await.unwrap();
        let me = h.lms.as_user(person.id);
        let joined = dropped_after(n, me.enrollment().enroll_self(room.course)).await;
        polls.saw(joined.is_some());
        let seen = h.store.course(None, room.course, Some(person.id)).await.unwrap().unwrap();
        assert_eq!(seen.course.seats_taken, seen.active_enrollments, "cut after {n} polls");
        // Every second one tries again.
        if n % 2 == 0 {
            me.enrollment().enroll_self(room.course).await.unwrap();
        }
    }
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// Reads that nobody waits for any more keep nothing that others need, and give nobody another's answer.
pub async fn reads_that_are_cut_harm_nobody(h: &Harness) {
    let room = h.classroom(2, 3).await;
    let mut polls = Polls::new();
    while let Some(n) = polls.next() {
        let mut ended = true;
        ended &= dropped_after(n, h.store.structure(room.course)).await.is_some();
        ended &= dropped_after(n, h.store.records(room.course, false, ById::default())).await.is_some();
        ended &= dropped_after(n, h.store.work_counts(Item::Course(room.course))).await.is_some();
        ended &= dropped_after(n, h.store.ends()).await.is_some();
        ended &=
            dropped_after(n, h.store.lease("cut", uuid::Uuid::from_u128(1), h.lms.now(), h.lms.now())).await.is_some();
        ended &= dropped_after(n, h.lms.settle()).await.is_some();
        polls.saw(ended);
        let structure = h.store.structure(room.course).await.unwrap().unwrap();
        assert_eq!((structure.course.id, structure.lessons.len(), structure.topics.len()), (room.course, 2, 2));
        assert_eq!(h.store.records(room.course, false, ById::default()).await.unwrap().len(), 3);
        room.student(n % 3).learning().open_course(room.course).await.unwrap();
    }
}
