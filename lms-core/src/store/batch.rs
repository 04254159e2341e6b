//! The write door: what a command decided, as data (DESIGN §3).

use uuid::Uuid;

use crate::model::table::{Column, Record, Value};
use crate::model::*;

/// A record that is a whole row of a table.
pub trait Stored: Record + Clone + Into<Row> + 'static {
    /// The table.
    const IN: Table;
    /// The record, where the row is one.
    fn of(row: &Row) -> Option<&Self>;
}

macro_rules! rows {
    ($($variant:ident($record:ty),)*) => {
        /// A row of any table.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Row { $(#[doc = concat!("A row of [`", stringify!($record), "`].")] $variant($record),)* }

        /// A table of the domain.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Table { $(#[doc = concat!("The table of [`", stringify!($record), "`].")] $variant,)* }

        impl Table {
            /// Every table that a batch can write.
            pub const ALL: &'static [Table] = &[$(Table::$variant),*];
            /// Its name, the same in every store.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => <$record as Record>::TABLE,)* }
            }
            /// Its columns, in the order of [`Row::values`].
            pub const fn columns(self) -> &'static [Column] {
                match self { $(Self::$variant => <$record as Record>::COLUMNS,)* }
            }
            /// The row made of one value per column.
            ///
            /// # Errors
            /// The name of the first column whose value is not one of its type's, or is missing.
            pub fn row(self, values: &mut dyn Iterator<Item = Value<'static>>) -> Result<Row, &'static str> {
                Ok(match self { $(Self::$variant => Row::$variant(Record::from_values(values)?),)* })
            }
        }
        impl Row {
            /// The table it belongs to.
            pub const fn table(&self) -> Table {
                match self { $(Self::$variant(_) => Table::$variant,)* }
            }
            /// Its values, one per column of the table.
            pub fn values(&self) -> Vec<Value<'_>> {
                match self { $(Self::$variant(row) => row.values(),)* }
            }
        }
        $(
            impl From<$record> for Row { fn from(row: $record) -> Self { Self::$variant(row) } }
            impl Stored for $record {
                const IN: Table = Table::$variant;
                fn of(row: &Row) -> Option<&Self> {
                    if let Row::$variant(row) = row { Some(row) } else { None }
                }
            }
        )*
    };
}
rows! {
    User(User),
    Course(Course),
    CourseStaff(CourseStaff),
    Objective(Objective),
    ObjectiveLesson(ObjectiveLesson),
    ObjectiveQuestion(ObjectiveQuestion),
    ObjectiveAssignment(ObjectiveAssignment),
    Lesson(Lesson),
    LessonRequirement(LessonRequirement),
    Topic(Topic),
    Quiz(Quiz),
    QuizQuestion(QuizQuestion),
    QuizRevision(QuizRevision),
    Assignment(Assignment),
    Enrollment(Enrollment),
    Override(Override),
    Waiver(Waiver),
    LessonProgress(LessonProgress),
    TopicView(TopicView),
    QuizAttempt(QuizAttempt),
    QuizResult(QuizResult),
    Submission(Submission),
    GradeEntry(GradeEntry),
    ReviewRequest(ReviewRequest),
    CertificateTemplate(CertificateTemplate),
    Certificate(Certificate),
    CertificateRevision(CertificateRevision),
    AiLog(AiLog),
    CourseJob(CourseJob),
}

impl Table {
    /// The columns that identify a row to [`Change::Put`] and [`Change::Upsert`], other than `id`.
    ///
    /// The five tables that are upserted have one row per learner and item.
    pub const fn natural_key(self) -> &'static [&'static str] {
        match self {
            Self::LessonProgress => &["lesson_id", "student_id"],
            Self::TopicView => &["topic_id", "student_id"],
            Self::QuizResult => &["quiz_id", "student_id"],
            Self::ObjectiveLesson => &["objective_id", "lesson_id"],
            Self::ObjectiveQuestion => &["objective_id", "question_id"],
            Self::ObjectiveAssignment => &["objective_id", "assignment_id"],
            Self::LessonRequirement => &["lesson_id", "requires_id"],
            _ => &["id"],
        }
    }

    /// Whether the table is a link of two ids without an id of its own.
    pub const fn is_link(self) -> bool {
        matches!(
            self,
            Self::ObjectiveLesson | Self::ObjectiveQuestion | Self::ObjectiveAssignment | Self::LessonRequirement
        )
    }

    /// The columns that [`Change::Put`] must leave alone: only set-based changes move them.
    pub const fn counters(self) -> &'static [&'static str] {
        match self {
            Self::Course => {
                &["seats_taken", "lessons_total", "quizzes_total", "assignments_total", "structure_version"]
            }
            _ => &[],
        }
    }

    /// Whether an update may set a column. Beside `id`, `created_at` and the counters these are not: the
    /// keys of an enrollment and of the rows under it. They never change, and naming them in an UPDATE
    /// would make a database look for rows that refer to them.
    pub fn is_mutable(self, column: &str) -> bool {
        let fixed = match column {
            "id" | "created_at" | "enrollment_id" => true,
            "course_id" | "student_id" => {
                self == Self::Enrollment || self.columns().iter().any(|c| c.name == "enrollment_id")
            }
            _ => false,
        };
        !fixed && !self.counters().contains(&column)
    }
}

