//! What hosts use in their own tests, and the library in its own: a clock that stands still, ids that
//! repeat, and a course with learners.

mod futures;

pub use futures::unheld_futures;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Lms;
use crate::clock::{Clock, Ids};
use crate::error::Error;
use crate::lms::{EnrollOptions, NewCourse, NewLesson, NewQuestion, NewQuiz, NewTopic, NewUser, QuizRules, Session};
use crate::model::question::{Labelled, QuestionBody};
use crate::model::{Course, CourseId, Lesson, LessonId, Quiz, Role, Timestamp, TopicId, UserId};

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at an instant.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// A clock that stands at noon of 2 March 2026, UTC.
    pub const fn noon() -> Self {
        Self(AtomicI64::new(1_772_452_800_000_000))
    }

    /// Moves it on.
    pub fn advance(&self, seconds: i64) {
        self.advance_micros(seconds.saturating_mul(1_000_000));
    }

    /// Moves it on by less than a second.
    pub fn advance_micros(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap_or_else(|| Timestamp::new(Default::default()))
    }
}

/// Ids and randomness that are the same in every run with the same seed.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    drawn: Mutex<u64>,
}

impl SeededIds {
    /// Ids of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: Mutex::new(0) }
    }

    fn next(&self) -> [u8; 32] {
        let mut drawn = match self.drawn.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        *drawn += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(drawn.to_be_bytes());
        hash.finalize().into()
    }
}

impl Ids for SeededIds {
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(self.next()) {
            *to = from;
        }
        let millis = u64::try_from(now.as_micros().div_euclid(1_000)).unwrap_or(0).to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(millis.iter().skip(2)) {
            *to = *from;
        }
        uuid::Builder::from_bytes(bytes)
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            for (to, from) in chunk.iter_mut().zip(self.next()) {
                *to = from;
            }
        }
    }
}

/// A published course with an instructor and learners.
#[derive(Debug, Clone)]
pub struct Classroom {
    /// The library.
    pub lms: Lms,
    /// An admin.
    pub admin: UserId,
    /// The owner of the course.
    pub instructor: UserId,
    /// The learners, enrolled.
    pub students: Vec<UserId>,
    /// The course.
    pub course: CourseId,
    /// Its lessons, published and completed by marking them, each with one topic.
    pub lessons: Vec<LessonId>,
    /// The topics, one per lesson.
    pub topics: Vec<TopicId>,
}

impl Classroom {
    /// Builds one with so many lessons and learners.
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn build(lms: &Lms, lessons: usize, students: usize) -> Result<Self, Error> {
        let people = lms.system();
        let admin = people.people().ensure_user(NewUser::new(Role::Admin, "Ada Admin")).await?.id;
        let instructor = people.people().ensure_user(NewUser::new(Role::Instructor, "Ines Instructor")).await?.id;
        let teacher = lms.as_user(instructor);
        let course = teacher.catalog().create_course(NewCourse::titled("How Things Work")).await?;
        let mut room = Self {
            lms: lms.clone(),
            admin,
            instructor,
            students: Vec::new(),
            course: course.id,
            lessons: Vec::new(),
            topics: Vec::new(),
        };
        for n in 0..lessons {
            let lesson = room.add_lesson(&format!("Lesson {}", n + 1)).await?;
            let topic = teacher.catalog().add_topic(lesson.id, NewTopic::text("Topic", "A text to read.")).await?;
            room.lessons.push(lesson.id);
            room.topics.push(topic.id);
        }
        if lessons > 0 {
            teacher.catalog().publish_course(course.id, true).await?;
        }
        for n in 0..students {
            let student = room.new_student(&format!("Student {}", n + 1)).await?;
            room.students.push(student);
        }
        Ok(room)
    }

    /// The instructor's session.
    pub fn teacher(&self) -> Session {
        self.lms.as_user(self.instructor)
    }

    /// A learner's session.
    pub fn student(&self, n: usize) -> Session {
        self.lms.as_user(self.students.get(n).copied().unwrap_or(self.instructor))
    }

    /// One more published lesson at the end.
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn add_lesson(&self, title: &str) -> Result<Lesson, Error> {
        self.teacher().catalog().add_lesson(self.course, NewLesson::titled(title).published()).await
    }

    /// One more learner, enrolled.
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn new_student(&self, name: &str) -> Result<UserId, Error> {
        let user = self.lms.system().people().ensure_user(NewUser::new(Role::Student, name)).await?;
        self.teacher().enrollment().enroll(self.course, user.id, EnrollOptions::default()).await?;
        Ok(user.id)
    }

    /// A published quiz of so many single choices, whose right option is always "right".
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn add_quiz(&self, lesson: LessonId, questions: usize, rules: QuizRules) -> Result<Quiz, Error> {
        let question = |n: usize| {
            NewQuestion::new(
                format!("Question {}", n + 1),
                QuestionBody::SingleChoice {
                    options: vec![Labelled::new("right", "The right one"), Labelled::new("wrong", "The wrong one")],
                    correct: "right".to_owned(),
                    why: std::collections::BTreeMap::from([("right".to_owned(), "SECRET-WHY".to_owned())]),
                },
            )
        };
        let new = NewQuiz {
            is_published: true,
            rules,
            questions: (0..questions).map(question).collect(),
            ..NewQuiz::titled("A quiz")
        };
        self.teacher().catalog().add_quiz(lesson, new).await
    }

    /// The course as its instructor reads it now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn course(&self) -> Result<Course, Error> {
        self.teacher().catalog().course(self.course).await
    }
}
