//! What screens read equals what single reads say.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;

use super::Harness;
use super::assignments::{assign, by_ai, suggestion};
use super::atomicity::valid_log;
use super::quizzes::answer;
use crate::lms::{
    AiGrade, AiOrigin, AnswerGrade, AssignmentRules, GradedItem, ItemState, NewGrade, NewQuestion, NewQuiz,
    NewSubmission, OutlineLesson, QuizRules, RosterFilter, ScoreCell, ToGradePlace,
};
use crate::model::question::{Answer, QuestionBody};
use crate::model::{
    AiGrading, AttemptState, BasisPoints, EnrollmentStatus, GraderKind, KeptScore, Points, Posting, ProgressStatus,
    Score, Timestamp,
};
use crate::store::{ById, Item, QuizScope};
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn grade(whole: i64) -> NewGrade {
    NewGrade { points: Points::whole(whole), ..NewGrade::default() }
}

/// What a learner sees first: where to go on, what is overdue and due soon, what is new.
/// rules: G2, G8
pub async fn g2_a_learners_home(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let (me, who, now) = (room.student(0), room.students[0], h.lms.now());
    let due =
        |days: i64| AssignmentRules { due_date: Some(now.plus_seconds(days * 86_400)), ..AssignmentRules::default() };
    let soon = assign(&room, due(3), None).await;
    let late = assign(&room, due(1), None).await;
    let far = assign(&room, due(30), None).await;
    let waived = assign(&room, due(1), None).await;
    room.teacher().grants().waive(Item::Assignment(waived.id), who, "done elsewhere").await.unwrap();
    let done = assign(&room, due(2), None).await;
    let handed = me.assignments().submit(done.id, NewSubmission::text(WORK)).await.unwrap();
    room.teacher().assignments().grade(handed.id, grade(80)).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    room.teacher().grants().waive(Item::Lesson(room.lessons[1]), who, "knows it").await.unwrap();
    h.clock.advance(2 * 86_400);
    let home = me.overview().learner_home(who).await.unwrap();
    assert_eq!(home.courses.len(), 1);
    assert_eq!(home.courses[0].next_lesson, Some(room.lessons[2]), "completed and waived ones are behind");
    assert_eq!(home.courses[0].percent, me.learning().standing(room.course, who).await.unwrap().percent);
    assert_eq!(home.overdue.iter().map(|d| d.id).collect::<Vec<_>>(), [late.id.uuid()]);
    assert_eq!(
        home.due_soon.iter().map(|d| (d.id, d.kind)).collect::<Vec<_>>(),
        [(soon.id.uuid(), GradedItem::Assignment)]
    );
    assert!(!home.due_soon.iter().any(|d| d.id == far.id.uuid()));
    assert_eq!(home.new_feedback.iter().map(|f| f.work_id).collect::<Vec<_>>(), [handed.id.uuid()]);
    me.learning().complete_lesson(room.lessons[2]).await.unwrap();
    h.clock.advance(7 * 86_400);
    let home = me.overview().learner_home(who).await.unwrap();
    assert!(home.new_feedback.is_empty(), "it is no longer new");
    let code = me.certificates().of(room.course, who).await.unwrap().code;
    assert_eq!((home.courses[0].next_lesson, &home.courses[0].locks), (None, &Vec::new()));
    assert_eq!(home.certificates.iter().map(|c| &c.code).collect::<Vec<_>>(), [&code]);
    assert_eq!(room.teacher().overview().learner_home(who).await.unwrap_err().code(), "not_found");
    h.lms.as_user(room.admin).overview().learner_home(who).await.unwrap();
}