/// A thing that learners can have worked on (D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Item {
    /// A course.
    Course(CourseId),
    /// A lesson.
    Lesson(LessonId),
    /// A quiz.
    Quiz(QuizId),
    /// An assignment.
    Assignment(AssignmentId),
}

/// How much learners' work hangs under an item (D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct WorkCounts {
    /// Topics.
    pub topics: i64,
    /// Quizzes.
    pub quizzes: i64,
    /// Questions.
    pub questions: i64,
    /// Assignments.
    pub assignments: i64,
    /// Lessons.
    pub lessons: i64,
    /// Enrollments.
    pub enrollments: i64,
    /// Rows of progress and views.
    pub progress: i64,
    /// Attempts.
    pub attempts: i64,
    /// Submissions.
    pub submissions: i64,
    /// Certificates.
    pub certificates: i64,
}

impl WorkCounts {
    /// Whether any learner's work would go.
    pub const fn has_learner_work(&self) -> bool {
        self.progress > 0 || self.attempts > 0 || self.submissions > 0
    }

    /// Whether no count is above the other's.
    pub const fn at_most(&self, most: &Self) -> bool {
        self.topics <= most.topics
            && self.quizzes <= most.quizzes
            && self.questions <= most.questions
            && self.assignments <= most.assignments
            && self.lessons <= most.lessons
            && self.enrollments <= most.enrollments
            && self.progress <= most.progress
            && self.attempts <= most.attempts
            && self.submissions <= most.submissions
            && self.certificates <= most.certificates
    }
}

/// What a decision relied on. The store checks each inside the batch's transaction; one that fails
/// makes the whole batch a [`Conflict`](crate::store::StoreErrorKind::Conflict).
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// The course exists and its structure_version is this one. A batch that changes the structure
    /// (see [`WriteBatch::exclusive`]) takes the course's lock exclusively, every other one shared.
    Structure {
        /// The course.
        course: CourseId,
        /// Its structure_version as loaded.
        version: i64,
    },
    /// The enrollment exists and its version is this one.
    Enrollment {
        /// The enrollment.
        id: EnrollmentId,
        /// Its version as loaded.
        version: i64,
    },
    /// The row exists and its version is this one (L5).
    Row {
        /// The table; it has a column `version`.
        table: Table,
        /// The row.
        id: Uuid,
        /// Its version as loaded.
        version: i64,
    },
    /// The attempt exists, in this state and at this version.
    Attempt {
        /// The attempt.
        id: AttemptId,
        /// Its state as loaded.
        state: AttemptState,
        /// Its version as loaded.
        version: i64,
    },
    /// The log row exists with this status.
    Log {
        /// The row.
        id: AiLogId,
        /// Its status as loaded.
        status: AiLogStatus,
    },
    /// A seat is free, or the course has no limit. Takes the seat where there is a limit (E3).
    SeatFree {
        /// The course.
        course: CourseId,
    },
    /// The job stands at this cursor and is not done.
    JobAt {
        /// The job.
        job: JobId,
        /// Its cursor as loaded.
        cursor: Option<EnrollmentId>,
    },
    /// The consumer's lease is held under this token (V6).
    Lease {
        /// The consumer.
        name: String,
        /// The token.
        token: Uuid,
    },
    /// In every one of these scopes the day has room for the amount under its limit. Sets it aside in all of
    /// them.
    Budget {
        /// The scopes: everything, a course, a person; not their defaults.
        scopes: Vec<BudgetScope>,
        /// The day (UTC), as 2026-03-01.
        day: String,
        /// How much, in millionths of a US dollar.
        amount: i64,
    },
    /// The person has no enrollment in the course. Under the course's lock taken alone
    /// ([`WriteBatch::exclusive`]), so that none comes in between (E5).
    NotEnrolled {
        /// The course.
        course: CourseId,
        /// The person.
        student: UserId,
    },
    /// No current raw mark of the assignment is above this maximum (S12).
    GradesWithin {
        /// The assignment.
        assignment: AssignmentId,
        /// The new maximum.
        max: Points,
    },
    /// No count of work under the item is above these (D3).
    WorkAtMost {
        /// The item.
        item: Item,
        /// The counts that the caller was shown.
        counts: WorkCounts,
    },
}

/// The key of a row to delete.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// By id.
    Id(Table, Uuid),
    /// A link, by both of its ids.
    Link(Box<Row>),
}

/// The parent and kind of siblings that are put in order (O1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "of", content = "id", rename_all = "snake_case")]
pub enum Siblings {
    /// The lessons of a course.
    Lessons(CourseId),
    /// The objectives of a course.
    Objectives(CourseId),
    /// The topics of a lesson.
    Topics(LessonId),
    /// The quizzes of a lesson.
    Quizzes(LessonId),
    /// The assignments of a lesson.
    Assignments(LessonId),
    /// The questions of a quiz.
    Questions(QuizId),
}

