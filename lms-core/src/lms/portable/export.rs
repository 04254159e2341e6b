//! A course to its document.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::*;
use crate::lms::Catalog;
use crate::rules::permission::{Action, Rights};
use crate::store::{ContentRef, CourseContent};

/// Corrupt content has no document; it says which row it is.
fn corrupt(table: &'static str, column: &'static str, id: impl Into<Uuid>) -> Error {
    let kind = crate::store::StoreErrorKind::Corrupt { table, column, id: Some(id.into()) };
    Error::Store(crate::store::StoreError::new(kind))
}

impl Catalog<'_> {
    /// The course as one document: its content with keys, nothing of its learners.
    ///
    /// Read in one snapshot. [`Catalog::import_course`] makes a draft of it that is equal up to ids,
    /// here or in another installation.
    ///
    /// # Errors
    /// Denied to graders and to AI, NotFound to all others who are not the course's instructors or admins.
    #[tracing::instrument(name = "lms.export_course", skip_all, fields(course, outcome))]
    pub async fn export_course(&self, id: CourseId) -> Result<CourseDocument, Error> {
        let context = self.content(ContentRef::Course(id), Action::EditContent, SubjectType::Course, id).await?;
        // The document holds every key: AI edits what it is asked to, and does not read them all (R1).
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::ReadWork,
            true,
            SubjectType::Course,
            id,
        )?;
        let content =
            self.s.store().course_content(id).await?.ok_or_else(|| Error::not_found(SubjectType::Course, id))?;
        document_of(content)
    }
}