/// A grade that is changed, marks of essay answers as far as they are shown, and answered reviews are new feedback.
/// rules: G2, S14, Q12, Q14, S16
pub async fn g2_new_feedback_of_every_kind(h: &Harness) {
    use crate::lms::{AnswerGrade, FeedbackKind, ReviewAnswer};
    use crate::model::{QuestionId, Reveal};
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let new = || async {
        let home = me.overview().learner_home(who).await.unwrap();
        home.new_feedback.iter().map(|f| (f.kind, f.work_id, f.at)).collect::<Vec<_>>()
    };
    let week = || h.clock.advance(7 * 86_400);
    let plain = assign(&room, AssignmentRules::default(), None).await;
    let by_hand = assign(&room, AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() }, None).await;
    let handed = me.assignments().submit(plain.id, NewSubmission::text(WORK)).await.unwrap().id;
    let held = me.assignments().submit(by_hand.id, NewSubmission::text(WORK)).await.unwrap().id;
    teacher.assignments().grade(handed, grade(50)).await.unwrap();
    teacher.assignments().grade(held, grade(50)).await.unwrap();
    assert_eq!(
        new().await,
        [(FeedbackKind::Submission, handed.uuid(), h.lms.now())],
        "what is not posted is not there"
    );
    week();
    assert_eq!(new().await, []);
    // Posted long after it was graded; and one that was posted before is changed.
    teacher.assignments().post_grade(by_hand.id, who).await.unwrap();
    let posted = h.lms.now();
    h.clock.advance(60);
    teacher.assignments().grade(handed, NewGrade { seen_seq: 1, ..grade(60) }).await.unwrap();
    let changed = (FeedbackKind::Submission, handed.uuid(), h.lms.now());
    assert_eq!(new().await, [changed, (FeedbackKind::Submission, held.uuid(), posted)]);
    week();
    me.assignments().request_review(handed, "Please look again.").await.unwrap();
    assert_eq!(new().await, [], "a question is no answer");
    let kept = || ReviewAnswer { change: None, reason: "It stands.".into() };
    teacher.assignments().answer_review(handed, kept()).await.unwrap();
    assert_eq!(new().await, [(FeedbackKind::Review, handed.uuid(), h.lms.now())]);
    week();
    // Essays: shown once the last one is marked, or never.
    let essay = |text: &str| NewQuestion::new(text, QuestionBody::Essay { rubric: None, staff_notes: String::new() });
    let mut attempts = Vec::new();
    for reveal in [Reveal::AfterGraded, Reveal::Never] {
        let rules = QuizRules { reveal, ..QuizRules::default() };
        let questions = vec![essay("Why?"), essay("How?")];
        let quiz = NewQuiz { is_published: true, rules, questions, ..NewQuiz::titled("Essays") };
        let quiz = teacher.catalog().add_quiz(room.lessons[0], quiz).await.unwrap();
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let words = || Some(Answer::Essay { text: "Because.".into() });
        let answers = [(attempt.questions[0].id, words()), (attempt.questions[1].id, words())];
        me.quizzes().save(attempt.id, "tab", 1, answers.into()).await.unwrap();
        me.quizzes().submit(attempt.id).await.unwrap();
        attempts.push(attempt);
    }
    let mark = || AnswerGrade { points: "0.5".parse().unwrap(), feedback: Some("Vague.".into()), seen_seq: 0 };
    for n in 0..2 {
        assert_eq!(new().await, []);
        for attempt in &attempts {
            let question = QuestionId::from_uuid(attempt.questions[n].id);
            teacher.quizzes().grade_answer(attempt.id, question, mark()).await.unwrap();
        }
        if n == 0 {
            assert_eq!(new().await, [], "not all of it is marked");
            week();
        }
    }
    assert_eq!(new().await, [(FeedbackKind::Attempt, attempts[0].id.uuid(), h.lms.now())]);
    week();
    let question = QuestionId::from_uuid(attempts[0].questions[0].id);
    me.quizzes().request_review(attempts[0].id, question, "Please look again.").await.unwrap();
    let kept = ReviewAnswer { change: None, reason: "It stands.".into() };
    teacher.quizzes().answer_review(attempts[0].id, question, kept).await.unwrap();
    let home = me.overview().learner_home(who).await.unwrap();
    assert_eq!(
        home.new_feedback.iter().map(|f| (f.kind, f.question_id)).collect::<Vec<_>>(),
        [(FeedbackKind::Review, Some(question))]
    );
}

