//! Plays a command on the library over a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use lms_core::lms::*;
use lms_core::model::question::{Answer as Given, Labelled, QuestionBody};
use lms_core::model::*;
use lms_core::store::{Item, Siblings, Store};
use lms_core::{Lms, error::Error};
use uuid::Uuid;

use crate::commands::{Act, Answer, By, Kids, NewQuestion as Drawn, place};
use crate::state::{Kind, Model};

/// A course on one store, as the test plays on it.
pub struct Room {
    pub lms: Lms,
    pub store: Arc<dyn Store>,
    pub teacher: UserId,
    pub course: CourseId,
    pub people: Vec<UserId>,
    /// What `plan_delete` answered and nobody has used.
    pub plans: BTreeMap<Uuid, DeletePlan>,
    /// What the last command answered, where the stores are compared by it.
    pub answered: serde_json::Value,
}

const TEXT: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn body(kind: Kind) -> QuestionBody {
    let options = |ids: &[&str]| ids.iter().map(|id| Labelled::new(*id, format!("option {id}"))).collect();
    match kind {
        Kind::Single => QuestionBody::SingleChoice {
            options: options(&["right", "wrong"]),
            correct: "right".into(),
            why: BTreeMap::new(),
        },
        Kind::Multiple(mode) => QuestionBody::MultipleChoice {
            options: options(&["0", "1", "2", "3", "4"]),
            correct: vec!["0".into(), "1".into(), "2".into()],
            mode,
            why: BTreeMap::new(),
        },
        Kind::Essay => QuestionBody::Essay { rubric: None, staff_notes: String::new() },
    }
}

fn question(drawn: Drawn) -> NewQuestion {
    NewQuestion {
        points: Points::from_units(drawn.points),
        negative_points: drawn.negative.map(Points::from_units),
        ..NewQuestion::new("What?", body(drawn.kind))
    }
}

fn given(answer: Answer) -> Given {
    match answer {
        Answer::Pick(right) => Given::Choice { option_id: if right { "right" } else { "wrong" }.into() },
        Answer::Picks(mask) => {
            Given::Choices { option_ids: (0..5).filter(|n| mask >> n & 1 == 1).map(|n: u8| n.to_string()).collect() }
        }
        Answer::Essay => Given::Essay { text: TEXT.into() },
        Answer::Unknown => Given::Choice { option_id: "none".into() },
    }
}

fn own(date: crate::commands::OwnDate) -> OwnDate {
    match date {
        None => OwnDate::Inherit,
        Some(None) => OwnDate::None,
        Some(Some(at)) => OwnDate::At(at),
    }
}

impl Room {
    /// A course of a teacher, closed and empty, and people who may join it. The same everywhere.
    pub async fn new(lms: Lms, people: &[Uuid]) -> Self {
        let add = |id: Uuid, role: Role, name: &str| NewUser::new(role, name).with_id(UserId::from_uuid(id));
        let (teacher, students) = people.split_first().unwrap();
        let all = lms.system();
        all.people().ensure_user(add(*teacher, Role::Instructor, "Teacher")).await.unwrap();
        for (n, id) in students.iter().enumerate() {
            all.people().ensure_user(add(*id, Role::Student, &format!("Learner {n}"))).await.unwrap();
        }
        let teacher = UserId::from_uuid(*teacher);
        let course = lms.as_user(teacher).catalog().create_course(NewCourse::titled("A course")).await.unwrap();
        Self {
            store: lms.store().clone(),
            lms,
            teacher,
            course: course.id,
            people: students.iter().map(|id| UserId::from_uuid(*id)).collect(),
            plans: BTreeMap::new(),
            answered: serde_json::Value::Null,
        }
    }

    pub fn teacher(&self) -> Session {
        self.lms.as_user(self.teacher)
    }

    pub fn student(&self, who: usize) -> Session {
        self.lms.as_user(self.people[who])
    }

    fn of_attempt(&self, model: &Model, attempt: Uuid) -> Session {
        self.student(model.attempt(attempt).unwrap().0)
    }

