//! The keys of the tables as data: what must be unique, and what refers to what. A store that is no
//! database of its own keeps them by this list; the conformance suite holds every store to it.

use super::{Constraint, StoreError, StoreErrorKind, Table, WriteBatch};
use crate::model::Points;
use crate::model::table::{Column, Record, Value};

/// What becomes of a row when the row that it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// It goes, too.
    Cascade,
    /// The delete is refused as [`StoreErrorKind::MissingReference`].
    Restrict,
    /// It stays and refers to nothing.
    SetNull,
}

/// A reference of one table's rows to rows of another. A NULL among the columns refers to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The referring columns. One refers to an id; three to an enrollment's id, course and student.
    pub columns: &'static [&'static str],
    /// The table that they refer to.
    pub to: Table,
    /// The columns that they must equal there.
    pub target: &'static [&'static str],
    /// What a delete there does.
    pub on_delete: OnDelete,
}

/// For which rows a uniqueness holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// For all; a NULL equals nothing.
    All,
    /// For those whose column holds one of the words.
    Word(&'static str, &'static [&'static str]),
    /// For those whose column is not below zero: siblings on the move stand there.
    NotNegative(&'static str),
}

/// Columns that no two rows of a table have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unique {
    /// The columns.
    pub columns: &'static [&'static str],
    /// For which rows.
    pub only: Only,
    /// The word that a second row is reported with.
    pub constraint: Constraint,
}

const fn to(columns: &'static [&'static str], table: Table, on_delete: OnDelete) -> Reference {
    Reference { columns, to: table, target: &["id"], on_delete }
}
const fn parent(columns: &'static [&'static str], table: Table) -> Reference {
    to(columns, table, OnDelete::Cascade)
}
const fn person(columns: &'static [&'static str]) -> Reference {
    to(columns, Table::User, OnDelete::Restrict)
}
const fn copied_from(table: Table) -> Reference {
    to(&["copied_from"], table, OnDelete::SetNull)
}
const LOG: Reference = to(&["ai_log_id"], Table::AiLog, OnDelete::Restrict);
const ENROLLED: Reference = Reference {
    columns: &["enrollment_id", "course_id", "student_id"],
    to: Table::Enrollment,
    target: &["id", "course_id", "student_id"],
    on_delete: OnDelete::Cascade,
};
const COURSE: Reference = parent(&["course_id"], Table::Course);
const LESSON: Reference = parent(&["lesson_id"], Table::Lesson);
const QUIZ: Reference = parent(&["quiz_id"], Table::Quiz);
const ASSIGNMENT: Reference = parent(&["assignment_id"], Table::Assignment);
const OBJECTIVE: Reference = parent(&["objective_id"], Table::Objective);

const fn unique(columns: &'static [&'static str], constraint: Constraint) -> Unique {
    Unique { columns, only: Only::All, constraint }
}
const fn places(columns: &'static [&'static str]) -> Unique {
    Unique { columns, only: Only::NotNegative("order_index"), constraint: Constraint::Order }
}
const ID: Unique = unique(&["id"], Constraint::Id);