/// A certificate stands on the home whatever became of the course or the enrollment; a course that is not published
/// is there and says so.
/// rules: G2, L1, E2
pub async fn g2_certificates_of_every_course(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, who) = (room.student(0), room.students[0]);
    let mut rooms = vec![room.clone()];
    for _ in 0..4 {
        let other = h.classroom(2, 0).await;
        other.teacher().enrollment().enroll(other.course, who, Default::default()).await.unwrap();
        rooms.push(other);
    }
    let mut codes = Vec::new();
    for room in &rooms {
        h.clock.advance(1);
        let issued = room.teacher().certificates().issue(room.course, who, Some("by hand".into())).await.unwrap();
        codes.push(issued.code);
    }
    let due = AssignmentRules { due_date: Some(h.lms.now().plus_seconds(3_600)), ..AssignmentRules::default() };
    for room in &rooms[..2] {
        assign(room, due.clone(), None).await;
    }
    rooms[1].teacher().catalog().publish_course(rooms[1].course, false).await.unwrap();
    rooms[2].teacher().enrollment().suspend(rooms[2].course, who).await.unwrap();
    me.enrollment().withdraw(rooms[3].course, who).await.unwrap();
    rooms[4].teacher().certificates().revoke(rooms[4].course, who, "a mistake".into()).await.unwrap();
    let home = me.overview().learner_home(who).await.unwrap();
    assert_eq!(home.certificates.iter().map(|c| &c.code).collect::<Vec<_>>(), codes[..4].iter().collect::<Vec<_>>());
    let courses: Vec<(_, Vec<_>)> =
        home.courses.iter().map(|c| (c.course_id, c.locks.iter().map(|l| l.code()).collect())).collect();
    let (open, closed) = (Vec::new(), vec!["not_published"]);
    let mut expected = vec![(rooms[0].course, open.clone()), (rooms[1].course, closed), (rooms[4].course, open)];
    expected.sort_by_key(|(course, _)| home.courses.iter().position(|c| c.course_id == *course));
    assert_eq!(courses, expected);
    assert_eq!(home.due_soon.iter().map(|d| d.course_id).collect::<Vec<_>>(), [rooms[0].course]);
    let next: BTreeMap<_, _> = home.courses.iter().map(|c| (c.course_id, c.next_lesson)).collect();
    assert_eq!((next[&rooms[0].course], next[&rooms[1].course]), (Some(rooms[0].lessons[0]), None));
    assert_eq!(next[&rooms[4].course], Some(rooms[4].lessons[0]), "each course has its own lessons");
    for course in &home.courses {
        let single = me.learning().standing(course.course_id, who).await.unwrap();
        assert_eq!((course.percent, course.completed_at), (single.percent, single.completed_at));
    }
}

/// The learners that every screen is asked about.
async fn busy_course(h: &Harness) -> Classroom {
    let room = h.classroom(2, 6).await;
    let now = h.lms.now();
    let quiz = room.add_quiz(room.lessons[0], 4, QuizRules { weight: 3, ..QuizRules::default() }).await.unwrap();
    let rules = AssignmentRules { due_date: Some(now.plus_seconds(3_600)), ..AssignmentRules::default() };
    let essay = assign(&room, rules.clone(), None).await;
    let hidden = assign(&room, AssignmentRules { posting: Posting::Manual, ..rules }, None).await;
    for n in 1..5 {
        let me = room.student(n);
        me.learning().open_lesson(room.lessons[0]).await.unwrap();
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        answer(&me, &attempt, n).await;
        me.quizzes().submit(attempt.id).await.unwrap();
        if n % 2 == 0 {
            me.learning().complete_lesson(room.lessons[0]).await.unwrap();
            h.clock.advance(if n == 4 { 7_200 } else { 0 });
            for assignment in [essay.id, hidden.id] {
                let handed = me.assignments().submit(assignment, NewSubmission::text(WORK)).await.unwrap();
                room.teacher().assignments().grade(handed.id, grade(50 + i64::try_from(n).unwrap())).await.unwrap();
            }
        }
    }
    room.teacher().grants().excuse(Item::Assignment(essay.id), room.students[1], true, "ill").await.unwrap();
    room.teacher().enrollment().withdraw(room.course, room.students[5]).await.unwrap();
    h.clock.advance(7_200);
    room
}