    /// Plays it: the ids of what was made, or the error.
    pub async fn play(&mut self, act: &Act, model: &Model) -> Result<Vec<Uuid>, Error> {
        self.answered = serde_json::Value::Null;
        match act {
            Act::Enroll { .. } | Act::SetStatus { .. } => self.people(act).await,
            Act::OpenCourse { .. }
            | Act::OpenLesson { .. }
            | Act::View { .. }
            | Act::Complete { .. }
            | Act::Undo { .. }
            | Act::Start { .. }
            | Act::Save { .. }
            | Act::Submit { .. }
            | Act::ViewAttempt { .. }
            | Act::Expire
            | Act::Draft { .. }
            | Act::HandIn { .. } => self.learn(act, model).await,
            Act::AddLesson { .. }
            | Act::UpdateLesson { .. }
            | Act::PublishLesson { .. }
            | Act::Reorder { .. }
            | Act::Require { .. }
            | Act::AddTopic { .. }
            | Act::DeleteTopic { .. }
            | Act::AddQuiz { .. }
            | Act::UpdateQuiz { .. }
            | Act::PublishQuiz { .. }
            | Act::AddQuestion { .. }
            | Act::UpdateQuestion { .. }
            | Act::DeleteQuestion { .. }
            | Act::AddTask { .. }
            | Act::UpdateTask { .. }
            | Act::PublishTask { .. }
            | Act::SetMaxGrade { .. } => self.author(act, model).await,
            Act::Tick { .. } => Ok(Vec::new()),
            _ => self.staff(act).await,
        }
    }