impl Table {
    /// What its rows refer to.
    pub const fn references(self) -> &'static [Reference] {
        match self {
            Self::User => &[],
            Self::CertificateTemplate => const { &[LOG] },
            Self::Course => {
                const {
                    &[
                        person(&["instructor_id"]),
                        to(&["certificate_template_id"], Self::CertificateTemplate, OnDelete::Restrict),
                        LOG,
                        copied_from(Self::Course),
                    ]
                }
            }
            Self::CourseStaff => const { &[COURSE, person(&["user_id"])] },
            Self::Objective | Self::CourseJob => const { &[COURSE] },
            Self::ObjectiveLesson => const { &[OBJECTIVE, LESSON] },
            Self::ObjectiveQuestion => const { &[OBJECTIVE, parent(&["question_id"], Self::QuizQuestion)] },
            Self::ObjectiveAssignment => const { &[OBJECTIVE, ASSIGNMENT] },
            Self::Lesson => const { &[COURSE, LOG, copied_from(Self::Lesson)] },
            Self::LessonRequirement => const { &[LESSON, parent(&["requires_id"], Self::Lesson)] },
            Self::Topic => const { &[LESSON, LOG, copied_from(Self::Topic)] },
            Self::Quiz => const { &[LESSON, LOG, copied_from(Self::Quiz)] },
            Self::QuizQuestion => const { &[QUIZ, LOG, copied_from(Self::QuizQuestion)] },
            Self::QuizRevision => const { &[QUIZ] },
            Self::Assignment => const { &[LESSON, LOG, copied_from(Self::Assignment)] },
            Self::Enrollment => const { &[COURSE, person(&["student_id"])] },
            Self::Override | Self::Waiver => const { &[ENROLLED, LESSON, QUIZ, ASSIGNMENT, person(&["granted_by"])] },
            Self::LessonProgress => const { &[ENROLLED, LESSON] },
            Self::TopicView => const { &[ENROLLED, parent(&["topic_id"], Self::Topic)] },
            Self::QuizAttempt => {
                const { &[ENROLLED, QUIZ, to(&["revision_id"], Self::QuizRevision, OnDelete::Restrict)] }
            }
            Self::QuizResult => const { &[ENROLLED, QUIZ] },
            Self::Submission => const { &[ENROLLED, ASSIGNMENT, person(&["graded_by"])] },
            Self::GradeEntry => {
                const { &[person(&["student_id"]), person(&["grader_id"]), person(&["actor_id"]), LOG] }
            }
            Self::ReviewRequest => {
                const {
                    &[
                        ENROLLED,
                        parent(&["submission_id"], Self::Submission),
                        parent(&["attempt_id"], Self::QuizAttempt),
                        person(&["answered_by"]),
                    ]
                }
            }
            Self::Certificate => {
                const {
                    &[
                        to(&["course_id"], Self::Course, OnDelete::Restrict),
                        person(&["student_id"]),
                        to(&["template_id"], Self::CertificateTemplate, OnDelete::Restrict),
                        person(&["issued_by"]),
                        person(&["revoked_by"]),
                    ]
                }
            }
            Self::CertificateRevision => const { &[to(&["certificate_id"], Self::Certificate, OnDelete::Restrict)] },
            Self::AiLog => const { &[person(&["actor_id"])] },
        }
    }

    /// What no two of its rows have in common.
    pub const fn uniques(self) -> &'static [Unique] {
        match self {
            Self::User => {
                const {
                    &[
                        ID,
                        unique(&["email"], Constraint::UserEmail),
                        unique(&["external_id"], Constraint::UserExternalId),
                    ]
                }
            }
            Self::Course => const { &[ID, unique(&["external_id"], Constraint::CourseExternalId)] },
            Self::CourseStaff => const { &[ID, unique(&["course_id", "user_id"], Constraint::Staff)] },
            Self::Objective => {
                const {
                    &[
                        ID,
                        unique(&["course_id", "key"], Constraint::ObjectiveKey),
                        places(&["course_id", "order_index"]),
                    ]
                }
            }
            Self::ObjectiveLesson => const { &[unique(&["objective_id", "lesson_id"], Constraint::Id)] },
            Self::ObjectiveQuestion => const { &[unique(&["objective_id", "question_id"], Constraint::Id)] },
            Self::ObjectiveAssignment => const { &[unique(&["objective_id", "assignment_id"], Constraint::Id)] },
            Self::LessonRequirement => const { &[unique(&["lesson_id", "requires_id"], Constraint::Id)] },
            Self::Lesson => const { &[ID, places(&["course_id", "order_index"])] },
            Self::Topic | Self::Quiz | Self::Assignment => const { &[ID, places(&["lesson_id", "order_index"])] },
            Self::QuizQuestion => const { &[ID, places(&["quiz_id", "order_index"])] },
            Self::QuizRevision | Self::CourseJob => const { &[ID] },
            Self::Enrollment => {
                const {
                    &[
                        ID,
                        unique(&["course_id", "student_id"], Constraint::Enrollment),
                        unique(&["course_id", "external_ref"], Constraint::ExternalRef),
                    ]
                }
            }
            Self::Override | Self::Waiver => {
                const {
                    &[
                        ID,
                        unique(&["enrollment_id", "lesson_id"], Constraint::Id),
                        unique(&["enrollment_id", "quiz_id"], Constraint::Id),
                        unique(&["enrollment_id", "assignment_id"], Constraint::Id),
                    ]
                }
            }
            Self::LessonProgress => const { &[ID, unique(&["lesson_id", "student_id"], Constraint::Id)] },
            Self::TopicView => const { &[ID, unique(&["topic_id", "student_id"], Constraint::Id)] },
            Self::QuizAttempt => {
                const {
                    &[
                        ID,
                        unique(&["quiz_id", "student_id", "attempt_no"], Constraint::AttemptNo),
                        Unique {
                            columns: &["quiz_id", "student_id"],
                            only: Only::Word("state", &["in_progress"]),
                            constraint: Constraint::OpenAttempt,
                        },
                    ]
                }
            }
            Self::QuizResult => const { &[ID, unique(&["quiz_id", "student_id"], Constraint::Id)] },
            Self::Submission => {
                const {
                    &[
                        ID,
                        unique(&["assignment_id", "student_id", "version_no"], Constraint::VersionNo),
                        Unique {
                            columns: &["assignment_id", "student_id"],
                            only: Only::Word("state", &["draft"]),
                            constraint: Constraint::Draft,
                        },
                    ]
                }
            }
            Self::GradeEntry => {
                const { &[ID, unique(&["subject_type", "subject_id", "question_id", "seq"], Constraint::GradeSeq)] }
            }
            Self::ReviewRequest => {
                const {
                    &[
                        ID,
                        unique(&["submission_id", "seq"], Constraint::Id),
                        unique(&["attempt_id", "question_id", "seq"], Constraint::Id),
                    ]
                }
            }
            Self::CertificateTemplate => const { &[ID, unique(&["family_id", "version_no"], Constraint::Id)] },
            Self::Certificate => {
                const {
                    &[
                        ID,
                        unique(&["course_id", "student_id"], Constraint::Certificate),
                        unique(&["code"], Constraint::CertificateCode),
                    ]
                }
            }
            Self::CertificateRevision => const { &[ID, unique(&["certificate_id", "revision_no"], Constraint::Id)] },
            Self::AiLog => {
                const {
                    &[
                        ID,
                        unique(&["operation_id", "attempt"], Constraint::Operation),
                        Unique {
                            columns: &["operation_id"],
                            only: Only::Word("status", &["applied", "review"]),
                            constraint: Constraint::Operation,
                        },
                    ]
                }
            }
        }
    }

    /// Where a column stands in [`Row::values`](super::Row::values).
    pub fn column(self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name == name)
    }
}