/// The gradebook is the scorecards, the roster the standings and the scorecards, the funnel the outlines.
/// rules: G3, G4, G6, G7, G8, S8
pub async fn g4_g6_g7_the_tables_are_the_single_reads(h: &Harness) {
    let room = busy_course(h).await;
    let teacher = room.teacher();
    let mut book = teacher.overview().gradebook(room.course, ById { after: None, limit: 4 }).await.unwrap();
    let rest = teacher.overview().gradebook(room.course, ById { after: book.next, limit: 4 }).await.unwrap();
    assert_eq!(rest.next, None);
    book.rows.extend(rest.rows);
    assert_eq!((book.rows.len(), book.items.len()), (5, 3), "who has withdrawn is left out");
    let mut roster =
        teacher.overview().roster(room.course, RosterFilter::default(), ById::default()).await.unwrap().rows;
    assert_eq!(roster.len(), 5);
    for row in &book.rows {
        assert_eq!(
            row.cells.iter().map(|c| c.id).collect::<Vec<_>>(),
            book.items.iter().map(|i| i.id).collect::<Vec<_>>()
        );
    }
    figures_agree(&room).await;
    // What staff see of unposted grades, learners do not.
    let own = room.student(2).overview().scorecard(room.course, room.students[2]).await.unwrap();
    assert_eq!(own.items.iter().filter(|c| c.score.is_some()).count(), 2);
    let listed = book.rows.iter().find(|r| r.student_id == room.students[2]).unwrap();
    assert_eq!(listed.cells.iter().filter(|c| c.score.is_some()).count(), 3);

    let list = |filter| {
        let (teacher, room) = (room.teacher(), room.clone());
        async move {
            let rows = teacher.overview().roster(room.course, filter, ById::default()).await.unwrap().rows;
            let place = |id| room.students.iter().position(|s| *s == id).unwrap();
            let mut places: Vec<_> = rows.into_iter().map(|r| place(r.student_id)).collect();
            places.sort_unstable();
            places
        }
    };
    assert_eq!(list(RosterFilter { not_started: true, ..RosterFilter::default() }).await, [0]);
    assert_eq!(list(RosterFilter { behind: true, ..RosterFilter::default() }).await, [0, 1, 3]);
    let since = h.lms.now().plus_seconds(-7_200);
    assert_eq!(list(RosterFilter { inactive_since: Some(since), ..RosterFilter::default() }).await, [0, 1, 2, 3]);
    roster.sort_by_key(|r| r.last_activity);
    assert_eq!(roster.last().unwrap().last_activity, Some(since), "the last step of the last learner");

    let csv = teacher.overview().gradebook_csv(room.course).await.unwrap();
    assert_eq!(csv.lines().count(), 6);
    assert!(csv.starts_with("student_id,name,status,A quiz,Essay,Essay,percent\r\n"), "{csv}");
    assert!(csv.contains("excused"), "{csv}");
    let csv = teacher.overview().roster_csv(room.course, RosterFilter::default()).await.unwrap();
    assert_eq!(csv.lines().count(), 6);
    let me = room.student(0);
    let denied = [
        me.overview().gradebook(room.course, ById::default()).await.map(drop).unwrap_err().code(),
        me.overview().roster(room.course, RosterFilter::default(), ById::default()).await.map(drop).unwrap_err().code(),
        me.overview().lesson_funnel(room.course).await.map(drop).unwrap_err().code(),
        me.overview().to_grade(room.course, 5).await.map(drop).unwrap_err().code(),
    ];
    assert_eq!(denied, ["not_found"; 4], "none of it is a learner's");
}

/// Every figure of the screens equals what the single reads say, learner by learner.
async fn figures_agree(room: &Classroom) {
    let teacher = room.teacher();
    let overview = teacher.overview();
    let book = overview.gradebook(room.course, ById::default()).await.unwrap();
    let roster = overview.roster(room.course, RosterFilter::default(), ById::default()).await.unwrap().rows;
    let funnel = overview.lesson_funnel(room.course).await.unwrap();
    let listed: Vec<_> = roster.iter().map(|r| r.student_id).collect();
    assert_eq!(book.rows.iter().map(|r| r.student_id).collect::<Vec<_>>(), listed);
    let mut stands: BTreeMap<(crate::model::LessonId, Option<ProgressStatus>), i64> = BTreeMap::new();
    for who in &room.students {
        let enrollment = teacher.enrollment().enrollment(room.course, *who).await.unwrap();
        assert_eq!(listed.contains(who), enrollment.status != EnrollmentStatus::Withdrawn, "who has left is left out");
        let card = overview.scorecard(room.course, *who).await.unwrap();
        let standing = teacher.learning().standing(room.course, *who).await.unwrap();
        let outline = overview.outline(room.course, *who).await.unwrap();
        let in_outline: Vec<ScoreCell> =
            outline.lessons.iter().flat_map(|l| l.items.iter().map(|item| item.cell.clone())).collect();
        // Feedback stands in the scorecard alone.
        let without = |cell: &ScoreCell| ScoreCell { feedback: None, ..cell.clone() };
        let cells: Vec<ScoreCell> = card.items.iter().map(without).collect();
        assert_eq!(in_outline, cells, "G1 and G3");
        assert_eq!((outline.percent, outline.completed_at), (standing.percent, standing.completed_at));
        let score = teacher.analytics().course_score(room.course, *who).await.unwrap();
        assert_eq!(score, card.score, "M7 and G3");
        for cell in card.items.iter().filter(|c| c.kind == GradedItem::Quiz) {
            assert_eq!(cell.grader_kind.is_some(), cell.score.is_some(), "a score has a grader");
        }
        if let Some(row) = book.rows.iter().find(|r| r.student_id == *who) {
            assert_eq!(row.cells.iter().map(without).collect::<Vec<_>>(), cells, "G4 and G3");
            assert_eq!((row.score, row.percent), (card.score, card.percent));
        }
        if let Some(row) = roster.iter().find(|r| r.student_id == *who) {
            assert_eq!((row.percent, row.completed_at), (standing.percent, standing.completed_at), "G6");
            assert_eq!(row.score, card.percent);
            let missing = card.items.iter().filter(|c| c.state == ItemState::Missing && !c.waived).count();
            let late = card.items.iter().filter(|c| c.late_seconds > 0).count();
            assert_eq!((row.missing, row.late), (i64::try_from(missing).unwrap(), i64::try_from(late).unwrap()));
        }
        // The home is what the learner's own outline says of an active enrollment.
        let me = room.lms.as_user(*who);
        let home = me.overview().learner_home(*who).await.unwrap();
        let active = enrollment.status == EnrollmentStatus::Active;
        assert_eq!(home.courses.len(), usize::from(active), "G2");
        if active {
            let own = me.overview().outline(room.course, *who).await.unwrap();
            let done = |l: &&OutlineLesson| l.status == Some(ProgressStatus::Completed) || l.waived;
            let next = own.lessons.iter().find(|l| l.locks.is_empty() && !done(l)).map(|l| l.id);
            let at_home = &home.courses[0];
            assert_eq!(
                (at_home.next_lesson, at_home.percent, at_home.completed_at),
                (next, own.percent, own.completed_at)
            );
            let now = room.lms.now();
            let due = |cell: &ScoreCell| {
                let open = [ItemState::NotSubmitted, ItemState::InProgress, ItemState::Missing].contains(&cell.state);
                cell.due.filter(|_| open && !cell.met)
            };
            let items = own.lessons.iter().filter(|l| l.locks.is_empty()).flat_map(|l| &l.items);
            let overdue = items.filter(|item| due(&item.cell).is_some_and(|at| at < now)).count();
            assert_eq!(home.overdue.len(), overdue);
            for lesson in &outline.lessons {
                *stands.entry((lesson.id, lesson.status)).or_default() += 1;
            }
        }
    }
    for lesson in &funnel {
        let count = |status| stands.get(&(lesson.lesson_id, status)).copied().unwrap_or_default();
        assert_eq!(
            (lesson.not_started, lesson.in_progress, lesson.completed),
            (count(None), count(Some(ProgressStatus::InProgress)), count(Some(ProgressStatus::Completed))),
            "G7 and G1"
        );
    }
}