    async fn author(&self, act: &Act, model: &Model) -> Result<Vec<Uuid>, Error> {
        let teacher = self.teacher();
        let catalog = teacher.catalog();
        match act {
            Act::AddLesson { index, published, required, rule, from } => {
                let new = NewLesson {
                    index: Some(*index),
                    is_published: *published,
                    is_required: *required,
                    completion_rule: *rule,
                    available_from: *from,
                    ..NewLesson::titled("A lesson")
                };
                return Ok(vec![catalog.add_lesson(self.course, new).await?.id.uuid()]);
            }
            Act::UpdateLesson { lesson, stale, required, rule, from } => {
                let id = LessonId::from_uuid(*lesson);
                let update = UpdateLesson {
                    version: catalog.lesson(id).await?.version - i64::from(*stale),
                    is_required: Some(*required),
                    completion_rule: Some(*rule),
                    available_from: Some(*from),
                    ..UpdateLesson::default()
                };
                catalog.update_lesson(id, update).await?;
            }
            Act::PublishLesson { lesson, on } => drop(catalog.publish_lesson(LessonId::from_uuid(*lesson), *on).await?),
            Act::Reorder { kids, parent, ids, stale } => {
                let siblings = match kids {
                    Kids::Lessons => Siblings::Lessons(self.course),
                    Kids::Topics => Siblings::Topics(LessonId::from_uuid(*parent)),
                    Kids::Quizzes => Siblings::Quizzes(LessonId::from_uuid(*parent)),
                    Kids::Tasks => Siblings::Assignments(LessonId::from_uuid(*parent)),
                    Kids::Questions => Siblings::Questions(QuizId::from_uuid(*parent)),
                };
                let version = catalog.course(self.course).await?.structure_version - i64::from(*stale);
                catalog.reorder(siblings, ids.clone(), version).await?;
            }
            Act::Require { lesson, other, on } => {
                catalog.require_lesson(LessonId::from_uuid(*lesson), LessonId::from_uuid(*other), *on).await?;
            }
            Act::AddTopic { lesson, index } => {
                let new = NewTopic { index: Some(*index), ..NewTopic::text("A topic", "A text to read.") };
                return Ok(vec![catalog.add_topic(LessonId::from_uuid(*lesson), new).await?.id.uuid()]);
            }
            Act::DeleteTopic { topic } => catalog.delete_topic(TopicId::from_uuid(*topic)).await?,
            Act::AddQuiz { lesson, index, published, rules, questions } => {
                let new = NewQuiz {
                    index: Some(*index),
                    is_published: *published,
                    rules: rules.clone(),
                    questions: questions.iter().map(|q| question(*q)).collect(),
                    ..NewQuiz::titled("A quiz")
                };
                let quiz = catalog.add_quiz(LessonId::from_uuid(*lesson), new).await?.id;
                let mut ids = vec![quiz.uuid()];
                ids.extend(catalog.questions(quiz).await?.iter().map(|q| q.id.uuid()));
                return Ok(ids);
            }
            Act::UpdateQuiz { quiz, stale, rules } => {
                let id = QuizId::from_uuid(*quiz);
                let version = catalog.quiz(id).await?.version - i64::from(*stale);
                let update = UpdateQuiz { version, rules: Some(rules.clone()), ..UpdateQuiz::default() };
                catalog.update_quiz(id, update).await?;
            }
            Act::PublishQuiz { quiz, on } => drop(catalog.publish_quiz(QuizId::from_uuid(*quiz), *on).await?),
            Act::AddQuestion { quiz, new } => {
                let added = catalog.add_question(QuizId::from_uuid(*quiz), question(*new)).await?;
                return Ok(vec![added.id.uuid()]);
            }
            Act::UpdateQuestion { question: which, new } => {
                let mut all = model.lessons.iter().flat_map(|l| &l.quizzes);
                let quiz = all.find(|q| q.questions.iter().any(|each| each.id == *which)).unwrap().id;
                let version = catalog.quiz(QuizId::from_uuid(quiz)).await?.version;
                catalog.update_question(QuestionId::from_uuid(*which), version, question(*new)).await?;
            }
            Act::DeleteQuestion { question } => catalog.delete_question(QuestionId::from_uuid(*question)).await?,
            Act::AddTask { lesson, index, published, rules, max } => {
                let new = NewAssignment {
                    index: Some(*index),
                    is_published: *published,
                    rules: rules.clone(),
                    ..NewAssignment::new("An assignment", Points::from_units(*max))
                };
                return Ok(vec![catalog.add_assignment(LessonId::from_uuid(*lesson), new).await?.id.uuid()]);
            }
            Act::UpdateTask { task, stale, rules } => {
                let id = AssignmentId::from_uuid(*task);
                let version = catalog.assignment(id).await?.version - i64::from(*stale);
                let update = UpdateAssignment { version, rules: Some(rules.clone()), ..UpdateAssignment::default() };
                catalog.update_assignment(id, update).await?;
            }
            Act::PublishTask { task, on } => {
                catalog.publish_assignment(AssignmentId::from_uuid(*task), *on).await?;
            }
            Act::SetMaxGrade { task, max, rescale } => {
                let id = AssignmentId::from_uuid(*task);
                let change = ChangeMaxGrade {
                    version: catalog.assignment(id).await?.version,
                    max_grade: Points::from_units(*max),
                    marks: if *rescale { MarksChange::Rescale } else { MarksChange::KeepPoints },
                    rubric: None,
                };
                catalog.set_max_grade(id, change).await?;
            }
            _ => unreachable!("{act:?}"),
        }
        Ok(Vec::new())
    }

    async fn people(&self, act: &Act) -> Result<Vec<Uuid>, Error> {
        match act {
            Act::Enroll { who, by: By::Themselves, .. } => {
                self.student(*who).enrollment().enroll_self(self.course).await?;
            }
            Act::Enroll { who, by, starts, ends, exceed } => {
                let options = EnrollOptions {
                    starts_at: *starts,
                    ends_at: *ends,
                    exceed_capacity: *exceed,
                    ..EnrollOptions::default()
                };
                let session = if *by == By::Staff { self.teacher() } else { self.lms.system() };
                session.enrollment().enroll(self.course, self.people[*who], options).await?;
            }
            Act::SetStatus { who, to, own } => {
                let session = if *own { self.student(*who) } else { self.teacher() };
                let (enrollment, student) = (session.enrollment(), self.people[*who]);
                match to {
                    EnrollmentStatus::Active => enrollment.reactivate(self.course, student).await?,
                    EnrollmentStatus::Suspended => enrollment.suspend(self.course, student).await?,
                    EnrollmentStatus::Withdrawn => enrollment.withdraw(self.course, student).await?,
                };
            }
            _ => unreachable!("{act:?}"),
        }
        Ok(Vec::new())
    }