/// Takes what stands under one parent, in the order in which it was read.
fn grouped<K: std::hash::Hash + Eq, T>(rows: Vec<T>, key: impl Fn(&T) -> K) -> HashMap<K, Vec<T>> {
    let mut groups: HashMap<K, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

/// The document of a course's content: a pure function.
pub(crate) fn document_of(content: CourseContent) -> Result<CourseDocument, Error> {
    let CourseContent { structure, topics, questions, links } = content;
    let order: BTreeMap<Uuid, (usize, String)> =
        structure.objectives.iter().enumerate().map(|(n, o)| (o.id.uuid(), (n, o.key.clone()))).collect();
    let mut linked: HashMap<Uuid, Vec<(usize, String)>> = HashMap::new();
    for (objective, item) in links {
        if let Some(place) = order.get(&objective.uuid()) {
            linked.entry(item).or_default().push(place.clone());
        }
    }
    let mut objectives_of = move |item: Uuid| {
        let mut keys = linked.remove(&item).unwrap_or_default();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect::<Vec<_>>()
    };
    let places: HashMap<LessonId, usize> = structure.lessons.iter().enumerate().map(|(n, l)| (l.id, n)).collect();
    let mut required: HashMap<LessonId, Vec<usize>> = HashMap::new();
    for row in structure.requires {
        if let Some(place) = places.get(&row.requires_id) {
            required.entry(row.lesson_id).or_default().push(*place);
        }
    }
    let mut topics = grouped(topics, |t| t.lesson_id);
    let mut quizzes = grouped(structure.quizzes, |q| q.lesson_id);
    let mut questions = grouped(questions, |q| q.quiz_id);
    let mut assignments = grouped(structure.assignments, |a| a.lesson_id);
    let key_of = |place: usize| format!("lesson-{}", place + 1);

    let mut lessons = Vec::with_capacity(structure.lessons.len());
    for (n, lesson) in structure.lessons.into_iter().enumerate() {
        let id = lesson.id;
        let mut requires = required.remove(&id).unwrap_or_default();
        requires.sort_unstable();
        let mut portable_quizzes = Vec::new();
        for quiz in quizzes.remove(&id).unwrap_or_default() {
            let mut portable = Vec::new();
            let adjusted: Adjustments =
                quiz.adjustments.read().map_err(|_| corrupt("quizzes", "adjustments", quiz.id))?;
            for question in questions.remove(&quiz.id).unwrap_or_default() {
                let keys = objectives_of(question.id.uuid());
                let adjustment = adjusted.questions.get(&question.id.uuid()).copied();
                portable.push(question_of(question, keys, adjustment)?);
            }
            portable_quizzes.push(quiz_of(quiz, portable));
        }
        let mut portable_assignments = Vec::new();
        for assignment in assignments.remove(&id).unwrap_or_default() {
            let keys = objectives_of(assignment.id.uuid());
            portable_assignments.push(assignment_of(assignment, keys)?);
        }
        lessons.push(lesson_of(
            lesson,
            key_of(n),
            requires.into_iter().map(key_of).collect(),
            objectives_of(id.uuid()),
            topics.remove(&id).unwrap_or_default().into_iter().map(topic_of).collect(),
            portable_quizzes,
            portable_assignments,
        ));
    }
    Ok(CourseDocument {
        format: DocumentFormat::Course,
        version: COURSE_DOCUMENT_VERSION,
        course: course_of(structure.course),
        objectives: structure.objectives.into_iter().map(|o| PortableObjective { key: o.key, text: o.text }).collect(),
        lessons,
    })
}

// Each function below takes its row apart field by field: a column that is added does not compile until
// somebody decides whether it travels.

fn course_of(row: Course) -> PortableCourse {
    let Course {
        id: _,
        instructor_id: _,
        title,
        description,
        thumbnail_url,
        is_published: _,
        external_id: _,
        audience,
        difficulty,
        estimated_minutes,
        language,
        time_zone,
        flow,
        enrollment,
        capacity,
        seats_taken: _,
        certificates,
        certificate_template_id: _,
        certificate_valid_days,
        archived_at: _,
        published_at: _,
        is_ai_generated,
        ai_log_id: _,
        ai_edited_at,
        copied_from: _,
        metadata,
        lessons_total: _,
        quizzes_total: _,
        assignments_total: _,
        structure_version: _,
        version: _,
        created_at: _,
        updated_at: _,
    } = row;
    PortableCourse {
        title,
        description,
        thumbnail_url,
        audience,
        difficulty,
        estimated_minutes,
        language,
        time_zone,
        flow,
        enrollment,
        capacity,
        certificates,
        certificate_valid_days,
        metadata,
        origin: Origin { is_ai_generated, ai_edited_at },
    }
}

fn lesson_of(
    row: Lesson,
    key: String,
    requires: Vec<String>,
    objectives: Vec<String>,
    topics: Vec<PortableTopic>,
    quizzes: Vec<PortableQuiz>,
    assignments: Vec<PortableAssignment>,
) -> PortableLesson {
    let Lesson {
        id: _,
        course_id: _,
        title,
        summary,
        order_index: _,
        is_published,
        is_required,
        completion_rule,
        available_from,
        estimated_minutes,
        is_ai_generated,
        ai_log_id: _,
        ai_edited_at,
        copied_from: _,
        metadata,
        version: _,
        created_at: _,
        updated_at: _,
    } = row;
    PortableLesson {
        key,
        title,
        summary,
        is_published,
        is_required,
        completion_rule,
        available_from,
        estimated_minutes,
        requires,
        objectives,
        metadata,
        origin: Origin { is_ai_generated, ai_edited_at },
        topics,
        quizzes,
        assignments,
    }
}

fn topic_of(row: Topic) -> PortableTopic {
    let Topic {
        id: _,
        lesson_id: _,
        title,
        content_type,
        content_url,
        body,
        order_index: _,
        is_ai_generated,
        ai_log_id: _,
        ai_edited_at,
        copied_from: _,
        metadata,
        version: _,
        created_at: _,
        updated_at: _,
    } = row;
    let origin = Origin { is_ai_generated, ai_edited_at };
    PortableTopic { title, content_type, content_url, body, metadata, origin }
}

fn quiz_of(row: Quiz, questions: Vec<PortableQuestion>) -> PortableQuiz {
    let Quiz {
        id: _,
        lesson_id: _,
        title,
        description,
        order_index: _,
        is_published,
        is_required,
        pass_threshold_bp,
        max_attempts,
        time_limit_seconds,
        grace_seconds,
        kept_score,
        reveal,
        shuffle_questions,
        shuffle_options,
        weight,
        // By question: see `document_of`.
        adjustments: _,
        ai_grading,
        ai_confidence_bp,
        review_days,
        opens_at,
        closes_at,
        is_ai_generated,
        ai_log_id: _,
        ai_edited_at,
        copied_from: _,
        metadata,
        version: _,
        created_at: _,
        updated_at: _,
    } = row;
    PortableQuiz {
        title,
        description,
        is_published,
        rules: QuizRules {
            is_required,
            pass_threshold_bp,
            max_attempts,
            time_limit_seconds,
            grace_seconds,
            kept_score,
            reveal,
            shuffle_questions,
            shuffle_options,
            weight,
            ai_grading: Some(ai_grading),
            ai_confidence_bp: Some(ai_confidence_bp),
            review_days,
            opens_at,
            closes_at,
        },
        questions,
        metadata,
        origin: Origin { is_ai_generated, ai_edited_at },
    }
}

fn question_of(
    row: QuizQuestion,
    objectives: Vec<String>,
    adjustment: Option<Adjustment>,
) -> Result<PortableQuestion, Error> {
    let body = row.body().map_err(|_| corrupt("quiz_questions", "options", row.id))?;
    let QuizQuestion {
        id: _,
        quiz_id: _,
        question_type: _,
        text,
        options: _,
        correct_answer: _,
        points,
        negative_points,
        explanation,
        source_quote,
        order_index: _,
        is_ai_generated,
        ai_log_id: _,
        ai_edited_at,
        copied_from: _,
        created_at: _,
        updated_at: _,
    } = row;
    Ok(PortableQuestion {
        text,
        body,
        points,
        negative_points,
        explanation,
        source_quote,
        objectives,
        adjustment,
        origin: Origin { is_ai_generated, ai_edited_at },
    })
}

fn assignment_of(row: Assignment, objectives: Vec<String>) -> Result<PortableAssignment, Error> {
    let rubric = row.rubric().map_err(|_| corrupt("assignments", "rubric", row.id))?;
    let Assignment {
        id: _,
        lesson_id: _,
        title,
        description,
        due_date,
        due_zone,
        cutoff_date,
        available_from,
        max_grade,
        order_index: _,
        is_published,
        is_required,
        met_by,
        pass_threshold_bp,
        resubmission,
        max_versions,
        grace_seconds,
        penalty_bp,
        penalty_interval,
        penalty_floor_bp,
        posting,
        ai_grading,
        ai_confidence_bp,
        review_days,
        rubric: _,
        weight,
        is_ai_generated,
        ai_log_id: _,
        ai_edited_at,
        copied_from: _,
        metadata,
        version: _,
        created_at: _,
        updated_at: _,
    } = row;
    Ok(PortableAssignment {
        title,
        description,
        max_grade,
        rubric,
        is_published,
        rules: AssignmentRules {
            is_required,
            met_by,
            pass_threshold_bp,
            due_date,
            due_zone,
            cutoff_date,
            available_from,
            resubmission,
            max_versions,
            grace_seconds,
            penalty_bp,
            penalty_interval,
            penalty_floor_bp,
            posting,
            ai_grading: Some(ai_grading),
            ai_confidence_bp: Some(ai_confidence_bp),
            review_days,
            weight,
        },
        objectives,
        metadata,
        origin: Origin { is_ai_generated, ai_edited_at },
    })
}