/// A quiz's cell says who graded what counts of it: the library, AI, or a person.
/// rules: G3, G4, S16, A9
pub async fn g3_a_quiz_says_who_graded_it(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    let rules = QuizRules { ai_grading: Some(AiGrading::Apply), kept_score: KeptScore::Latest, ..QuizRules::default() };
    let essay = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
    let questions =
        vec![NewQuestion::new("Why?", essay), NewQuestion::new("?", QuestionBody::TrueFalse { correct: true })];
    let new = NewQuiz { is_published: true, rules, questions, ..NewQuiz::titled("A quiz") };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let essay = teacher.catalog().questions(quiz.id).await.unwrap()[0].id;
    let kinds = || async {
        let book = room.teacher().overview().gradebook(room.course, ById::default()).await.unwrap();
        figures_agree(&room).await;
        let row = |who| book.rows.iter().find(|row| row.student_id == who).unwrap();
        room.students.iter().map(|who| row(*who).cells[0].grader_kind).collect::<Vec<_>>()
    };
    let hand_in = |n: usize| {
        let me = room.student(n);
        async move {
            let attempt = me.quizzes().start(quiz.id).await.unwrap();
            let text = Some(Answer::Essay { text: WORK.into() });
            me.quizzes().save(attempt.id, "tab", 1, [(essay.uuid(), text)].into()).await.unwrap();
            me.quizzes().submit(attempt.id).await.unwrap();
            attempt.id
        }
    };
    let mut attempts = Vec::new();
    for n in 0..2 {
        attempts.push(hand_in(n).await);
        let operation = uuid::Uuid::from_u128(700 + n as u128);
        let log = valid_log(h, "grade", operation).await;
        let origin = AiOrigin { log_id: log.id, operation_id: operation };
        let mark = AiGrade { points: Points::from_units(50_000), ..suggestion(0, false) };
        by_ai(h, &room, log.id).await.quizzes().apply_ai_answer_grade(attempts[n], essay, mark, origin).await.unwrap();
    }
    let ai = Some(GraderKind::Ai);
    assert_eq!(kinds().await, [ai, ai, None]);
    let grade = AnswerGrade { points: Points::from_units(70_000), feedback: None, seen_seq: 1 };
    teacher.quizzes().grade_answer(attempts[1], essay, grade).await.unwrap();
    assert_eq!(kinds().await, [ai, Some(GraderKind::Human), None]);
    teacher.quizzes().clear_answer(attempts[1], essay, 2, None).await.unwrap();
    assert_eq!(kinds().await, [ai, ai, None], "what was taken back is nobody's");
    let own = room.student(0).overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!(own.items[0].grader_kind, ai, "the learner reads it, too");
    // The latest attempt counts, and nobody but the library has graded that one.
    let me = room.student(0);
    let blank = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(blank.id).await.unwrap();
    let kind = kinds().await[0];
    let state = me.quizzes().view_attempt(blank.id).await.unwrap().state;
    assert_eq!((state, kind), (AttemptState::Graded, Some(GraderKind::Auto)), "no answer is no essay to grade");
}