/// The most points, either way, that every store can keep: 999,999,999.99999.
pub const MOST_POINTS: Points = Points::from_units(99_999_999_999_999);

impl WriteBatch {
    /// Refuses what one store could keep and another could not: a U+0000 in a text, and more points
    /// than [`MOST_POINTS`]. A store asks this first, so that the answer is the same everywhere.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] with the place.
    pub fn check(&self) -> Result<(), StoreError> {
        use super::{Change, Expect};
        for change in &self.changes {
            match change {
                Change::Insert(row) | Change::Put(row) | Change::Upsert(row) | Change::Ensure(row) => {
                    check(row.table().name(), row.table().columns(), &row.values())?;
                }
                Change::AdvanceConsumer { name, .. } => check_consumer(name)?,
                _ => {}
            }
        }
        for expect in &self.expect {
            if let Expect::Lease { name, .. } = expect {
                check_consumer(name)?;
            }
        }
        for event in &self.events {
            type Event = crate::model::NewEvent;
            check(Event::TABLE, Event::COLUMNS, &event.values())?;
        }
        Ok(())
    }
}

/// Refuses a consumer's name that [`WriteBatch::check`] refuses: for [`EventLog::lease`](super::EventLog::lease).
///
/// # Errors
/// [`StoreErrorKind::Invalid`].
pub fn check_consumer(name: &str) -> Result<(), StoreError> {
    if name.contains('\0') { Err(invalid("consumers", "name")) } else { Ok(()) }
}

const fn invalid(table: &'static str, column: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid { table, column })
}

fn check(table: &'static str, columns: &[Column], values: &[Value<'_>]) -> Result<(), StoreError> {
    for (column, value) in columns.iter().zip(values) {
        let fits = match value {
            Value::Text(text) | Value::Json(text) => !text.as_bytes().contains(&0),
            Value::Points(points) => points.units().unsigned_abs() <= MOST_POINTS.units().unsigned_abs(),
            _ => true,
        };
        if !fits {
            return Err(invalid(table, column.name));
        }
    }
    Ok(())
}