impl Siblings {
    /// The siblings' table, the column of their parent, and the parent.
    pub const fn parts(self) -> (Table, &'static str, Uuid) {
        match self {
            Self::Lessons(id) => (Table::Lesson, "course_id", id.uuid()),
            Self::Objectives(id) => (Table::Objective, "course_id", id.uuid()),
            Self::Topics(id) => (Table::Topic, "lesson_id", id.uuid()),
            Self::Quizzes(id) => (Table::Quiz, "lesson_id", id.uuid()),
            Self::Assignments(id) => (Table::Assignment, "lesson_id", id.uuid()),
            Self::Questions(id) => (Table::QuizQuestion, "quiz_id", id.uuid()),
        }
    }
}

/// One change, as data. Changes apply in order: parents before children, a delete before the insert
/// that reuses its key. All values are absolute, decided under a version that the batch expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new row. One that exists is a [`Duplicate`](crate::store::StoreErrorKind::Duplicate).
    Insert(Row),
    /// Every mutable column of the row with this id, except `id`, `created_at` and the table's
    /// [`counters`](Table::counters). A row that is gone is a Conflict.
    Put(Row),
    /// Insert, or every mutable column of the row with the same natural key.
    Upsert(Row),
    /// Insert, unless a row with this id exists (quiz_revisions).
    Ensure(Row),
    /// Delete one row and, by the foreign keys, what hangs under it.
    Delete(Key),
    /// The siblings in their new order, dense from 0. The list is all of them.
    Order {
        /// Which siblings.
        siblings: Siblings,
        /// Their ids in order.
        ids: Vec<Uuid>,
    },
    /// Recounts the course's totals and, where `learners`, the three counters of each of its
    /// enrollments: the definition that audit() is held to (P11).
    Recount {
        /// The course.
        course: CourseId,
        /// Whether enrollments are recounted too.
        learners: bool,
    },
    /// Gives a seat back, where the course has a limit.
    FreeSeat {
        /// The course.
        course: CourseId,
    },
    /// Sets the course's seats to the number of its active enrollments.
    RecountSeats {
        /// The course.
        course: CourseId,
    },
    /// The answers of an open attempt, and its version plus one (A7).
    SaveAnswers {
        /// The attempt.
        attempt: AttemptId,
        /// The whole document.
        answers: table::Json,
        /// The new version.
        version: i64,
        /// When.
        at: Timestamp,
    },
    /// Ends what [`Expect::Budget`] set aside: takes it away and counts what was spent instead.
    SettleBudget {
        /// The scopes, as they were given then.
        scopes: Vec<BudgetScope>,
        /// The day, as it was given then.
        day: String,
        /// How much was set aside.
        reserved: i64,
        /// How much of it was spent.
        spent: i64,
    },
    /// Sets, or takes away, what a scope may cost in a day.
    SetBudget {
        /// The scope.
        scope: BudgetScope,
        /// The limit in millionths of a US dollar; `None` = none.
        limit: Option<i64>,
    },
    /// Blanks prompt and answer of log rows that are not pending. An answer that waited to be applied is
    /// dropped by that. Rows that are gone, or blank, are let be.
    BlankLogs {
        /// The rows.
        ids: Vec<AiLogId>,
    },
    /// Moves a log row to a new status and stamps applied_at (I2). The status before is expected by
    /// the batch. A row whose redaction is `metadata` loses its answer by it.
    FlipLog {
        /// The row.
        id: AiLogId,
        /// The status before; another is a Conflict.
        from: AiLogStatus,
        /// The new status.
        to: AiLogStatus,
        /// When.
        at: Timestamp,
    },
    /// Moves a job on, or ends it.
    AdvanceJob {
        /// The job.
        job: JobId,
        /// The last enrollment that is done.
        cursor: Option<EnrollmentId>,
        /// When it was finished, if it is.
        done_at: Option<Timestamp>,
    },
    /// Blanks every text of a person's, in every table that holds one; counts, scores and rows stay (D5).
    EraseText {
        /// The person.
        user: UserId,
        /// When.
        at: Timestamp,
    },
    /// Moves a named consumer on.
    AdvanceConsumer {
        /// The consumer.
        name: String,
        /// The last position that it has handled.
        position: i64,
    },
}

/// What a command decided: expectations, changes, and the events that tell of them. Applied whole or
/// not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteBatch {
    /// Checked first, in order.
    pub expect: Vec<Expect>,
    /// Applied in order.
    pub changes: Vec<Change>,
    /// Written last.
    pub events: Vec<NewEvent>,
    /// Courses whose structure or staff the batch changes: their lock is taken exclusively and their
    /// structure_version goes up by one.
    pub exclusive: Vec<CourseId>,
}

impl WriteBatch {
    /// Whether there is nothing to write: the command had no effect to have.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.events.is_empty()
    }
}

/// What a store says of a batch that it has written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Committed {
    /// The events' ids, with their positions where the store gives them at once.
    pub events: Vec<(EventId, Option<i64>)>,
}