/// What waits for staff stands in lists of its own, the oldest first.
/// rules: G5, S16, Q12
pub async fn g5_what_waits_for_staff(h: &Harness) {
    let room = h.classroom(1, 4).await;
    let teacher = room.teacher();
    h.lms.expect_ai_grading();
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
    let suggested = assign(&room, rules, None).await;
    let plain = assign(&room, AssignmentRules::default(), None).await;
    let essay = NewQuestion::new("Why?", QuestionBody::Essay { rubric: None, staff_notes: String::new() });
    let new = NewQuiz { is_published: true, questions: vec![essay], ..NewQuiz::titled("A quiz") };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let mut first = None;
    for n in 0..3 {
        h.clock.advance(60);
        let handed = room.student(n).assignments().submit(plain.id, NewSubmission::text(WORK)).await.unwrap();
        first.get_or_insert(handed.id);
        let me = room.student(n);
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let text = Some(Answer::Essay { text: "Because.".into() });
        me.quizzes().save(attempt.id, "tab", 1, [(attempt.questions[0].id, text)].into()).await.unwrap();
        me.quizzes().submit(attempt.id).await.unwrap();
    }
    let handed = room.student(3).assignments().submit(suggested.id, NewSubmission::text(WORK)).await.unwrap();
    let waiting = teacher.overview().to_grade(room.course, 100).await.unwrap();
    assert_eq!(
        (waiting.submissions.len(), waiting.suggestions.len()),
        (3, 0),
        "what AI is about to grade is not there"
    );
    let operation = uuid::Uuid::from_u128(600);
    let log = valid_log(h, "grade", operation).await;
    let origin = AiOrigin { log_id: log.id, operation_id: operation };
    by_ai(h, &room, log.id).await.assignments().apply_ai_grade(handed.id, suggestion(70, false), origin).await.unwrap();
    teacher.assignments().grade(first.unwrap(), grade(50)).await.unwrap();
    room.student(0).assignments().request_review(first.unwrap(), "Please look again.").await.unwrap();
    let waiting = teacher.overview().to_grade(room.course, 100).await.unwrap();
    assert_eq!(waiting.suggestions.iter().map(|s| s.work.id).collect::<Vec<_>>(), [handed.id]);
    assert_eq!(waiting.reviews.iter().map(|r| r.work.submission_id).collect::<Vec<_>>(), [first]);
    let times: Vec<_> = waiting.submissions.iter().map(|s| s.work.submitted_at).collect();
    assert!(times.len() == 2 && times.is_sorted(), "{times:?}");
    let times: Vec<_> = waiting.attempts.iter().map(|a| a.work.completed_at).collect();
    assert!(times.len() == 3 && times.is_sorted(), "{times:?}");
    // The limit is each list's own: the older submissions keep neither the suggestion nor the review out.
    let few = teacher.overview().to_grade(room.course, 1).await.unwrap();
    let counts = (few.reviews.len(), few.suggestions.len(), few.submissions.len(), few.attempts.len());
    assert_eq!(counts, (1, 1, 1, 1));
    assert_eq!((&few.submissions[0], &few.attempts[0]), (&waiting.submissions[0], &waiting.attempts[0]));
    // Page by page all of it comes, once, in the same order.
    let (mut submissions, mut attempts, mut place) = (few.submissions, few.attempts, few.next);
    let mut others = few.reviews.len() + few.suggestions.len() + few.answer_suggestions.len();
    while let Some(after) = place {
        let page = teacher.overview().to_grade_after(room.course, after, 1).await.unwrap();
        submissions.extend(page.submissions);
        attempts.extend(page.attempts);
        others += page.reviews.len() + page.suggestions.len() + page.answer_suggestions.len();
        place = page.next;
    }
    assert_eq!((submissions, attempts, others), (waiting.submissions, waiting.attempts, 2));
}