    async fn learn(&mut self, act: &Act, model: &Model) -> Result<Vec<Uuid>, Error> {
        match act {
            Act::OpenCourse { who } => {
                self.answered = json(self.student(*who).learning().open_course(self.course).await?);
            }
            Act::OpenLesson { who, lesson } => {
                self.answered = json(self.student(*who).learning().open_lesson(LessonId::from_uuid(*lesson)).await?);
            }
            Act::View { who, topic } => {
                self.answered = json(self.student(*who).learning().view_topic(TopicId::from_uuid(*topic)).await?);
            }
            Act::Complete { who, lesson } => {
                self.answered =
                    json(self.student(*who).learning().complete_lesson(LessonId::from_uuid(*lesson)).await?);
            }
            Act::Undo { who, lesson } => {
                self.answered =
                    json(self.student(*who).learning().undo_complete_lesson(LessonId::from_uuid(*lesson)).await?);
            }
            Act::Start { who, quiz } => {
                let view = self.student(*who).quizzes().start(QuizId::from_uuid(*quiz)).await?;
                let id = view.id.uuid();
                self.answered = json(view);
                return Ok(vec![id]);
            }
            Act::Save { attempt, client, seq, patch } => {
                let patch = patch.iter().map(|(id, answer)| (*id, answer.map(given))).collect();
                let session = self.of_attempt(model, *attempt);
                let id = AttemptId::from_uuid(*attempt);
                self.answered = json(session.quizzes().save(id, &format!("client {client}"), *seq, patch).await?);
            }
            Act::Submit { attempt } => {
                let session = self.of_attempt(model, *attempt);
                self.answered = json(session.quizzes().submit(AttemptId::from_uuid(*attempt)).await?);
            }
            Act::ViewAttempt { attempt } => {
                let session = self.of_attempt(model, *attempt);
                self.answered = json(session.quizzes().view_attempt(AttemptId::from_uuid(*attempt)).await?);
            }
            Act::Expire => self.answered = json(self.lms.system().quizzes().expire_due(1_000).await?),
            Act::Draft { who, task } | Act::HandIn { who, task, .. } => {
                let (session, id) = (self.student(*who), AssignmentId::from_uuid(*task));
                let view = match act {
                    Act::Draft { .. } => session.assignments().save_draft(id, NewSubmission::text(TEXT)).await?,
                    Act::HandIn { empty: true, .. } => {
                        session.assignments().submit(id, NewSubmission::default()).await?
                    }
                    _ => session.assignments().submit(id, NewSubmission::text(TEXT)).await?,
                };
                let id = view.id.uuid();
                self.answered = json(view);
                return Ok(vec![id]);
            }
            _ => unreachable!("{act:?}"),
        }
        Ok(Vec::new())
    }