/// Work of a person who was erased can be graded by nobody, and does not wait in any list (D5).
/// rules: G5, D5
pub async fn g5_d5_work_of_the_erased_waits_for_nobody(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let teacher = room.teacher();
    h.lms.expect_ai_grading();
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
    let suggested = assign(&room, rules, None).await;
    let (plain, reviewed) =
        (assign(&room, AssignmentRules::default(), None).await, assign(&room, AssignmentRules::default(), None).await);
    let essay = NewQuestion::new("Why?", QuestionBody::Essay { rubric: None, staff_notes: String::new() });
    let new = NewQuiz { is_published: true, questions: vec![essay], ..NewQuiz::titled("A quiz") };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    for n in 0..2 {
        let me = room.student(n);
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let text = Some(Answer::Essay { text: "Because.".into() });
        me.quizzes().save(attempt.id, "tab", 1, [(attempt.questions[0].id, text)].into()).await.unwrap();
        me.quizzes().submit(attempt.id).await.unwrap();
        me.assignments().submit(plain.id, NewSubmission::text(WORK)).await.unwrap();
        let handed = me.assignments().submit(reviewed.id, NewSubmission::text(WORK)).await.unwrap();
        teacher.assignments().grade(handed.id, grade(50)).await.unwrap();
        me.assignments().request_review(handed.id, "Please look again.").await.unwrap();
        let handed = me.assignments().submit(suggested.id, NewSubmission::text(WORK)).await.unwrap();
        let operation = uuid::Uuid::from_u128(650 + n as u128);
        let log = valid_log(h, "grade", operation).await;
        let origin = AiOrigin { log_id: log.id, operation_id: operation };
        let ai = by_ai(h, &room, log.id).await;
        ai.assignments().apply_ai_grade(handed.id, suggestion(70, false), origin).await.unwrap();
    }
    let counts = || async {
        let found = teacher.overview().to_grade(room.course, 100).await.unwrap();
        (found.reviews.len(), found.suggestions.len(), found.submissions.len(), found.attempts.len())
    };
    assert_eq!(counts().await, (2, 2, 2, 2));
    h.lms.as_user(room.admin).people().erase_person(room.students[0]).await.unwrap();
    assert_eq!(counts().await, (1, 1, 1, 1));
}

/// Twelve hundred versions of one instant and one behind them: none is left out, and none comes twice.
/// rules: G5
pub async fn g5_twelve_hundred_wait(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let teacher = room.teacher();
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Off), ..AssignmentRules::default() };
    let essay = assign(&room, rules, None).await;
    room.student(0).assignments().submit(essay.id, NewSubmission::text(WORK)).await.unwrap();
    h.clock.advance(60);
    let last = room.student(1).assignments().submit(essay.id, NewSubmission::text(WORK)).await.unwrap();
    let copies = |of: crate::model::Submission| {
        (0..1_199_u128).map(move |n| {
            let id = crate::model::Id::from_uuid(uuid::Uuid::from_u128(n + 1));
            crate::store::Change::Insert(
                crate::model::Submission { id, version_no: i64::try_from(n).unwrap() + 2, ..of.clone() }.into(),
            )
        })
    };
    let (from, to) = (crate::model::Id::from_uuid(uuid::Uuid::nil()), crate::model::Id::from_uuid(uuid::Uuid::max()));
    let versions = h.store.versions(essay.id, from, to).await.unwrap();
    let whole = versions.into_iter().map(|v| v.submission).find(|s| s.id != last.id).unwrap();
    let batch = crate::store::WriteBatch { changes: copies(whole).collect(), ..Default::default() };
    h.store.write(std::sync::Arc::new(batch)).await.unwrap();
    let (mut seen, mut place, mut pages) = (Vec::new(), Some(ToGradePlace::default()), 0);
    while let Some(after) = place {
        let page = teacher.overview().to_grade_after(room.course, after, 1_000).await.unwrap();
        seen.extend(page.submissions.iter().map(|s| s.work.id));
        (place, pages) = (page.next, pages + 1);
    }
    assert_eq!((seen.len(), pages, seen.last()), (1_201, 3, Some(&last.id)));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1_201, "each once");
}

/// After any sequence of commands the set-based figures are what a recount of every learner comes to, and every
/// screen says what the single reads say.
/// rules: M1, M2, M4, M5, P11, G1, G2, G3, G4, G6, G7, G8
pub async fn m5_figures_equal_a_recount_after_anything(h: &Harness) {
    let room = h.classroom(3, 5).await;
    let teacher = room.teacher();
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let quizzes = [
        room.add_quiz(room.lessons[0], 3, rules.clone()).await.unwrap().id,
        room.add_quiz(room.lessons[1], 2, QuizRules { kept_score: crate::model::KeptScore::Average, ..rules })
            .await
            .unwrap()
            .id,
    ];
    let due = AssignmentRules { due_date: Some(h.lms.now().plus_seconds(50_000)), ..AssignmentRules::default() };
    let essay = assign(&room, due, None).await.id;
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % n).unwrap()
    };
    for step in 0..90 {
        let (n, which) = (next(5), next(2));
        let (me, who) = (room.student(n), room.students[n]);
        // A refusal is as good as a success: what counts is what stands afterwards.
        match next(14) {
            0 => drop(me.learning().open_lesson(room.lessons[next(3)]).await),
            1 | 2 => drop(me.learning().complete_lesson(room.lessons[next(3)]).await),
            3..=5 => {
                if let Ok(attempt) = me.quizzes().start(quizzes[which]).await {
                    answer(&me, &attempt, next(4)).await;
                    drop(me.quizzes().submit(attempt.id).await);
                }
            }
            6 | 7 => drop(me.assignments().submit(essay, NewSubmission::text(WORK)).await),
            8 => {
                let waiting = teacher.overview().to_grade(room.course, 100).await.unwrap().submissions;
                if let Some(head) = waiting.first() {
                    drop(teacher.assignments().grade(head.work.id, grade(i64::try_from(next(101)).unwrap())).await);
                }
            }
            9 => {
                let item = if next(3) == 0 { Item::Assignment(essay) } else { Item::Quiz(quizzes[which]) };
                drop(teacher.grants().waive(item, who, "a reason").await);
            }
            10 => drop(teacher.grants().excuse(Item::Assignment(essay), who, next(2) == 0, "a reason").await),
            11 => drop(teacher.catalog().publish_quiz(quizzes[which], next(3) > 0).await),
            12 => match next(3) {
                0 => drop(teacher.enrollment().suspend(room.course, who).await),
                1 => drop(teacher.enrollment().withdraw(room.course, who).await),
                _ => drop(teacher.enrollment().reactivate(room.course, who).await),
            },
            _ => h.clock.advance(i64::try_from(next(4_000)).unwrap()),
        }
        if step % 6 == 5 {
            let drift = h.lms.system().activity().audit(room.course).await.unwrap();
            assert!(drift.is_empty(), "after step {step}: {drift:?}");
            recount(h, &room, &quizzes, essay, h.lms.now()).await;
            figures_agree(&room).await;
        }
    }
}

/// The figures of M1, M2 and M4 by hand, learner by learner.
async fn recount(
    h: &Harness,
    room: &Classroom,
    quizzes: &[crate::model::QuizId],
    essay: crate::model::AssignmentId,
    now: Timestamp,
) {
    let records = h.store.records(room.course, false, ById { after: None, limit: 500 }).await.unwrap();
    let active: Vec<_> =
        records.iter().filter(|r| r.enrollment.status == EnrollmentStatus::Active && !r.enrollment.is_staff).collect();
    let count = |n: usize| i64::try_from(n).unwrap();
    let found = h.store.completion(room.course).await.unwrap().unwrap();
    assert_eq!(found.enrolled, count(active.len()));
    assert_eq!(found.completed, count(active.iter().filter(|r| r.enrollment.completed_at.is_some()).count()));
    for quiz in quizzes {
        let percents: Vec<i64> = active
            .iter()
            .filter(|r| !r.waivers.iter().any(|w| w.quiz_id == Some(*quiz)))
            .filter(|r| !r.overrides.iter().any(|o| o.quiz_id == Some(*quiz) && o.excused))
            .filter_map(|r| r.results.iter().find(|result| result.quiz_id == *quiz)?.kept())
            .filter(|kept: &Score| kept.possible > Points::ZERO)
            .map(|kept| {
                i64::try_from(i128::from(kept.earned.units()) * 100_000_000 / i128::from(kept.possible.units()))
                    .unwrap()
            })
            .collect();
        let sums = h.store.quiz_percents(QuizScope::Quiz(*quiz)).await.unwrap();
        assert_eq!((sums.pairs, sums.sum_e8), (count(percents.len()), percents.iter().sum()));
    }
    let rows: Vec<_> = active
        .iter()
        .filter(|r| !r.overrides.iter().any(|o| o.assignment_id == Some(essay) && o.excused))
        .filter(|r| !r.waivers.iter().any(|w| w.assignment_id == Some(essay)))
        .map(|r| {
            let handed = |s: &&crate::store::SubmissionHead| s.submitted_at.is_some() && s.assignment_id == essay;
            let versions: Vec<_> = r.submissions.iter().filter(handed).collect();
            let counted = versions.iter().rev().find(|s| s.grade.is_some()).or(versions.last()).copied().cloned();
            counted.map(|s| s.late_seconds == 0)
        })
        .collect();
    let structure = h.store.structure(room.course).await.unwrap().unwrap();
    let due = structure.assignments.iter().find(|a| a.id == essay).unwrap().due_date.unwrap();
    let of = rows.iter().filter(|row| row.is_some() || due < now).count();
    let on_time = rows.iter().filter(|row| **row == Some(true)).count();
    let found = h.store.on_time(essay, now).await.unwrap();
    assert_eq!((found.on_time, found.of), (count(on_time), count(of)));
}