    async fn staff(&mut self, act: &Act) -> Result<Vec<Uuid>, Error> {
        let teacher = self.teacher();
        let course = self.course;
        let seen_seq = |seen: &bool| if *seen { i64::MAX } else { 0 };
        match act {
            Act::PublishCourse { on } => drop(teacher.catalog().publish_course(course, *on).await?),
            Act::ArchiveCourse { on } => drop(teacher.catalog().archive_course(course, *on).await?),
            Act::SetFlow { .. } | Act::SetEnrollment { .. } | Act::SetCapacity { .. } | Act::SetCertificates { .. } => {
                let version = teacher.catalog().course(course).await?.version;
                let mut update = UpdateCourse { version, ..UpdateCourse::default() };
                match act {
                    Act::SetFlow { flow } => update.flow = Some(*flow),
                    Act::SetEnrollment { policy } => update.enrollment = Some(*policy),
                    Act::SetCapacity { capacity } => update.capacity = Some(*capacity),
                    Act::SetCertificates { policy, valid_days } => {
                        update.certificates = Some(*policy);
                        update.certificate_valid_days = Some(*valid_days);
                    }
                    _ => unreachable!("{act:?}"),
                }
                teacher.catalog().update_course(course, update).await?;
            }
            Act::GradeAnswer { attempt, question, points, seen } => {
                let grade =
                    AnswerGrade { points: Points::from_units(*points), feedback: None, seen_seq: seen_seq(seen) };
                let (attempt, question) = (AttemptId::from_uuid(*attempt), QuestionId::from_uuid(*question));
                teacher.quizzes().grade_answer(attempt, question, grade).await?;
            }
            Act::Void { attempt } => teacher.quizzes().void(AttemptId::from_uuid(*attempt), "cheated").await?,
            Act::Grade { version, points, seen } => {
                let grade = NewGrade {
                    points: Some(Points::from_units(*points)),
                    seen_seq: seen_seq(seen),
                    ..NewGrade::default()
                };
                self.answered = json(teacher.assignments().grade(SubmissionId::from_uuid(*version), grade).await?);
            }
            Act::Clear { version, seen } => {
                let id = SubmissionId::from_uuid(*version);
                self.answered = json(teacher.assignments().clear_grade(id, seen_seq(seen), None).await?);
            }
            Act::Return { version } => {
                let id = SubmissionId::from_uuid(*version);
                self.answered = json(teacher.assignments().return_for_revision(id).await?);
            }
            Act::Post { who, task } => {
                teacher.assignments().post_grade(AssignmentId::from_uuid(*task), self.people[*who]).await?;
            }
            Act::Excuse { item, who, on } => {
                teacher.grants().excuse(*item, self.people[*who], *on, "was ill").await?;
            }
            Act::Waive { item, who } => drop(teacher.grants().waive(*item, self.people[*who], "knows it").await?),
            Act::RevokeWaiver { item, who } => teacher.grants().revoke_waiver(*item, self.people[*who]).await?,
            Act::Extend { item, who, from, due, cutoff, time_bp, seconds, attempts } => {
                let extension = Extension {
                    available_from: own(*from),
                    due: own(*due),
                    cutoff: own(*cutoff),
                    time_multiplier_bp: 10_000 + time_bp,
                    extra_seconds: *seconds,
                    extra_attempts: *attempts,
                    reason: "asked for it".into(),
                };
                self.answered = json(teacher.grants().extend(*item, self.people[*who], extension).await?);
            }
            Act::Reset { who } => {
                self.answered = json(teacher.grants().reset_progress(course, self.people[*who], "again").await?);
            }
            Act::Issue { who, reason } => {
                let reason = reason.then(|| "earned elsewhere".to_owned());
                self.answered = json(teacher.certificates().issue(course, self.people[*who], reason).await?);
            }
            Act::RevokeCertificate { who } => {
                teacher.certificates().revoke(course, self.people[*who], "a mistake".into()).await?;
            }
            Act::PlanDelete { item } => {
                let plan = teacher.catalog().plan_delete(*item).await?;
                self.answered = json(plan.clone());
                self.plans.insert(place(*item).1, plan);
            }
            Act::Delete { item } => {
                let id = place(*item).1;
                let plan = match self.plans.get(&id) {
                    Some(plan) => plan.clone(),
                    None => teacher.catalog().plan_delete(*item).await?,
                };
                let done = teacher.catalog().delete(&plan).await;
                if done.as_ref().map_or_else(|e| e.code() == "delete.grown", |()| true) {
                    self.plans.remove(&id);
                }
                done?;
            }
            _ => unreachable!("{act:?}"),
        }
        Ok(Vec::new())
    }

    /// The item that the whole course is.
    pub const fn whole(&self) -> Item {
        Item::Course(self.course)
    }
}

pub fn json(value: impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}
